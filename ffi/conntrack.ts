/**
 * The kernel's connection table: deletes a client's flows, and changes ftwall's bits in connection marks, so that settled
 * flows come to the queue again.
 *
 * A table may hold a million entries. The kernel lists it in pieces of at most 32 KiB, each fetched on another thread,
 * as a filtered listing may walk the whole table for one piece: this thread only ever works on one piece (some 150 entries,
 * well under a millisecond), and the event loop runs between any two.
 * @module
 */
import {
  ANSWER,
  BROKEN,
  DONE,
  ENTRY,
  Entry,
  MOST_REQUEST,
  ORIGINAL,
  REPLYING,
  type Side,
  writeDeletion,
  writeFilteredListing,
  writeListing,
  writeMarking,
  writeStatistics,
} from "./ctnetlink.ts";
import { EAGAIN, EINTR, EINVAL, ENOENT, EOPNOTSUPP, type Libc, MSG_DONTWAIT } from "./libc.ts";
import { Missing } from "./missing.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_NETFILTER = 12;
const SO_RCVTIMEO = 20;
const SOL_SOCKET = 1;
const PIECE = 32768;
const REQUESTS = 16384;
const MOST_PENDING = 256;
const BOTH_FAMILIES = 0;
const SECONDS_TO_ANSWER = 10n;

/** What became of a request. */
export interface Tally {
  /** Entries looked at. */
  seen: number;
  /** Entries that were to be changed. */
  matched: number;
  /** Entries changed. */
  changed: number;
  /** Entries that ended by themselves meanwhile. */
  gone: number;
  /** Changes that the kernel refused for another reason. */
  errors: number;
  /** Last error number; 0 where there was none. */
  lastErrno: number;
  /** Whether the whole table was gone through; false where the listing broke off or never began. */
  complete: boolean;
}

/** The connection table. Requests are worked through one after the other. */
export class Conntrack implements Disposable {
  /** Requests left out because too many were waiting. */
  omitted = 0;
  readonly #libc: Libc;
  #listing: number;
  readonly #changing: number;
  readonly #piece: Uint8Array<ArrayBuffer> = new Uint8Array(PIECE);
  readonly #view: DataView<ArrayBuffer> = new DataView(this.#piece.buffer);
  readonly #requests: Uint8Array<ArrayBuffer> = new Uint8Array(REQUESTS);
  readonly #requestView: DataView<ArrayBuffer> = new DataView(this.#requests.buffer);
  readonly #answers: Uint8Array<ArrayBuffer> = new Uint8Array(PIECE);
  readonly #answerView: DataView<ArrayBuffer> = new DataView(this.#answers.buffer);
  readonly #entry: Entry = new Entry();
  readonly #answer: Entry = new Entry();
  #requestLength = 0;
  #changes = 0;
  #sequence = 1;
  #pending = 0;
  #last: Promise<void> = Promise.resolve();
  #busy = false;
  #closed = false;

  /** Opens the table. Throws {@link Missing} where this kernel has none or does not allow it. */
  static open(libc: Libc): Conntrack {
    const listing = openNetlink(libc);
    let changing: number;
    try {
      changing = openNetlink(libc);
    } catch (error) {
      libc.symbols.close(listing);
      throw error;
    }
    const table = new Conntrack(libc, listing, changing);
    const errno = table.#ask();
    if (errno === 0) return table;
    table.close();
    const kind = errno === 1 ? "permission" : "kernel";
    const advice = kind === "permission"
      ? "run as root or with the capability CAP_NET_ADMIN"
      : "load the module nf_conntrack_netlink";
    throw new Missing(kind, `Cannot list the connection table: ${libc.describe(errno)}; ${advice}`);
  }

  private constructor(libc: Libc, listing: number, changing: number) {
    this.#libc = libc;
    this.#listing = listing;
    this.#changing = changing;
  }

  /** Deletes all flows that this address (four words, IPv4 mapped) opened or answers. */
  forget(w0: number, w1: number, w2: number, w3: number): Promise<Tally> {
    const match = () => this.#entry.concerns(w0, w1, w2, w3);
    const write = (at: number) => writeDeletion(this.#entry, this.#view, this.#requestView, at, this.#sequence);
    return this.#queue((tally) => this.#bothSides(w0, w1, w2, w3, match, write, tally));
  }

  /**
   * Gives all flows that this address opened or answers and that carry a bit of `mask` in their mark the bits `value`
   * there instead; other bits stay.
   */
  markAgainOf(mask: number, value: number, w0: number, w1: number, w2: number, w3: number): Promise<Tally> {
    const entry = this.#entry;
    const match = () => this.#marked(mask, value) && entry.concerns(w0, w1, w2, w3);
    const write = (at: number) => writeMarking(entry, this.#view, this.#requestView, at, this.#sequence, mask, value);
    return this.#queue((tally) => this.#bothSides(w0, w1, w2, w3, match, write, tally));
  }

  /** The same for all flows, of both families; `except` is a value under the mask that stays as it is (0: none). */
  markAgain(mask: number, value: number, except: number): Promise<Tally> {
    const entry = this.#entry;
    const match = () => this.#marked(mask, value) && (entry.mark & mask) !== except;
    const write = (at: number) => writeMarking(entry, this.#view, this.#requestView, at, this.#sequence, mask, value);
    return this.#queue((tally) => this.#walkUnfiltered(match, write, tally));
  }

  #marked(mask: number, value: number): boolean {
    const bits = this.#entry.mark & mask;
    return bits !== 0 && bits !== value;
  }

  #queue(work: (tally: Tally) => Promise<void>): Promise<Tally> {
    const tally = { seen: 0, matched: 0, changed: 0, gone: 0, errors: 0, lastErrno: 0, complete: false };
    if (this.#closed || this.#pending === MOST_PENDING) {
      this.omitted++;
      return Promise.resolve(tally);
    }
    this.#pending++;
    const done = this.#last.then(() => this.#closed ? undefined : work(tally)).finally(() => this.#pending--);
    this.#last = done;
    return done.then(() => tally);
  }

  async #bothSides(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    match: () => boolean,
    write: (at: number) => number,
    tally: Tally,
  ): Promise<void> {
    for (const side of [ORIGINAL, REPLYING] as const) {
      const errno = await this.#walk((at) => this.#filtered(at, side, w0, w1, w2, w3), match, write, tally);
      if (errno === 0) continue;
      // This kernel cannot filter: list all, and choose here (which is done in any case).
      if (errno !== EINVAL && errno !== EOPNOTSUPP) return;
      await this.#walkUnfiltered(match, write, tally);
      return;
    }
    tally.complete = true;
  }

  #filtered(at: number, side: Side, w0: number, w1: number, w2: number, w3: number): number {
    return writeFilteredListing(this.#requestView, at, this.#sequence, side, w0, w1, w2, w3);
  }

  async #walkUnfiltered(match: () => boolean, write: (at: number) => number, tally: Tally): Promise<void> {
    const request = (at: number) => writeListing(this.#requestView, at, this.#sequence, BOTH_FAMILIES);
    tally.complete = await this.#walk(request, match, write, tally) === 0;
  }

  /** Goes through one listing; answers 0, or the error number that ended it. */
  async #walk(
    request: (at: number) => number,
    match: () => boolean,
    write: (at: number) => number,
    tally: Tally,
  ): Promise<number> {
    const sequence = this.#nextSequence();
    // The kernel looks through its whole table for the first piece, 10 ms of an empty one, before this call returns.
    this.#busy = true;
    const sent = await this.#libc.symbols.sendAsync(this.#listing, this.#requests, BigInt(request(0)), MSG_DONTWAIT);
    this.#busy = false;
    for (;;) {
      const length = sent < 0 || this.#closed ? -1 : await this.#fetch();
      if (this.#closed) {
        this.#release();
        return EAGAIN;
      }
      if (length <= 0) {
        // The kernel refuses a second listing on a socket whose first is unfinished (EBUSY): use a new socket.
        this.#libc.symbols.close(this.#listing);
        this.#listing = openNetlink(this.#libc);
        tally.lastErrno = EAGAIN;
        return EAGAIN;
      }
      const end = this.#work(sequence, length, match, write, tally);
      if (end >= 0) {
        if (end !== 0) tally.lastErrno = end;
        return end;
      }
    }
  }

  async #fetch(): Promise<number> {
    this.#busy = true;
    // On another thread errno is lost; but with SO_RCVTIMEO the call ends in any case.
    const length = await this.#libc.symbols.recvAsync(this.#listing, this.#piece, BigInt(PIECE), 0);
    this.#busy = false;
    return length;
  }

  /** Works through one piece; answers -1 where more follows, otherwise how the listing ended. */
  #work(sequence: number, length: number, match: () => boolean, write: (at: number) => number, tally: Tally): number {
    const entry = this.#entry;
    let end = -1;
    for (let at = 0; at < length && end < 0; at = entry.next) {
      const kind = entry.parse(this.#view, at, length);
      if (kind === BROKEN) break;
      if (entry.sequence !== sequence) continue;
      if (kind === DONE || kind === ANSWER) end = entry.errno;
      if (kind !== ENTRY) continue;
      tally.seen++;
      if (!match()) continue;
      tally.matched++;
      if (this.#requestLength > REQUESTS - MOST_REQUEST) this.#change(tally);
      this.#requestLength += write(this.#requestLength);
      this.#changes++;
    }
    this.#change(tally);
    return end;
  }

  // Without a request for acknowledgement the kernel answers failures only, within the call.
  #change(tally: Tally): void {
    const changes = this.#changes;
    if (changes === 0) return;
    const errno = this.#send(this.#changing, this.#requestLength);
    this.#requestLength = 0;
    this.#changes = 0;
    if (errno !== 0) {
      tally.errors += changes;
      tally.lastErrno = errno;
      return;
    }
    let failed = 0;
    for (;;) {
      const length = this.#libc.symbols.recv(this.#changing, this.#answers, BigInt(PIECE), MSG_DONTWAIT);
      if (length <= 0) break;
      for (let at = 0; at < length; at = this.#answer.next) {
        const kind = this.#answer.parse(this.#answerView, at, length);
        if (kind === BROKEN) break;
        if (kind !== ANSWER || this.#answer.errno === 0) continue;
        failed++;
        if (this.#answer.errno === ENOENT) tally.gone++;
        else {
          tally.errors++;
          tally.lastErrno = this.#answer.errno;
        }
      }
    }
    tally.changed += Math.max(0, changes - failed);
  }

  #nextSequence(): number {
    this.#sequence = this.#sequence + 1 & 0x7fffffff;
    return this.#sequence;
  }

  #send(fd: number, length: number): number {
    for (let attempt = 0; attempt < 4; attempt++) {
      if (this.#libc.symbols.send(fd, this.#requests, BigInt(length), MSG_DONTWAIT) >= 0) return 0;
      const errno = this.#libc.errno();
      if (errno !== EINTR) return errno;
    }
    return EINTR;
  }

  // Asks for the number of entries: a kernel without the table answers EINVAL, as to any request that it does not know.
  #ask(): number {
    const sent = this.#send(this.#changing, writeStatistics(this.#requestView, 0, this.#nextSequence()));
    if (sent !== 0) return sent;
    const length = this.#libc.symbols.recv(this.#changing, this.#answers, BigInt(PIECE), 0);
    if (length < 0) return this.#libc.errno();
    const kind = this.#answer.parse(this.#answerView, 0, length);
    return kind === ANSWER || kind === DONE ? this.#answer.errno : 0;
  }

  /** Closes the sockets; waiting requests end incomplete. Can be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#busy) this.#release();
  }

  #release(): void {
    this.#libc.symbols.close(this.#listing);
    this.#libc.symbols.close(this.#changing);
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function openNetlink(libc: Libc): number {
  const fd = libc.symbols.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) throw new Missing("kernel", `Cannot open a netfilter socket: ${libc.describe(libc.errno())}`);
  const timeout = new Uint8Array(BigInt64Array.of(SECONDS_TO_ANSWER, 0n).buffer);
  libc.symbols.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length);
  return fd;
}
