import assert from "node:assert/strict";
import { completionScript, SHELLS } from "../../lib/cli/completions.ts";
import { longName } from "../../lib/cli/command.ts";
import { allCommands } from "../../lib/cli/commands.ts";
import { has } from "../support/tools.ts";

const COMMANDS = await allCommands();

async function accepts(tool: string, args: string[], script: string): Promise<void> {
  const child = new Deno.Command(tool, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assert.equal(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}

const TOOLS = { bash: await has("bash"), zsh: await has("zsh"), fish: await has("fish") };
const SHELLCHECK = await has("shellcheck");

Deno.test("every command and every long option is in every script", () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, COMMANDS);
    for (const [command, { options }] of COMMANDS) {
      assert.ok(script.includes(command), `${command} in ${shell}`);
      for (const long of Object.keys(options).map(longName)) {
        const name = shell === "fish" ? `-l ${long.slice(2)}` : long;
        assert.ok(script.includes(name), `${name} of ${command} in ${shell}`);
      }
    }
  }
});

for (const shell of SHELLS) {
  const there = TOOLS[shell];
  Deno.test({
    name: `${shell} parses its script${there ? "" : ` (skipped: ${shell} is not installed)`}`,
    ignore: !there,
    fn: () =>
      accepts(shell, ["-n", ...(shell === "bash" ? ["-s"] : ["/dev/stdin"])], completionScript(shell, COMMANDS)),
  });
}

Deno.test({
  name: `shellcheck has nothing to say about the bash script${SHELLCHECK ? "" : " (skipped: it is not installed)"}`,
  ignore: !SHELLCHECK,
  fn: () => accepts("shellcheck", ["--shell=bash", "-"], completionScript("bash", COMMANDS)),
});

Deno.test({
  name: `bash completes commands, options, choices and nothing else${TOOLS.bash ? "" : " (skipped: no bash)"}`,
  ignore: !TOOLS.bash,
  async fn() {
    const ask = async (...words: string[]) => {
      const line = ["ftwall", ...words].join(" ");
      const script = `ftwall() { echo anna-laptop ben-phone 192.168.1.20 fd00::20 fd00::21; }\n${
        completionScript("bash", COMMANDS)
      }\nCOMP_LINE='${line}'; COMP_POINT=${line.length}\n_ftwall; printf "%s\\n" "\${COMPREPLY[@]}"`;
      const { stdout, code, stderr } = await new Deno.Command("bash", { args: ["--norc", "-c", script] }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout).trim().split("\n").filter((line) => line !== "");
    };
    assert.deepEqual(await ask("st"), ["status"]);
    assert.deepEqual(await ask("status", "--j"), ["--json"]);
    assert.deepEqual(await ask("--dry"), ["--dry-run"]);
    assert.deepEqual(await ask("run", "--log-format", "j"), ["json"]);
    // Words that the running machine knows: here a stand-in says them.
    for (const command of ["explain", "lock", "unlock", "allow"]) {
      assert.deepEqual(await ask(command, "an"), ["anna-laptop"], command);
    }
    assert.deepEqual(await ask("log", "--client", "192"), ["192.168.1.20"]);
    // Of an address with colons bash replaces what is behind the last one.
    assert.deepEqual(await ask("explain", "fd00::2"), ["20", "21"]);
    assert.deepEqual(await ask("log", "--protocol", "fast"), ["fasttrack"]);
    assert.deepEqual(await ask("log", "--since", ""), []);
    assert.deepEqual(await ask("completions", ""), ["bash", "zsh", "fish", "clients"]);
  },
});
