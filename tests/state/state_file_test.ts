import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAddress, type Words } from "../../lib/net/address.ts";
import type { Lock } from "../../lib/state/locks.ts";
import { type StateContext, stateLines } from "../../lib/state/state_file.ts";
import { StateReader } from "../../lib/state/state_reader.ts";
import { ADVERTISED, capacityFor, CONFIRMED, PATTERN, PROTOCOL, State } from "../../lib/state/state.ts";
import { readState, writeState } from "../support/state_text.ts";

const WALL = Date.parse("2026-05-04T10:00:00Z");
const PATTERNS = ["*.winmx.com", ".example.net"];

/** A machine whose monotonic clock says `now` when its wall clock is `wall`. */
function contextAt(now: number, wall: number = WALL): StateContext {
  return {
    protocols: ["fasttrack", "winmx", "bittorrent"],
    storedProtocol: 0,
    pattern: (number) => PATTERNS[number] ?? "",
    patternNumber: (text) => PATTERNS.indexOf(text),
    isExempt: (words) => words[3] === wordsOf("10.0.0.99")[3] || words[3] === wordsOf("198.51.100.99")[3],
    isHome: (words) => (words[3] >>> 24) === 10,
    now,
    wallOffset: wall - now,
  };
}

function wordsOf(text: string): Words {
  const words = parseAddress(text);
  assert.ok(words !== null);
  return words;
}

function emptyState(): State {
  return new State(capacityFor(1 << 20), 42);
}

function lockOf(fields: Partial<Lock>): Lock {
  return {
    protocol: 0,
    protocolName: "fasttrack",
    evidence: "udp-ping",
    since: 1000,
    length: 120_000,
    renewals: 2,
    by: "detector",
    reason: "",
    macHigh: 0,
    macLow: 0,
    port: 1214,
    probeAt: 0,
    probes: 0,
    announced: 0,
    ...fields,
  };
}

function filled(): State {
  const state = emptyState();
  state.locks.set(...wordsOf("10.0.0.5"), 121_000, lockOf({}));
  const reason = "über = laut\n#%";
  const byHand = lockOf({ protocol: -1, protocolName: "operator", evidence: "operator", by: "operator", reason });
  state.locks.set(...wordsOf("2001:db8::5"), 99_000, byHand);
  state.peers.insert(...wordsOf("198.51.100.7"), 1214, 3_600_000);
  state.peers.insert(...wordsOf("2001:db8:9::7"), 6699, 3_600_000);
  const trained = state.trained.insert(...wordsOf("203.0.113.9"), 0, 900_000) * 2;
  state.trained.values[trained + PROTOCOL] = 1;
  state.trained.values[trained + PATTERN] = 1;
  const everyday = (address: string, port: number, name: number, names: number) =>
    state.everyday.values.set([name, names], state.everyday.insert(...wordsOf(address), port, 900_000) * 3);
  everyday("203.0.113.10", 0, 0, 2);
  everyday("203.0.113.10", 8443, 0, 2);
  everyday("2001:db8:9::8", 0, 0x9abcdef2 | 0, 1);
  const endpoint = (address: string, port: number, kind: number, witness: number) => {
    const at = state.endpoints.insert(...wordsOf(address), port, 3_600_000) * 3;
    state.endpoints.values.set([1, kind, witness], at);
  };
  endpoint("203.0.113.20", 6881, CONFIRMED, 0);
  endpoint("10.0.0.5", 51413, CONFIRMED, 0x9abcdef1 | 0);
  // Neither what was only advertised nor what is known of a client is kept.
  endpoint("203.0.113.21", 6881, ADVERTISED, 0);
  endpoint("10.0.0.5", 0x10001, CONFIRMED, 0);
  state.allowances.insert(...wordsOf("10.0.0.9"), 0, 7_200_000);
  return state;
}

Deno.test("what was written reads back the same on a machine with another monotonic clock", () => {
  const text = writeState(filled(), contextAt(2000));
  const state = emptyState();
  const restored = readState(text, state, contextAt(777_000));
  assert.deepEqual(restored, {
    ...{ locks: 2, peers: 2, trained: 1, everyday: 3, endpoints: 2, allowances: 1 },
    ...{ ended: 0, problems: [], bad: 0 },
  });
  assert.equal(writeState(state, contextAt(777_000)), text);
  const lock = state.locks.at(state.locks.find(...wordsOf("2001:db8::5"), 777_000));
  assert.equal(lock.reason, "über = laut\n#%");
  assert.equal(lock.by, "operator");
  const row = state.locks.find(...wordsOf("10.0.0.5"), 777_000);
  assert.equal(state.locks.table.deadline[row], 777_000 + 119_000);
});

Deno.test("any reason of any length survives, and breaks no line", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (reason) => {
    for (const torn of [reason, reason + "\ud800"]) {
      const state = emptyState();
      state.locks.set(...wordsOf("10.0.0.5"), 121_000, lockOf({ by: "operator", reason: torn }));
      const text = writeState(state, contextAt(2000));
      assert.equal(text.split("\n").length, 3);
      const again = emptyState();
      assert.equal(readState(text, again, contextAt(2000)).bad, 0);
      const lock = again.locks.at(again.locks.find(...wordsOf("10.0.0.5"), 2000));
      assert.equal(lock.reason, torn.slice(0, 256).toWellFormed());
    }
  }));
});

Deno.test("entries that ended, or are exempt or at home by now, are left out and counted", () => {
  const text = [
    "ftwall state 1",
    "lock 10.0.0.5 fasttrack udp-ping since=2026-05-04T09:00:00.000Z until=2026-05-04T09:59:59.000Z length=120 renewals=0 port=0 by=detector",
    "lock 10.0.0.99 fasttrack udp-ping since=2026-05-04T09:00:00.000Z until=2026-05-04T10:01:00.000Z length=120 renewals=0 port=0 by=detector",
    "lock 10.0.0.6 nosuch x since=2026-05-04T09:00:00.000Z until=2026-05-04T10:01:00.000Z length=120 renewals=0 port=0 by=detector",
    "peer 198.51.100.7 1214 fasttrack until=2026-05-04T09:00:00.000Z",
    "peer 198.51.100.99 1214 fasttrack until=2026-05-05T09:00:00.000Z",
    "peer 10.0.0.7 1214 fasttrack until=2026-05-05T09:00:00.000Z",
    "peer 127.0.0.1 1214 fasttrack until=2026-05-05T09:00:00.000Z",
    "trained 203.0.113.9 winmx until=2026-05-05T09:00:00.000Z *.gone.example",
    "endpoint 203.0.113.20 6881 winmx until=2026-05-04T09:00:00.000Z",
    "endpoint 198.51.100.99 6881 winmx until=2026-05-05T09:00:00.000Z witness=7",
    "allow 10.0.0.9 until=2026-05-04T09:00:00.000Z",
  ].join("\n");
  const state = emptyState();
  const restored = readState(text, state, contextAt(5000));
  assert.deepEqual(restored, {
    ...{ locks: 0, peers: 0, trained: 0, everyday: 0, endpoints: 0, allowances: 0 },
    ...{ ended: 11, problems: [], bad: 0 },
  });
});

Deno.test("a clock that was set back does not make a lock longer than it ever was", () => {
  const text = writeState(filled(), contextAt(2000));
  const state = emptyState();
  readState(text, state, contextAt(2000, WALL - 365 * 86_400_000));
  const row = state.locks.find(...wordsOf("10.0.0.5"), 2000);
  assert.equal(state.locks.table.deadline[row], 2000 + 120_000);
  assert.ok(state.locks.at(row).since <= 2000);
});

Deno.test("the store of ftwall 1 is read, in all of its spellings", () => {
  const state = emptyState();
  const text = "# old\n198.51.100.1:1214\r\n198.51.100.2 3000\n198.51.100.3\n\n192.168.1.1:1214\n198.51.100.4:99999\n";
  const restored = readState(text, state, contextAt(5000));
  assert.equal(restored.peers, 3);
  assert.equal(restored.ended, 1, "a private address is no peer");
  assert.equal(restored.bad, 1);
  const row = state.peers.find(...wordsOf("198.51.100.2"), 3000);
  assert.equal(state.peers.values[row + PROTOCOL], 0);
  assert.ok(state.peers.find(...wordsOf("198.51.100.3"), 1214) >= 0);
  assert.equal(state.peers.deadline[row], 5000 + 86_400_000);
});

Deno.test("bad lines are counted, twenty are told, and none of them stops the reading", () => {
  const good = "peer 198.51.100.7 1214 fasttrack until=2026-05-05T10:00:00.000Z";
  const bad = [
    "lock",
    "lock 10.0.0.5",
    "lock x fasttrack udp-ping since=2026-05-04T10:00:00Z until=2026-05-04T10:02:00Z length=1 renewals=0 port=0 by=detector",
    "lock 10.0.0.5 fasttrack e since=yesterday until=2026-05-04T10:02:00Z length=120 renewals=0 port=0 by=detector",
    "lock 10.0.0.5 fasttrack e since=2026-05-04T10:00:00Z until=2026-05-04T10:02:00Z length=-1 renewals=0 port=0 by=detector",
    "lock 10.0.0.5 fasttrack e since=2026-05-04T10:00:00Z until=2026-05-04T10:02:00Z length=120 renewals=0 port=70000 by=detector",
    "lock 10.0.0.5 fasttrack e since=2026-05-04T10:00:00Z until=2026-05-04T10:02:00Z length=120 renewals=2147483648 port=0 by=detector",
    "lock 10.0.0.5 fasttrack e since=2026-05-04T10:00:00Z until=2026-05-04T10:02:00Z length=120 renewals=0 port=0 by=nobody",
    "peer 198.51.100.7 x fasttrack until=2026-05-05T10:00:00.000Z",
    "peer 198.51.100.7 1214 nosuch until=2026-05-05T10:00:00.000Z",
    "peer 198.51.100.7 1214 fasttrack until=2026-13-45T99:00:00.000Z",
    "trained 203.0.113.9 winmx",
    "allow nobody until=2026-05-05T10:00:00.000Z",
    "allow 10.0.0.9 until=+infinity",
    "ftwall state 2",
    "__proto__ 1 2 3",
    `peer 198.51.100.8 1 fasttrack until=2026-05-05T10:00:00.000Z ${"x".repeat(5000)}`,
    "\u0000\u0001",
    ...Array.from({ length: 30 }, (_, i) => `nonsense ${i}`),
  ];
  const state = emptyState();
  const restored = readState([...bad, good].join("\n"), state, contextAt(5000));
  assert.equal(restored.bad, bad.length);
  assert.equal(restored.problems.length, 20);
  assert.equal(restored.peers, 1);
  assert.equal(restored.locks + restored.trained + restored.allowances, 0);
  assert.ok(restored.problems.every((problem) => /^line \d+: /.test(problem) && problem.length < 200));
});

Deno.test("any text is read without an exception, and any mutation of a true one", () => {
  const text = writeState(filled(), contextAt(2000));
  const cut = fc.tuple(fc.nat(text.length), fc.nat(20), fc.string({ unit: "binary", maxLength: 8 }));
  fc.assert(fc.property(fc.string({ unit: "binary" }), cut, (any, [at, length, put]) => {
    for (const hostile of [any, text.slice(0, at) + put + text.slice(at + length)]) {
      const state = emptyState();
      const restored = readState(hostile, state, contextAt(3000));
      assert.ok(restored.locks <= 2 && state.locks.count === restored.locks);
      // What was believed can be written again.
      writeState(state, contextAt(3000));
    }
  }));
});

Deno.test("a file larger than the tables fills them and no more", () => {
  const state = new State({ ...capacityFor(1 << 20), peers: 16 }, 1);
  const lines = Array.from({ length: 500 }, (_, i) => `203.0.${1 + (i >> 8)}.${i & 255}:1214`);
  readState(lines.join("\n"), state, contextAt(5000));
  assert.equal(state.peers.count, 16);
});

/** What a reader makes of a text that comes in pieces of these lengths, in turn. */
function inPieces(text: string, lengths: readonly number[], state: State, context: StateContext) {
  const reader = new StateReader(state, context);
  let at = 0;
  for (let i = 0; at < text.length; i++) {
    const length = Math.max(1, lengths[i % lengths.length]!);
    if (!reader.push(text.slice(at, at + length))) break;
    at += length;
  }
  return reader.end();
}

Deno.test("it makes no difference in which pieces a file is read", () => {
  const text = writeState(filled(), contextAt(2000));
  const lengths = fc.array(fc.nat(90), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(text.length), lengths, (any, at, cuts) => {
    const hostile = `${text.slice(0, at)}${any}\n${text.slice(at)}${any}`;
    const whole = emptyState();
    const pieces = emptyState();
    const found = readState(hostile, whole, contextAt(3000));
    assert.deepEqual(inPieces(hostile, cuts, pieces, contextAt(3000)), found);
    assert.equal(writeState(pieces, contextAt(3000)), writeState(whole, contextAt(3000)));
  }));
});

Deno.test("of an endless line only the beginning is kept, and what follows it is read", () => {
  const state = emptyState();
  const reader = new StateReader(state, contextAt(5000));
  const before = Deno.memoryUsage().heapUsed;
  for (let i = 0; i < 2000; i++) assert.ok(reader.push(String.fromCharCode(97 + i % 26).repeat(100_000)));
  const grown = Deno.memoryUsage().heapUsed - before;
  assert.ok(grown < 100 << 20, `200 MB of one line took ${grown} bytes`);
  reader.push("\n198.51.100.1:1214\n");
  const { bad, problems, peers } = reader.end();
  assert.deepEqual([bad, peers], [1, 1]);
  assert.equal(problems[0], `line 1: it is too long: "${"a".repeat(80)}"`);
});

Deno.test("reading stops after a hundred thousand bad lines, and says so", () => {
  const state = emptyState();
  const reader = new StateReader(state, contextAt(5000));
  const piece = "x\n".repeat(10_000);
  let pieces = 0;
  while (pieces < 100 && reader.push(piece)) pieces++;
  assert.equal(pieces, 9);
  assert.equal(reader.push("198.51.100.1:1214\n"), false);
  const { bad, problems, peers } = reader.end();
  assert.deepEqual([bad, peers, problems.length], [100_001, 0, 21]);
  assert.equal(problems.at(-1), "all after line 100000: 100000 lines could not be read");
});

Deno.test("while the tables change each line is true, and what stays is written once", () => {
  const state = emptyState();
  const insert = (n: number) => state.peers.insert(0, 0, 0xffff, (198 << 24) + n, 1214, 3_600_000);
  for (let n = 0; n < 200; n++) insert(n);
  state.locks.set(...wordsOf("10.0.0.5"), 121_000, lockOf({}));
  let text = "";
  let count = 0;
  for (const line of stateLines(state, contextAt(2000))) {
    text += line;
    // Odd ones go, before or behind the walk, and others come into their rows.
    if (++count % 2 === 0) {
      const n = (count * 37) % 200 | 1;
      const row = state.peers.find(0, 0, 0xffff, (198 << 24) + n, 1214);
      if (row >= 0) state.peers.remove(row);
      insert(1000 + count);
      state.locks.remove(state.locks.table.find(...wordsOf("10.0.0.5"), 0));
      state.locks.set(...wordsOf("10.0.0.5"), 121_000, lockOf({}));
    }
  }
  const again = emptyState();
  assert.equal(readState(text, again, contextAt(2000)).bad, 0);
  const written = text.split("\n");
  for (let n = 0; n < 200; n += 2) {
    assert.equal(written.filter((line) => line.startsWith(`peer 198.0.0.${n} `)).length, 1, `198.0.0.${n}`);
  }
  assert.equal(again.locks.count, 1);
});

Deno.test("names and reasons of restored locks are whole, however often they occur", () => {
  const state = emptyState();
  const reason = "a reason of more than thirteen characters";
  const line = `lock 10.0.0.5 operator a-long-name-of-evidence since=2026-05-04T10:00:00.000Z ` +
    `until=2026-05-04T10:01:00.000Z length=120 renewals=0 port=0 by=operator reason=${encodeURIComponent(reason)}\n`;
  readState(line + line.replace("10.0.0.5", "10.0.0.6"), state, contextAt(5000));
  const [one, two] = ["10.0.0.5", "10.0.0.6"].map((client) =>
    state.locks.at(state.locks.find(...wordsOf(client), 5000))
  );
  assert.deepEqual([one!.evidence, one!.reason, one!.by], ["a-long-name-of-evidence", reason, "operator"]);
  assert.deepEqual([two!.evidence, two!.protocolName], [one!.evidence, "operator"]);
});

Deno.test("renewals stop counting at the most that a row holds, and survive the file", () => {
  const state = emptyState();
  const row = state.locks.set(...wordsOf("10.0.0.5"), 121_000, lockOf({ renewals: 2 ** 31 - 2 }));
  for (let i = 0; i < 3; i++) state.locks.at(row).renewals++;
  assert.equal(state.locks.at(row).renewals, 2 ** 31 - 1);
  const again = emptyState();
  assert.deepEqual(readState(writeState(state, contextAt(2000)), again, contextAt(3000)).problems, []);
  assert.equal(again.locks.at(again.locks.find(...wordsOf("10.0.0.5"), 3000)).renewals, 2 ** 31 - 1);
});
