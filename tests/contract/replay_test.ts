import assert from "node:assert/strict";
import { ACK, PSH, SYN } from "../../lib/wire/transport.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { dnsAnswer, dnsQuestion } from "../support/dns_message.ts";
import { Connection, readEnd, udpPacket } from "../support/packets.ts";
import { randomWords } from "../support/splits.ts";
import { LINKS, pcap } from "./frames.ts";
import { ftwall, objects } from "./ftwall.ts";

const HANDSHAKE = join(
  latin("\x13BitTorrent protocol"),
  new Uint8Array(8),
  latin("aaaaabbbbbcccccddddd-TR3000-abcdefghijkl"),
);
const PING = hex("27 00000029 80 4b615a6141 00");
const DATA = ACK | PSH;

/** A transfer of `count` packets as the contract's example has it: the handshake is the fourth. */
function transfer(client = "10.0.0.5:1234", peer = "198.51.100.7:6881", count = 12): Uint8Array[] {
  const connection = new Connection(readEnd(client), readEnd(peer));
  const packets = [
    connection.segment(0, SYN),
    connection.segment(1, SYN | ACK),
    connection.segment(0, ACK),
    connection.segment(0, DATA, HANDSHAKE),
  ];
  while (packets.length < count) packets.push(connection.segment(1, DATA, latin("piece")));
  return packets;
}

function page(client: string, site: string): Uint8Array[] {
  const connection = new Connection(readEnd(client), readEnd(site));
  return [
    connection.segment(0, SYN),
    connection.segment(1, SYN | ACK),
    connection.segment(0, ACK),
    connection.segment(0, DATA, latin("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")),
    connection.segment(1, DATA, latin("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")),
  ];
}

const words = randomWords(7);
function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => words.next().value & 0xff);
}

/** Two flights that look like nothing, then more of it. */
function encrypted(client: string, peer: string): Uint8Array[] {
  const connection = new Connection(readEnd(client), readEnd(peer));
  const packets = [connection.segment(0, SYN), connection.segment(1, SYN | ACK), connection.segment(0, ACK)];
  packets.push(connection.segment(0, DATA, noise(180)), connection.segment(1, DATA, noise(300)));
  for (let i = 0; i < 6; i++) packets.push(connection.segment(0, DATA, noise(100)));
  return packets;
}

const EXAMPLE = {
  flow: { transport: "tcp", client: "10.0.0.5", client_port: 1234, peer: "198.51.100.7", peer_port: 6881 },
  protocol: "bittorrent",
  evidence: "tcp-handshake",
  certainty: "certain",
  packet: 4,
  packets: 12,
  accepted: 3,
  refused: 9,
};

/** Runs `ftwall replay --json` over captures written to files. */
async function replay(captures: readonly Uint8Array[], ...args: readonly string[]) {
  const dir = Deno.makeTempDirSync({ prefix: "ftwall-contract-" });
  try {
    const files = captures.map((bytes, i) => {
      Deno.writeFileSync(`${dir}/${i}.pcap`, bytes);
      return `${dir}/${i}.pcap`;
    });
    const ran = await ftwall(["replay", "--json", ...args, ...files]);
    const lines = objects(ran);
    const { summary } = lines.at(-1) as { summary: Record<string, unknown> };
    return { ...ran, flows: lines.slice(0, -1), summary };
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("the contract's example comes out to the letter, from file and standard input", async () => {
  const { code, flows, summary, err } = await replay([pcap(transfer())]);
  assert.deepEqual([code, flows], [0, [EXAMPLE]]);
  assert.equal(JSON.stringify(flows[0]), JSON.stringify(EXAMPLE), "the order of the fields");
  assert.ok(summary);
  assert.doesNotMatch(err, /Cannot|Error/);
  const piped = await ftwall(["replay", "--json", "-"], pcap(transfer()));
  assert.deepEqual([piped.code, objects(piped)[0]], [0, EXAMPLE]);
});

Deno.test("every link layer of the contract is read, over IPv4 and IPv6", async () => {
  for (const [client, peer] of [["10.0.0.5:1234", "198.51.100.7:6881"], ["[fd00::5]:1234", "[2001:db8::7]:6881"]]) {
    const expected = [readEnd(client!).port, 4, 3, 9];
    const captures = LINKS.map((link) => pcap(transfer(client, peer), link));
    const { code, out } = await replay(captures, "--separate");
    const flows = out.trimEnd().split("\n").map((line) => JSON.parse(line)).filter((line) => "flow" in line);
    assert.equal(code, 0);
    LINKS.forEach(([name], i) => {
      const { flow, packet, accepted, refused, evidence } = flows[i];
      assert.equal(evidence, "tcp-handshake", name);
      assert.deepEqual([flow.client_port, packet, accepted, refused], expected, name);
    });
  }
});

Deno.test("packets that the capture cut short are recognised by what is left of them", async () => {
  for (const kept of [20, 24, 42, 47, 60]) {
    const { flows } = await replay([pcap(transfer(), LINKS[0], 54 + kept)]);
    assert.deepEqual(flows, [EXAMPLE], `${kept} bytes of payload`);
  }
  const without = await replay([pcap(transfer(), LINKS[0], 54)]);
  assert.deepEqual(without.flows.map((flow) => [flow["protocol"], flow["packets"]]), [[null, 12]]);
});

Deno.test("flows come in the order of their first packet, with the fields that apply", async () => {
  const surfing = page("10.0.0.9:4444", "203.0.113.9:80");
  const sharing = transfer();
  const packets = [surfing[0]!, sharing[0]!, ...sharing.slice(1), ...surfing.slice(1)];
  const { flows } = await replay([pcap(packets)]);
  assert.deepEqual(flows, [{
    flow: { transport: "tcp", client: "10.0.0.9", client_port: 4444, peer: "203.0.113.9", peer_port: 80 },
    protocol: null,
    packets: 5,
    accepted: 5,
    refused: 0,
  }, EXAMPLE]);
});

Deno.test("a flow refused because of earlier facts says which, and has no protocol", async () => {
  const ping = udpPacket(readEnd("10.0.0.6:3000"), readEnd("198.51.100.8:1214"), PING);
  const locked = await replay([
    pcap([ping, ...page("10.0.0.6:4000", "203.0.113.9:80"), ...page("10.0.0.9:4000", "198.51.100.8:1214")]),
  ]);
  assert.deepEqual(locked.flows.map((flow) => [flow["protocol"], flow["evidence"], flow["refused_because"]]), [
    ["fasttrack", "udp-ping", undefined],
    [null, undefined, "client-locked"],
    [null, undefined, "peer-blocked"],
  ]);
  const client = readEnd("10.0.0.5:5555");
  const resolver = readEnd("198.51.100.53:53");
  const name = "c3310.z1301.winmx.com";
  const trained = await replay([pcap([
    udpPacket(client, resolver, dnsQuestion(7, name)),
    udpPacket(resolver, client, dnsAnswer(7, name, [{ type: "A", value: "203.0.113.44", ttl: 60 }])),
    ...page("10.0.0.5:4000", "203.0.113.44:80"),
  ])]);
  assert.deepEqual(trained.flows.map((flow) => [flow["protocol"], flow["refused"], flow["refused_because"]]), [
    [null, 0, undefined],
    [null, 5, "name-trained"],
  ]);
});

Deno.test("an encrypted flow is called by a learned endpoint, and by no other", async () => {
  const calls = encrypted("10.0.0.5:2222", "198.51.100.7:6881");
  const after = await replay([pcap([...transfer(), ...calls])]);
  const { protocol, evidence, refused } = after.flows[1] as Record<string, unknown>;
  assert.deepEqual([protocol, evidence], ["bittorrent", "known-peer"]);
  assert.ok(Number(refused) > 0);
  const alone = await replay([pcap(calls)]);
  assert.notEqual(alone.flows[0]!["evidence"], "known-peer");
  assert.equal(alone.flows[0]!["refused"], 0);
});

Deno.test("home is the config's; --home any takes every private or first side", async () => {
  const outside = [pcap(transfer("203.0.113.5:1234"))];
  assert.equal((await replay(outside)).flows[0]!["protocol"], null);
  const any = await replay(outside, "--home", "any");
  assert.deepEqual(any.flows, [{ ...EXAMPLE, flow: { ...EXAMPLE.flow, client: "203.0.113.5" } }]);
  const config = Deno.makeTempFileSync({ suffix: ".toml" });
  try {
    Deno.writeTextFileSync(config, '[network]\nhome = ["203.0.113.0/24"]\n[protocols.bittorrent]\naction = "log"\n');
    const logged = await replay(outside, "--config", config);
    const { protocol, packet, refused } = logged.flows[0] as Record<string, unknown>;
    assert.deepEqual([protocol, packet, refused], ["bittorrent", 4, 0]);
    assert.equal((await replay([pcap(transfer())], "--config", config)).flows[0]!["protocol"], null);
  } finally {
    Deno.removeSync(config);
  }
  // Whoever sends first is called the client, also where the program at home is the one that was called.
  const called = await replay([pcap(transfer("198.51.100.7:40000", "10.0.0.5:51413"))]);
  const flow = { transport: "tcp", client: "198.51.100.7", client_port: 40000, peer: "10.0.0.5", peer_port: 51413 };
  assert.deepEqual(called.flows, [{ ...EXAMPLE, flow }]);
});

Deno.test("a broken file is an error with the offset; what came before is reported", async () => {
  const whole = pcap(transfer());
  for (
    const [bytes, at] of [
      [whole.subarray(0, whole.length - 10), whole.length - 16 - 14 - 40 - 5],
      [join(whole, hex("010203")), whole.length],
      [join(whole, new Uint8Array(64).fill(0xff)), whole.length],
    ] as const
  ) {
    const { code, err, flows, summary } = await replay([bytes]);
    assert.equal(code, 1);
    assert.match(err, new RegExp(`Cannot read the capture ".*" at byte ${at}: `));
    assert.equal(flows[0]!["protocol"], "bittorrent");
    assert.equal((summary["problems"] as string[]).length, 1);
  }
  for (const nothing of [new Uint8Array(0), whole.subarray(0, 10), latin("this is a letter, not a capture")]) {
    const { code, err } = await replay([nothing]);
    assert.equal(code, 1);
    assert.match(err, /at byte 0: /);
  }
  const rest = await replay([whole.subarray(0, 30), pcap(page("10.0.0.9:4444", "203.0.113.9:80"))]);
  assert.deepEqual([rest.code, rest.flows.length], [1, 1], "files behind a broken one are played");
});

Deno.test("a link type that is not known is named, and the other files are judged", async () => {
  const { code, err, flows, summary } = await replay([
    pcap(transfer(), ["IEEE 802.11", 105, () => hex("")]),
    pcap(transfer()),
  ]);
  assert.deepEqual([code, flows.length, summary["undecodable"]], [1, 1, 12]);
  assert.match(err, /Cannot judge the packets of link type 105 in the capture ".*": only links that carry IP are read/);
  assert.equal((summary["problems"] as string[]).length, 1);
});

Deno.test("what is neither TCP nor UDP is no broken packet", async () => {
  const icmp = transfer()[0]!.slice();
  icmp[9] = 1;
  const { code, summary } = await replay([pcap([icmp])]);
  assert.deepEqual([code, summary["packets"], summary["undecodable"]], [0, 1, 0]);
});
