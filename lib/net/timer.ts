/**
 * Timers. The first call of the runtime's `setTimeout` loads its layer for Node: 14 to 20 ms in which packets wait, and 3 MiB.
 * These go by `AbortSignal.timeout`, which needs nothing of that. It cannot be ended early, so that one signal serves all
 * timers that are due after it: there are never more than a few, however many timers begin and end.
 * @module
 */

/** Something that happens later, until it is ended. */
export interface Timer {
  /** Nothing happens any more. Can be called again, and afterwards. */
  end(): void;
}

const waiting = new Map<Timer, { readonly due: number; readonly act: () => void }>();
/** Signals that are still to come, each before the one ahead of it in the list; they keep a process alive while they are listened to. */
const alarms: { readonly due: number; readonly signal: AbortSignal }[] = [];

/** Calls `act`, which must not throw, after so many milliseconds. The process lives until then. */
export function after(milliseconds: number, act: () => void): Timer {
  if (waiting.size === 0) { for (const { signal } of alarms) signal.addEventListener("abort", ring); }
  const due = performance.now() + milliseconds;
  const timer: Timer = { end: () => void (waiting.delete(timer) && hush()) };
  waiting.set(timer, { due, act });
  arm(due);
  return timer;
}

/** Resolves after so many milliseconds; with 0 after a turn of the event loop. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => after(milliseconds, resolve));
}

/** Whether `done` is fulfilled within so many milliseconds. Rejected where it is. */
export async function within(done: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = after(milliseconds, () => resolve(false));
  try {
    return await Promise.race([done.then(() => true), promise]);
  } finally {
    timer.end();
  }
}

function arm(due: number): void {
  // One that nobody listened to may be over.
  while (alarms.at(-1)?.signal.aborted === true) alarms.pop();
  if (alarms.length > 0 && alarms.at(-1)!.due <= due) return;
  const signal = AbortSignal.timeout(Math.max(0, Math.ceil(due - performance.now())));
  signal.addEventListener("abort", ring);
  alarms.push({ due, signal });
}

function ring(): void {
  const now = performance.now();
  let next = Infinity;
  for (const [timer, { due, act }] of waiting) {
    if (due > now) next = Math.min(next, due);
    else {
      waiting.delete(timer);
      act();
    }
  }
  if (waiting.size > 0) arm(next);
  hush();
}

/** With no timer left nothing keeps the process alive. */
function hush(): void {
  if (waiting.size === 0) { for (const { signal } of alarms) signal.removeEventListener("abort", ring); }
}
