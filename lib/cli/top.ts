/**
 * `ftwall top`: the status, live, in a terminal.
 * @module
 */
import { Command, type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import type { Status } from "../report/status.ts";
import { Failure, USAGE } from "../report/failure.ts";
import { controlOption } from "./options.ts";
import type { Ended } from "./command_line.ts";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** Makes the command. */
export function topCommand(_ended: Ended): CommandUnknownOpts {
  return new Command("top")
    .description("show the status live in a terminal; q or Ctrl-C ends it")
    .option("-n, --interval <seconds>", "seconds between two looks", readInterval, 1)
    .addOption(controlOption())
    .action(async (options) => {
      if (!Deno.stdout.isTerminal()) {
        throw new Failure(USAGE, 'Cannot show "top": standard output is no terminal. Use "ftwall status"');
      }
      await show(options.control, options.interval * 1000);
    });
}

function readInterval(text: string): number {
  const value = Number(text);
  if (!(value >= 0.2 && value <= 3600)) throw new InvalidArgumentError("Expected 0.2 to 3600 seconds.");
  return value;
}

async function show(control: string, interval: number): Promise<void> {
  const { ask } = await import("./control_client.ts");
  const { statusText } = await import("../report/status_text.ts");
  // The first question comes before the screen changes, so that an error is an ordinary error.
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

/** Ends on q, Q, Ctrl-C and Ctrl-D; the read is left behind when the program ends. */
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

/** What happened between two looks, a second. */
export function rateLine(before: Status, after: Status, seconds: number): string {
  const per = (a: number, b: number) => Math.max(0, (b - a) / Math.max(seconds, 0.001)).toFixed(0);
  const a = before.counters;
  const b = after.counters;
  return `${per(a.packets, b.packets)} packets/s, ${per(a.refused, b.refused)} refused/s, ` +
    `${per(a.offloaded, b.offloaded)} flows/s left to the kernel`;
}
