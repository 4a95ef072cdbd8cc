/**
 * DNS messages for stories and tests, built from RFC 1035 by hand, so that they share no code with the reader.
 * @module
 */
import { parseAddress } from "../../lib/net/address.ts";
import { join, latin } from "./conversation.ts";

/** One record of an answer: its type, its value and its TTL in seconds. `owner` is the question's name where absent. */
export interface Record {
  readonly type: "A" | "AAAA" | "CNAME";
  readonly value: string;
  readonly ttl: number;
  readonly owner?: string;
}

const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;

/** A name as labels. */
export function dnsName(name: string): Uint8Array {
  const labels = name.split(".").filter((label) => label !== "");
  return join(...labels.map((label) => join(Uint8Array.of(label.length), latin(label))), Uint8Array.of(0));
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

/** A question. */
export function dnsQuestion(id: number, name: string, type: keyof typeof TYPES = "A"): Uint8Array {
  return join(word(id), word(0x0100), word(1), word(0), word(0), word(0), dnsName(name), word(TYPES[type]), word(1));
}

/** An answer; after a CNAME the following records belong to its target. */
export function dnsAnswer(id: number, name: string, records: readonly Record[], rcode = 0): Uint8Array {
  let owner = name;
  const parts = records.map((record) => {
    const from = record.owner ?? owner;
    let value: Uint8Array;
    if (record.type === "CNAME") {
      value = dnsName(record.value);
      owner = record.value;
    } else {
      const words = parseAddress(record.value);
      if (words === null) throw new TypeError(`Cannot write the record: "${record.value}" is no address`);
      const view = new DataView(new ArrayBuffer(16));
      words.forEach((part, i) => view.setInt32(i * 4, part));
      value = new Uint8Array(view.buffer, record.type === "A" ? 12 : 0);
    }
    const ttl = join(word(record.ttl >>> 16), word(record.ttl & 0xffff));
    return join(dnsName(from), word(TYPES[record.type]), word(1), ttl, word(value.length), value);
  });
  const head = join(word(id), word(0x8180 | rcode), word(1), word(records.length), word(0), word(0));
  return join(head, dnsName(name), word(TYPES.A), word(1), ...parts);
}

/** A message with the length in front that TCP wants (RFC 7766 section 8). */
export function overTcp(message: Uint8Array): Uint8Array {
  return join(word(message.length), message);
}
