/**
 * The services for OpenRC and procd as far as they can be tried without their distributions: OpenRC in a Debian that has
 * it, and for procd a stand-in of OpenWrt's rc.common that does what procd is told. `deno task test:life`.
 */
import assert from "node:assert/strict";
import { BareRoot, bundle, noBundle } from "./bundle_file.ts";
import { minimal, named } from "./systemd_root.ts";
import { type Answer, execute, Topology, until } from "./topology.ts";

/** What OpenWrt's rc.common and procd do with a service, for one instance that is started again when it ends. */
const RC_COMMON = `#!/bin/sh
initscript=$1; action=$2
name=\${initscript##*/}
procd_open_instance() { procd_command='' respawn=''; }
procd_set_param() { what=$1; shift; case $what in command) procd_command="$*" ;; respawn) respawn=$* ;; esac; }
procd_close_instance() {
  [ -n "$respawn" ] || exit 1
  (trap 'kill $!; exit' TERM; while :; do $procd_command >>/tmp/logread 2>&1 </dev/null & wait $!; sleep 1; done) </dev/null >/dev/null 2>&1 &
  echo $! >/tmp/procd.$name
}
stop() { [ ! -e /tmp/procd.$name ] || { kill "$(cat /tmp/procd.$name)"; rm /tmp/procd.$name; sleep 1; }; }
. "$initscript"
[ "$USE_PROCD" = 1 ] || exit 1
case $action in
start) start_service ;;
stop) stop ;;
restart) stop; start_service ;;
reload) reload_service ;;
enable) ln -sf "../init.d/$name" "/etc/rc.d/S$START$name"; ln -sf "../init.d/$name" "/etc/rc.d/K$STOP$name" ;;
disable) rm -f /etc/rc.d/S??$name /etc/rc.d/K??$name ;;
esac
`;

type Run = (script: string) => Promise<{ readonly code: number; readonly said: string }>;

/** Installs, looks, reloads, kills, removes; `service` are the words that call the service. */
async function life(run: Run, service: string, list: () => string[]): Promise<void> {
  const must = async (script: string) => {
    const { code, said } = await run(script);
    assert.equal(code, 0, `${script}: ${said}`);
    return said;
  };
  const before = list();
  const said = await must("sh /root/ftwall.run --dry-run");
  assert.match(said, /type next: \S*ftwall selftest/);
  const pid = async () => /, pid (\d+), .*DRY RUN/.exec((await run("ftwall status")).said)?.[1];
  const first = await pid();
  assert.ok(first !== undefined, said);
  await must(`printf '[lock]\\nseconds = 77\\n' >>/etc/ftwall/ftwall.toml && ${service} reload`);
  assert.match(await must("ftwall check"), /^seconds = 77$/m);
  await must(`kill -9 ${first}`);
  await until("another process", async () => ![undefined, first].includes(await pid()));
  await must(`${service} restart`);
  await until("an answer after a restart", async () => (await pid()) !== undefined);
  // An upgrade goes on with the dry run.
  assert.match(await must("sh /root/ftwall.run --dry-run"), /up to date/);
  await must("sh /root/ftwall.run --uninstall --purge");
  assert.deepEqual(list(), before);
}

Deno.test({
  ...named("the service for procd starts, reloads, comes back and goes", noBundle()),
  async fn() {
    await using topology = await Topology.create();
    await using bare = await BareRoot.create(topology);
    for (const dir of ["etc/init.d", "etc/rc.d", "sbin", "usr", "run"]) {
      await Deno.mkdir(`${bare.path}/${dir}`, { recursive: true });
    }
    await Deno.writeTextFile(`${bare.path}/etc/rc.common`, RC_COMMON, { mode: 0o755 });
    await Deno.writeTextFile(`${bare.path}/etc/openwrt_release`, "DISTRIB_ID='OpenWrt'\n");
    await Deno.writeTextFile(`${bare.path}/sbin/procd`, "#!/bin/sh\n", { mode: 0o755 });
    const own = () => bare.list().filter((path) => !/^\/(tmp|dev|proc)\//.test(path));
    await life((script) => bare.run(script), "/etc/init.d/ftwall", own);
  },
});

Deno.test({
  ...named("the service for OpenRC starts, reloads, comes back and goes"),
  async fn() {
    await using topology = await Topology.create();
    const lower = await minimal("openrc", "openrc,iptables,iproute2");
    const dir = await Deno.makeTempDir({ prefix: "ftwall-openrc-" });
    try {
      for (const name of ["upper", "work", "root"]) await Deno.mkdir(`${dir}/${name}`);
      const layers = `lowerdir=${lower},upperdir=${dir}/upper,workdir=${dir}/work`;
      assert.equal((await execute(["mount", "-t", "overlay", "overlay", "-o", layers, `${dir}/root`])).code, 0);
      await Deno.copyFile(await bundle(), `${dir}/root/root/ftwall.run`);
      const run = async (script: string) => {
        const inside = `mount -t proc proc ${dir}/root/proc; exec chroot ${dir}/root env -i HOME=/root ` +
          `PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$1"`;
        const answer: Answer = await topology.run("router", ["unshare", "-m", "sh", "-c", inside, "sh", script], {
          limit: 120_000,
        });
        return { code: answer.code, said: answer.stdout + answer.stderr };
      };
      // A system that OpenRC has booted.
      const booted = await run("mkdir -p /run/openrc && : >/run/openrc/softlevel && rc-update -u && rc-status -a");
      assert.equal(booted.code, 0, booted.said);
      const list = () =>
        new TextDecoder().decode(
          new Deno.Command("find", { args: [`${dir}/root`, "-xdev"] }).outputSync().stdout,
        ).split("\n").map((path) => path.slice(`${dir}/root`.length)).filter((path) => !/^\/(run|tmp|dev)\//.test(path))
          .sort();
      await life(run, "rc-service ftwall", list);
    } finally {
      await execute(["sh", "-c", `umount -l ${dir}/root; rm -rf ${dir}`]);
    }
  },
});
