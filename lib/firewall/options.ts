/**
 * What rules are made from: options, marks, addresses, and what of them is refused.
 * @module
 */
import { isMarkMask, isMarkUnder } from "../policy/marks.ts";

/** The marks that carry decisions from ftwall to the kernel. All lie under `mask`; bits outside belong to others. */
export interface Marks {
  /** Bits of packet mark and connection mark that ftwall may use: contiguous, below bit 31. */
  readonly mask: number;
  /** Connection: judged and harmless, leaves the queue. Packet: save this to the connection. */
  readonly accepted: number;
  /** Connection: refused by the kernel from now on. Packet: save this to the connection, then refuse. */
  readonly refused: number;
  /** Packet: sent by ftwall itself. Connection: belongs to an exempt client; both skip every question. */
  readonly own: number;
  /**
   * Connection: all its packets are queued until it is settled, also where its first ones are long past. 0 where the mask has
   * no value left: such a connection is met by the sample only.
   */
  readonly again: number;
  /**
   * Connection: a request that nobody could place was sent, so an ordinary answer settles it. Packet: save this to the
   * connection. 0 where the mask has no value left: answers are queued.
   */
  readonly awaiting: number;
  /** Packet: of a client that sends more than its budget, queued to tell of it. 0 where the mask has no value left: no budgets. */
  readonly above: number;
  /**
   * Connection: the rules let its SYN by, and nothing else came up yet. Packet: the first of it that does. 0 where the mask has
   * no value left: every SYN is queued.
   */
  readonly begun: number;
}

/** What the rules are made from: plain data, so that equal options give equal text. */
export interface RulesOptions {
  /** Interfaces with clients behind them; `eth*` is a wildcard. Empty: the prefixes of `home` tell the sides apart. */
  readonly lan: readonly string[];
  /** Prefixes of the protected side, IPv4 and IPv6 mixed. */
  readonly home: readonly string[];
  /** Clients never acted on: addresses, prefixes or MACs. */
  readonly exempt: readonly string[];
  /** First and last queue number, inclusive; the kernel spreads connections over them. */
  readonly queues: readonly [first: number, last: number];
  /** True: forwarded packets pass when nobody listens on the queue. False: they are dropped. */
  readonly failOpen: boolean;
  /**
   * Packets per second of one client, in each direction, that may be queued; with what is above it the rules do as if nobody
   * listened. 0 = as many as there are.
   */
  readonly clientRate: number;
  /** TCP packets of each direction of a connection that visit user space. */
  readonly packetsTcp: number;
  /** UDP packets of each direction of a connection that visit user space; a connection's first packet always does. */
  readonly packetsUdp: number;
  /**
   * Packets per second, over all unsettled flows beyond their first packets, that are looked at again, and four times as many
   * short ones; 0 = none.
   */
  readonly sample: number;
  /** Packets per second and client that still reach the queue from a locked client or towards a blocked peer. */
  readonly renewRate: number;
  /** Whether requests for port mappings are queued: TCP to high ports of the router. */
  readonly mappings: boolean;
  /** Marks shared with the pump. */
  readonly mark: Marks;
  /** How the kernel refuses: silently, or with a TCP reset or ICMP error to the sender. */
  readonly refuse: "drop" | "reject";
  /** Whether locked clients and blocked peers are also held in kernel sets with timeouts. */
  readonly sets: boolean;
  /** Whether settled, accepted flows go through a flowtable, which passes them by every chain; iptables knows only software. */
  readonly offload: "off" | "software" | "hardware";
  /** Interfaces between which the flowtable forwards: those that there are when the rules are applied. */
  readonly devices: readonly string[];
  /** Whether the set of locked clients also refuses connections that were settled as accepted before the lock. */
  readonly cut: boolean;
}

/**
 * Defaults. Sixteen TCP packets each way cover handshake, proxy greeting and several flights; eight UDP packets cover
 * uTP and tracker conversations. The marks are those of the config's defaults.
 */
export const RULES_DEFAULTS: RulesOptions = {
  lan: ["br-lan"],
  home: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
  exempt: [],
  queues: [0, 0],
  failOpen: true,
  clientRate: 20_000,
  packetsTcp: 16,
  packetsUdp: 8,
  sample: 50,
  renewRate: 100,
  mappings: true,
  mark: {
    mask: 0x0f000000,
    accepted: 0x01000000,
    refused: 0x02000000,
    own: 0x03000000,
    again: 0x04000000,
    awaiting: 0x05000000,
    above: 0x06000000,
    begun: 0x07000000,
  },
  refuse: "drop",
  sets: true,
  offload: "off",
  devices: [],
  cut: true,
};

/** `exempt` and `home` sorted by what they are, as rules need them. */
export interface Sorted {
  /** IPv4 addresses and prefixes. */
  readonly v4: readonly string[];
  /** IPv6 addresses and prefixes. */
  readonly v6: readonly string[];
  /** MACs in lower case. */
  readonly macs: readonly string[];
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const V4 = /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/;
const V6 = /^(?=.*:)[0-9a-f:.]{2,45}(\/\d{1,3})?$/i;
// The kernel's own limit is 15 characters; what a shell or a rule parser could read as syntax is not allowed through.
const INTERFACE = /^[A-Za-z0-9_.@:-]{1,15}[*+]?$/;

/** Sorts addresses, prefixes and MACs; throws a RangeError for text that is none of these. */
export function sortAddresses(list: readonly string[]): Sorted {
  const v4: string[] = [];
  const v6: string[] = [];
  const macs: string[] = [];
  for (const text of list) {
    if (MAC.test(text)) macs.push(text.toLowerCase());
    else if (V4.test(text)) v4.push(text);
    else if (V6.test(text)) v6.push(text);
    else throw new RangeError(`Cannot make rules for "${text}": not an address, prefix or MAC`);
  }
  return { v4, v6, macs };
}

/** Whether clients have budgets: who cannot be told of, for want of a mark, is not held to one. */
export function hasBudgets({ clientRate, mark }: RulesOptions): boolean {
  return clientRate > 0 && mark.above !== 0;
}

/** Throws a RangeError when rules made from the options could not work or could mean something else than asked. */
export function checkOptions(options: RulesOptions): void {
  for (const name of [...options.lan, ...options.devices]) {
    if (!INTERFACE.test(name) || name.startsWith("-")) {
      throw new RangeError(`Cannot make rules for interface "${name}": not an interface name`);
    }
  }
  sortAddresses(options.exempt);
  const home = sortAddresses(options.home);
  if (home.macs.length > 0) throw new RangeError(`Cannot make rules for home "${home.macs[0]}": a MAC is no prefix`);
  if (options.lan.length === 0 && options.home.length === 0) {
    throw new RangeError("Cannot make rules: neither interfaces nor home prefixes are given");
  }
  const [first, last] = options.queues;
  if (!whole(first, 0, 65535) || !whole(last, first, 65535)) {
    throw new RangeError(`Cannot make rules for queues "${first}:${last}": expected 0 <= first <= last <= 65535`);
  }
  for (const key of ["packetsTcp", "packetsUdp"] as const) {
    if (!whole(options[key], 1, 1_000_000)) throw new RangeError(`Cannot make rules with ${key} "${options[key]}"`);
  }
  // 10,000 a second is the finest step that both back ends can count; that of short packets is four times as large.
  if (!whole(options.sample, 0, 2_500)) throw new RangeError(`Cannot make rules with sample "${options.sample}"`);
  if (!whole(options.renewRate, 1, 10_000)) {
    throw new RangeError(`Cannot make rules with renewRate "${options.renewRate}"`);
  }
  // What hashlimit can count.
  if (!whole(options.clientRate, 0, 1_000_000)) {
    throw new RangeError(`Cannot make rules with clientRate "${options.clientRate}"`);
  }
  checkMarks(options.mark);
}

function checkMarks({ mask, accepted, refused, own, again, awaiting, above, begun }: Marks): void {
  if (!isMarkMask(mask)) {
    throw new RangeError(`Cannot use mark mask "${hex(mask)}": expected at least two contiguous bits below bit 31`);
  }
  const values = [accepted, refused, own, ...[again, awaiting, above, begun].filter((value) => value !== 0)];
  for (const value of values) {
    if (!isMarkUnder(mask, value)) {
      throw new RangeError(`Cannot use mark "${hex(value)}": expected a value other than 0 under mask ${hex(mask)}`);
    }
  }
  if (new Set(values).size < values.length) throw new RangeError("Cannot use marks: all must differ");
}

function whole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** A 32-bit mark as both tools print it. */
export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

/** Eight hex digits over a rule text (FNV-1a), kept in a rule comment so that a look can tell old rules from new ones. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
