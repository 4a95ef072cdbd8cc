import assert from "node:assert/strict";

const script = new URL("../install.sh", import.meta.url).pathname;
const ci = new URL("../.ci/run", import.meta.url).pathname;
/** Everything that runs on routers: no shell but that of busybox. */
const scripts = ["install.sh", "lib/bundle/head.sh", "lib/bundle/launcher.sh"]
  .map((path) => new URL(`../${path}`, import.meta.url).pathname);

async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<[number, string]> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], env, stdin: "null" }).output();
  const text = new TextDecoder();
  return [code, text.decode(stdout) + text.decode(stderr)];
}

function has(tool: string): boolean {
  try {
    return new Deno.Command(tool, { args: ["--help"], stdout: "null", stderr: "null" }).outputSync().code >= 0;
  } catch {
    return false;
  }
}

for (const [shell, args] of [["dash", ["-n"]], ["busybox", ["ash", "-n"]]] as const) {
  Deno.test({
    name: `every script for routers is read by ${shell}${has(shell) ? "" : ` (skipped: no ${shell})`}`,
    ignore: !has(shell),
    fn: async () => {
      for (const path of scripts) assert.deepEqual(await run(shell, [...args, path]), [0, ""], path);
    },
  });
}

Deno.test({
  name: `shellcheck has nothing to say about the scripts and .ci/run${
    has("shellcheck") ? "" : " (skipped: no shellcheck)"
  }`,
  ignore: !has("shellcheck"),
  fn: async () => {
    assert.deepEqual(await run("shellcheck", [ci]), [0, ""]);
    assert.deepEqual(await run("shellcheck", ["-s", "sh", ...scripts]), [0, ""]);
  },
});

for (const kind of ["procd", "openrc", "sysv"]) {
  Deno.test({
    name: `shellcheck has nothing to say about the service for ${kind}${
      has("shellcheck") ? "" : " (skipped: no shellcheck)"
    }`,
    ignore: !has("shellcheck"),
    fn: async () => {
      const [code, text] = await run("sh", [script, "--print-service", kind]);
      assert.equal(code, 0, text);
      const path = await Deno.makeTempFile();
      try {
        await Deno.writeTextFile(path, text);
        // Words that the service manager reads or brings.
        const known = "SC2034,SC2154,SC2317";
        assert.deepEqual(await run("shellcheck", ["-s", "sh", "-e", known, path]), [0, ""]);
      } finally {
        await Deno.remove(path);
      }
    },
  });
}

Deno.test("install.sh puts an executable in place twice, keeps a changed config and takes all of it away", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ftwall-install-" });
  try {
    const binary = `${dir}/binary`;
    await Deno.writeTextFile(binary, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const root = `${dir}/root`;
    const install = ["--destdir", root, "--prefix", "/usr", "--binary", binary];
    const [code, output] = await run(script, install);
    assert.equal(code, 0, output);
    assert.equal(await Deno.readTextFile(`${root}/usr/sbin/ftwall`), "#!/bin/sh\nexit 0\n");
    const config = `${root}/etc/ftwall/ftwall.toml`;
    assert.match(await Deno.readTextFile(config), /^lan = \[\]$/m);
    await Deno.writeTextFile(config, "# mine\n");
    const [again, said] = await run(script, install);
    assert.equal(again, 0, said);
    assert.match(said, /up to date[^]*as it is/);
    assert.equal(await Deno.readTextFile(config), "# mine\n");
    const uninstall = ["--uninstall", "--destdir", root, "--prefix", "/usr"];
    assert.equal((await run(script, uninstall))[0], 0);
    assert.equal(await Deno.readTextFile(`${config}.saved`), "# mine\n");
    assert.equal((await run(script, [...uninstall, "--purge"]))[0], 0);
    const left: string[] = [];
    const walk = (path: string) => {
      for (const entry of Deno.readDirSync(path)) {
        if (entry.isDirectory) walk(`${path}/${entry.name}`);
        else left.push(entry.name);
      }
    };
    walk(root);
    assert.deepEqual(left, []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("install.sh refuses options it does not know and a binary that does not run", async () => {
  assert.equal((await run(script, ["--nonsense"]))[0], 2);
  assert.equal((await run(script, ["--prefix"]))[0], 2);
  assert.equal((await run(script, ["--prefix", "here"]))[0], 2);
  const dir = await Deno.makeTempDir({ prefix: "ftwall-install-" });
  const [code, output] = await run(script, ["--destdir", dir, "--binary", "/etc/passwd"]);
  await Deno.remove(dir, { recursive: true });
  assert.equal(code, 1);
  assert.match(output, /does not run here/);
});

Deno.test({
  name: `the systemd unit is hardened: systemd-analyze rates it 3 or less${
    has("systemd-analyze") ? "" : " (skipped: no systemd-analyze)"
  }`,
  ignore: !has("systemd-analyze"),
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "ftwall-unit-" });
    try {
      const [code, unit] = await run(script, ["--print-service", "systemd"]);
      assert.equal(code, 0, unit);
      await Deno.writeTextFile(`${dir}/ftwall.service`, unit);
      const env = { LC_ALL: "C", NO_COLOR: "1" };
      const [, rated] = await run(
        "systemd-analyze",
        ["security", "--offline=true", "--no-pager", `${dir}/ftwall.service`],
        env,
      );
      const score = Number(/Overall exposure level for ftwall\.service: (\d+(?:\.\d+)?)/.exec(rated)?.[1]);
      assert.ok(score <= 3, rated.slice(-300));
      const documented = /rates the unit (\d\.\d)/.exec(
        await Deno.readTextFile(new URL("../docs/operation.md", import.meta.url)),
      );
      assert.equal(Number(documented?.[1]), score, "docs/operation.md says another score");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("service files keep the mode that is remembered; an installation of its own says which", async () => {
  for (const kind of ["systemd", "procd", "openrc", "sysv"]) {
    const [, file] = await run(script, ["--print-service", kind]);
    assert.match(file, /run --service\b/, kind);
    assert.doesNotMatch(file, /--dry-run|--enforce/, kind);
    const [, dry] = await run(script, ["--dry-run", "--print-service", kind]);
    assert.match(dry, /run --service --dry-run/, kind);
  }
});
