/**
 * `ftwall top`: the clients, live, in a terminal.
 * @module
 */
import { after, pause, type Timer } from "../net/timer.ts";
import type { LocalClock } from "../policy/week.ts";
import { explainText } from "../report/explain_text.ts";
import { DONE, Failure, USAGE } from "../report/failure.ts";
import type { Status } from "../report/status.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONTROL } from "./options.ts";
import { KeyReader } from "./top_keys.ts";
import { Painter } from "./top_painter.ts";
import { type TopAction, type TopData, TopView } from "./top_view.ts";
import { localClock } from "./zone.ts";

/** Milliseconds after which the begin of a key's sequence is taken for ESC; a serial line of 300 baud needs 33 a sign. */
const ESCAPE = 150;
const LOCK_SECONDS = 600;
const ALLOW_SECONDS = 7200;
const REASON = "ftwall top";

/** The command. */
export const top: Command = command({
  text: "show clients live in a terminal: who is locked or seen, and why; lock, unlock, allow and explain by key",
  options: {
    interval: { short: "n", value: "seconds", text: "seconds between two looks", read: readInterval, preset: 1 },
    control: CONTROL,
  },
  after:
    `Any terminal that knows a VT100's sequences will do, also on a serial line (where --interval 5 saves it work). The key ?
shows what the keys do; q ends it.`,
  async run({ interval, control }) {
    if (!Deno.stdout.isTerminal()) {
      throw new Failure(USAGE, 'Cannot show "top": standard output is no terminal. Use "ftwall status"');
    }
    // Asked before the screen is cleared, so that an error is printed as usual.
    const first = await ask(control, { command: "status" });
    const { clients } = await ask(control, { command: "clients" });
    const rates = { packets: 0, refused: 0, offloaded: 0 };
    const clock = localClock(first.config.path ?? undefined);
    await new Top(control, interval * 1000, { status: first, clients, rates }, clock).run();
    return DONE;
  },
});

function readInterval(text: string): number {
  const value = Number(text);
  if (!(value >= 0.2 && value <= 3600)) throw new RangeError("Expected 0.2 to 3600 seconds.");
  return value;
}

/** The running screen. */
class Top {
  readonly #control: string;
  readonly #interval: number;
  readonly #clock: LocalClock;
  readonly #view: TopView;
  readonly #painter = new Painter((text) => Deno.stdout.writeSync(new TextEncoder().encode(text)), isUnicode());
  readonly #over = Promise.withResolvers<void>();
  #last: Status;
  #lastTime = performance.now();
  #ended = false;

  constructor(control: string, interval: number, data: TopData, clock: LocalClock) {
    this.#control = control;
    this.#interval = interval;
    this.#clock = clock;
    this.#last = data.status;
    this.#view = new TopView(data);
  }

  /** Shows it until somebody ends it. */
  async run(): Promise<void> {
    const raw = Deno.stdin.isTerminal();
    const enter = () => {
      if (raw) Deno.stdin.setRaw(true, { cbreak: true });
      this.#painter.forget();
      this.#draw();
    };
    const end = () => this.#end();
    const listeners = [
      ["SIGINT", end],
      ["SIGTERM", end],
      ["SIGHUP", end],
      ["SIGWINCH", () => this.#draw()],
      ["SIGCONT", enter],
    ] as const;
    for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
    try {
      enter();
      if (raw) this.#readKeys().catch(end);
      this.#look().catch(end);
      await this.#over.promise;
    } finally {
      this.#painter.leave();
      if (raw) Deno.stdin.setRaw(false);
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#over.resolve();
  }

  #draw(): void {
    if (this.#ended) return;
    const { columns, rows } = screenSize();
    this.#painter.paint(this.#view.screen(columns, rows, Date.now()), columns, rows);
  }

  /** Asks the daemon again and again; one that is away is waited for. */
  async #look(): Promise<void> {
    while (!this.#ended) {
      await pause(this.#interval);
      await this.#said(() => this.#update(), (message) => this.#view.trouble(message));
      this.#draw();
    }
  }

  async #update(): Promise<void> {
    const status = await ask(this.#control, { command: "status" });
    const { clients } = await ask(this.#control, { command: "clients" });
    const now = performance.now();
    const seconds = Math.max((now - this.#lastTime) / 1000, 0.001);
    const rate = (of: (status: Status) => number) => Math.max(0, (of(status) - of(this.#last)) / seconds);
    const rates = {
      packets: rate(({ counters }) => counters.packets),
      refused: rate(({ counters }) => counters.refused + Number(counters["would_refuse"] ?? 0)),
      offloaded: rate(({ counters }) => counters.offloaded),
    };
    [this.#last, this.#lastTime] = [status, now];
    this.#view.update({ status, clients, rates });
  }

  /** Does something; what is wrong with it is said on the screen. */
  async #said(
    work: () => Promise<void>,
    say: (message: string) => void = (message) => this.#view.say(message),
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      say(error.message);
    }
  }

  async #readKeys(): Promise<void> {
    const reader = new KeyReader();
    const bytes = new Uint8Array(256);
    let timer: Timer | undefined;
    for (;;) {
      // The read that waits for a key ends with the program.
      const count = await Deno.stdin.read(bytes).catch(() => null);
      timer?.end();
      if (count === null) return this.#end();
      await this.#press(reader.take(bytes.subarray(0, count)));
      if (reader.waits) timer = after(ESCAPE, () => void this.#press(reader.lone()).catch(() => this.#end()));
    }
  }

  async #press(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const action = this.#view.key(key);
      if (action !== null) await this.#said(() => this.#act(action));
    }
    this.#draw();
  }

  async #act(action: TopAction): Promise<void> {
    const control = this.#control;
    switch (action.do) {
      case "quit":
        return this.#end();
      case "redraw":
        return this.#painter.forget();
      case "explain": {
        const answer = await ask(control, { command: "explain", client: action.client });
        this.#view.show(`client ${action.client}`, explainText(answer, Date.now(), this.#clock, true));
        return;
      }
      case "lock":
      case "allow": {
        const seconds = action.do === "lock" ? LOCK_SECONDS : ALLOW_SECONDS;
        const request = { command: action.do, client: action.client, seconds, reason: REASON } as const;
        const { message } = await ask<"lock" | "allow">(control, request);
        await this.#update();
        return this.#view.say(message);
      }
      case "unlock": {
        const request = { command: "unlock", client: action.client, reason: REASON } as const;
        const { message } = await ask<"unlock">(control, request);
        await this.#update();
        return this.#view.say(message);
      }
    }
  }
}

/** Columns and rows; those of a VT100 where the terminal does not tell, as on a serial line. */
function screenSize(): { readonly columns: number; readonly rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns >= 20 && rows >= 8) return { columns, rows };
    return columns === 0 || rows === 0
      ? { columns: 80, rows: 24 }
      : { columns: Math.max(20, columns), rows: Math.max(8, rows) };
  } catch {
    return { columns: 80, rows: 24 };
  }
}

/** Whether the terminal's signs are those of UTF-8. */
function isUnicode(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = Deno.env.toObject();
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}
