/**
 * What the interfaces towards home bring: clients with public addresses, and local service discovery.
 */
import assert from "node:assert/strict";
import { program } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, LAN, Topology, until } from "./topology.ts";

const named = missing([["iptables", "iptables"], ["python3", "python3"]]);
const { server, client1 } = ADDRESSES;
/** A FastTrack ping that names KaZaA. */
const PING = "2700000029804b615a614100";

async function ping(topology: Topology, from: string): Promise<void> {
  await topology.must("client1", [
    "ip",
    "route",
    "replace",
    "2001:db8:91::/64",
    "via",
    from.replace(/11$/, "1"),
    "src",
    from,
  ]);
  await topology.must("client1", program("traffic.ts", "send", 4000, server.v6, 1214, PING, 20));
}

Deno.test({
  ...named("clients with public addresses are at home, also when the prefix changes while ftwall runs"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    const give = async (prefix: string) => {
      await topology.must("router", ["ip", "addr", "add", `${prefix}1/64`, "dev", LAN, "nodad"]);
      await topology.must("client1", ["ip", "addr", "add", `${prefix}11/64`, "dev", "eth0", "nodad"]);
    };
    await give("2001:db8:a::");
    await using daemon = await RouterDaemon.start(topology);
    await ping(topology, "2001:db8:a::11");
    await daemon.sees({ event: "locked", client: "2001:db8:a::11" });
    await topology.must("router", ["ip", "addr", "del", "2001:db8:a::1/64", "dev", LAN]);
    await give("2001:db8:b::");
    await daemon.must("reload", "--control", daemon.control);
    await ping(topology, "2001:db8:b::11");
    await daemon.sees({ event: "locked", client: "2001:db8:b::11" });
    const status = await daemon.must("status", "--control", daemon.control);
    assert.match(status, /home +10\.91\.1\.0\/24, 2001:db8:b::\/64, fd91:1::\/64, fe80::\/64 \(on-link at br-lan\)/);
  },
});

Deno.test({
  ...named("local service discovery of BitTorrent is heard over IPv4 and IPv6, and nobody answers"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    await using daemon = await RouterDaemon.start(topology, { config: '[protocols.bittorrent]\naction = "log"\n' });
    const groups = async () => await topology.must("router", ["cat", "/proc/net/igmp", "/proc/net/igmp6"]);
    await until("membership", async () => /8F98C0EF/i.test(await groups()));
    assert.match(await groups(), /ff15000000000000000000000*efc0988f/i);
    const sent = async () => {
      const text = await topology.must("router", ["cat", "/proc/net/snmp", "/proc/net/snmp6"]);
      const rows = text.split("\n").filter((line) => /^(Udp|Icmp): /.test(line)).map((line) => line.split(" "));
      const of = (name: string, field: string) => {
        const [names, values] = rows.filter((row) => row[0] === name);
        return Number(values![names!.indexOf(field)]);
      };
      const six = /Udp6OutDatagrams\s+(\d+)/.exec(text)?.[1];
      return [of("Udp:", "OutDatagrams"), of("Icmp:", "OutDestUnreachs"), Number(six)];
    };
    const before = await sent();
    for (
      const [group, host, client] of [
        ["239.192.152.143", "239.192.152.143:6771", client1.v4],
        ["ff15::efc0:988f", "[ff15::efc0:988f]:6771", client1.v6],
      ] as const
    ) {
      const text = `BT-SEARCH * HTTP/1.1\\r\\nHost: ${host}\\r\\nPort: 51413\\r\\nInfohash: ${
        "AB".repeat(20)
      }\\r\\n\\r\\n`;
      // Deno's sockets choose no interface for a group.
      const code = "import socket\ns = socket.socket(socket.AF_INET6 if ':' in '" + group + "' else socket.AF_INET, " +
        "socket.SOCK_DGRAM)\nif ':' in '" + group + "': s.setsockopt(41, 17, socket.if_nametoindex('eth0'))\n" +
        `s.sendto(b'${text}', ('${group}', 6771))`;
      await topology.must("client1", ["python3", "-c", code]);
      const event = await daemon.sees({ event: "detected", protocol: "bittorrent", transport: "udp", peer: group });
      assert.ok(event["client"] === client || String(event["client"]).startsWith("fe80:"), String(event["client"]));
    }
    assert.deepEqual(await sent(), before);
  },
});

Deno.test({
  ...named("what ftwall sends itself passes by the queue: decoys and probes"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    // Probes are due at half time: three seconds after the lock began.
    await using daemon = await RouterDaemon.start(topology, { config: "[lock]\nseconds = 6\n" });
    const client = topology.start("client1", program("traffic.ts", "hear", 4000));
    await client.prints('"ready"');
    await topology.must("router", ["iptables", "-t", "mangle", "-A", "POSTROUTING", "-o", LAN, "-p", "udp"]);
    const mark = "0x3000000/0xf000000";
    await topology.must("router", ["iptables", "-t", "mangle", "-A", "OUTPUT", "-m", "mark", "--mark", mark]);
    // The client listens at the port that it pings from.
    const code = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n" +
      "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\ns.bind(('', 4001))\ns.settimeout(9)\n" +
      `s.sendto(bytes.fromhex('${PING}'), ('${server.v4}', 1214))\n` +
      // A ping is answered by a pair of decoys.
      "for what in 'decoy', 'decoy', 'probe': print(what, s.recvfrom(999)[1][0], flush=True)";
    const pinger = topology.start("client1", ["python3", "-c", code]);
    await pinger.prints(new RegExp(`(decoy ${server.v4}\\s+){2}`));
    await pinger.prints(`probe ${ADDRESSES.router.v4}`);
    await daemon.sees({ event: "probe-sent" });
    const marked = await topology.must("router", ["iptables", "-t", "mangle", "-L", "OUTPUT", "-vnx"]);
    assert.match(marked, /^\s*[2-9]\s.*mark match 0x3000000/m);
    // One packet came to the queue: the ping.
    assert.equal((await daemon.status()).counters.packets, 1);
  },
});
