/** Who is never locked, and whom the kernel knows by which hardware address. */
import assert from "node:assert/strict";
import { Identities } from "../../lib/daemon/identities.ts";
import { formatAddress, parseAddress } from "../../lib/net/address.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { readEnd, udpPacket } from "../support/packets.ts";
import { Household } from "../redteam/household.ts";

const PING = join(hex("27 00000029 80"), latin("KaZaA\0"));
const HOME = '[network]\nhome = ["10.0.0.0/8", "fd00::/8"]\n';

class House {
  readonly home: Household;
  readonly identities: Identities;
  readonly table: [address: string, high: number, low: number][] = [];
  own: { address: string; netmask: string }[] = [];
  leases: ReadonlyMap<string, string> = new Map();

  constructor(config: string) {
    this.home = new Household(config);
    this.identities = new Identities({
      engine: this.home.engine,
      own: () => this.own,
      neighbours: (visit) => {
        for (const [address, high, low] of this.table) visit(...parseAddress(address)!, high, low);
      },
      leases: () => this.leases,
    });
  }

  /** A ping in the name of a client, from a hardware address. */
  ping(client: string, low: number): void {
    const peer = client.includes(":") ? "[2001:db8::7]:1214" : "198.51.100.7:1214";
    const from = client.includes(":") ? `[${client}]:${1000 + low}` : `${client}:${1000 + low}`;
    this.home.judgeWith(udpPacket(readEnd(from), readEnd(peer), PING), 2, 0x0200, low);
  }

  /** The locked clients, in order. */
  get locked(): string[] {
    const { table } = this.home.engine.state.locks;
    const found: string[] = [];
    table.each((row) =>
      found.push(formatAddress(table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3)))
    );
    return found.sort();
  }
}

Deno.test("with require_neighbour nobody is locked in another's name, over IPv4 and IPv6", () => {
  const house = new House(`${HOME}[lock]\nrequire_neighbour = true\n`);
  house.table.push(["10.0.0.6", 0x0200, 6], ["fd00::6", 0x0200, 6], ["10.0.0.66", 0x0200, 66]);
  house.identities.beat(house.home.now);
  // The machine 66 sends in the name of 6, of an address that nobody has, and without any hardware address.
  for (const client of ["10.0.0.6", "fd00::6", "10.0.0.99"]) house.ping(client, 66);
  house.home.see("no MAC", udpPacket(readEnd("10.0.0.6:9"), readEnd("198.51.100.7:1214"), PING));
  assert.deepEqual(house.locked, []);
  assert.deepEqual(house.home.engine.outbox.take(), []);
  assert.equal(house.home.refused.length, 1);
  for (const client of ["10.0.0.6", "fd00::6"]) house.ping(client, 6);
  house.ping("10.0.0.66", 66);
  assert.deepEqual(house.locked, ["10.0.0.6", "10.0.0.66", "fd00::6"]);
});

Deno.test("what the kernel saw counts for ten minutes, and the newest hardware address alone", () => {
  const house = new House(`${HOME}[lock]\nrequire_neighbour = true\nseconds = 10\n`);
  house.table.push(["10.0.0.6", 0x0200, 6]);
  house.identities.beat(house.home.now);
  house.table[0] = ["10.0.0.6", 0x0200, 7];
  house.home.now += 3000;
  house.identities.beat(house.home.now);
  house.ping("10.0.0.6", 6);
  assert.deepEqual(house.locked, []);
  house.table.length = 0;
  house.home.pass(601);
  house.ping("10.0.0.6", 7);
  assert.deepEqual(house.locked, []);
});

Deno.test("what DHCP gave to one machine is not another's, whatever the neighbour table believes, over IPv4 and IPv6", () => {
  const house = new House(`${HOME}[lock]\nrequire_neighbour = true\n`);
  house.leases = new Map([["10.0.0.6", "02:00:00:00:00:06"], ["fd00::6", "02:00:00:00:00:06"], [
    "203.0.113.9",
    "02:00:00:00:00:42",
  ]]);
  // The machine 66 answers for the address of 6 (forged ARP), and has one of its own without a lease.
  house.table.push(["10.0.0.6", 0x0200, 66], ["fd00::6", 0x0200, 66], ["10.0.0.66", 0x0200, 66]);
  for (let beat = 0; beat < 3; beat++) {
    house.identities.beat(house.home.now);
    for (const client of ["10.0.0.6", "fd00::6"]) house.ping(client, 66);
    house.home.now += 3000;
  }
  assert.deepEqual(house.locked, []);
  for (const client of ["10.0.0.6", "fd00::6"]) house.ping(client, 6);
  house.ping("10.0.0.66", 66);
  assert.deepEqual(house.locked, ["10.0.0.6", "10.0.0.66", "fd00::6"]);
});

Deno.test("neither the router, a broadcast address nor an operator's machine is locked, or sent a decoy or probe", () => {
  const house = new House(HOME);
  house.own = [
    { address: "10.0.0.1", netmask: "255.255.255.0" },
    { address: "fd00::1", netmask: "ffff:ffff:ffff:ffff::" },
    { address: "fe80::1%eth0", netmask: "" },
    { address: "not an address", netmask: "" },
  ];
  house.identities.beat(house.home.now);
  house.identities.operatorAt(parseAddress("10.0.0.9")!, house.home.now);
  house.identities.operatorAt(parseAddress("198.51.100.9")!, house.home.now);
  for (const client of ["10.0.0.0", "10.0.0.1", "10.0.0.255", "fd00::1", "10.0.0.9", "10.0.0.6"]) {
    house.ping(client, 66);
  }
  assert.deepEqual(house.locked, ["10.0.0.6"]);
  // Nor is any of them sent a decoy, or a probe at half time.
  const sent = () => house.home.engine.outbox.take().map(({ kind, client }) => `${kind} ${formatAddress(...client)}`);
  assert.deepEqual(sent(), ["decoy 10.0.0.6", "decoy 10.0.0.6"]);
  house.home.now += 61_000;
  house.home.engine.tick(house.home.now, house.home.now);
  assert.deepEqual(sent(), ["probe 10.0.0.6"]);
  // The operator has been gone for a day, the router has another address.
  house.home.pass(86_400);
  house.ping("10.0.0.9", 67);
  house.ping("10.0.0.1", 67);
  assert.deepEqual(house.locked, ["10.0.0.1", "10.0.0.9"]);
});
