/**
 * Ports that clients have the router map to them, by UPnP, NAT-PMP or PCP. A program that calls itself in its request what
 * no other program does has named its protocol; any other mapping says only where its machine can be reached.
 * @module
 */
import { formatAddress, isIPv4, isPrivate, parseAddress } from "../net/address.ts";
import {
  type Classifier,
  type Evidence,
  type Look,
  type Protocol,
  UNDECIDED,
  UNRELATED,
} from "../protocol/classifier.ts";
import { FLAGS, FLOW_WORDS, LOCAL } from "../state/flow_table.ts";
import { CLIENT_PORTS, OF_TCP, type State } from "../state/state.ts";
import { startsWith } from "../wire/http.ts";
import type { Packet } from "../wire/packet.ts";
import { FOREVER, MAPPING, MAPPING_CUT, PortMapping } from "../wire/port_mapping.ts";
import type { Clock } from "./clock.ts";
import type { Emit } from "./event.ts";
import { FlowEnds } from "./flow_ends.ts";
import type { Learner } from "./learner.ts";
import { MAPPED_KIND } from "./rate_limits.ts";

/** Most milliseconds that a mapping counts, whatever was asked for: programs ask again when half of it is over. */
const LONGEST = 7_200_000;
/** How the description of a protocol's program begins, in lower case. */
interface Naming {
  readonly begins: string;
  readonly protocol: string;
}

/** See the module's text. */
export class PortMappings {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #learner: Learner;
  readonly #emit: Emit;
  readonly #namings: readonly Naming[];
  readonly #request = new PortMapping();

  /** Remembers in `state`; `protocols` say how their programs call themselves. */
  constructor(state: State, clock: Clock, learner: Learner, emit: Emit, protocols: readonly Protocol[]) {
    this.#state = state;
    this.#clock = clock;
    this.#learner = learner;
    this.#emit = emit;
    // The longest first: one program's name may begin with another's.
    this.#namings = protocols
      .flatMap(({ name, mappings = [] }) => mappings.map((text) => ({ begins: text.toLowerCase(), protocol: name })))
      .sort((one, other) => other.begins.length - one.begins.length);
  }

  /** Reads a datagram that a client sends to {@link MAPPING_PORT}. */
  readDatagram(ends: FlowEnds, packet: Packet): void {
    const { bytes, view, payload, payloadEnd } = packet;
    if (this.#isHeard(ends) && this.#request.readDatagram(bytes, view, payload, payloadEnd)) this.#asked(bytes, ends);
  }

  /** Reads what a client sends over TCP. Answers UNRELATED or UNDECIDED. */
  readStream(ends: FlowEnds, look: Look): Evidence {
    const { bytes, end } = look;
    const first = look.ownFirst >>> 24;
    if ((first !== POST && first !== GET) || !this.#isHeard(ends)) return UNRELATED;
    // A connection may carry other requests before this one, each of which begins with a segment.
    const later = look.nth > 1 && bytes[look.fresh] === POST ? look.fresh : look.start;
    let outcome = this.#request.readRequest(bytes, later, end);
    if (outcome === MAPPING_CUT && later !== look.start) outcome = this.#request.readRequest(bytes, look.start, end);
    if (outcome === MAPPING) this.#asked(bytes, ends);
    return UNDECIDED;
  }

  /** Whether the client sends this to its router, or to what may be one. */
  #isHeard(ends: FlowEnds): boolean {
    if (!ends.fromClient || !ends.clientOpened || !this.#learner.policy.config.detect.portMappings) return false;
    const local = (this.#state.flows.words[ends.row * FLOW_WORDS + FLAGS]! & LOCAL) !== 0;
    return local || isPrivate(ends.p0, ends.p1, ends.p2, ends.p3);
  }

  #asked(bytes: Uint8Array, sender: FlowEnds): void {
    const request = this.#request;
    const { mappings } = this.#state;
    let ends = sender;
    if (request.machineEnd > request.machine) {
      // Who asks for another machine says nothing of itself.
      ends = Object.assign(new FlowEnds(), sender);
      if (!this.#isFor(ends, textOf(bytes, request.machine, request.machineEnd))) return;
    }
    const { c0, c1, c2, c3 } = ends;
    const now = this.#clock.now;
    const word = request.port | (request.tcp ? OF_TCP : 0);
    if (request.seconds === 0) {
      const row = mappings.find(c0, c1, c2, c3, word);
      if (row < 0) return;
      mappings.deadline[row] = now;
      const protocol = mappings.values[row * mappings.columns]! - 1;
      if (protocol >= 0) this.#learner.namedNoMore(ends, protocol);
      return;
    }
    if (!this.#learner.quotas.mayMap(ends, now)) return;
    const known = mappings.find(c0, c1, c2, c3, word);
    const renewed = known >= 0 && mappings.deadline[known]! > now;
    const until = now + Math.min(request.seconds * 1000, LONGEST);
    this.#remember(ends, word);
    const row = mappings.insert(c0, c1, c2, c3, word, until);
    const { description, descriptionEnd } = request;
    const naming = this.#namings.find(({ begins }) => isNamed(bytes, description, descriptionEnd, begins));
    const text = textOf(bytes, description, descriptionEnd);
    if (!renewed && this.#learner.rateLimits.allow(c0, c1, c2, c3, MAPPED_KIND, now, 20, 60_000)) {
      this.#emit({
        event: "port-mapped",
        client: formatAddress(c0, c1, c2, c3),
        port: request.port,
        transport: request.tcp ? "tcp" : "udp",
        by: request.by,
        ...(request.seconds === FOREVER ? {} : { seconds: request.seconds }),
        ...(text === "" ? {} : { description: text }),
        ...(naming === undefined ? {} : { protocol: naming.protocol }),
      });
    }
    const protocol = naming === undefined ? -1 : this.#learner.policy.protocolNumber(naming.protocol);
    mappings.values[row * mappings.columns] = protocol + 1;
    if (protocol >= 0) this.#learner.namedItself(ends, protocol, request.port, until, text);
  }

  /**
   * Whether the sender asks for itself. It may talk to the router over IPv6 and ask for a port of its IPv4 address (aMule):
   * the ends then become that client's. Where it is known whose that address is, it must be the same machine's.
   */
  #isFor(ends: FlowEnds, text: string): boolean {
    if (text === ends.client) return true;
    const words = parseAddress(text);
    if (words === null || isIPv4(ends.c0, ends.c1, ends.c2) || !isIPv4(words[0], words[1], words[2])) return false;
    const { neighbours } = this.#state;
    const row = neighbours.find(...words, 0);
    const at = row * neighbours.columns;
    const other = row >= 0 && (neighbours.values[at] !== ends.macHigh || neighbours.values[at + 1] !== ends.macLow);
    const { policy } = this.#learner;
    if (other || !policy.isHome(...words) || policy.isExempt(...words, ends.macHigh, ends.macLow)) return false;
    [ends.c0, ends.c1, ends.c2, ends.c3] = words;
    return true;
  }

  /** Among a client's last ports, see {@link CLIENT_PORTS}. */
  #remember(ends: FlowEnds, word: number): void {
    const { mappings } = this.#state;
    const row = mappings.insert(ends.c0, ends.c1, ends.c2, ends.c3, 0, this.#clock.now + LONGEST);
    const { values } = mappings;
    const at = row * mappings.columns;
    for (let i = 1; i <= CLIENT_PORTS; i++) if (values[at + i] === word) return;
    values[at + 1 + values[at]!] = word;
    values[at] = (values[at]! + 1) % CLIENT_PORTS;
  }
}

const POST = 0x50;
const GET = 0x47;

/** Whether a description begins so, and not as a longer word does. */
function isNamed(bytes: Uint8Array, from: number, to: number, begins: string): boolean {
  if (!startsWith(bytes, from, to, begins)) return false;
  const next = from + begins.length < to ? bytes[from + begins.length]! | 0x20 : 0;
  return next < 0x61 || next > 0x7a;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/** Listens beside the classifiers: reads requests over TCP, and answers nothing. */
export function mappingTap(mappings: PortMappings, ends: FlowEnds): Classifier {
  return {
    name: "",
    title: "Port mappings",
    tcp: true,
    udp: false,
    least: 1,
    first: "any",
    patience: 64,
    classify: (look) => mappings.readStream(ends, look),
  };
}
