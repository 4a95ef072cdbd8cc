/**
 * The loop: receives bursts of packets from the kernel's queues, judges each packet, and sends a burst's verdicts at once.
 *
 * Under load it polls for packets after yielding the core (yield_policy.ts), then waits for the next ones on this thread,
 * where it is woken as fast as a C program; twenty times a second it lets the event loop run (signals, timers, sockets).
 * Idle, it waits on another thread and wakes once a second.
 * @module
 */
import { CHECKSUM_GOOD, CHECKSUM_UNVERIFIED, HOOK_FORWARD, Packet } from "../wire/packet.ts";
import { NF_ACCEPT, NF_DROP, NF_REPEAT, PACKET, type QueueMessage } from "../wire/nfqueue.ts";
import { Prefetcher } from "./prefetch.ts";
import { AWAITS, AWAITS_NOT, type Engine, REFUSE, SETTLED } from "../judge/engine.ts";
import { freeMarks } from "../policy/marks.ts";
import { DNS } from "../wire/dns.ts";
import { PROTOCOL_TCP } from "../wire/transport.ts";
import { YieldPolicy } from "./yield_policy.ts";
import type { Sending } from "../learn/outbox.ts";
import type { TableLock } from "../state/table_lock.ts";

/** One kernel queue, as ffi/packet_queue.ts offers it. */
export interface LiveQueue {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly message: QueueMessage;
  /** Where the IP header of packet `index` of the burst is, if its message is laid out as the last one was. */
  guess(index: number): number;
  /** Receives at most a burst. Answers the number of messages; -1 where the socket is dead. */
  receive(): number;
  /** The same, but waits for the first message as long as was set with {@link linger}. */
  receiveSoon(): number;
  /** Sets how long {@link receiveSoon} waits, in milliseconds; false where it cannot wait. */
  linger(milliseconds: number): boolean;
  /** Parses one message; where the answer is PACKET, it needs a verdict. */
  read(index: number): number;
  verdict(packetId: number, code: number): void;
  verdictMarked(packetId: number, code: number, mark: number): void;
  flush(): boolean;
}

/** All queues of this process, as ffi/queues.ts offers them. */
export interface LiveQueues {
  readonly list: readonly LiveQueue[];
  wait(timeout: number): Promise<void>;
  waitSync(timeout: number): boolean;
  /** Lets other programs that wait for this core run first. */
  yieldCore(): void;
  wake(): void;
}

/** What the loop needs: queues, engine, time, and receivers of what happens. */
export interface PumpOptions {
  readonly engine: Engine;
  readonly queues: LiveQueues;
  readonly dryRun: boolean;
  /** Monotonic milliseconds with fractions. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Sends decoys and probes. */
  readonly send: (sendings: readonly Sending[]) => void;
  /** Takes how long a burst took, in microseconds, and its number of packets. */
  readonly record: (microseconds: number, packets: number) => void;
  /** Called about once a second, after the engine's tick. */
  readonly beat: (now: number) => void;
  /** Whether something besides packets waits for the event loop: a command, a tool that was started. */
  readonly hurried: () => boolean;
  /** Puts this thread ahead of other programs, where it is at first, or back among them. */
  readonly step: (ahead: boolean) => void;
  /** Called with an exception because of which a packet was not judged; rate-limited. */
  readonly fault: (error: unknown) => void;
}

/** Milliseconds that the loop waits on this thread for the next packets before it gives the thread up. */
const LINGER = 4;
/**
 * Milliseconds after which the event loop runs (signals, timers, sockets), also under full load. A round of it takes a
 * tenth of a millisecond, in which packets wait: a five-hundredth of the throughput.
 */
const SLICE = 50;
/** The same while something waits for the event loop; it usually takes some ten rounds. */
const HURRIED_SLICE = 4;
/** Milliseconds between ticks. */
const BEAT = 1000;
/** Packets with the refuse mark that must come back before the rules are taken not to know the mark. */
const RETURNED = 3;
/** Milliseconds between two reports of exceptions. */
const FAULT_PERIOD = 10_000;
/** Packets of a burst from which on prefetching pays. */
const WORTH_PREFETCHING = 8;

/** See the module's text. */
export class Pump {
  /** Verdicts with a mark, by which the kernel answers for the rest of the flow. */
  settled = 0;
  /** Packets whose judgement threw. */
  exceptions = 0;
  /** Packets that came back although they had the refuse mark: the rules in force do not know it. */
  returned = 0;
  readonly #options: PumpOptions;
  readonly #packet = new Packet();
  readonly #prefetcher: Prefetcher;
  readonly #yieldPolicy = new YieldPolicy();
  #stopping = false;
  #ahead = true;
  #lastBeat = -Infinity;
  #lastFault = -Infinity;
  #now = 0;
  #mask = 0;
  #acceptMark = 0;
  #refuseMark = 0;
  #awaitMark = 0;
  #againMark = 0;
  #aboveMark = 0;
  #begunMark = 0;
  #settle = false;
  #reject = false;
  #repeat = true;
  #failVerdict = NF_ACCEPT;

  /** Ready to {@link run}. */
  constructor(options: PumpOptions) {
    this.#options = options;
    this.#prefetcher = new Prefetcher(options.engine.state.flows);
    this.adopt();
  }

  /** Takes marks and fail mode from the engine's policy, after it changed. */
  adopt(): void {
    const { queue, lock } = this.#options.engine.policy.config;
    this.#mask = queue.mask | 0;
    this.#acceptMark = queue.mark | 0;
    this.#refuseMark = queue.refuseMark | 0;
    const { again, awaiting, above, begun } = freeMarks(this.#mask, this.#acceptMark, this.#refuseMark);
    this.#againMark = again;
    this.#aboveMark = above;
    this.#begunMark = begun;
    this.#awaitMark = queue.settle ? awaiting : 0;
    this.#settle = queue.settle;
    this.#reject = lock.refuse === "reject";
    // With a reload the rules may have been mended.
    this.#repeat = true;
    this.#failVerdict = queue.fail === "open" ? NF_ACCEPT : NF_DROP;
  }

  /** Judges packets until {@link stop}. Throws where a queue's socket died. */
  async run(): Promise<void> {
    const { queues, now, hurried } = this.#options;
    const lone = queues.list.length === 1 && queues.list[0]!.linger(LINGER) ? queues.list[0]! : null;
    while (!this.#stopping) {
      const slice = now() + (hurried() ? HURRIED_SLICE : SLICE);
      let busy = true;
      for (let first = true; busy && !this.#stopping; first = false) {
        busy = (!first && this.#yieldAndPoll(lone)) || this.#waitHere(lone);
        if (this.#now >= slice) break;
      }
      this.#beatIfDue();
      if (this.#stopping) break;
      const due = Math.max(0, Math.ceil(this.#lastBeat + BEAT - now()));
      if (!busy) this.#step(true);
      await queues.wait(busy ? 0 : due);
      this.#now = now();
      this.#beatIfDue();
    }
  }

  /** Ends {@link run} after the burst at hand. */
  stop(): void {
    this.#stopping = true;
    this.#options.queues.wake();
  }

  #beatIfDue(): void {
    const { engine, wall, beat } = this.#options;
    engine.tableLock?.catchUp();
    if (this.#now - this.#lastBeat < BEAT) return;
    this.#lastBeat = this.#now;
    engine.tableLock?.acquire();
    try {
      engine.tick(this.#now, wall());
    } finally {
      engine.tableLock?.release();
    }
    this.#send();
    beat(this.#now);
  }

  #send(): void {
    const { engine, send } = this.#options;
    if (engine.outbox.size > 0) send(engine.outbox.take());
  }

  /** Yields the core and judges what came, again and again while that pays. Answers whether something came. */
  #yieldAndPoll(lone: LiveQueue | null): boolean {
    const { queues, now } = this.#options;
    const yieldPolicy = this.#yieldPolicy;
    const began = this.#now;
    const yields = yieldPolicy.shouldYield(began);
    // Who is ahead of all others cannot let them go first: the kernel gives the core straight back.
    this.#step(!yields);
    if (!yields) return false;
    for (let left = began;; left = this.#now) {
      queues.yieldCore();
      const back = now();
      const judged = lone === null ? this.#round() : this.#burst(lone, lone.receive());
      if (!yieldPolicy.shouldPollAgain(began, left, back, judged)) return judged > 0;
    }
  }

  #step(ahead: boolean): void {
    if (this.#ahead === ahead) return;
    this.#ahead = ahead;
    this.#options.step(ahead);
  }

  /** Judges what is there, or waits for it on this thread. Answers whether something came. */
  #waitHere(lone: LiveQueue | null): boolean {
    if (lone !== null) return this.#burst(lone, lone.receiveSoon()) > 0;
    return this.#round() > 0 || this.#options.queues.waitSync(LINGER);
  }

  /** One burst of every queue that has something. Answers the packets judged. */
  #round(): number {
    const { list } = this.#options.queues;
    let judged = 0;
    for (let i = 0; i < list.length; i++) judged += this.#burst(list[i]!, list[i]!.receive());
    return judged;
  }

  /** Judges a burst of `count` messages and sends its verdicts. Answers the packets judged. */
  #burst(queue: LiveQueue, count: number): number {
    if (count < 0) throw new Error(`Cannot receive from queue ${queue.number}: its netlink socket failed`);
    const began = this.#now = this.#options.now();
    if (count === 0) return 0;
    const packets = this.#options.engine.tableLock === null
      ? this.#judgeBurst(queue, count)
      : this.#judgeLocked(this.#options.engine.tableLock, queue, count);
    queue.flush();
    this.#send();
    this.#now = this.#options.now();
    if (packets > 0) this.#options.record((this.#now - began) * 1000, packets);
    return packets;
  }

  #judgeLocked(tableLock: TableLock, queue: LiveQueue, count: number): number {
    tableLock.acquire();
    try {
      return this.#judgeBurst(queue, count);
    } finally {
      tableLock.release();
    }
  }

  #judgeBurst(queue: LiveQueue, count: number): number {
    const { engine, dryRun } = this.#options;
    const packet = this.#packet;
    const message = queue.message;
    engine.clock.set(this.#now);
    let packets = 0;
    const { flows } = engine.state;
    const fetched = count >= WORTH_PREFETCHING && this.#prefetcher.useful;
    if (fetched) {
      for (let i = 0; i < count; i++) this.#prefetcher.add(i, queue.view, queue.guess(i));
      this.#prefetcher.fetch();
    }
    for (let i = 0; i < count; i++) {
      if (queue.read(i) !== PACKET) continue;
      packets++;
      const id = message.packetId;
      let verdict: number;
      try {
        packet.hook = message.hook;
        packet.indev = message.indev;
        packet.outdev = message.outdev;
        packet.mark = message.mark;
        packet.macHigh = message.macHigh;
        packet.macLow = message.macLow;
        packet.checksum = message.unverified ? CHECKSUM_UNVERIFIED : CHECKSUM_GOOD;
        const { payload, payloadEnd, capLength } = message;
        const outcome = packet.decode(queue.bytes, queue.view, payload, payloadEnd, capLength);
        packet.begun = this.#begunMark !== 0 && packet.transport === PROTOCOL_TCP &&
          (message.mark & this.#mask) === this.#begunMark;
        flows.hint = fetched ? this.#prefetcher.hint(i) : -1;
        verdict = engine.answer(packet, outcome);
        if ((message.mark & this.#mask) === this.#aboveMark && this.#aboveMark !== 0) engine.budgets.above(packet);
      } catch (error) {
        this.#failed(error);
        queue.verdict(id, dryRun ? NF_ACCEPT : this.#failVerdict);
        continue;
      }
      // A dry run does not even leave a mark.
      if (dryRun) queue.verdict(id, NF_ACCEPT);
      else if ((verdict & REFUSE) !== 0) this.#refuse(queue, id, message.mark, verdict);
      else if ((verdict & SETTLED) !== 0 && this.#settle && mayLeaveToKernel(packet)) {
        this.settled++;
        queue.verdictMarked(id, NF_ACCEPT, (message.mark & ~this.#mask) | this.#acceptMark);
      } else if ((verdict & (AWAITS | AWAITS_NOT)) !== 0 && this.#awaitMark !== 0 && mayLeaveToKernel(packet)) {
        const mark = (verdict & AWAITS) !== 0 ? this.#awaitMark : this.#againMark;
        queue.verdictMarked(id, NF_ACCEPT, (message.mark & ~this.#mask) | mark);
      } else queue.verdict(id, NF_ACCEPT);
    }
    return packets;
  }

  /**
   * A settled refusal passes ftwall's own chain again with the refuse mark, which the rules save to the connection. Rules
   * that do not know the mark queue the packet again: then it is dropped, and after some the mark is no longer used.
   */
  #refuse(queue: LiveQueue, id: number, mark: number, verdict: number): void {
    if (this.#packet.hook !== HOOK_FORWARD || !this.#settle) {
      queue.verdict(id, NF_DROP);
      return;
    }
    if (this.#refuseMark !== 0 && (mark & this.#mask) === this.#refuseMark) {
      if (++this.returned % RETURNED === 0) this.#repeat = false;
    } else if (this.#repeat && ((verdict & SETTLED) !== 0 || this.#reject)) {
      if ((verdict & SETTLED) !== 0) this.settled++;
      queue.verdictMarked(id, NF_REPEAT, (mark & ~this.#mask) | this.#refuseMark);
      return;
    }
    queue.verdict(id, NF_DROP);
  }

  #failed(error: unknown): void {
    this.exceptions++;
    if (this.#now - this.#lastFault < FAULT_PERIOD) return;
    this.#lastFault = this.#now;
    this.#options.fault(error);
  }
}

/**
 * Whether the kernel may answer for the rest of the flow. Not where later packets are to be seen: traffic of the router
 * itself has DNS and the answers to probes, and DNS of a stub resolver may use one port, and so one flow, for hours.
 */
function mayLeaveToKernel(packet: Packet): boolean {
  return packet.hook === HOOK_FORWARD && packet.sport !== DNS && packet.dport !== DNS;
}
