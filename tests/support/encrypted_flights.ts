/**
 * Conversations that are ciphered from their first byte, as programs have them: who writes how many bytes, and when. Sizes
 * are those of the published formats; where programs pad, by their own rules. All is drawn from a seed.
 *
 * Sources: Shadowsocks SIP004 and SIP022, VMess (v2fly), obfs4-spec, BIP 324, BOLT 8, RLPx and EIP-8, NTCP2, MTProto
 * transports, the Noise framework, c-toxcore's TCP relays, Trojan; for file sharing libtorrent, Transmission, rTorrent,
 * aria2, WebTorrent (captured), eMule and aMule (EncryptedStreamSocket).
 * @module
 */

/** One write of one side. */
export interface Write {
  /** Written by the side that opened the connection. */
  readonly fromOpener: boolean;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds after the write before it. */
  readonly after: number;
  /** A length in front in clear, of what follows it: bytes of the length; 0 where there is none. */
  readonly lengthBytes: 0 | 2 | 4;
}

/** A program that talks to several hosts. */
export interface Talker {
  /** Name in tables. */
  readonly name: string;
  /** Shares files. */
  readonly shares: boolean;
  /** Hosts that it uses in an hour, given a draw. */
  readonly hosts: (draw: Draw) => number;
  /** Connections in an hour. */
  readonly connections: (draw: Draw) => number;
  /** All connections are begun within the first seconds; else spread over the hour. */
  readonly atOnce: boolean;
  /** One connection to a host; `kind` is what stays the same of this client for the whole hour. */
  readonly talk: (draw: Draw, kind: number) => Write[];
}

/** Draws from a seed (mulberry32). */
export class Draw {
  #state: number;

  /** Draws the same for the same seed. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to just below 1. */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** True with these odds. */
  chance(odds: number): boolean {
    return this.unit() < odds;
  }

  /** One of them. */
  one<T>(list: readonly T[]): T {
    return list[Math.floor(this.unit() * list.length)]!;
  }

  /** A length of content: half are below `median`, long ones are many times that. */
  skewed(median: number, spread: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
    return Math.max(1, Math.round(median * Math.exp(spread * normal)));
  }
}

const opener = (size: number, after = 0): Write => ({ fromOpener: true, size, after, lengthBytes: 0 });
const responder = (size: number, after = 40): Write => ({ fromOpener: false, size, after, lengthBytes: 0 });
const framed = (write: Write, lengthBytes: 2 | 4): Write => ({ ...write, lengthBytes });

/** What runs through a tunnel: requests and answers, in bytes. */
type Exchange = readonly [request: number, answer: number][];

/** Kinds of use of a tunnel. */
function exchanges(draw: Draw, use: "browse" | "check" | "keep-alive" | "chat", kind: number): Exchange {
  const list: [number, number][] = [];
  if (use === "check") {
    // The same address of the same test site for every node.
    list.push([78 + kind % 60, 110 + kind % 90 + draw.whole(0, 2)]);
    if (kind % 3 === 0) list.push([78 + kind % 60, 110 + kind % 90]);
  } else if (use === "keep-alive") {
    const request = 60 + kind % 400;
    for (let i = 0; i < 3 + kind % 4; i++) list.push([request + draw.whole(0, 3), 90 + kind % 300 + draw.whole(0, 12)]);
  } else if (use === "chat") {
    for (let i = 0; i < draw.whole(3, 30); i++) list.push([draw.skewed(90, 0.7), draw.skewed(120, 0.8)]);
  } else if (draw.chance(0.75)) {
    // TLS: a hello (with or without a post-quantum share), then records.
    const resumed = draw.chance(0.4);
    list.push([draw.chance(0.5) ? 517 + draw.whole(0, 40) : 1700 + draw.whole(0, 120), resumed ? 240 : 3000]);
    list.push([64 + 22 + draw.skewed(400, 0.5), 22 + draw.skewed(1500, 1.5)]);
    for (let i = 0; i < draw.whole(0, 6); i++) list.push([22 + draw.skewed(200, 0.8), 22 + draw.skewed(2500, 1.6)]);
  } else {
    for (let i = 0; i < draw.whole(1, 5); i++) list.push([draw.skewed(380, 0.4), draw.skewed(1800, 1.5)]);
  }
  return list;
}

/** How long an answer takes, ms. */
const delay = (draw: Draw) => draw.whole(8, 180);

/** A tunnel whose writes grow by `more`, the first of each side by `firstMore`. */
function tunnel(
  draw: Draw,
  through: Exchange,
  first: readonly [number, number],
  more: (draw: Draw, size: number) => number,
): Write[] {
  return through.flatMap(([request, answer], at) => [
    opener((at === 0 ? first[0] : 0) + more(draw, request), at === 0 ? 1 : draw.whole(1, 3000)),
    responder((at === 0 ? first[1] : 0) + more(draw, answer), delay(draw)),
  ]);
}

/** SIP004: a salt, then chunks of length and tag, payload and tag; the target stands in front of the first payload. */
function shadowsocks(use: "browse" | "check" | "keep-alive" | "chat") {
  return (draw: Draw, kind: number): Write[] => {
    const salt = kind % 2 === 0 ? 32 : 16;
    const target = use === "browse" ? 4 + draw.whole(8, 30) : 7 + kind % 20;
    const chunks = (_: Draw, size: number) => size + 34 * Math.ceil(size / 0x3fff);
    return tunnel(draw, exchanges(draw, use, kind), [salt + target, salt], chunks);
  };
}

/** SIP022: a salt, a fixed head of 11 + 16, a variable one; answers carry the request's salt. */
function shadowsocks2022(draw: Draw, kind: number): Write[] {
  const salt = kind % 2 === 0 ? 32 : 16;
  const through = exchanges(draw, draw.one(["browse", "chat"]), kind);
  const chunks = (_: Draw, size: number) => size + 34 * Math.ceil(size / 0xffff);
  return tunnel(draw, through, [salt + 27 + 4 + draw.whole(8, 30) + 2 - 18, salt + 1 + 8 + salt - 16 + 16], chunks);
}

/** VMess with AEAD heads: identifier, ciphered length, nonce, command with up to 15 bytes of padding; chunks padded up to 63. */
function vmess(draw: Draw, kind: number): Write[] {
  const head = 16 + 18 + 8 + 41 + draw.whole(0, 15) + 4 + draw.whole(4, 30) + 16;
  const padded = kind % 2 === 0;
  const chunks = (draw: Draw, size: number) => size + 18 + (padded ? draw.whole(0, 63) : 0);
  return tunnel(draw, exchanges(draw, draw.one(["browse", "chat", "keep-alive"]), kind), [head, 38], chunks);
}

/** obfs4: both handshakes padded up to 8,192 bytes; frames then get lengths from a table of the bridge's own. */
function obfs4(draw: Draw, kind: number): Write[] {
  const lengths = Array.from({ length: 20 }, (_, at) => 21 + ((Math.imul(kind + at, 0x9e3779b1) >>> 8) % 1428));
  const writes = [opener(64 + draw.whole(77, 8128), 1), responder(96 + draw.whole(0, 8051) + 45, delay(draw))];
  for (let i = 0; i < 12; i++) writes.push({ ...opener(draw.one(lengths), 20), fromOpener: draw.chance(0.5) });
  return writes;
}

/** BIP 324: 64 bytes of key and up to 4,095 of garbage each way; then packets of 20 bytes and their message. */
function bip324(draw: Draw): Write[] {
  return [
    opener(64 + draw.whole(0, 4095), 1),
    responder(64 + draw.whole(0, 4095) + 36, delay(draw)),
    opener(36 + 20 + 1 + 102 + draw.whole(0, 25), 1),
    responder(20 + 1 + 102 + draw.whole(0, 25), delay(draw)),
    responder(draw.one([33, 33 + 21, 33 + 21 + 21]), 1),
    opener(draw.one([33, 54, 21]), 1),
    ...Array.from({ length: 8 }, () => opener(20 + draw.one([1, 9, 9, 37, 1 + 32, 18]), draw.whole(1, 500))),
    ...Array.from({ length: 6 }, () => responder(20 + draw.skewed(60, 1.2), draw.whole(1, 500))),
  ];
}

/** BOLT 8: acts of 50, 50 and 66 bytes, then messages with a length of 18. */
function bolt8(draw: Draw): Write[] {
  const message = () => 18 + 16 + draw.skewed(80, 0.8);
  return [
    opener(50, 1),
    responder(50, delay(draw)),
    opener(66 + message(), 1),
    responder(message(), delay(draw)),
    opener(message(), 9),
  ];
}

/** RLPx of before EIP-8: 307 and 210 bytes, then frames of 16-byte blocks. */
function rlpx(draw: Draw): Write[] {
  const frames = Array.from({ length: 10 }, (_, at) => ({
    ...opener(32 + 16 * draw.whole(2, 30), 30),
    fromOpener: at % 2 === 0,
  }));
  return [opener(307, 1), responder(210, delay(draw)), ...frames];
}

/** RLPx with EIP-8: a length in clear in front, 100 to 300 bytes of padding. */
function rlpxEip8(draw: Draw): Write[] {
  const [, , ...frames] = rlpx(draw);
  return [
    framed(opener(2 + 279 + draw.whole(100, 300), 1), 2),
    framed(responder(2 + 182 + draw.whole(100, 300), delay(draw)), 2),
    ...frames,
  ];
}

/** NTCP2: 64 bytes and up to 223 of padding each way, then 48 and the router's description; frames with a length of 2. */
function ntcp2(draw: Draw): Write[] {
  return [
    opener(64 + draw.whole(0, 222), 1),
    responder(64 + draw.whole(0, 222), delay(draw)),
    opener(48 + 16 + draw.whole(450, 1100), 1),
    ...Array.from({ length: 10 }, (_, at) => ({
      ...opener(18 + draw.skewed(at < 2 ? 60 : 500, 0.8), draw.whole(1, 900)),
      fromOpener: draw.chance(0.5),
    })),
  ];
}

/** Obfuscated MTProto: 64 bytes, then packets in an intermediate (padded or not) or abridged transport. */
function mtproto(draw: Draw, kind: number): Write[] {
  const head = kind % 3 === 2 ? () => 1 : () => 4;
  const pad = kind % 3 === 0 ? () => draw.whole(0, 15) : () => 0;
  const ciphered = () => head() + 24 + 16 * draw.whole(3, 40) + pad();
  const writes = kind % 2 === 0
    // A new key: req_pq_multi, resPQ, req_DH_params, server_DH_params, set_client_DH_params, dh_gen_ok.
    ? [
      opener(64 + head() + 40 + pad(), 1),
      responder(head() + 100 + pad(), delay(draw)),
      opener(head() + 340 + pad(), 3),
      responder(head() + 652 + pad(), delay(draw)),
      opener(head() + 400 + pad(), 9),
      responder(head() + 72 + pad(), delay(draw)),
    ]
    // A known key: one ciphered message at once.
    : [opener(64 + ciphered(), 1), responder(ciphered(), delay(draw)), opener(ciphered(), 20)];
  for (let i = 0; i < 10; i++) {
    writes.push({ ...opener(ciphered(), draw.whole(1, 2000)), fromOpener: i % 2 === 1 });
    // An acknowledgement of the transport.
    if (draw.chance(0.1)) writes.push(responder(4, 10));
  }
  return writes;
}

/** Noise without frames: XX (32, 96, 64) or IK (96, 48), messages with a tag. */
function noise(draw: Draw, kind: number): Write[] {
  const message = () => 16 + draw.skewed(100, 0.9);
  const start = kind % 2 === 0
    ? [opener(32, 1), responder(96, delay(draw)), opener(64 + message(), 1)]
    : [opener(96 + kind % 50, 1), responder(48 + kind % 60, delay(draw)), opener(message() + 16, 1)];
  return [...start, ...Array.from({ length: 8 }, (_, at) => ({ ...opener(message(), 60), fromOpener: at % 2 === 1 }))];
}

/** A Tox relay: 128 and 96 bytes, then frames with a length of 2 in clear. */
function tox(draw: Draw): Write[] {
  return [
    opener(128, 1),
    responder(96, delay(draw)),
    framed(opener(27, 9), 2),
    framed(responder(27, delay(draw)), 2),
    ...Array.from(
      { length: 8 },
      () => framed({ ...opener(draw.one([27, 257, 373, 60]), 700), fromOpener: draw.chance(0.5) }, 2),
    ),
  ];
}

/** A messenger as Signal and WhatsApp are without their TLS: Noise in frames with a length in clear. */
function messenger(draw: Draw, kind: number): Write[] {
  return noise(draw, kind & ~1).map((write) => framed({ ...write, size: write.size + 2 }, 2));
}

/** The lengths of BitTorrent's messages behind a handshake that asked for RC4. */
function torrent(
  draw: Draw,
  client: "alone" | "inside",
  answerer: "libtorrent" | "transmission" | "rtorrent" | "aria2",
): Write[] {
  const writes = [opener(96 + draw.whole(0, 512), 1), responder(96 + draw.whole(0, 512), delay(draw))];
  const padding = answerer === "rtorrent" || answerer === "transmission" ? 0 : draw.whole(0, 511);
  const own = answerer === "transmission" || answerer === "aria2" ? 68 : 243;
  if (client === "alone") {
    writes.push(opener(56 + draw.whole(0, 511), 1));
    if (answerer === "transmission") writes.push(responder(82, delay(draw)), opener(68, 1));
    else writes.push(responder(14 + padding, delay(draw)), opener(68, 1), responder(own, delay(draw)));
  } else writes.push(opener(124, 1), responder(14 + padding, delay(draw)), responder(own, 1));
  writes.push(opener(draw.whole(79, 290), 9), responder(draw.one([50, 68, 79, 107]), delay(draw)));
  writes.push(opener(5, 1), responder(5, delay(draw)));
  for (let i = 0; i < 12; i++) {
    writes.push(opener(17 * draw.whole(1, 4) + (draw.chance(0.3) ? 9 : 0), 50));
    if (draw.chance(0.4)) writes.push(responder(13, 40));
    writes.push(responder(16384, 60));
    if (draw.chance(0.4)) writes.push(opener(9, 5));
  }
  return writes;
}

/** eMule's greeting (padding up to 128 bytes; aMule's up to 254), answer and hellos, then messages under RC4. */
function emule(draw: Draw, most: number): Write[] {
  return [
    opener(12 + draw.whole(0, most), 1),
    responder(6 + draw.whole(0, most), delay(draw)),
    opener(draw.whole(110, 200), 2),
    responder(draw.whole(110, 260), delay(draw)),
    opener(draw.one([22, 24, 41]), 5),
    responder(draw.one([22, 40, 60]), delay(draw)),
    opener(22, 5),
    responder(draw.one([6, 8, 18]), delay(draw)),
  ];
}

const CLIENTS = ["alone", "alone", "alone", "inside", "inside"] as const;
const ANSWERERS = ["libtorrent", "libtorrent", "transmission", "rtorrent", "aria2"] as const;

const benign = (
  name: string,
  hosts: readonly [number, number],
  connections: readonly [number, number],
  talk: Talker["talk"],
): Talker => ({
  name,
  shares: false,
  hosts: (draw) => draw.whole(...hosts),
  connections: (draw) => draw.whole(...connections),
  atOnce: false,
  talk,
});

const sharing = (name: string, talk: Talker["talk"]): Talker => ({
  name,
  shares: true,
  hosts: (draw) => draw.whole(5, 30),
  connections: () => 30,
  atOnce: true,
  talk,
});

/** Everything: first what shares nothing. */
export const TALKERS: readonly Talker[] = [
  benign("Shadowsocks pool, browsing", [5, 20], [100, 400], shadowsocks("browse")),
  benign("Shadowsocks pool, keep-alive", [5, 20], [40, 200], shadowsocks("keep-alive")),
  benign("Shadowsocks pool, small talk", [5, 20], [40, 200], shadowsocks("chat")),
  benign("Shadowsocks, health checks", [20, 60], [240, 720], shadowsocks("check")),
  benign("Shadowsocks 2022 pool", [5, 20], [100, 400], shadowsocks2022),
  benign("VMess pool", [5, 20], [100, 400], vmess),
  benign("obfs4, 10 bridges", [10, 10], [20, 100], obfs4),
  benign("BIP 324 crawler", [500, 500], [500, 500], bip324),
  benign("BOLT 8 node", [5, 40], [10, 60], bolt8),
  benign("RLPx node of before EIP-8", [20, 50], [40, 200], rlpx),
  benign("RLPx node", [20, 50], [40, 200], rlpxEip8),
  benign("NTCP2 router", [50, 400], [100, 600], ntcp2),
  benign("MTProto, obfuscated", [5, 20], [10, 120], mtproto),
  benign("Noise services", [5, 20], [20, 200], noise),
  benign("Tox relays", [10, 10], [10, 60], tox),
  benign("Messenger with framed Noise", [5, 10], [10, 60], messenger),
  sharing(
    "BitTorrent, MSE",
    (draw, kind) => torrent(draw, CLIENTS[kind % CLIENTS.length]!, draw.one(ANSWERERS)),
  ),
  sharing("eMule, obfuscated", (draw) => emule(draw, 128)),
  sharing("aMule, obfuscated", (draw) => emule(draw, 254)),
];
