import assert from "node:assert/strict";
import { lanFacts } from "../../lib/daemon/lan_watch.ts";

const FULL = "ffff:ffff:ffff:ffff::";

Deno.test("the prefixes of the interfaces towards home are home, those of others are not", () => {
  const facts = lanFacts(["br-lan", "eth*", "wlan9"], ["lo", "br-lan", "eth1", "eth2", "wan"], [
    { name: "lo", address: "127.0.0.1", netmask: "255.0.0.0" },
    { name: "br-lan", address: "192.168.7.1", netmask: "255.255.255.0" },
    { name: "br-lan", address: "2001:db8:5::1", netmask: FULL },
    { name: "br-lan", address: "2001:db8:5::2", netmask: FULL },
    { name: "br-lan", address: "fe80::1", netmask: FULL },
    { name: "eth1", address: "203.0.113.9", netmask: "255.255.255.248" },
    { name: "wan", address: "198.51.100.7", netmask: "255.255.255.0" },
  ]);
  assert.deepEqual(facts, {
    interfaces: ["br-lan", "eth1", "eth2"],
    missing: ["wlan9"],
    prefixes: ["192.168.7.0/24", "2001:db8:5::/64", "203.0.113.8/29", "fe80::/64"],
  });
});

Deno.test("an address without a mask, or that is no address, makes nobody a client", () => {
  const odd = [["10.0.0.1", "0.0.0.0"], ["::1", "::"], ["nonsense", "255.0.0.0"], ["127.0.0.1", "255.0.0.0"]] as const;
  for (const [address, netmask] of odd) {
    assert.deepEqual(lanFacts(["lan"], ["lan"], [{ name: "lan", address, netmask }]).prefixes, [], address);
  }
});
