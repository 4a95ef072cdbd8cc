/** Two queues on two threads: one ftwall towards everybody. */
import assert from "node:assert/strict";
import { program, told } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { HOME, RouterDaemon, type Status } from "./router_daemon.ts";
import { ADDRESSES, type Background, Topology, until } from "./topology.ts";

const named = missing([]);
const namedWithStrace = missing([["strace", "strace"]]);
/** A search of FastTrack, as a client sends it to each peer that it knows. */
const PING = "2700000029804b615a614100";
const { client1, client2 } = ADDRESSES;
const PEERS = Array.from({ length: 48 }, (_, i) => `198.51.100.${10 + i}`);
const TWO = `[queue]
numbers = "0:1"
threads = 2
[lock]
seconds = 60
kernel_sets = "off"
`;

type QueueStatus = Status["queues"][number] & { readonly number: number; readonly packets: number };
type Client = "client1" | "client2";

const queuesOf = (status: Status) => status.queues as readonly QueueStatus[];

/** The topology with a server of many addresses, each with a shell. */
async function build(): Promise<Topology> {
  const topology = await Topology.create({ prefix: "th" });
  for (const peer of PEERS) await topology.must("server", ["ip", "addr", "add", `${peer}/24`, "dev", "eth0"]);
  const server = topology.start("server", program("traffic.ts", "serve", ...PEERS));
  await server.prints('"ready"');
  return topology;
}

const send = (topology: Topology, client: Client, peer: string, hex: string) =>
  topology.must(client, program("traffic.ts", "send", 0, peer, 1214, hex, 20));

async function connects(topology: Topology, client: Client, peer: string): Promise<boolean> {
  const line = await topology.must(client, program("traffic.ts", "dial", peer, 22, 700, ""));
  return /"connected":true/.test(line);
}

/**
 * Finds peers whose packets of a client go to a wanted queue: by chance, and anew at each boot. Each is given once. The kernel
 * chooses by both addresses and the protocol: who is found by a datagram may be in the other queue over TCP.
 */
class Peers {
  readonly #daemon: RouterDaemon;
  readonly #peers: Iterator<string>;
  readonly #reach: (client: Client, peer: string) => Promise<unknown>;
  readonly #found: Record<Client, [string[], string[]]> = { client1: [[], []], client2: [[], []] };

  constructor(
    daemon: RouterDaemon,
    peers: readonly string[],
    reach: (client: Client, peer: string) => Promise<unknown>,
  ) {
    this.#daemon = daemon;
    this.#peers = peers.values();
    this.#reach = reach;
  }

  async of(client: Client, queue: 0 | 1): Promise<string> {
    const found = this.#found[client];
    while (found[queue].length === 0) {
      const { value: peer, done } = this.#peers.next();
      assert.ok(!done, `no peer of ${client} in queue ${queue}`);
      const before = queuesOf(await this.#daemon.status()).map(({ packets }) => packets);
      await this.#reach(client, peer);
      const after = queuesOf(await this.#daemon.status()).map(({ packets }) => packets);
      const grown = after.map((packets, i) => packets > before[i]!);
      assert.notEqual(grown[0], grown[1], "nobody else is here");
      found[grown[0] ? 0 : 1].push(peer);
    }
    return found[queue].pop()!;
  }
}

Deno.test({
  ...named("what one thread learns is in force on the other, is one event, and is in one status"),
  async fn(test) {
    await using topology = await build();
    await using daemon = await RouterDaemon.start(topology, { config: TWO });
    const { events } = daemon;
    assert.equal(events.find(({ event }) => event === "ready")?.["threads"], 2);
    const peers = new Peers(daemon, PEERS.slice(24), (client, peer) => send(topology, client, peer, "00112233"));
    const dialled = new Peers(daemon, PEERS.slice(0, 24), (client, peer) => connects(topology, client, peer));
    const dials = {
      client1: [await dialled.of("client1", 0), await dialled.of("client1", 1)],
      client2: [await dialled.of("client2", 0), await dialled.of("client2", 1)],
    };
    const reaches = async (client: Client) => [
      await connects(topology, client, dials[client][0]!),
      await connects(topology, client, dials[client][1]!),
    ];
    for (const [client, learning] of [["client1", 0], ["client2", 1]] as const) {
      await test.step(`${client} is locked by queue ${learning}, and refused in both`, async () => {
        assert.deepEqual(await reaches(client), [true, true]);
        const { v4 } = ADDRESSES[client];
        const peer = await peers.of(client, learning);
        await send(topology, client, peer, PING);
        await daemon.sees({ event: "locked", client: v4 });
        assert.deepEqual(await reaches(client), [false, false]);
        assert.equal(daemon.seen({ event: "locked", client: v4 }).length, 1);
        assert.equal(daemon.seen({ event: "peer-learned", peer }).length, 1);
      });
    }
    await test.step("status adds up, and knows both locks", async () => {
      const status = await daemon.status();
      assert.deepEqual(status.locks.map(({ client }) => client).sort(), [client1.v4, client2.v4]);
      const counts = queuesOf(status).map(({ packets }) => packets);
      // Of each client at least what found the peer, a connection that came about, and one that did not.
      assert.ok(Math.min(...counts) >= 6, `${counts}`);
      assert.equal(status.counters.packets, counts[0]! + counts[1]!);
      assert.equal(status.peers.count, 2);
      const { counters } = status as unknown as { counters: Record<string, unknown> };
      assert.deepEqual([counters["verdicts_missing"], counters["exceptions"]], [0, 0]);
    });
    const ask = (...words: string[]) => daemon.must(...words, "--control", daemon.control);
    await test.step("an operator's word holds in both queues", async () => {
      await ask("unlock", client1.v4);
      assert.equal(daemon.seen({ event: "released", client: client1.v4 }).length, 1);
      assert.deepEqual(await reaches("client1"), [true, true], "unlocked");
      await ask("lock", client1.v4, "--for", "5m", "--reason", "asked for");
      assert.deepEqual(await reaches("client1"), [false, false], "locked");
      await ask("allow", client1.v4, "--for", "5m");
      assert.deepEqual(await reaches("client1"), [true, true], "allowed");
      assert.match(await ask("explain", client1.v4), /allowed/);
    });
    await test.step("a reload is in force in both queues, once", async () => {
      daemon.write(`${TWO}[protocols.fasttrack]\naction = "drop"\n`);
      daemon.process.kill("SIGHUP");
      await daemon.sees({ event: "reloaded" });
      await ask("unlock", client2.v4);
      const met = [await peers.of("client2", 0), await peers.of("client2", 1)];
      for (const peer of met) await send(topology, "client2", peer, PING);
      for (const peer of met) await daemon.sees({ event: "peer-learned", peer });
      assert.deepEqual(await reaches("client2"), [true, true], "by the new config");
      daemon.write(`${TWO}exempt = nonsense\n`);
      daemon.process.kill("SIGHUP");
      await daemon.sees({ event: "reload-refused" });
      daemon.write(TWO);
      assert.match(await ask("reload", "--verbose"), /fasttrack/);
      assert.equal(daemon.seen({ event: "locked", client: client2.v4 }).length, 1);
      await send(topology, "client2", await peers.of("client2", 1), PING);
      await until("a lock by the old config", () => daemon.seen({ event: "locked", client: client2.v4 }).length === 2);
      assert.deepEqual(await reaches("client2"), [false, false], "locked again");
    });
    await test.step("the lock is saved, and holds on both threads after the next start", async () => {
      assert.equal((await daemon.process.stop("SIGTERM")).code, 0);
      assert.equal(daemon.events.at(-1)?.event, "stopping");
      await daemon.launch();
      assert.deepEqual(await reaches("client2"), [false, false]);
    });
  },
});

/** Every UDP packet is queued, or passes where nobody holds its queue. */
async function queueAll(topology: Topology): Promise<void> {
  const target = ["-j", "NFQUEUE", "--queue-balance", "0:1", "--queue-bypass"];
  await topology.must("router", ["iptables", "-A", "FORWARD", "-p", "udp", ...target]);
}

/** Numbered packets from both clients to many addresses, and what of them arrived. */
class Floods {
  readonly #sinks: Background[] = [];
  readonly #floods: Background[] = [];
  readonly #topology: Topology;

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  async start(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      const sink = this.#topology.start("server", program("traffic.ts", "sink", 9000 + i));
      await sink.prints('"ready"');
      this.#sinks.push(sink);
    }
    for (let i = 0; i < 4; i++) {
      const client = i % 2 === 0 ? "client1" : "client2";
      this.#floods.push(
        this.#topology.start(client, program("traffic.ts", "flood", PEERS[i * 3]!, 9000 + i, 150, 8)),
      );
    }
  }

  /** Ends them: packets sent, and those of them that are missing. */
  async end(): Promise<{ sent: number; missing: number }> {
    let sent = 0;
    let received = 0;
    for (const flood of this.#floods) {
      flood.kill("SIGTERM");
      await flood.prints(/"sent":\d+/);
      sent += told(flood).at(-1)!["sent"] as number;
    }
    for (const sink of this.#sinks) {
      sink.kill("SIGUSR1");
      await sink.prints(/"received":\d+/);
      received += told(sink).at(-1)!["received"] as number;
    }
    return { sent, missing: sent - received };
  }
}

Deno.test({
  ...named("SIGTERM in the middle of traffic in both queues loses no packet"),
  async fn() {
    await using topology = await build();
    await queueAll(topology);
    await using daemon = await RouterDaemon.start(topology, { config: TWO, noRules: true });
    const floods = new Floods(topology);
    await floods.start();
    await until("packets in both queues", async () => {
      return queuesOf(await daemon.status()).every(({ packets }) => packets > 150);
    });
    assert.equal((await daemon.process.stop("SIGTERM")).code, 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { sent, missing } = await floods.end();
    assert.ok(sent > 500);
    assert.equal(missing, 0, `of ${sent} packets`);
    const { packets, verdicts_missing } = daemon.events.at(-1)!["counters"] as Record<string, number>;
    assert.ok(packets! > 300 && packets! <= sent);
    assert.equal(verdicts_missing, 0);
  },
});

Deno.test({
  ...namedWithStrace("a thread that dies ends the whole program with 1, and traffic passes"),
  async fn() {
    await using topology = await build();
    await queueAll(topology);
    await using daemon = await RouterDaemon.start(topology, { config: TWO, noRules: true });
    const floods = new Floods(topology);
    await floods.start();
    await until("packets", async () => queuesOf(await daemon.status()).every(({ packets }) => packets > 150));
    const tasks = [...Deno.readDirSync(`/proc/${daemon.process.pid}/task`)].map(({ name }) => name);
    const thread = tasks.find((task) =>
      Deno.readTextFileSync(`/proc/${daemon.process.pid}/task/${task}/comm`).startsWith("worker-")
    );
    assert.ok(thread !== undefined, "no thread of a worker");
    // The kernel's answer to its receiving is replaced: its socket is dead to it.
    const fault = ["-q", "-e", "trace=recvmmsg", "-e", "inject=recvmmsg:error=EBADF"];
    await using strace = topology.start("router", ["strace", "-p", thread, ...fault]);
    const { code } = await daemon.process.status;
    await strace.stop();
    assert.equal(code, 1);
    const [said] = daemon.seen({ event: "note", level: "error" });
    assert.match(String(said?.["message"]), /^The thread of queue 1 has ended: Cannot receive from queue 1: /);
    assert.equal(daemon.events.at(-1)?.event, "stopping");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { sent, missing } = await floods.end();
    // What waited in the dead thread's hands may be gone, what came after is not.
    assert.ok(missing < sent / 20, `${missing} of ${sent} packets`);
  },
});

Deno.test({
  ...named("a queue of another thread that somebody holds is named, with exit status 3, and nothing stays behind"),
  async fn() {
    await using topology = await build();
    const one = { args: ["--queue", "1"], noRules: true };
    await using first = await RouterDaemon.start(topology, one);
    const second = first.command.slice(0, -2).map((word) => word.startsWith(first.dir) ? `${word}.second` : word);
    Deno.writeTextFileSync(`${first.config}.second`, HOME + TWO);
    const answer = await topology.run("router", second);
    assert.match(answer.stderr, new RegExp(`^ftwall: Cannot bind queue "1": process ${first.process.pid} .*holds it`));
    assert.equal(answer.code, 3);
    assert.equal((await first.process.stop("SIGTERM")).code, 0);
    const again = await topology.run("router", ["timeout", "-s", "TERM", "2", ...second]);
    assert.match(again.stdout, /"event":"ready","queues":\[0,1\]/);
  },
});
