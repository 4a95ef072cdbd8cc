/**
 * A router that boots: a virtual machine without KVM whose system is a static busybox and Debian's cloud kernel. The bundle
 * is installed in it, judges traffic of this machine's namespaces, survives a restart, and is removed without a trace.
 *
 *     deno task test:router [x86_64|aarch64]
 *
 * Not part of the gate. Needs root, /dev/net/tun, Debian's packages, qemu-system-x86 or qemu-system-arm, e2fsprogs, cpio and
 * kmod. For aarch64, where no executable can be made, the bundle holds Deno itself, from npm.
 */
import { existsSync } from "node:fs";
import { debianArch, fetched, type Package } from "../../lib/bundle/parts.ts";
import { finished, output } from "../../lib/bundle/command.ts";
import { bundle } from "./bundle_file.ts";
import { program } from "./everyday.ts";
import { type Answer, Background, execute, until } from "./topology.ts";

const root = new URL("../../", import.meta.url).pathname;
const SERVER = "198.51.100.2";
const CLIENT = "10.91.1.11";
/** A FastTrack ping that names KaZaA, and BitTorrent's handshake. */
const PING = "2700000029804b615a614100";
const HANDSHAKE = "13426974546f7272656e742070726f746f636f6c" + "00".repeat(8) + "ab".repeat(20) + "2d".repeat(20);
const GET = "474554202f35303020485454502f312e300d0a486f73743a20780d0a0d0a";

const MACHINES = {
  x86_64: { command: "qemu-system-x86_64", options: ["-machine", "q35"], console: "ttyS0" },
  aarch64: { command: "qemu-system-aarch64", options: ["-machine", "virt"], console: "ttyAMA0" },
} as const;

const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

function check(holds: boolean, what: string, found = ""): void {
  if (!holds) throw new Error(`${what}${found === "" ? "" : `: ${found}`}`);
  say(`ok: ${what}`);
}

/** Kernel, its modules and busybox of the architecture. */
async function system(arch: keyof typeof MACHINES): Promise<{ kernel: Package; tree: string; busybox: string }> {
  const cache = `${root}dist/packages`;
  const meta = `linux-image-cloud-${debianArch(arch)}`;
  await fetched(arch, [meta, "busybox-static"], cache);
  const depends = await output("sh", ["-c", `dpkg-deb -f ${cache}/${debianArch(arch)}/${meta}_*.deb Depends`]);
  const name = /linux-image-[\w.+-]+/.exec(depends)![0];
  const packages = await fetched(arch, [name, "busybox-static"], cache);
  const tree = `${cache}/${debianArch(arch)}/${name}`;
  return { kernel: packages.get(name)!, tree, busybox: packages.get("busybox-static")!.file("busybox") };
}

/** Parts of the kernel that a router may have as modules. */
const MODULES = ["net", "lib", "crypto", "drivers/net", "drivers/virtio", "drivers/block", "fs/ext4", "fs/jbd2", "fs"];

const RCS = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
modprobe virtio_net
for i in lan:10.91.1.1 wan:198.51.100.1; do
  for n in /sys/class/net/*; do
    case \${i%%:*} in lan) mac=52:54:00:00:00:01 ;; *) mac=52:54:00:00:00:02 ;; esac
    if [ "$(cat $n/address)" = $mac ]; then ifconfig \${n##*/} \${i#*:} netmask 255.255.255.0 up; fi
  done
done
echo 1 >/proc/sys/net/ipv4/ip_forward
crond -c /etc/crontabs
for s in /etc/init.d/S??*; do
  if [ -x "$s" ]; then "$s" start; fi
done
echo router is up
`;

/** A disk with busybox, the modules and the bundle; and what is needed to mount it. */
async function makeDisk(dir: string, arch: keyof typeof MACHINES, run: string): Promise<string> {
  const { tree, busybox } = await system(arch);
  const [version] = [...Deno.readDirSync(`${tree}/lib/modules`)].map(({ name }) => name);
  const disk = `${dir}/root`;
  for (const path of ["bin", "dev", "proc", "sys", "run", "tmp", "root", "etc/init.d", "etc/crontabs"]) {
    await Deno.mkdir(`${disk}/${path}`, { recursive: true });
  }
  await Deno.copyFile(busybox, `${disk}/bin/busybox`);
  await Deno.chmod(`${disk}/bin/busybox`, 0o755);
  for (const name of (await output("/bin/busybox", ["--list"])).split("\n")) {
    if (name !== "busybox") await Deno.symlink("busybox", `${disk}/bin/${name}`);
  }
  // Where the kernel looks for modprobe.
  await Deno.symlink("bin", `${disk}/sbin`);
  const modules = `lib/modules/${version}`;
  for (const path of MODULES) {
    if (!existsSync(`${tree}/${modules}/kernel/${path}`)) continue;
    const to = `${disk}/${modules}/kernel/${path}`;
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await finished("cp", ["-rT", `${tree}/${modules}/kernel/${path}`, to]);
  }
  for (const file of ["modules.order", "modules.builtin", "modules.builtin.modinfo"]) {
    if (existsSync(`${tree}/${modules}/${file}`)) {
      await Deno.copyFile(`${tree}/${modules}/${file}`, `${disk}/${modules}/${file}`);
    }
  }
  await finished("depmod", ["-b", disk, version!]);
  await Deno.writeTextFile(`${disk}/etc/init.d/rcS`, RCS, { mode: 0o755 });
  await Deno.writeTextFile(
    `${disk}/etc/inittab`,
    "::sysinit:/etc/init.d/rcS\n::respawn:-/bin/sh\n::shutdown:/bin/umount -a -r\n",
  );
  await Deno.writeTextFile(`${disk}/etc/crontabs/root`, "");
  await Deno.writeTextFile(`${disk}/etc/passwd`, "root::0:0:root:/root:/bin/sh\n");
  await Deno.writeTextFile(`${disk}/etc/profile`, "PATH=/bin:/usr/sbin\nexport PATH\n");
  await Deno.copyFile(run, `${disk}/root/ftwall.run`);
  await finished("truncate", ["-s", "1500M", `${dir}/disk`]);
  await finished("mke2fs", ["-q", "-t", "ext4", "-d", disk, `${dir}/disk`]);

  const initrd = `${dir}/initrd`;
  await Deno.mkdir(`${initrd}/bin`, { recursive: true });
  await Deno.mkdir(`${initrd}/mnt`);
  await Deno.copyFile(`${disk}/bin/busybox`, `${initrd}/bin/busybox`);
  await Deno.chmod(`${initrd}/bin/busybox`, 0o755);
  const lines = ["#!/bin/busybox sh", "/bin/busybox mkdir -p /dev", "/bin/busybox mount -t devtmpfs dev /dev"];
  const seen = new Set<string>();
  for (const name of ["virtio_pci", "virtio_blk", "ext4"]) {
    const listed = await output("modprobe", ["-d", disk, "-S", version!, "--show-depends", name]);
    for (const [, path] of listed.matchAll(/^insmod (\S+)/gm)) {
      const file = path!.slice(path!.lastIndexOf("/") + 1);
      if (seen.has(file)) continue;
      seen.add(file);
      await Deno.copyFile(path!, `${initrd}/${file}`);
      lines.push(`/bin/busybox insmod /${file}`);
    }
  }
  lines.push("until /bin/busybox mount -t ext4 /dev/vda /mnt; do /bin/busybox sleep 1; done");
  lines.push("/bin/busybox mount --move /dev /mnt/dev", "exec /bin/busybox switch_root /mnt /bin/init");
  await Deno.writeTextFile(`${initrd}/init`, `${lines.join("\n")}\n`, { mode: 0o755 });
  await finished("sh", ["-c", "find . | cpio --quiet -o -H newc >../initrd.img"], initrd);
  await finished("sh", ["-c", `cp ${tree}/boot/vmlinuz-* ${dir}/vmlinuz`]);
  return `${dir}/disk`;
}

/** The router, its console, and a client and a server in namespaces of this machine. */
class Router implements AsyncDisposable {
  readonly #names = { vm: "", client: "", server: "" };
  readonly #dir: string;
  readonly #arch: keyof typeof MACHINES;
  readonly #running: Background[] = [];
  #machine: Deno.ChildProcess | null = null;
  #heard = "";
  #asked = 0;

  constructor(dir: string, arch: keyof typeof MACHINES) {
    this.#dir = dir;
    this.#arch = arch;
    for (const name of ["vm", "client", "server"] as const) this.#names[name] = `fwboot${Deno.pid}-${name}`;
  }

  async boot(): Promise<void> {
    const { command, options, console } = MACHINES[this.#arch];
    for (const name of Object.values(this.#names)) {
      await execute(["ip", "netns", "del", name]);
      await finished("ip", ["netns", "add", name]);
    }
    const nic = (id: string, mac: string) => [
      ...["-netdev", `tap,id=${id},ifname=${id},script=no,downscript=no`],
      ...["-device", `virtio-net-pci,netdev=${id},mac=${mac},romfile=`],
    ];
    this.#heard = "";
    this.#machine = new Deno.Command("ip", {
      args: [
        ...[
          "netns",
          "exec",
          this.#names.vm,
          command,
          ...options,
          "-accel",
          "tcg,thread=multi",
          "-cpu",
          "max",
          "-m",
          "768",
        ],
        ...[
          "-smp",
          "2",
          "-nographic",
          "-no-reboot",
          "-kernel",
          `${this.#dir}/vmlinuz`,
          "-initrd",
          `${this.#dir}/initrd.img`,
        ],
        ...[
          "-append",
          `console=${console} quiet panic=1 no_timer_check`,
          "-drive",
          `file=${this.#dir}/disk,if=virtio,format=raw`,
        ],
        ...nic("lan", "52:54:00:00:00:01"),
        ...nic("wan", "52:54:00:00:00:02"),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const stream = this.#machine.stdout.pipeThrough(new TextDecoderStream());
    void (async () => {
      for await (const text of stream) this.#heard += text.replaceAll("\r", "");
    })();
    for (const [id, host, address] of [["lan", "client", `${CLIENT}/24`], ["wan", "server", `${SERVER}/24`]] as const) {
      const ns = this.#names[host];
      await until(
        `the interface ${id}`,
        async () => (await execute(["ip", "-n", this.#names.vm, "link", "set", id, "netns", ns])).code === 0,
      );
      await finished("ip", ["-n", ns, "addr", "add", address, "dev", id]);
      await finished("ip", ["-n", ns, "link", "set", id, "up"]);
      await finished("ip", ["-n", ns, "link", "set", "lo", "up"]);
      const way = host === "client" ? "10.91.1.1" : "198.51.100.1";
      await finished("ip", ["-n", ns, "route", "add", "default", "via", way]);
    }
    const serve = program("traffic.ts", "serve", SERVER);
    const server = new Deno.Command("ip", {
      args: ["netns", "exec", this.#names.server, ...serve],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const background = new Background(server);
    this.#running.push(background);
    await background.prints('"ready"');
    await until("the router", () => this.#heard.includes("router is up"), 300_000, () => this.#heard.slice(-2000));
  }

  /** Runs a command on the console; answers its exit code and what it printed. */
  async run(command: string, limit = 600_000): Promise<{ code: number; said: string }> {
    const from = this.#heard.length;
    const mark = `@${++this.#asked}:`;
    const writer = this.#machine!.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${command}; echo "${mark}$?@"\n`));
    writer.releaseLock();
    const ending = new RegExp(`${mark}(\\d+)@`);
    await until(command, () => ending.test(this.#heard.slice(from)), limit, () => this.#heard.slice(from).slice(-3000));
    const heard = this.#heard.slice(from);
    const end = ending.exec(heard)!;
    return { code: Number(end[1]), said: heard.slice(heard.indexOf("\n") + 1, end.index) };
  }

  async must(command: string): Promise<string> {
    const { code, said } = await this.run(command);
    if (code !== 0) throw new Error(`"${command}" ended with ${code}: ${said}`);
    return said;
  }

  /** Runs a command of this machine where the client is. */
  async client(command: readonly string[]): Promise<Answer> {
    return await execute(["ip", "netns", "exec", this.#names.client, ...command], { limit: 60_000 });
  }

  /** What the server answers to these bytes from the client. */
  async dial(hex: string): Promise<string> {
    const { stdout } = await this.client(program("traffic.ts", "dial", SERVER, 80, 6000, hex));
    return (JSON.parse(stdout) as { received: string }).received;
  }

  async off(command: string): Promise<void> {
    const writer = this.#machine!.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`sync; ${command}\n`));
    writer.releaseLock();
    const late = setTimeout(() => this.#machine!.kill("SIGKILL"), 120_000);
    await this.#machine!.status;
    clearTimeout(late);
    await this.#machine!.stdin.close().catch(() => {});
    for (const each of this.#running.splice(0)) await each.stop();
    for (const name of Object.values(this.#names)) await execute(["ip", "netns", "del", name]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#machine?.kill("SIGKILL");
      await this.#machine?.status;
      await this.#machine?.stdin.close();
    } catch {
      // It has ended.
    }
    for (const each of this.#running) await each.stop("SIGKILL");
    for (const name of Object.values(this.#names)) await execute(["ip", "netns", "del", name]);
  }
}

/** The bundle of another architecture, with Deno itself, from npm. */
async function foreignBundle(dir: string): Promise<string> {
  const version = Deno.readTextFileSync(`${root}.dvmrc`).trim();
  await finished("npm", ["pack", "--silent", `@deno/linux-arm64-glibc@${version}`], dir);
  await finished("sh", ["-c", "tar xzf deno-linux-arm64-glibc-*.tgz"], dir);
  const order = ["--arch", "aarch64", "--deno", `${dir}/package/deno`, "--out", dir];
  const said = await output(Deno.execPath(), ["run", "-A", "--no-check", `${root}lib/bundle/run_file.ts`, ...order]);
  return /built (\S+)/.exec(said)![1]!;
}

async function main(arch: keyof typeof MACHINES): Promise<void> {
  const dir = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "ftwall-router-" });
  try {
    say(`making the bundle and a disk for ${arch}`);
    await makeDisk(dir, arch, arch === Deno.build.arch ? await bundle() : await foreignBundle(dir));
    await using router = new Router(dir, arch);
    say("booting");
    await router.boot();
    say((await router.must("uname -srvm")).trim());
    check(
      (await router.run("ls /lib/ld-* /lib64 /lib/*/libc.so*")).code !== 0,
      "there is no glibc on the system's path",
    );
    const list = "find / -xdev -not -path '/root/.ash_history' | sort";
    const before = await router.must(list);
    check((await router.dial(GET)) !== "", "the router routes");

    // An emulated processor on a busy machine stands still for longer than the watchdog of a router allows.
    await router.must("mkdir /etc/ftwall; printf '[queue]\\nwatchdog = \"1m\"\\n' >/etc/ftwall/ftwall.toml");
    say(await router.must("sh /root/ftwall.run --dry-run"));
    say(await router.must("/usr/sbin/ftwall version"));
    const rules = await router.must("/opt/ftwall/ftwall-*/tools/nft list table inet ftwall | grep queue");
    check(/queue (?:flags|to|num)/.test(rules), "the rules use nft's own queue statement");
    check((await router.dial(GET)) !== "", "dry-run: HTTP passes");
    check((await router.dial(HANDSHAKE)) !== "", "dry-run: BitTorrent passes");
    const log = await router.must("cat /var/log/ftwall.log");
    check(/would refuse .*bittorrent/.test(log), "dry-run: the log says what would be refused", log);

    await router.must("sh /root/ftwall.run");
    check((await router.dial(GET)) !== "", "HTTP passes");
    check((await router.dial(HANDSHAKE)) === "", "BitTorrent's handshake is refused");
    await router.client(program("traffic.ts", "send", 0, SERVER, 1214, PING, 100));
    const status = async () => await router.must("ftwall status --json");
    await until("the lock", async () => (await status()).includes(`"client":"${CLIENT}"`), 60_000);
    check((await router.dial(GET)) === "", "a FastTrack ping locks its sender");
    // What fw4 of OpenWrt loads when it reloads begins with these lines.
    const fw4 = "table inet fw4\\nflush table inet fw4\\ntable inet fw4 {\\n chain c {\\n accept\\n }\\n}\\n";
    await router.must(`printf '${fw4}' | /opt/ftwall/ftwall-*/tools/nft -f -`);
    check((await router.must("ftwall doctor; true")).includes("rules"), "doctor runs");
    await router.must(`ftwall unlock ${CLIENT}`);
    check((await router.dial(HANDSHAKE)) === "", "the rules outlive what fw4 loads");
    check((await router.dial(GET)) !== "", "unlocked, it surfs again");

    await router.must("echo '* * * * * /usr/sbin/ftwall reload --verbose >>/tmp/reload 2>&1' >/etc/crontabs/root");
    await router.must(
      "printf '[lock]\\nseconds = 77\\n' >>/etc/ftwall/ftwall.toml; killall crond; crond -c /etc/crontabs",
    );
    await router.must(
      "i=0; until [ -s /tmp/reload ] || [ $i -gt 150 ]; do sleep 1; i=$((i + 1)); done; cat /tmp/reload",
    );
    check((await router.must("ftwall check")).includes("seconds = 77"), "the config is the new one");
    check(!/refused|error/i.test(await router.must("cat /tmp/reload")), "busybox cron reloads it");
    say(await router.must("cat /tmp/reload"));
    const resident = Number(/"rss_bytes":(\d+)/.exec(await status())?.[1]) / 1048576;
    say(`${resident.toFixed(1)} MiB resident`);

    say("restarting the router");
    await router.off("reboot");
    await router.boot();
    await until("the daemon", async () => (await router.run("ftwall status")).code === 0, 120_000);
    const refused = (await router.dial(HANDSHAKE)) === "";
    const found = refused
      ? ""
      : (await router.run("ftwall doctor; tail -n 20 /var/log/ftwall.log; dmesg | tail -n 5")).said;
    check(refused, "after a restart BitTorrent's handshake is refused", found);
    check((await router.dial(GET)) !== "", "after a restart HTTP passes");

    say(await router.must("sh /root/ftwall.run --uninstall --purge"));
    const after = await router.must(list);
    check(after === before, "the file system is as it was", difference(before, after));
    check((await router.must("cat /etc/crontabs/root")).trim() === "", "cron has no line of it any more");
    check((await router.dial(HANDSHAKE)) !== "", "nothing is refused any more");
    await router.off("poweroff");
    say(`passed on ${arch}`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function difference(before: string, after: string): string {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const gone = old.filter((line) => !now.includes(line)).map((line) => `-${line}`);
  return [...gone, ...now.filter((line) => !old.includes(line)).map((line) => `+${line}`)].join(" ");
}

if (import.meta.main) {
  const arch = Deno.args[0] ?? "x86_64";
  if (arch !== "x86_64" && arch !== "aarch64") throw new Error(`no machine of kind ${arch}`);
  await main(arch);
}
