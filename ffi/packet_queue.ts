/**
 * The hot path of one kernel queue: a burst of packets with one recvmmsg, its verdicts with one sendmsg.
 * Nothing here allocates, and nothing here throws.
 *
 * Every buffer whose address C holds is a field of the object: otherwise V8 would collect it, and later calls would fail
 * with EFAULT.
 * @module
 */
import {
  extendVerdict,
  MALFORMED,
  MARKED_VERDICT_LENGTH,
  NF_ACCEPT,
  NF_DROP,
  NFQA_CFG_F_FAIL_OPEN,
  NFQA_CFG_F_GSO,
  OTHER,
  PACKET,
  QueueMessage,
  REPLY,
  writeBind,
  writeCopyMode,
  writeMarkedVerdict,
  writeQueueFlag,
  writeQueueLength,
  writeVerdict,
} from "../lib/wire/nfqueue.ts";
import {
  EAGAIN,
  EINTR,
  ENOBUFS,
  ENOENT,
  type Libc,
  MSG_DONTWAIT,
  MSG_TRUNC,
  MSG_WAITFORONE,
  SO_RCVTIMEO,
  SOL_SOCKET,
} from "./libc.ts";
import { noCounters, type QueueCounters } from "./queue_counters.ts";

/** Most packets of one burst. */
const BURST = 64;

// All attributes before the payload take under 300 bytes, unless the kernel is asked for more (security context, conntrack).
const HEADROOM = 512;
// struct mmsghdr of 64-bit Linux, glibc and musl: iovec at 16, iovec count at 24, flags at 48, received length at 56.
const MMSGHDR = 64;
const FLAGS_WORD = 12;
const LENGTH_WORD = 14;
const IOVEC = 16;
const REPLY_ROOM = 4 * BURST * MARKED_VERDICT_LENGTH;
const ENOMEM = 12;
const SO_MEMINFO = 55;
const MEMINFO_WORDS = 9; // SK_MEMINFO_VARS; the last one is SK_MEMINFO_DROPS
/** Sequence number of the first of the requests that set a queue up. */
const SETUP_SEQUENCE = 0x66743031;
// More bursts than the longest possible queue (65535) holds: the end of the last drain.
const DRAIN_BURSTS = 1100;

/** What a queue needs to run, as netfilter_queue.ts opens it. */
export interface QueueSocket {
  /** Queue number. */
  readonly number: number;
  /** The netlink socket. */
  readonly fd: number;
  /** Bytes of each packet to copy. */
  readonly copyRange: number;
  /** What becomes of packets that get no verdict of their own: accepted, or dropped. */
  readonly failOpen: boolean;
  /** Closes the socket, and with it the queue. */
  readonly release: () => void;
}

/** How a queue is set up by {@link PacketQueue.start}. */
export interface QueueSetup {
  /** False where the socket has the queue already. */
  readonly bind: boolean;
  /** Packets that may wait. */
  readonly length: number;
  /** Take packets of several segments whole. */
  readonly gso: boolean;
}

/** What the kernel answered to each request of a {@link QueueSetup}: 0, or its error number. */
export interface QueueAnswers {
  /** Binding and copying. */
  readonly bind: number;
  readonly length: number;
  readonly failOpen: number;
  readonly gso: number;
}

/** One kernel queue, held by this process. */
export class PacketQueue implements Disposable {
  /** Queue number. */
  readonly number: number;
  /** Its netlink socket, for poll. */
  readonly fd: number;
  /** All messages of a burst; offsets of {@link message} are offsets here. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes. */
  readonly view: DataView<ArrayBuffer>;
  /** The message that {@link read} read last. */
  readonly message: QueueMessage = new QueueMessage();
  /** What the queue has seen. */
  readonly counters: QueueCounters = noCounters();

  readonly #libc: Libc;
  readonly #release: () => void;
  readonly #recvmmsg: Libc["symbols"]["recvmmsg"];
  readonly #sendmsg: Libc["symbols"]["sendmsg"];
  readonly #room: number;
  readonly #copyRange: number;
  readonly #failCode: number;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #vectors: BigUint64Array<ArrayBuffer>;
  readonly #wordsAt: Deno.PointerObject;
  readonly #reply: Uint8Array<ArrayBuffer> = new Uint8Array(REPLY_ROOM);
  readonly #replyView: DataView<ArrayBuffer> = new DataView(this.#reply.buffer);
  // On buffers made for them: V8 keeps small arrays without one on its own heap, where they move.
  readonly #sendWords: Uint32Array<ArrayBuffer> = new Uint32Array(new ArrayBuffer(56));
  readonly #sendVector: Uint32Array<ArrayBuffer> = new Uint32Array(new ArrayBuffer(IOVEC));
  readonly #sendAt: Deno.PointerObject;
  #replyLength = 0;
  #runAt = -1;
  #runCode = 0;
  #runMark = 0;
  #runMarked = false;
  #runId = 0;
  #lastId = 0;
  #seen = false;
  #burst = 0;
  #next = 0;
  #held = 0;
  #headroom = HEADROOM;
  #patience = 0;
  #dead = false;
  #closed = false;

  /** Prepares the buffers; the queue sends nothing before {@link start}. */
  constructor(libc: Libc, socket: QueueSocket) {
    this.#libc = libc;
    this.#release = socket.release;
    this.#recvmmsg = libc.symbols.recvmmsg;
    this.#sendmsg = libc.symbols.sendmsg;
    this.#failCode = socket.failOpen ? NF_ACCEPT : NF_DROP;
    this.number = socket.number;
    this.fd = socket.fd;
    this.#copyRange = socket.copyRange;
    this.#room = (socket.copyRange + HEADROOM + 63) & ~63;
    this.bytes = new Uint8Array(BURST * this.#room);
    this.view = new DataView(this.bytes.buffer);
    this.#words = new Uint32Array(BURST * MMSGHDR / 4);
    this.#vectors = new BigUint64Array(BURST * IOVEC / 8);
    this.#wordsAt = addressOf(this.#words);
    const vectors = Deno.UnsafePointer.value(addressOf(this.#vectors));
    const bytes = Deno.UnsafePointer.value(addressOf(this.bytes));
    const headers = new BigUint64Array(this.#words.buffer);
    for (let i = 0; i < BURST; i++) {
      this.#vectors[2 * i] = bytes + BigInt(i * this.#room);
      this.#vectors[2 * i + 1] = BigInt(this.#room);
      headers[8 * i + 2] = vectors + BigInt(i * IOVEC);
      headers[8 * i + 3] = 1n;
    }
    const sendVector = new BigUint64Array(this.#sendVector.buffer);
    sendVector[0] = Deno.UnsafePointer.value(addressOf(this.#reply));
    const sendHeader = new BigUint64Array(this.#sendWords.buffer);
    sendHeader[2] = Deno.UnsafePointer.value(addressOf(this.#sendVector));
    sendHeader[3] = 1n;
    this.#sendAt = addressOf(this.#sendWords);
  }

  /**
   * Sets the queue up with one call, so that the kernel drops no packet in between, and answers what the kernel made of it.
   * It is sent from here and not by the library, because packets may arrive before the acknowledgements, and the library's
   * own wait for them would swallow them unanswered.
   */
  start({ bind, length, gso }: QueueSetup): QueueAnswers {
    const view = this.#replyView;
    const queue = this.number;
    const first = SETUP_SEQUENCE;
    let at = (bind ? writeBind : writeCopyMode)(view, 0, queue, this.#copyRange, first);
    at += writeQueueFlag(view, at, queue, NFQA_CFG_F_FAIL_OPEN, this.#failCode === NF_ACCEPT, first + 1);
    at += writeQueueLength(view, at, queue, length, first + 2);
    at += writeQueueFlag(view, at, queue, NFQA_CFG_F_GSO, gso, first + 3);
    this.#replyLength = at;
    const sent = this.flush();
    const count = sent ? this.receive() : -1;
    const failed = count < 0 ? this.counters.lastErrno : 0;
    const answers = [failed, failed, failed, failed];
    this.#held = Math.max(0, count);
    for (let i = 0; i < count; i++) {
      const start = i * this.#room;
      const message = this.message;
      if (message.parse(this.view, start, start + this.#words[i * 16 + LENGTH_WORD]!) !== REPLY) continue;
      const request = message.sequence - first;
      if (request >= 0 && request < answers.length) answers[request] = message.errno;
    }
    // An acknowledgement behind a full burst of packets is not waited for: that packets come proves that binding worked.
    return { bind: answers[0]!, failOpen: answers[1]!, length: answers[2]!, gso: answers[3]! };
  }

  /**
   * Receives what is waiting, at most {@link BURST} messages, and never waits. Answers their number, 0 where there are
   * none (or where earlier verdicts could not be sent yet), -1 where the socket is dead (`counters.lastErrno`).
   */
  receive(): number {
    return this.#receive(MSG_DONTWAIT);
  }

  /**
   * The same, but where nothing is waiting it waits on this thread for the first message, as long as {@link linger} says:
   * one call instead of three (a receive in vain, a poll, another receive). Only for a program with one queue.
   */
  receiveSoon(): number {
    return this.#receive(this.#patience > 0 ? MSG_WAITFORONE : MSG_DONTWAIT);
  }

  /** Sets how long {@link receiveSoon} waits, in milliseconds. False where the kernel refuses. */
  linger(milliseconds: number): boolean {
    // struct timeval { long tv_sec; long tv_usec; };
    const time = new BigInt64Array(new ArrayBuffer(16));
    time[1] = BigInt(milliseconds * 1000);
    const set = this.#libc.symbols.setsockopt(this.fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(time.buffer), 16) === 0;
    this.#patience = set ? milliseconds : 0;
    return set;
  }

  #receive(flags: number): number {
    this.#next = 0;
    if (this.#held > 0) {
      this.#burst = this.#held;
      this.#held = 0;
      return this.#burst;
    }
    this.#burst = 0;
    if (this.#replyLength > 0 && !this.flush()) return this.#dead ? -1 : 0;
    const counters = this.counters;
    for (let attempt = 0; attempt < 4; attempt++) {
      const count = this.#recvmmsg(this.fd, this.#wordsAt, BURST, flags, null);
      if (count >= 0) {
        counters.bursts++;
        this.#burst = count;
        return count;
      }
      const errno = this.#libc.errno();
      if (errno === EAGAIN) return 0;
      if (errno === EINTR) counters.interrupted++;
      else if (errno === ENOBUFS) counters.overruns++;
      else {
        counters.receiveFailures++;
        counters.lastErrno = errno;
        return -1;
      }
    }
    return 0;
  }

  /**
   * Reads message `index` of the burst into {@link message}. Answers PACKET, for which a verdict must follow, or
   * something else, which is dealt with already. Call for each index in order.
   */
  read(index: number): number {
    if (index >= this.#burst) return OTHER;
    this.#next = index + 1;
    const counters = this.counters;
    const word = index * 16;
    const start = index * this.#room;
    const received = this.#words[word + LENGTH_WORD]!;
    const message = this.message;
    const kind = message.parse(this.view, start, start + (received < this.#room ? received : this.#room));
    if (message.cut || (this.#words[word + FLAGS_WORD]! & MSG_TRUNC) !== 0) counters.truncated++;
    if (kind === PACKET) {
      counters.packets++;
      this.#headroom = message.payload - start;
      const step = (message.packetId - this.#lastId) | 0;
      if (step > 1 && this.#seen) counters.missed += step - 1;
      this.#lastId = message.packetId;
      this.#seen = true;
      return PACKET;
    }
    if (kind === REPLY) this.#replied(message);
    else if (kind === MALFORMED) counters.malformed++;
    return kind;
  }

  /** Where the packet of message `index` begins if that message is laid out as the last one read: a hint, no more. */
  guess(index: number): number {
    return index * this.#room + this.#headroom;
  }

  #replied(message: QueueMessage): void {
    if (message.errno === 0) return;
    if (message.errno === ENOENT) this.counters.missing++;
    else {
      this.counters.rejected++;
      this.counters.lastErrno = message.errno;
    }
  }

  /** Notes the verdict for a packet, without touching its mark. Verdicts are given in the order of receipt. */
  verdict(packetId: number, code: number): void {
    if (this.#extends(packetId, code, false, 0)) return;
    this.#runAt = this.#replyLength;
    this.#replyLength += writeVerdict(this.#replyView, this.#runAt, this.number, packetId, code);
  }

  /** Notes the verdict for a packet and the mark it goes on with (all 32 bits: bring the foreign bits along). */
  verdictMarked(packetId: number, code: number, mark: number): void {
    if (this.#extends(packetId, code, true, mark)) return;
    this.#runAt = this.#replyLength;
    this.#replyLength += writeMarkedVerdict(this.#replyView, this.#runAt, this.number, packetId, code, mark);
  }

  // A run of equal verdicts for consecutive packets becomes one batch message: all older packets have theirs already.
  #extends(packetId: number, code: number, marked: boolean, mark: number): boolean {
    const counters = this.counters;
    if (counters.answered === counters.packets) {
      counters.surplus++;
      return true;
    }
    counters.answered++;
    const consecutive = packetId === ((this.#runId + 1) | 0);
    this.#runId = packetId;
    if (
      this.#runAt >= 0 && consecutive && code === this.#runCode && marked === this.#runMarked && mark === this.#runMark
    ) {
      extendVerdict(this.#replyView, this.#runAt, packetId);
      return true;
    }
    this.#runCode = code;
    this.#runMarked = marked;
    this.#runMark = mark;
    counters.messages++;
    return false;
  }

  /**
   * Sends the noted verdicts, all with one call. False where the kernel would not take them even after some retries
   * (about 20 ms): they are kept and sent before anything else is received.
   */
  flush(): boolean {
    if (this.#replyLength === 0) return true;
    this.#runAt = -1;
    this.#sendVector[2] = this.#replyLength; // low half of iov_len: every target of Deno is little-endian
    const counters = this.counters;
    for (let attempt = 0; attempt < 24; attempt++) {
      // The kernel works through the messages within the call and takes all or none: there is no partial send.
      if (this.#sendmsg(this.fd, this.#sendAt, MSG_DONTWAIT) >= 0) {
        this.#replyLength = 0;
        return true;
      }
      const errno = this.#libc.errno();
      if (errno === EINTR) {
        counters.interrupted++;
        continue;
      }
      counters.sendFailures++;
      if (errno !== EAGAIN && errno !== ENOBUFS && errno !== ENOMEM) {
        counters.lastErrno = errno;
        this.#dead = true;
        return false;
      }
      if (attempt > 2) this.#libc.symbols.poll(null, 0n, 1);
    }
    return false;
  }

  /**
   * Packets that found the receive buffer full since the queue was opened, as the kernel counts them (a call: for status
   * and events, not for each burst); they passed uninspected or were dropped. -1 where the kernel does not tell
   * (before Linux 4.12).
   */
  overflows(): number {
    const info = new Uint32Array(new ArrayBuffer(4 * MEMINFO_WORDS));
    const length = Uint32Array.of(info.byteLength);
    const failed = this.#libc.symbols.getsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, info, length) !== 0;
    return failed ? -1 : info[MEMINFO_WORDS - 1]!;
  }

  /**
   * Answers everything outstanding with the fail verdict, lets the kernel queue nothing more, and gives the queue back.
   * Can be called again.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#dead) this.#drain();
    this.#release();
  }

  /** Answers what was received, and no more: what waits is for the process that has the socket too. Nothing is closed. */
  leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#dead) this.#answerReceived();
  }

  #answerReceived(): boolean {
    const counters = this.counters;
    if (this.#seen && counters.answered < counters.packets) {
      this.#runAt = this.#replyLength;
      this.#replyLength += writeVerdict(this.#replyView, this.#runAt, this.number, this.#lastId, this.#failCode);
      extendVerdict(this.#replyView, this.#runAt, this.#lastId);
      counters.answered = counters.packets;
      counters.messages++;
    }
    this.#answerRest(this.#next, this.#burst);
    if (this.#held > 0) this.#answerRest(0, this.receive());
    return this.flush();
  }

  #drain(): void {
    if (!this.#answerReceived()) return;
    // With no room in the queue, a queue that fails open lets new packets pass from here on, so that the drain has an end
    // and the unbinding, which drops what is still queued, finds nothing.
    this.#replyLength = writeQueueLength(this.#replyView, 0, this.number, 0, 0);
    for (let burst = 0; burst < DRAIN_BURSTS && this.flush(); burst++) {
      const count = this.receive();
      if (count <= 0) break;
      this.#answerRest(0, count);
    }
    this.flush();
  }

  #answerRest(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if (this.read(i) === PACKET) this.verdict(this.message.packetId, this.#failCode);
    }
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function addressOf(buffer: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>) {
  // Only a detached buffer has no address, and no buffer here is ever transferred.
  return Deno.UnsafePointer.of(buffer)!;
}
