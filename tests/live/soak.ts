/**
 * Hours of a router's life in a row: clients come and go, the config is loaded again, rules are applied again, ftwall is killed
 * and replaced. Nothing may grow, no lock may stay, and no packet may be lost but those that wait in the queue at a kill.
 *
 *     deno task soak [--minutes N]        (root; 120 minutes unless told)
 *
 * Kills and replacements end after six tenths of the time, so that a long life follows, in which growth would show.
 */
import assert from "node:assert/strict";
import { serve, Surfer } from "./everyday.ts";
import { Flood, Load } from "./load.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, execute, skipReason, Topology, until } from "./topology.ts";

const MINUTE = 60_000;
const { server } = ADDRESSES;
const PING = "2700000029804b615a614100";
/** Packets a second that are counted. */
const RATE = 2000;
/** Seconds that a lock holds. */
const LOCK = 6;
/** MiB by which the memory of a life may differ from its middle to its end: V8 collects when it likes. */
const GROWTH = 12;

interface Sample {
  readonly minute: number;
  readonly pid: number;
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly flows: number;
  readonly locks: number;
  readonly peers: number;
  readonly rules: number;
}

/** What happened to the daemon, and the numbers of the packets around it. */
interface Incident {
  readonly what: string;
  readonly from: number;
  to: number;
}

class Soak {
  readonly samples: Sample[] = [];
  readonly incidents: Incident[] = [];
  readonly counts = { reloads: 0, applied: 0, clients: 0, kills: 0, replaced: 0 };
  readonly #topology: Topology;
  readonly #daemon: RouterDaemon;
  readonly #load: Load;
  readonly #began = Date.now();
  #turn = 0;

  constructor(topology: Topology, daemon: RouterDaemon, load: Load) {
    this.#topology = topology;
    this.#daemon = daemon;
    this.#load = load;
  }

  get minutes(): number {
    return (Date.now() - this.#began) / MINUTE;
  }

  /** The daemon below the shell that starts it again. */
  get #pid(): number {
    const shell = this.#daemon.process.pid;
    return Number(Deno.readTextFileSync(`/proc/${shell}/task/${shell}/children`).trim().split(" ")[0]);
  }

  #config(): string {
    // Rules and policy differ from turn to turn.
    const action = this.#turn % 2 === 0 ? "drop" : "log";
    return `[queue]\npackets_udp = ${8 + this.#turn % 2}\n[lock]\nseconds = ${LOCK}\n` +
      `[protocols.gnutella]\naction = "${action}"\n`;
  }

  /** A client that was not there before does what locks it, and goes. */
  async client(): Promise<void> {
    const address = `10.91.1.${100 + this.counts.clients++ % 100}`;
    const inside = (...words: string[]) => this.#topology.run("client2", ["ip", "addr", ...words, "dev", "eth0"]);
    await inside("add", `${address}/24`);
    const code = `const s = require("node:dgram").createSocket("udp4"); s.bind(0, "${address}", () =>
      s.send(Buffer.from("${PING}", "hex"), 1214, "${server.v4}", () => s.close()));`;
    await this.#topology.run("client2", [Deno.execPath(), "eval", "--ext=cjs", code]);
    await inside("del", `${address}/24`);
  }

  /** The rules that a changed config asks for, and then the config. */
  async reload(rules: boolean): Promise<void> {
    if (rules) this.#turn++;
    this.#daemon.write(this.#config());
    if (rules) {
      await this.#daemon.must("rules", "--apply", "--config", this.#daemon.config);
      this.counts.applied++;
    }
    await this.#daemon.must("reload", "--control", this.#daemon.control);
    this.counts.reloads++;
  }

  async kill(): Promise<void> {
    const pid = this.#pid;
    await this.#during("kill -9", async () => {
      Deno.kill(pid, "SIGKILL");
      await until("another process", () => Number.isInteger(this.#pid) && this.#pid > 0 && this.#pid !== pid, 30_000);
    });
    this.counts.kills++;
  }

  async replace(): Promise<void> {
    await this.#during("replaced", async () => await this.#daemon.replace());
    this.counts.replaced++;
  }

  async #during(what: string, act: () => Promise<void>): Promise<void> {
    const incident: Incident = { what, from: await this.#load.mark(), to: 0 };
    await act();
    await until(
      "a status",
      async () => {
        return (await this.#daemon.run("status", "--control", this.#daemon.control)).code === 0;
      },
      30_000,
      () => this.#daemon.tail(),
    );
    incident.to = await this.#load.mark();
    this.incidents.push(incident);
  }

  async sample(): Promise<Sample> {
    const pid = this.#pid;
    const status = JSON.parse(await this.#daemon.must("status", "--json", "--control", this.#daemon.control)) as {
      flows: { count: number };
      locks: unknown[];
      peers: { count: number };
    };
    const { stdout } = await this.#topology.run("router", ["sh", "-c", "iptables -t mangle -S; nft list ruleset"]);
    const sample = {
      minute: this.minutes,
      pid,
      rss: Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1024,
      descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
      threads: [...Deno.readDirSync(`/proc/${pid}/task`)].length,
      flows: status.flows.count,
      locks: status.locks.length,
      peers: status.peers.count,
      rules: stdout.split("\n").length,
    };
    this.samples.push(sample);
    const { minute, ...rest } = sample;
    const words = Object.entries(rest).map(([name, value]) => `${name} ${Math.round(value)}`);
    print(`${minute.toFixed(1).padStart(6)} min  ${words.join(", ")}`);
    return sample;
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? NaN;

/** Fails where the last life grew from its middle to its end. */
function checkGrowth(samples: readonly Sample[]): void {
  const life = samples.filter(({ pid }) => pid === samples.at(-1)!.pid);
  const middle = life.slice(life.length >> 2, life.length >> 1);
  const end = life.slice(-(life.length >> 2));
  const from = (part: readonly Sample[], what: "rss" | "descriptors" | "threads" | "rules") =>
    median(part.map((sample) => sample[what]));
  print(
    `The last life, ${life.length} samples: from its middle to its end ${Math.round(from(middle, "rss"))} to ` +
      `${Math.round(from(end, "rss"))} MiB, ${from(middle, "descriptors")} to ${
        from(end, "descriptors")
      } descriptors, ` +
      `${from(middle, "threads")} to ${from(end, "threads")} threads, ${from(middle, "rules")} to ` +
      `${from(end, "rules")} lines of rules`,
  );
  assert.ok(from(end, "rss") <= from(middle, "rss") + GROWTH, "memory grows");
  assert.ok(from(end, "descriptors") <= from(middle, "descriptors") + 2, "descriptors grow");
  assert.ok(from(end, "threads") <= from(middle, "threads") + 2, "threads grow");
  assert.ok(Math.abs(from(end, "rules") - from(middle, "rules")) <= 8, "rules grow");
}

async function soak(minutes: number): Promise<void> {
  using flood = new Flood();
  await flood.build();
  await using topology = await Topology.create({ prefix: "so" });
  await serve(topology);
  await using daemon = await RouterDaemon.start(topology, {
    config: `[lock]\nseconds = ${LOCK}\n`,
    args: ["--respawn"],
  });
  const load = await Load.start(topology, flood, RATE);
  const surfer = new Surfer(topology, "client1", 4, 1000, 2000);
  const run = new Soak(topology, daemon, load);
  // Every few minutes; each in a run of ten.
  const every = Math.min(4, minutes / 10);
  const due: [string, number, () => Promise<unknown>][] = [
    ["client", 0.08, () => run.client()],
    ["reload", 0.3, () => run.reload(false)],
    ["apply", 0.7, () => run.reload(true)],
    ["sample", Math.min(1, minutes / 60), () => run.sample()],
    ["kill", 2 * every, () => run.kill()],
    ["replace", 2 * every, () => run.replace()],
  ];
  const last = new Map(due.map(([name]) => [name, name === "replace" ? -every : 0]));
  while (run.minutes < minutes) {
    for (const [name, period, act] of due) {
      if ((name === "kill" || name === "replace") && run.minutes > 0.6 * minutes) continue;
      if (run.minutes - last.get(name)! < period) continue;
      last.set(name, run.minutes);
      await act();
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  // Without anybody to renew it no lock stays.
  await until("locks at an end", async () => (await daemon.status()).locks.length === 0, 4 * LOCK * 1000);
  const counted = await load.end();
  const pages = surfer.count();
  await surfer.stop();
  print("");
  print(`| what | how often | packets lost |`);
  const within = ({ from, to }: Incident) =>
    counted.lost.filter(([first, count]) => first + count > from && first <= to).reduce(
      (sum, [, count]) => sum + count,
      0,
    );
  for (const what of ["kill -9", "replaced"]) {
    const those = run.incidents.filter((incident) => incident.what === what);
    print(`| ${what} | ${those.length} | ${those.map(within).join(", ")} |`);
  }
  const inIncidents = run.incidents.reduce((sum, incident) => sum + within(incident), 0);
  const { reloads, applied, clients } = run.counts;
  print(
    `| everything else: ${reloads} reloads, ${applied} times rules, ${clients} clients | | ${
      counted.missing - inIncidents
    } |`,
  );
  print(
    `${counted.sent} packets sent, ${counted.rate} a second, ${counted.missing} lost, ${counted.backlog} before the rules; ` +
      `${pages.ok} pages, ${pages.failed} failed`,
  );
  checkGrowth(run.samples);
  const killed = run.incidents.filter(({ what }) => what === "kill -9").reduce((sum, one) => sum + within(one), 0);
  assert.ok(counted.missing - killed <= counted.backlog, `${counted.missing - killed} packets lost without a kill`);
  assert.deepEqual(daemon.events.filter(({ event, level }) => event === "note" && level === "error"), []);
  assert.equal((await daemon.process.stop()).code, 0);
}

const at = Deno.args.indexOf("--minutes");
const minutes = at < 0 ? 120 : Number(Deno.args[at + 1]);
const reason = skipReason() ?? ((await execute(["gcc", "--version"])).code === 0 ? null : "no gcc");
if (!(minutes > 0) || reason !== null) {
  print(`Cannot soak: ${reason ?? "--minutes wants a number"}`);
  Deno.exit(reason === null ? 2 : 3);
}
await soak(minutes);
