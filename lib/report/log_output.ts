/**
 * Where the log goes: standard output, or a file that can be rotated.
 * @module
 */
import type { ByteSink } from "./line_writer.ts";
import { UnusableOutput } from "./unusable_output.ts";

/** An open log. */
export interface LogOutput extends ByteSink, Disposable {
  /** True where colours are welcome: a terminal, and NO_COLOR is not set. */
  readonly colour: boolean;
  /** Opens the file anew after rotation; throws {@link UnusableOutput}, and keeps the old one then. */
  reopen(): void;
}

/** Opens `path` for appending, mode 0640; empty is standard output. Throws {@link UnusableOutput}. */
export function openLog(path: string): LogOutput {
  if (path === "") {
    return {
      colour: Deno.stdout.isTerminal() && !Deno.noColor,
      write: (bytes) => Deno.stdout.write(bytes),
      reopen: () => {},
      [Symbol.dispose]: () => {},
    };
  }
  const open = () => {
    try {
      return Deno.openSync(path, { append: true, create: true, mode: 0o640 });
    } catch (error) {
      throw new UnusableOutput(`Cannot open the log "${path}"`, error, "Make its directory, or change [log] file");
    }
  };
  let file = open();
  return {
    colour: false,
    write: (bytes) => file.write(bytes),
    reopen: () => {
      const fresh = open();
      file.close();
      file = fresh;
    },
    [Symbol.dispose]: () => file.close(),
  };
}
