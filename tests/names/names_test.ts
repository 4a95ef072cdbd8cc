import assert from "node:assert/strict";
import fc from "fast-check";
import { hostName, LeaseReader, type NamedHost } from "../../lib/names/lease_reader.ts";
import { fingerprint, readNames, readNamesNow } from "../../lib/names/name_files.ts";
import { Names } from "../../lib/names/names.ts";
import { reverseName, ReverseNames } from "../../lib/names/reverse_names.ts";

const NOW = 1_700_000_000_000;

function read(text: string): { hosts: string[]; gone: string[]; bad: number } {
  const hosts: NamedHost[] = [];
  const gone: string[] = [];
  const reader = new LeaseReader(NOW, (host) => void hosts.push(host), (address) => void gone.push(address));
  for (const line of text.split("\n")) reader.line(line);
  return { hosts: hosts.map(({ name, address, mac }) => `${name} ${address} ${mac}`.trim()), gone, bad: reader.bad };
}

Deno.test("leases of dnsmasq and OpenWrt: ended ones and those without a name are left out", () => {
  // https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html, dhcp-leasefile; the DHCPv6 part follows the server's DUID.
  const { hosts, gone, bad } = read(`1700003600 02:00:00:00:00:05 192.168.1.5 anna-laptop 01:02:00:00:00:00:05
0 02:00:00:00:00:06 192.168.1.6 printer *
1700003600 02:00:00:00:00:07 192.168.1.7 * *
1699999999 02:00:00:00:00:08 192.168.1.8 old-phone *
duid 00:01:00:01:2c:f2:00:11:02:00:00:00:00:01
1700003600 16777221 fd00::5 anna-laptop 00:01:00:01:2c:f2:00:11:02:00:00:00:00:05`);
  assert.deepEqual(hosts, [
    "anna-laptop 192.168.1.5 02:00:00:00:00:05",
    "printer 192.168.1.6 02:00:00:00:00:06",
    "anna-laptop fd00::5",
  ]);
  assert.deepEqual([gone, bad], [["192.168.1.8"], 0]);
});

Deno.test("leases tell which MAC has an address, also of machines without a name, of each kind of file", () => {
  const leases = new Map<string, string>();
  const reader = new LeaseReader(NOW, () => {}, (address) => leases.delete(address), (address, mac) => {
    leases.set(address, mac);
  });
  const text = `1700003600 02:00:00:00:00:05 192.168.1.5 * *
1699999999 02:00:00:00:00:08 192.168.1.8 old-phone *
1700003600 16777221 fd00::5 anna-laptop 00:01:00:01:2c:f2:00:11:02:00:00:00:00:05
192.168.1.3 printer
02:00:00:00:00:09 192.168.1.9
lease 192.168.1.10 {
  binding state active;
  hardware ethernet 02:00:00:00:00:0a;
}
lease 192.168.1.11 {
  binding state free;
  hardware ethernet 02:00:00:00:00:0b;
}
address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id
fd00::6,00:01:00:01,3600,1700003600,1,1800,0,5,128,0,0,,02:00:00:00:00:06,0,,1,0,0`;
  for (const line of text.split("\n")) reader.line(line);
  assert.deepEqual([...leases], [
    ["192.168.1.5", "02:00:00:00:00:05"],
    ["192.168.1.9", "02:00:00:00:00:09"],
    ["192.168.1.10", "02:00:00:00:00:0a"],
    ["fd00::6", "02:00:00:00:00:06"],
  ]);
});

Deno.test("Kea's memfile: columns by their heading, the last line for an address counts", () => {
  // https://kea.readthedocs.io/en/latest/arm/dhcp4-srv.html, memfile; heading of Kea 2.4.
  const { hosts, gone, bad } = read(
    `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
192.168.1.5,02:00:00:00:00:05,,3600,1700003600,1,0,0,anna-laptop,0,,0
192.168.1.6,02:00:00:00:00:06,,3600,1700003600,1,0,0,bob.example.org.,0,,0
192.168.1.6,02:00:00:00:00:06,,3600,1700003600,1,0,0,bob.example.org.,2,,0
nonsense,x
address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id
fd00::5,00:01:00:01,3600,1700003600,1,1800,0,5,128,0,0,anna6,02:00:00:00:00:05,0,,1,0,0`,
  );
  assert.deepEqual(hosts, [
    "anna-laptop 192.168.1.5 02:00:00:00:00:05",
    "bob.example.org 192.168.1.6 02:00:00:00:00:06",
    "anna6 fd00::5 02:00:00:00:00:05",
  ]);
  assert.deepEqual([gone, bad], [["192.168.1.6"], 1]);
});

Deno.test("leases of ISC dhcpd", () => {
  // dhcpd.leases(5).
  const { hosts, gone, bad } = read(`# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\\000\\001";
lease 192.168.1.5 {
  starts 2 2023/11/14 22:13:20;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:00:00:05;
  client-hostname "anna-laptop";
}
lease 192.168.1.6 {
  binding state free;
  client-hostname "old";
}
lease nonsense {
  client-hostname "x";
}`);
  assert.deepEqual(hosts, ["anna-laptop 192.168.1.5 02:00:00:00:00:05"]);
  assert.deepEqual([gone, bad], [["192.168.1.6"], 1]);
});

Deno.test("hosts and ethers, but no addresses that every machine has itself", () => {
  const { hosts, bad } = read(`127.0.0.1 localhost
::1 localhost ip6-localhost
ff02::1 ip6-allnodes
192.168.1.9\tnas.home nas # the big one
02:00:00:00:00:0a  camera
02:00:00:00:00:0b  192.168.1.11`);
  assert.deepEqual(hosts, ["nas.home 192.168.1.9", "camera  02:00:00:00:00:0a"]);
  assert.equal(bad, 0);
});

Deno.test("a client cannot call itself an address, a MAC, or anything that steers a terminal or a page", () => {
  for (
    const name of ["192.168.1.1", "fd00::1", "02:00:00:00:00:05", "a b", "\x1b[31mred", "<b>x</b>", "", "x".repeat(64)]
  ) {
    assert.equal(hostName(name), "", name);
  }
  for (const name of ["a", "anna-laptop", "nas.home", "_x", "1and1"]) assert.equal(hostName(name), name);
  const { hosts, bad } = read(
    `1700003600 02:00:00:00:00:05 192.168.1.5 <script> *\n1700003600 02:00:00:00:00:05 192.168.1.5 192.168.1.1 *`,
  );
  assert.deepEqual([hosts, bad], [[], 2]);
});

Deno.test("any file is read without an error", () => {
  const word = fc.constantFrom(
    "lease",
    "{",
    "}",
    "192.168.1.5",
    "02:00:00:00:00:05",
    "address,",
    "0",
    "duid",
    "\n",
    ",",
    ";",
  );
  fc.assert(fc.property(fc.array(fc.oneof(word, fc.string())), (words) => void read(words.join(" "))));
});

Deno.test("of several files the first has the word; large ones are read from their end, with their heading", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-names-" });
  try {
    const paths = ["hosts", "kea.csv", "absent", "folder"].map((name) => `${directory}/${name}`);
    Deno.writeTextFileSync(paths[0]!, "192.168.1.5 anna\n");
    const filler = `192.168.9.1,02:00:00:00:00:01,,3600,1700003600,1,0,0,filler,0,,0\n`;
    Deno.writeTextFileSync(
      paths[1]!,
      "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n" +
        "192.168.1.7,02:00:00:00:00:07,,3600,1700003600,1,0,0,too-long-ago,0,,0\n" + filler.repeat(20_000) +
        "192.168.1.5,02:00:00:00:00:05,,3600,1700003600,1,0,0,other,0,,0\n" +
        "192.168.1.6,02:00:00:00:00:06,,3600,1700003600,1,0,0,bob,0,,0",
    );
    Deno.mkdirSync(paths[3]!);
    for (const { names, problems, bad } of [await readNames(paths, NOW), readNamesNow(paths, NOW)]) {
      assert.deepEqual(names.all(), ["anna", "bob", "filler", "other"]);
      assert.equal(names.of("192.168.1.5"), "anna");
      assert.equal(names.of("192.168.1.99", "02:00:00:00:00:06"), "bob");
      assert.equal(bad, 0);
      assert.match(problems.join("\n"), /^Cannot read names from ".*folder": it is no regular file$/);
    }
    const before = fingerprint(paths);
    assert.equal(fingerprint(paths), before);
    Deno.writeTextFileSync(paths[0]!, "192.168.1.5 anna-laptop\n");
    assert.notEqual(fingerprint(paths), before);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a name is found whatever its capitals, without its domain, and never silently one of two", () => {
  const names = new Names();
  names.add({ name: "Anna-Laptop.home", address: "192.168.1.5", mac: "02:00:00:00:00:05" });
  names.add({ name: "anna-laptop", address: "fd00::5", mac: "" });
  names.add({ name: "camera", address: "", mac: "02:00:00:00:00:0a" });
  assert.deepEqual(names.find("anna-laptop"), ["192.168.1.5", "fd00::5"]);
  assert.deepEqual(names.find("ANNA-LAPTOP.HOME"), ["192.168.1.5"]);
  assert.deepEqual(names.find("camera"), ["02:00:00:00:00:0a"]);
  assert.deepEqual(names.find("anna"), []);
  names.replace({ name: "director", address: "192.168.1.5", mac: "" });
  assert.equal(names.of("192.168.1.5"), "director");
  for (let i = 0; i < 20_000; i++) names.add({ name: "x", address: `10.0.${i >> 8}.${i & 255}`, mac: "" });
  assert.ok(names.size <= 8192);
});

Deno.test("reverse DNS is asked one at a time, once, and nobody waits for it", async () => {
  const asked: string[] = [];
  let open = 0;
  const reverse = new ReverseNames(async (address) => {
    asked.push(address);
    assert.equal(++open, 1);
    await Promise.resolve();
    open--;
    if (address === "192.168.1.6") throw new Error("NXDOMAIN");
    return [`host-${address.split(".")[3]}.home.`, "second"];
  });
  assert.equal(reverse.of("192.168.1.5", 0), "");
  assert.equal(reverse.of("192.168.1.6", 0), "");
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(reverse.of("192.168.1.5", 1000), "host-5.home");
  assert.equal(reverse.of("192.168.1.6", 1000), "");
  assert.deepEqual(asked, ["192.168.1.5", "192.168.1.6"]);
  for (let i = 0; i < 1000; i++) reverse.of(`10.0.1.${i}`, 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(asked.length < 100);
});

Deno.test("the names that reverse DNS has addresses under are those of the RFCs", () => {
  assert.equal(reverseName("192.168.1.5"), "5.1.168.192.in-addr.arpa");
  // The example of RFC 3596 section 2.5.
  assert.equal(
    reverseName("4321:0:1:2:3:4:567:89ab"),
    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa",
  );
  assert.equal(reverseName("fd00::5").length, 72);
});
