/**
 * What this process asks the kernel for itself: room for descriptors, its place among others, and less rights than it was
 * started with. Opened for the start alone.
 * @module
 */
import { type FilteredArch, filterProgram } from "./call_filter.ts";
import { cString, EPERM, PRIO_PROCESS } from "./libc.ts";
import { libcNames, type OpenLibrary, openLibrary } from "./library.ts";

const SYMBOLS = {
  // int getrlimit(int resource, struct rlimit *rlim);
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // int setrlimit(int resource, const struct rlimit *rlim);
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // int setpriority(int which, id_t who, int prio);
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
  // int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param);
  // Through syscall(2): musl's function of that name only answers ENOSYS.
  // long syscall(long number, ...);
  syscall: { parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
  // The same with a pointer for the third argument.
  syscallAt: { name: "syscall", parameters: ["i64", "i64", "i64", "buffer"], result: "i64" },
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5);
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // int capset(cap_user_header_t hdrp, const cap_user_data_t datap);
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  // int setresuid(uid_t ruid, uid_t euid, uid_t suid);
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  // int execv(const char *path, char *const argv[]);
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
  // int *__errno_location(void);   (the same name in glibc and musl)
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Numbers of system calls, by architecture (asm/unistd.h). */
const CALLS = {
  x86_64: { sched_setscheduler: 144n, setresuid: 117n, seccomp: 317n },
  aarch64: { sched_setscheduler: 119n, setresuid: 147n, seccomp: 277n },
} as const;

const RLIMIT_NOFILE = 7;
const RLIMIT_NICE = 13;
const SCHED_OTHER = 0;
const SCHED_RR = 2;
const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1n;
const SECCOMP_FILTER_FLAG_TSYNC = 1n;
/** _LINUX_CAPABILITY_VERSION_3: two words of each set. */
const CAPABILITY_VERSION = 0x20080522;
const MOST_CAPABILITIES = 64;
/** Owner of the threads that shall have no rights at all: the kernel's overflow user. */
const NOBODY = 65534;

/** The capabilities that ftwall knows, by their names in linux/capability.h. */
export const CAPABILITIES = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  NET_ADMIN: 12,
  NET_RAW: 13,
  SYS_NICE: 23,
} as const;

/** Descriptors that may be open at once. */
export interface DescriptorLimit {
  /** What holds now. */
  readonly soft: number;
  /** To what the process itself may raise it. */
  readonly hard: number;
}

/** See the module's text. */
export class OwnProcess implements Disposable {
  readonly #library: OpenLibrary<typeof SYMBOLS>;

  /** Opens the C library. Throws MissingLibrary. */
  constructor() {
    const advice = "The C library is part of the system: this one is neither glibc nor musl";
    this.#library = openLibrary("the C library", libcNames(Deno.build.arch), SYMBOLS, advice);
  }

  /** Raises the limit of open descriptors as far as the process may; answers what holds then. */
  raiseDescriptors(): DescriptorLimit {
    const limit = this.#limit(RLIMIT_NOFILE);
    if (limit === null) return { soft: Infinity, hard: Infinity };
    const { soft, hard } = limit;
    const raised = soft < hard && this.#setLimit(RLIMIT_NOFILE, hard, hard);
    return { soft: Number(raised ? hard : soft), hard: Number(hard) };
  }

  /** Lets every thread come down to so much of `nice` again and again, whatever rights it has. Answers whether it may. */
  allowNice(lowest: number): boolean {
    const limit = this.#limit(RLIMIT_NICE);
    // getrlimit(2): the lowest niceness is 20 less the limit.
    const wanted = BigInt(20 - lowest);
    if (limit === null || limit.soft >= wanted) return limit !== null;
    return this.#setLimit(RLIMIT_NICE, wanted, limit.hard < wanted ? wanted : limit.hard);
  }

  #limit(resource: number): { readonly soft: bigint; readonly hard: bigint } | null {
    // struct rlimit { rlim_t rlim_cur; rlim_t rlim_max; }
    const limit = new BigUint64Array(new ArrayBuffer(16));
    const answer = this.#library.symbols.getrlimit(resource, new Uint8Array(limit.buffer));
    return answer === 0 ? { soft: limit[0]!, hard: limit[1]! } : null;
  }

  #setLimit(resource: number, soft: bigint, hard: bigint): boolean {
    const limit = new BigUint64Array(new ArrayBuffer(16));
    limit[0] = soft;
    limit[1] = hard;
    return this.#library.symbols.setrlimit(resource, new Uint8Array(limit.buffer)) === 0;
  }

  /** Gives this thread, and those it starts from now on, so much of `nice`: below 0 is ahead of others. Answers 0 or the error number. */
  nice(value: number): number {
    return this.#library.symbols.setpriority(PRIO_PROCESS, 0, value) === 0 ? 0 : this.#errno();
  }

  /** Runs this thread, and those it starts from now on, before all that are not real-time. Answers 0 or the error number. */
  realTime(): number {
    return this.#schedule(SCHED_RR, 1);
  }

  /** Ends what {@link realTime} began. Answers 0 or the error number. */
  ordinary(): number {
    return this.#schedule(SCHED_OTHER, 0);
  }

  #schedule(policy: number, priority: number): number {
    const calls = callsOf(Deno.build.arch);
    if (calls === null) return EPERM;
    // struct sched_param { int sched_priority; }
    const param = new Int32Array(new ArrayBuffer(4));
    param[0] = priority;
    const bytes = new Uint8Array(param.buffer);
    const answer = this.#library.symbols.syscallAt(calls.sched_setscheduler, 0n, BigInt(policy), bytes);
    return answer === 0n ? 0 : this.#errno();
  }

  /**
   * Gives up every right but the capabilities `keep`, for good: on this thread and all that it starts later. The threads
   * that are there already become nobody's, without any. Answers why it could not be done, empty where it was.
   *
   * Capabilities are a thread's own, and nothing changes those of another thread. But a change of user takes them all
   * away, and the C library makes each thread follow one (setresuid(2), "C library/kernel differences"). So: this thread
   * keeps its capabilities over the change (PR_SET_KEEPCAPS), and alone comes back, past the library.
   */
  giveUp(keep: readonly number[]): string {
    const { prctl, setresuid, syscall } = this.#library.symbols;
    const calls = callsOf(Deno.build.arch);
    if (calls === null) return `the number of setresuid on ${Deno.build.arch} is not known`;
    const kept = keep.reduce((mask, number) => mask | (1n << BigInt(number)), 0n);
    const returning = kept | (1n << BigInt(CAPABILITIES.SETUID));
    const failed = (what: string) => `${what}: error ${this.#errno()}`;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0) return failed("no_new_privs");
    for (let number = 0; number < MOST_CAPABILITIES; number++) {
      // Beyond the last one that this kernel knows: EINVAL, and nothing to drop.
      if (!keep.includes(number)) prctl(PR_CAPBSET_DROP, BigInt(number), 0n, 0n, 0n);
    }
    if (!this.#capset(returning)) return failed("capset");
    if (prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n) !== 0) return failed("keeping capabilities");
    if (setresuid(NOBODY, NOBODY, NOBODY) !== 0) {
      // A container without that user: at least this thread, which does all that is done, gives its rights up.
      const why = failed("setresuid");
      this.#capset(kept);
      return why;
    }
    // The change took them out of effect here too.
    if (!this.#capset(returning)) return failed("capset after setresuid");
    if (syscall(calls.setresuid, 0n, 0n, 0n) !== 0n) return failed("the way back from setresuid");
    if (!this.#capset(kept)) return failed("capset at the end");
    prctl(PR_SET_KEEPCAPS, 0n, 0n, 0n, 0n);
    // Else nobody, not even root, could read who holds our sockets.
    prctl(PR_SET_DUMPABLE, 1n, 0n, 0n, 0n);
    return "";
  }

  /**
   * Refuses this process and all that it starts the calls of `call_filter.ts`, on every thread, for good. Answers why it could
   * not be done, empty where it was.
   */
  refuseCalls(): string {
    const { arch } = Deno.build;
    const calls = callsOf(arch);
    if (calls === null) return `there is no filter for ${arch}`;
    if (this.#library.symbols.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0) return `error ${this.#errno()}`;
    const filter = filterProgram(arch as FilteredArch);
    // struct sock_fprog: how many instructions, and where they are.
    const program = new BigUint64Array(new ArrayBuffer(16));
    program[0] = BigInt(filter.length / 8);
    program[1] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter));
    const bytes = new Uint8Array(program.buffer);
    const { syscallAt } = this.#library.symbols;
    const answer = syscallAt(calls.seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, bytes);
    if (answer === 0n) return "";
    return answer > 0n ? `thread ${answer} has a filter of its own` : `error ${this.#errno()}`;
  }

  /** Becomes another program, with the environment as it is. Answers the error number; not at all where it succeeds. */
  become(path: string, argv: readonly string[]): number {
    // On buffers of their own, which do not move.
    const texts = argv.map((word) => {
      const bytes = cString(word);
      const fixed = new Uint8Array(new ArrayBuffer(bytes.length));
      fixed.set(bytes);
      return fixed;
    });
    const list = new BigUint64Array(new ArrayBuffer(8 * (texts.length + 1)));
    texts.forEach((text, i) => list[i] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)));
    this.#library.symbols.execv(cString(path), new Uint8Array(list.buffer));
    return this.#errno();
  }

  #capset(mask: bigint): boolean {
    const header = new Uint32Array(new ArrayBuffer(8));
    header[0] = CAPABILITY_VERSION;
    // struct __user_cap_data_struct { __u32 effective, permitted, inheritable; } of the low, then of the high word.
    const data = new Uint32Array(new ArrayBuffer(24));
    data[0] = data[1] = Number(mask & 0xffffffffn);
    data[3] = data[4] = Number(mask >> 32n);
    return this.#library.symbols.capset(new Uint8Array(header.buffer), new Uint8Array(data.buffer)) === 0;
  }

  #errno(): number {
    return new Deno.UnsafePointerView(this.#library.symbols.__errno_location()!).getInt32();
  }

  /** Unloads the library. */
  [Symbol.dispose](): void {
    this.#library.close();
  }
}

function callsOf(arch: string): (typeof CALLS)[keyof typeof CALLS] | null {
  return arch === "x86_64" || arch === "aarch64" ? CALLS[arch] : null;
}
