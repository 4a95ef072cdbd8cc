/**
 * What a packet costs inside, without the kernel: decoding and judging, by number of flows; and what it leaves on the heap.
 * A program of its own, so that it runs with the executable's V8 flags: prints JSON.
 * @module
 */
import { CLASSIFIERS, PROTOCOLS } from "../../lib/protocol/mod.ts";
import { Prefetcher } from "../../lib/loop/prefetch.ts";
import { Engine } from "../../lib/judge/engine.ts";
import { defaultConfig } from "../../lib/policy/load.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { compile } from "../../lib/policy/policy.ts";
import { type Capacity, capacityFor, State } from "../../lib/state/state.ts";
import { buildUdp, Ends } from "../../lib/wire/build.ts";
import { Packet } from "../../lib/wire/packet.ts";

/** An engine with built-in config and all classifiers, with room for so many flows. */
export function benchEngine(flows: number, emit: () => void = () => {}): Engine {
  const policy = compile(defaultConfig(protocolDefaults(PROTOCOLS)));
  const capacity: Capacity = { ...capacityFor(policy.memory), flows };
  const engine = new Engine({ policy, state: new State(capacity, 0x5eed), classifiers: CLASSIFIERS, emit });
  engine.tick(1000, 1_800_000_000_000);
  return engine;
}

const BURST = 64;
/** Bytes from one packet of a burst to the next, as in the queue's buffer. */
const ROOM = 4608;

/** Hundred-byte datagrams in bursts, as the queue hands them over; flow number → addresses and ports. */
export class Sender {
  readonly #bytes = new Uint8Array(BURST * ROOM);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #length: number;
  readonly #packet = new Packet();
  readonly #engine: Engine;
  readonly #prefetcher: Prefetcher;
  #count = 0;
  #now = 1000;

  /** Sends to this engine. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#prefetcher = new Prefetcher(engine.state.flows);
    const ends = new Ends();
    ends.from(0, 0, 0xffff, 0x0a000000, 1024);
    ends.to(0, 0, 0xffff, 0xcb007101 | 0, 9000);
    this.#length = buildUdp(this.#bytes, this.#view, 0, ends, new Uint8Array(100));
    for (let i = 1; i < BURST; i++) this.#bytes.copyWithin(i * ROOM, 0, this.#length);
  }

  /** One packet of a flow: judged with its burst. */
  send(flow: number): void {
    const at = this.#count * ROOM;
    this.#view.setInt32(at + 12, 0x0a000000 + (flow >>> 2));
    this.#view.setUint16(at + 20, 1024 + (flow & 3) * 16000);
    if (++this.#count === BURST) this.flush();
  }

  /** Judges what was sent; the clock moves on as at 250,000 packets a second. */
  flush(): void {
    const count = this.#count;
    const packet = this.#packet;
    const fetched = this.#prefetcher.useful;
    if (fetched) {
      for (let i = 0; i < count; i++) this.#prefetcher.add(i, this.#view, i * ROOM);
      this.#prefetcher.fetch();
    }
    this.#now += 0.004 * count;
    this.#engine.clock.set(this.#now);
    for (let i = 0; i < count; i++) {
      const end = i * ROOM + this.#length;
      const outcome = packet.decode(this.#bytes, this.#view, i * ROOM, end, this.#length);
      this.#engine.state.flows.hint = fetched ? this.#prefetcher.hint(i) : -1;
      this.#engine.answer(packet, outcome);
    }
    this.#count = 0;
  }
}

/** Nanoseconds a packet, decoded and judged, of flows met in random order. */
export interface EngineCost {
  readonly flows: number;
  /** Of flows that were let go. */
  readonly known: number;
  /** First packets: each opens a flow and is shown to the classifiers. */
  readonly opening: number;
}

/** Measures with so many flows; `packets` of known flows. */
export function engineCost(flows: number, packets: number): EngineCost {
  const engine = benchEngine(flows + 8);
  const sender = new Sender(engine);
  const began = performance.now();
  for (let flow = 0; flow < flows; flow++) sender.send(flow);
  const opening = (performance.now() - began) * 1e6 / flows;
  // Until every flow is let go (see lib/judge/settle.ts).
  for (let round = 0; round < 16; round++) for (let flow = 0; flow < flows; flow++) sender.send(flow);
  let random = 0x2545f491;
  const from = performance.now();
  for (let i = 0; i < packets; i++) {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    sender.send((random >>> 0) % flows);
  }
  const known = (performance.now() - from) * 1e6 / packets;
  sender.flush();
  if (engine.counters.packets !== flows * 17 + packets || engine.state.flows.count !== flows) {
    throw new Error(`Cannot measure: ${engine.state.flows.count} flows after ${engine.counters.packets} packets`);
  }
  return { flows, known, opening };
}

/** What packets leave on V8's heap: bytes a packet. */
export interface HeapCost {
  /** Allocated on the way, and free to be collected: a number for the time of each burst. */
  readonly garbage: number;
  /** Left when all is collected. Wants --expose-gc, else it is the same as garbage. */
  readonly growth: number;
}

/** Measures `packets` packets in 1,000 flows. */
export function heapCost(packets: number): HeapCost {
  const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
  const engine = benchEngine(2000);
  const sender = new Sender(engine);
  // Long enough for the compiler to have its say: what it notes is on the heap too.
  for (let i = 0; i < 2 * packets; i++) sender.send(i % 1000);
  collect();
  const before = Deno.memoryUsage().heapUsed;
  for (let i = 0; i < packets; i++) sender.send(i % 1000);
  const after = Deno.memoryUsage().heapUsed;
  collect();
  const left = Deno.memoryUsage().heapUsed;
  return { garbage: Math.max(0, after - before) / packets, growth: Math.max(0, left - before) / packets };
}

if (import.meta.main) {
  const few = Number(Deno.args[0] ?? 1000);
  const many = Number(Deno.args[1] ?? 1_000_000);
  const packets = Number(Deno.args[2] ?? 2_000_000);
  // Warm: both sizes run on the same machine code.
  engineCost(few, 200_000);
  const heap = heapCost(2_000_000);
  const costs: EngineCost[] = [];
  for (let round = 0; round < 3; round++) for (const flows of [few, many]) costs.push(engineCost(flows, packets));
  // deno-lint-ignore no-console -- the result
  console.log(JSON.stringify({ heap, costs }));
}
