import assert from "node:assert/strict";
import fc from "fast-check";
import { CLOSING, FLAGS, FLOW_WORDS, FlowTable, IS_TCP, SEEN } from "../../lib/state/flow_table.ts";

/** First three words of addresses: IPv4, and two networks of IPv6. */
const HEADS = [[0, 0, 0xffff], [0x20010db8, 0, 0], [0x20010db8, 0, 0xffff]] as const;
/** Two ends of a flow, from few addresses and ports, so that flows differ by one thing only. */
const ends = fc.record({
  tcp: fc.constantFrom(0, 1),
  s: fc.integer({ min: -2, max: 2 }),
  d: fc.integer({ min: -2, max: 2 }),
  sHead: fc.constantFrom(0, 0, 1, 2),
  dHead: fc.constantFrom(0, 0, 1, 2),
  sport: fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff),
  dport: fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff),
});
type Flow = { tcp: number; s: number; d: number; sport: number; dport: number; sHead?: number; dHead?: number };

const step = fc.record({ do: fc.constantFrom("packet", "packet", "packet", "remove"), flow: ends });

type Key = [number, number, number, number, number, number, number, number, number, number, number];

function keyOf({ tcp, s, d, sport, dport, sHead = 0, dHead = 0 }: Flow): Key {
  return [tcp, ...HEADS[sHead]!, s, ...HEADS[dHead]!, d, sport, dport];
}

const find = (table: FlowTable, flow: Flow) => table.find(...keyOf(flow));
const open = (table: FlowTable, flow: Flow) => table.open(...keyOf(flow));

const name = (f: Flow) => `${f.tcp} ${f.sHead ?? 0} ${f.s}:${f.sport}>${f.dHead ?? 0} ${f.d}:${f.dport}`;
const back = (f: Flow): Flow => ({
  ...{ tcp: f.tcp, s: f.d, d: f.s, sport: f.dport, dport: f.sport },
  ...{ sHead: f.dHead ?? 0, dHead: f.sHead ?? 0 },
});

Deno.test("a flow table behaves as a Map, in both directions, under any operations", () => {
  fc.assert(fc.property(fc.integer(), fc.array(step, { maxLength: 200 }), (seed, steps) => {
    const table = new FlowTable(200, seed);
    const model = new Map<string, number>();
    const ended: number[] = [];
    table.onEnd = (row) => ended.push(row);
    for (const { do: what, flow } of steps) {
      const own = model.get(name(flow));
      const other = model.get(name(back(flow)));
      const row = find(table, flow);
      const known = own ?? other;
      assert.equal(row, known ?? -1, name(flow));
      if (known !== undefined) assert.equal(table.fromOpener, own !== undefined);
      if (what === "remove") {
        if (row < 0) continue;
        table.remove(row);
        assert.equal(ended.pop(), row);
        assert.equal(table.holds(row), false);
        model.delete(own !== undefined ? name(flow) : name(back(flow)));
      } else if (row < 0) {
        const opened = open(table, flow);
        assert.equal(table.words[opened * FLOW_WORDS + FLAGS]! & IS_TCP, flow.tcp);
        for (let word = FLAGS + 1; word < FLOW_WORDS; word++) {
          assert.equal(table.words[opened * FLOW_WORDS + word], 0, "a new flow knows nothing of the one before");
        }
        table.words.fill(-1, opened * FLOW_WORDS + SEEN, (opened + 1) * FLOW_WORDS);
        model.set(name(flow), opened);
      }
      assert.equal(table.count, model.size);
    }
  }));
});

Deno.test("a full flow table evicts the one of eight longest unseen, and tells before", () => {
  const table = new FlowTable(8, 5);
  const ended: number[] = [];
  table.onEnd = (row) => ended.push(table.words[row * FLOW_WORDS + 3]!);
  for (let i = 0; i < 8; i++) {
    const flow = { tcp: 0, s: i, d: 99, sport: 1, dport: 2 };
    assert.equal(find(table, flow), -1);
    const row = open(table, flow);
    table.words[row * FLOW_WORDS + SEEN] = i === 3 ? 1 : 50 + i;
  }
  assert.equal(find(table, { tcp: 0, s: 77, d: 99, sport: 1, dport: 2 }), -1);
  open(table, { tcp: 0, s: 77, d: 99, sport: 1, dport: 2 });
  assert.deepEqual(ended, [3]);
  assert.equal(table.evicted, 1);
  assert.equal(table.count, 8);
  for (let i = 0; i < 8; i++) assert.equal(find(table, { tcp: 0, s: i, d: 99, sport: 1, dport: 2 }) >= 0, i !== 3);
});

Deno.test("tags never hide a flow: each of 20,000 is found while a table of 1,000 holds it", () => {
  const table = new FlowTable(1000, 0x1234);
  const held = new Map<number, Flow>();
  table.onEnd = (row) => held.delete(row);
  for (let i = 0; i < 20_000; i++) {
    const flow = { tcp: i & 1, s: Math.imul(i, 0x9e3779b1), d: i >> 3, sport: i & 0xffff, dport: 443 };
    if (find(table, flow) >= 0) continue;
    const row = open(table, flow);
    table.words[row * FLOW_WORDS + SEEN] = i;
    held.set(row, flow);
    if (i % 997 === 0) { for (const [at, one] of held) assert.equal(find(table, back(one)), at); }
  }
  assert.equal(held.size, table.count);
  assert.ok(table.evicted > 18_000);
});

Deno.test("a sweep ends what was long unseen, and closing flows sooner", () => {
  const table = new FlowTable(16, 1);
  const flows = [10, 20, 30].map((seen, i) => {
    const flow = { tcp: 1, s: i, d: 9, sport: i, dport: 80 };
    find(table, flow);
    const row = open(table, flow);
    table.words[row * FLOW_WORDS + SEEN] = seen;
    if (seen === 20) table.words[row * FLOW_WORDS + FLAGS]! |= CLOSING;
    return flow;
  });
  table.sweep(15, 25, 100);
  assert.deepEqual(flows.map((flow) => find(table, flow) >= 0), [false, false, true]);
  assert.throws(() => new FlowTable(7, 0), RangeError);
});
