import assert from "node:assert/strict";
import { hasTool } from "../live/topology.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function ftwall(...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", "main.ts", ...args],
    cwd: ROOT,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

function there(path: string): boolean {
  try {
    Deno.statSync(ROOT + path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("help names every command, with examples and exit codes, and ends with 0", async () => {
  const { code, out, err } = await ftwall("--help");
  assert.equal(code, 0);
  assert.equal(err, "");
  for (
    const name of ["run", "check", "rules", "reload", "status", "top", "lock", "unlock", "allow", "replay", "explain"]
      .concat(["doctor", "completions", "version"])
  ) assert.match(out, new RegExp(`^  ${name} `, "m"));
  assert.match(out, /Examples:/);
  assert.match(out, /Exit codes: 0 done, 1 failed or refused, 2 usage or config error, 3 something needed is missing/);
  const own = await ftwall("replay", "--help");
  assert.equal(own.code, 0);
  assert.match(own.out, /--home <prefixes>/);
});

Deno.test("the version is that of deno.json", async () => {
  const { version } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  assert.equal((await ftwall("--version")).out, `ftwall ${version}\n`);
  assert.match((await ftwall("version")).out, new RegExp(`^ftwall ${version}\nDeno `));
  assert.equal(JSON.parse((await ftwall("version", "--json")).out).version, version);
});

Deno.test("usage errors end with 2, suggest the nearest word, and print no stack", async () => {
  for (
    const [args, pattern] of [
      [["--dry-rnu"], /unknown option "--dry-rnu"; did you mean --dry-run\?/],
      [["stauts"], /"stauts".*did you mean "status"\?/],
      [["run", "--queue", "9:1"], /"9:1" is invalid. Expected a queue number/],
      [["--log-format", "xml"], /Allowed choices are text, json, syslog/],
      [["lock"], /missing required argument "client"/],
      [["lock", "nobody"], /Cannot name the client "nobody"/],
      [["unlock"], /expected either a client or --all/],
      [["rules", "--apply", "--remove"], /name one of --apply and --remove/],
      [["status", "--control", ""], /"--control <path>" argument "" is invalid. Expected a path, but it is empty/],
      [["run", "--control="], /"--control <path>" argument "" is invalid. Expected a path, but it is empty/],
      [["--config", "x.toml", "check"], /options stand behind the command, as in: ftwall check --config x\.toml\n/],
      [["status", "surplus"], /too many arguments/],
    ] as const
  ) {
    const { code, out, err } = await ftwall(...args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "", args.join(" "));
    assert.match(err, /^ftwall: /);
    assert.match(err, pattern);
    assert.doesNotMatch(err, /\bat .*:\d+:\d+|Error:/);
  }
});

Deno.test("commands that need the daemon end with 3 where there is none", async () => {
  for (const args of [["status"], ["reload"], ["lock", "10.0.0.5"], ["unlock", "--all"], ["explain", "10.0.0.5"]]) {
    const { code, err } = await ftwall(...args, "--control", "/nonexistent/control.sock");
    assert.equal(code, 3, args.join(" "));
    assert.match(err, /Cannot reach the daemon at "\/nonexistent\/control.sock"/);
  }
});

Deno.test("top without a terminal is a usage error", async () => {
  const { code, err } = await ftwall("top");
  assert.equal(code, 2);
  assert.match(err, /no terminal/);
});

const POLICY = there("lib/policy/load.ts");
Deno.test({
  name: `check answers 0 with the config in force, or 2 with file, line and key${
    POLICY ? "" : " (skipped: no loader)"
  }`,
  ignore: !POLICY,
  async fn() {
    const path = Deno.makeTempFileSync({ suffix: ".toml" });
    try {
      Deno.writeTextFileSync(path, '[lock]\nseconds = 60\n[queue]\nfial = "open"\n');
      const bad = await ftwall("check", "--config", path);
      assert.equal(bad.code, 2);
      assert.equal(bad.out, "");
      assert.match(bad.err, new RegExp(`^${path}:4: queue\\.fial: .*fail`, "m"));
      Deno.writeTextFileSync(path, "[lock]\nseconds = 60\n");
      const good = await ftwall("check", "--config", path);
      assert.equal(good.code, 0);
      assert.match(good.out, /^seconds = 60$/m);
      assert.match(good.out, /\n\n# no problems\n$/);
      assert.match(bad.err, /: 1 error\n$/);
      const json = JSON.parse((await ftwall("check", "--json", "--config", path)).out);
      assert.equal(json.ok, true);
      assert.equal(json.config.lock.seconds, 60);
      Deno.writeTextFileSync(path, 'client_files = "/nonexistent"\n');
      const without = await ftwall("check", "--quiet", "--config", path);
      assert.deepEqual([without.code, without.out], [0, ""]);
      assert.match(
        without.err,
        /warning: client_files: found "\/nonexistent", which is no directory here/,
      );
      assert.match((await ftwall("check", "--config", path)).out, /\n\n# 1 warning, see above\n$/);
      const missing = await ftwall("check", "--config", "/nonexistent.toml");
      assert.equal(missing.code, 2);
      assert.match(missing.err, /no such file/);
    } finally {
      Deno.removeSync(path);
    }
  },
});

const ENGINE = POLICY && there("lib/replay/play.ts") && there("lib/replay/capture.ts");
Deno.test({
  name: `replay reports what came before a break, names the offset, and ends with 1${
    ENGINE ? "" : " (skipped: no engine)"
  }`,
  ignore: !ENGINE,
  async fn() {
    const path = Deno.makeTempFileSync({ suffix: ".pcap" });
    try {
      Deno.writeFileSync(path, brokenCapture());
      const { code, out, err } = await ftwall("replay", "--json", "--home", "any", path);
      assert.equal(code, 1);
      const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.equal(lines.length, 2);
      assert.deepEqual(lines[0].flow, {
        transport: "udp",
        client: "10.0.0.5",
        client_port: 1000,
        peer: "192.0.2.1",
        peer_port: 2000,
      });
      assert.equal(lines[0].packets, 1);
      assert.equal(lines[1].summary.packets, 1);
      assert.match(err, /Cannot read the capture .* at byte \d+/);
      const missing = await ftwall("replay", "/nonexistent.pcap");
      assert.equal(missing.code, 1);
      assert.match(missing.err, /no such file/);
      const odd = await ftwall("replay", "--json", path, `${path}/below`, "a".repeat(300));
      assert.equal(odd.code, 1);
      assert.match(odd.out, /"client":"10\.0\.0\.5"/);
      assert.match(odd.err, /Cannot read the capture ".*\/below": Not a directory/);
      assert.match(odd.err, /Cannot read the capture "a+": File name too long/);
      const wrong = await ftwall("replay", "--home", "10.0.0.0/33", path);
      assert.equal(wrong.code, 2);
    } finally {
      Deno.removeSync(path);
    }
  },
});

const ROOT_ONLY = Deno.uid() === 0 && hasTool("setpriv");
Deno.test({
  name: `without permission rules --remove is refused: no rule could be seen${
    ROOT_ONLY ? "" : " (skipped: not root, or no setpriv)"
  }`,
  ignore: !ROOT_ONLY,
  async fn() {
    const weak = ["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", Deno.execPath()];
    const { code, stdout, stderr } = await new Deno.Command("setpriv", {
      args: [...weak, "run", "-A", "--no-check", "--cached-only", "main.ts", "rules", "--remove"],
      cwd: ROOT,
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    assert.deepEqual([code, text.decode(stdout)], [3, ""]);
    assert.match(text.decode(stderr), /Cannot remove firewall rules: no permission\. Run as root/);
  },
});

/** A pcap of raw IP: one UDP datagram of four bytes, then a record that promises more than there is. */
function brokenCapture(): Uint8Array {
  const bytes = new Uint8Array(24 + 16 + 32 + 16 + 3);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 65535);
  view.setUint32(20, 101);
  view.setUint32(24, 1_700_000_000);
  view.setUint32(32, 32);
  view.setUint32(36, 32);
  bytes.set([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 5, 192, 0, 2, 1], 40);
  view.setUint16(60, 1000);
  view.setUint16(62, 2000);
  view.setUint16(64, 12);
  view.setUint32(72, 1_700_000_001);
  view.setUint32(80, 60);
  view.setUint32(84, 60);
  return bytes;
}
