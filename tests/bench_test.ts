import assert from "node:assert/strict";
import { engineCost, heapCost } from "./bench/engine_cost.ts";
import { HOSTS, rowOf } from "./bench/fan_out.ts";
import { fitted, simulate } from "./bench/many_cores.ts";
import { draw } from "./bench/plot.ts";
import { compared, inTurn, median, reached, table } from "./bench/pairs.ts";
import { TALKERS } from "./support/encrypted_flights.ts";

Deno.test("what a packet costs where its flow is one of many, and where it opens one, stands in proportion", () => {
  // Twice as many flows as the engine looks ahead for.
  const cost = engineCost(17_000, 50_000);
  assert.ok(cost.known > 0 && cost.opening > 0, `${cost.known} ns, ${cost.opening} ns`);
  // Each by the other: no clock of its own decides.
  assert.ok(cost.opening < 100 * cost.known && cost.known < 10 * cost.opening, `${cost.known} ns, ${cost.opening} ns`);
});

Deno.test("judging leaves nothing on the heap", () => {
  // Less than one object in a hundred packets: what is left is the compiler's own.
  const bytes = Math.min(...[1, 2, 3].map(() => heapCost(100_000).garbage));
  assert.ok(bytes < 4, `${bytes} bytes a packet`);
});

Deno.test("candidates are measured in turn, each as often", async () => {
  const order: string[] = [];
  const values = await inTurn(["a", "b"], 2, (name, round) => {
    order.push(name + round);
    return Promise.resolve(order.length);
  });
  assert.deepEqual(order, ["a0", "b0", "b1", "a1"]);
  assert.deepEqual(values, { a: [1, 4], b: [2, 3] });
});

Deno.test("figures are held together by the ratio of medians, and goals told", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  const about = { bench: "udp", name: "rate", unit: "packets/s", against: "batch", least: 0.95 };
  const good = compared(about, [95, 100, 400], [100, 100, 1]);
  assert.equal(good.ratio, 1);
  assert.equal(reached(good), true);
  assert.equal(reached(compared(about, [90], [100])), false);
  assert.equal(reached(compared({ ...about, least: undefined, most: 1.2 } as never, [90], [0])), false);
  assert.match(table([good]), /\| udp +\| rate +\| 100 packets\/s \| batch: 100 \| 1\.00 +\| ≥ 0\.95 \| yes \|/);
});

Deno.test("a plot has a line and a name for each series", () => {
  const plot = { name: "size", title: "T", x: "bytes", y: "rate", logarithmic: true, scale: 1 } as const;
  const points = [[1, 10], [1000, 30]] as const;
  const svg = draw(plot, [{ plot: "size", name: "ftwall", points }, { plot: "size", name: "batch", points }]);
  assert.equal(svg.match(/<polyline /g)?.length, 2);
  assert.match(svg, />ftwall<[^]*>batch</);
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
});

Deno.test("no honest cipher is taken for a fan-out, and nearly all file sharing is", () => {
  for (const talker of TALKERS) {
    const row = rowOf(talker, 60);
    if (talker.shares) assert.ok(row.after[HOSTS]! >= 58, `${talker.name}: ${row.after[HOSTS]}`);
    else assert.deepEqual([row.after[HOSTS], row.proven], [0, 0], talker.name);
  }
});

Deno.test("simulated threads gain what was measured, and a lock that all share is the limit where judging is dear", () => {
  const costs = { kernel: 2500, judged: 100, handover: 500, burst: 64, locks: 1 };
  const serial = fitted(1.6, costs);
  const gain = simulate(2, { ...costs, serial }) / simulate(1, { ...costs, serial });
  assert.ok(Math.abs(gain - 1.6) < 0.05, `${gain}`);
  const parallel = { ...costs, serial: 0 };
  assert.ok(simulate(8, parallel) / simulate(1, parallel) > 7);
  // 1000 ns of each packet under one lock: a million a second at most, however many cores there are.
  const dear = { ...parallel, judged: 1000 };
  assert.ok(simulate(32, dear) < 1_000_000);
  assert.ok(simulate(32, { ...dear, locks: 16 }) > 2 * simulate(32, dear));
});
