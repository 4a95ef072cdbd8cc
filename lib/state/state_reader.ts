/**
 * Reads a state file, or the store of ftwall 1 (lines of `ip:port` or `ip`), in pieces: what it takes does not depend on
 * how long the file or any of its lines is.
 * @module
 */
import { isUnlearnable, parseAddress, type Words } from "../net/address.ts";
import { isCommonPort } from "../net/common_ports.ts";
import { type Lock, type LockedBy, MOST_RENEWALS } from "./locks.ts";
import { ANY_HEADER, STATE_HEADER, STATE_VERSION, type StateContext } from "./state_file.ts";
import {
  CONFIRMED,
  KIND,
  MANY_CLIENTS,
  NAME,
  NAMES,
  PATTERN,
  PROTOCOL,
  SEVERAL,
  SHOWN_BY,
  type State,
  WITNESS,
} from "./state.ts";

/** What reading found. */
export interface Restored {
  /** Locks taken over. */
  locks: number;
  /** Peers taken over. */
  peers: number;
  /** Trained addresses taken over. */
  trained: number;
  /** Everyday addresses taken over. */
  everyday: number;
  /** Confirmed endpoints taken over. */
  endpoints: number;
  /** Allowances of operators taken over. */
  allowances: number;
  /** Version of the file, where it is newer than what this program writes. */
  newer?: number;
  /** Entries whose time was over, or that the config exempts. */
  ended: number;
  /** Lines that could not be read: at most twenty sentences, and how many there were. */
  readonly problems: string[];
  /** Lines that could not be read. */
  bad: number;
}

/** Longest line that is read, characters; longer ones are bad. */
const LONGEST_LINE = 4096;
const MOST_PROBLEMS = 20;
/** Milliseconds that an entry of ftwall 1's store gets, as it has no time of its own. */
const STORED_LIFETIME = 86_400_000;
/** Bad lines after which the rest of a file is left out: it is something else, and takes time. */
const MOST_BAD = 100_000;
/** Names of evidence of which one copy is kept. */
const MOST_NAMES = 1000;
const STARTERS: readonly LockedBy[] = ["detector", "operator", "state-file"];

/** Reads one file into the tables. Bad lines are reported and skipped. */
export class StateReader {
  /** What was found so far. */
  readonly restored: Restored = {
    locks: 0,
    peers: 0,
    trained: 0,
    everyday: 0,
    endpoints: 0,
    allowances: 0,
    ended: 0,
    problems: [],
    bad: 0,
  };
  readonly #state: State;
  readonly #context: StateContext;
  readonly #names = new Map<string, string>();
  #rest = "";
  #line = 0;
  #stopped = false;

  /** Ready for the first piece. */
  constructor(state: State, context: StateContext) {
    this.#state = state;
    this.#context = context;
  }

  /** Reads the next piece, which may begin and end anywhere. False where nothing more is wanted. */
  push(text: string): boolean {
    let at = 0;
    for (let end = text.indexOf("\n"); end >= 0 && !this.#stopped; end = text.indexOf("\n", at)) {
      this.#take(this.#rest + text.slice(at, end));
      this.#rest = "";
      at = end + 1;
    }
    // Of a line that is too long just as much is kept as tells that it is.
    if (!this.#stopped) this.#rest = (this.#rest + text.slice(at, at + LONGEST_LINE + 1)).slice(0, LONGEST_LINE + 1);
    return !this.#stopped;
  }

  /** The file ends here, or is left here for the reason given. */
  end(leftOut: string = ""): Restored {
    if (!this.#stopped && this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
    if (leftOut !== "") this.#stop(leftOut);
    return this.restored;
  }

  #take(raw: string): void {
    this.#line++;
    const line = raw.length > LONGEST_LINE ? raw : raw.trim();
    if (line === "" || line.startsWith("#") || line === STATE_HEADER) return;
    const version = this.#line === 1 ? Number(ANY_HEADER.exec(line)?.[1] ?? 0) : 0;
    if (version > STATE_VERSION) {
      this.restored.newer = version;
      return;
    }
    const found = raw.length > LONGEST_LINE ? "it is too long" : this.#read(line);
    if (found === "") return;
    const { problems } = this.restored;
    if (problems.length < MOST_PROBLEMS) problems.push(`line ${this.#line}: ${found}: "${line.slice(0, 80)}"`);
    if (++this.restored.bad >= MOST_BAD) this.#stop(`${MOST_BAD} lines could not be read`);
  }

  #stop(reason: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.restored.bad++;
    this.restored.problems.push(`all after line ${this.#line}: ${reason}`);
  }

  #read(line: string): string {
    const words = line.split(/\s+/);
    const { restored } = this;
    switch (words[0]) {
      case "lock":
        return readLock(words, this.#state, this.#context, restored, (name) => this.#one(name));
      case "peer":
        return readPeer(words, this.#state, this.#context, restored);
      case "trained":
        return readTrained(words, this.#state, this.#context, restored);
      case "everyday":
        return readEveryday(words, this.#state, this.#context, restored);
      case "endpoint":
        return readEndpoint(words, this.#state, this.#context, restored);
      case "allow":
        return readAllowance(words, this.#state, this.#context, restored);
      default:
        return readStored(line, this.#state, this.#context, restored);
    }
  }

  /** One copy of a name for all its lines. */
  #one(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const own = copyOf(name);
    if (this.#names.size < MOST_NAMES) this.#names.set(own, own);
    return own;
  }
}

function readLock(
  words: readonly string[],
  state: State,
  context: StateContext,
  restored: Restored,
  one: (name: string) => string,
): string {
  const client = parseAddress(words[1] ?? "");
  if (client === null) return "the client is not an address";
  const fields = fieldsOf(words.slice(4));
  const until = timeOf(fields.get("until"), context);
  const since = timeOf(fields.get("since"), context);
  const length = wholeNumber(fields.get("length"), 1, 366 * 86_400);
  const port = wholeNumber(fields.get("port"), 0, 65535);
  const renewals = wholeNumber(fields.get("renewals"), 0, MOST_RENEWALS);
  const by = STARTERS.find((each) => each === fields.get("by"));
  if (until === null || since === null) return "since and until must be times";
  if (length === null || port === null || renewals === null) return "length, port and renewals must be whole numbers";
  if (by === undefined) return `by must be one of ${STARTERS.join(", ")}`;
  if (until <= context.now || context.isExempt(client)) return ended(restored);
  // A clock that was set back must not turn a two-minute lock into one of years.
  const end = Math.min(until, context.now + length * 1000);
  const protocol = context.protocols.indexOf(words[2] ?? "");
  if (protocol < 0 && by !== "operator") return ended(restored);
  const lock: Lock = {
    protocol,
    protocolName: context.protocols[protocol] ?? one(words[2] ?? "operator"),
    evidence: one(words[3] ?? ""),
    since: Math.min(since, context.now),
    length: length * 1000,
    renewals,
    by,
    reason: copyOf(decode(fields.get("reason") ?? "")),
    macHigh: 0,
    macLow: 0,
    port,
    probeAt: Math.max(context.now, end - length * 500),
    probes: 0,
    announced: end,
  };
  state.locks.set(client[0], client[1], client[2], client[3], end, lock);
  restored.locks++;
  return "";
}

function readPeer(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const peer = parseAddress(words[1] ?? "");
  if (peer === null) return "the peer is not an address";
  const port = wholeNumber(words[2], 0, 65535);
  const until = timeOf(fieldsOf(words.slice(4)).get("until"), context);
  if (port === null) return "the port must be 0 to 65535";
  if (until === null) return "until must be a time";
  const protocol = context.protocols.indexOf(words[3] ?? "");
  if (protocol < 0) return "the protocol is not known";
  // Older files have ports of everyday services, which are no longer listed.
  if (until <= context.now || port === 0 || isCommonPort(port) || unfit(peer, context)) return ended(restored);
  addPeer(state, peer, port, protocol, until);
  restored.peers++;
  return "";
}

function readTrained(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const trained = parseAddress(words[1] ?? "");
  if (trained === null) return "that is not an address";
  const fields = fieldsOf(words.slice(3));
  const until = timeOf(fields.get("until"), context);
  if (until === null) return "until must be a time";
  const witness = wholeNumber(fields.get("witness") ?? "0", 0, 0xffffffff);
  if (witness === null) return "the witness must be a number of 32 bits";
  const protocol = context.protocols.indexOf(words[2] ?? "");
  if (protocol < 0) return "the protocol is not known";
  const pattern = context.patternNumber(words[4] ?? "");
  // "held" is of older files: trained in name only.
  if (until <= context.now || pattern < 0 || words[5] === "held" || unfit(trained, context)) return ended(restored);
  const row = state.trained.insert(trained[0], trained[1], trained[2], trained[3], 0, until);
  state.trained.values[row * state.trained.columns + PROTOCOL] = protocol;
  state.trained.values[row * state.trained.columns + PATTERN] = pattern;
  state.trained.values[row * state.trained.columns + WITNESS] = witness | 0;
  restored.trained++;
  return "";
}

function readEveryday(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const address = parseAddress(words[1] ?? "");
  if (address === null) return "that is not an address";
  const fields = fieldsOf(words.slice(2));
  const until = timeOf(fields.get("until"), context);
  if (until === null) return "until must be a time";
  const names = wholeNumber(fields.get("names"), 1, SEVERAL);
  const name = wholeNumber(fields.get("name") ?? "0", 0, 0xffffffff);
  const port = wholeNumber(fields.get("port") ?? "0", 0, 65535);
  if (names === null) return `names must be 1 to ${SEVERAL}`;
  const by = wholeNumber(fields.get("by") ?? "0", 0, 0xffffffff);
  if (name === null || by === null || port === null) return "name and by must be numbers of 32 bits, port 0 to 65535";
  if (until <= context.now) return ended(restored);
  const { everyday } = state;
  const at = everyday.insert(address[0], address[1], address[2], address[3], port, until) * everyday.columns;
  everyday.values[at + NAME] = name | 0;
  everyday.values[at + NAMES] = names;
  everyday.values[at + SHOWN_BY] = by === 0 ? MANY_CLIENTS : by | 0;
  restored.everyday++;
  return "";
}

function readEndpoint(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const endpoint = parseAddress(words[1] ?? "");
  if (endpoint === null) return "the endpoint is not an address";
  const port = wholeNumber(words[2], 1, 65535);
  if (port === null) return "the port must be 1 to 65535";
  const protocol = context.protocols.indexOf(words[3] ?? "");
  if (protocol < 0) return "the protocol is not known";
  const fields = fieldsOf(words.slice(4));
  const until = timeOf(fields.get("until"), context);
  if (until === null) return "until must be a time";
  const witness = wholeNumber(fields.get("witness") ?? "0", 0, 0xffffffff);
  if (witness === null) return "the witness must be a number of 32 bits";
  // Clients have endpoints too: home is not left out.
  if (until <= context.now || context.isExempt(endpoint)) return ended(restored);
  const { endpoints } = state;
  const row = endpoints.insert(endpoint[0], endpoint[1], endpoint[2], endpoint[3], port, until);
  endpoints.values[row * endpoints.columns + PROTOCOL] = protocol;
  endpoints.values[row * endpoints.columns + KIND] = CONFIRMED;
  endpoints.values[row * endpoints.columns + WITNESS] = witness | 0;
  restored.endpoints++;
  return "";
}

function readAllowance(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const client = parseAddress(words[1] ?? "");
  if (client === null) return "the client is not an address";
  const until = timeOf(fieldsOf(words.slice(2)).get("until"), context);
  if (until === null) return "until must be a time";
  if (until <= context.now) return ended(restored);
  state.allowances.insert(client[0], client[1], client[2], client[3], 0, until);
  restored.allowances++;
  return "";
}

/** A line of ftwall 1's store: a peer, `a.b.c.d:port`, at the port that all had then where none is named. */
function readStored(line: string, state: State, context: StateContext, restored: Restored): string {
  const parts = /^(\d+\.\d+\.\d+\.\d+)(?:[: ](\d+))?$/.exec(line);
  const peer = parts === null ? null : parseAddress(parts[1]!);
  if (parts === null || peer === null) {
    return "it begins with none of lock, peer, trained, everyday, endpoint, allow, and is no ip:port";
  }
  const port = wholeNumber(parts[2] ?? "1214", 0, 65535);
  if (port === null) return "the port must be 0 to 65535";
  const protocol = context.storedProtocol;
  if (protocol < 0 || port === 0 || isCommonPort(port) || unfit(peer, context)) return ended(restored);
  addPeer(state, peer, port, protocol, context.now + STORED_LIFETIME);
  restored.peers++;
  return "";
}

function addPeer(state: State, peer: Words, port: number, protocol: number, until: number): void {
  const row = state.peers.insert(peer[0], peer[1], peer[2], peer[3], port, until);
  state.peers.values[row * state.peers.columns + PROTOCOL] = protocol;
}

function unfit(words: Words, context: StateContext): boolean {
  return isUnlearnable(words[0], words[1], words[2], words[3]) || context.isExempt(words) || context.isHome(words);
}

function ended(restored: Restored): string {
  restored.ended++;
  return "";
}

function fieldsOf(words: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals > 0) fields.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return fields;
}

/** A time of the file in the engine's time, null where it is none. */
function timeOf(text: string | undefined, context: StateContext): number | null {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at - context.wallOffset;
}

function wholeNumber(text: string | undefined, least: number, most: number): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value >= least && value <= most ? value : null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A text of its own: to V8 a part of a text is a view, which keeps the whole piece of the file in memory. */
function copyOf(text: string): string {
  return text === "" ? "" : new TextDecoder().decode(new TextEncoder().encode(text));
}
