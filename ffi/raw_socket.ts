/**
 * Sockets that ftwall sends through: whole packets in another's name (decoys), and datagrams of its own (probes).
 * Nothing is received here: what comes in answer is seen in the queue.
 * @module
 */
import {
  cString,
  EACCES,
  EAFNOSUPPORT,
  EINVAL,
  EPERM,
  type Libc,
  MSG_DONTWAIT,
  SO_BINDTODEVICE,
  SO_MARK,
  SO_RCVBUF,
  SOL_SOCKET,
} from "./libc.ts";
import { Missing } from "./missing.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
// With this protocol the caller brings the IP header, for IPv4 (implies IP_HDRINCL, raw(7)) as for IPv6.
const IPPROTO_RAW = 255;
const MAPPED = 0xffff;

/** How packets of our own leave. */
export interface SenderSettings {
  /** Mark of the packets, so that our own rules let them pass; 0 sets none. */
  readonly mark?: number;
  /** Leave through this interface only; empty for the one that routing says. */
  readonly device?: string;
}

/** What a sender did. */
export interface SenderCounters {
  /** Packets handed to the kernel. */
  sent: number;
  /** Packets that the kernel refused, e.g. no route, or a full device queue: they are not sent again. */
  failed: number;
  /** Error number of the last refusal; 0 where there was none. */
  lastErrno: number;
}

/** One kind of sending socket for both families; the IPv6 one is absent where IPv6 is off. */
abstract class Sender implements Disposable {
  /** What was sent. */
  readonly counters: SenderCounters = { sent: 0, failed: 0, lastErrno: 0 };
  readonly #libc: Libc;
  readonly #fd4: number;
  readonly #fd6: number;
  readonly #to4: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(16));
  readonly #to6: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(28));
  readonly #view4: DataView<ArrayBuffer> = new DataView(this.#to4.buffer);
  readonly #view6: DataView<ArrayBuffer> = new DataView(this.#to6.buffer);
  #closed = false;

  protected constructor(libc: Libc, type: number, protocol: number, settings: SenderSettings) {
    this.#libc = libc;
    this.#fd4 = openSocket(libc, AF_INET, type, protocol, settings);
    try {
      this.#fd6 = openSocket(libc, AF_INET6, type, protocol, settings);
    } catch (error) {
      libc.symbols.close(this.#fd4);
      throw error;
    }
    this.#view4.setUint16(0, AF_INET, true);
    this.#view6.setUint16(0, AF_INET6, true);
  }

  /** Sends `bytes[start … end]` to an address (four words, IPv4 mapped); answers 0 or the error number. Never waits. */
  protected sendTo(
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    port: number,
  ): number {
    const counters = this.counters;
    const four = w0 === 0 && w1 === 0 && w2 === MAPPED;
    const fd = four ? this.#fd4 : this.#fd6;
    let errno = EAFNOSUPPORT;
    if (this.#closed || start < 0 || start > end || end > bytes.length) errno = EINVAL;
    else if (fd >= 0) {
      const view = four ? this.#view4 : this.#view6;
      view.setUint16(2, port);
      if (four) view.setInt32(4, w3);
      else {
        view.setInt32(8, w0);
        view.setInt32(12, w1);
        view.setInt32(16, w2);
        view.setInt32(20, w3);
      }
      const data = bytes.subarray(start, end);
      const to = four ? this.#to4 : this.#to6;
      const length = BigInt(end - start);
      errno = this.#libc.symbols.sendto(fd, data, length, MSG_DONTWAIT, to, to.length) >= 0 ? 0 : this.#libc.errno();
    }
    if (errno === 0) counters.sent++;
    else {
      counters.failed++;
      counters.lastErrno = errno;
    }
    return errno;
  }

  /** Closes the sockets; can be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#libc.symbols.close(this.#fd4);
    if (this.#fd6 >= 0) this.#libc.symbols.close(this.#fd6);
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Sends whole IP packets as they are given, header and all: decoys in a peer's name. Needs CAP_NET_RAW. */
export class RawSender extends Sender {
  /** Opens the sockets. Throws {@link Missing} without permission, or where the device is not there. */
  static open(libc: Libc, settings: SenderSettings = {}): RawSender {
    return new RawSender(libc, SOCK_RAW, IPPROTO_RAW, settings);
  }

  /**
   * Sends the IP packet in `bytes[start … end]` towards its destination, given again as four words (IPv4 mapped).
   * The kernel fills in the header checksum (and a zero identification) of IPv4. Answers 0 or the error number.
   */
  send(
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
  ): number {
    return this.sendTo(bytes, start, end, w0, w1, w2, w3, 0);
  }
}

/** Sends datagrams from the router's own address: probes. Their answers come to this port and are seen in the queue. */
export class ProbeSender extends Sender {
  /** Opens the sockets. Throws {@link Missing} where the mark or the device cannot be set. */
  static open(libc: Libc, settings: SenderSettings = {}): ProbeSender {
    return new ProbeSender(libc, SOCK_DGRAM, 0, settings);
  }

  /** Sends the payload in `bytes[start … end]` to an address and port. Answers 0 or the error number. */
  send(
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    port: number,
  ): number {
    return this.sendTo(bytes, start, end, w0, w1, w2, w3, port);
  }
}

function openSocket(libc: Libc, family: number, type: number, protocol: number, settings: SenderSettings): number {
  const fd = libc.symbols.socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) {
    const errno = libc.errno();
    if (family === AF_INET6 && errno !== EPERM && errno !== EACCES) return -1;
    throw sendingFailed(libc, type === SOCK_RAW ? "open a raw socket" : "open a socket", errno);
  }
  // Answers are read by nobody: the smallest buffer that the kernel gives, so that a flood of them costs nothing.
  libc.setOption(fd, SOL_SOCKET, SO_RCVBUF, 0);
  let failed: Missing | null = null;
  if (settings.mark !== undefined && settings.mark !== 0) {
    const errno = libc.setOption(fd, SOL_SOCKET, SO_MARK, settings.mark | 0);
    if (errno !== 0) failed = sendingFailed(libc, `set the mark "${settings.mark}" of own packets`, errno);
  }
  if (failed === null && settings.device !== undefined && settings.device !== "") {
    const name = cString(settings.device);
    if (libc.symbols.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length) !== 0) {
      failed = sendingFailed(libc, `send through the interface "${settings.device}"`, libc.errno());
    }
  }
  if (failed === null) return fd;
  libc.symbols.close(fd);
  throw failed;
}

function sendingFailed(libc: Libc, attempt: string, errno: number): Missing {
  const permission = errno === EPERM || errno === EACCES;
  const advice = permission ? ". Run as root or with the capabilities CAP_NET_ADMIN and CAP_NET_RAW" : "";
  return new Missing(
    permission ? "permission" : "kernel",
    `Cannot ${attempt}: ${libc.describe(errno)}${advice}`,
  );
}
