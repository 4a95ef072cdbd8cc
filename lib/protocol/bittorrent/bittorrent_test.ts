import assert from "node:assert/strict";
import { KNOWN_END, KNOWN_ENDPOINT, UNDECIDED } from "../classifier.ts";
import { bittorrent } from "./mod.ts";
import { utpHeader } from "./utp.ts";
import { converse, hex, join, latin, type Turn } from "../../../tests/support/conversation.ts";
import {
  CONNECT,
  GET_PEERS,
  HANDSHAKE,
  HASH,
  hello,
  LSD,
  PEERS,
  PEX,
  request,
  samples,
  UDP_ANNOUNCE,
  UDP_ANNOUNCED,
} from "./samples.ts";
import { noise } from "../../../tests/support/noise.ts";
import { goingOn } from "../../../tests/protocol/sample.ts";

const tcp = (...turns: Turn[]) => converse(bittorrent, { tcp: true }, turns);
const udp = (...turns: Turn[]) => converse(bittorrent, { tcp: false }, turns);

/** The endpoints that were found, as words. */
function endpoints(look: ReturnType<typeof udp>["look"]): number[][] {
  return Array.from({ length: look.found.count }, (_, i) => [...look.found.words.subarray(i * 6, i * 6 + 6)]);
}

/** The payload cut into segments at these offsets, as turns of one side. */
function split(arrow: ">" | "<", payload: Uint8Array, ...cuts: number[]): Turn[] {
  return [...cuts, payload.length].map((cut, i) => [arrow, payload.slice(i === 0 ? 0 : cuts[i - 1], cut)] as const);
}

Deno.test("a whole handshake is certain and tells its info-hash", () => {
  const { answer, look } = tcp([">", HANDSHAKE]);
  assert.equal(answer.name, "tcp-handshake");
  assert.equal(answer.certainty, 3);
  assert.ok(look.found.hasInfoHash);
  assert.deepEqual(look.found.infoHash, HASH);
});

Deno.test("a handshake split anywhere is found once its info-hash is there", () => {
  for (let cut = 1; cut < 68; cut++) {
    const { answer, turn, look } = tcp(...split(">", HANDSHAKE, cut));
    assert.equal(answer.name, "tcp-handshake", `cut at ${cut}`);
    assert.equal(turn, cut < 48 ? 2 : 1, `cut at ${cut}`);
    assert.deepEqual(look.found.infoHash, HASH);
  }
});

Deno.test("a lone first segment 13 with the name in the next one is a handshake", () => {
  assert.equal(tcp(...split(">", HANDSHAKE, 1, 20)).answer.name, "tcp-handshake");
  assert.equal(tcp(...split(">", HANDSHAKE, 1, 2, 3)).answer.name, "tcp-handshake");
});

Deno.test("a handshake without its info-hash convicts with the third packet", () => {
  const { answer, turn, look } = tcp(...split(">", HANDSHAKE.slice(0, 23), 20, 21, 22));
  assert.equal(answer.name, "tcp-handshake");
  assert.equal(turn, 3);
  assert.ok(!look.found.hasInfoHash);
});

Deno.test("the answering side's handshake counts alone", () => {
  assert.equal(tcp(["<", HANDSHAKE]).answer.name, "tcp-handshake");
});

Deno.test("a DHT question tells its info-hash", () => {
  const { look } = udp([">", GET_PEERS]);
  assert.deepEqual(look.found.infoHash, HASH);
});

Deno.test("a DHT answer names peers first, then nodes, all advertised", () => {
  assert.deepEqual(endpoints(udp(["<", PEERS]).look), [
    [0, 0, 0xffff, 0xc0000209 | 0, 0x1ae1, 1],
    [0x20010db8, 0, 0, 1, 0x1ae2, 1],
    [0, 0, 0xffff, 0xcb007109 | 0, 0x1ae1, 1],
    [0, 0, 0xffff, 0xc6336407 | 0, 0xc8d5, 1],
  ]);
});

Deno.test("announce_peer tells the sender's port: confirmed from a client, advertised from outside, not where implied", () => {
  const message = (extra: string) =>
    join(
      latin(`d1:ad2:id20:abcdefghij0123456789${extra}9:info_hash20:`),
      HASH,
      latin("4:porti51413e5:token2:aae1:q13:announce_peer1:t2:aa1:y1:qe"),
    );
  assert.deepEqual(endpoints(udp([">", message("")]).look), [[0, 0, 0, 0, 51413, 2]]);
  assert.deepEqual(endpoints(udp(["<", message("")]).look), [[0, 0, 0, 0, 51413, 1]]);
  assert.deepEqual(endpoints(udp([">", message("12:implied_porti1e")]).look), []);
});

Deno.test("a DHT message that the capture cuts is found by its id", () => {
  const cut = (bytes: Uint8Array, kept: number) => {
    let answer = UNDECIDED;
    const classifier = {
      ...bittorrent,
      classify(look: Parameters<typeof bittorrent.classify>[0]) {
        look.end = look.start + kept;
        return answer = bittorrent.classify(look);
      },
    };
    converse(classifier, { tcp: false }, [[">", bytes]]);
    return answer.name;
  };
  assert.equal(cut(GET_PEERS, 48), "dht-query");
  assert.equal(cut(PEERS, 60), "dht-response");
  assert.equal(cut(GET_PEERS, 30), "undecided");
});

Deno.test("a UDP tracker's answer is told by its transaction, and names the peers", () => {
  const { answer, look } = converse(
    {
      ...bittorrent,
      classify: (look) => look.fromOpener ? (bittorrent.classify(look), UNDECIDED) : bittorrent.classify(look),
    },
    { tcp: false },
    [[">", CONNECT], [">", UDP_ANNOUNCE], ["<", UDP_ANNOUNCED]],
  );
  assert.equal(answer.name, "udp-tracker-response");
  assert.deepEqual(endpoints(look), [
    [0, 0, 0xffff, 0xcb007109 | 0, 0x1ae1, 1],
    [0, 0, 0xffff, 0xc6336407 | 0, 0xc8d5, 1],
  ]);
});

Deno.test("a UDP announcement tells hash and port", () => {
  const { look } = udp([">", UDP_ANNOUNCE]);
  assert.deepEqual(look.found.infoHash, HASH);
  assert.deepEqual(endpoints(look), [[0, 0, 0, 0, 0xc8d5, 2]]);
});

Deno.test("local discovery tells hash and port", () => {
  const { look } = udp([">", LSD]);
  assert.deepEqual(look.found.infoHash, HASH);
  assert.deepEqual(endpoints(look), [[0, 0, 0, 0, 51413, 2]]);
});

Deno.test("peer exchange names peers of both families", () => {
  const { look } = converse(bittorrent, { tcp: true, midstream: true }, [["<", PEX]]);
  assert.deepEqual(endpoints(look), [
    [0, 0, 0xffff, 0xcb007109 | 0, 0x1ae1, 1],
    [0x20010db8, 0, 0, 1, 0x1ae2, 1],
  ]);
});

Deno.test("an HTTP announcement tells hash and port", () => {
  const sample = samples.recognised.find((one) => one.evidence === "http-tracker")!;
  const { look } = tcp(...sample.turns);
  assert.deepEqual(look.found.infoHash, HASH);
  assert.deepEqual(endpoints(look), [[0, 0, 0, 0, 51413, 2]]);
});

Deno.test("requests at Windows Delivery Optimization's port are no BitTorrent", () => {
  const turns: Turn[] = [[">", join(request(4, 0), request(4, 1), request(4, 2))]];
  const answer = (peerPort: number) =>
    converse(bittorrent, { tcp: true, midstream: true, peerPort }, turns).answer.name;
  assert.equal(answer(7680), "undecided");
  assert.equal(answer(7681), "tcp-stream");
});

Deno.test("nor is what flows there suspect, met in the middle", () => {
  const turns: Turn[] = [["<", noise(1400, 4)], ["<", noise(1400, 5)], ["<", noise(1400, 6)]];
  const answer = (peerPort: number) =>
    converse(bittorrent, { tcp: true, midstream: true, peerPort }, turns).answer.name;
  assert.equal(answer(7680), "undecided");
  assert.equal(answer(7681), "mse-stream");
});

Deno.test("the obfuscated handshake's shape at a well-known port is not mentioned", () => {
  const turns: Turn[] = [[">", noise(198, 11)], ["<", noise(424, 12)], [">", noise(124, 13)]];
  assert.equal(converse(bittorrent, { tcp: true, peerPort: 443 }, turns).answer.certainty, 0);
  assert.equal(converse(bittorrent, { tcp: true, peerPort: 6881 }, turns).answer.name, "mse");
  const inward = { tcp: true, openerIsClient: false, clientPort: 6881, peerPort: 443 };
  assert.equal(converse(bittorrent, inward, turns).answer.name, "mse");
});

Deno.test("of random obfuscated handshakes one in 1,000 is missed at most, and one in 20 is doubtful", () => {
  const counts = { plain: 0, doubtful: 0, missed: 0 };
  for (let i = 0; i < 10_000; i++) {
    const seed = Math.imul(i, 2654435761);
    const { answer } = converse(bittorrent, { tcp: true }, [
      [">", noise(96 + i % 513, seed)],
      ["<", noise(96 + (i * 7) % 513, seed ^ 0x5bd1e995)],
      [">", noise(124 + (i * 13) % 100, seed ^ 0x27d4eb2f)],
    ]);
    counts[answer.name !== "mse" ? "missed" : answer.needs !== 0 ? "doubtful" : "plain"]++;
  }
  assert.ok(counts.missed <= 10 && counts.doubtful > 0 && counts.doubtful < 500, JSON.stringify(counts));
});

Deno.test("an obfuscated handshake may have a trace of structure in one flight, whichever it is, and not in two", () => {
  const flights = (structured: readonly number[]): Turn[] =>
    [noise(198, 11), noise(424, 12), noise(124, 13)].map((flight, at) => [
      at === 1 ? "<" : ">",
      structured.includes(at) ? join(latin("HELLO 7"), flight) : flight,
    ]);
  for (const one of [0, 1, 2]) {
    const { answer } = converse(bittorrent, { tcp: true }, flights([one]));
    assert.deepEqual([answer.name, answer.encrypted, answer.needs], ["mse", true, KNOWN_END], `flight ${one}`);
  }
  for (const two of [[0, 1], [0, 2], [1, 2]]) {
    assert.equal(converse(bittorrent, { tcp: true }, flights(two)).answer.certainty, 0, `flights ${two}`);
  }
});

Deno.test("random bytes in the middle of a stream count beside a known endpoint alone, at high ports, in whole packets", () => {
  const setting = { tcp: true, midstream: true, clientPort: 51413, peerPort: 40000 };
  const turns: Turn[] = [["<", noise(1400, 21)]];
  const { answer } = converse(bittorrent, setting, turns);
  assert.deepEqual([answer.name, answer.encrypted, answer.needs], ["mse-stream", true, KNOWN_ENDPOINT]);
  for (const ports of [{ peerPort: 443 }, { clientPort: 22 }]) {
    assert.equal(converse(bittorrent, { ...setting, ...ports }, turns).answer.certainty, 0, JSON.stringify(ports));
  }
  for (const bytes of [noise(255, 21), new Uint8Array(1400).fill(0x41), join(hex("170303 0573"), noise(1395, 21))]) {
    assert.equal(converse(bittorrent, setting, [["<", bytes]]).answer.certainty, 0);
  }
  const late: Turn[] = [...Array.from({ length: 20 }, (): Turn => ["<", hex("00")]), ["<", noise(1400, 21)]];
  assert.equal(converse(bittorrent, setting, late).answer.certainty, 0, "not asked for ever");
});

Deno.test("the obfuscated handshake's hash is read where it settles on plain text, also when that is split", () => {
  const turns: Turn[] = [[">", noise(198, 11)], ["<", noise(424, 12)], [">", noise(471, 13)]];
  for (const cut of [1, 13, 14, 15, 30, 33]) {
    const last = join(noise(14, 14), HANDSHAKE);
    const { answer } = converse(goingOn(bittorrent), { tcp: true }, [
      ...turns,
      ["<", last.slice(0, cut)],
      ["<", last.slice(cut)],
    ]);
    assert.equal(answer.name, "mse-handshake", `cut at ${cut}`);
  }
});

Deno.test("a flow with foreign datagrams first is given up after the third", () => {
  const strange = hex("ffffffff 54536f75726365");
  const ping = samples.recognised.find((one) => one.evidence === "dht-query")!.turns[0]!;
  assert.equal(udp([">", strange], ["<", strange], ping).answer.name, "dht-query");
  assert.equal(udp([">", strange], ["<", strange], [">", strange], ping).answer.name, "unrelated");
});

Deno.test("a STUN answer whose first attribute passes for an extension has no uTP header, by its cookie", () => {
  const answer = join(hex("0101 0018 2112a442"), noise(12, 5), hex("0008 0014"), noise(20, 6));
  const { look } = udp([">", answer]);
  assert.equal(utpHeader(look), 0);
  look.bytes[look.start + 4] = 0x20;
  assert.equal(utpHeader(look), 30);
});

Deno.test("a TLS hello in small segments is still read", () => {
  const bytes = hello("tracker.webtorrent.dev");
  assert.equal(tcp(...split(">", bytes, 5, 60)).answer.name, "tracker-name");
});

Deno.test("a million random payloads are never strong or certain, and rarely mentioned", () => {
  const pool = noise(1 << 16, 77);
  const bytes = new Uint8Array(1500);
  let state = 4711;
  let weak = 0;
  const look = udp([">", bytes]).look;
  look.asked = 1;
  look.first = true;
  look.bytes = bytes;
  look.view = new DataView(bytes.buffer);
  for (let i = 0; i < 1_000_000; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i | 0;
    const size = 1 + ((state >>> 8) % ((i & 15) === 0 ? 700 : 80));
    const from = state >>> 17;
    for (let at = 0; at < size; at++) bytes[at] = pool[from + at]!;
    // Half of them begin as something of ours does, or the test would hardly reach the parsers.
    if ((i & 1) === 0) bytes[0] = [0x64, 0x41, 0x21, 0x01, 0x13, 0x47, 0x00, 0x42][(i >> 1) & 7]!;
    look.tcp = (i & 2) !== 0;
    if ((i & 4) === 0) look.owner = look.note0 = look.note1 = 0;
    look.first = (i & 24) !== 0;
    look.start = look.fresh = 0;
    look.end = look.length = size;
    look.nth = 1 + (i & 3);
    look.otherNth = i & 3;
    look.fromOpener = look.fromClient = (i & 32) !== 0;
    look.found.clear();
    const { certainty, name } = bittorrent.classify(look);
    assert.ok(certainty < 2, `answered ${name}`);
    if (certainty === 1) weak++;
  }
  assert.ok(weak < 100, `${weak} weak mentions`);
});

Deno.test("captures that hold 54 bytes of a datagram and 42 of a segment still tell", () => {
  const snapped = (tcp: boolean, snap: number, ...turns: Turn[]) =>
    converse(goingOn(bittorrent), { tcp, snap }, turns).answer.name;
  for (const [name, bytes] of [["dht-query", GET_PEERS], ["dht-response", PEERS], ["lsd", LSD]] as const) {
    assert.equal(snapped(false, 54, [">", bytes]), name);
  }
  assert.equal(snapped(false, 54, [">", UDP_ANNOUNCE]), "udp-tracker");
  const six = join(latin("d2:ip18:"), noise(18, 3), latin("1:rd2:id20:abcdefghij01234567891:p1:ae1:t2:aa1:y1:re"));
  assert.equal(snapped(false, 34, ["<", six]), "dht-response", "IPv6");
  assert.equal(snapped(true, 42, [">", HANDSHAKE]), "tcp-handshake");
  const announce = latin(`GET /announce?info_hash=${"%89".repeat(20)}&port=6881 HTTP/1.1\r\n\r\n`);
  assert.equal(snapped(true, 30, [">", announce]), "http-tracker-cut");
  assert.equal(snapped(true, 20, [">", announce]), "undecided");
  const page = latin(`GET /announcements?id=1&info_hash=${"%89".repeat(20)} HTTP/1.1\r\n\r\n`);
  assert.equal(snapped(true, 42, [">", page]), "undecided");
});

Deno.test("a datagram through a relay names its target, advertised", () => {
  const relayed = join(hex("0000 00 01 c0000209 1ae1"), GET_PEERS);
  const { answer, look } = udp([">", relayed]);
  assert.equal(answer.name, "dht-query");
  assert.deepEqual(endpoints(look), [[0, 0, 0xffff, 0xc0000209 | 0, 0x1ae1, 1]]);
  assert.deepEqual(look.found.infoHash, HASH);
});
