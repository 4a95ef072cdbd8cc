/**
 * Where the log goes: standard output, or a file; what cannot be written there goes to standard error. Lines are written
 * without ever holding up the packets: the reader of our standard output may be slow, stopped or gone, and its disk may be
 * full.
 * @module
 */
import { within } from "../net/timer.ts";
import { errorText } from "../net/error_text.ts";
import { LogFile } from "./log_file.ts";
import { writeAll } from "./write_all.ts";

/** Where bytes go: `Deno.stdout`, or a recorder in tests. */
export interface ByteSink {
  /** Writes some of the bytes, answers how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Bytes that can wait while the reader is slow; two buffers of this size are held. */
const CAPACITY = 128 * 1024;

/**
 * Collects whole lines in one buffer while another is being written. A synchronous write to a pipe with a stopped reader
 * would stop ftwall and with it the network; here lines that find the buffer full are dropped and counted instead.
 */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #encoder = new TextEncoder();
  readonly #reserved: number;
  #filling: Uint8Array<ArrayBuffer>;
  #writing: Uint8Array<ArrayBuffer>;
  #used = 0;
  #lines = 0;
  #flight: Promise<void> | null = null;
  /** Lines handed to the sink in full. */
  written = 0;
  /** Lines that found no room. */
  dropped = 0;
  /** Lines lost because the sink failed (reader gone, disk full). */
  lost = 0;
  /** Message of the sink's last failure, null while it works. */
  failure: string | null = null;

  /** Writes to `sink`, holding at most twice `capacity` bytes, of which the last `reserved` are for `kept` lines. */
  constructor(sink: ByteSink, capacity: number = CAPACITY, reserved: number = capacity >> 3) {
    this.#sink = sink;
    this.#reserved = reserved;
    this.#filling = new Uint8Array(capacity);
    this.#writing = new Uint8Array(capacity);
  }

  /**
   * Takes one line without its line feed. Never throws, never waits. One that is to be `kept` finds room also where others
   * have filled the buffer.
   */
  write(line: string, kept: boolean = false): void {
    const end = this.#filling.length - (kept ? 0 : this.#reserved);
    const room = this.#filling.subarray(this.#used, Math.max(this.#used, end));
    const { read, written } = this.#encoder.encodeInto(line, room);
    if (read < line.length || written >= room.length) {
      this.dropped++;
    } else {
      room[written] = 0x0a;
      this.#used += written + 1;
      this.#lines++;
    }
    if (this.#flight === null && this.#used > 0) this.#flight = this.#drain();
  }

  /** Waits until everything taken so far is written or lost, at most `milliseconds`. Answers whether all went out. */
  async flush(milliseconds: number): Promise<boolean> {
    return this.#flight === null || await within(this.#flight, milliseconds);
  }

  async #drain(): Promise<void> {
    // The first write waits for the end of the current turn, so that a burst of events costs one system call.
    await Promise.resolve();
    while (this.#used > 0) {
      const bytes = this.#filling;
      const end = this.#used;
      const lines = this.#lines;
      this.#filling = this.#writing;
      this.#writing = bytes;
      this.#used = 0;
      this.#lines = 0;
      try {
        let start = 0;
        while (start < end) {
          const count = await this.#sink.write(bytes.subarray(start, end));
          if (count <= 0) throw new Error("The sink takes no bytes");
          start += count;
        }
        this.written += lines;
        this.failure = null;
      } catch (error) {
        this.lost += lines;
        this.failure = errorText(error);
      }
    }
    this.#flight = null;
  }
}

/** An open log. */
export interface LogOutput extends ByteSink, Disposable {
  /** True where colours are welcome: a terminal, and NO_COLOR is not set. */
  readonly colour: boolean;
  /** True where the journal of systemd reads it, which adds the time and takes priorities. */
  readonly journal: boolean;
  /** Opens the file anew after rotation; throws a Failure, and keeps the old one then. */
  reopen(): void;
}

/**
 * Opens `path` for appending, mode 0600; empty is standard output. A file of `size` bytes is put aside as `path`.1, and begun
 * anew. Throws a Failure.
 */
export function openLog(path: string, size: number = Infinity, spare: ByteSink = Deno.stderr): LogOutput {
  if (path === "") {
    return {
      colour: Deno.stdout.isTerminal() && !Deno.noColor,
      journal: isJournal("/proc/self/fd/1", Deno.env.get("JOURNAL_STREAM") ?? ""),
      write: withSpare("to standard output", Deno.stdout, spare),
      reopen: () => {},
      [Symbol.dispose]: () => {},
    };
  }
  const file = new LogFile(path, size);
  return {
    colour: false,
    journal: false,
    write: withSpare(`"${path}"`, file, spare),
    reopen: () => file.reopen(),
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

/**
 * Whether the file at `path` is the stream that systemd made for the journal, which it names by device and inode
 * (JOURNAL_STREAM, systemd.exec(5)). The variable alone proves nothing: programs that a service starts inherit it.
 */
export function isJournal(path: string, stream: string): boolean {
  if (stream === "") return false;
  try {
    const { dev, ino } = Deno.statSync(path);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** Writes to `sink`, and while that fails to `spare`, where it says so first. */
function withSpare(name: string, sink: ByteSink, spare: ByteSink): ByteSink["write"] {
  let failing = false;
  return async (bytes) => {
    try {
      const count = await sink.write(bytes);
      failing = false;
      return count;
    } catch (error) {
      // The reader of a pipe went away, as `head` does: nobody wants the rest.
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      if (!failing) {
        failing = true;
        const said = `ftwall: Cannot write the log ${name}: ${errorText(error)}. It goes to standard error meanwhile\n`;
        await writeAll(spare, new TextEncoder().encode(said));
      }
      return await spare.write(bytes);
    }
  };
}
