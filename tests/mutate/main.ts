/**
 * Makes deliberate faults in classifiers, one at a time, and counts how many the tests notice: a check on the checks.
 *
 * ```sh
 * deno task mutate [--faults 100] [--seed 1] [--protocol NAME] [--jobs 2]
 * ```
 *
 * Each fault is tried in a copy of the tree with what is asked of its protocol: its own tests, those that go over all
 * protocols, and the golden captures. Answers 1 where fewer than 95 in 100 were noticed.
 * @module
 */
// deno-lint-ignore-file no-console -- it prints
import { parseArgs } from "node:util";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { type Fault, faultsIn, type Kind, KINDS } from "./faults.ts";

/** Share of faults that must be noticed. */
const GOAL = 0.95;
/** Seconds after which a fault that makes the tests run on counts as noticed. */
const PATIENCE = 180;

const GOLDENS = "tests/golden/golden_test.ts";

interface Place {
  readonly protocol: string;
  readonly path: string;
  readonly source: string;
  readonly fault: Fault;
}

const root = new URL("../../", import.meta.url).pathname;

/** Every fault that can be made in a protocol's files. */
function placesIn(protocol: string): Place[] {
  const folder = `lib/protocol/${protocol}`;
  return [...Deno.readDirSync(root + folder)].map(({ name }) => name).sort()
    .filter((name) => name.endsWith(".ts") && name !== "samples.ts" && !name.endsWith("_test.ts"))
    .flatMap((name) => {
      const path = `${folder}/${name}`;
      const source = Deno.readTextFileSync(root + path);
      return faultsIn(source).map((fault) => ({ protocol, path, source, fault }));
    });
}

/** Deterministic numbers below a bound. */
function dice(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** So many of the places, each kind as often as another while it lasts. */
function chosen(places: readonly Place[], count: number, seed: number): Place[] {
  const roll = dice(seed);
  const byKind = new Map(KINDS.map((kind) => [kind, places.filter(({ fault }) => fault.kind === kind)]));
  const picked: Place[] = [];
  while (picked.length < count) {
    const left = KINDS.filter((kind) => byKind.get(kind)!.length > 0);
    if (left.length === 0) break;
    const list = byKind.get(left[picked.length % left.length]!)!;
    picked.push(...list.splice(roll(list.length), 1));
  }
  return picked;
}

function copyTree(to: string): void {
  const { stdout } = new Deno.Command("git", { args: ["ls-files", "-co", "--exclude-standard", "-z"], cwd: root })
    .outputSync();
  for (const path of new TextDecoder().decode(stdout).split("\0")) {
    if (!/^(?:lib|tests)\/|^(?:deno\.(?:json|lock)|mod\.ts)$/.test(path) || /^tests\/(?:live|bench)\//.test(path)) {
      continue;
    }
    Deno.mkdirSync(`${to}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.copyFileSync(root + path, `${to}/${path}`);
  }
}

type Outcome = "noticed" | "survived" | "no program";

/** Runs what is asked of the protocol in the copy. */
async function ask(copy: string, protocol: string): Promise<Outcome> {
  // What notices most comes first.
  for (const paths of [["tests/protocol/decides_test.ts"], [`lib/protocol/${protocol}`, "tests/protocol", GOLDENS]]) {
    const outcome = await run(copy, protocol, paths);
    if (outcome !== "survived") return outcome;
  }
  return "survived";
}

async function run(copy: string, protocol: string, paths: readonly string[]): Promise<Outcome> {
  const child = new Deno.Command("timeout", {
    args: [`${PATIENCE}`, Deno.execPath(), "test", "-A", "--no-check", "--fail-fast", ...paths],
    cwd: copy,
    env: { FTWALL_PROTOCOL: protocol, NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  if (code === 0) return "survived";
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return /could not be parsed|SyntaxError/.test(text) ? "no program" : "noticed";
}

function described({ path, source, fault }: Place): string {
  const line = source.slice(0, fault.start).split("\n").length;
  const old = source.slice(fault.start, fault.end).trim();
  return `${path}:${line}: ${fault.kind}: ${old} → ${fault.put === "" ? "nothing" : fault.put}`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      faults: { type: "string", default: "100" },
      seed: { type: "string", default: "1" },
      protocol: { type: "string" },
      jobs: { type: "string", default: "2" },
    },
  });
  const protocols = CLASSIFIERS.map(({ name }) => name).filter((name) => name === (values.protocol ?? name));
  const places = protocols.flatMap(placesIn);
  const queue = chosen(places, Number(values.faults), Number(values.seed));
  console.log(`${queue.length} of ${places.length} faults in ${protocols.length} classifiers`);
  const counts = new Map<Kind, { made: number; noticed: number }>();
  const survivors: string[] = [];
  await Promise.all(Array.from({ length: Number(values.jobs) }, async () => {
    const copy = Deno.makeTempDirSync({ prefix: "ftwall-mutate-" });
    try {
      copyTree(copy);
      for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
        const { path, source, fault } = place;
        Deno.writeTextFileSync(`${copy}/${path}`, source.slice(0, fault.start) + fault.put + source.slice(fault.end));
        const outcome = await ask(copy, place.protocol);
        Deno.writeTextFileSync(`${copy}/${path}`, source);
        if (outcome === "no program") continue;
        const count = counts.get(fault.kind) ?? { made: 0, noticed: 0 };
        counts.set(fault.kind, { made: count.made + 1, noticed: count.noticed + (outcome === "noticed" ? 1 : 0) });
        if (outcome === "survived") {
          survivors.push(described(place));
          console.log(described(place));
        }
      }
    } finally {
      Deno.removeSync(copy, { recursive: true });
    }
  }));
  const made = [...counts.values()].reduce((sum, count) => sum + count.made, 0);
  for (const [kind, count] of counts) console.log(`${kind}: ${count.noticed} of ${count.made} noticed`);
  const share = (made - survivors.length) / made;
  console.log(`noticed ${made - survivors.length} of ${made}: ${(share * 100).toFixed(1)} %`);
  return share >= GOAL ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
