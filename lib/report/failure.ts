/**
 * Errors that end a command, and what they make of the exit code.
 * @module
 */
import { errorText } from "../net/error_text.ts";

/** Done. */
export const DONE = 0;
/** Failed at run time, or refused. */
export const FAILED = 1;
/** Usage or config error. */
export const USAGE = 2;
/** Something needed is missing: library, kernel feature, permission, daemon. */
export const MISSING = 3;

/** Ends a command with a sentence for the user: what was attempted, what was found, what to do. */
export class Failure extends Error {
  override readonly name: string = "Failure";
  /** One of the exit codes of this file. */
  readonly exitCode: number;

  /** Makes the error; `message` is the whole text, further lines allowed. */
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * The log file or an address to listen on cannot be had. `attempt` is what was tried, `cause` the kernel's answer, `remedy`
 * what the administrator can change.
 */
export function unusable(attempt: string, cause: unknown, remedy: string): Failure {
  return new Failure(FAILED, `${attempt}: ${errorText(cause)}. ${remedy}`);
}

/** Exit code of any error: its own where it says one, 3 for a permission that is missing, else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) return MISSING;
  if (typeof error === "object" && error !== null && "exitCode" in error) {
    const code = error.exitCode;
    if (typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 3) return code;
  }
  return FAILED;
}

/** True for errors that were foreseen: their message is meant for the user as it stands. */
export function isForeseen(error: unknown): error is Error {
  return error instanceof Error && ("exitCode" in error || error instanceof Deno.errors.PermissionDenied);
}
