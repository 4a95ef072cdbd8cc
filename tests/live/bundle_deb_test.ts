/** The Debian package in a root that holds nothing but busybox, with words of systemd's that only write down their calls. */
import assert from "node:assert/strict";
import { BareRoot, noBundle } from "./bundle_file.ts";
import { execute, hasTool } from "./topology.ts";

const reason = noBundle() ?? (hasTool("dpkg-deb") ? null : "no dpkg-deb");
const named = (name: string, because = reason) => ({
  name: because === null ? name : `${name} (skipped: ${because})`,
  ignore: because !== null,
});
const root = new URL("../../", import.meta.url).pathname;

async function build(out: string, ...args: string[]): Promise<string> {
  const command = [Deno.execPath(), "run", "-A", "--no-check", `${root}lib/bundle/deb.ts`, "--fast", "--out", out];
  const answer = await execute([...command, ...args], { limit: 120_000 });
  assert.equal(answer.code, 0, answer.stderr);
  return /built (\S+)/.exec(answer.stdout)![1]!;
}

Deno.test({
  ...named("the Debian package is installed, upgraded, removed and purged, and asks systemd for what is due"),
  async fn() {
    const out = await Deno.makeTempDir({ prefix: "ftwall-deb-" });
    try {
      await using bare = await BareRoot.create();
      const [first, second] = [await build(out), await build(out, "--version", "99.0.0")];
      for (const dir of ["var/lib/dpkg/info", "var/lib/dpkg/updates", "run/systemd/system", "usr/bin"]) {
        await Deno.mkdir(`${bare.path}/${dir}`, { recursive: true });
      }
      for (const file of ["status", "available"]) await Deno.writeTextFile(`${bare.path}/var/lib/dpkg/${file}`, "");
      for (const tool of ["deb-systemd-helper", "deb-systemd-invoke", "systemctl"]) {
        await Deno.writeTextFile(`${bare.path}/usr/bin/${tool}`, `#!/bin/sh\necho "${tool} $*" >>/calls\n`, {
          mode: 0o755,
        });
      }
      const before = bare.list();
      const dpkg = async (...args: string[]) => {
        await Deno.writeTextFile(`${bare.path}/calls`, "");
        const options = ["--force-depends", "--force-confold", "--force-bad-path", "--root", bare.path];
        const answer = await execute(["dpkg", ...options, ...args], { limit: 60_000 });
        assert.equal(answer.code, 0, answer.stderr);
        return (await Deno.readTextFile(`${bare.path}/calls`)).split("\n").filter((line) => !line.includes("--quiet"));
      };
      const asked = (calls: readonly string[]) => calls.filter((line) => line.startsWith("deb-systemd-invoke"));

      const installed = await dpkg("-i", first);
      assert.deepEqual(asked(installed), ["deb-systemd-invoke start ftwall.service"]);
      assert.ok(installed.includes("deb-systemd-helper enable ftwall.service"));
      const unit = await Deno.readTextFile(`${bare.path}/lib/systemd/system/ftwall.service`);
      assert.match(
        unit,
        /^EnvironmentFile=-\/etc\/default\/ftwall\nExecStart=\/usr\/sbin\/ftwall run .*\$FTWALL_OPTIONS$/m,
      );
      assert.match(await Deno.readTextFile(`${bare.path}/etc/default/ftwall`), /^FTWALL_OPTIONS="--dry-run"$/m);

      await Deno.writeTextFile(`${bare.path}/etc/ftwall/ftwall.toml`, "# mine\n");
      await Deno.mkdir(`${bare.path}/var/lib/ftwall`);
      await Deno.writeTextFile(`${bare.path}/var/lib/ftwall/state`, "locks");
      const upgraded = await dpkg("-i", second);
      // Not stopped in between: the daemon goes on until the new one takes its place.
      assert.deepEqual(asked(upgraded), ["deb-systemd-invoke restart ftwall.service"]);
      assert.equal(await Deno.readTextFile(`${bare.path}/etc/ftwall/ftwall.toml`), "# mine\n");
      assert.equal(await Deno.readTextFile(`${bare.path}/var/lib/ftwall/state`), "locks");

      assert.deepEqual(asked(await dpkg("-r", "ftwall")), ["deb-systemd-invoke stop ftwall.service"]);
      assert.equal(bare.list().includes("/usr/sbin/ftwall"), false);
      assert.equal(await Deno.readTextFile(`${bare.path}/etc/ftwall/ftwall.toml`), "# mine\n");
      assert.ok((await dpkg("-P", "ftwall")).includes("deb-systemd-helper purge ftwall.service"));
      const own = (path: string) => !path.startsWith("/var/lib/dpkg") && path !== "/calls";
      assert.deepEqual(bare.list().filter(own), before.filter(own));
    } finally {
      await Deno.remove(out, { recursive: true });
    }
  },
});

Deno.test({
  ...named("lintian finds no error in the Debian package", reason ?? (hasTool("lintian") ? null : "no lintian")),
  async fn() {
    const out = await Deno.makeTempDir({ prefix: "ftwall-deb-" });
    try {
      const answer = await execute(["lintian", "--allow-root", await build(out)], { limit: 300_000 });
      assert.deepEqual(answer.stdout.split("\n").filter((line) => line.startsWith("E:")), []);
    } finally {
      await Deno.remove(out, { recursive: true });
    }
  },
});
