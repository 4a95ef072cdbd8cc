import assert from "node:assert/strict";
import fc from "fast-check";
import { TABLE_LOCK_BYTES, TableLock } from "../../lib/state/table_lock.ts";
import { parseAddress } from "../../lib/net/address.ts";
import type { Policy } from "../../lib/policy/policy.ts";
import { openCapture } from "../../lib/replay/capture.ts";
import { Link } from "../../lib/replay/link.ts";
import { SharedTableMemory } from "../../lib/state/table_memory.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { stateContext } from "../../lib/daemon/state_store.ts";
import { NOT_IP } from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { SYN } from "../../lib/wire/transport.ts";
import { dnsAnswer, dnsQuestion } from "../support/dns_message.ts";
import { EngineGroup } from "../support/engine_group.ts";
import { decode, readEnd, tcpPacket, udpPacket } from "../support/packets.ts";
import { policyOf } from "../support/story.ts";
import { readBytes } from "../support/bytes.ts";
import { writeState } from "../support/state_text.ts";

const GOLDEN = new URL("../golden/", import.meta.url).pathname;
const WALL = Date.parse("2026-05-04T10:00:00Z");

/** What state file and tables say of a group. */
function learned(group: EngineGroup): string {
  const { state, policy, trainer, clock } = group.engines[0]!;
  const context = stateContext(policy, (number) => trainer.pattern(number), clock.now, clock.wallOffset);
  const { endpoints, scores, neighbours, rateLimits, everyday } = state;
  const counts = [endpoints, scores.table, neighbours, rateLimits, everyday].map((table) => table.count);
  return `${writeState(state, context)}${counts}`;
}

Deno.test("engines that share tables judge all golden captures as one engine does", () => {
  const policy = policyOf('[network]\nhome = ["10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"]\n');
  const groups = [1, 2, 5].map((size) => new EngineGroup(policy, size));
  const verdicts = groups.map(() => [] as number[]);
  let now = 7_000_000;
  for (const { name } of [...Deno.readDirSync(GOLDEN)].filter(({ isDirectory }) => isDirectory)) {
    groups.forEach((group, i) => {
      using source = openCapture(`${GOLDEN}${name}/capture.pcap`);
      const link = new Link();
      const packet = new Packet();
      let at = now;
      while (source.next()) {
        at += 3;
        if (at % 999 === 0) group.tick(at, WALL + at);
        const start = link.decode(source.bytes, source.view, source.start, source.end, source.linkType);
        packet.macHigh = link.macHigh;
        packet.macLow = link.macLow;
        const outcome = start < 0
          ? NOT_IP
          : packet.decode(source.bytes, source.view, start, source.end, source.wireLength - (start - source.start));
        if (start < 0) packet.family = 0;
        verdicts[i]!.push(group.judge(packet, outcome, at));
      }
    });
    now += 120_000;
    for (const group of groups) group.tick(now, WALL + now);
  }
  assert.ok(groups[0]!.events.filter(({ event }) => event === "locked").length >= 3);
  assert.ok(groups[0]!.events.length > 50 && verdicts[0]!.length > 500);
  for (const [i, group] of groups.entries()) {
    assert.ok(Math.min(...group.given) > 20, `every engine has its part: ${group.given}`);
    assert.deepEqual(group.events, groups[0]!.events);
    assert.deepEqual(verdicts[i], verdicts[0]);
    assert.equal(learned(group), learned(groups[0]!));
  }
});

const PING = readBytes('27 00000029 80 "KaZaA" 00', new Map());
const POLICIES: readonly Policy[] = [
  policyOf(`
[network]
home = ["10.0.0.0/8"]
[lock]
seconds = 20
[score]
threshold = 3
peers = 2
[protocols.bittorrent]
names = ["*.tracker.example"]
hints = ["*.index.example"]
`),
  policyOf(`
[network]
home = ["10.0.0.0/8"]
exempt = ["10.0.0.2", "203.0.113.2"]
[lock]
seconds = 40
[protocols.bittorrent]
names = ["*.cdn.example", "*.tracker.example"]
`),
];

const client = fc.integer({ min: 1, max: 4 }).map((i) => `10.0.0.${i}`);
const peer = fc.integer({ min: 1, max: 12 }).map((i) => `203.0.113.${i}`);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("ping" as const), client, peer, back: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("connect" as const), client, peer }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("hide" as const), client, peer, byte: fc.nat(255) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("resolve" as const),
      client,
      peer,
      name: fc.constantFrom(
        "a.tracker.example",
        "b.cdn.example",
        "c.index.example",
        "www.example.org",
        "d.example.net",
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("adopt" as const), policy: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lock" as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unlock" as const), client }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Does the steps; answers everything that can be told of it. */
function tell(group: EngineGroup, steps: readonly Step[]): unknown[] {
  const told: unknown[] = [];
  const packet = new Packet();
  let now = 7_000_000;
  let id = 0;
  const say = (bytes: Uint8Array) => told.push(group.judge(packet, decode(packet, bytes), now));
  const keeper = group.engines[0]!;
  group.tick(now, WALL + now);
  for (const one of steps) {
    now += 10;
    for (const engine of group.engines) engine.clock.set(now);
    switch (one.do) {
      case "ping": {
        const ends = [readEnd(`${one.client}:1214`), readEnd(`${one.peer}:1214`)] as const;
        say(one.back ? udpPacket(ends[1], ends[0], PING) : udpPacket(ends[0], ends[1], PING));
        break;
      }
      case "connect":
        say(tcpPacket(readEnd(`${one.client}:${4000 + id++ % 99}`), readEnd(`${one.peer}:80`), SYN, 1));
        break;
      case "hide": {
        const noise = Uint8Array.from({ length: 20 }, (_, i) => (one.byte + i * 89) & 255);
        say(udpPacket(readEnd(`${one.client}:6881`), readEnd(`${one.peer}:6881`), noise));
        break;
      }
      case "resolve": {
        const [from, to] = [readEnd(`${one.client}:${5000 + ++id % 99}`), readEnd("9.9.9.9:53")];
        say(udpPacket(from, to, dnsQuestion(id, one.name)));
        say(udpPacket(to, from, dnsAnswer(id, one.name, [{ type: "A", value: one.peer, ttl: 60 }])));
        break;
      }
      case "pass":
        for (let i = 0; i < one.seconds; i++) group.tick(now += 1000, WALL + now);
        break;
      case "adopt":
        group.adopt(POLICIES[one.policy]!);
        break;
      case "lock":
        keeper.hold(() =>
          keeper.learner.timeLocks.lock(
            ...parseAddress(one.client)!,
            ...[-1, "operator", "operator", 15_000, 0, "operator", "because"] as const,
          )
        );
        break;
      case "unlock":
        keeper.hold(() => {
          const row = keeper.state.locks.table.find(...parseAddress(one.client)!, 0);
          if (row >= 0) keeper.learner.timeLocks.release(row, "operator");
        });
        break;
    }
    for (const engine of group.engines) told.push(...engine.outbox.take());
    told.push(keeper.learner.epoch);
  }
  return [...told, ...group.events, learned(group)];
}

Deno.test("engines that share tables judge any packets in any order as one engine does", () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 120 }), fc.integer({ min: 2, max: 4 }), (steps, size) => {
      const one = new EngineGroup(POLICIES[0]!, 1, 1 << 20);
      const several = new EngineGroup(POLICIES[0]!, size, 1 << 20);
      assert.deepEqual(tell(several, steps), tell(one, steps));
      for (const { event } of one.events) kinds.add(event);
    }),
    { numRuns: 150 },
  );
  for (const kind of ["locked", "released", "renewed", "peer-learned", "trained", "refused", "detected"]) {
    assert.ok(kinds.has(kind), `no ${kind} among ${[...kinds]}`);
  }
});

Deno.test("a full block list stays whole for all that share it", () => {
  const group = new EngineGroup(POLICIES[0]!, 3, 1 << 20);
  const packet = new Packet();
  const { capacity } = group.engines[0]!.state.peers;
  for (let i = 0; i < capacity * 2; i++) {
    const bytes = udpPacket(readEnd(`10.0.${i % 200}.1:1214`), readEnd(`203.${i >> 8 & 255}.${i & 255}.7:1214`), PING);
    group.judge(packet, decode(packet, bytes), 1000 + i);
  }
  for (const { state } of group.engines) {
    assert.equal(state.peers.count, capacity);
    assert.ok(state.peers.evicted > capacity / 2);
    let rows = 0;
    state.peers.each((row) => {
      rows++;
      const key = (word: number) => state.peers.key(row, word);
      assert.equal(state.peers.find(key(0), key(1), key(2), key(3), key(4)), row);
    });
    assert.equal(rows, capacity);
  }
});

Deno.test("threads exclude each other: nothing that they count is lost", async () => {
  const lockMemory = new SharedArrayBuffer(TABLE_LOCK_BYTES);
  const count = new SharedArrayBuffer(8);
  const TIMES = 40_000;
  const workers = [1, 2, 3].map(() =>
    new Worker(new URL("../support/table_lock_thread.ts", import.meta.url), { type: "module" })
  );
  const said = (worker: Worker) => new Promise((resolve) => worker.onmessage = resolve);
  await Promise.all(workers.map(said));
  const done = workers.map(said);
  for (const worker of workers) worker.postMessage({ lockMemory, count, times: TIMES });
  const own = new TableLock(lockMemory);
  const words = new Int32Array(count);
  for (let i = 0; i < TIMES; i++) {
    own.hold(() => {
      const seen = words[0]!;
      words[1] = i;
      words[0] = seen + 1;
    });
  }
  await Promise.all(done);
  for (const worker of workers) worker.terminate();
  assert.equal(words[0], 4 * TIMES);
});

Deno.test("the lock is re-entrant, and waiting for one that is never released is an error", () => {
  const memory = new SharedArrayBuffer(TABLE_LOCK_BYTES);
  const [one, other] = [new TableLock(memory), new TableLock(memory, 30)];
  const ends: string[] = [];
  one.hooks = { onAcquire: () => ends.push("begun"), onRelease: () => ends.push("ends") };
  one.acquire();
  assert.equal(one.hold(() => 7), 7);
  assert.deepEqual(ends, ["begun"]);
  assert.throws(() => other.acquire(), /^Error: Cannot go on: another thread has held the tables for 0.03 s$/);
  one.release();
  assert.deepEqual(ends, ["begun", "ends"]);
  assert.throws(() => one.hold(() => JSON.parse("{")), SyntaxError);
  other.hold(() => assert.throws(() => new TableLock(memory, 30).acquire(), /Cannot go on/));
  one.hold(() => {});
});

Deno.test("news of one thread are seen once by the next holder, in order", () => {
  const memory = new SharedArrayBuffer(TABLE_LOCK_BYTES);
  const [main, ...others] = [new TableLock(memory), new TableLock(memory), new TableLock(memory)];
  let heard = 0;
  main!.hooks = { onAcquire: () => heard += main!.takeNews() ? 1 : 0, onRelease: () => {} };
  main!.catchUp();
  assert.equal(heard, 0, "nothing was told");
  const numbers = [0, 1, 0].map((i) => others[i]!.hold(() => others[i]!.announce()));
  assert.deepEqual(numbers, [1, 2, 3]);
  main!.catchUp();
  main!.catchUp();
  assert.equal(heard, 1);
});

Deno.test("tables can only be shared by states of the same capacities", () => {
  const ground = new SharedTableMemory();
  const capacity = capacityFor(4 << 20);
  new State(capacity, 1, ground);
  assert.throws(
    () => new State({ ...capacity, peers: 7 }, 1, new SharedTableMemory(ground.blocks)),
    /^RangeError: Cannot share a table: 28 bytes wanted, \d+ given$/,
  );
  assert.throws(() => new State(capacity, 1, new SharedTableMemory(ground.blocks.slice(0, 9))), /wanted, none given$/);
});
