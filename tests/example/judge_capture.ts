/**
 * Judges the packets of a capture and prints an event a line, as JSON, then what was counted:
 *
 * ```sh
 * deno run --allow-read tests/example/judge_capture.ts day.pcapng
 * ```
 */
// deno-lint-ignore-file no-console -- it prints
import {
  capacityFor,
  CaptureError,
  CLASSIFIERS,
  compile,
  defaultConfig,
  Engine,
  Link,
  openCapture,
  play,
  type Played,
  protocolDefaults,
  PROTOCOLS,
  State,
  type TrafficEvent,
} from "../../mod.ts";

/** Plays a capture file to an engine with the built-in config; `emit` gets each event. Throws where it is no capture. */
export function judgeCapture(path: string, emit: (event: TrafficEvent) => void): Played {
  const policy = compile(defaultConfig(protocolDefaults(PROTOCOLS)));
  const engine = new Engine({
    policy,
    state: new State(capacityFor(policy.memory), 1),
    classifiers: CLASSIFIERS,
    emit,
    homeAny: true,
  });
  const played: Played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
  using source = openCapture(path);
  play(source, new Link(), engine, played);
  return played;
}

if (import.meta.main) {
  try {
    const played = judgeCapture(Deno.args[0] ?? "-", (event) => console.log(JSON.stringify(event)));
    console.log(JSON.stringify(played));
  } catch (error) {
    if (!(error instanceof CaptureError || error instanceof Deno.errors.NotFound)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
