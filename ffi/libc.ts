/**
 * The C library's calls that ftwall makes. The prototype stands beside each symbol, so that the table can be checked
 * against the manual by eye.
 * @module
 */
import { libcNames, type OpenLibrary, openLibrary } from "./library.ts";

// A result of type ssize_t is read as i32: no call here moves 2 GiB, and an isize would become a BigInt for each call.
const SYMBOLS = {
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  // The same on another thread: its errno is lost.
  pollAsync: { name: "poll", parameters: ["pointer", "usize", "i32"], result: "i32", nonblocking: true },
  // int sched_yield(void);
  sched_yield: { parameters: [], result: "i32" },
  // int setpriority(int which, id_t who, int prio);
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
  // int recvmmsg(int fd, struct mmsghdr *vec, unsigned int vlen, int flags, struct timespec *timeout);
  recvmmsg: { parameters: ["i32", "pointer", "u32", "i32", "pointer"], result: "i32" },
  // ssize_t sendmsg(int fd, const struct msghdr *msg, int flags);
  sendmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  // ssize_t recv(int fd, void *buf, size_t len, int flags);
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // The same on another thread: its errno is lost.
  recvAsync: {
    name: "recv",
    parameters: ["i32", "buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // ssize_t send(int fd, const void *buf, size_t len, int flags);
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  // The same on another thread: its errno is lost.
  sendAsync: {
    name: "send",
    parameters: ["i32", "buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t tolen);
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *addr, socklen_t len);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t len);
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int getsockopt(int fd, int level, int name, void *value, socklen_t *len);
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // int open(const char *path, int flags, mode_t mode);   (variadic: the mode goes where a third argument does)
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  // int fcntl(int fd, int op, int arg);   (variadic, as open)
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int flock(int fd, int operation);
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // int getsockname(int fd, struct sockaddr *addr, socklen_t *len);
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // int eventfd(unsigned int initval, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int clock_gettime(clockid_t clockid, struct timespec *tp);
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // pid_t getpid(void);
  getpid: { parameters: [], result: "i32" },
  // unsigned int if_nametoindex(const char *ifname);
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // char *strerror(int errnum);
  strerror: { parameters: ["i32"], result: "pointer" },
  // int madvise(void *addr, size_t length, int advice);
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  // int malloc_trim(size_t pad);   (glibc alone)
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  // int *__errno_location(void);   (the same name in glibc and musl)
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What is called for each burst of packets. */
const OFTEN = ["poll", "sched_yield", "recvmmsg", "sendmsg"] as const;

/** The calls, under their C names. */
export type LibcSymbols = OpenLibrary<typeof SYMBOLS>["symbols"];

/** Not permitted: no CAP_NET_ADMIN, or another process holds the queue. */
export const EPERM = 1;
/** No such entry: the kernel no longer has that packet or flow. */
export const ENOENT = 2;
/** A signal interrupted the call. */
export const EINTR = 4;
/** Nothing to read now. */
export const EAGAIN = 11;
/** Permission denied. */
export const EACCES = 13;
/** The kernel does not know this request. */
export const EINVAL = 22;
/** The kernel has no such netlink protocol. */
export const EPROTONOSUPPORT = 93;
/** The kernel knows the request but not this part of it. */
export const EOPNOTSUPP = 95;
/** Address family not supported: IPv6 is off. */
export const EAFNOSUPPORT = 97;
/** The receive buffer overflowed, or no memory for a send. */
export const ENOBUFS = 105;
/** No kernel side behind this netlink protocol. */
export const ECONNREFUSED = 111;

const CLOCK_MONOTONIC = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** setpriority's first argument for a single thread; its second is 0 for the calling one. */
export const PRIO_PROCESS = 0;
/** Do not wait. */
export const MSG_DONTWAIT = 0x40;
/** Wait for the first message, take what else is there (recvmmsg). */
export const MSG_WAITFORONE = 0x10000;
/** A datagram was longer than the room for it. */
export const MSG_TRUNC = 0x20;
/** Socket-level options. */
export const SOL_SOCKET = 1;
/** Interface to send through. */
export const SO_BINDTODEVICE = 25;
/** Mark of the packets sent. */
export const SO_MARK = 36;
/** How long a receive waits: a struct timeval. */
export const SO_RCVTIMEO = 20;
/** Receive buffer in bytes, within net.core.rmem_max. */
export const SO_RCVBUF = 8;
/** Receive buffer in bytes, beyond that limit (needs CAP_NET_ADMIN). */
export const SO_RCVBUFFORCE = 33;
/** Options of netlink sockets. */
export const SOL_NETLINK = 270;
/** Neither report an overflow as an error nor stop delivery because of it. */
export const NETLINK_NO_ENOBUFS = 5;
/** Data to read. */
export const POLLIN = 1;

/** The C library, opened when first needed. Hand one instance to all that need it; close it last. */
export class Libc implements Disposable {
  /** The calls, under their C names. */
  readonly symbols: LibcSymbols;
  readonly #library: OpenLibrary<typeof SYMBOLS>;
  readonly #errno: Deno.UnsafePointerView;
  // On a buffer made for them: V8 keeps small arrays without one on its own heap, where they move.
  readonly #word: Int32Array<ArrayBuffer> = new Int32Array(new ArrayBuffer(4));
  readonly #length: Uint32Array<ArrayBuffer> = new Uint32Array(new ArrayBuffer(4));
  #closed = false;

  /** Opens the C library under glibc's or musl's name. Throws MissingLibrary. */
  static open(): Libc {
    const advice = "The C library is part of the system: this one is neither glibc nor musl";
    return new Libc(openLibrary("the C library", libcNames(Deno.build.arch), SYMBOLS, advice, OFTEN));
  }

  private constructor(library: OpenLibrary<typeof SYMBOLS>) {
    this.#library = library;
    this.symbols = library.symbols;
    this.#errno = new Deno.UnsafePointerView(this.symbols.__errno_location()!);
  }

  /** Error number of the synchronous call that has just returned -1 on this thread: read it before anything else runs. */
  errno(): number {
    return this.#errno.getInt32();
  }

  /** Text of an error number as C gives it, e.g. `Operation not permitted`. */
  describe(errno: number): string {
    const text = this.symbols.strerror(errno);
    return text === null ? `error ${errno}` : Deno.UnsafePointerView.getCString(text);
  }

  /** Sets an int option; answers 0 or the error number. */
  setOption(fd: number, level: number, option: number, value: number): number {
    this.#word[0] = value;
    return this.symbols.setsockopt(fd, level, option, this.#word, 4) === 0 ? 0 : this.errno();
  }

  /** Reads an int option; -1 where the kernel does not tell. */
  option(fd: number, level: number, option: number): number {
    this.#length[0] = 4;
    const ok = this.symbols.getsockopt(fd, level, option, this.#word, this.#length) === 0;
    return ok ? this.#word[0]! : -1;
  }

  /** Index of a network interface; 0 where there is none of that name. */
  interfaceIndex(name: string): number {
    return this.symbols.if_nametoindex(cString(name));
  }

  /** Milliseconds of the machine's monotonic clock, the same on all threads. */
  monotonic(): number {
    const spec = new BigInt64Array(new ArrayBuffer(16));
    this.symbols.clock_gettime(CLOCK_MONOTONIC, spec);
    return Number(spec[0]!) * 1000 + Number(spec[1]!) / 1e6;
  }

  /** Keeps a descriptor from programs that are started. */
  closeOnExec(fd: number): void {
    this.symbols.fcntl(fd, F_SETFD, FD_CLOEXEC);
  }

  /** The same for every descriptor but the first three: libraries open sockets that programs would have too. */
  closeAllOnExec(): void {
    if (this.#closed) return;
    for (const { name } of Deno.readDirSync("/proc/self/fd")) if (Number(name) > 2) this.closeOnExec(Number(name));
  }

  /** Unloads the library. No call may be under way on another thread. */
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

/** A NUL-terminated copy of a text. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

const SO_PEERCRED = 17;

/** Who is at the other end of a connected Unix socket (struct ucred of linux/socket.h); null where the kernel does not say. */
export function peerCredentials(libc: Libc, fd: number): { readonly uid: number; readonly pid: number } | null {
  const ucred = new Int32Array(new ArrayBuffer(12));
  const length = new Uint32Array(new ArrayBuffer(4));
  length[0] = ucred.byteLength;
  const bytes = new Uint8Array(ucred.buffer);
  const answer = libc.symbols.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, bytes, new Uint8Array(length.buffer));
  return answer === 0 ? { pid: ucred[0]!, uid: ucred[1]! } : null;
}
