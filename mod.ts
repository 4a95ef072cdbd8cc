/**
 * ftwall as a library: the engine that judges packets, captures to play to it, and the config that tells it what to do.
 * Nothing here loads C code, reads a clock or opens a socket; the daemon does (`main.ts`).
 *
 * ```ts
 * import { CLASSIFIERS, compile, defaultConfig, Engine, Link, openCapture, play } from "./mod.ts";
 * import { capacityFor, protocolDefaults, PROTOCOLS, State } from "./mod.ts";
 *
 * const config = defaultConfig(protocolDefaults(PROTOCOLS));
 * const policy = compile(config);
 * const state = new State(capacityFor(policy.memory), 1);
 * const engine = new Engine({ policy, state, classifiers: CLASSIFIERS, emit: (event) => console.log(event) });
 * const played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
 * using source = openCapture("day.pcapng");
 * play(source, new Link(), engine, played);
 * ```
 *
 * A whole program is in tests/example/judge_capture.ts.
 * @module
 */

// Config and policy
export { defaultConfig, loadConfig, type Loaded, parseConfig } from "./lib/policy/load.ts";
export type * from "./lib/policy/config.ts";
export type { CLIENTS, NOTIFY, OVERRIDE, PROTOCOL, SCHEDULE, SectionName, SECTIONS, TOP } from "./lib/policy/schema.ts";
export type { Change, Field, Fields, Section, Values } from "./lib/policy/field.ts";
export type { Kind } from "./lib/policy/kind.ts";
export { formatProblem, type Problem } from "./lib/policy/problem.ts";
export { protocolDefaults } from "./lib/policy/defaults.ts";
export {
  type Action,
  compile,
  DEFAULT_GROUP,
  DROP,
  type LocalClock,
  LOCK,
  LOG,
  OFF,
  type Policy,
  type TrainingName,
} from "./lib/policy/policy.ts";

// Engine
export { ACCEPT, Engine, type EngineOptions, REFUSE, SETTLED, type Verdict } from "./lib/judge/engine.ts";
export { type Capacity, capacityFor, State } from "./lib/state/state.ts";
export type * from "./lib/learn/event.ts";
export type { Outbox, Sending } from "./lib/learn/outbox.ts";
export type { Clock } from "./lib/learn/clock.ts";
export type { Counters } from "./lib/learn/counters.ts";

// Classifiers
export { CLASSIFIERS, PROTOCOLS } from "./lib/protocol/mod.ts";
export type { Blocks, Fit, LengthRule, Said } from "./lib/protocol/message_lengths.ts";
export type { Call, Heard, Question, Step } from "./lib/protocol/question.ts";
export {
  ADVERTISED,
  besideEvidence,
  CERTAIN,
  type Certainty,
  CERTAINTY_NAMES,
  type Classifier,
  CONFIRMED,
  type DiscoveryGroups,
  type EndpointKind,
  Evidence,
  evidence,
  type FirstBytes,
  KNOWN_END,
  KNOWN_ENDPOINT,
  Look,
  NamedEndpoints,
  type Needs,
  type Protocol,
  STRONG,
  UNDECIDED,
  UNRELATED,
  WEAK,
} from "./lib/protocol/classifier.ts";

// Sources of packets
export { play, type Played } from "./lib/replay/play.ts";
export { openCapture } from "./lib/replay/capture.ts";
export { CaptureError, type Frames, type Source } from "./lib/replay/source.ts";
export { type Frame, MemorySource } from "./lib/replay/memory_source.ts";
export { Link } from "./lib/replay/link.ts";
export { type ByteOutput, PcapWriter } from "./lib/replay/pcap.ts";
export { OK, type Outcome, OUTCOME_NAMES } from "./lib/wire/outcome.ts";
export { Packet } from "./lib/wire/packet.ts";

// Addresses
export { formatAddress, parseAddress, type PrefixSet, type Words } from "./lib/net/address.ts";

// What replay reports
export { type FlowAddresses, type FlowLine, type FlowReason, FlowRecorder } from "./lib/replay/flow_record.ts";
