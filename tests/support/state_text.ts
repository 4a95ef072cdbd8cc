/** The state as one text, written and read. */
import type { State } from "../../lib/state/state.ts";
import { type StateContext, stateLines } from "../../lib/state/state_file.ts";
import { type Restored, StateReader } from "../../lib/state/state_reader.ts";

export function writeState(state: State, context: StateContext): string {
  return [...stateLines(state, context)].join("");
}

export function readState(text: string, state: State, context: StateContext): Restored {
  const reader = new StateReader(state, context);
  reader.push(text);
  return reader.end();
}
