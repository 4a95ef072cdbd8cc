/**
 * A load that is counted packet by packet: numbered datagrams through the router, most of which visit the queue.
 */
import assert from "node:assert/strict";
import { figure } from "./figure.ts";
import { ADDRESSES, type Background, execute, PATIENCE, type Topology, until } from "./topology.ts";

/** What a neighbour's questions came to, in his own flows. */
export interface Asked {
  readonly asked: number;
  readonly answered: number;
  readonly median_us: number;
  readonly p90_us: number;
}

/** Port of the server's echo. */
const ECHO = 7;
/** Names of the LAN in which a flood is sent: from 10.91.2.1 on. */
const NAMES = 20_000;

/** The program of flood.c, built for one test. */
export class Flood implements Disposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "ftwall-flood-" });

  /** Builds it. */
  async build(): Promise<void> {
    const source = new URL("flood.c", import.meta.url).pathname;
    const { code, stderr } = await execute(["gcc", "-O2", "-w", "-o", `${this.#dir}/flood`, source]);
    assert.equal(code, 0, stderr);
  }

  /** Its command line. */
  command(...words: readonly (string | number)[]): string[] {
    return [`${this.#dir}/flood`, ...words.map(String)];
  }

  /** Starts the echo that {@link ask} asks. */
  async echo(topology: Topology): Promise<void> {
    await topology.start("server", this.command("echo", ECHO)).prints("ready");
  }

  /** Questions of client2 to the server's echo, so many microseconds apart, and what they came to. */
  async ask(topology: Topology, every: number, count: number): Promise<Asked> {
    const words = this.command("ask", ADDRESSES.server.v4, ECHO, every, count);
    const limit = 20_000 + count * every / 50;
    return JSON.parse(await topology.must("client2", words, { limit: limit * PATIENCE })) as Asked;
  }

  /** Three seconds of one kind, in many names or in client1's own; of `dns` it is the server who sends them to client1. */
  start(topology: Topology, kind: string, rate: number, inNames: "many" | "own" = "many"): Background {
    const { client1, server } = ADDRESSES;
    const [host, from, to, names] = kind === "dns"
      ? ["server", server.v4, client1.v4, 1] as const
      : ["client1", inNames === "own" ? client1.v4 : "10.91.2.1", server.v4, inNames === "own" ? 1 : NAMES] as const;
    return topology.start(host, this.command("send", kind, from, to, rate, 3, names));
  }

  /** Removes it. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#dir, { recursive: true });
  }
}

/** What became of a {@link Load}. */
export interface Counted {
  readonly sent: number;
  readonly rate: number;
  readonly received: number;
  readonly missing: number;
  /** Packets that came more than once. */
  readonly twice: number;
  /** Runs of missing packets. */
  readonly gaps: number;
  readonly longest_gap: number;
  /** Longest time without a packet. */
  readonly longest_pause_ms: number;
  /** Runs of missing packets: number of the first, and how many. */
  readonly lost: readonly (readonly [first: number, count: number])[];
  /** Packets that no processor of the whole machine had time for, before they came to any rule. */
  readonly backlog: number;
}

/** Packets of a flow that the load sends: all of them are looked at by the queue. */
const EACH = 8;
const PORT = 5000;
/** Seconds after which the sender ends by itself. */
const LONGEST = 3600;

/** Numbered datagrams of client1 to the server, from many ports. */
export class Load {
  readonly #sender: Background;
  readonly #sink: Background;
  readonly #backlog = droppedByBacklog();

  private constructor(sender: Background, sink: Background) {
    this.#sender = sender;
    this.#sink = sink;
  }

  /** Begins with so many packets a second, and so many of each flow. */
  static async start(topology: Topology, flood: Flood, rate: number, each: number = EACH): Promise<Load> {
    const { client1, server } = ADDRESSES;
    const sink = topology.start("server", flood.command("tally", PORT));
    await sink.prints("ready");
    // Known beforehand: the queue for an address that is being resolved is short.
    await topology.must("client1", ["ping", "-q", "-c", "1", server.v4]);
    const words = [client1.v4, server.v4, PORT, rate, LONGEST, each];
    return new Load(topology.start("client1", flood.command("number", ...words)), sink);
  }

  /** The number of the packet that came last, but for some that are late. */
  async mark(): Promise<number> {
    const before = this.#sink.stdout.length;
    this.#sink.kill("SIGUSR1");
    await until("a number", () => this.#sink.stdout.length > before && this.#sink.stdout.endsWith("\n"));
    return (JSON.parse(this.#sink.stdout.trim().split("\n").at(-1)!) as { highest: number }).highest;
  }

  /** Ends it and counts. */
  async end(): Promise<Counted> {
    this.#sender.kill("SIGTERM");
    await this.#sender.stop("SIGTERM");
    await this.#sink.stop("SIGTERM");
    const { sent, failed, rate } = JSON.parse(this.#sender.stdout) as { sent: number; failed: number; rate: number };
    assert.equal(failed, 0);
    const counted = JSON.parse(this.#sink.stdout.trim().split("\n").at(-1)!) as Omit<Counted, "sent" | "missing">;
    return { ...counted, sent, rate, missing: sent - counted.received, backlog: droppedByBacklog() - this.#backlog };
  }
}

/** Prints what became of a load, and fails where ftwall or the kernel's queue lost a packet of it. */
export function lostNothing(what: string, counted: Counted): void {
  const { sent, rate, missing, gaps, longest_gap, longest_pause_ms, backlog } = counted;
  figure(
    `${what}: ${sent} packets sent, ${rate} a second, ${missing} lost` +
      (missing === 0 ? "" : ` in ${gaps} gaps of up to ${longest_gap}, ${backlog} of them before the rules`) +
      `, ${longest_pause_ms} ms without one at most`,
  );
  // What the kernel has no processor for is lost before any rule sees it.
  assert.ok(missing <= backlog, JSON.stringify(counted));
}

/** Second column of /proc/net/softnet_stat, of all processors. */
function droppedByBacklog(): number {
  const lines = Deno.readTextFileSync("/proc/net/softnet_stat").trim().split("\n");
  return lines.reduce((sum, line) => sum + parseInt(line.split(/\s+/)[1]!, 16), 0);
}
