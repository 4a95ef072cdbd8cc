/**
 * The kernel's end of a queue socket, played by a test: a pair of datagram sockets, so that the real recvmmsg and sendmsg
 * are at work without a queue and without root.
 */
import { Libc, MSG_DONTWAIT } from "../../ffi/libc.ts";
import { PacketQueue } from "../../ffi/packet_queue.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** One verdict as the queue sent it. */
export interface Verdict {
  /** It stands for all packets up to this one. */
  readonly batch: boolean;
  /** Packet number. */
  readonly id: number;
  /** NF_DROP, NF_ACCEPT, … */
  readonly code: number;
  /** Mark, where it carries one. */
  readonly mark: number | null;
}

/** A kernel of the test's making. */
export class FakeKernel implements Disposable {
  /** The queue under test. */
  readonly queue: PacketQueue;
  /** Times the queue was given back. */
  released = 0;
  /** Queue lengths that were asked for. */
  readonly lengths: number[] = [];
  /** The C library. */
  readonly libc: Libc;
  /** The kernel's end. */
  readonly fd: number;
  readonly #other: number;
  readonly #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(65536);

  /** Makes the pair of sockets, and the queue on one of them. */
  constructor(copyRange = 128, failOpen = true) {
    this.libc = Libc.open();
    const pair = new Int32Array(new ArrayBuffer(8));
    // int socketpair(int domain, int type, int protocol, int sv[2]);
    const own = Deno.dlopen("libc.so.6", {
      socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    });
    const made = own.symbols.socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) === 0;
    own.close();
    if (!made) throw new Error("Cannot make a pair of sockets");
    this.fd = pair[0]!;
    this.#other = pair[1]!;
    const release = () => {
      this.released++;
      this.libc.symbols.close(this.#other);
    };
    this.queue = new PacketQueue(this.libc, { number: 3, fd: this.#other, copyRange, failOpen, release });
  }

  /** Sends one datagram to the queue; false where its buffer is full. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    return this.libc.symbols.send(this.fd, bytes, BigInt(bytes.length), MSG_DONTWAIT) === bytes.length;
  }

  /** Receives one sendmsg of the queue: the bytes, or null where there is none. */
  receive(): Uint8Array<ArrayBuffer> | null {
    const length = this.libc.symbols.recv(this.fd, this.#buffer, BigInt(this.#buffer.length), MSG_DONTWAIT);
    return length < 0 ? null : this.#buffer.slice(0, length);
  }

  /** All verdicts that were sent so far, in order. */
  verdicts(): Verdict[] {
    const all: Verdict[] = [];
    for (let bytes = this.receive(); bytes !== null; bytes = this.receive()) {
      const view = new DataView(bytes.buffer);
      for (let at = 0; at < bytes.length; at += view.getUint32(at, true)) {
        const type = view.getUint16(at + 4, true);
        if (type === 0x302) this.lengths.push(view.getUint32(at + 24));
        else {
          const mark = view.getUint32(at, true) === 40 ? view.getUint32(at + 36) : null;
          all.push({ batch: type === 0x303, id: view.getUint32(at + 28), code: view.getUint32(at + 24), mark });
        }
      }
    }
    return all;
  }

  /** Closes all. */
  [Symbol.dispose](): void {
    this.queue.close();
    this.libc.symbols.close(this.fd);
    this.libc.close();
  }
}

/** A packet message with this number and so many bytes of payload. */
export function packetMessage(id: number, payload = 20): Uint8Array<ArrayBuffer> {
  const length = 36 + payload;
  const bytes = new Uint8Array((length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 0x300, true);
  view.setUint16(18, 3);
  view.setUint16(20, 11, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, id);
  view.setUint16(28, 0x0800);
  view.setUint8(30, 2);
  view.setUint16(32, 4 + payload, true);
  view.setUint16(34, 10, true);
  bytes[36] = 0x45;
  return bytes;
}

/** The kernel's answer to a message that it refused. */
export function errorMessage(errno: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(52);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 52, true);
  view.setUint16(4, 2, true);
  view.setInt32(16, -errno, true);
  view.setUint32(20, 32, true);
  view.setUint16(24, 0x301, true);
  return bytes;
}
