/**
 * A router's life with ftwall, in a Debian with systemd: installed in dry-run, real traffic, report, made real, a broken
 * config, reload by cron, reboot, upgrade, removed. Minutes, as cron waits for the next one: `deno task test:life`.
 */
import assert from "node:assert/strict";
import { altered, bundle } from "./bundle_file.ts";
import { program, serve, Surfer } from "./everyday.ts";
import { Flood, Load, lostNothing } from "./load.ts";
import { Swarm, SWARM_TOOLS } from "./swarm.ts";
import { KEPT, named, SystemdRoot } from "./systemd_root.ts";
import { ADDRESSES, hasTool, Topology, until } from "./topology.ts";

const PING = "2700000029804b615a614100";
const CONFIG = `[network]
lan = ["br-lan"]
home = ["10.91.0.0/16", "fd91::/16"]
[lock]
seconds = 3600
`;
const absent = SWARM_TOOLS.find(([tool]) => !hasTool(tool));

/** What happened, for people: a line each on standard error. */
function tell(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Router, web server, surfers and file sharers. */
class Life {
  readonly topology: Topology;
  readonly root: SystemdRoot;
  readonly swarm: Swarm;

  constructor(topology: Topology, root: SystemdRoot, swarm: Swarm) {
    this.topology = topology;
    this.root = root;
    this.swarm = swarm;
  }

  journal(): Promise<string> {
    return this.root.must("journalctl --no-pager -o cat -u ftwall");
  }

  /** Waits for a line of the log, of those written since `after` was its length. */
  async logs(pattern: RegExp, limit = 20_000, after = 0): Promise<void> {
    await until(`${pattern} in the log`, async () => pattern.test((await this.journal()).slice(after)), limit);
  }

  async status(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.root.must("ftwall status --json"));
  }

  /** Client 1 pings a node of FastTrack. */
  async ping(): Promise<void> {
    await this.topology.must("client1", program("traffic.ts", "send", 0, "198.51.100.7", 1214, PING, 50));
  }

  /** Client 2 surfs until ten pages came over either family, and not one did not; answers how many came. */
  async surf(): Promise<number> {
    const surfers = ([4, 6] as const).map((family) => new Surfer(this.topology, "client2", family));
    await until("ten pages over IPv4 and IPv6", () => surfers.every((surfer) => surfer.count().ok >= 10), 20_000);
    const counts = surfers.map((surfer) => surfer.count());
    await Promise.all(surfers.map((surfer) => surfer.stop()));
    assert.deepEqual(counts.map(({ failed }) => failed), [0, 0]);
    return counts[0]!.ok + counts[1]!.ok;
  }
}

async function dryRun(life: Life): Promise<string> {
  const { root, swarm } = life;
  const said = await root.must("sh /root/ftwall.run --dry-run");
  await root.must(`printf '${CONFIG.replaceAll("\n", "\\n")}' >/etc/ftwall/ftwall.toml`);
  await root.must("ftwall check && ftwall rules --apply && ftwall reload --verbose");
  await life.ping();
  await life.logs(/^detected fasttrack: client 10\.91\.1\.11 .*\[dry run\]$/m);
  await swarm.start();
  await swarm.complete();
  await life.logs(/^detected bittorrent: client 10\.91\.1\.12 .*\[dry run\]$/m);
  const pages = await life.surf();
  assert.match(await root.must("ftwall selftest"), /would lock client/);
  const report = await root.must("ftwall report --since 1h");
  for (const words of [/10\.91\.1\.11/, /10\.91\.1\.12/, /fasttrack/, /bittorrent/, /WOULD REFUSE/]) {
    assert.match(report, words);
  }
  const { memory, verdict_microseconds: took } = await life.status() as {
    memory: { rss_bytes: number };
    verdict_microseconds: { p50: number; p99: number };
  };
  tell(
    `dry-run: a torrent came, ${pages} pages; ${(memory.rss_bytes / 1048576).toFixed(1)} MiB resident, ` +
      `verdicts in ${took.p50} µs (median), ${took.p99} µs (p99)`,
  );
  return said;
}

async function enforce(life: Life): Promise<void> {
  await life.root.must("sh /root/ftwall.run");
  await life.ping();
  await life.logs(/^locked client 10\.91\.1\.11\b/m);
  const before = life.swarm.announces;
  await life.swarm.start();
  await until("a leecher that asks again and again", () => life.swarm.announces > before + 3, 30_000);
  assert.equal(life.swarm.received, 0);
  const pages = await life.surf();
  tell(`enforced: 0 bytes of the torrent, ${pages} pages`);
}

async function brokenConfig(life: Life): Promise<void> {
  await life.root.must("cp /etc/ftwall/ftwall.toml /root/good && echo 'second = 1' >>/etc/ftwall/ftwall.toml");
  const refused = await life.root.run("ftwall reload");
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /second/);
  // A restart too goes on with the last good one.
  await life.root.must("systemctl restart ftwall");
  assert.equal((await life.status())["dry_run"], false);
  const locks = (await life.status())["locks"] as { client: string }[];
  assert.deepEqual(locks.map(({ client }) => client), ["10.91.1.11"]);
  await life.root.must("cp /root/good /etc/ftwall/ftwall.toml && ftwall reload");
  tell("broken config: refused by reload, survived by restart");
}

async function reloadByCron(life: Life, said: string): Promise<void> {
  const line = /echo '(\*\/5 \* \* \* \* root [^']+)' > (\S+)/.exec(said);
  assert.ok(line !== null, said);
  await life.root.must(`echo '${line[1]!.replace("*/5", "*")}' >${line[2]}`);
  const after = (await life.journal()).length;
  await life.root.must(`printf '[log]\\nrefused = "20s"\\n' >>/etc/ftwall/ftwall.toml`);
  await life.logs(/^reloaded/m, 90_000, after);
  tell("cron: the changed config was loaded");
}

async function reboot(life: Life): Promise<void> {
  const begun = performance.now();
  // The kernel's tables go with a reboot; those of a namespace would not.
  await life.root.reboot(() =>
    life.topology.must("router", ["sh", "-c", "nft flush ruleset; conntrack -F 2>/dev/null; true"])
  );
  await life.logs(/^ready on queue/m);
  const took = performance.now() - begun;
  assert.match(await life.root.must("iptables-save; ip6tables-save"), /NFQUEUE/);
  const { locks, dry_run: dry } = await life.status() as { locks: { client: string }[]; dry_run: boolean };
  assert.deepEqual({ dry, clients: locks.map(({ client }) => client) }, { dry: false, clients: ["10.91.1.11"] });
  assert.match(await life.root.must("ftwall report --since 1h"), /10\.91\.1\.11/);
  const pages = await life.surf();
  tell(`reboot: ready ${(took / 1000).toFixed(1)} s after it was asked for, lock and history kept, ${pages} pages`);
}

async function upgrade(life: Life): Promise<void> {
  const other = await altered(await bundle(), /\b[0-9a-f]{8}$/m, "00000002");
  await Deno.writeFile(`${life.root.path}/root/other.run`, other);
  const surfer = new Surfer(life.topology, "client2", 4);
  const begun = performance.now();
  await life.root.must("sh /root/other.run");
  const took = performance.now() - begun;
  const { failed, ok } = surfer.count();
  await surfer.stop();
  const { locks } = await life.status() as { locks: { client: string }[] };
  assert.deepEqual(locks.map(({ client }) => client), ["10.91.1.11"]);
  assert.match(await life.root.must("cat /usr/local/sbin/ftwall"), /00000002/);
  assert.ok(ok > 0 && failed === 0, `${ok} pages came, ${failed} did not`);
  tell(`upgrade: ${(took / 1000).toFixed(1)} s, ${ok} pages came meanwhile and none was lost`);
}

/** systemd keeps the queue's socket: what comes while no ftwall is there waits. */
async function failClosed(life: Life): Promise<void> {
  const { root, topology } = life;
  using flood = new Flood();
  await flood.build();
  // A lock would keep the machine's other traffic away.
  const config = '[queue]\\nfail = "closed"\\nwatchdog = "1m"\\n[protocols.fasttrack]\\naction = "drop"\\n';
  await root.must(`printf '${config}' >>/etc/ftwall/ftwall.toml && ftwall check && ftwall unlock --all`);
  await root.must("systemctl restart ftwall");
  await topology.must("server", ["iptables", "-A", "INPUT", "-p", "udp", "--dport", "1214", "-j", "ACCEPT"]);
  const pinged = async () =>
    Number(/^\s*(\d+) .*dpt:1214/m.exec(await topology.must("server", ["iptables", "-nvxL", "INPUT"]))![1]);
  const load = await Load.start(topology, flood, 2000);
  const pings = topology.start("client2", flood.command("send", "ping", "10.91.1.12", ADDRESSES.server.v4, 200, 120));
  for (const end of ["restart", "kill -s KILL", "restart", "kill -s KILL"]) {
    const main = () => root.must("systemctl show -P MainPID ftwall");
    const [before, after] = [await main(), (await life.journal()).length];
    await root.must(`systemctl ${end} ftwall`);
    await life.logs(/^The service manager kept 1 queue since the last start$/m, 20_000, after);
    await life.logs(/^ready on queue/m, 20_000, after);
    assert.notEqual(await main(), before);
    const refused = async () => (await life.status())["counters"] as { refused: number };
    await until("refused pings", async () => (await refused()).refused > 100);
  }
  await pings.stop();
  assert.equal(await pinged(), 0);
  lostNothing("restarted twice and killed twice below systemd", await load.end());
}

Deno.test({
  ...named(
    "a router's life: dry-run, real traffic, report, enforced, broken config, cron, reboot, upgrade, removed",
    absent === undefined ? null : `no ${absent[0]}, package ${absent[1]}`,
  ),
  async fn(test) {
    await using topology = await Topology.create();
    await serve(topology);
    const file = await bundle();
    await using root = await SystemdRoot.boot(topology, (path) => Deno.copyFile(file, `${path}/root/ftwall.run`));
    await using swarm = await Swarm.create(topology, { seeder: "server", leecher: "client2", family: 4 });
    const life = new Life(topology, root, swarm);
    const before = { changes: await root.changes(), packages: await root.packages() };
    let said = "";
    const steps: readonly (readonly [string, () => Promise<void>])[] = [
      ["dry-run, and a report", async () => void (said = await dryRun(life))],
      ["made real", () => enforce(life)],
      ["a broken config", () => brokenConfig(life)],
      ["reload by cron", () => reloadByCron(life, said)],
      ["reboot", () => reboot(life)],
      ["upgrade", () => upgrade(life)],
      ["restarted and killed, nothing is lost and nothing passes", () => failClosed(life)],
    ];
    // Each goes on where the one before it ended.
    for (const [name, step] of steps) if (!await test.step(name, step)) return;
    await test.step("removed", async () => {
      await root.must("sh /root/other.run --uninstall --purge");
      assert.deepEqual(await root.packages(), before.packages);
      const left = (await root.changes()).filter((path) => !KEPT.test(path) && !before.changes.includes(path));
      assert.deepEqual(left, ["/root/good", "/root/other.run"]);
      assert.doesNotMatch(await root.must("iptables-save; ip6tables-save"), /ftwall/);
    });
  },
});
