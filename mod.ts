/**
 * ftwall as a library: the engine that judges packets, what it is made from, and where packets come from. Nothing in here
 * loads C, reads a clock or prints.
 *
 * ```ts
 * import { CLASSIFIERS, Engine, Link, openCapture, parseConfig, compile, play, protocolDefaults, State, capacityFor } from "./mod.ts";
 *
 * const { config } = parseConfig("", "built-in", protocolDefaults(CLASSIFIERS.map((classifier) => classifier.name)));
 * if (config !== null) {
 *   const policy = compile(config);
 *   const state = new State(capacityFor(policy.memory), 1);
 *   const engine = new Engine({ policy, state, classifiers: CLASSIFIERS, emit: (event) => console.log(event) });
 *   const played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
 *   using source = openCapture("capture.pcap");
 *   play(source, new Link(), engine, played);
 * }
 * ```
 * @module
 */
export * from "./lib/classify/classifier.ts";
export { CLASSIFIERS } from "./lib/classify/mod.ts";
export { ACCEPT, Engine, type EngineOptions, REFUSE, SETTLED, type Verdict } from "./lib/engine/engine.ts";
export * from "./lib/engine/event.ts";
export type { Because, Call, FlowObserver } from "./lib/engine/observer.ts";
export type { Asker } from "./lib/engine/ask.ts";
export type { BlockList } from "./lib/engine/block_list.ts";
export type { PeerList } from "./lib/engine/peer_list.ts";
export type { Clock } from "./lib/engine/clock.ts";
export type { Counters } from "./lib/engine/counters.ts";
export type { Keeper } from "./lib/engine/keeper.ts";
export type { Consequence, Learner } from "./lib/engine/learn.ts";
export type { Notices } from "./lib/engine/notices.ts";
export type { Outbox, Sending } from "./lib/engine/outbox.ts";
export type { Side } from "./lib/engine/side.ts";
export type { TimeLocks } from "./lib/engine/time_lock.ts";
export type { Trainer } from "./lib/engine/train.ts";
export type { Step, Target, Tunnels } from "./lib/engine/tunnels.ts";
export { play, type Played } from "./lib/engine/play.ts";
export * from "./lib/net/address.ts";
export type * from "./lib/policy/config.ts";
export { protocolDefaults } from "./lib/policy/defaults.ts";
export { defaultConfig, loadConfig, type Loaded, parseConfig } from "./lib/policy/load.ts";
export { type Action, compile, type LocalClock, type Policy, type TrainingName } from "./lib/policy/policy.ts";
export { formatProblem, type Problem } from "./lib/policy/problem.ts";
export { openCapture, readCapture } from "./lib/source/capture.ts";
export { Link } from "./lib/source/link.ts";
export { type Frame, MemoryInput, MemorySource } from "./lib/source/memory.ts";
export { CaptureError, type Source } from "./lib/source/source.ts";
export type { ByteInput } from "./lib/source/window.ts";
export type { AddressTable, RowEnd } from "./lib/state/address_table.ts";
export type { FlowTable } from "./lib/state/flow_table.ts";
export type { Lock, LockedBy, Locks } from "./lib/state/locks.ts";
export type { Scores } from "./lib/state/scores.ts";
export { type Capacity, capacityFor, State } from "./lib/state/state.ts";
export type { Streams } from "./lib/state/streams.ts";
export { readState, type Restored, type StateContext, writeState } from "./lib/state/state_file.ts";
export * from "./lib/wire/packet.ts";
