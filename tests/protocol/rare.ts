/**
 * Conversations of the smaller networks.
 * @module
 */
import { hex, join, latin } from "../support/conversation.ts";
import { noise } from "./strangers.ts";
import type { Sample } from "./table.ts";

const ANSWER = join(hex("87003c"), noise(135, 3));

/** Ares: frames of a capture of 2006, contents replaced. */
export const ARES: readonly Sample[] = [
  { name: "a login (captured)", tcp: true, turns: [[">", hex("03005a060605")]], evidence: "tcp-login", certainty: 3 },
  {
    name: "a login of another version, answered (captured form)",
    tcp: true,
    whole: true,
    turns: [[">", hex("03005a170805")], ["<", ANSWER]],
    evidence: "tcp-conversation",
    certainty: 3,
  },
  {
    name: "an answer in the older form",
    tcp: true,
    whole: true,
    turns: [[">", hex("03005a170805")], ["<", join(hex("87003b"), noise(135, 3))]],
    evidence: "tcp-conversation",
    certainty: 3,
  },
  {
    name: "a login of the first version (ipp2p)",
    tcp: true,
    turns: [[">", hex("03005a040305")]],
    evidence: "tcp-login",
    certainty: 3,
  },
  {
    name: "a supernode's login",
    tcp: true,
    turns: [[">", hex("03005d070805")]],
    evidence: "tcp-login-form",
    certainty: 2,
  },
  {
    name: "a transfer by the older word",
    tcp: true,
    turns: [[">", latin("GET hash:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\n\r\n")]],
    evidence: "tcp-transfer",
    certainty: 2,
  },
  {
    name: "clients greeting each other (captured form)",
    tcp: true,
    whole: true,
    turns: [[">", join(hex("a20037"), noise(162, 5))], ["<", hex("06001e000300000000")]],
    evidence: "tcp-peer",
    certainty: 3,
  },
  {
    name: "a transfer",
    tcp: true,
    turns: [[">", latin("GET sha1:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\n\r\n")]],
    evidence: "tcp-transfer",
    certainty: 2,
  },
  {
    name: "a push",
    tcp: true,
    turns: [[">", latin("PUSH SHA1:2jmj7l5rSw0yVb/vlWAYkK/YBwk=1234\n\n")]],
    evidence: "tcp-transfer",
    certainty: 2,
  },
];
/** Near misses. */
export const NOT_ARES: readonly Sample[] = [
  { name: "a login from the listener", tcp: true, turns: [["<", hex("03005a060605")]] },
  { name: "a login with more behind it", tcp: true, turns: [[">", hex("03005a06060500")]] },
  { name: "an answer of 139 bytes", tcp: true, turns: [[">", hex("03005a170805")], ["<", join(ANSWER, hex("00"))]] },
  { name: "an answer to something else", tcp: true, turns: [[">", hex("03005b070805")], ["<", ANSWER]] },
  {
    name: "a greeting whose length does not fit",
    tcp: true,
    turns: [[">", join(hex("a30037"), noise(162, 5))], ["<", hex("06001e000300000000")]],
  },
  { name: "a path that has sha1 in it", tcp: true, turns: [[">", latin("GET /sha1:2jmj HTTP/1.1\r\n\r\n")]] },
];

/** OpenFT: from giFT's formats. */
export const OPENFT: readonly Sample[] = [
  {
    name: "a version exchange",
    tcp: true,
    whole: true,
    turns: [[">", hex("00000000")], ["<", hex("00060001 0000 0002 0001")]],
    evidence: "tcp-version",
    certainty: 2,
  },
  {
    name: "a transfer",
    tcp: true,
    turns: [[">", latin("GET /a.mp3 HTTP/1.1\r\nX-OpenftAlias: one\r\n\r\n")]],
    evidence: "http-alias",
    certainty: 3,
  },
];
/** Near misses. */
export const NOT_OPENFT: readonly Sample[] = [
  {
    name: "zeros and another command",
    tcp: true,
    turns: [[">", hex("00000000")], ["<", hex("00060002 0000 0002 0001")]],
  },
  { name: "a version nobody asked for", tcp: true, turns: [["<", hex("00060001 0000 0002 0001")]] },
  {
    name: "the header's name in a value",
    tcp: true,
    turns: [[">", latin("GET / HTTP/1.1\r\nCookie: X-OpenftAlias: one\r\n\r\n")]],
  },
];

/** Manolito: from OpenDPI's rule. */
export const MANOLITO: readonly Sample[] = [
  {
    name: "a transfer's dialogue",
    tcp: true,
    whole: true,
    turns: [[">", latin("SIZ 12345")], ["<", latin("STR 0")]],
    evidence: "tcp-dialogue",
    certainty: 3,
  },
  {
    name: "a dialogue begun by the listener",
    tcp: true,
    whole: true,
    turns: [["<", latin("SIZ 12345")], [">", latin("STR 0")]],
    evidence: "tcp-dialogue",
    certainty: 3,
  },
  {
    name: "a datagram of 20 bytes",
    tcp: false,
    turns: [[">", join(hex("3d4bd9"), noise(13, 3), hex("edbb 0102"))]],
    evidence: "udp-words",
    certainty: 2,
  },
  {
    name: "a datagram of 25 bytes",
    tcp: false,
    turns: [["<", join(hex("3e4a"), noise(18, 3), hex("092f20 0102"))]],
    evidence: "udp-words",
    certainty: 2,
  },
];
/** Near misses. */
export const NOT_MANOLITO: readonly Sample[] = [
  { name: "a datagram of 21 bytes", tcp: false, turns: [[">", join(hex("3d4bd9"), noise(13, 3), hex("edbb 010203"))]] },
  {
    name: "a datagram with another end",
    tcp: false,
    turns: [[">", join(hex("3d4bd9"), noise(13, 3), hex("edbc 0102"))]],
  },
  { name: "FTP's SIZE", tcp: true, turns: [[">", latin("SIZE file\r\n")], ["<", latin("STR 0")]] },
  { name: "the same word twice", tcp: true, turns: [[">", latin("SIZ 12345")], ["<", latin("SIZ 12345")]] },
];

/** appleJuice: its word. */
export const APPLEJUICE: readonly Sample[] = [
  { name: "a greeting", tcp: true, turns: [[">", latin("ajprot\r\nabc")]], evidence: "tcp-greeting", certainty: 3 },
];
/** Near misses. */
export const NOT_APPLEJUICE: readonly Sample[] = [
  { name: "the word and another line end", tcp: true, turns: [[">", latin("ajprot\n\nabc")]] },
];

/** RC4 of a message under a key: for making a greeting. */
export function rc4(key: Uint8Array, message: Uint8Array): Uint8Array {
  const box = Uint8Array.from({ length: 256 }, (_, i) => i);
  let j = 0;
  for (let i = 0; i < 256; i++) {
    j = (j + box[i]! + key[i % key.length]!) & 255;
    [box[i], box[j]] = [box[j]!, box[i]!];
  }
  j = 0;
  return message.map((byte, n) => {
    const i = (n + 1) & 255;
    j = (j + box[i]!) & 255;
    [box[i], box[j]] = [box[j]!, box[i]!];
    return byte ^ box[(box[i]! + box[j]!) & 255]!;
  });
}
const KEY = hex("9f3c51e7");
const WINNY_GREETING = join(hex("a7b1"), KEY, rc4(KEY, hex("01000000 61 15000000 00")));

/** Winny: made from the published analyses. */
export const WINNY: readonly Sample[] = [
  {
    name: "a greeting and the next block",
    tcp: true,
    turns: [[">", WINNY_GREETING]],
    evidence: "tcp-greeting",
    certainty: 3,
  },
  {
    name: "the listener's greeting",
    tcp: true,
    turns: [["<", WINNY_GREETING.slice(0, 11)]],
    evidence: "tcp-greeting",
    certainty: 3,
  },
];
/** Near misses. */
export const NOT_WINNY: readonly Sample[] = [
  {
    name: "a greeting with another command",
    tcp: true,
    turns: [[">", join(hex("a7b1"), KEY, rc4(KEY, hex("01000000 62")))]],
  },
  { name: "a greeting in clear", tcp: true, turns: [[">", join(hex("a7b1"), KEY, hex("01000000 61"))]] },
];

/** Xunlei: from the rules of Emerging Threats and OpenDPI. */
export const XUNLEI: readonly Sample[] = [
  {
    name: "an exchange",
    tcp: false,
    turns: [[">", hex("32000000 06 00000000 11223344")], ["<", hex("32000000 07 00000000 1122")]],
    evidence: "udp-version",
    certainty: 1,
  },
];
/** Near misses. */
export const NOT_XUNLEI: readonly Sample[] = [
  { name: "one side only", tcp: false, turns: [[">", hex("32000000 06 00000000 11223344")]] },
  {
    name: "another version in the answer",
    tcp: false,
    turns: [[">", hex("32000000 06 00000000 11223344")], ["<", hex("33000000 07 00000000 1122")]],
  },
  {
    name: "large datagrams",
    tcp: false,
    turns: [[">", join(hex("32000000 06 00000000"), noise(80, 3))], [
      "<",
      join(hex("32000000 06 00000000"), noise(80, 3)),
    ]],
  },
];

const DISCOVERY = join(
  latin("BSYNC\0d2:la6:"),
  hex("c0a80118 a1b5"),
  latin("1:m4:ping4:peer20:"),
  noise(20, 3),
  latin("5:share32:"),
  noise(32, 5),
  latin("e"),
);

/** Resilio Sync: the layout published by picosync. */
export const RESILIO: readonly Sample[] = [
  { name: "a discovery message", tcp: false, turns: [[">", DISCOVERY]], evidence: "discovery", certainty: 3 },
  { name: "a discovery message over TCP", tcp: true, turns: [[">", DISCOVERY]], evidence: "discovery", certainty: 3 },
];
/** Near misses. */
export const NOT_RESILIO: readonly Sample[] = [
  { name: "the word without a dictionary", tcp: false, turns: [[">", latin("BSYNC\0list")]] },
  { name: "the word in small letters", tcp: false, turns: [[">", join(latin("bsync\0"), DISCOVERY.slice(6))]] },
];

/** libp2p: from its specifications. */
export const LIBP2P: readonly Sample[] = [
  {
    name: "multistream-select",
    tcp: true,
    turns: [[">", latin("\x13/multistream/1.0.0\n\x07/noise\n")]],
    evidence: "multistream",
    certainty: 3,
  },
  {
    name: "the listener's first line",
    tcp: true,
    turns: [["<", latin("\x13/multistream/1.0.0\n")]],
    evidence: "multistream",
    certainty: 3,
  },
  {
    name: "discovery on the local net",
    tcp: false,
    turns: [[">", join(hex("0000 0000 0001 0000 0000 0000"), latin("\x04_p2p\x04_udp\x05local\0"), hex("000c 0001"))]],
    evidence: "mdns",
    certainty: 2,
  },
  {
    name: "discovery of older versions",
    tcp: false,
    turns: [[
      ">",
      join(hex("0000 0000 0001 0000 0000 0000"), latin("\x0f_ipfs-discovery\x04_udp\x05local\0"), hex("000c 0001")),
    ]],
    evidence: "mdns",
    certainty: 2,
  },
];
/** Near misses. */
export const NOT_LIBP2P: readonly Sample[] = [
  { name: "another version", tcp: true, turns: [[">", latin("\x13/multistream/2.0.0\n")]] },
  {
    name: "another service",
    tcp: false,
    turns: [[">", join(hex("0000 0000 0001 0000 0000 0000"), latin("\x04_ipp\x04_tcp\x05local\0"), hex("000c 0001"))]],
  },
];
