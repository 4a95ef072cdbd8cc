import assert from "node:assert/strict";
import { altered, BareRoot, bundle, noBundle } from "./bundle_file.ts";
import { program, serve } from "./everyday.ts";
import { Flood, Load, lostNothing } from "./load.ts";
import { missing } from "./missing_tools.ts";
import { ADDRESSES, skipReason, Topology, until } from "./topology.ts";

const reason = noBundle() ?? skipReason(["ip", "iptables", "ip6tables"]);
const named = (name: string) => ({
  name: reason === null ? name : `${name} (skipped: ${reason})`,
  ignore: reason !== null,
});

/** The packages of npm that the program holds. */
const { imports } = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url))) as {
  imports: Record<string, string>;
};
const packages = Object.keys(imports).filter((name) => name !== "fast-check");

/** Makes room for this machine's firewall tools; answers the commands that mount them. */
async function lendTools({ path }: BareRoot): Promise<string> {
  for (const dir of ["usr", "local"]) await Deno.mkdir(`${path}/${dir}`);
  for (const dir of ["lib", "lib64"]) await Deno.symlink(`usr/${dir}`, `${path}/${dir}`);
  await Deno.mkdir(`${path}/etc/alternatives`, { recursive: true });
  return [
    `mount -t proc proc ${path}/proc`,
    `mount --bind /usr ${path}/usr`,
    `mount -o remount,ro,bind ${path}/usr`,
    `mount --bind /etc/alternatives ${path}/etc/alternatives`,
  ].join(" && ");
}

/** What is said in one sentence stands on one line. */
const sentence = (said: string) => assert.match(said.trim(), /^ftwall: [^\n]+$/);

Deno.test({
  ...named("the bundle is at most 25 MB, with checksum and list of parts beside it"),
  async fn() {
    const path = await bundle();
    const bytes = await Deno.readFile(path);
    assert.ok(bytes.length <= 25_000_000, `${bytes.length} bytes`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    assert.equal(await Deno.readTextFile(`${path}.sha256`), `${digest}  ${path.slice(path.lastIndexOf("/") + 1)}\n`);
    const list = JSON.parse(await Deno.readTextFile(path.replace(/run$/, "cdx.json"))) as {
      bomFormat: string;
      components: { name: string; licenses: { expression: string }[] }[];
    };
    assert.equal(list.bomFormat, "CycloneDX");
    const names = list.components.map(({ name }) => name);
    for (const name of ["deno", "libc6", "libnetfilter-queue1", ...packages]) assert.ok(names.includes(name), name);
    assert.ok(list.components.every(({ licenses }) => licenses[0]!.expression !== ""));
  },
});

Deno.test({
  ...named("the bundle installs and removes itself where there is nothing but busybox"),
  async fn() {
    await using bare = await BareRoot.create();
    const before = bare.list();
    const { code, said } = await bare.run("cd /root && sh ftwall.run --dry-run --no-start && ftwall version");
    assert.equal(code, 0, said);
    assert.match(said, /takes \d+ MiB of disk in \/opt\/ftwall, and 35 to 75 MiB of memory/);
    assert.match(said, /^ftwall \d+\.\d+\.\d+$/m);
    const [place] = [...Deno.readDirSync(`${bare.path}/opt/ftwall`)].filter(({ name }) => name.startsWith("ftwall-"));
    const inside = `${bare.path}/opt/ftwall/${place!.name}`;
    const licences = [...Deno.readDirSync(`${inside}/licences`)].map(({ name }) => name);
    for (const name of ["ftwall", "deno", "libc6", ...packages.map((name) => name.replace("/", "_"))]) {
      assert.ok(licences.includes(`${name}.txt`), name);
    }
    assert.ok(Deno.statSync(`${inside}/share/ftwall.toml.example`).size > 1000);
    const again = await bare.run("sh /root/ftwall.run --no-start");
    assert.equal(again.code, 0, again.said);
    assert.match(again.said, /is there\n[^]*up to date[^]*as it is/);
    // Config that was changed is kept, and what else was made goes.
    await Deno.writeTextFile(`${bare.path}/etc/ftwall/ftwall.toml`, "# mine\n");
    const removed = await bare.run("sh /root/ftwall.run --uninstall");
    assert.equal(removed.code, 0, removed.said);
    assert.deepEqual(bare.list().filter((path) => !before.includes(path)), [
      "/etc",
      "/etc/ftwall",
      "/etc/ftwall/ftwall.toml.saved",
    ]);
    const purged = await bare.run(
      "rm -r /etc; sh /root/ftwall.run --no-start && sh /opt/ftwall/ftwall-*/install.sh --uninstall --purge",
    );
    assert.equal(purged.code, 0, purged.said);
    assert.deepEqual(bare.list(), before);
  },
});

Deno.test({
  ...named("where it cannot be installed, the bundle says why in one sentence and leaves nothing"),
  async fn(test) {
    await using bare = await BareRoot.create();
    const before = bare.list();
    const proc = `mount -t proc proc ${bare.path}/proc`;
    const refused = async (name: string, script: string, code: number, words: RegExp, outside?: string) => {
      await test.step(name, async () => {
        const answer = await bare.run(script, outside);
        assert.equal(answer.code, code, answer.said);
        sentence(
          answer.said.split("\n").filter((line) => !/ takes \d+ MiB of disk|: unpacking|^ {2}\d+ of \d+ MiB/.test(line))
            .join("\n"),
        );
        assert.match(answer.said, words);
        assert.deepEqual(bare.list(), before);
      });
    };
    const broken = "cp /root/ftwall.run /tmp/x.run && %; sh /tmp/x.run --dry-run; code=$?; rm /tmp/x.run; exit $code";
    const spoil = "printf x | dd of=/tmp/x.run bs=1 seek=9000000 conv=notrunc 2>/dev/null";
    await refused("damaged", broken.replace("%", spoil), 1, /is damaged/);
    await refused("cut short", broken.replace("%", "truncate -s 20000000 /tmp/x.run"), 1, /is damaged/);
    await Deno.writeFile(`${bare.path}/root/mips.run`, await altered(await bundle(), /arch=\w{6}/, "arch=mips64"));
    await Deno.writeFile(`${bare.path}/root/low.run`, await altered(await bundle(), /disk=\d{5}/, "disk=00001"));
    before.push("/root/low.run", "/root/mips.run");
    before.sort();
    await refused("another architecture", "sh /root/mips.run --dry-run", 3, /is for mips64, and this machine is \w+/);
    await refused("unknown option", "sh /root/ftwall.run --nonsense", 2, /unknown option "--nonsense"/);
    const small = (kib: number) => `${proc}; mount -t tmpfs -o size=${kib}k tmpfs ${bare.path}/tmp`;
    await refused("too little room", "sh /root/ftwall.run --dry-run --to /tmp/ftwall", 1, /take/, small(40_000));
    // There is less room than was thought when the writing began.
    const left = "code=$?; [ ! -e /tmp/ftwall ] || code=99; exit $code";
    await refused(
      "a disk that fills up",
      `sh /root/low.run --extract /tmp/ftwall; ${left}`,
      1,
      /is the disk full\?/,
      small(60_000),
    );
    // Files in place of the kernel's own.
    const fake = (meminfo: string) =>
      `mount -t tmpfs tmpfs ${bare.path}/proc; mkdir -p ${bare.path}/proc/self/net/netfilter; ` +
      `echo "${meminfo}" >${bare.path}/proc/meminfo; touch ${bare.path}/proc/self/net/dev`;
    await refused("a kernel without NFQUEUE", "sh /root/ftwall.run", 3, /no NFQUEUE.*linux-image/, fake(""));
    await refused(
      "too little memory, that of the one that runs included",
      "sh /root/ftwall.run",
      1,
      /59 MiB of memory are free and ftwall takes 80/,
      `${fake("MemAvailable:   40000 kB")}; mkdir ${bare.path}/proc/7; ` +
        `printf 'Name:\\tftwall\\nVmRSS:\\t   20480 kB\\n' >${bare.path}/proc/7/status; touch ${bare.path}/proc/self/net/netfilter/nfnetlink_queue`,
    );
  },
});

Deno.test({
  ...named("ftwall from the bundle judges a real queue: BitTorrent is refused, HTTP passes"),
  async fn() {
    await using topology = await Topology.create();
    await using bare = await BareRoot.create(topology);
    const unpacked = await bare.run("sh /root/ftwall.run --extract / && mkdir /run");
    assert.equal(unpacked.code, 0, unpacked.said);
    for (const tool of ["iptables", "ip6tables"]) {
      await topology.must("router", [tool, ..."-t mangle -A FORWARD -j NFQUEUE --queue-num 0".split(" ")]);
    }
    const options = "--control /run/ftwall.sock --state '' --log-format json";
    await using daemon = topology.start("router", bare.command(`exec /ftwall-*/ftwall run ${options}`));
    await daemon.prints(/"event":"ready"/, 30_000);
    await serve(topology);
    const dial = async (hex: string) => {
      const line = await topology.must("client1", program("traffic.ts", "dial", ADDRESSES.server.v4, 80, 3000, hex));
      return JSON.parse(line) as { received: string };
    };
    const bytes = (text: string) => [...text].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    assert.ok((await dial(bytes("GET / HTTP/1.0\r\nHost: example.org\r\n\r\n"))).received !== "");
    assert.equal((await dial(`13${bytes("BitTorrent protocol")}${"00".repeat(48)}`)).received, "");
    await until("the refusal", () => /"event":"detected"[^\n]*"bittorrent"/.test(daemon.stdout));
    assert.match(daemon.stdout, /"event":"refused"[^\n]*"client":"10\.91\.1\.11"/);
  },
});

Deno.test({
  ...named("an upgrade keeps config and state; one that fails or is interrupted leaves the old version running"),
  async fn() {
    await using topology = await Topology.create();
    await using bare = await BareRoot.create(topology);
    const { path } = bare;
    await Deno.writeFile(`${path}/root/other.run`, await altered(await bundle(), /\b[0-9a-f]{8}$/m, "00000002"));
    const mounts = await lendTools(bare);
    const run = async (script: string) => await bare.run(script, mounts);
    const ftwall = "/local/sbin/ftwall";
    const starter = () => Deno.readTextFileSync(`${path}${ftwall}`);
    const pid = () => Deno.readTextFileSync(`${path}/run/ftwall/ftwall.pid`).trim();

    const first = await run("sh /root/ftwall.run --prefix /local");
    assert.equal(first.code, 0, first.said);
    const old = { starter: starter(), pid: pid() };
    await Deno.writeTextFile(`${path}/etc/ftwall/ftwall.toml`, "[lock]\nseconds = 77\n", { append: true });
    const locked = await run(`${ftwall} reload && ${ftwall} lock 10.91.1.12 --for 10m --reason test`);
    assert.equal(locked.code, 0, locked.said);

    // A config that the new version does not take stops it before anything is changed.
    const config = await Deno.readTextFile(`${path}/etc/ftwall/ftwall.toml`);
    await Deno.writeTextFile(`${path}/etc/ftwall/ftwall.toml`, "second = 77\n", { append: true });
    const refused = await run("sh /root/other.run --prefix /local");
    assert.equal(refused.code, 2, refused.said);
    assert.deepEqual({ starter: starter(), pid: pid() }, old);
    await Deno.writeTextFile(`${path}/etc/ftwall/ftwall.toml`, config);

    // A version whose daemon ends at once.
    const place = `/opt/ftwall/${
      [...Deno.readDirSync(`${path}/opt/ftwall`)].find(({ isDirectory }) => isDirectory)!.name
    }`;
    const other = place.replace(/\w+$/, "00000002");
    await Deno.mkdir(path + other);
    await Deno.copyFile(`${path}${place}/install.sh`, `${path}${other}/install.sh`);
    const daemonless = `#!/bin/sh\n[ "$1" != run ] || exit 1\nexec ${place}/ftwall "$@"\n`;
    await Deno.writeTextFile(`${path}${other}/ftwall`, daemonless, { mode: 0o755 });
    await Deno.writeTextFile(`${path}${other}/complete`, "");
    const failed = await run("sh /root/other.run --prefix /local");
    assert.equal(failed.code, 1, failed.said);
    assert.match(failed.said, /the version from before is put back/);
    assert.equal(starter(), old.starter);
    const status = await run(`${ftwall} status --json`);
    assert.match(status.said, /"client":"10\.91\.1\.12"/);

    // One whose daemon never answers, which somebody does not wait for.
    const silent = daemonless.replace("exit 1", "while :; do sleep 1; done");
    await Deno.writeTextFile(`${path}${other}/ftwall`, silent, { mode: 0o755 });
    const interrupted = await run(
      "setsid sh /root/other.run --prefix /local >/root/said 2>&1 & until grep -q 'starting the service' /root/said; do sleep 1; done; sleep 3; " +
        "kill -TERM -$!; wait $!; code=$?; cat /root/said; rm /root/said; exit $code",
    );
    assert.equal(interrupted.code, 1, interrupted.said);
    assert.match(interrupted.said, /the version from before is put back/);
    assert.equal(starter(), old.starter);
    assert.match((await run(`${ftwall} status --json`)).said, /"client":"10\.91\.1\.12"/);
    const before = () => bare.list().filter((path) => path.endsWith(".before"));
    assert.deepEqual(before(), []);

    await Deno.remove(path + other, { recursive: true });
    const upgraded = await run("sh /root/other.run --prefix /local");
    assert.equal(upgraded.code, 0, upgraded.said);
    assert.notEqual(starter(), old.starter);
    assert.equal(await Deno.readTextFile(`${path}/etc/ftwall/ftwall.toml`), config);
    assert.match((await run(`${ftwall} status --json`)).said, /"client":"10\.91\.1\.12"/);
    const bundles = [...Deno.readDirSync(`${path}/opt/ftwall`)].filter(({ name }) => name.startsWith("ftwall-"));
    assert.equal(bundles.length, 1);
    const removed = await run("sh /root/other.run --uninstall --purge --prefix /local");
    assert.equal(removed.code, 0, removed.said);
    const left = ["/opt", "/var", "/run", "/etc/ftwall", "/local/sbin"].filter((dir) => bare.list().includes(dir));
    assert.deepEqual(left, []);
    assert.equal((await topology.must("router", ["iptables-save"])).includes("ftwall"), false);
  },
});

Deno.test({
  ...missing([["gcc", "gcc"]], reason)(
    "an upgrade without a service manager, and restarts of System V's service, lose no packet and let none pass unseen",
  ),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create();
    await using bare = await BareRoot.create(topology);
    await Deno.writeFile(`${bare.path}/root/other.run`, await altered(await bundle(), /\b[0-9a-f]{8}$/m, "00000002"));
    // Debian's tool for System V's services is not there.
    const tool = `${bare.path}/usr/sbin/update-rc.d`;
    const hidden = `[ ! -e ${tool} ] || mount --bind ${bare.path}/dev/null ${tool}`;
    const mounts = `${await lendTools(bare)} && { ${hidden}; }`;
    const must = async (script: string) => {
      const { code, said } = await bare.run(script, mounts);
      assert.equal(code, 0, `${script}: ${said}`);
      return said;
    };
    const pid = () => Deno.readTextFileSync(`${bare.path}/run/ftwall/ftwall.pid`).trim();
    const log = () => Deno.readTextFileSync(`${bare.path}/var/log/ftwall.log`);
    await Deno.mkdir(`${bare.path}/etc/ftwall`);
    // While no daemon is there, a packet would be dropped; none is left out for want of a processor.
    const config = '[network]\nlan = ["br-lan"]\nhome = ["10.91.0.0/16"]\n[queue]\nfail = "closed"\nwatchdog = "1m"\n';
    await Deno.writeTextFile(`${bare.path}/etc/ftwall/ftwall.toml`, config);
    assert.match(await must("sh /root/ftwall.run --prefix /local"), /started in the background/);
    const load = await Load.start(topology, flood, 2000);
    const upgrade = "sh /root/other.run --prefix /local";
    for (const script of [upgrade, `mkdir -p /etc/rc.d/rc3.d && ${upgrade}`, "/etc/init.d/ftwall restart"]) {
      const before = { pid: pid(), log: log().length };
      await must(script);
      assert.notEqual(pid(), before.pid);
      assert.match(log().slice(before.log), /Took the place of process \d+, and 1 queue of it/);
    }
    lostNothing("upgraded twice and restarted", await load.end());
    await must("/etc/init.d/ftwall start && /etc/init.d/ftwall status && /etc/init.d/ftwall stop");
    assert.notEqual((await bare.run("/etc/init.d/ftwall status", mounts)).code, 0);
    assert.deepEqual(bare.list().filter((path) => path.startsWith("/run/ftwall/")), []);
    await must("sh /root/other.run --uninstall --purge --prefix /local");
  },
});
