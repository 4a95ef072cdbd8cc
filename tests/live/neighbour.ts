/**
 * What a neighbour feels of one machine that floods: round trips of flows of his own before and during 50,000 packets a second
 * of each kind, through the router without ftwall and with it: in 20,000 names, each of which has a budget of its own where
 * the rules go by addresses, and in one. A table on standard output, for docs/threats.md; it wants the machine for itself.
 *
 *     deno run -A --no-check tests/live/neighbour.ts [KIND]…        (root)
 */
import { Flood } from "./load.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology } from "./topology.ts";

const KINDS = ["ping", "announce", "dht", "syn", "dns", "fragment", "flow", "begun"];
const RATE = 50_000;
/** Questions in each measurement, and microseconds between them. */
const QUESTIONS = [200, 4000] as const;

async function measure(
  topology: Topology,
  flood: Flood,
  kinds: readonly string[],
  router: string,
  inNames: "many" | "own" = "many",
): Promise<void> {
  const [count, every] = QUESTIONS;
  const ask = () => flood.ask(topology, every, count);
  for (const kind of kinds) {
    const before = await ask();
    const running = flood.start(topology, kind, RATE, inNames);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const during = await ask();
    await running.status;
    const { rate } = JSON.parse(running.stdout) as { rate: number };
    const ratio = (during.median_us / before.median_us).toFixed(2);
    const cells = [
      ...[router, kind, rate, before.median_us, during.median_us, ratio, before.p90_us, during.p90_us],
      during.asked - during.answered,
    ];
    Deno.stdout.writeSync(new TextEncoder().encode(`| ${cells.join(" | ")} |\n`));
    await topology.run("router", ["conntrack", "-F"]);
  }
}

using flood = new Flood();
await flood.build();
await using topology = await Topology.create({ prefix: "nb", believing: true });
await flood.echo(topology);
const kinds = Deno.args.length > 0 ? Deno.args : KINDS;
await measure(topology, flood, kinds, "without");
await using _ = await RouterDaemon.start(topology);
await measure(topology, flood, kinds, "ftwall");
await measure(topology, flood, kinds, "ftwall, one name", "own");
