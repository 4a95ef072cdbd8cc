/**
 * Where the log goes: standard output, or a file that can be rotated.
 * @module
 */
import type { ByteSink } from "./line_writer.ts";

/** An open log. */
export interface LogOutput extends ByteSink, Disposable {
  /** True where colours are welcome: a terminal, and NO_COLOR is not set. */
  readonly colour: boolean;
  /** Opens the file anew after rotation; throws what Deno throws, and keeps the old one then. */
  reopen(): void;
}

/** Opens `path` for appending, mode 0640; empty is standard output. Throws what `Deno.openSync` throws. */
export function openLog(path: string): LogOutput {
  if (path === "") {
    return {
      colour: Deno.stdout.isTerminal() && !Deno.noColor,
      write: (bytes) => Deno.stdout.write(bytes),
      reopen: () => {},
      [Symbol.dispose]: () => {},
    };
  }
  const open = () => Deno.openSync(path, { append: true, create: true, mode: 0o640 });
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
