/**
 * A lock on a file that one process at a time holds; it ends with the process, however that ends.
 * @module
 */
import { cString, EAGAIN, type Libc } from "./libc.ts";

const O_RDWR = 2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
/** Does not follow a symbolic link. Differs between architectures. */
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Result of an attempt: the lock, or the process that holds it (0: not known). */
export type LockAttempt = { readonly lock: FileLock } | { readonly pid: number };

/** A lock that is held. */
export class FileLock implements Disposable {
  readonly #libc: Libc;
  readonly #fd: number;

  /** Takes the lock of the file at `path`, which is made, mode 0600, and holds our process id. Throws an Error where it cannot. */
  static take(libc: Libc, path: string): LockAttempt {
    const fd = libc.symbols.open(cString(path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600);
    if (fd < 0) throw new Error(libc.describe(libc.errno()));
    if (libc.symbols.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const errno = libc.errno();
      libc.symbols.close(fd);
      if (errno !== EAGAIN) throw new Error(libc.describe(errno));
      return { pid: holder(path) };
    }
    Deno.writeTextFileSync(path, `${Deno.pid}\n`);
    return { lock: new FileLock(libc, fd) };
  }

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** Releases it. The file stays: without it two processes could each lock a file of their own. */
  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
  }
}

function holder(path: string): number {
  try {
    const text = Deno.readTextFileSync(path).trim();
    return /^\d{1,10}$/.test(text) ? Number(text) : 0;
  } catch {
    return 0;
  }
}
