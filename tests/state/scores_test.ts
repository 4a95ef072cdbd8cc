import assert from "node:assert/strict";
import { REMEMBERED_PEERS, Scores } from "../../lib/state/scores.ts";

/** Half-life 10 minutes, window 30 minutes, in eighths of a second. */
const HALF = 600 * 8;
const WINDOW = 1800 * 8;

function add(scores: Scores, peer: number, points: number, tick: number, client = 5, protocol = 1): void {
  scores.add(0, 0, 0xffff, client, protocol, peer, points, tick, HALF, WINDOW, tick * 125);
}

Deno.test("a score belongs to one client and protocol, and halves with each half-life", () => {
  const scores = new Scores(16, 1);
  add(scores, 11, 40, 1000);
  assert.deepEqual([scores.before, scores.after, scores.peers], [0, 40, 1]);
  add(scores, 12, 40, 1000 + HALF);
  assert.deepEqual([scores.before, scores.after, scores.peers], [20, 60, 2]);
  add(scores, 11, 40, 1000 + HALF, 6);
  assert.equal(scores.after, 40);
  add(scores, 11, 40, 1000 + HALF, 5, 2);
  assert.equal(scores.after, 40);
  assert.equal(scores.read(0, 0, 0xffff, 5, 1, 1000 + 2 * HALF, HALF), 30);
  assert.equal(scores.read(0, 0, 0xffff, 99, 1, 1000, HALF), 0);
});

Deno.test("one peer counts once within the window, and again after it", () => {
  const scores = new Scores(16, 1);
  for (let i = 0; i < 10; i++) add(scores, 11, 10, 1000 + i);
  assert.ok(Math.abs(scores.after - 10) < 0.1);
  assert.equal(scores.peers, 1);
  add(scores, 11, 10, 1010 + WINDOW + 1);
  assert.ok(scores.after > 10);
});

Deno.test("sixteen distinct peers are remembered, the seventeenth pushes the first out", () => {
  const scores = new Scores(16, 1);
  for (let peer = 1; peer <= 17; peer++) add(scores, peer, 1, 1000);
  assert.equal(scores.peers, 16);
  add(scores, 17, 1, 1000);
  assert.equal(scores.after, scores.before, "known");
  add(scores, 1, 1, 1000);
  assert.ok(scores.after > scores.before, "forgotten, so it counts again");
});

Deno.test("peers beyond the window do not count as distinct", () => {
  const scores = new Scores(16, 1);
  add(scores, 1, 10, 1000);
  add(scores, 2, 10, 1000 + WINDOW + 1);
  assert.equal(scores.peers, 1);
});

Deno.test("facts count for more with enough distinct peers in the fan-out time", () => {
  const scores = new Scores(16, 1);
  const add = (peer: number, tick: number) => {
    scores.fanOutTicks = 480;
    scores.fanOutPeers = 4;
    scores.fanOutPoints = 40;
    scores.add(0, 0, 0xffff, 1, 0, peer, 10, tick, 1e9, 4800, tick * 125);
    return Math.round(scores.after);
  };
  assert.deepEqual([1, 2, 3, 4, 5].map((peer) => add(peer, peer)), [10, 20, 30, 70, 110]);
  assert.equal(add(6, 2000), 120, "the others are long ago");
  scores.add(0, 0, 0xffff, 1, 0, 7, 10, 2001, 1e9, 4800, 2001 * 125);
  assert.equal(Math.round(scores.after), 130, "asked for once, it holds once");
});

Deno.test("a fan-out to as many peers as are remembered shows with each further flow", () => {
  const scores = new Scores(16, 1);
  const fans = (peer: number, least: number): boolean => {
    scores.fanOutTicks = 480;
    scores.fanOutPeers = least;
    scores.add(0, 0, 0xffff, 1, 0, peer, 10, peer, 1e9, 4800, peer * 125);
    return scores.fannedOut;
  };
  const peers = Array.from({ length: REMEMBERED_PEERS }, (_, i) => i + 1);
  assert.deepEqual(peers.map((peer) => fans(peer, REMEMBERED_PEERS)), peers.map((peer) => peer === REMEMBERED_PEERS));
  assert.ok(peers.every((peer) => fans(peer, REMEMBERED_PEERS)), "known peers, again");
  assert.ok(!peers.some((peer) => fans(peer, REMEMBERED_PEERS + 1)), "more than are remembered");
});
