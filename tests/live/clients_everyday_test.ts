import assert from "node:assert/strict";
import { missing } from "./missing_tools.ts";
import { resolver } from "./name_server.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { type Home, Homes } from "./support_clients_homes.ts";
import { Share, startNode, TORRENT_TOOLS, TorrentClient } from "./support_clients_torrent.ts";
import { ADDRESSES, execute, LAN, Topology, WAN } from "./topology.ts";
import { say } from "./watch.ts";

const named = missing([
  ...TORRENT_TOOLS,
  ["openssl", "openssl"],
  ["curl", "curl"],
  ["ssh", "openssh-client"],
  ["sshd", "openssh-server"],
  ["gtlsclient", "ngtcp2-client"],
  ["gtlsserver", "ngtcp2-server"],
]);

/** What was done and lost, by kind of traffic. */
type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

const SERVER = ADDRESSES.server.v4;
const SECONDS = 8;
/** Bytes of each download, and how often it is taken: the fastest counts, on a machine that has other things to do. */
const LARGE = 40_000_000;
const ROUNDS = 3;
const TRAFFIC = new URL("../support/everyday_traffic.ts", import.meta.url).pathname;

Deno.test({
  ...named(
    "web, TLS, QUIC, calls, WireGuard, OpenVPN, SSH and a DNS flood go on while the same client's BitTorrent is refused",
  ),
  async fn() {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const dir = Deno.makeTempDirSync({ prefix: "ftwall-everyday-" });
    stack.defer(() => Deno.removeSync(dir, { recursive: true }));
    await must(
      ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=hub.example"],
      ...["-addext", "subjectAltName=DNS:hub.example", "-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", `${dir}/key.pem`, "-out", `${dir}/cert.pem`],
    );
    const run = (...args: string[]) => [
      Deno.execPath(),
      ...["run", "-A", "--no-check", "--cached-only", "--no-config", "--unstable-net", TRAFFIC, ...args],
    ];
    await topology.start("server", run("serve", dir)).prints("ready", 20_000);
    await topology.start("server", run("echo")).prints("ready", 20_000);
    await resolver(topology, "server", ["--address=/www.example.org/198.51.100.2"]);
    await startSsh(topology, dir);
    topology.start("server", [
      "gtlsserver",
      ...["-q", "-d", dir, SERVER, String(HTTP3), `${dir}/key.pem`, `${dir}/cert.pem`],
    ]);
    await topology.listening("server", "udp", HTTP3);
    const home = await homes.add();
    const share = stack.use(new Share("everyday", []));
    const node = await startNode(topology, "server");
    const seeder = stack.use(
      await TorrentClient.seed(topology, share, { program: "libtorrent", host: "server", encrypted: true }),
    );
    await count(topology);
    const visit = async () => {
      const answers = await Promise.all(
        ["web", "talk", "dns"].map((kind) =>
          topology.run(home.name, run("visit", SERVER, String(SECONDS), dir, kind), { limit: 60_000 })
        ),
      );
      say(answers.map(({ stdout, stderr }) => stdout + stderr).join(""));
      return Object.assign({}, ...answers.map(({ stdout }) => JSON.parse(stdout))) as Counts;
    };
    const free = { found: await visit(), bulk: await downloads(topology, home, dir), counts: await crossed(topology) };
    await using daemon = await RouterDaemon.start(topology);
    const leecher = stack.use(TorrentClient.leech(topology, share, {
      ...{ program: "libtorrent", host: home, encrypted: true, dht: true },
      nodes: [node],
      peers: [[SERVER, seeder.port]],
    }));
    await daemon.sees({ event: "detected", protocol: "bittorrent", certainty: "certain", client: home.v4 });
    const visiting = visit();
    const shell = await topology.run(home.name, ssh(dir, "sleep 5; echo stayed"), { limit: 30_000 });
    const found = await visiting;
    const bulk = await downloads(topology, home, dir);
    const { counters, queues } = await daemon.status() as unknown as Record<string, unknown>;
    say(JSON.stringify({ counters, queues }));
    assert.equal(leecher.received, 0);
    assert.match(shell.stdout, /stayed/, shell.stderr);
    for (const name of ["http", "https", "quic"]) {
      assert.equal(found[name]!["failed"], 0, `${name}: ${JSON.stringify(found[name])}`);
      assert.ok(found[name]!["ok"]! >= 5, `${name}: ${JSON.stringify(found[name])}`);
      say(`${name}: ${free.found[name]!["ok"]} pages without ftwall, ${found[name]!["ok"]} with it`);
    }
    for (const [name, fast] of Object.entries(bulk)) {
      const before = free.bulk[name]!;
      say(`${name}: ${before.toFixed(0)} MB/s without ftwall, ${fast.toFixed(0)} with it`);
      // Other work on the machine may take as much.
      assert.ok(fast > before / 3, `${name}: ${before} MB/s became ${fast}`);
    }
    // Counted in the router: programs that share a busy machine lose datagrams by themselves.
    const counts = await crossed(topology);
    for (const [name, { in: came, out: went }] of Object.entries(counts)) {
      const before = free.counts[name]!;
      say(
        `${name}: lost ${before.in - before.out} of ${before.in} without ftwall, ` +
          `${came - before.in - (went - before.out)} of ${came - before.in} with it`,
      );
      assert.ok(came - before.in >= 100, `${name}: only ${came - before.in} packets`);
      assert.equal(went - before.out, came - before.in, `${name}: packets lost`);
    }
    // As many as the sender comes to by itself, but for other work on the machine.
    assert.ok(found["dns"]!["sent"]! > free.found["dns"]!["sent"]! / 3, JSON.stringify([free.found, found]));
    // Nothing of it was so much as mentioned.
    const ports = [8080, 8443, 2022, ...COUNTED];
    const mentioned = daemon.seen({ event: "detected" }).filter((event) =>
      ports.includes(event["peer_port"] as number)
    );
    assert.deepEqual(mentioned, []);
  },
});

/** Megabytes a second of a large download by each program, the fastest of some. */
async function downloads(topology: Topology, { name }: Home, dir: string): Promise<Record<string, number>> {
  const curl = (url: string) => [
    ...["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", "--cacert", `${dir}/cert.pem`],
    ...["--resolve", `hub.example:8443:${SERVER}`, url],
  ];
  const http3 = `https://hub.example:${HTTP3}/blob`;
  const ways: Readonly<Record<string, readonly string[]>> = {
    "curl, HTTP/1.1": curl(`http://${SERVER}:8080/large`),
    "curl, TLS": curl("https://hub.example:8443/large"),
    "ngtcp2, HTTP/3": [
      ...[
        "sh",
        "-c",
        `gtlsclient -q --exit-on-all-streams-close --download=${dir}/got ${SERVER} ${HTTP3} ${http3} && ` +
        `stat -c %s ${dir}/got/blob && rm ${dir}/got/blob`,
      ],
    ],
    "SSH": ["sh", "-c", '"$@" | wc -c', "sh", ...ssh(dir, `cat ${dir}/blob`)],
  };
  Deno.mkdirSync(`${dir}/got`, { recursive: true });
  const best: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, command] of Object.entries(ways)) {
      const begun = performance.now();
      const { code, stdout, stderr } = await topology.run(name, command, { limit: 30_000 });
      const speed = LARGE / 1000 / (performance.now() - begun);
      assert.deepEqual([way, code, Number(stdout)], [way, 0, LARGE], stderr);
      best[way] = Math.max(best[way] ?? 0, speed);
    }
  }
  return best;
}

const HTTP3 = 4443;
/** UDP ports that are counted where packets enter the router and where they leave it. */
const COUNTED = [53, 1194, 4433, HTTP3, 40_000, 51_820];

async function count(topology: Topology): Promise<void> {
  for (const port of COUNTED) {
    for (const [way, lan, wan] of [["dport", LAN, WAN], ["sport", WAN, LAN]] as const) {
      const match = ["-p", "udp", `--${way}`, String(port), "-m", "comment", "--comment"];
      await topology.must("router", [
        ...["iptables", "-t", "raw", "-I", "PREROUTING", "-i", lan, ...match, `in-${way}-${port}`],
      ]);
      await topology.must("router", [
        ...["iptables", "-t", "mangle", "-A", "POSTROUTING", "-o", wan, ...match, `out-${way}-${port}`],
      ]);
    }
  }
}

async function crossed(topology: Topology): Promise<Record<string, { in: number; out: number }>> {
  const counts: Record<string, { in: number; out: number }> = {};
  const text = await topology.must("router", ["iptables-save", "-c"]);
  for (const [, packets, side, name] of text.matchAll(/^\[(\d+):\d+\] .*--comment "?(in|out)-([ds]port-\d+)/gm)) {
    (counts[name!] ??= { in: 0, out: 0 })[side as "in" | "out"] = Number(packets);
  }
  return counts;
}

function ssh(dir: string, command: string): string[] {
  return [
    ...["ssh", "-F", "/dev/null", "-i", `${dir}/id`, "-p", "2022", "-o", "BatchMode=yes"],
    ...["-o", "StrictHostKeyChecking=no", "-o", `UserKnownHostsFile=${dir}/known`, `root@${SERVER}`, command],
  ];
}

async function startSsh(topology: Topology, dir: string): Promise<void> {
  for (const name of ["host", "id"]) await must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${dir}/${name}`);
  Deno.copyFileSync(`${dir}/id.pub`, `${dir}/authorized`);
  Deno.writeFileSync(`${dir}/blob`, new Uint8Array(LARGE));
  Deno.mkdirSync("/run/sshd", { recursive: true });
  Deno.writeTextFileSync(
    `${dir}/sshd.conf`,
    `Port 2022\nListenAddress ${SERVER}\nHostKey ${dir}/host\nAuthorizedKeysFile ${dir}/authorized\nStrictModes no\n` +
      `UsePAM no\nPermitRootLogin yes\nPidFile ${dir}/pid\n`,
  );
  topology.start("server", ["/usr/sbin/sshd", "-D", "-f", `${dir}/sshd.conf`]);
  await topology.listening("server", "tcp", 2022);
}

async function must(...command: string[]): Promise<void> {
  const answer = await execute(command);
  if (answer.code !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${answer.stderr}`);
}
