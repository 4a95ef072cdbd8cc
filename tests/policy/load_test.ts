import assert from "node:assert/strict";
import { DEFAULT_PATH, defaultConfig, loadConfig, MAX_BYTES } from "../../lib/policy/load.ts";
import { formatProblem } from "../../lib/policy/problem.ts";
import { PROTOCOLS } from "./parse_config.ts";

function problems(path: string, content?: string | Uint8Array): string[] {
  if (typeof content === "string") Deno.writeTextFileSync(path, content);
  else if (content !== undefined) Deno.writeFileSync(path, content);
  const loaded = loadConfig({ path, protocols: PROTOCOLS });
  assert.equal(loaded.config === null, loaded.problems.length > 0);
  assert.equal(loaded.missingDefault, false);
  return loaded.problems.map((problem) => formatProblem(problem).replaceAll(path, "PATH"));
}

function inFolder(test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-config-" });
  try {
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a path given by hand is loaded, and must exist", () =>
  inFolder((folder) => {
    const path = `${folder}/a.toml`;
    assert.deepEqual(problems(path), ["PATH: found no such file; allowed: an existing file"]);
    assert.deepEqual(problems(path, "\ufeff[lock]\r\nseconds = 5\r\n"), []);
    assert.equal(loadConfig({ path, protocols: PROTOCOLS }).config?.lock.seconds, 5);
    assert.deepEqual(problems(path, "[lock]\r\nsecond = 5\r\n"), [
      "PATH:2: lock.second: found an unknown key in [lock]; allowed: seconds, probe, decoy, require_neighbour, decoy_rate, refuse, block_udp, cut, kernel_sets; nearest: seconds",
    ]);
  }));

Deno.test("without a path the default file is read; where it is absent, defaults hold", () =>
  inFolder((folder) => {
    const defaultPath = `${folder}/ftwall.toml`;
    const absent = loadConfig({ protocols: PROTOCOLS, defaultPath });
    assert.deepEqual([absent.path, absent.missingDefault, absent.problems.length], [defaultPath, true, 0]);
    assert.deepEqual(absent.config, defaultConfig(PROTOCOLS));
    Deno.writeTextFileSync(defaultPath, "[lock]\nseconds = 9\n");
    const present = loadConfig({ protocols: PROTOCOLS, defaultPath });
    assert.deepEqual([present.missingDefault, present.config?.lock.seconds], [false, 9]);
    Deno.removeSync(defaultPath);
    Deno.mkdirSync(defaultPath);
    const folderThere = loadConfig({ protocols: PROTOCOLS, defaultPath });
    assert.deepEqual([folderThere.missingDefault, folderThere.config], [false, null]);
    assert.equal(DEFAULT_PATH, "/etc/ftwall/ftwall.toml");
  }));

Deno.test("whatever a path leads to, the answer is one clear problem", () =>
  inFolder((folder) => {
    assert.deepEqual(problems(folder), ["PATH: found a directory; allowed: a TOML file"]);
    assert.deepEqual(problems("/dev/zero"), ["PATH: found no regular file; allowed: a TOML file"]);
    const path = `${folder}/a.toml`;
    assert.deepEqual(problems(path, new Uint8Array([0x61, 0xff, 0xfe])), [
      "PATH: found bytes that are not UTF-8; allowed: a text file in UTF-8",
    ]);
    assert.deepEqual(problems(path, "#".repeat(MAX_BYTES + 1)), [
      "PATH: found more than 1 MiB; allowed: at most 1 MiB",
    ]);
    assert.deepEqual(problems(path, "#".repeat(MAX_BYTES)), []);
    assert.match(problems(path, "a\0 = 1")[0] ?? "", /^PATH:1:\d+: found "a\\u0000 = 1" \(.*\); allowed: TOML$/);
    assert.match(problems(`${path}/below`)[0] ?? "", /^PATH: found .*; allowed: /);
    assert.match(problems(`${folder}/nul\0`)[0] ?? "", /found .*; allowed: /);
    Deno.symlinkSync("loop", `${folder}/loop`);
    assert.match(problems(`${folder}/loop`)[0] ?? "", /^PATH: found .*; allowed: /);
  }));

Deno.test("a secret in a file that everybody may read is warned of", () =>
  inFolder((folder) => {
    const path = `${folder}/a.toml`;
    const warned = (line: string) => {
      Deno.writeTextFileSync(path, `[[notify]]\nname = "a"\n${line}\n`);
      return loadConfig({ path, protocols: PROTOCOLS }).problems.length;
    };
    // Of a webhook its path.
    const webhooks = ["http://h", "http://h/", "https://h:8443", "https://h/x", "https://h?x"];
    assert.deepEqual(webhooks.map((address) => warned(`webhook = "${address}"`)), [0, 0, 0, 1, 1]);
    assert.equal(warned('mail = ["a@b.example"]'), 0);
    Deno.writeTextFileSync(path, '[[notify]]\nname = "a"\nwebhook = "http://h/"\ntoken = "secret"\n');
    const found = (mode: number): string[] => {
      Deno.chmodSync(path, mode);
      const { config, problems } = loadConfig({ path, protocols: PROTOCOLS });
      assert.notEqual(config, null);
      return problems.map((problem) => formatProblem(problem).replaceAll(path, "PATH"));
    };
    assert.deepEqual(found(0o640), []);
    assert.deepEqual(found(0o644), [
      "PATH: warning: notify.a: found a secret, in a file that everybody may read (mode 644); allowed: chmod o= PATH",
    ]);
  }));
