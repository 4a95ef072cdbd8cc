import assert from "node:assert/strict";
import { FAN_OUT_HOSTS, FanOuts } from "../../lib/state/fan_outs.ts";

const WINDOW = 480;
const MEMORY = 4800;
const NEAR = 16;

/** Conversations of one client: `[host, first, second, tick]`, all of them marked but those with a fifth `false`. */
function counted(meetings: readonly (readonly [number, number, number, number, boolean?])[], at: number) {
  const found = new FanOuts(4, 7);
  for (const [host, first, second, tick, marked = true] of meetings) {
    found.met(0, 0, 0, 5, 1, host, first, second, false, NEAR, tick, MEMORY, tick * 125);
    if (marked) found.mark(0, 0, 0, 5, 1, host);
  }
  found.count(0, 0, 0, 5, 1, NEAR, at, WINDOW, MEMORY);
  return { hosts: found.hosts, marked: found.marked };
}

Deno.test("hosts whose flights have other lengths count, each once", () => {
  assert.deepEqual(counted([[1, 100, 600, 0], [2, 300, 200, 1], [3, 120, 300, 2, false]], 3), { hosts: 3, marked: 2 });
  assert.deepEqual(counted([[1, 100, 600, 0], [1, 300, 200, 1]], 3), { hosts: 1, marked: 1 });
});

Deno.test("hosts that are shown the same lengths do not count, nor one that is shown the same again", () => {
  const same = [1, 2, 3, 4, 5].map((host) => [host, 183, 176, host] as const);
  assert.deepEqual(counted(same, 6), { hosts: 0, marked: 0 });
  const nearly = [1, 2, 3, 4, 5].map((host) => [host, 108 + host * 3, 119 - host * 3, host] as const);
  assert.deepEqual(counted(nearly, 6), { hosts: 0, marked: 0 });
  assert.deepEqual(counted([[1, 183, 176, 0], [1, 183, 177, 1], [2, 400, 300, 1]], 2), { hosts: 1, marked: 1 });
  // Once one length differs they are two.
  assert.deepEqual(counted([[1, 183, 176, 0], [2, 183, 400, 0]], 2), { hosts: 2, marked: 2 });
});

Deno.test("a conversation counts within the window, and a new one takes the mark of the one before", () => {
  assert.deepEqual(counted([[1, 100, 600, 0], [2, 300, 200, 400]], 481), { hosts: 1, marked: 1 });
  assert.deepEqual(counted([[1, 100, 600, 0], [1, 300, 200, 9, false]], 10), { hosts: 1, marked: 0 });
  assert.deepEqual(counted([], 10), { hosts: 0, marked: 0 });
});

Deno.test("the last hosts are remembered, as many as there is room for", () => {
  const many = Array.from({ length: 40 }, (_, at) => [at + 1, 96 + at * 13 % 500, 600 - at * 29 % 480, at] as const);
  const { hosts } = counted(many, 41);
  assert.ok(hosts > FAN_OUT_HOSTS / 2 && hosts <= FAN_OUT_HOSTS, `${hosts}`);
});

Deno.test("clients and protocols are counted apart; who is unknown has none", () => {
  const found = new FanOuts(4, 7);
  found.met(0, 0, 0, 5, 1, 9, 100, 600, false, NEAR, 0, MEMORY, 0);
  found.mark(0, 0, 0, 6, 1, 9);
  found.mark(0, 0, 0, 5, 2, 9);
  found.mark(0, 0, 0, 5, 1, 8);
  found.count(0, 0, 0, 6, 1, NEAR, 1, WINDOW, MEMORY);
  assert.equal(found.hosts, 0);
  found.count(0, 0, 0, 5, 1, NEAR, 1, WINDOW, MEMORY);
  assert.deepEqual([found.hosts, found.marked], [1, 0]);
});

Deno.test("a conversation agrees with others that went on so, not with tunnels that did not", () => {
  const agrees = (others: readonly (readonly [first: number, marked: boolean, open?: boolean])[]) => {
    const found = new FanOuts(4, 7);
    for (const [at, [first, marked, open = false]] of others.entries()) {
      found.met(0, 0, 0, 5, 1, 10 + at, first, 700 - first, open, NEAR, at, MEMORY, 0);
      if (marked) found.mark(0, 0, 0, 5, 1, 10 + at);
    }
    found.met(0, 0, 0, 5, 1, 99, 600, 600, true, NEAR, 20, MEMORY, 0);
    return found.agrees(0, 0, 0, 5, 1, 99, NEAR, 20, MEMORY);
  };
  assert.equal(agrees([]), true);
  assert.equal(agrees([[100, true], [200, false]]), true);
  assert.equal(agrees([[100, false, true], [200, false, true]]), true);
  assert.equal(agrees([[100, false]]), false);
  assert.equal(agrees([[100, true], [200, false], [300, false]]), false);
  assert.equal(new FanOuts(4, 7).agrees(0, 0, 0, 5, 1, 99, NEAR, 20, MEMORY), false);
});
