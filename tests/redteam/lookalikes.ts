/**
 * Programs whose own words come near to a pattern: found by working backwards from the patterns to who might fit them.
 * @module
 */
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import type { Sample } from "../protocol/sample.ts";
import { Chance } from "./household.ts";

/** A 32-bit number, little end first. */
function u32le(number: number): Uint8Array {
  return Uint8Array.of(number, number >>> 8, number >>> 16, number >>> 24);
}

/** Text behind its length. */
function counted(text: string): Uint8Array {
  return join(u32le(text.length), latin(text));
}

const UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const get = (path: string, headers: string) =>
  latin(`GET ${path} HTTP/1.1\r\nHost: api.example.org\r\n${headers}\r\n\r\n`);

/** One conversation each: what it is, and its turns. */
const STREAMS: readonly (readonly [name: string, ...turns: Turn[]])[] = [
  ["counted texts: a greeting of five letters, a UUID", [">", counted("HELLO")], [
    "<",
    join(u32le(40), counted(UUID)),
  ]],
  ["counted texts: a greeting of five letters, forty hex digits", [">", counted("LOGIN")], [
    "<",
    join(u32le(44), counted("0123456789abcdef0123456789abcdef01234567")),
  ]],
  ["a call with operation 0 of version 2, and its answer", [">", hex("05000000 00000000 02")], [
    "<",
    join(u32le(24), u32le(5), new Uint8Array(20)),
  ]],
  ["a service's feature bits", [">", get("/get/config?v=1", "x-features: 27")]],
  ["a service's node name", [">", get("/get/items", "X-Node: web-01")]],
  ["a queue's name", [">", get("/get/items", "X-Queue: orders")]],
  ["a key of a store that is asked in lines", [">", latin("GET hash:1234\r\n")], ["<", latin("$-1\r\n")]],
  ["a digest as such a key", [">", latin("GET sha1:0123456789abcdef0123456789abcdef01234567\r\n")]],
  ["a server that greets, and empty frames", ["<", join(u32le(5), latin("hello"), new Uint8Array(8))], [
    ">",
    latin("hi"),
  ]],
  ["a controller's commands", [">", latin("DCMD STOP AXIS\n")]],
  ["an instrument's question", [">", latin("DGET TEMP HIGH\n")]],
  ["a file by its path", [">", latin("CGET file /etc/motd\n")]],
  ["an answer of four words", [">", latin("BINF MAIN OK\n")]],
];

/** The same over UDP. */
const DATAGRAMS: readonly (readonly [name: string, ...turns: Turn[]])[] = [
  ["a UUID, a type, a version and no more", [
    ">",
    join(hex("3f2504e04f8941d39a0c0305e82c3301 00 01 00"), u32le(0)),
  ]],
  ["telemetry: a device, milliseconds in 64 bits, a length, a counter", ...telemetry(0x0199, 0)],
  ["telemetry: a device, seconds, nanoseconds, a counter", ...telemetry(0, 1)],
];

function telemetry(high: number, step: number): Turn[] {
  return Array.from({ length: 16 }, (_, i): Turn => {
    const bytes = join(hex("01000007"), new Uint8Array(16), new Chance(i + 1).bytes(64));
    const view = new DataView(bytes.buffer);
    view.setUint32(4, high === 0 ? 1_764_150_000 + i * step : high);
    view.setUint32(8, 0xbf31c2d0 + i * 1000);
    view.setUint32(12, 64);
    view.setUint32(16, 1 + i);
    return [">", bytes];
  });
}

/** What is mentioned, and may be: by which classifier, and why. */
const MENTIONED: Readonly<Record<string, Sample["also"]>> = {
  "a call with operation 0 of version 2, and its answer": {
    soulseek: "nine bytes alike: weak, and so it is said to be",
  },
};

/** All of them. */
export const LOOK_ALIKES: readonly Sample[] = [...STREAMS, ...DATAGRAMS].map(([name, ...turns], at) => {
  const also = MENTIONED[name];
  return { name, tcp: at < STREAMS.length, turns, ...(also === undefined ? {} : { also }) };
});
