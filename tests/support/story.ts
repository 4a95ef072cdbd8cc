/**
 * Stories: source, config and clock in, lines out. A story is plain text; steps stand at the margin, and under each step,
 * indented, what came of it. {@link tellStory} plays the steps against a virtual clock and writes the same text with what
 * really came of them, so a story that is right is equal to its own telling.
 *
 * ```text
 * # Comment
 * capacity locks=2                                 sizes of the tables, before the first config
 * starts 2026-05-04T10:00:00Z                      wall clock at 0 s
 * config … end                                     TOML; `reload … end` puts another one in force
 * let ping = 27 00000029 80 "KaZaA" 00             a name for a payload
 * at 0s 10.0.0.5:1214 > 198.51.100.7:1214 udp ping
 * at 1s 10.0.0.5:4000 > 198.51.100.7:80 tcp syn    syn, syn-ack, ack, fin, rst, or a payload (`syn "…"` has both)
 * at 2s 10.0.0.5:53000 > 9.9.9.9:53 ask 7 www.example.org
 * at 2s 9.9.9.9:53 > 10.0.0.5:53000 answer 7 www.example.org A 203.0.113.9 600
 * at 3s 10.0.0.5:1214 > 10.0.0.1:4000 input udp …  at the router itself (`output`: from it); `mac=02:…` names the sender
 * at 3s 10.0.0.5 > 198.51.100.7 icmp               neither TCP nor UDP
 * at 130s tick                                     time passes, second by second
 * at 9s lock 10.0.0.5 600 too loud                 also `unlock CLIENT`, `allow CLIENT SECONDS`
 * at 9s wall +3600                                 somebody sets the wall clock
 * at 9s restart                                    state to text, a new engine, state from text
 * at 9s restart -3600                              the same, and the wall clock moved meanwhile
 * at 9s state                                      the state's text
 * at 9s counts                                     locks, peers, trained, flows, and what was given up
 * ```
 * @module
 */
import { CLASSIFIERS, PROTOCOLS } from "../../lib/protocol/mod.ts";
import { AWAITS, AWAITS_NOT, Engine, REFUSE, SETTLED } from "../../lib/judge/engine.ts";
import type { TrafficEvent } from "../../lib/learn/event.ts";
import { formatAddress, parseAddress, parseMac, type Words } from "../../lib/net/address.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { parseConfig } from "../../lib/policy/load.ts";
import { compile, type Policy } from "../../lib/policy/policy.ts";
import { formatProblem } from "../../lib/policy/problem.ts";
import { zoneClock } from "../../lib/policy/week.ts";
import type { StateContext } from "../../lib/state/state_file.ts";
import { type Capacity, capacityFor, State } from "../../lib/state/state.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { ACK, FIN, PSH, RST, SYN } from "../../lib/wire/transport.ts";
import { readBytes, showBytes } from "./bytes.ts";
import { dnsAnswer, dnsQuestion, type Record as DnsRecord } from "./dns_message.ts";
import { Connection, decode, type End, readEnd, udpPacket } from "./packets.ts";
import { readState, writeState } from "./state_text.ts";

/** Defaults of every protocol, as the program has them. */
export const DEFAULTS = protocolDefaults(PROTOCOLS);
const HOOKS: Readonly<Record<string, number>> = { input: 1, forward: 2, output: 3 };
const FLAGS: Readonly<Record<string, number>> = {
  "syn": SYN,
  "syn-ack": SYN | ACK,
  "ack": ACK,
  "fin": FIN | ACK,
  "rst": RST | ACK,
};
/** Left out of event lines: long, and told elsewhere. */
const SILENT: readonly string[] = ["event", "bytes", "because"];
/** A fixed seed, so that every run is the same. */
const SEED = 0x5eed;

/** A policy from a config text, for all classifiers; local time is UTC unless the config names a zone. */
export function policyOf(text: string): Policy {
  const { config, problems } = parseConfig(text, "config", DEFAULTS);
  if (config === null) throw new Error(`Cannot use the config:\n${problems.map(formatProblem).join("\n")}`);
  return compile(config, zoneClock(config.timezone === "" ? "UTC" : config.timezone));
}

/** Plays a story and tells it again, with what came of each step. */
export function tellStory(text: string): string {
  return new Story().tell(text.split("\n"));
}

class Story {
  readonly #told: string[] = [];
  readonly #names = new Map<string, Uint8Array>();
  readonly #connections = new Map<string, Connection>();
  readonly #packet = new Packet();
  #capacity: Partial<Capacity> = {};
  #engine: Engine | null = null;
  /** Milliseconds of the story, of the wall clock at the story's start, and of the engine's clock then. */
  #now = 0;
  #wall = Date.parse("2026-05-04T10:00:00Z");
  #base = 7_000_000;

  tell(lines: readonly string[]): string {
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at]!;
      if (line.startsWith("  ")) continue;
      this.#told.push(line);
      if (line === "config" || / ?reload$/.test(line)) {
        const config: string[] = [];
        while (lines[++at] !== "end") {
          if (at >= lines.length) throw new SyntaxError(`No "end" after "${line}"`);
          config.push(lines[at]!);
          this.#told.push(lines[at]!);
        }
        this.#told.push("end");
        this.#configure(line, policyOf(config.join("\n")));
      } else if (line !== "" && !line.startsWith("#")) {
        try {
          this.#step(line);
        } catch (error) {
          throw new Error(`Cannot play line ${at + 1}: "${line}": ${error}`, { cause: error });
        }
      }
    }
    return this.#told.join("\n");
  }

  #say(text: string, now = this.#now): void {
    this.#told.push(now === this.#now ? `  ${text}` : `  at ${now / 1000}s ${text}`);
  }

  #configure(line: string, policy: Policy): void {
    if (line === "config") {
      this.#engine = this.#makeEngine(policy);
      return;
    }
    const time = /^at (\S+) reload$/.exec(line)?.[1];
    if (time !== undefined) this.#pass(time);
    this.#needed.adopt(policy);
  }

  get #needed(): Engine {
    if (this.#engine === null) this.#engine = this.#makeEngine(policyOf(""));
    return this.#engine;
  }

  #makeEngine(policy: Policy): Engine {
    const state = new State({ ...capacityFor(1 << 20), ...this.#capacity }, SEED, undefined, SEED);
    const engine = new Engine({ policy, state, classifiers: CLASSIFIERS, emit: (event) => this.#event(event) });
    engine.tick(this.#base + this.#now, this.#wall + this.#now);
    return engine;
  }

  #step(line: string): void {
    const words = line.split(" ");
    switch (words[0]) {
      case "capacity":
        for (const word of words.slice(1)) {
          const [name, size] = word.split("=");
          this.#capacity = { ...this.#capacity, [name!]: Number(size) };
        }
        return;
      case "starts":
        this.#wall = Date.parse(words[1]!);
        return;
      case "let":
        this.#names.set(words[1]!, readBytes(words.slice(3).join(" "), this.#names));
        return;
      case "at":
        this.#pass(words[1]!);
        return words[3] === ">" ? this.#traffic(words.slice(2)) : this.#act(words[2]!, words.slice(3));
      default:
        throw new SyntaxError(`unknown step "${words[0]}"`);
    }
  }

  /** Time passes up to a moment, in ticks of a second, as the event loop makes them. */
  #pass(text: string): void {
    const match = /^(\d+(?:\.\d+)?)s$/.exec(text);
    if (match === null) throw new SyntaxError(`cannot read the time "${text}"`);
    const to = Number(match[1]) * 1000;
    if (to < this.#now) throw new RangeError(`time runs backwards from ${this.#now} to ${to}`);
    const engine = this.#needed;
    const from = this.#now;
    this.#now = to;
    for (let at = Math.floor(from / 1000) * 1000 + 1000; at <= to; at += 1000) {
      this.#at = at;
      engine.tick(this.#base + at, this.#wall + at);
      this.#sent();
    }
    this.#at = to;
  }

  #at = 0;

  #act(what: string, rest: readonly string[]): void {
    const engine = this.#needed;
    const { state, learner, clock } = engine;
    const client = () => this.#address(rest[0]);
    switch (what) {
      case "tick":
        return;
      case "lock":
        learner.timeLocks.lock(
          ...client(),
          -1,
          "operator",
          "operator",
          Number(rest[1]) * 1000,
          0,
          "operator",
          rest.slice(2).join(" "),
        );
        return;
      case "unlock": {
        const row = state.locks.table.find(...client(), 0);
        if (row >= 0) learner.timeLocks.release(row, "operator");
        return;
      }
      case "allow": {
        const row = state.locks.table.find(...client(), 0);
        if (row >= 0) learner.timeLocks.release(row, "operator");
        state.allowances.insert(...client(), 0, clock.now + Number(rest[1]) * 1000);
        learner.epoch++;
        return;
      }
      case "wall":
        this.#wall += Number(rest[0]) * 1000;
        engine.tick(this.#base + this.#now, this.#wall + this.#now);
        return;
      case "state":
        for (const line of this.#state().trimEnd().split("\n")) this.#say(line);
        return;
      case "restart":
        return this.#restart(Number(rest[0] ?? 0) * 1000);
      case "counts": {
        const { locks, peers, trained, flows, streams } = state;
        this.#say(
          `locks=${locks.count} peers=${peers.count} trained=${trained.count} flows=${flows.count} ` +
            `given-up: flows=${flows.evicted} peers=${peers.evicted} locks=${locks.table.evicted} streams=${streams.evicted}`,
        );
        return;
      }
      default:
        throw new SyntaxError(`unknown action "${what}"`);
    }
  }

  #context(): StateContext {
    const { policy, trainer, clock } = this.#needed;
    return {
      protocols: policy.protocols,
      storedProtocol: policy.protocolNumber("fasttrack"),
      pattern: (number) => trainer.pattern(number),
      patternNumber: (text) => policy.training.findIndex((name) => name.pattern === text),
      isExempt: (words) => policy.isExempt(...words, 0, 0),
      isHome: (words) => policy.isHome(...words),
      now: clock.now,
      wallOffset: clock.wallOffset,
    };
  }

  #state(): string {
    return writeState(this.#needed.state, this.#context());
  }

  /** The machine's monotonic clock begins anew; only the text survives. */
  #restart(passed: number): void {
    const text = this.#state();
    this.#wall += passed;
    this.#base = 1000 - this.#now;
    this.#connections.clear();
    this.#engine = this.#makeEngine(this.#needed.policy);
    const found = readState(text, this.#engine.state, this.#context());
    const { locks, peers, trained, ended, bad } = found;
    this.#say(`restored locks=${locks} peers=${peers} trained=${trained} ended=${ended} bad=${bad}`);
    for (const event of this.#engine.learner.timeLocks.restored()) this.#event(event);
  }

  #address(text: string | undefined): Words {
    const words = parseAddress(text ?? "");
    if (words === null) throw new SyntaxError(`"${text}" is no address`);
    return words;
  }

  #traffic([source, , destination, ...rest]: readonly string[]): void {
    const packet = this.#packet;
    packet.hook = 2;
    packet.macHigh = packet.macLow = 0;
    while (rest[0] !== undefined && (rest[0] in HOOKS || rest[0].startsWith("mac="))) {
      const word = rest.shift()!;
      if (word in HOOKS) packet.hook = HOOKS[word]!;
      else [packet.macHigh, packet.macLow] = parseMac(word.slice(4))!;
    }
    const kind = rest.shift();
    const bytes = kind === "icmp"
      ? icmpPacket(this.#address(source), this.#address(destination))
      : this.#payload(kind, readEnd(source!), readEnd(destination!), rest);
    const outcome = decode(packet, bytes);
    const before = this.#told.length;
    const verdict = this.#needed.judge(packet, outcome, this.#base + this.#now);
    const answer = `${(verdict & REFUSE) !== 0 ? "refused" : "accepted"}${
      (verdict & SETTLED) !== 0 ? ", settled" : (verdict & AWAITS) !== 0 ? ", awaits an answer" : ""
    }${(verdict & AWAITS_NOT) !== 0 ? ", no answer settles it" : ""}`;
    this.#told.splice(before, 0, `  ${answer}`);
    this.#sent();
  }

  #payload(kind: string | undefined, from: End, to: End, rest: readonly string[]): Uint8Array {
    switch (kind) {
      case "udp":
        return udpPacket(from, to, readBytes(rest.join(" "), this.#names));
      case "ask":
        return udpPacket(from, to, dnsQuestion(Number(rest[0]), rest[1]!));
      case "answer": {
        const records: DnsRecord[] = [];
        for (let at = 2; at < rest.length; at += 3) {
          records.push({ type: rest[at] as DnsRecord["type"], value: rest[at + 1]!, ttl: Number(rest[at + 2]) });
        }
        return udpPacket(from, to, dnsAnswer(Number(rest[0]), rest[1]!, records));
      }
      case "tcp":
        return this.#segment(from, to, rest);
      default:
        throw new SyntaxError(`unknown packet "${kind}"`);
    }
  }

  #segment(from: End, to: End, rest: readonly string[]): Uint8Array {
    const there = `${from.words}:${from.port}>${to.words}:${to.port}`;
    const back = `${to.words}:${to.port}>${from.words}:${from.port}`;
    const flags = FLAGS[rest[0] ?? ""];
    const payload = readBytes((flags === undefined ? rest : rest.slice(1)).join(" "), this.#names);
    let connection = this.#connections.get(there);
    let side: 0 | 1 = 0;
    if (connection === undefined && this.#connections.has(back)) {
      connection = this.#connections.get(back);
      side = 1;
    }
    if (connection === undefined) {
      connection = new Connection(from, to);
      this.#connections.set(there, connection);
    }
    return connection.segment(side, flags ?? (ACK | PSH), payload);
  }

  #sent(): void {
    for (const sending of this.#needed.outbox.take()) {
      const end = (words: Words, port: number) => `${formatAddress(...words)}:${port}`;
      const client = end(sending.client, sending.clientPort);
      const from = sending.kind !== "decoy" ? "router" : end(sending.peer, sending.peerPort);
      this.#say(`sends ${sending.kind} ${from} > ${client} ${showBytes(sending.payload)}`, this.#at);
    }
  }

  #event(event: TrafficEvent): void {
    const fields = Object.entries(event).filter(([name]) => !SILENT.includes(name)).map(([name, value]) =>
      name === "until" ? `until=${(Date.parse(String(value)) - this.#wall) / 1000}s` : `${name}=${value}`
    );
    this.#say(`${event.event} ${fields.join(" ")}`, this.#at);
  }
}

/** An ICMP echo request without payload. */
function icmpPacket(from: Words, to: Words): Uint8Array {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, 28);
  bytes[8] = 64;
  bytes[9] = 1;
  view.setInt32(12, from[3]);
  view.setInt32(16, to[3]);
  bytes[20] = 8;
  return bytes;
}
