/**
 * The event loop: bursts of packets from the kernel's queues, each judged, all verdicts of a burst sent at once.
 *
 * Under load the loop looks again for packets, others going first (yield_policy.ts), then waits for the next ones on this thread,
 * which wakes it as fast as a C program is woken; twenty times a second it lets signals, timers and sockets have their turn.
 * Idle, it waits on another thread and wakes once a second.
 * @module
 */
import { HOOK_FORWARD, Packet } from "../wire/packet.ts";
import { NF_ACCEPT, NF_DROP, NF_REPEAT, PACKET, type QueueMessage } from "../wire/nfqueue.ts";
import { Prefetcher } from "./prefetch.ts";
import { type Engine, REFUSE, SETTLED } from "../judge/engine.ts";
import { DNS } from "../wire/dns.ts";
import { YieldPolicy } from "./yield_policy.ts";
import type { Sending } from "../learn/outbox.ts";
import type { TableLock } from "../state/table_lock.ts";

/** One kernel queue, as ffi/packet_queue.ts offers it. */
export interface LiveQueue {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly message: QueueMessage;
  /** Where packet `index` of the burst begins if its message is laid out as the last one was. */
  guess(index: number): number;
  /** Messages received, at most a burst; -1 where the socket is dead. */
  receive(): number;
  /** The same, but waits for the first message as long as {@link linger} said. */
  receiveSoon(): number;
  /** Sets how long {@link receiveSoon} waits, in milliseconds; false where it will not wait. */
  linger(milliseconds: number): boolean;
  /** Parses one message; PACKET wants a verdict. */
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
  /** Lets whoever else wants this core go first. */
  yieldCore(): void;
  wake(): void;
}

/** Time, and what is done with what happens. */
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
  /** Takes the time that a burst's packets waited in here: microseconds, packets. */
  readonly record: (microseconds: number, packets: number) => void;
  /** Called about once a second, after the engine's tick. */
  readonly beat: (now: number) => void;
  /** Whether something besides packets waits for the event loop: a command, a tool that is to end. */
  readonly hurried: () => boolean;
  /** Told of an exception that cost a packet its judgement; rate-limited. */
  readonly fault: (error: unknown) => void;
}

/** Milliseconds that the loop waits on this thread for the next packets before it gives the thread up. */
const LINGER = 4;
/**
 * Milliseconds after which signals, timers and sockets get their turn, also under full load. A turn costs a tenth of a
 * millisecond, in which packets wait: one in twenty at a thousand a second, and a five-hundredth of the throughput.
 */
const SLICE = 50;
/** The same while something waits for such turns; it usually takes some ten of them. */
const HURRIED_SLICE = 4;
/** Milliseconds between ticks. */
const BEAT = 1000;
/** Packets with the refuse mark that came back before the rules are taken for somebody else's. */
const RETURNED = 3;
/** Packets from which on it pays to look ahead in a burst. */
const WORTH_A_LOOK = 8;

/** See the module's text. */
export class Pump {
  /** Verdicts by kind, for status: settled answers were handed to the kernel. */
  settled = 0;
  /** Packets whose judgement threw. */
  exceptions = 0;
  /** Refused packets that came back with ftwall's mark: the rules in force do not know it. */
  returned = 0;
  readonly #options: PumpOptions;
  readonly #packet = new Packet();
  readonly #prefetcher: Prefetcher;
  readonly #yielding = new YieldPolicy();
  #stopping = false;
  #lastBeat = -Infinity;
  #lastFault = -Infinity;
  #now = 0;
  #mask = 0;
  #acceptMark = 0;
  #refuseMark = 0;
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

  /** Takes marks and fail mode of the engine's policy, after it changed. */
  adopt(): void {
    const { queue, lock } = this.#options.engine.policy.config;
    this.#mask = queue.mask | 0;
    this.#acceptMark = queue.mark | 0;
    this.#refuseMark = queue.refuseMark | 0;
    this.#settle = queue.settle;
    this.#reject = lock.refuse === "reject";
    // Whoever reloads may have mended the rules.
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
        busy = (!first && this.#yieldCore(lone)) || this.#soon(lone);
        if (this.#now >= slice) break;
      }
      this.#beatIfDue();
      if (this.#stopping) break;
      const due = Math.max(0, Math.ceil(this.#lastBeat + BEAT - now()));
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

  /** Lets others have the core first, and judges what came; again and again while that pays. Answers whether something came. */
  #yieldCore(lone: LiveQueue | null): boolean {
    const { queues, now } = this.#options;
    const yielding = this.#yielding;
    const began = this.#now;
    if (!yielding.shouldYield(began)) return false;
    for (let left = began;; left = this.#now) {
      queues.yieldCore();
      const back = now();
      const judged = lone === null ? this.#round() : this.#burst(lone, lone.receive());
      if (!yielding.looksAgain(began, left, back, judged)) return judged > 0;
    }
  }

  /** Judges what is there, or waits for it on this thread. Answers whether something came. */
  #soon(lone: LiveQueue | null): boolean {
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
    if (count >= WORTH_A_LOOK && this.#prefetcher.useful) {
      for (let i = 0; i < count; i++) this.#prefetcher.note(queue.view, queue.guess(i));
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
        const { payload, payloadEnd, capLength } = message;
        const outcome = packet.decode(queue.bytes, queue.view, payload, payloadEnd, capLength);
        verdict = engine.answer(packet, outcome);
      } catch (error) {
        this.#failed(error);
        queue.verdict(id, dryRun ? NF_ACCEPT : this.#failVerdict);
        continue;
      }
      // In dry-run not even a mark stays behind.
      if (dryRun) queue.verdict(id, NF_ACCEPT);
      else if ((verdict & REFUSE) !== 0) this.#refuse(queue, id, message.mark, verdict);
      else if ((verdict & SETTLED) !== 0 && this.#settle && mayLeave(packet)) {
        this.settled++;
        queue.verdictMarked(id, NF_ACCEPT, (message.mark & ~this.#mask) | this.#acceptMark);
      } else queue.verdict(id, NF_ACCEPT);
    }
    return packets;
  }

  /**
   * A settled refusal goes through ftwall's own chain again with the refuse mark, which is saved to the connection there.
   * Rules that do not know the mark send the packet back here: then it is dropped, and the mark is used no more.
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
    if (this.#now - this.#lastFault < 10_000) return;
    this.#lastFault = this.#now;
    this.#options.fault(error);
  }
}

/**
 * Whether the kernel may answer for the rest of the flow. To and from the router itself packets are only listened to: a
 * mark would hide later DNS and probe answers. A stub resolver may keep one port, and so one flow, for hours.
 */
function mayLeave(packet: Packet): boolean {
  return packet.hook === HOOK_FORWARD && packet.sport !== DNS && packet.dport !== DNS;
}
