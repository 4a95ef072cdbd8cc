/**
 * The error of outputs that the config asks for and the machine refuses.
 * @module
 */
import { errorText } from "../net/error_text.ts";

/** The log file or the address for metrics cannot be had; the message says what to change. Ends ftwall with status 1. */
export class UnusableOutput extends Error {
  override readonly name: string = "UnusableOutput";
  /** Failed at run time. */
  readonly exitCode = 1;

  /** `attempt` is what was tried, `cause` the kernel's answer, `remedy` what the administrator can do. */
  constructor(attempt: string, cause: unknown, remedy: string) {
    super(`${attempt}: ${errorText(cause)}. ${remedy}`, { cause });
  }
}
