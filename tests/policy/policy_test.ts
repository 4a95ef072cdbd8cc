import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAddress, parseMac } from "../../lib/net/address.ts";
import { compile, DROP, LOCK, LOG, OFF, type Policy } from "../../lib/policy/policy.ts";
import { configOf, PROTOCOLS } from "./parse_config.ts";

const NO_MAC: readonly [number, number] = [0, 0];

function groupName(policy: Policy, address: string, mac: string | null = null): string | undefined {
  const [high, low] = mac === null ? NO_MAC : parseMac(mac)!;
  return policy.groups[policy.groupOf(...words(address), high, low)];
}

function words(address: string): [number, number, number, number] {
  const found = parseAddress(address);
  assert.ok(found, address);
  return [...found] as [number, number, number, number];
}

const FASTTRACK = 0;
const BITTORRENT = 1;
const EDONKEY = 2;

Deno.test("by default FastTrack, WinMX and OpenNAP lock on certainty, the rest drops", () => {
  const policy = compile(configOf(""));
  const seen = policy.protocols.map((
    name,
    i,
  ) => [name, policy.action(0, 0, i), policy.require(0, 0, i), policy.lockMs(0, 0, i)]);
  assert.deepEqual(seen, [
    ["fasttrack", LOCK, 3, 120_000],
    ["bittorrent", DROP, 2, 120_000],
    ["edonkey", DROP, 2, 120_000],
    ["winmx", LOCK, 3, 120_000],
    ["opennap", LOCK, 3, 120_000],
  ]);
  assert.equal(policy.tables, 1);
  assert.equal(policy.nextChange(0), Infinity);
});

Deno.test("numbers out of range answer off, certain and no lock", () => {
  const policy = compile(configOf(""));
  assert.equal(policy.action(7, 7, 7), OFF);
  assert.equal(policy.require(7, 7, 7), 3);
  assert.equal(policy.lockMs(7, 7, 7), 0);
});

Deno.test("home and exempt hold what the config says, in both families and by MAC", () => {
  const policy = compile(configOf(`[network]
home = ["192.168.0.0/16", "2001:db8::/32"]
exempt = ["192.168.1.5", "2001:db8:5::/48", "00:11:22:33:44:55"]`));
  assert.ok(policy.isHome(...words("192.168.255.1")));
  assert.ok(policy.isHome(...words("2001:db8::1")));
  assert.ok(!policy.isHome(...words("10.0.0.1")));
  assert.ok(policy.home.has(...words("192.168.0.1")));
  assert.ok(policy.isExempt(...words("192.168.1.5"), ...NO_MAC));
  assert.ok(!policy.isExempt(...words("192.168.1.6"), ...NO_MAC));
  assert.ok(policy.isExempt(...words("2001:db8:5::9"), ...NO_MAC));
  const mac = parseMac("00:11:22:33:44:55")!;
  assert.ok(policy.isExempt(...words("192.168.1.6"), mac[0], mac[1]));
  assert.ok(!policy.isExempt(...words("192.168.1.6"), mac[0], mac[1] + 1));
});

const GROUPS = `
[protocols.bittorrent]
action = "drop"
lock = "5m"
[[clients]]
name = "boss"
macs = ["80:11:22:33:44:55", "00:00:00:00:00:01", "fe:ff:ff:ff:ff:ff"]
protocols.bittorrent = { action = "off" }
[[clients]]
name = "staff"
addresses = ["10.2.0.0/16", "fd00:2::/32"]
[clients.protocols.bittorrent]
action = "log"
lock = 30
[clients.protocols.edonkey]
require = "weak"
[[clients]]
name = "all"
addresses = ["10.0.0.0/8"]
protocols.bittorrent.action = "lock"
`;

Deno.test("the first group that holds a client counts, and overrides key by key", () => {
  const policy = compile(configOf(GROUPS));
  assert.equal(groupName(policy, "10.2.3.4"), "staff");
  assert.equal(groupName(policy, "fd00:2::1"), "staff");
  assert.equal(groupName(policy, "10.3.3.4"), "all");
  assert.equal(groupName(policy, "192.168.0.1"), "default");
  assert.equal(groupName(policy, "10.2.3.4", "80:11:22:33:44:55"), "boss");
  assert.equal(groupName(policy, "192.168.0.1", "00:00:00:00:00:01"), "boss");
  assert.equal(groupName(policy, "192.168.0.1", "fe:ff:ff:ff:ff:ff"), "boss");
  assert.equal(groupName(policy, "192.168.0.1", "fe:ff:ff:ff:ff:fe"), "default");
  const actions = policy.groups.map((_, group) => policy.action(0, group, BITTORRENT));
  assert.deepEqual(actions, [DROP, OFF, LOG, LOCK]);
  assert.deepEqual(policy.groups.map((_, group) => policy.lockMs(0, group, BITTORRENT)), [
    300_000,
    300_000,
    30_000,
    300_000,
  ]);
  assert.deepEqual(policy.groups.map((_, group) => policy.require(0, group, EDONKEY)), [2, 2, 1, 2]);
  assert.deepEqual(policy.groups.map((_, group) => policy.action(0, group, FASTTRACK)), [LOCK, LOCK, LOCK, LOCK]);
});

Deno.test("a schedule yields to a group that it does not name; of two the first wins", () => {
  const policy = compile(configOf(`timezone = "UTC"
[[clients]]
name = "staff"
addresses = ["10.2.0.0/16"]
protocols.bittorrent.action = "log"
[[schedule]]
hours = "08:00-12:00"
protocols.bittorrent = { action = "lock", lock = "1h" }
protocols.fasttrack.action = "off"
[[schedule]]
hours = "10:00-12:00"
clients = ["staff"]
protocols.bittorrent.action = "off"
[[schedule]]
hours = "11:00-12:00"
protocols.fasttrack.action = "log"
[[schedule]]
hours = "13:00-14:00"
clients = ["default"]
protocols.fasttrack.action = "log"
`));
  const at = (hour: number): unknown[] => {
    const table = policy.tableAt(Date.UTC(2026, 0, 5, hour, 30));
    return [0, 1].map((group) => [policy.action(table, group, FASTTRACK), policy.action(table, group, BITTORRENT)]);
  };
  assert.deepEqual(at(7), [[LOCK, DROP], [LOCK, LOG]]);
  assert.deepEqual(at(8), [[OFF, LOCK], [OFF, LOG]]);
  assert.deepEqual(at(10), [[OFF, LOCK], [OFF, OFF]]);
  assert.deepEqual(at(11), [[OFF, LOCK], [OFF, OFF]]);
  assert.deepEqual(at(12), at(7));
  assert.deepEqual(at(13), [[LOG, DROP], [LOCK, LOG]]);
  // 11:00 changes nothing that anybody can see, so it is no table of its own.
  assert.equal(policy.tables, 4);
  const eight = policy.tableAt(Date.UTC(2026, 0, 5, 8));
  assert.equal(policy.lockMs(eight, 0, BITTORRENT), 3_600_000);
  assert.equal(policy.lockMs(eight, 1, BITTORRENT), 3_600_000, "the group is silent about lock");
});

Deno.test("training names carry their protocol, in order, hints marked", () => {
  const policy = compile(
    configOf('[protocols.edonkey]\nnames = ["*.Ed2k.Example.", "exact.example.net"]\nhints = [".h.example"]'),
  );
  const mine = policy.training.filter(({ protocol }) => protocol === EDONKEY);
  assert.deepEqual(mine.map(({ pattern, hint }) => [pattern, hint]), [
    ["*.ed2k.example", false],
    ["exact.example.net", false],
    [".h.example", true],
  ]);
  const winmx = policy.training.filter(({ protocol }) => protocol === policy.protocolNumber("winmx"));
  assert.ok(winmx.some(({ pattern }) => pattern === "*.winmx.com"));
});

Deno.test("an allowed info-hash is given in hexadecimal or base32; of version 2 its first 20 bytes count", () => {
  const one = "0123456789abcdef0123456789abcdef01234567"; // base32 by Python's base64.b32encode
  const two = "fe".repeat(20);
  const texts = ["AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH", "aerukz4jvpg66ajdivtytk6n54asgrlh", `${two}${"00".repeat(12)}`];
  for (const text of texts) {
    const policy = compile(configOf(`[protocols.bittorrent]\nallow_info_hashes = ["${text}"]`));
    assert.ok(policy.allowsAny);
    assert.equal(policy.allowsInfoHash(Uint8Array.fromHex(one), 0), text.length === 32, text);
    assert.equal(policy.allowsInfoHash(Uint8Array.fromHex(two), 0), text.length === 64, text);
  }
  assert.ok(!compile(configOf("")).allowsAny);
});

Deno.test("allowed info-hashes are found at any offset, and only those", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.uint8Array({ minLength: 20, maxLength: 20 }), { minLength: 1, maxLength: 20 }),
      (list) => {
        const hex = list.map((bytes) => `"${bytes.toHex().toUpperCase()}"`);
        const policy = compile(configOf(`[protocols.bittorrent]\nallow_info_hashes = [${hex.join(", ")}]`));
        const buffer = new Uint8Array(30);
        for (const bytes of list) {
          buffer.set(bytes, 7);
          assert.ok(policy.allowsInfoHash(buffer, 7));
          buffer[7 + 19]! ^= 1;
          const flipped = buffer.slice(7, 27).toHex();
          assert.equal(
            policy.allowsInfoHash(buffer, 7),
            list.some((other) => other.toHex() === flipped),
          );
        }
      },
    ),
    { numRuns: 30 },
  );
  assert.ok(!compile(configOf("")).allowsInfoHash(new Uint8Array(20), 0));
});

Deno.test("the hash is that of the content: spelling and order do not matter, values do", () => {
  const base = compile(configOf('[lock]\nseconds = 60\nrefuse = "reject"\n[dns]\nfloor = "10m"')).hash;
  assert.match(base, /^[0-9a-f]{64}$/);
  assert.equal(compile(configOf('# a comment\n[dns]\n[lock]\nrefuse="reject"\n\nseconds = "1m"\n')).hash, base);
  assert.notEqual(compile(configOf('[lock]\nseconds = 61\nrefuse = "reject"')).hash, base);
});

Deno.test("a policy and all that it shows are frozen", () => {
  const policy = compile(configOf(GROUPS));
  for (const value of [policy, policy.protocols, policy.groups, policy.training, policy.training[0], policy.config]) {
    assert.ok(Object.isFrozen(value));
  }
  assert.ok(Object.isFrozen(policy.config.clients[0]?.protocols[0]));
  assert.equal(PROTOCOLS.length, policy.protocols.length);
});
