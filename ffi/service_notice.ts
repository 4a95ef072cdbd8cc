/**
 * Reports the daemon's state to the service manager that started it (sd_notify(3)), and leaves the sockets of queues with it
 * (sd_pid_notify_with_fds(3), sd_listen_fds(3)).
 * @module
 */
import { type Libc, MSG_DONTWAIT } from "./libc.ts";
import { datagramSocket, MOST_DESCRIPTORS, sendDescriptors, unixAddress } from "./passing.ts";

/** Does not raise SIGPIPE. */
const MSG_NOSIGNAL = 0x4000;
/** The first descriptor that the manager hands over (SD_LISTEN_FDS_START). */
const FIRST = 3;
/** Name under which it keeps the socket of a queue. */
const QUEUE = "ftwall-queue-";

/** A connection to the service manager. Sending never waits, and never fails. */
export class ServiceNotice implements Disposable {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #address: Uint8Array<ArrayBuffer>;

  /** The socket that the environment names (`NOTIFY_SOCKET`); null where it names none. */
  static open(libc: Libc): ServiceNotice | null {
    const path = Deno.env.get("NOTIFY_SOCKET") ?? "";
    const address = /^[/@]/.test(path) ? unixAddress(path) : null;
    if (address === null) return null;
    const fd = datagramSocket(libc);
    return fd < 0 ? null : new ServiceNotice(libc, fd, address);
  }

  private constructor(libc: Libc, fd: number, address: Uint8Array<ArrayBuffer>) {
    this.#libc = libc;
    this.#fd = fd;
    this.#address = address;
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

  /** Has the manager keep the socket of a queue for the next start; it closes it when the service is stopped for good. */
  keepQueue(number: number, fd: number): void {
    // FDPOLL: an error of the socket is no reason to close it.
    sendDescriptors(this.#libc, this.#fd, this.#address, `FDSTORE=1\nFDNAME=${QUEUE}${number}\nFDPOLL=0`, [fd]);
  }

  /** Has it keep that of a queue no longer. */
  dropQueue(number: number): void {
    this.tell("FDSTOREREMOVE=1", `FDNAME=${QUEUE}${number}`);
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
  }
}

/** Sockets of queues that the service manager kept since the last start, by queue number. They are handed over once. */
export function keptQueues(libc: Libc): Map<number, number> {
  const kept = new Map<number, number>();
  const count = Number(Deno.env.get("LISTEN_FDS") ?? 0);
  const names = (Deno.env.get("LISTEN_FDNAMES") ?? "").split(":");
  const ours = Deno.env.get("LISTEN_PID") === String(Deno.pid) && count > 0 && count <= MOST_DESCRIPTORS;
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) Deno.env.delete(name);
  if (!ours) return kept;
  for (let i = 0; i < count; i++) {
    const number = new RegExp(`^${QUEUE}(\\d{1,5})$`).exec(names[i] ?? "")?.[1];
    // Programs that are started from here are not meant.
    libc.closeOnExec(FIRST + i);
    if (number !== undefined) kept.set(Number(number), FIRST + i);
  }
  return kept;
}
