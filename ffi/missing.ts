/**
 * Errors that end the program: something that ftwall needs from the machine is missing.
 * @module
 */

/** What is missing: a library, a permission, a kernel feature, or a queue that another process holds. */
export type MissingKind = "library" | "permission" | "kernel" | "owned";

/** Something needed is missing. The message says what was attempted, what was found and how to mend it. */
export class Missing extends Error {
  override readonly name: string = "Missing";
  /** Exit code for this error, as promised by the interface. */
  readonly exitCode = 3;
  /** What kind of thing is missing. */
  readonly kind: MissingKind;

  /** Makes the error. */
  constructor(kind: MissingKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A shared library could not be opened. */
export class MissingLibrary extends Missing {
  override readonly name: string = "MissingLibrary";
  /** Every name or path tried, in order, with the loader's answer. */
  readonly tried: readonly string[];

  /** Makes the error; `advice` says which package to install. */
  constructor(library: string, tried: readonly string[], advice: string) {
    super("library", `Cannot open ${library}: tried ${tried.join("; ")}. ${advice}`);
    this.tried = tried;
  }
}

/** Another process holds the queue. */
export class QueueOwned extends Missing {
  override readonly name: string = "QueueOwned";
  /** Process that holds the queue; 0 where it cannot be told (it lives in another process namespace). */
  readonly pid: number;

  /** Makes the error. */
  constructor(message: string, pid: number) {
    super("owned", message);
    this.pid = pid;
  }
}
