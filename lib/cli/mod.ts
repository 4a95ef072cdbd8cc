/**
 * The command line: arguments in, exit code out.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { complain, ReaderGone } from "../report/output.ts";
import { exitCodeOf, isForeseen } from "../report/failure.ts";
import { readRun } from "./run_arguments.ts";

/** Runs ftwall with these arguments (program name left out) and answers its exit code. Never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const given = readRun(argv);
    if (given !== null) {
      const { run } = await import("./run_daemon.ts");
      return await run(given);
    }
    const { runProgram } = await import("./command_line.ts");
    return await runProgram(argv);
  } catch (error) {
    if (error instanceof ReaderGone) return error.exitCode;
    if (isForeseen(error)) {
      complain(`ftwall: ${error.message}`);
    } else {
      const message = errorText(error);
      complain(`ftwall: Cannot go on: ${message}. This is a fault of ftwall; FTWALL_TRACE=1 shows where`);
      if (Deno.env.get("FTWALL_TRACE") === "1" && error instanceof Error) complain(error.stack ?? "");
    }
    return exitCodeOf(error);
  }
}
