import assert from "node:assert/strict";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Homes } from "./support_clients_homes.ts";
import { Share, startNode, TORRENT_TOOLS, TorrentClient } from "./support_clients_torrent.ts";
import { ADDRESSES, execute, Topology } from "./topology.ts";

const named = missing([...TORRENT_TOOLS, ["openssl", "openssl"], [
  "sshd",
  "openssh-server",
]]);

/** What was done and lost, by kind of traffic. */
type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

const SERVER = ADDRESSES.server.v4;
const SECONDS = 10;
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
    await topology.start("server", run("names")).prints("ready", 20_000);
    await startSsh(topology, dir);
    const home = await homes.add();
    const share = stack.use(new Share("everyday", []));
    const node = await startNode(topology, "server");
    const seeder = stack.use(
      await TorrentClient.seed(topology, share, { program: "libtorrent", host: "server", encrypted: true }),
    );
    const visit = async () => {
      const answers = await Promise.all(
        ["web", "talk", "dns"].map((kind) =>
          topology.run(home.name, run("visit", SERVER, String(SECONDS), dir, kind), { limit: 60_000 })
        ),
      );
      say(answers.map(({ stdout, stderr }) => stdout + stderr).join(""));
      return Object.assign({}, ...answers.map(({ stdout }) => JSON.parse(stdout))) as Counts;
    };
    const before = await visit();
    await using daemon = await RouterDaemon.start(topology);
    const leecher = stack.use(TorrentClient.leech(topology, share, {
      ...{ program: "libtorrent", host: home, encrypted: true, dht: true },
      nodes: [node],
      peers: [[SERVER, seeder.port]],
    }));
    await daemon.sees({ event: "detected", protocol: "bittorrent", certainty: "certain", client: home.v4 });
    const visiting = visit();
    const shell = await topology.run(home.name, [
      "ssh",
      ...["-F", "/dev/null", "-i", `${dir}/id`, "-p", "2022", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"],
      ...[
        "-o",
        `UserKnownHostsFile=${dir}/known`,
        `root@${SERVER}`,
        `head -c 3000000 ${dir}/blob | sha256sum; sleep 5; echo stayed`,
      ],
    ], { limit: 30_000 });
    const found = await visiting;
    const { counters, queues } = await daemon.status() as unknown as Record<string, unknown>;
    say(JSON.stringify({ counters, queues }));
    assert.equal(leecher.received, 0);
    assert.match(shell.stdout, /stayed/, shell.stderr);
    for (const name of ["http", "https", "quic"]) {
      assert.equal(found[name]!["failed"], 0, `${name}: ${JSON.stringify(found[name])}`);
      assert.ok(found[name]!["ok"]! >= 5, `${name}: ${JSON.stringify(found[name])}`);
    }
    // Programs that share a busy machine lose a datagram now and then by themselves.
    for (const name of ["call", "wireguard", "openvpn", "dns"]) {
      const lost = (counts: Counts) => 1 - counts[name]!["answered"]! / counts[name]!["sent"]!;
      assert.ok(lost(found) <= lost(before) + 0.01, `${name}: ${JSON.stringify([before[name], found[name]])}`);
    }
    assert.ok(found["dns"]!["sent"]! > SECONDS * 900, JSON.stringify(found["dns"]));
    // Nothing of it was so much as mentioned.
    const ports = [8080, 8443, 4433, 40_000, 51_820, 1194, 2022, 53];
    const mentioned = daemon.seen({ event: "detected" }).filter((event) =>
      ports.includes(event["peer_port"] as number)
    );
    assert.deepEqual(mentioned, []);
  },
});

async function startSsh(topology: Topology, dir: string): Promise<void> {
  for (const name of ["host", "id"]) await must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${dir}/${name}`);
  Deno.copyFileSync(`${dir}/id.pub`, `${dir}/authorized`);
  Deno.writeFileSync(`${dir}/blob`, new Uint8Array(3_000_000));
  Deno.mkdirSync("/run/sshd", { recursive: true });
  Deno.writeTextFileSync(
    `${dir}/sshd.conf`,
    `Port 2022\nListenAddress ${SERVER}\nHostKey ${dir}/host\nAuthorizedKeysFile ${dir}/authorized\nStrictModes no\n` +
      `UsePAM no\nPermitRootLogin yes\nPidFile ${dir}/pid\n`,
  );
  topology.start("server", ["/usr/sbin/sshd", "-D", "-f", `${dir}/sshd.conf`]);
  await topology.listening("server", "tcp", 2022);
}

function say(text: string): void {
  if (Deno.env.get("FTWALL_LIVE_VERBOSE") !== undefined) Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
}

async function must(...command: string[]): Promise<void> {
  const answer = await execute(command);
  if (answer.code !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${answer.stderr}`);
}
