import assert from "node:assert/strict";
import { Look } from "../../lib/protocol/classifier.ts";
import type { Classification } from "../../lib/learn/event.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { FlowRecorder } from "../../lib/replay/flow_record.ts";
import { type PlayedFacts, replayJson, replayText } from "../../lib/replay/replay_report.ts";
import { Packet } from "../../lib/wire/packet.ts";

function packet(transport: "tcp" | "udp", from: string, sport: number, to: string, dport: number): Packet {
  const p = new Packet();
  const s = parseAddress(from);
  const d = parseAddress(to);
  assert.ok(s !== null && d !== null);
  p.transport = transport === "tcp" ? 6 : 17;
  [p.s0, p.s1, p.s2, p.s3] = s;
  [p.d0, p.d1, p.d2, p.d3] = d;
  p.sport = sport;
  p.dport = dport;
  return p;
}

const HANDSHAKE: Classification = {
  protocol: "bittorrent",
  evidence: "tcp-handshake",
  certainty: 3,
  because: "19 and the name of the protocol",
  scoreBefore: 0,
  scoreAfter: 0,
};

const FACTS: PlayedFacts = {
  files: ["a.pcap"],
  packets: 15,
  refused: 10,
  first: 0,
  last: 2500,
  undecodable: 1,
  truncated: 0,
  locked: 1,
  peers: 0,
  trained: 0,
  problems: [],
};

function recorded(explain = false): FlowRecorder {
  const r = new FlowRecorder(explain);
  r.opened(5, packet("tcp", "10.0.0.5", 1234, "198.51.100.7", 6881));
  for (let i = 0; i < 3; i++) r.judged(5, false);
  const look = new Look();
  look.bytes = new TextEncoder().encode("..\x13BitTorrent protocol..");
  look.start = 2;
  look.end = 22;
  look.fromOpener = true;
  r.classified(5, HANDSHAKE, explain ? look : null);
  for (let i = 0; i < 9; i++) r.judged(5, true);
  r.opened(6, packet("udp", "2001:db8::1", 53, "2001:db8::2", 53));
  r.judged(6, false);
  r.judged(-1, false);
  r.opened(6, packet("udp", "10.0.0.5", 40000, "192.0.2.9", 443));
  r.because(6, "client-locked");
  r.judged(6, true);
  return r;
}

Deno.test("flows come in order of first packet, with exactly the documented fields", () => {
  const lines: string[] = [];
  replayJson(recorded(), FACTS, (line) => lines.push(line));
  assert.deepEqual(lines.slice(0, 3), [
    '{"flow":{"transport":"tcp","client":"10.0.0.5","client_port":1234,"peer":"198.51.100.7","peer_port":6881},' +
    '"protocol":"bittorrent","evidence":"tcp-handshake","certainty":"certain","packet":4,"packets":12,"accepted":3,"refused":9}',
    '{"flow":{"transport":"udp","client":"2001:db8::1","client_port":53,"peer":"2001:db8::2","peer_port":53},' +
    '"protocol":null,"packets":1,"accepted":1,"refused":0}',
    '{"flow":{"transport":"udp","client":"10.0.0.5","client_port":40000,"peer":"192.0.2.9","peer_port":443},' +
    '"protocol":null,"packets":1,"accepted":0,"refused":1,"refused_because":"client-locked"}',
  ]);
  assert.equal(lines.length, 4);
  assert.deepEqual(JSON.parse(lines[3] ?? ""), {
    summary: {
      files: ["a.pcap"],
      packets: 15,
      accepted: 5,
      refused: 10,
      flows: 3,
      recognised: 1,
      by_protocol: {
        bittorrent: { flows: 1, packets: 12, accepted: 3, refused: 9, evidence: { "tcp-handshake": 1 } },
      },
      refused_because: { "client-locked": 1 },
      without_flow: 1,
      undecodable: 1,
      truncated: 0,
      locked: 1,
      peers: 0,
      trained: 0,
      seconds: 2.5,
      problems: [],
    },
  });
});

Deno.test("the text form lists flows, explained on demand, then a table and the sums", () => {
  const lines: string[] = [];
  replayText(recorded(true), FACTS, (line) => lines.push(line));
  assert.deepEqual(lines, [
    "tcp 10.0.0.5:1234 → 198.51.100.7:6881  bittorrent tcp-handshake (certain) at packet 4  12 packets, 9 refused",
    "    tcp-handshake: 19 and the name of the protocol",
    "    client 0000  13 42 69 74 54 6f 72 72 65 6e 74 20 70 72 6f 74  .BitTorrent prot",
    "    client 0010  6f 63 6f 6c                                      ocol",
    "udp 10.0.0.5:40000 → 192.0.2.9:443  refused: client-locked  1 packets, 1 refused",
    "",
    "PROTOCOL    FLOWS  PACKETS  REFUSED  EVIDENCE",
    "bittorrent      1       12        9  tcp-handshake 1",
    "",
    "15 packets in 3 flows over 3s: 1 flows recognised, 10 packets refused",
    "Flows refused for earlier facts alone: 1 client-locked",
    "1 clients locked, 0 peers blocked, 0 addresses trained; 1 packets without a flow, 1 undecodable, 0 cut short by the capture",
  ]);
});

Deno.test("a flow that was forgotten and comes back, from either side, stays one record", () => {
  const r = new FlowRecorder();
  r.opened(1, packet("udp", "10.0.0.5", 1000, "192.0.2.1", 2000));
  r.judged(1, false);
  r.opened(7, packet("udp", "192.0.2.1", 2000, "10.0.0.5", 1000));
  r.judged(7, true);
  r.opened(2, packet("tcp", "10.0.0.5", 1000, "192.0.2.1", 2000));
  r.judged(2, false);
  const lines = [...r.lines()];
  assert.equal(lines.length, 2);
  assert.deepEqual(lines.map((line) => [line.flow.transport, line.flow.client, line.packets, line.refused]), [
    ["udp", "10.0.0.5", 2, 1],
    ["tcp", "10.0.0.5", 1, 0],
  ]);
});

Deno.test("surer evidence replaces weaker, equal evidence does not", () => {
  const r = new FlowRecorder();
  r.opened(0, packet("udp", "10.0.0.5", 1, "192.0.2.1", 2));
  r.classified(0, { ...HANDSHAKE, evidence: "guess", certainty: 1 }, null);
  r.judged(0, false);
  r.classified(0, HANDSHAKE, null);
  r.judged(0, true);
  r.classified(0, { ...HANDSHAKE, evidence: "later" }, null);
  r.judged(0, true);
  const line = [...r.lines()][0];
  assert.deepEqual([line?.evidence, line?.certainty, line?.packet], ["tcp-handshake", "certain", 2]);
});

Deno.test("a hundred thousand flows are kept in little memory and all come out", () => {
  const r = new FlowRecorder();
  const p = packet("udp", "10.0.0.0", 1, "192.0.2.1", 2);
  for (let i = 0; i < 100_000; i++) {
    p.s3 = (0x0a000000 + (i >> 8)) | 0;
    p.sport = i & 0xff;
    r.opened(i & 1023, p);
    r.judged(i & 1023, (i & 1) === 1);
  }
  assert.equal(r.flows, 100_000);
  let refused = 0;
  for (const line of r.lines()) refused += line.refused;
  assert.equal(refused, 50_000);
});

Deno.test("flows beyond the capacity are counted, not kept", () => {
  const r = new FlowRecorder(false, 2);
  for (let i = 0; i < 5; i++) {
    r.opened(i, packet("udp", "10.0.0.5", 100 + i, "192.0.2.1", 2));
    r.classified(i, HANDSHAKE, null);
    r.judged(i, true);
  }
  assert.equal(r.flows, 2);
  assert.equal(r.unrecorded, 3);
  assert.equal([...r.lines()].length, 2);
  const printed: string[] = [];
  replayText(r, FACTS, (line) => printed.push(line));
  assert.ok(printed.some((line) => line.includes("no room to record 3 flows more")), printed.join("\n"));
});
