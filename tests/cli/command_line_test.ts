import assert from "node:assert/strict";
import { Command } from "commander";
import fc from "fast-check";
import { commandTree } from "../../lib/cli/command_line.ts";
import { readRun, RUN_OPTIONS } from "../../lib/cli/run_arguments.ts";

/** What the command tree makes of a command line; null where it refuses or does something else than run. */
async function byTree(argv: readonly string[]): Promise<unknown> {
  const tree = commandTree({ code: 0 });
  const run = tree.commands.find((command) => command.name() === "run");
  assert.ok(run instanceof Command);
  let found: unknown = null;
  run.action(() => {
    found = run.opts();
  });
  tree.configureOutput({ writeOut: () => {} });
  await tree.parseAsync([...argv], { from: "user" }).catch(() => {});
  return found;
}

Deno.test("the short way reads every option of run", () => {
  assert.deepEqual(readRun([]), {});
  assert.deepEqual(
    readRun([
      "run",
      "-n",
      "-c",
      "x.toml",
      "--queue=0:3",
      "--log-format",
      "json",
      "--log-level=off",
      "--control",
      "/c",
      "--state=",
      "--pid-file",
      "/p",
    ]),
    {
      dryRun: true,
      config: "x.toml",
      queue: { first: 0, last: 3 },
      logFormat: "json",
      logLevel: "off",
      control: "/c",
      state: "",
      pidFile: "/p",
    },
  );
});

Deno.test("the short way leaves everything else to the command tree", () => {
  for (
    const argv of [
      ["status"],
      ["--help"],
      ["run", "run"],
      ["--dry-rnu"],
      ["--queue", "3:1"],
      ["--queue"],
      ["--log-format", "xml"],
      ["--dry-run=yes"],
      ["--"],
      ["-V"],
      ["<path>"],
    ]
  ) assert.equal(readRun(argv), null, argv.join(" "));
});

Deno.test("whatever the short way reads, the command tree reads alike", async () => {
  const names = RUN_OPTIONS.flatMap((option) => option.flags.split(/[ ,]+/).filter((word) => word.startsWith("-")));
  const word = fc.constantFrom(...names, "run", "json", "off", "0", "1:2", "/path", "--queue=4", "--state=", "-nc", "");
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
      const short = readRun(argv);
      if (short !== null) assert.deepEqual(await byTree(argv), short);
    }),
    { numRuns: 300 },
  );
});
