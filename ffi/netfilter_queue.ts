/**
 * Opens kernel queues: libnetfilter_queue opens, binds and configures; the packets themselves take the path of
 * packet_queue.ts.
 * @module
 */
import {
  ECONNREFUSED,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  type Libc,
  NETLINK_NO_ENOBUFS,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from "./libc.ts";
import { type OpenLibrary, openQueueLibrary } from "./library.ts";
import { Missing, QueueOwned } from "./missing.ts";
import { PacketQueue } from "./packet_queue.ts";
import { hasQueues, queueOwner, readQueueStates } from "./queue_state.ts";

const SYMBOLS = {
  // struct nfq_handle *nfq_open(void);
  nfq_open: { parameters: [], result: "pointer" },
  // int nfq_close(struct nfq_handle *h);
  nfq_close: { parameters: ["pointer"], result: "i32" },
  // int nfq_fd(struct nfq_handle *h);
  nfq_fd: { parameters: ["pointer"], result: "i32" },
  // int nfq_unbind_pf(struct nfq_handle *h, uint16_t pf);
  nfq_unbind_pf: { parameters: ["pointer", "u16"], result: "i32" },
  // int nfq_bind_pf(struct nfq_handle *h, uint16_t pf);
  nfq_bind_pf: { parameters: ["pointer", "u16"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_INET = 2;
const AF_INET6 = 10;

/** How a queue is to be set up. */
export interface QueueSettings {
  /**
   * Bytes of each packet to copy. 4096 are enough: no classifier is shown more of a direction than the 4096 bytes of
   * lib/state/streams.ts, and a packet of several segments (GSO) may bring them all at once: a TLS hello with
   * post-quantum keys is 1.8 KiB, with the name often behind the keys. A datagram is wanted whole, as its end is checked.
   * Packets of one segment are shorter than this anyway, so less would save nothing on them.
   */
  readonly copyRange: number;
  /**
   * Packets that may wait in the kernel. A queue that fails open passes what is beyond this without
   * counting it anywhere, so the receive buffer, whose overflow is counted, is made to be full first.
   */
  readonly length: number;
  /**
   * Bytes of the receive buffer to ask for. The kernel grants twice the number and books 832 bytes for a short packet:
   * 4 MiB hold some 10,000 of them, which also bounds the delay of an overloaded queue.
   */
  readonly receiveBuffer: number;
  /** Packets pass, uninspected, where the queue or its buffer is full; otherwise they are dropped. */
  readonly failOpen: boolean;
  /** Take bulk packets of several segments whole. */
  readonly gso: boolean;
}

/** What the kernel granted. */
export interface EffectiveSettings {
  /** Queue number. */
  readonly queue: number;
  /** The kernel acknowledged the fail-open flag (or its absence). */
  readonly failOpen: boolean;
  /** The kernel acknowledged the GSO flag. */
  readonly gso: boolean;
  /** Bytes copied of each packet, read back; as requested where the kernel does not show it. */
  readonly copyRange: number;
  /** Packets that may wait; 0 where the kernel refused the length and kept its own (1024). */
  readonly length: number;
  /** Receive buffer in bytes as the kernel counts it (twice what was asked, if all was granted). */
  readonly receiveBuffer: number;
  /** What was asked and not granted, one sentence each. */
  readonly problems: readonly string[];
}

/** One opened queue and what the kernel granted it. */
export interface OpenedQueue {
  /** The queue. */
  readonly queue: PacketQueue;
  /** Its effective settings. */
  readonly effective: EffectiveSettings;
}

/** libnetfilter_queue, loaded when it is first needed. Close it after the queues it opened. */
export class QueueLibrary implements Disposable {
  readonly #library: OpenLibrary<typeof SYMBOLS>;
  readonly #libc: Libc;
  #closed = false;

  /** Loads the library. Throws MissingLibrary. */
  static open(libc: Libc): QueueLibrary {
    return new QueueLibrary(openQueueLibrary(SYMBOLS), libc);
  }

  private constructor(library: OpenLibrary<typeof SYMBOLS>, libc: Libc) {
    this.#library = library;
    this.#libc = libc;
  }

  /**
   * Opens, binds and configures queue `number` (0 … 65535), or configures it on a socket `taken` that has it already.
   * Throws {@link Missing} or {@link QueueOwned}.
   */
  openQueue(number: number, settings: QueueSettings, taken?: number): OpenedQueue {
    const libc = this.#libc;
    const { fd, release, mayConfigure } = this.#openSocket(number, taken);
    // A program that hangs must not hold the queue when ftwall is gone: packets would wait for nobody.
    libc.closeOnExec(fd);
    try {
      const problems: string[] = [];
      const receiveBuffer = this.#setBuffer(fd, settings.receiveBuffer, problems);
      // An overflow reported as ENOBUFS also stops all delivery until the buffer is empty, and each packet of that time is
      // lost or passes unseen. Without the report delivery goes on as soon as one packet fits, and the loss is known
      // more exactly: from the gaps in the packet numbers.
      libc.setOption(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
      const { copyRange, failOpen, length, gso } = settings;
      const queue = new PacketQueue(libc, { number, fd, copyRange, failOpen, release });
      const errno = queue.start({ bind: taken === undefined, length, gso });
      if (errno.bind !== 0) throw openingFailed(number, mayConfigure ? "bind" : "permission", errno.bind, libc);
      const granted = (what: string, wanted: boolean, errno: number) => {
        if (wanted && errno !== 0) problems.push(`${what} refused: ${libc.describe(errno)}`);
        return wanted && errno === 0;
      };
      const effective: EffectiveSettings = {
        queue: number,
        failOpen: granted('Queue flag "fail-open"', failOpen, errno.failOpen),
        gso: granted('Queue flag "GSO"', gso, errno.gso),
        length: granted(`Queue length "${length}"`, true, errno.length) ? length : 0,
        copyRange: readQueueStates()?.find((state) => state.number === number)?.copyRange ?? copyRange,
        receiveBuffer,
        problems,
      };
      return { queue, effective };
    } catch (error) {
      release();
      throw error;
    }
  }

  #openSocket(number: number, taken?: number): { fd: number; release: () => void; mayConfigure: boolean } {
    if (taken !== undefined) {
      return { fd: taken, release: () => void this.#libc.symbols.close(taken), mayConfigure: true };
    }
    const lib = this.#library.symbols;
    const handle = lib.nfq_open();
    if (handle === null) throw openingFailed(number, "open", this.#libc.errno(), this.#libc);
    return {
      fd: lib.nfq_fd(handle),
      release: () => void lib.nfq_close(handle),
      mayConfigure: this.#bindFamilies(handle),
    };
  }

  // Needed before Linux 3.8, without effect since: their results tell nothing, but for EPERM.
  #bindFamilies(handle: Deno.PointerObject): boolean {
    const lib = this.#library.symbols;
    let permitted = true;
    for (const family of [AF_INET, AF_INET6]) {
      if (lib.nfq_unbind_pf(handle, family) < 0 && this.#libc.errno() === EPERM) permitted = false;
      if (lib.nfq_bind_pf(handle, family) < 0 && this.#libc.errno() === EPERM) permitted = false;
    }
    return permitted;
  }

  #setBuffer(fd: number, bytes: number, problems: string[]): number {
    const libc = this.#libc;
    if (libc.setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) !== 0) libc.setOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
    const granted = libc.option(fd, SOL_SOCKET, SO_RCVBUF);
    if (granted < 2 * bytes) {
      problems.push(`Receive buffer "${bytes}" not granted: ${granted >> 1} bytes, see net.core.rmem_max`);
    }
    return granted;
  }

  /** Unloads the library. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#library.close();
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** At which step the opening of a queue failed. */
export type OpeningStep = "open" | "permission" | "bind";

function openingFailed(number: number, step: OpeningStep, errno: number, libc: Libc): Missing {
  const owner = step === "bind" && errno === EPERM ? queueOwner(number) : null;
  return openingError(number, step, errno, libc.describe(errno), owner, hasQueues());
}

/** Says in one sentence why a queue could not be opened, and what to do. */
export function openingError(
  number: number,
  step: OpeningStep,
  errno: number,
  description: string,
  owner: { readonly pid: number; readonly command: string } | null,
  kernelHasQueues: boolean,
): Missing {
  if (owner !== null) {
    const who = owner.pid === 0 ? "a process outside of this process namespace" : `process ${owner.pid}`;
    const name = owner.command === "" ? "" : ` (${owner.command})`;
    return new QueueOwned(
      `Cannot bind queue "${number}": ${who}${name} holds it. Stop that process or choose another queue with --queue`,
      owner.pid,
    );
  }
  const missing = errno === EPROTONOSUPPORT || errno === ECONNREFUSED ||
    ((errno === EINVAL || errno === EOPNOTSUPP) && !kernelHasQueues);
  if (missing) {
    return new Missing(
      "kernel",
      `Cannot open queue "${number}": this kernel has no NFQUEUE (${description}). Load the module nfnetlink_queue ` +
        "(OpenWrt: packages kmod-nfnetlink-queue and kmod-nft-queue or iptables-mod-nfqueue)",
    );
  }
  if (errno === EPERM) {
    return new Missing(
      "permission",
      `Cannot open queue "${number}": no permission (${description}). Run as root or with the capability CAP_NET_ADMIN`,
    );
  }
  return new Missing("kernel", `Cannot open queue "${number}" at step "${step}": ${description} (error ${errno})`);
}
