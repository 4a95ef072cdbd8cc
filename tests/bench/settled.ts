/**
 * What is left of the network's own speed with ftwall's rules in force: bulk streams, new connections, a locked client's flood.
 * @module
 */
import { ADDRESSES, type Background, hasTool, LAN, until } from "../live/topology.ts";
import type { Bench, Consumer } from "./consumers.ts";
import { absolute, compared, type Figure, inTurn, median } from "./pairs.ts";
import type { Plan } from "./plan.ts";

// Without a budget: all of what one client sends is judged.
const CONFIG = `[network]\nlan = ["${LAN}"]\n[queue]\nclient_rate = 0\n`;
const { server } = ADDRESSES;

/** A rule that has connections tracked, as on every router with NAT, and does nothing. */
const TRACKING = ["FORWARD", "-m", "conntrack", "--ctstate", "INVALID"];

/** ftwall's own rules with somebody behind them, or nothing but connection tracking; undone when disposed. */
class Ruled implements AsyncDisposable {
  readonly running: Background | null;
  readonly #undo: () => Promise<unknown>;

  private constructor(running: Background | null, undo: () => Promise<unknown>) {
    this.running = running;
    this.#undo = undo;
  }

  static async create(bench: Bench, consumer: Consumer | "tracked"): Promise<Ruled> {
    await bench.queueEverything(false);
    if (consumer === "none") return new Ruled(null, () => Promise.resolve());
    if (consumer === "tracked") {
      await bench.topology.must("router", ["iptables", "-A", ...TRACKING]);
      return new Ruled(null, () => bench.topology.must("router", ["iptables", "-D", ...TRACKING]));
    }
    await rules(bench, "--apply");
    return new Ruled(await bench.start(consumer, CONFIG), () => rules(bench, "--remove"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running?.stop();
    await this.#undo();
  }
}

async function rules(bench: Bench, what: "--apply" | "--remove"): Promise<void> {
  const { dir, ftwall } = bench.workshop;
  await Deno.writeTextFile(`${dir}/rules.toml`, CONFIG);
  await bench.topology.must("router", [ftwall, "rules", what, "--config", `${dir}/rules.toml`]);
}

async function packetsOf(bench: Bench): Promise<number> {
  return ((await bench.status())["counters"] as { packets: number }).packets;
}

/** Gbit/s of TCP streams from a client: in the first second, and without the first two. */
async function goodput(
  bench: Bench,
  from: "client1" | "client2",
  streams: number,
  seconds: number,
  more: readonly string[] = [],
): Promise<{ first: number; steady: number }> {
  const args = ["-c", server.v4, "-O", "2", "-t", String(seconds), "-P", String(streams), "-J", ...more];
  const answer = JSON.parse(await bench.topology.must(from, ["iperf3", ...args], { limit: 60_000 }));
  return {
    first: answer.intervals[0].sum.bits_per_second / 1e9,
    steady: answer.end.sum_received.bits_per_second / 1e9,
  };
}

async function receiver(bench: Bench): Promise<Background> {
  const background = bench.topology.start("server", ["iperf3", "-s"]);
  await bench.topology.listening("server", "tcp", 5201);
  return background;
}

/** Bulk TCP with and without. */
export async function bulk(bench: Bench, plan: Plan): Promise<Figure[]> {
  if (!hasTool("iperf3")) return skipped(plan, "bulk", "iperf3");
  const figures: Figure[] = [];
  await using _ = await receiver(bench);
  const points = { ftwall: [] as [number, number][], none: [] as [number, number][] };
  for (const streams of [1, 32]) {
    const queued: number[] = [];
    const firsts: Record<string, number[]> = {};
    const rates = await inTurn(["ftwall", "tracked", "none"] as const, plan.rounds, async (name) => {
      await using _ = await Ruled.create(bench, name);
      const { first, steady } = await goodput(bench, "client1", streams, plan.quick ? 1 : 3);
      (firsts[name] ??= []).push(first);
      // iperf3 has a flow for its own talk besides.
      if (name === "ftwall") queued.push(await packetsOf(bench) / (streams + 1));
      return steady;
    });
    const about = { bench: "bulk", name: `TCP goodput, ${streams} stream${streams > 1 ? "s" : ""}`, unit: "Gbit/s" };
    figures.push(compared({ ...about, against: "no rule", least: 0.98 }, rates.ftwall, rates.none));
    figures.push(compared({ ...about, against: "connection tracking alone" }, rates.ftwall, rates.tracked));
    const begun = { ...about, name: `${about.name}, first second` };
    figures.push(compared({ ...begun, against: "no rule" }, firsts["ftwall"]!, firsts["none"]!));
    const tracked = "connection tracking alone";
    figures.push(compared({ ...begun, against: tracked, least: 0.9 }, firsts["ftwall"]!, firsts["tracked"]!));
    const name = `queued packets a flow, ${streams} stream${streams > 1 ? "s" : ""}`;
    figures.push(absolute({ bench: "bulk", name, unit: "packets", most: 20 }, queued));
    for (const who of ["ftwall", "none"] as const) points[who].push([streams, median(rates[who])]);
  }
  plan.series.push({ plot: "goodput", name: "ftwall", points: points.ftwall });
  plan.series.push({ plot: "goodput", name: "no rule", points: points.none });
  return figures;
}

/** HTTP over a new connection for every request: as many as go, and one after the other. */
export async function connections(bench: Bench, plan: Plan): Promise<Figure[]> {
  if (!hasTool("nginx") || !hasTool("wrk")) return skipped(plan, "connections", "nginx and wrk");
  const { topology, workshop } = bench;
  const conf = `${workshop.dir}/nginx.conf`;
  await Deno.writeTextFile(
    conf,
    `daemon off; master_process off; pid ${workshop.dir}/nginx.pid; error_log stderr crit;
events { worker_connections 4096; }
http { access_log off; keepalive_timeout 0;
server { listen 8080 backlog=4096 reuseport; location / { return 200 "ok"; } } }\n`,
  );
  await using _ = topology.start("server", ["nginx", "-c", conf, "-p", workshop.dir]);
  await topology.listening("server", "tcp", 8080);
  // The client's ports must last for all of them.
  const ports = "cd /proc/sys/net/ipv4; echo 1024 65535 >ip_local_port_range; echo 1 >tcp_tw_reuse";
  await topology.must("client1", ["sh", "-c", ports]);
  const alone: Record<string, number[]> = {};
  const rates = await inTurn(["ftwall", "single", "tracked", "none"] as const, plan.rounds, async (name) => {
    await using _ = await Ruled.create(bench, name);
    const visit = async (seconds: number, atOnce: number) => {
      const args = ["-t1", `-c${atOnce}`, `-d${seconds}s`, "-H", "Connection: close", `http://${server.v4}:8080/`];
      const answer = await topology.must("client1", ["wrk", ...args], { limit: 30_000 });
      return Number(/Requests\/sec:\s+([\d.]+)/.exec(answer)?.[1] ?? NaN);
    };
    // Warm, as a router is: a program that just started compiles while it works.
    await visit(1, 32);
    const rate = await visit(plan.quick ? 1 : 2, 32);
    (alone[name] ??= []).push(1e6 / await visit(1, 1));
    return rate;
  });
  const single = { bench: "connections", name: "time of a request alone, each a new connection", unit: "µs" };
  const about = { bench: "connections", name: "HTTP requests, each a new connection", unit: "a second" };
  return [
    compared({ ...about, against: "no rule", least: 0.85 }, rates.ftwall, rates.none),
    // What every router with NAT does anyway.
    compared({ ...about, against: "connection tracking alone", least: 0.92 }, rates.ftwall, rates.tracked),
    compared({ ...about, against: "single, same rules", least: 0.95 }, rates.ftwall, rates.single),
    compared({ ...single, against: "no rule" }, alone["ftwall"]!, alone["none"]!),
    compared({ ...single, against: "connection tracking alone" }, alone["ftwall"]!, alone["tracked"]!),
  ];
}

/** A locked client floods; another one works on. */
export async function lockedFlood(bench: Bench, plan: Plan): Promise<Figure[]> {
  if (!hasTool("iperf3")) return skipped(plan, "locked-flood", "iperf3");
  await using _ = await receiver(bench);
  const { topology, workshop } = bench;
  const seconds = plan.quick ? 1 : 2;
  const queued: number[] = [];
  const drop = ["FORWARD", "-s", ADDRESSES.client1.v4, "-j", "DROP"];
  const names = ["locked", "dropped", "quiet"] as const;
  const measure = (limit: readonly string[]) =>
    inTurn(names, plan.rounds, async (name) => {
      await using _ = await Ruled.create(bench, "ftwall");
      if (name === "dropped") await topology.must("router", ["iptables", "-I", ...drop]);
      else {
        const control = ["--control", `${workshop.dir}/control.sock`];
        await topology.must("router", [workshop.ftwall, "lock", ADDRESSES.client1.v4, "--for", "10m", ...control]);
        await until("the lock", async () => (await bench.status() as { locks: unknown[] })["locks"].length === 1);
      }
      const before = await packetsOf(bench);
      const total = String(50_000 * (seconds + 4));
      const flood = name === "quiet"
        ? null
        : topology.start("client1", [workshop.tool("udp_flood"), server.v4, total, "100", "50", "50000"]);
      const { steady: rate } = await goodput(bench, "client2", 4, seconds, limit);
      if (name === "locked") queued.push(await packetsOf(bench) - before);
      flood?.kill("SIGTERM");
      await flood?.status;
      if (name === "dropped") await topology.must("router", ["iptables", "-D", ...drop]);
      return rate;
    });
  const limited = await measure(["-b", "125M"]);
  const free = await measure([]);
  const about = { bench: "locked-flood", unit: "Gbit/s" };
  return [
    compared(
      { ...about, name: "another client's 0.5 Gbit/s", against: "no flood", least: 0.95 },
      limited.locked,
      limited.quiet,
    ),
    compared(
      { ...about, name: "another client's most", against: "flood dropped by iptables", least: 0.95 },
      free.locked,
      free.dropped,
    ),
    compared({ ...about, name: "another client's most", against: "no flood" }, free.locked, free.quiet),
    absolute({ bench: "locked-flood", name: "packets queued meanwhile", unit: "packets" }, queued),
  ];
}

function skipped(plan: Plan, bench: string, tool: string): Figure[] {
  plan.say(`${bench}: skipped, no ${tool}`);
  return [];
}
