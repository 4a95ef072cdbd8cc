import assert from "node:assert/strict";
import { until } from "./live/topology.ts";

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

/** A clone of nothing but install.sh, whose tools are those given here; nothing of this machine is made or changed. */
class Clone implements AsyncDisposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "ftwall-clone-" });

  constructor(tools: Readonly<Record<string, string>>) {
    for (const dir of ["bin", "tmp", "clone", "cache"]) Deno.mkdirSync(`${this.dir}/${dir}`);
    Deno.copyFileSync(script, `${this.dir}/clone/install.sh`);
    Deno.writeTextFileSync(`${this.dir}/clone/.dvmrc`, "9.9.9\n");
    for (const file of ["main.ts", "mod.ts", "deno.json", "deno.lock"]) {
      Deno.writeTextFileSync(`${this.dir}/clone/${file}`, "");
    }
    // Not root: what is fetched lies in the cache of somebody.
    for (const [name, text] of Object.entries({ id: "echo 1000", ...tools })) {
      Deno.writeTextFileSync(`${this.dir}/bin/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
  }

  start(...args: string[]): Deno.ChildProcess {
    const { dir } = this;
    const env = { PATH: `${dir}/bin:/usr/bin:/bin`, TMPDIR: `${dir}/tmp`, XDG_CACHE_HOME: `${dir}/cache`, HOME: dir };
    const options = { args: [`${dir}/clone/install.sh`, ...args], clearEnv: true, env };
    return new Deno.Command("sh", { ...options, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  }

  async run(...args: string[]): Promise<[number, string]> {
    const { code, stdout, stderr } = await this.start(...args).output();
    const text = new TextDecoder();
    return [code, text.decode(stdout) + text.decode(stderr)];
  }

  /** Names of what is below a directory. */
  left(folder: string): string[] {
    return [...Deno.readDirSync(`${this.dir}/${folder}`)].map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

const NO_HOST = 'echo "curl: (6) Could not resolve host: github.com" >&2; exit 6';
/** Puts a program where npm would put Deno. */
const NPM = `prefix=$3/node_modules/$(eval echo "\\\${$#}" | sed 's/@[0-9.]*$//')
mkdir -p "$prefix" "$5/_cacache" && : >"$5/_cacache/x"
%
cat >"$prefix/deno" <<'END'
#!/bin/sh
case $1 in
--version) echo "deno 9.9.9 (stable)" ;;
compile) mkdir -p dist && printf '#!/bin/sh\n' >dist/ftwall ;;
esac
END`;

Deno.test("Deno is sought in the official release, then by npm, and each try that fails says why in a line", async () => {
  await using clone = new Clone({
    curl: NO_HOST,
    npm: NPM.replace("%", ""),
  });
  const [code, said] = await clone.run("--compile");
  assert.equal(code, 0, said);
  const lines = said.trim().split("\n").map((line) => line.replace(clone.dir, "DIR"));
  assert.deepEqual(lines.slice(0, 4), [
    "ftwall: Deno 9.9.9 is not here: 43 MiB to fetch, 100 MiB of disk below DIR/cache/ftwall, about a minute",
    "ftwall: Deno's official release cannot be had: curl: (6) Could not resolve host: github.com",
    "ftwall: installing Deno 9.9.9 with npm into DIR/cache/ftwall/deno",
    `ftwall: using Deno 9.9.9: DIR/cache/ftwall/deno/node_modules/@deno/linux-${
      Deno.build.arch === "x86_64" ? "x64" : "arm64"
    }-glibc/deno`,
  ]);
  assert.match(said, /built dist\/ftwall/);
  assert.deepEqual(clone.left("tmp"), []);
  assert.deepEqual(clone.left("cache"), ["ftwall"]);
});

Deno.test("where Deno cannot be had, install.sh says so in words, and leaves nothing", async () => {
  await using clone = new Clone({
    curl: NO_HOST,
    npm: 'echo "npm error code ENOTFOUND"; echo "npm error request failed, reason: getaddrinfo ENOTFOUND"; exit 1',
  });
  const [code, said] = await clone.run("--compile");
  assert.equal(code, 3, said);
  assert.match(said, /^ftwall: Deno's official release cannot be had: curl: .*$/m);
  assert.match(said, /^ftwall: npm could not install Deno: npm error request failed, reason: getaddrinfo ENOTFOUND$/m);
  assert.match(said, /^ftwall: Deno 9\.9\.9 cannot be had: .*\.run file here$/m);
  assert.deepEqual([...clone.left("tmp"), ...clone.left("cache/ftwall")], []);
});

Deno.test("what takes longer than two seconds says how far it is; an interrupt leaves nothing", async () => {
  const slow = 'head -c 53504000 /dev/zero >"$prefix/part"; sleep 100 & echo $! >"$0.child"; wait';
  await using clone = new Clone({ curl: NO_HOST, npm: NPM.replace("%", slow) });
  const child = clone.start("--compile");
  const said = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!/^ {2}5\d of 102 MiB, 5\d %, \d+ s$/m.test(text)) {
    const { value, done } = await said.read();
    assert.ok(!done, text);
    text += value;
  }
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 143);
  await Promise.all([said.cancel(), child.stderr.cancel()]);
  assert.deepEqual([...clone.left("tmp"), ...clone.left("cache/ftwall")], []);
  // What the command had started has ended too.
  const started = (await Deno.readTextFile(`${clone.dir}/bin/npm.child`)).trim();
  await until("the end of what it had started", () => {
    try {
      return /^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${started}/status`));
    } catch {
      return true;
    }
  });
});

Deno.test("a bundle whose making is interrupted leaves nothing", async () => {
  const out = await Deno.makeTempDir({ prefix: "ftwall-bundle-" });
  try {
    const builder = new URL("../lib/bundle/run_file.ts", import.meta.url).pathname;
    const args = ["run", "-A", "--no-check", "--cached-only", builder, "--executable", "/bin/true", "--out", out];
    const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    const left = () => [...Deno.readDirSync(out)].map(({ name }) => name);
    await until("the beginning", () => left().some((name) => name.startsWith("bundle-")));
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 1);
    assert.deepEqual(left(), []);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("without root, installing says how to become root", async () => {
  await using clone = new Clone({ sudo: "" });
  const [code, said] = await clone.run("--dry-run");
  assert.equal(code, 3, said);
  assert.match(said, /^ftwall: installing needs root: sudo \.\/install\.sh/);
  const without = { id: "echo 1000" };
  await using bare = new Clone(without);
  // A machine without sudo, as far as the script can see.
  for (const tool of ["dirname", "cat", "grep", "env"]) Deno.symlinkSync(`/usr/bin/${tool}`, `${bare.dir}/bin/${tool}`);
  const env = { PATH: `${bare.dir}/bin`, HOME: bare.dir };
  const { stderr } = await new Deno.Command("/bin/sh", {
    args: [`${bare.dir}/clone/install.sh`],
    clearEnv: true,
    env,
    stdin: "null",
  }).output();
  assert.match(new TextDecoder().decode(stderr), /^ftwall: installing needs root, and there is no sudo here/);
});

Deno.test("install.sh lays out all that a package needs, for each kind of service", async () => {
  await using clone = new Clone({});
  const binary = `${clone.dir}/binary`;
  await Deno.writeTextFile(binary, '#!/bin/sh\necho "$*"\n', { mode: 0o755 });
  for (const [kind, service] of [["systemd", "lib/systemd/system/ftwall.service"], ["openrc", "etc/init.d/ftwall"]]) {
    const root = `${clone.dir}/${kind}`;
    const [code, said] = await run(script, [
      "--destdir",
      root,
      "--prefix",
      "/usr",
      "--binary",
      binary,
      "--service",
      kind!,
    ]);
    assert.equal(code, 0, said);
    const text = await Deno.readTextFile(`${root}/${service}`);
    assert.match(text, /\/usr\/sbin\/ftwall/);
    assert.doesNotMatch(text, /--enforce|--dry-run/);
    assert.equal(await Deno.readTextFile(`${root}/usr/share/bash-completion/completions/ftwall`), "completions bash\n");
    assert.ok(Deno.statSync(`${root}/etc/ftwall/ftwall.toml`).isFile);
    assert.throws(() => Deno.statSync(`${root}/opt`), Deno.errors.NotFound);
  }
});

Deno.test("install.sh refuses options it does not know and a binary that does not run", async () => {
  assert.equal((await run(script, ["--nonsense"]))[0], 2);
  assert.equal((await run(script, ["--prefix"]))[0], 2);
  assert.equal((await run(script, ["--prefix", "here"]))[0], 2);
  assert.match(
    (await run(script, ["--print-service", "x"])).join(),
    /^2,install\.sh: no service of kind "x": systemd, /,
  );
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
