import assert from "node:assert/strict";
import fc from "fast-check";
import { AddressTable } from "../../lib/state/address_table.ts";
import { OwnTableMemory } from "../../lib/state/table_memory.ts";

/** Few keys, so that they meet again and collide. */
const key = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -4, max: 4 }), fc.integer({ min: 0, max: 2 }));

const step = fc.oneof(
  fc.record({ do: fc.constant("insert" as const), key, deadline: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ do: fc.constant("remove" as const), key }),
  fc.record({ do: fc.constant("sweep" as const), now: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ do: fc.constant("end" as const), key, now: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ do: fc.constant("clear" as const) }),
);

Deno.test("an address table behaves as a Map of deadlines under any operations", () => {
  fc.assert(fc.property(fc.integer(), fc.array(step, { maxLength: 120 }), (seed, steps) => {
    const table = new AddressTable(110, 1, seed);
    const model = new Map<string, { deadline: number; value: number }>();
    let value = 0;
    for (const one of steps) {
      switch (one.do) {
        case "insert": {
          const [a, b, word] = one.key;
          const name = `${a},${b},${word}`;
          const row = table.insert(a, 0, 0, b, word, one.deadline);
          assert.equal(table.created, !model.has(name));
          if (table.created) {
            assert.equal(table.values[row], 0, "columns of a new entry are zero");
            table.values[row] = ++value;
            model.set(name, { deadline: one.deadline, value });
          } else model.get(name)!.deadline = one.deadline;
          break;
        }
        case "remove": {
          const row = table.find(one.key[0], 0, 0, one.key[1], one.key[2]);
          assert.equal(row >= 0, model.delete(`${one.key}`));
          if (row >= 0) table.remove(row);
          break;
        }
        case "end": {
          const known = model.get(`${one.key}`);
          if (known !== undefined && known.deadline <= one.now) model.delete(`${one.key}`);
          table.end(one.key[0], 0, 0, one.key[1], one.key[2], one.now);
          break;
        }
        case "sweep": {
          const ended: number[] = [];
          table.sweep(one.now, 1000, (row) => ended.push(table.values[row]!));
          const expected = [...model].filter(([, entry]) => entry.deadline <= one.now);
          assert.deepEqual(ended.sort(), expected.map(([, entry]) => entry.value).sort());
          for (const [name] of expected) model.delete(name);
          break;
        }
        case "clear":
          table.clear();
          model.clear();
      }
      assert.equal(table.count, model.size);
    }
    for (const [name, { deadline, value }] of model) {
      const [a, b, word] = name.split(",").map(Number);
      const row = table.find(a!, 0, 0, b!, word!);
      assert.ok(row >= 0 && table.holds(row), name);
      assert.equal(table.deadline[row], deadline);
      assert.equal(table.values[row], value);
    }
    let seen = 0;
    table.each(() => seen++);
    assert.equal(seen, model.size);
  }));
});

Deno.test("a full address table evicts the one of eight that ends soonest, and tells", () => {
  const table = new AddressTable(8, 0, 1);
  const gone: number[] = [];
  table.onEvict = (row) => gone.push(table.key(row, 3));
  for (let i = 0; i < 8; i++) table.insert(0, 0, 0, i, 0, i === 5 ? 1 : 100 + i);
  table.insert(0, 0, 0, 50, 0, 500);
  assert.deepEqual(gone, [5]);
  assert.equal(table.evicted, 1);
  assert.equal(table.count, 8);
  assert.equal(table.find(0, 0, 0, 5, 0), -1);
});

Deno.test("an address table stays whole under a flood ten times its size", () => {
  const table = new AddressTable(64, 1, 7);
  for (let i = 0; i < 640; i++) {
    const row = table.insert(i, i * 7, 0xffff, i * 31, i & 3, i);
    table.values[row] = i;
    assert.equal(table.values[table.find(i, i * 7, 0xffff, i * 31, i & 3)], i);
  }
  assert.equal(table.count, 64);
  assert.equal(table.evicted, 576);
});

Deno.test("a visitor may remove the row that it is shown", () => {
  const table = new AddressTable(16, 0, 3);
  for (let i = 0; i < 16; i++) table.insert(0, 0, 0, i, 0, i);
  table.each((row) => {
    if (table.key(row, 3) % 2 === 0) table.remove(row);
  });
  assert.equal(table.count, 8);
  for (let i = 0; i < 16; i++) assert.equal(table.find(0, 0, 0, i, 0) >= 0, i % 2 === 1);
});

Deno.test("removing a free row does nothing, and a table of no size is refused", () => {
  const table = new AddressTable(4, 0, 3);
  const row = table.insert(1, 2, 3, 4, 5, 6);
  table.remove(row);
  table.remove(row);
  assert.equal(table.count, 0);
  assert.equal(table.holds(row), false);
  for (const capacity of [0, -1, NaN, 2 ** 31]) assert.throws(() => new AddressTable(capacity, 0, 0), RangeError);
});

Deno.test("rows come one at a time, without ended ones, while the table changes", () => {
  const table = new AddressTable(16, 0, 1);
  for (let n = 0; n < 8; n++) table.insert(0, 0, 0xffff, n, 0, 100 + n);
  const seen: number[] = [];
  for (const row of table.rows(101)) {
    seen.push(table.key(row, 3));
    if (seen.length === 1) table.remove(table.find(0, 0, 0xffff, 4, 0));
    if (seen.length === 2) table.insert(0, 0, 0xffff, 9, 0, 200);
    if (seen.length === 3) table.insert(0, 0, 0xffff, 10, 0, 200);
  }
  // 0 and 1 have ended, 9 came into the row of 4, 10 behind all.
  assert.deepEqual(seen, [2, 3, 9, 5, 6, 7, 10]);
});

Deno.test("the count of evicted entries is never below 0", () => {
  const made: Int32Array[] = [];
  const int32 = (length: number): Int32Array => made[made.push(new Int32Array(length)) - 1]!;
  const table = new AddressTable(1, 1, 1, Object.assign(new OwnTableMemory(), { int32 }));
  const evict = (client: number) => table.insert(0, 0, 0xffff, client, 0, 1000);
  evict(1);
  evict(2);
  assert.equal(table.evicted, 1);
  // The word that counts, as it is after days of a full table that is flooded.
  made.at(-1)![1] = 2 ** 31 - 1;
  evict(3);
  assert.equal(table.evicted, 2 ** 31);
});
