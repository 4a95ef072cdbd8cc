/**
 * Flows leave user space once they are settled, whatever else uses marks, over both families, with and without NAT.
 */
import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { figure } from "./figure.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, type Host, PATIENCE, Topology, until } from "./topology.ts";

const named = missing([["iperf3", "iperf3"], ["conntrack", "conntrack"], ["iptables", "iptables"]]);
const { server, client1 } = ADDRESSES;
/** BitTorrent's handshake: length, name, 8 reserved bytes, info-hash, peer id (BEP 3). */
const HANDSHAKE = "13426974546f7272656e742070726f746f636f6c" + "00".repeat(8) + "ab".repeat(20) + "2d".repeat(20);
/** A DHT ping (BEP 5). */
const DHT = "64313a6164323a696432303a" + "61".repeat(20) + "65313a71343a70696e67313a74323a6161313a79313a7165";

/** Packets that the router's queue has handed out so far. */
async function queued(topology: Topology): Promise<number> {
  const text = await topology.must("router", ["cat", "/proc/net/netfilter/nfnetlink_queue"]);
  return Number(text.trim().split(/\s+/)[7]);
}

/** A count of a client's or the server's kernel, as /proc/net has it. */
async function countOf(topology: Topology, host: Host, file: "snmp" | "netstat", group: string, name: string) {
  const lines = await topology.must(host, ["grep", `^${group}:`, `/proc/net/${file}`]);
  const [names, values] = lines.split("\n").map((line) => line.split(" "));
  return Number(values![names!.indexOf(name)]);
}

/** TCP segments that client1 and the server sent again. */
async function sentAgain(topology: Topology): Promise<number> {
  const of = (host: Host) => countOf(topology, host, "snmp", "Tcp", "RetransSegs");
  return await of("client1") + await of("server");
}

/** Packets that a page costs. What was sent again is queued again: a machine that stalls is asked anew, nine times at most. */
async function costOfPage(topology: Topology, url: string): Promise<number> {
  for (let tries = 1;; tries++) {
    const [before, again] = [await queued(topology), await sentAgain(topology)];
    await topology.must("client1", ["curl", "-s", "-o", "/dev/null", url]);
    const cost = await queued(topology) - before;
    if (tries === 10 || await sentAgain(topology) === again) return cost;
  }
}

async function connections(topology: Topology): Promise<string> {
  return await topology.must("router", ["conntrack", "-L"]);
}

/** Answers each request at once with as many bytes as its path says, and closes. */
const ANSWER = `import socket
s = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, _ = s.accept(); n = int(c.recv(999).split()[1][1:])
    c.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + b"x" * n); c.close()
`;
const ASK = `import socket, sys
for _ in range(50):
    with socket.create_connection((sys.argv[1], 8080)) as c:
        c.sendall(b"GET /%s HTTP/1.0\\r\\n\\r\\n" % sys.argv[2].encode())
        while c.recv(9999): pass
`;

Deno.test({
  ...named(
    "nothing of a page overtakes what waits in the queue, neither the end of its connection nor its later segments",
  ),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    await using _daemon = await RouterDaemon.start(topology);
    topology.start("server", ["python3", "-c", ANSWER]);
    await topology.listening("server", "tcp", 8080);
    const early = () => countOf(topology, "client1", "netstat", "TcpExt", "TCPOFOQueue");
    // After a request that was sent again its answer is judged, and the flow settled in the middle of it: asked anew then.
    for (let tries = 1;; tries++) {
      const [before, again] = [await early(), await sentAgain(topology)];
      for (const host of [server.v4, server.v6]) {
        for (const size of ["900", "60000"]) await topology.must("client1", ["python3", "-c", ASK, host, size]);
      }
      const came = await early() - before;
      if (came === 0) break;
      assert.ok(tries < 5 && await sentAgain(topology) > again, `${came} segments came out of order`);
    }
  },
});

/** Sends bytes in a SYN (RFC 7413), and waits for an answer or the end. */
const FAST_OPEN = `import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM)
s.settimeout(float(sys.argv[3]))
s.sendto(bytes.fromhex(sys.argv[2]), socket.MSG_FASTOPEN, (sys.argv[1], 80))
try: print(s.recv(99))
except OSError: print("nothing")
`;

Deno.test({
  ...named("the SYN to a server that has just answered in the ordinary way is let by, but not one with payload"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    await using daemon = await RouterDaemon.start(topology, { config: '[protocols.bittorrent]\naction = "drop"\n' });
    // Payload in a SYN without asking for a cookie first, on either side.
    for (const host of ["client1", "server"] as const) {
      await topology.must(host, ["sh", "-c", "echo 1543 >/proc/sys/net/ipv4/tcp_fastopen"]);
    }
    await serve(topology);
    const echo = topology.start("server", program("talk.ts", "echo", 8081));
    await echo.prints("ready");
    for (const host of [server.v4, server.v6]) {
      const url = `http://${host.includes(":") ? `[${host}]` : host}/9`;
      const packets = async () => (await daemon.status()).counters.packets;
      const costs: number[] = [];
      for (let n = 0; n < 3; n++) costs.push(await costOfPage(topology, url));
      // A first page that was asked for anew because something was sent again is no first one.
      assert.ok(costs[0] === 2 || costs[0] === 1, `${costs}`);
      assert.deepEqual(costs.slice(1), [1, 1]);
      // Of a port that has answered nobody the SYN comes up, and so does each message of what nobody knows.
      const judged = await packets();
      await topology.must("client1", program("talk.ts", "tcp", host, 8081, "plain", 1));
      assert.ok(await packets() - judged >= 3, "another port of the same server");
      // What comes behind a SYN that was let by is judged as the start that it is, and so is what a SYN carries.
      const fast = (hex: string, seconds: number) =>
        topology.must("client1", ["python3", "-c", FAST_OPEN, host, hex, `${seconds}`]);
      assert.match(await fast("474554202f3920485454502f312e300d0a0d0a", 20), /HTTP\/1\.1 200 OK/);
      const seen = () => daemon.seen({ event: "detected", evidence: "tcp-handshake" }).length;
      let before = seen();
      assert.match(await fast(HANDSHAKE, 0.5), /nothing/);
      await until("the handshake in a SYN to be seen", () => seen() > before);
      before = seen();
      await topology.run("client1", program("traffic.ts", "dial", host, 80, 1000, HANDSHAKE));
      await until("the handshake behind a SYN to be seen", () => seen() > before);
    }
    assert.ok(await countOf(topology, "client1", "netstat", "TcpExt", "TCPFastOpenActive") > 0, "no SYN had payload");
    const waiting = new RegExp(`mark=${0x07000000} `);
    assert.doesNotMatch(await connections(topology), waiting, "a connection waits for its start");
  },
});

for (const masquerade of [false, true]) {
  const nat = masquerade ? " behind masquerade" : "";
  Deno.test({
    ...named(`a bulk flow costs user space at most 20 packets, and other bits of marks stay${nat}`),
    async fn() {
      await using topology = await Topology.create({ prefix: "kn", masquerade });
      // Somebody else's marks, as QoS scripts set them: eight bits of the packet, eight of the connection.
      await topology.must("router", [
        "sh",
        "-c",
        "iptables -t mangle -A PREROUTING -j CONNMARK --set-xmark 0x21/0xff; " +
        "iptables -t mangle -A PREROUTING -j MARK --set-xmark 0x7/0xff; " +
        "iptables -t mangle -A POSTROUTING -o wan -m mark --mark 0x7",
      ]);
      const config = "[queue]\nmask = 0x00f00000\nmark = 0x00100000\nrefuse_mark = 0x00200000\n";
      await using _daemon = await RouterDaemon.start(topology, { config });
      await serve(topology);
      const iperf = topology.start("server", ["iperf3", "-s", "--forceflush"]);
      await iperf.prints("listening");
      for (const host of [server.v4, server.v6]) {
        const url = `http://${host.includes(":") ? `[${host}]` : host}`;
        // The SYN and the request. An everyday request alone settles nothing, as its receiver may never have got it; that it
        // is answered in kind the rules see, and of the next page only the request comes up.
        for (const [size, most] of [[5000, 3], [50_000_000, 2]] as const) {
          const cost = await costOfPage(topology, `${url}/${size}`);
          figure(`a page of ${size} bytes cost ${cost} packets`);
          assert.ok(cost >= 1 && cost <= most, `a page of ${size} bytes cost ${cost} packets`);
        }
        for (const way of [[], ["-R"]]) {
          const before = await queued(topology);
          await topology.must("client1", ["iperf3", "-c", host, "-n", "50M", ...way]);
          const cost = await queued(topology) - before;
          // Its control connection has 27 packets of its own, all among the first.
          assert.ok(cost <= 27 + 20, `50 MB ${way} cost ${cost} packets`);
        }
      }
      const list = await connections(topology);
      assert.match(list, new RegExp(`mark=${0x00100000 + 0x21} `));
      assert.doesNotMatch(list.split("\n").filter((line) => line.includes("src=10.91.1.11")).join("\n"), /mark=0 /);
      const kept = await topology.must("router", ["iptables", "-t", "mangle", "-L", "POSTROUTING", "-vnx"]);
      assert.match(kept, /^\s*[1-9]\d{2,}\s.*mark match 0x7/m, "packets lost the other user's mark, or kept ours");
    },
  });

  Deno.test({
    ...named(`a refused flow leaves user space, and single datagrams are still seen${nat}`),
    async fn() {
      await using topology = await Topology.create({ prefix: "kn", masquerade });
      await using daemon = await RouterDaemon.start(topology, {
        config: '[lock]\nkernel_sets = "off"\n[protocols.bittorrent]\naction = "drop"\n',
      });
      const echo = topology.start("server", program("talk.ts", "echo", 6881));
      await echo.prints("ready");
      for (const host of [server.v4, server.v6]) {
        const before = await queued(topology);
        // Retransmissions of the handshake meet the kernel's own refusal.
        await topology.run("client1", program("traffic.ts", "dial", host, 6881, 4000, HANDSHAKE));
        const cost = await queued(topology) - before;
        assert.ok(cost >= 2 && cost <= 3, `a refused connection cost ${cost} packets`);
        assert.match(await connections(topology), new RegExp(`dport=6881 .*mark=${0x02000000} `));
        const seen = (await daemon.status()).counters.packets;
        for (let port = 0; port < 5; port++) {
          await topology.must("client1", program("traffic.ts", "send", 0, host, 7000 + port, DHT, 50));
        }
        assert.ok((await daemon.status()).counters.packets >= seen + 5, "a datagram of its own flow was not seen");
      }
      assert.doesNotMatch(echo.stdout, /BitTorrent/);
      const status = await daemon.status();
      assert.equal((status.counters as unknown as Record<string, number>)["verdicts_returned"], 0);
    },
  });
}

Deno.test({
  ...named("refuse = reject tells the client at once, also while it is locked and its traffic is in the sets"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    await using daemon = await RouterDaemon.start(topology, { config: '[lock]\nrefuse = "reject"\nseconds = 30\n' });
    await serve(topology);
    const dial = async () => {
      const limit = 3000 * PATIENCE;
      const text = await topology.must("client1", program("traffic.ts", "dial", server.v4, 80, limit, "00"));
      return JSON.parse(text) as { took: number; error: string | null };
    };
    await daemon.must("lock", client1.v4, "--control", daemon.control);
    await until("the set", async () => (await sets(topology)).includes(client1.v4));
    const { took, error } = await dial();
    assert.ok(took < 2500 * PATIENCE && /ECONNREFUSED|ECONNRESET/.test(error ?? ""), `after ${took} ms: ${error}`);
    for (let n = 0; n < 8; n++) await topology.must("client1", program("traffic.ts", "send", 0, server.v4, 9, DHT, 20));
    const status = await daemon.status();
    assert.equal((status.counters as unknown as Record<string, number>)["verdicts_returned"], 0);
  },
});

/** Everything in the sets of ftwall, as either tool lists it. */
async function sets(topology: Topology): Promise<string> {
  return await topology.must("router", [
    "sh",
    "-c",
    "ipset save 2>/dev/null; nft list table inet ftwall 2>/dev/null; true",
  ]);
}
