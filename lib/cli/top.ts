/**
 * `ftwall top`: the status, live, in a terminal.
 * @module
 */
import { DONE, Failure, USAGE } from "../report/failure.ts";
import type { Status } from "../report/status.ts";
import { statusText } from "../report/status_text.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONTROL } from "./options.ts";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** The command. */
export const top: Command = command({
  text: "show the status live in a terminal; q or Ctrl-C ends it",
  options: {
    interval: { short: "n", value: "seconds", text: "seconds between two looks", read: readInterval, preset: 1 },
    control: CONTROL,
  },
  async run({ interval, control }) {
    if (!Deno.stdout.isTerminal()) {
      throw new Failure(USAGE, 'Cannot show "top": standard output is no terminal. Use "ftwall status"');
    }
    await show(control, interval * 1000);
    return DONE;
  },
});

function readInterval(text: string): number {
  const value = Number(text);
  if (!(value >= 0.2 && value <= 3600)) throw new RangeError("Expected 0.2 to 3600 seconds.");
  return value;
}

async function show(control: string, interval: number): Promise<void> {
  // Asked before the screen is cleared, so that an error is printed as usual.
  let last: Status = await ask(control, { command: "status" });
  let lastTime = performance.now();
  const raw = Deno.stdin.isTerminal();
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
  let over = false;
  let wake = () => {};
  const end = () => {
    over = true;
    wake();
  };
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
  if (raw) Deno.stdin.setRaw(true, { cbreak: true });
  if (raw) quitOnKey(end);
  write(ENTER);
  try {
    let rates = "";
    while (!over) {
      const { columns, rows } = Deno.consoleSize();
      const lines = [rates, ...statusText(last, Date.now())].slice(0, rows - 1).map((line) => line.slice(0, columns));
      write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, interval);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (over) break;
      const next = await ask(control, { command: "status" });
      const now = performance.now();
      rates = rateLine(last, next, (now - lastTime) / 1000);
      last = next;
      lastTime = now;
    }
  } finally {
    write(LEAVE);
    if (raw) Deno.stdin.setRaw(false);
    Deno.removeSignalListener("SIGINT", end);
    Deno.removeSignalListener("SIGTERM", end);
  }
}

/** Ends on q, Q, Ctrl-C and Ctrl-D. The read that waits for a key ends with the program. */
async function quitOnKey(end: () => void): Promise<void> {
  const key = new Uint8Array(16);
  for (;;) {
    const count = await Deno.stdin.read(key).catch(() => null);
    if (count === null || key.subarray(0, count).some((k) => k === 0x71 || k === 0x51 || k === 3 || k === 4)) {
      end();
      return;
    }
  }
}

/** The rates of what happened between two looks. */
function rateLine(before: Status, after: Status, seconds: number): string {
  const per = (a: number, b: number) => Math.max(0, (b - a) / Math.max(seconds, 0.001)).toFixed(0);
  const a = before.counters;
  const b = after.counters;
  return `${per(a.packets, b.packets)} packets/s, ${per(a.refused, b.refused)} refused/s, ` +
    `${per(a.offloaded, b.offloaded)} flows/s left to the kernel`;
}
