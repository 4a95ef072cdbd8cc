import assert from "node:assert/strict";
import { type Classifier, UNRELATED } from "../../lib/protocol/classifier.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { fasttrack } from "../../lib/protocol/fasttrack/mod.ts";
import { Engine } from "../../lib/judge/engine.ts";
import type { TrafficEvent } from "../../lib/learn/event.ts";
import { type LiveQueue, type LiveQueues, Pump } from "../../lib/loop/pump.ts";
import { freeMarks } from "../../lib/policy/marks.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { NF_ACCEPT, NF_DROP, NF_REPEAT, PACKET, QueueMessage } from "../../lib/wire/nfqueue.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { ACK, SYN } from "../../lib/wire/transport.ts";
import { readBytes } from "../support/bytes.ts";
import { latin } from "../support/conversation.ts";
import { decode, readEnd, tcpPacket, udpPacket } from "../support/packets.ts";
import { policyOf } from "../support/story.ts";

/** One packet that the kernel asks about. */
interface Asked {
  readonly bytes: Uint8Array;
  readonly mark?: number;
  readonly hook?: number;
}

/** A verdict as it left. */
interface Given {
  readonly id: number;
  readonly code: number;
  readonly mark?: number;
}

const BURST = 64;

/** A queue of the kernel, without one: hands packets out in bursts and keeps the verdicts. */
class FakeQueue implements LiveQueue {
  readonly number = 0;
  readonly bytes = new Uint8Array(1 << 16);
  readonly view = new DataView(this.bytes.buffer);
  readonly message = new QueueMessage();
  readonly verdicts: Given[] = [];
  flushed = 0;
  fails = false;
  lingers = false;
  /** Times that the loop was about to sleep; the same when nothing more was to come. */
  waited = 0;
  slept: number | null = null;
  /** Rounds of the event loop that it let run. */
  rounds = 0;
  #at = 0;
  #burst: Asked[] = [];

  /** What waits in the kernel. */
  readonly #asked: Asked[];
  readonly #drained: () => void;

  constructor(asked: Asked[], drained: () => void) {
    this.#asked = asked;
    this.#drained = drained;
  }

  receive(): number {
    if (this.fails) return -1;
    this.#burst = this.#asked.splice(0, BURST);
    if (this.#burst.length === 0) this.#drained();
    // One message in each burst is not a packet: an acknowledgement.
    return this.#burst.length === 0 ? 0 : this.#burst.length + 1;
  }

  guess(): number {
    return 100;
  }

  linger(): boolean {
    return this.lingers;
  }

  receiveSoon(): number {
    this.waited++;
    return this.receive();
  }

  read(index: number): number {
    const asked = this.#burst[index];
    if (asked === undefined) return PACKET + 1;
    const { message } = this;
    message.packetId = ++this.#at;
    message.hook = asked.hook ?? 2;
    message.indev = 2;
    message.outdev = 3;
    message.mark = asked.mark ?? 0;
    message.macHigh = message.macLow = 0;
    this.bytes.fill(0xee, 0, 2048);
    this.bytes.set(asked.bytes, 100);
    message.payload = 100;
    message.payloadEnd = 100 + asked.bytes.length;
    message.capLength = asked.bytes.length;
    return PACKET;
  }

  verdict(id: number, code: number): void {
    this.verdicts.push({ id, code });
  }

  verdictMarked(id: number, code: number, mark: number): void {
    this.verdicts.push({ id, code, mark });
  }

  flush(): boolean {
    this.flushed++;
    return true;
  }
}

const CONFIG = `
[network]
home = ["10.0.0.0/8"]
[queue]
mask = 0x00ff0000
mark = 0x00010000
refuse_mark = 0x00020000
`;
const ACCEPT_MARK = 0x00010000;
const REFUSE_MARK = 0x00020000;

/** Pumps packets through an engine and answers what left. */
async function pumped(
  asked: readonly Asked[],
  how: {
    dryRun?: boolean;
    config?: string;
    queue?: string;
    broken?: boolean;
    fails?: boolean;
    lingers?: boolean;
    /** What arrives while others have the core, for each time that they do. */
    meanwhile?: Asked[][];
    /** What arrives in its first sleep. */
    later?: Asked[];
    /** Milliseconds that each of these times takes. */
    away?: number;
    hurried?: boolean;
    classifiers?: readonly Classifier[];
  } = {},
): Promise<
  {
    verdicts: Given[];
    events: TrafficEvent[];
    sent: number;
    faults: unknown[];
    pump: Pump;
    queue: FakeQueue;
    steps: boolean[];
  }
> {
  const events: TrafficEvent[] = [];
  const faults: unknown[] = [];
  const state = new State(capacityFor(1 << 20), 1);
  const policy = policyOf(CONFIG.replace("[queue]", `[queue]\n${how.queue ?? ""}`) + (how.config ?? ""));
  const engine = new Engine({
    policy,
    state,
    classifiers: how.classifiers ?? [fasttrack],
    emit: (event) => events.push(event),
  });
  if (how.broken === true) {
    engine.answer = () => {
      throw new Error("broken on purpose");
    };
  }
  const steps: boolean[] = [];
  let sent = 0;
  let now = 0;
  const waiting = [...asked];
  const meanwhile = how.meanwhile ?? [];
  const later = [...how.later ?? []];
  const queue = new FakeQueue(waiting, () => {
    if (meanwhile.length > 0 || later.length > 0) return;
    pump.stop();
    queue.slept ??= queue.waited;
  });
  queue.fails = how.fails ?? false;
  queue.lingers = how.lingers ?? false;
  const queues: LiveQueues = {
    list: [queue],
    wait: () => {
      queue.rounds++;
      waiting.push(...later.splice(0));
      return Promise.resolve();
    },
    waitSync: () => false,
    yieldCore: () => {
      waiting.push(...meanwhile.shift() ?? []);
      now += how.away ?? 0;
    },
    wake: () => {},
  };
  const pump: Pump = new Pump({
    engine,
    queues,
    dryRun: how.dryRun ?? false,
    now: () => now += 0.01,
    wall: () => 1_800_000_000_000,
    send: (sendings) => void (sent += sendings.length),
    record: () => {},
    beat: () => {},
    hurried: () => how.hurried ?? false,
    step: (ahead) => void steps.push(ahead),
    fault: (error) => faults.push(error),
  });
  await pump.run();
  return { verdicts: queue.verdicts, events, sent, faults, pump, queue, steps };
}

const C = readEnd("10.0.0.5:1214");
const P = readEnd("198.51.100.7:1214");
const PING = udpPacket(C, P, readBytes('27 00000029 80 "KaZaA" 00'));
const HELLO = udpPacket(C, readEnd("198.51.100.9:9"), readBytes('"hello"'));
/** A transfer of FastTrack's over TCP would do too; this one is UDP that is dropped, not locked for. */
const DROP = '[protocols.fasttrack]\naction = "drop"\n';

function exactlyOnce(verdicts: readonly Given[], packets: number): void {
  assert.deepEqual(verdicts.map((one) => one.id), Array.from({ length: packets }, (_, i) => i + 1));
}

Deno.test("every packet gets exactly one verdict, in order, whatever its bytes are", async () => {
  const asked: Asked[] = [];
  for (let i = 0; i < 300; i++) {
    const bytes = i % 3 === 0 ? PING.slice() : HELLO.slice(0, i % 40);
    if (i % 7 === 0 && bytes.length > 9) bytes[9] = i & 255;
    if (i % 11 === 0 && bytes.length > 0) bytes[0] = (i * 37) & 255;
    asked.push({ bytes, hook: i % 5 });
  }
  for (const lingers of [false, true]) {
    const { verdicts, faults, queue } = await pumped(asked, { lingers });
    exactlyOnce(verdicts, 300);
    assert.ok(verdicts.every(({ code }) => code === NF_ACCEPT || code === NF_DROP || code === NF_REPEAT));
    assert.deepEqual(faults, []);
    assert.equal(queue.flushed, 5, "one flush for each burst");
  }
});

Deno.test("packets that come while the core is yielded are judged without a sleep", async () => {
  for (const lingers of [false, true]) {
    const one = { bytes: HELLO };
    const { verdicts, queue } = await pumped([one], { lingers, meanwhile: [[one, one], [], [one], []] });
    exactlyOnce(verdicts, 4);
    assert.equal(queue.slept, lingers ? 1 : 0, "before the first packet");
  }
});

Deno.test("it is among other programs while it lets them go first, and ahead of them where one of them computes, or it sleeps", async () => {
  const one = { bytes: HELLO };
  const shared = await pumped([one], { meanwhile: [[one], [one]], later: [one, one] });
  assert.deepEqual(shared.steps, [false, true, false]);
  // Each time away takes 3 ms.
  const taken = await pumped([one], { meanwhile: Array.from({ length: 5 }, () => [one]), away: 3 });
  assert.deepEqual(taken.steps, [false, true]);
  exactlyOnce(taken.verdicts, 6);
});

Deno.test("under load the event loop runs now and then, and often while something waits", async () => {
  const asked = Array.from({ length: 64 * 4000 }, () => ({ bytes: HELLO }));
  const calm = (await pumped(asked)).queue.rounds;
  const hurried = (await pumped(asked, { hurried: true })).queue.rounds;
  assert.ok(calm >= 1 && calm <= 4 && hurried >= 8 * calm, `${calm} and ${hurried}`);
});

Deno.test("a packet without a payload is judged by nothing that came before it", async () => {
  const { verdicts } = await pumped([{ bytes: PING }, { bytes: new Uint8Array(0) }]);
  exactlyOnce(verdicts, 2);
  assert.equal(verdicts[1]!.code, NF_ACCEPT);
});

Deno.test("an exception while judging gives the configured verdict, a count and one line", async () => {
  const asked = Array.from({ length: 100 }, () => ({ bytes: PING }));
  const open = await pumped(asked, { broken: true });
  exactlyOnce(open.verdicts, 100);
  assert.ok(open.verdicts.every(({ code }) => code === NF_ACCEPT));
  assert.equal(open.pump.exceptions, 100);
  assert.equal(open.faults.length, 1);
  const closed = await pumped(asked, { broken: true, queue: 'fail = "closed"' });
  exactlyOnce(closed.verdicts, 100);
  assert.ok(closed.verdicts.every(({ code }) => code === NF_DROP));
});

Deno.test("a classifier that throws is counted, and not asked about that flow again", () => {
  const state = new State(capacityFor(1 << 20), 1);
  let asked = 0;
  const engine = new Engine({
    policy: policyOf(CONFIG),
    state,
    classifiers: [{
      ...fasttrack,
      classify: () => {
        asked++;
        throw new Error("broken on purpose");
      },
    }],
    emit: () => {},
  });
  const { packet, outcome } = decoded(PING);
  assert.equal(engine.judge(packet, outcome, 1) & 1, 0);
  assert.equal(engine.judge(packet, outcome, 2) & 1, 0);
  assert.equal(asked, 1);
  assert.equal(engine.asker.failures, 1);
  assert.match(String(engine.asker.failure), /broken on purpose/);
});

Deno.test("dry-run accepts every packet and tells the same events", async () => {
  const asked = [PING, HELLO, PING, PING].map((bytes) => ({ bytes }));
  for (const config of ["", DROP, '[lock]\nrefuse = "reject"\n']) {
    const wet = await pumped(asked, { config });
    const dry = await pumped(asked, { dryRun: true, config });
    exactlyOnce(dry.verdicts, 4);
    assert.ok(dry.verdicts.every(({ code }) => code === NF_ACCEPT));
    assert.ok(wet.verdicts.some(({ code }) => code !== NF_ACCEPT));
    const strip = (events: readonly TrafficEvent[]) =>
      events.map(({ event, ...rest }) => [event, { ...rest, until: 0 }]);
    assert.deepEqual(strip(dry.events), strip(wet.events));
  }
});

Deno.test("dry-run accepts even where fail = closed and a packet cannot be judged", async () => {
  const { verdicts } = await pumped([{ bytes: PING }], { broken: true, dryRun: true, queue: 'fail = "closed"' });
  assert.deepEqual(verdicts, [{ id: 1, code: NF_ACCEPT }]);
});

Deno.test("a settled accept carries ftwall's mark and leaves the bits of others alone", async () => {
  const old = udpPacket(C, readEnd("198.51.100.9:9"), readBytes('"hello"'));
  const asked = Array.from({ length: 70 }, () => ({ bytes: old, mark: 0x12340005 }));
  const { verdicts } = await pumped(asked);
  exactlyOnce(verdicts, 70);
  const marked = verdicts.filter(({ mark }) => mark !== undefined);
  assert.ok(marked.length > 0);
  for (const { code, mark } of marked) {
    assert.equal(code, NF_ACCEPT);
    assert.equal(mark! >>> 0, (0x12340005 & ~0x00ff0000 | ACCEPT_MARK) >>> 0);
  }
});

Deno.test("a request has its connection marked, so that the rules settle it by an ordinary answer, until it is in doubt", async () => {
  const web = readEnd("198.51.100.9:80");
  const segment = (flags: number, seq: number, text: string) => tcpPacket(C, web, flags, seq, latin(text), 700);
  const [ask, doubt] = [segment(ACK, 101, "GET / HTTP/1.1\r\n\r\n"), segment(ACK, 101, "GET")];
  const asked = [segment(SYN, 100, ""), ask, doubt].map((bytes) => ({ bytes, mark: 0x5 }));
  const { verdicts } = await pumped(asked, { classifiers: CLASSIFIERS });
  const { awaiting, again } = freeMarks(0x00ff0000, ACCEPT_MARK, REFUSE_MARK);
  assert.deepEqual(verdicts, [
    { id: 1, code: NF_ACCEPT },
    { id: 2, code: NF_ACCEPT, mark: awaiting | 5 },
    { id: 3, code: NF_ACCEPT, mark: again | 5 },
  ]);
  assert.ok(
    (await pumped(asked, { classifiers: CLASSIFIERS, dryRun: true })).verdicts.every(({ mark }) => mark === undefined),
  );
  assert.ok(
    (await pumped(asked, { classifiers: CLASSIFIERS, queue: "settle = false" })).verdicts.every(({ mark }) =>
      mark === undefined
    ),
  );
});

Deno.test("the first packet that comes up of a connection whose SYN the rules let by is taken for its start", async () => {
  const { awaiting, begun } = freeMarks(0x00ff0000, ACCEPT_MARK, REFUSE_MARK);
  const web = readEnd("198.51.100.9:80");
  const ask = tcpPacket(C, web, ACK, 101, latin("GET / HTTP/1.1\r\n\r\n"), 700);
  const marked = async (mark: number, bytes = ask) =>
    (await pumped([{ bytes, mark }], { classifiers: CLASSIFIERS })).verdicts[0]!;
  assert.deepEqual(await marked(begun | 5), { id: 1, code: NF_ACCEPT, mark: awaiting | 5 });
  assert.deepEqual(await marked(5), { id: 1, code: NF_ACCEPT }, "the middle of a stream");
  // The mark means nothing on a datagram.
  assert.equal((await marked(begun, PING)).code, NF_DROP);
});

Deno.test("a packet with the mark of those above a budget is judged like any other, and tells of its client", async () => {
  const { above } = freeMarks(0x00ff0000, ACCEPT_MARK, REFUSE_MARK);
  const asked = [above | 5, above | 5, 5].map((mark) => ({ bytes: PING, mark }));
  for (const dryRun of [false, true]) {
    const { verdicts, events } = await pumped(asked, { config: DROP, dryRun, queue: "client_rate = 700" });
    assert.deepEqual(verdicts.map(({ code }) => code), Array(3).fill(dryRun ? NF_ACCEPT : NF_REPEAT));
    if (!dryRun) assert.equal(verdicts[0]!.mark, REFUSE_MARK | 5);
    const told = events.filter(({ event }) => event === "over-budget");
    assert.deepEqual(told, [
      { event: "over-budget", client: "10.0.0.5", direction: "from", client_rate: 700, seconds: 1 },
    ]);
  }
});

Deno.test("a settled refusal repeats the chain with the refuse mark", async () => {
  const { verdicts } = await pumped([{ bytes: PING, mark: 0x5 }, { bytes: PING }], { config: DROP });
  assert.deepEqual(verdicts[0], { id: 1, code: NF_REPEAT, mark: REFUSE_MARK | 5 });
  assert.equal(verdicts[1]!.code, NF_REPEAT);
});

Deno.test("refused packets that come back are dropped, and after three no mark is used", async () => {
  const back = { bytes: PING, mark: REFUSE_MARK };
  const { verdicts, pump } = await pumped([back, back, { bytes: PING }, back, { bytes: PING }, { bytes: PING }], {
    config: DROP,
  });
  assert.deepEqual(verdicts.map(({ code }) => code), [NF_DROP, NF_DROP, NF_REPEAT, NF_DROP, NF_DROP, NF_DROP]);
  assert.equal(pump.returned, 3);
});

Deno.test("a FastTrack ping is not settled: the next one must renew the lock", async () => {
  const { verdicts, sent } = await pumped([{ bytes: PING }, { bytes: PING }]);
  assert.deepEqual(verdicts, [{ id: 1, code: NF_DROP }, { id: 2, code: NF_DROP }]);
  // Both answers to each.
  assert.equal(sent, 4);
});

Deno.test("a dead queue ends the loop with an error that names it", async () => {
  await assert.rejects(pumped([], { fails: true }), /Cannot receive from queue 0/);
});

Deno.test("a classifier that says no is not asked again", () => {
  let asked = 0;
  const engine = new Engine({
    policy: policyOf(CONFIG),
    state: new State(capacityFor(1 << 20), 1),
    classifiers: [{ ...fasttrack, classify: () => (asked++, UNRELATED) }],
    emit: () => {},
  });
  const { packet, outcome } = decoded(PING);
  for (let i = 0; i < 5; i++) assert.equal(engine.judge(packet, outcome, i), 2);
  assert.equal(asked, 1);
});

function decoded(bytes: Uint8Array): { packet: Packet; outcome: ReturnType<Packet["decode"]> } {
  const packet = new Packet();
  return { packet, outcome: decode(packet, bytes) };
}

Deno.test("the router's own traffic and DNS are never settled by a mark", async () => {
  const hello = udpPacket(C, readEnd("10.0.0.1:9"), readBytes('"hello"'));
  const dns = udpPacket(C, readEnd("9.9.9.9:53"), readBytes('"no dns at all"'));
  const asked = [1, 3].flatMap((hook) => Array.from({ length: 20 }, () => ({ bytes: hello, hook })));
  asked.push(...Array.from({ length: 70 }, () => ({ bytes: dns, hook: 2 })));
  const { verdicts } = await pumped(asked);
  exactlyOnce(verdicts, 110);
  assert.ok(verdicts.every(({ mark, code }) => mark === undefined && code === NF_ACCEPT));
});
