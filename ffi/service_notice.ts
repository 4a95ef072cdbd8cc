/**
 * Reports the daemon's state to the service manager that started it: the datagrams of sd_notify(3).
 * @module
 */
import { type Libc, MSG_DONTWAIT } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
/** sun_path of struct sockaddr_un. */
const LONGEST_PATH = 107;
/** Does not raise SIGPIPE. */
const MSG_NOSIGNAL = 0x4000;

/** A connection to the service manager. Sending never waits, and never fails. */
export class ServiceNotice implements Disposable {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #address: Uint8Array<ArrayBuffer>;

  /** The socket that the environment names (`NOTIFY_SOCKET`); null where it names none. */
  static open(libc: Libc): ServiceNotice | null {
    const path = Deno.env.get("NOTIFY_SOCKET") ?? "";
    if (!/^[/@]/.test(path) || path.length > LONGEST_PATH) return null;
    const fd = libc.symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? null : new ServiceNotice(libc, fd, path);
  }

  private constructor(libc: Libc, fd: number, path: string) {
    this.#libc = libc;
    this.#fd = fd;
    // struct sockaddr_un: the family, then the path; an abstract one begins with NUL, written "@", and has no end mark.
    const text = new TextEncoder().encode(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
    this.#address = new Uint8Array(new ArrayBuffer(2 + text.length));
    new Uint16Array(this.#address.buffer, 0, 1)[0] = AF_UNIX;
    this.#address.set(text, 2);
  }

  /** Sends assignments as sd_notify has them, e.g. `READY=1`. */
  tell(...assignments: readonly string[]): void {
    const bytes = new TextEncoder().encode(assignments.join("\n"));
    this.#libc.symbols.sendto(
      this.#fd,
      new Uint8Array(bytes),
      BigInt(bytes.length),
      MSG_DONTWAIT | MSG_NOSIGNAL,
      this.#address,
      this.#address.length,
    );
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
  }
}
