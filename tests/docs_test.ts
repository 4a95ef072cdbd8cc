/** The documents: links, examples and tables are held against the program. FTWALL_UPDATE=1 writes the tables anew. */
import assert from "node:assert/strict";
import { CLASSIFIERS, PROTOCOLS } from "../lib/protocol/mod.ts";
import { longName } from "../lib/cli/command.ts";
import { allCommands } from "../lib/cli/commands.ts";
import { protocolDefaults } from "../lib/policy/defaults.ts";
import { parseConfig } from "../lib/policy/load.ts";
import { metricsText } from "../lib/report/metrics.ts";
import { VerdictTimes } from "../lib/report/verdict_times.ts";
import type { Classifier } from "../lib/protocol/classifier.ts";
import { type Samples, surest } from "./protocol/sample.ts";
import { configPage, programPage, replayPage } from "./support/man.ts";
import { coveragePage, coverageTable, evidenceTable, words } from "./support/coverage.ts";
import { statusOf } from "./support/status.ts";
import { has, unless } from "./support/tools.ts";

const root = new URL("../", import.meta.url);
const update = Deno.env.get("FTWALL_UPDATE") === "1";
const DEFAULTS = protocolDefaults(PROTOCOLS);

const documents = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...markdownBelow("docs/"),
  ...markdownBelow("lib/"),
].sort();

function markdownBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, root))].flatMap((entry) => {
    if (entry.isDirectory) return markdownBelow(`${folder}${entry.name}/`);
    return entry.name.endsWith(".md") ? [`${folder}${entry.name}`] : [];
  });
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

interface Block {
  readonly language: string;
  readonly text: string;
}

/** Fenced blocks, also indented ones. */
function blocks(path: string): Block[] {
  const found = read(path).matchAll(/^( *)```(\w*)[^\n]*\n([\s\S]*?)^\1```$/gm);
  return [...found].map(([, indent, language, text]) => ({
    language: language!,
    text: text!.replace(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** ftwall's command lines in a document: lines of `sh` blocks, those behind a prompt, and spans. */
function commandLines(path: string): string[] {
  const lines = blocks(path).filter((block) => block.language === "sh").flatMap((block) => block.text.split("\n"));
  const prompted = [...read(path).matchAll(/^ *\$ (ftwall.*)$/gm)].map(([, line]) => line!);
  const spans = [...read(path).matchAll(/`(ftwall [^`\n]+)`/g)].map(([, span]) => span!);
  return [...lines, ...prompted, ...spans].map((line) => line.replace(/^(sudo|deno task) /, "").trim())
    .filter((line) => /^ftwall( |$)/.test(line));
}

/** Words of a command line; quotes hold words together. */
function split(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!).slice(1);
}

async function run(args: readonly string[]): Promise<{ code: number; out: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", "main.ts", ...args],
    cwd: root,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  return { code, out: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

// What is generated comes first: the tests behind it read what it wrote.

/** Text between two marks of a document. */
function inserted(path: string, mark: string, wanted: string): void {
  const text = read(path);
  const between = new RegExp(`(<!-- ${mark} -->\n)([\\s\\S]*?)(<!-- /${mark} -->)`);
  if (update) {
    Deno.writeTextFileSync(
      new URL(path, root),
      text.replace(between, (_, a, __, c) => `${a}\n${wanted}\n\n${c}`),
    );
  }
  assert.equal(words(between.exec(read(path))?.[2] ?? ""), words(wanted), "run with FTWALL_UPDATE=1, then deno fmt");
}

Deno.test("docs/protocols.md is made from the classifiers (FTWALL_UPDATE=1 writes it)", () => {
  if (update) Deno.writeTextFileSync(new URL("docs/protocols.md", root), coveragePage());
  assert.equal(words(read("docs/protocols.md")), words(coveragePage()), "run with FTWALL_UPDATE=1, then deno fmt");
});

Deno.test("the README's table of protocols is made from the classifiers (FTWALL_UPDATE=1 writes it)", () => {
  inserted("README.md", "protocols", coverageTable(""));
});

for (const { name, title } of PROTOCOLS) {
  Deno.test(`${name} has a page, with a table of its evidence from the code (FTWALL_UPDATE=1 writes it)`, () => {
    const path = `lib/protocol/${name}/README.md`;
    assert.ok(read(path).startsWith(`# ${title}\n`), path);
    if (CLASSIFIERS.some((classifier) => classifier.name === name)) inserted(path, "evidence", evidenceTable(name));
  });
}

Deno.test("docs/operation.md lists the metrics that are served (FTWALL_UPDATE=1 writes the list)", () => {
  const served = metricsText(statusOf(), new VerdictTimes(), 1);
  const lines = [...served.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name, help]) => {
    const type = new RegExp(`^# TYPE ${name} (\\w+)$`, "m").exec(served)?.[1] ?? "";
    return `| \`${name}\` | ${type} | ${help} |`;
  });
  assert.ok(lines.length > 10);
  inserted("docs/operation.md", "metrics", ["| metric | type | what |", "| --- | --- | --- |", ...lines].join("\n"));
});

const MANUALS = ["ftwall.8", "ftwall.toml.5", "ftwall-replay.1"];

Deno.test("the manual pages are made from the commands and the schema (FTWALL_UPDATE=1 writes them)", async () => {
  const commands = await allCommands();
  const pages = [programPage(commands), configPage(), replayPage(commands.get("replay")!)];
  for (const [i, name] of MANUALS.entries()) {
    if (update) Deno.writeTextFileSync(new URL(`docs/man/${name}`, root), pages[i]!);
    assert.equal(read(`docs/man/${name}`), pages[i], `docs/man/${name}: run this test with FTWALL_UPDATE=1`);
    const named = [...pages[i]!.matchAll(/^\.Xr (\S+) (\d)/gm)].map(([, title, section]) => `${title}.${section}`);
    for (const one of named) assert.ok([...MANUALS, "iptables.8", "nft.8", "tcpdump.8"].includes(one), one);
  }
});

for (const [tool, ...args] of [["mandoc", "-T", "lint"], ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8"]]) {
  const there = await has(tool!);
  Deno.test({
    name: `${tool} has nothing to say about the manual pages${unless(there, tool!)}`,
    ignore: !there,
    async fn() {
      for (const name of MANUALS) {
        const { stdout, stderr } = await new Deno.Command(tool!, {
          args: [...args, `docs/man/${name}`],
          cwd: root,
          env: { MANWIDTH: "80", LC_ALL: "C.UTF-8" },
        }).output();
        const [out, complaints] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
        assert.equal(withoutMissing(complaints!), "", name);
        if (tool === "mandoc") assert.equal(withoutMissing(out!), "");
        else assert.ok(out!.length > 1000, out);
      }
    },
  });
}

/** Without the lines about pages that are not installed here. */
function withoutMissing(complaints: string): string {
  return complaints.replaceAll(/^.*(?:outdated mandoc\.db|referenced manual not found).*\n/gm, "");
}

Deno.test("links in the documents lead somewhere", () => {
  const broken: string[] = [];
  for (const path of documents) {
    for (const [, target] of read(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      const [file, anchor] = target!.split("#");
      if (/^[a-z]+:/.test(target!)) continue;
      const url = file === "" ? new URL(path, root) : new URL(file!, new URL(path, root));
      try {
        const text = Deno.readTextFileSync(url);
        if (anchor !== undefined) {
          const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
            heading!.toLowerCase().replace(/[^\w\s-]/g, "").replaceAll(" ", "-")
          );
          if (!headings.includes(anchor)) broken.push(`${path}: ${target}`);
        }
      } catch {
        broken.push(`${path}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("every config in the documents loads without a problem", () => {
  let seen = 0;
  for (const path of documents) {
    for (const { language, text } of blocks(path)) {
      if (language !== "toml") continue;
      seen++;
      assert.deepEqual(parseConfig(text, path, DEFAULTS).problems, [], path);
    }
  }
  assert.ok(seen >= 2);
});

Deno.test("every JSON in the documents parses", () => {
  let seen = 0;
  for (const path of documents) {
    for (const { language, text } of blocks(path)) {
      if (language !== "json") continue;
      seen++;
      assert.doesNotThrow(() => JSON.parse(text), `${path}: ${text}`);
    }
  }
  assert.ok(seen >= 2);
});

Deno.test("every command of ftwall in the documents exists, with its options and choices", async () => {
  const commands = await allCommands();
  let seen = 0;
  for (const path of documents) {
    for (const line of commandLines(path)) {
      const args = split(line);
      if (args[0]?.startsWith("…")) continue;
      const named = commands.get(args[0] ?? "");
      const rest = named === undefined ? args : args.slice(1);
      const options = Object.entries((named ?? commands.get("run")!).options);
      assert.ok(named !== undefined || (args[0] ?? "--").startsWith("-"), `${path}: "${line}": no such command`);
      seen++;
      for (const word of rest.filter((one) => /^-/.test(one))) {
        const flags = options.flatMap(([key, { short }]) => [longName(key), `-${short}`]);
        assert.ok(
          [...flags, "--help", "-h", "--version", "-V"].includes(word),
          `${path}: "${line}": no option ${word}`,
        );
      }
      for (const [i, word] of rest.entries()) {
        const choices = options.find(([key]) => longName(key) === word)?.[1].choices;
        const value = rest[i + 1];
        if (choices !== undefined && value !== undefined) assert.ok(choices.includes(value), `${path}: "${line}"`);
      }
    }
  }
  assert.ok(seen > 30);
});

Deno.test("the README's commands that need neither root nor a daemon do what it says", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ftwall-docs-" });
  try {
    const config = `${dir}/ftwall.toml`;
    await Deno.writeTextFile(config, blocks("README.md").find((block) => block.language === "toml")!.text);
    assert.equal((await run(["check", "--quiet", "--config", config])).code, 0);
    const capture = new URL("golden/fasttrack/capture.pcap", import.meta.url).pathname;
    const replay = await run(["replay", "--home", "any", capture]);
    assert.equal(replay.code, 0, replay.out);
    assert.match(replay.out, /fasttrack udp-ping \(certain\)/);
    for (const backend of ["nft", "iptables"]) {
      const rules = await run(["rules", "--backend", backend, "--config", config]);
      assert.equal(rules.code, 0, rules.out);
      assert.match(rules.out, backend === "nft" ? /queue num 0 bypass/ : /-j NFQUEUE/);
    }
    const version = await run(["version"]);
    assert.match(version.out, /^ftwall \d+\.\d+\.\d+\nDeno /);
    assert.equal((await run(["completions", "bash"])).code, 0);
    for (const help of [["--help"], ["status", "--help"]]) assert.equal((await run(help)).code, 0);
    const status = await run(["status", "--control", `${dir}/none`]);
    assert.equal(status.code, 3, "no daemon is 3, as the README says");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("install.sh knows the options that the README gives it", () => {
  const script = read("install.sh");
  const used = [...read("README.md").matchAll(/install\.sh ((?:--[a-z-]+ ?)+)/g)].flatMap(([, all]) =>
    all!.trim().split(" ")
  );
  assert.ok(used.length > 5);
  for (const option of used) assert.match(script, new RegExp(`^  ${option} `, "m"), option);
});

Deno.test("the tasks that README.md and CONTRIBUTING.md name exist", () => {
  const { tasks } = JSON.parse(read("deno.json")) as { tasks: Record<string, unknown> };
  const text = read("README.md") + read("CONTRIBUTING.md");
  for (const [, task] of text.matchAll(/deno task ([\w:]+)/g)) assert.ok(task! in tasks, task);
});

Deno.test("messages that docs/troubleshooting.md quotes are those of the program", () => {
  const page = read("docs/troubleshooting.md");
  const rows = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, message]) => message!);
  const shown = blocks("docs/troubleshooting.md").filter(({ language }) => language === "text")
    .flatMap(({ text }) => text.trimEnd().split("\n"));
  assert.ok(rows.length > 3 && shown.length > 2);
  const source = typescriptBelow("lib/").concat(typescriptBelow("ffi/")).map(read).join("\n")
    .replaceAll(/["`] \+\s+["`]/g, "");
  for (const message of [...rows, ...shown]) {
    // What a message says of a case stands between quotes, or is "…" here.
    const said = message.replace(/^ftwall: /, "").replaceAll("libnetfilter_queue", "…").split(/"[^"]*"|…/).map((part) =>
      part.replace(/^[\W\d]+|\W+$/g, "")
    );
    for (const part of said.filter((part) => part.length > 8)) assert.ok(source.includes(part), `${message}: ${part}`);
  }
});

function typescriptBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, root))].flatMap((entry) => {
    if (entry.isDirectory) return typescriptBelow(`${folder}${entry.name}/`);
    return entry.name.endsWith(".ts") ? [`${folder}${entry.name}`] : [];
  });
}

Deno.test("a capture is looked at as CONTRIBUTING.md says", async () => {
  const capture = new URL("golden/fasttrack/capture.pcap", import.meta.url).pathname;
  const lines = [...read("CONTRIBUTING.md").matchAll(/^ftwall (replay .*) capture\.pcap$/gm)].map(([, args]) => args!);
  assert.equal(lines.length, 2);
  for (const args of lines) {
    const { code, out } = await run([...args.split(" "), capture]);
    assert.equal(code, 0, out);
    assert.match(out, /udp-ping/);
  }
});

/** An example of a document as a module, as if it stood in a folder of lib/protocol. */
async function imported<T>(text: string): Promise<T> {
  const source = text.replaceAll(
    /"((?:\.\.\/)+[\w/]+\.ts)"/g,
    (_, path) => `"${new URL(path, new URL("lib/protocol/hotline/", root)).href}"`,
  );
  return await import(`data:application/typescript,${encodeURIComponent(source)}`) as T;
}

Deno.test("the classifier in docs/adding_a_classifier.md recognises its samples, and no near miss", async () => {
  const [code, list] = blocks("docs/adding_a_classifier.md").filter(({ language }) => language === "ts");
  const { hotline } = await imported<{ hotline: Classifier }>(code!.text);
  const { samples } = await imported<{ samples: Samples }>(list!.text);
  for (const sample of samples.recognised) assert.equal(surest(hotline, sample).name, sample.evidence, sample.name);
  for (const miss of samples.nearMisses) assert.equal(surest(hotline, miss).certainty, 0, miss.name);
});

Deno.test("events in docs/operation.md are those that exist", () => {
  const source = read("lib/report/report_event.ts") + read("lib/learn/event.ts");
  const declared = [...source.matchAll(/readonly event: ((?:"[a-z-]+"(?: \| )?)+);/g)]
    .flatMap(([, names]) => names!.match(/[a-z-]+/g) ?? []);
  const section = read("docs/operation.md").split("## Events")[1]!.split("## Status")[0]!;
  for (const name of declared) assert.ok(section.includes(`\`${name}\``), name);
  const rows = section.split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split("|")[1]!);
  for (const name of rows.flatMap((row) => row.match(/[a-z][a-z-]+/g) ?? [])) assert.ok(declared.includes(name), name);
});

Deno.test("fields of status in docs/operation.md are those that exist", () => {
  const section = read("docs/operation.md").split("## Status")[1]!.split("## Metrics")[0]!;
  const status = statusOf();
  const rows = section.split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split("|")[1]!);
  const named = rows.flatMap((row) => row.match(/[a-z_]+/g) ?? []);
  // Tests have no kernel beside them: that part is optional.
  assert.deepEqual(named.sort(), [...new Set([...Object.keys(status), "kernel"])].sort());
});

Deno.test("each threat in docs/threats.md names tests that exist", () => {
  const sources = typescriptBelow("tests/").filter((path) => path.endsWith("_test.ts")).map(read).join("\n");
  const rows = read("docs/threats.md").split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim()).slice(1, -1));
  const threats = rows.filter(([first = ""]) => first !== "what is tried" && !first.startsWith("---"));
  assert.ok(threats.length >= 30);
  for (const [threat, , shown = ""] of threats) {
    const names = [...shown.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    assert.ok(names.length > 0, threat);
    for (const name of names) assert.ok(sources.includes(`"${name}"`), `no test is called "${name}"`);
  }
});
