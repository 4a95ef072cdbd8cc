/**
 * Who answers for the queue: ftwall's executable, or a yardstick; and a topology with the plainest rules.
 * @module
 */
import { ADDRESSES, type Background, LAN, Topology, WAN } from "../live/topology.ts";
import type { Workshop } from "./machine.ts";

/**
 * Programs that can hold the queue; `none` leaves it to nobody, with no rule in the way. dhcpoptinj is a program of Debian's
 * that changes DHCP packets and accepts all others after a look at their ports.
 */
export type Consumer = "ftwall" | "batch" | "single" | "dhcpoptinj" | "none";

/** First address of the many peers (net 45.0.0.0/8 of the public Internet: it stays in the namespaces). */
const PEERS = "45.77.0.0";

/** Namespaces with a queue between the LAN and the outside, and what was built for the run. */
export class Bench implements AsyncDisposable {
  /** What is used to measure. */
  readonly workshop: Workshop;
  /** The namespaces. */
  readonly topology: Topology;

  private constructor(workshop: Workshop, topology: Topology) {
    this.workshop = workshop;
    this.topology = topology;
  }

  /** Builds the namespaces. */
  static async create(workshop: Workshop): Promise<Bench> {
    const topology = await Topology.create({ prefix: "fb" });
    // The floods come from addresses behind the LAN that no route leads to: the sources are not asked for.
    await topology.must("router", [
      "sh",
      "-c",
      `for f in all default ${LAN} ${WAN}; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done`,
    ]);
    // A server that answers for a whole network: a flood with many peers needs no more machines.
    await topology.must("server", ["ip", "route", "add", "local", `${PEERS}/16`, "dev", "lo"]);
    await topology.must("router", ["ip", "route", "add", `${PEERS}/16`, "via", ADDRESSES.server.v4]);
    return new Bench(workshop, topology);
  }

  /** The same namespaces with another ftwall. */
  of(ftwall: string): Bench {
    return new Bench({ ...this.workshop, ftwall }, this.topology);
  }

  /** Has every forwarded packet queued, in one of so many queues, whatever becomes of its flow; with `false` none. */
  async queueEverything(on: boolean, queues = 1): Promise<void> {
    for (const tool of ["iptables", "ip6tables"]) await this.topology.run("router", [tool, "-F", "FORWARD"]);
    if (on) {
      const which = queues === 1 ? ["--queue-num", "0"] : ["--queue-balance", `0:${queues - 1}`];
      await this.topology.must("router", ["iptables", "-A", "FORWARD", "-j", "NFQUEUE", ...which]);
    }
  }

  /**
   * Starts a consumer and waits until it is ready. `config` is text of a config file, `args` more arguments, `state` ftwall's
   * state file; `cores` are those it may run on, all where none are named.
   */
  async start(
    consumer: Consumer,
    config: string = "",
    args: readonly string[] = [],
    state: string = "",
    cores: string = "",
  ): Promise<Background | null> {
    if (consumer === "none") return null;
    if (consumer !== "ftwall") {
      const program = consumer === "dhcpoptinj"
        // Else its first line waits in its buffer.
        ? ["stdbuf", "-oL", consumer, "--foreground", "--forward-on-fail", "--queue=0", "--option=0c66"]
        : [this.workshop.tool("accept_all"), consumer];
      const background = this.topology.start("router", [...pinned(cores), ...program, ...args]);
      await background.prints(/ready|Started/);
      return background;
    }
    const { dir, ftwall } = this.workshop;
    const path = `${dir}/bench.toml`;
    await Deno.writeTextFile(path, `${config}\n`);
    await Deno.writeTextFile(`${dir}/state`, state);
    const background = this.topology.start("router", [
      ...pinned(cores),
      ftwall,
      "--config",
      path,
      "--control",
      `${dir}/control.sock`,
      "--state",
      `${dir}/state`,
      "--log-format",
      "json",
      ...args,
    ]);
    await background.prints(/"ready"/);
    return background;
  }

  /** What `ftwall status --json` says. */
  async status(): Promise<Record<string, unknown>> {
    const control = `${this.workshop.dir}/control.sock`;
    return JSON.parse(
      await this.topology.must("router", [this.workshop.ftwall, "status", "--json", "--control", control]),
    );
  }

  /** Puts another config in force. */
  async reload(config: string): Promise<void> {
    const { dir, ftwall } = this.workshop;
    await Deno.writeTextFile(`${dir}/bench.toml`, `${config}\n`);
    await this.topology.must("router", [ftwall, "reload", "--control", `${dir}/control.sock`]);
  }

  /**
   * Sends packets through to a sink and answers how many arrived a second. With a window none is lost: the rate is the one
   * at which the path takes them. With a window of 0 the sender sends what it can: the rate is that of what arrives.
   */
  async flood(flood: Flood): Promise<FloodAnswer> {
    const { topology, workshop } = this;
    const counter = `${workshop.dir}/counter`;
    await Deno.writeFile(counter, new Uint8Array(8));
    const window = flood.window ?? 2048;
    const keep = window > 0 ? [counter, window] : [];
    const { sender, rest } = flood.cores ?? { sender: "", rest: "" };
    const sink = topology.start("server", [...pinned(rest), workshop.tool("udp_sink"), "700", "9000", counter]);
    await sink.prints(/ready/);
    const server = ADDRESSES.server.v4;
    const rate = String(flood.rate ?? 0);
    const command = flood.payloads === undefined
      ? ["udp_flood", server, flood.packets, flood.bytes ?? 100, flood.flows, rate, 9000, ...keep]
      : [
        "flow_flood",
        "eth0",
        await this.#routerMac(),
        PEERS,
        flood.packets,
        flood.flows,
        flood.payloads,
        rate,
        ...keep,
      ];
    const [name, ...args] = command.map(String);
    const program = [...pinned(sender), workshop.tool(name!), ...args];
    const sent = JSON.parse(await topology.must("client1", program, { limit: 120_000 }));
    await sink.status;
    const { received, pps } = JSON.parse(await sink.prints(/\{.*\}/));
    return { sent: sent.sent, received, rate: pps };
  }

  /** Sends packets that nobody counts, as fast as it goes. */
  async pour({ packets, flows, payloads }: Flood & { readonly payloads: string }): Promise<void> {
    const { topology, workshop } = this;
    const counter = `${workshop.dir}/poured`;
    await Deno.writeFile(counter, new Uint8Array(8));
    const sender = [workshop.tool("flow_flood"), "eth0", await this.#routerMac(), PEERS];
    await topology.must("client1", [...sender, ...[packets, flows, payloads, 0, counter, packets].map(String)]);
  }

  #mac = "";

  async #routerMac(): Promise<string> {
    if (this.#mac === "") {
      this.#mac = (await this.topology.must("router", ["cat", `/sys/class/net/${LAN}/address`])).trim();
    }
    return this.#mac;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.topology[Symbol.asyncDispose]();
  }
}

/** What is sent. */
export interface Flood {
  readonly packets: number;
  readonly flows: number;
  /** Payload bytes, of equal packets. */
  readonly bytes?: number;
  /** File of payloads to send in turn, from as many machines as it takes. */
  readonly payloads?: string;
  /** Packets a second; 0 is as fast as the window allows. */
  readonly rate?: number;
  /** Most packets under way (2048); 0 is without a limit, and what does not fit is lost. */
  readonly window?: number;
  /** Cores of the sender, and those of everybody else, as taskset(1) names them; anywhere where absent. */
  readonly cores?: { readonly sender: string; readonly rest: string };
}

/** What to put in front of a command that shall run on `cores` only. */
export function pinned(cores: string): string[] {
  return cores === "" ? [] : ["taskset", "-c", cores];
}

/** What came of it. */
export interface FloodAnswer {
  readonly sent: number;
  readonly received: number;
  readonly rate: number;
}
