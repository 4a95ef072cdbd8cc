/**
 * Open descriptors that travel from process to process over Unix sockets (SCM_RIGHTS, unix(7)): a queue's socket keeps its
 * netlink port, and with it the queue and what waits in it, whichever process has it.
 * @module
 */
import { pause } from "../lib/net/timer.ts";
import { EAGAIN, EINTR, type Libc, MSG_DONTWAIT, SOL_SOCKET } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
/** sun_path of struct sockaddr_un. */
const LONGEST_PATH = 107;
/** Does not raise SIGPIPE. */
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SCM_RIGHTS = 1;
/** struct msghdr of 64-bit Linux: where the pieces' addresses are, in words of 8 bytes. */
const MSGHDR = 56;
/** struct mmsghdr: the length received stands behind the header. */
const MMSGHDR = 64;
/** struct cmsghdr: length, level, type. */
const CMSGHDR = 16;
const IOVEC = 16;
/** Bytes of a message's text. */
const LONGEST_TEXT = 65536;
/** Milliseconds between looks for a message. */
const TURN = 2;
/** The most descriptors of one message (SCM_MAX_FD). */
export const MOST_DESCRIPTORS = 253;

/** The address of a Unix socket (struct sockaddr_un); null where the path is too long. One that begins with `@` is abstract. */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> | null {
  const name = new TextEncoder().encode(path);
  if (name.length > LONGEST_PATH) return null;
  // An abstract name begins with NUL and has no end mark.
  const abstract = path.startsWith("@");
  if (abstract) name[0] = 0;
  const address = new Uint8Array(new ArrayBuffer(2 + name.length + (abstract ? 0 : 1)));
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}

/** Makes a datagram socket; -1 where the kernel does not. */
export function datagramSocket(libc: Libc): number {
  return libc.symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/** Sends a text, and descriptors with it, to `address`. Answers 0 or the error number. */
export function sendDescriptors(
  libc: Libc,
  socket: number,
  address: Uint8Array<ArrayBuffer>,
  text: string,
  descriptors: readonly number[],
): number {
  const message = new Message(new TextEncoder().encode(text), CMSGHDR + 4 * descriptors.length, address);
  const control = new DataView(message.control.buffer);
  control.setBigUint64(0, BigInt(message.control.length), true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  descriptors.forEach((fd, i) => control.setInt32(CMSGHDR + 4 * i, fd, true));
  for (;;) {
    if (libc.symbols.sendmsg(socket, message.at, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    const errno = libc.errno();
    if (errno !== EINTR) return errno;
  }
}

/** What came with a message. */
export interface Passed {
  readonly text: string;
  /** Now this process's own; they are closed when it becomes another program. */
  readonly descriptors: readonly number[];
}

/** Where another process sends descriptors to. */
export class PassingSocket implements Disposable {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #path: string;

  /** Listens at `path`, mode 0600, in the place of what an earlier process left there. Throws an Error where it cannot. */
  constructor(libc: Libc, path: string) {
    this.#libc = libc;
    this.#path = path;
    const address = unixAddress(path);
    if (address === null) throw new Error("the path is too long");
    try {
      if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
    } catch {
      // There is none.
    }
    this.#fd = datagramSocket(libc);
    const before = Deno.umask(0o177);
    const bound = this.#fd >= 0 && libc.symbols.bind(this.#fd, address, address.length) === 0;
    const errno = bound ? 0 : libc.errno();
    Deno.umask(before);
    if (bound) return;
    libc.symbols.close(this.#fd);
    throw new Error(libc.describe(errno));
  }

  /** Waits for a message, at most so many milliseconds; null where none comes. It starts no thread. */
  async receive(milliseconds: number): Promise<Passed | null> {
    const message = new Message(new Uint8Array(LONGEST_TEXT), CMSGHDR + 4 * MOST_DESCRIPTORS, null);
    for (const end = performance.now() + milliseconds; performance.now() < end;) {
      const passed = this.#receive(message);
      if (passed !== null) return passed;
      await pause(TURN);
    }
    return null;
  }

  #receive(message: Message): Passed | null {
    const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
    let count: number;
    do count = this.#libc.symbols.recvmmsg(this.#fd, message.at, 1, flags, null); while (
      count < 0 && this.#libc.errno() === EINTR
    );
    if (count < 0) {
      const errno = this.#libc.errno();
      if (errno === EAGAIN) return null;
      throw new Error(this.#libc.describe(errno));
    }
    return { text: new TextDecoder().decode(message.received), descriptors: message.passed() };
  }

  /** Closes it and removes its name. */
  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Gone already.
    }
  }
}

/** A struct mmsghdr, whose first part is a struct msghdr, with all that it points to. */
class Message {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly control: Uint8Array<ArrayBuffer>;
  readonly at: Deno.PointerObject;
  readonly #words = new BigUint64Array(new ArrayBuffer(MMSGHDR));
  readonly #vector = new BigUint64Array(new ArrayBuffer(IOVEC));
  readonly #address: Uint8Array<ArrayBuffer> | null;

  constructor(bytes: Uint8Array, control: number, address: Uint8Array<ArrayBuffer> | null) {
    // On buffers made for them, which do not move.
    this.bytes = new Uint8Array(new ArrayBuffer(bytes.length));
    this.bytes.set(bytes);
    this.control = new Uint8Array(new ArrayBuffer(control));
    this.#address = address;
    const pointer = (buffer: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
    this.#vector[0] = pointer(this.bytes);
    this.#vector[1] = BigInt(this.bytes.length);
    this.#words[0] = this.#address === null ? 0n : pointer(this.#address);
    this.#words[1] = BigInt(this.#address?.length ?? 0);
    this.#words[2] = pointer(this.#vector);
    this.#words[3] = 1n;
    this.#words[4] = pointer(this.control);
    this.#words[5] = BigInt(control);
    this.at = Deno.UnsafePointer.of(this.#words)!;
  }

  /** The bytes that came. */
  get received(): Uint8Array {
    return this.bytes.subarray(0, Number(this.#words[MSGHDR / 8]! & 0xffffffffn));
  }

  /** The descriptors that came. */
  passed(): number[] {
    const view = new DataView(this.control.buffer);
    const length = Math.min(Number(this.#words[5]!), this.control.length);
    if (length < CMSGHDR || view.getInt32(8, true) !== SOL_SOCKET || view.getInt32(12, true) !== SCM_RIGHTS) return [];
    const end = Math.min(length, Number(view.getBigUint64(0, true)));
    const found: number[] = [];
    for (let at = CMSGHDR; at + 4 <= end; at += 4) found.push(view.getInt32(at, true));
    return found;
  }
}
