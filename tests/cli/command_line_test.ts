import assert from "node:assert/strict";
import fc from "fast-check";
import { checkCommandLine, type CommandLine, longName, readCommandLine } from "../../lib/cli/command.ts";
import { allCommands } from "../../lib/cli/commands.ts";
import { Failure, USAGE } from "../../lib/report/failure.ts";

const COMMANDS = await allCommands();

function read(name: string, ...argv: readonly string[]): CommandLine {
  const command = COMMANDS.get(name)!;
  const line = readCommandLine(name, command, argv);
  checkCommandLine(name, command, line);
  return line;
}

function given(...argv: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(read("run", ...argv).given).filter(([, value]) => value !== undefined));
}

Deno.test("every option of run is read, by its long name or its letter", () => {
  assert.deepEqual(given(), {});
  const lines = ["-n -c x.toml --queue=0:3 --log-format json", "--log-level=off --control /c --state= --pid-file /p"];
  assert.deepEqual(given(...lines.join(" ").split(" ")), {
    dryRun: true,
    config: "x.toml",
    queue: { first: 0, last: 3 },
    logFormat: "json",
    logLevel: "off",
    control: "/c",
    state: "",
    pidFile: "/p",
  });
});

Deno.test("letters may be joined, the last of them with its value", () => {
  assert.deepEqual(given("-ncx.toml"), { dryRun: true, config: "x.toml" });
  assert.deepEqual(given("-cn"), { config: "n" });
});

Deno.test("the last of several values counts, and a value may look like an option", () => {
  assert.deepEqual(given("-c", "a", "--config", "-n"), { config: "-n" });
});

Deno.test("options without a value have their preset, and words behind -- are no options", () => {
  const { given, words } = read("lock", "--for", "90", "--", "--control");
  assert.deepEqual([given, words], [{ for: 90, reason: "", force: undefined, control: "/run/ftwall/control.sock" }, [
    "--control",
  ]]);
});

Deno.test("what a command does not take is refused, and the nearest option is named", () => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ["run", "--dry-rnu", /unknown option "--dry-rnu"; did you mean --dry-run\?\nTry "ftwall run --help"$/],
    ["run", "--dry-run=yes", /unknown option "--dry-run=yes"/],
    ["run", "-nx", /unknown option "-x"/],
    ["run", "--constructor", /unknown option "--constructor"/],
    ["run", "--queue", /option "--queue <numbers>" argument missing/],
    ["run", "--queue 3:1", /option "--queue <numbers>" argument "3:1" is invalid\. Expected a queue number/],
    ["run", "--log-format xml", /argument "xml" is invalid\. Allowed choices are text, json, syslog\./],
    ["run", "-", /too many arguments for "run"\. Expected 0 arguments but got 1: -\./],
    ["lock", "a b", /too many arguments for "lock"\. Expected 1 argument but got 2: a, b\./],
    ["replay", "--json", /missing required argument "file"/],
    [
      "completions",
      "ksh",
      /value "ksh" is invalid for argument "shell"\. Allowed choices are bash, zsh, fish, clients\./,
    ],
  ];
  for (const [name, line, message] of wrong) {
    assert.throws(() => read(name, ...line.split(" ")), (error) => {
      assert.ok(error instanceof Failure && error.exitCode === USAGE, line);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("any words are read or refused with a usage error", () => {
  const flags = [...COMMANDS.values()].flatMap(({ options }) => Object.keys(options).map(longName));
  const word = fc.oneof(fc.constantFrom(...flags, "-n", "-c", "--", "--queue=4", "json", "0:3", ""), fc.string());
  fc.assert(fc.property(fc.constantFrom(...COMMANDS.keys()), fc.array(word, { maxLength: 6 }), (name, argv) => {
    try {
      read(name, ...argv);
    } catch (error) {
      assert.ok(error instanceof Failure && error.exitCode === USAGE);
    }
  }));
});

Deno.test("values come back as they are, whatever they hold", () => {
  const text = fc.string({ minLength: 1, unit: "binary" });
  fc.assert(fc.property(text, text, (config, state) => {
    assert.deepEqual(given(`--config=${config}`, `--state=${state}`), { config, state });
    assert.deepEqual(given("--config", config, "--state", state), { config, state });
  }));
});
