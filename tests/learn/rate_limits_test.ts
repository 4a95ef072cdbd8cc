import assert from "node:assert/strict";
import { RateLimits } from "../../lib/learn/rate_limits.ts";
import { AddressTable } from "../../lib/state/address_table.ts";

Deno.test("events of a kind are limited per period, the rest counted and told with the next", () => {
  const rateLimits = new RateLimits(new AddressTable(16, 3, 1));
  const allow = (now: number, client = 1, kind = 7) => rateLimits.allow(0, 0, 0xffff, client, kind, now, 2, 1000);
  assert.deepEqual([allow(0), allow(1), allow(2), allow(999)], [true, true, false, false]);
  assert.equal(rateLimits.total, 2);
  assert.equal(allow(500, 2), true, "another client has its own count");
  assert.equal(rateLimits.suppressed, 0);
  assert.equal(allow(500, 1, 8), true, "another kind too");
  assert.equal(allow(1000), true);
  assert.equal(rateLimits.suppressed, 2);
  assert.equal(allow(1001), true);
  assert.equal(rateLimits.suppressed, 0);
  assert.equal(allow(1002), false);
});

Deno.test("a flood of clients displaces old counts and takes no more memory", () => {
  const table = new AddressTable(8, 2, 1);
  const rateLimits = new RateLimits(table);
  for (let client = 0; client < 1000; client++) {
    assert.equal(rateLimits.allow(0, 0, 0xffff, client, 1, client, 1, 60_000), true);
  }
  assert.equal(table.count, 8);
});
