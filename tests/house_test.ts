/** The rules of the house, as far as a program can check them. */
import assert from "node:assert/strict";
import { CLASSIFIERS, PROTOCOLS } from "../lib/protocol/mod.ts";
import { DEFAULTS } from "./support/story.ts";
import { parseConfig } from "../lib/policy/load.ts";
import { formatProblem } from "../lib/policy/problem.ts";

const root = new URL("..", import.meta.url).pathname;

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(root + folder)) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.name.startsWith(".") || entry.name === "dist" || entry.name === "coverage") continue;
    if (entry.isDirectory) yield* walk(path);
    else yield path;
  }
}

const files = [...walk("")].sort();
const read = (path: string) => Deno.readTextFileSync(root + path);
const exists = (path: string) => files.includes(path) || files.some((file) => file.startsWith(`${path}/`));
/** Tests and samples stand in the folders of the protocols, beside what they are of. */
const ofTests = (path: string) => /^tests\/|_test\.ts$|\/samples\.ts$/.test(path);
const source = files.filter((path) => /^(main|mod)\.ts$|^(lib|ffi)\/.*\.ts$/.test(path) && !ofTests(path));
const typescript = files.filter((path) => path.endsWith(".ts"));

/** The code without comments and without what stands in strings. */
function codeOf(path: string): string {
  return read(path)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""')
    .replace(/\/\/.*$/gm, "");
}

/** What a file imports: static imports and exports, and `import("…")` by itself. */
function importsOf(path: string): { readonly to: string; readonly dynamic: boolean }[] {
  const text = read(path).replace(/\/\*[\s\S]*?\*\//g, "");
  const fixed = [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm)];
  const lazy = [...text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)];
  return [
    ...fixed.map((match) => ({ to: match[1] ?? match[2]!, dynamic: false })),
    ...lazy.map((match) => ({ to: match[1]!, dynamic: true })),
  ];
}

function resolve(from: string, to: string): string {
  return new URL(to, `file:///${from}`).pathname.slice(1);
}

/** The rooms, lowest first: each may import those before it, and a few that stand side by side may not import each other. */
const ROOMS: readonly (readonly string[])[] = [
  ["lib/net"],
  ["lib/wire"],
  ["lib/state"],
  ["lib/protocol"],
  ["lib/policy"],
  ["lib/learn"],
  ["lib/judge"],
  ["lib/loop"],
  ["lib/names", "lib/report", "lib/firewall"],
  ["lib/history", "lib/notify"],
  ["lib/replay"],
  ["lib/daemon"],
  ["lib/cli"],
  ["lib/web"],
];

/** Rooms that stand by themselves: they import nothing of the program, and the program nothing of theirs. */
const ALONE: readonly string[] = ["lib/bundle"];

/** Rooms whose files may import a package of C bindings, all on demand. */
const FFI_USERS: readonly string[] = ["lib/daemon", "lib/cli"];

function mayImport(from: string, to: string): boolean {
  const level = (room: string) => ROOMS.findIndex((rooms) => rooms.includes(room));
  if (to === "ffi") return FFI_USERS.includes(from);
  if (from === "ffi") return to === "lib/net" || to === "lib/wire";
  return level(to) >= 0 && level(to) < level(from);
}

function layerOf(path: string): string {
  return path.startsWith("ffi/") ? "ffi" : path.split("/").slice(0, 2).join("/");
}

Deno.test("imports point one way", () => {
  const wrong: string[] = [];
  const rooms = new Set(source.map(layerOf).filter((layer) => layer.startsWith("lib/")));
  for (const room of rooms) if (![...ROOMS.flat(), ...ALONE].includes(room)) wrong.push(`${room} has no place`);
  for (const path of source.filter((path) => path.includes("/"))) {
    const layer = layerOf(path);
    for (const { to } of importsOf(path)) {
      if (!to.startsWith(".") || to.endsWith("/deno.json")) continue;
      const target = layerOf(resolve(path, to));
      if (target !== layer && !mayImport(layer, target)) wrong.push(`${path} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("nothing loads ffi but commands that need it, on their own demand", () => {
  // Reached from here by static imports alone: what main and mod load before any command was chosen.
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { to, dynamic } of importsOf(path)) if (to.startsWith(".") && !dynamic) visit(resolve(path, to));
  };
  visit("main.ts");
  visit("mod.ts");
  assert.deepEqual([...reached].filter((path) => path.startsWith("ffi/")), []);
  assert.ok(reached.size > 20);
  const users = source.filter((path) =>
    !path.startsWith("ffi/") && importsOf(path).some(({ to }) => resolve(path, to).startsWith("ffi/"))
  );
  const may =
    /^lib\/(daemon\/(daemon|descriptors|figures|handover|messages|priority|status|threads|workers?|connection_actions|set_transport|rights|vital_signs)|cli\/(doctor_checks|respawn|selftest_ping))\.ts$/;
  for (const path of users) assert.match(path, may);
});

Deno.test("four hops at most from main to judge", () => {
  let ring = new Set(["main.ts"]);
  for (let hop = 0; hop <= 4; hop++) {
    if (ring.has("lib/judge/engine.ts")) return;
    const next = new Set<string>();
    for (const path of ring) {
      for (const { to } of importsOf(path)) if (to.startsWith(".")) next.add(resolve(path, to));
    }
    ring = next;
  }
  assert.fail("lib/judge/engine.ts is farther than four imports from main.ts");
});

Deno.test("what is disposed of at the end of a block is named more than once there, or not at all", () => {
  // `deno bundle --minify` puts what a name that is used once stands for in the place of that use, also where it was declared
  // with `using`: in the executable it is then never closed. Write `const file = …; using _ = file;`.
  const wrong: string[] = [];
  for (const path of source) {
    const text = codeOf(path);
    for (const match of text.matchAll(/\busing (\w+) =/g)) {
      let depth = 0;
      let end = match.index;
      for (; end < text.length && depth >= 0; end++) {
        depth += "{".includes(text[end]!) ? 1 : "}".includes(text[end]!) ? -1 : 0;
      }
      const uses = text.slice(text.indexOf(";", match.index), end).match(new RegExp(`\\b${match[1]}\\b`, "g")) ?? [];
      if (uses.length === 1) wrong.push(`${path}: ${match[1]}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** Where a package from outside may be imported. */
const HOMES: Readonly<Record<string, RegExp>> = {
  "smol-toml": /^lib\/policy\//,
  "fast-check": /^tests\/|_test\.ts$/,
};

Deno.test("a package from outside is named once, and imported in one folder", () => {
  const wrong: string[] = [];
  for (const path of typescript) {
    for (const { to } of importsOf(path)) {
      if (to.startsWith(".") || to.startsWith("node:") || to.includes("$")) continue;
      if (HOMES[to]?.test(path) !== true) wrong.push(`${path} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
  const { imports } = JSON.parse(read("deno.json")) as { imports: Record<string, string> };
  assert.deepEqual(Object.keys(imports).sort(), Object.keys(HOMES).sort());
  for (const [name, specifier] of Object.entries(imports)) {
    assert.match(specifier, /^npm:(@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+$/, `${name} has an exact version`);
  }
});

/** Longest function: what one can hold in mind. How long a file is, is left to judgement. */
const LONGEST_FUNCTION = 80;

/** Functions that are longer still, by file. */
const LONG_FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  "lib/protocol/edonkey/udp.ts": ["answered"],
};

Deno.test(`no function is longer than ${LONGEST_FUNCTION} lines`, () => {
  const long: string[] = [];
  for (const path of source) {
    for (const { header, lines } of functionsOf(read(path))) {
      const known = LONG_FUNCTIONS[path]?.some((name) => header.includes(` ${name}(`)) === true;
      if (lines > LONGEST_FUNCTION && !known) long.push(`${path}: ${lines} lines: ${header}`);
    }
  }
  assert.deepEqual(long, []);
  assert.ok(read("main.ts").split("\n").length <= 40);
});

Deno.test("the check of function lengths sees functions, methods, arrows and long parameter lists", () => {
  const text = [
    ...["export function* one<T>(a: T): Generator<T, void> {", "  if (a) {", "  }", "}"],
    ...["class Two {", "  async #method(", "    a: number,", "  ): Promise<void> {", "    return;", "  }", "}"],
    ...["const three = (a: number) => {", "  for (const b of a) {", "  }", "};"],
    ...["if (", "  one", ") {", "  two();", "}"],
  ].join("\n");
  assert.deepEqual(functionsOf(text), [
    { header: "export function* one<T>(a: T): Generator<T, void> {", lines: 4 },
    { header: "async #method(", lines: 5 },
    { header: "const three = (a: number) => {", lines: 4 },
  ]);
});

/** Functions of a file as `deno fmt` leaves it: the line that each begins with, and its lines with header and last brace. */
function functionsOf(text: string): { readonly header: string; readonly lines: number }[] {
  const lines = text.split("\n");
  const functions: { header: string; lines: number }[] = [];
  for (const [at, line] of lines.entries()) {
    if (!/\)(?:: [^=]+)? \{$|=> \{$/.test(line)) continue;
    const indent = /^ */.exec(line)![0];
    // Parameters that do not fit a line: the header begins at the last line before that is indented alike.
    let begin = at;
    if (/^ *[)\]}]/.test(line)) {
      do begin--; while (
        begin > 0 && !(lines[begin]!.startsWith(indent) && /^\S/.test(lines[begin]!.slice(indent.length)))
      );
    }
    if (/^ *(?:\} )?(?:if|for|while|switch|catch|else|do)\b/.test(lines[begin]!)) continue;
    const end = lines.findIndex((later, i) => i > at && later.startsWith(`${indent}}`));
    functions.push({ header: lines[begin]!.trim(), lines: end - begin + 1 });
  }
  return functions;
}

/** What files import from each other: `path#name`, or `path#*` where the names cannot be read. */
function importedBy(paths: readonly string[]): Set<string> {
  const imported = new Set<string>();
  for (const path of paths) {
    const text = read(path).replace(/\/\*[\s\S]*?\*\//g, "");
    const note = (names: string | undefined, to: string): void => {
      for (const name of names?.split(",") ?? ["*"]) {
        imported.add(`${resolve(path, to)}#${name.trim().replace(/^type /, "").split(/ as |:/)[0]!.trim()}`);
      }
    };
    for (
      const [, names, to] of text.matchAll(
        /^(?:import|export)\s(?:type )?(?:\{([^}]*)\}|\*[^;]*?)\s+from\s+"(\.[^"]+)"/gm,
      )
    ) {
      note(names, to!);
    }
    for (const [, names, to] of text.matchAll(/(?:\{([^{}]*)\}\s*=\s*await\s+)?import\(\s*"(\.[^"]+)"\s*\)/g)) {
      note(names, to!);
    }
  }
  return imported;
}

/** Exported functions, classes, constants and types of a file, and how often each name stands elsewhere in it. */
function exportsOf(path: string): { readonly name: string; readonly isType: boolean; readonly uses: number }[] {
  const text = read(path).replace(/\/\*[\s\S]*?\*\//g, "");
  const declared = text.matchAll(/^export (?:abstract |async )?(const|function\*?|class|interface|type) (\w+)/gm);
  return [...declared].map(([, kind, name]) => ({
    name: name!,
    isType: kind === "interface" || kind === "type",
    uses: text.match(new RegExp(`\\b${name}\\b`, "g"))!.length - 1,
  }));
}

/** Exports that only tests need, each with its reason. */
const UNUSED: Readonly<Record<string, string>> = {
  "lib/policy/reference.ts#formatReferencePage": "a test writes docs/config.md with it, and compares",
  "lib/wire/build.ts#buildTcp": "tests build captures with it",
  "lib/wire/transport.ts#PSH": "a flag of the TCP segments that tests build",
};

Deno.test("what is exported is imported somewhere, and needed by more than tests", () => {
  const product = importedBy(source);
  const tests = importedBy(typescript.filter((path) => !source.includes(path)));
  const wrong: string[] = [];
  for (const path of source.filter((path) => path.includes("/") && !product.has(`${path}#*`))) {
    for (const { name, isType, uses } of exportsOf(path)) {
      const key = `${path}#${name}`;
      if (product.has(key) || (isType && uses > 0) || key in UNUSED) continue;
      if (!tests.has(key) && !tests.has(`${path}#*`)) wrong.push(`${key}: nobody imports it`);
      else if (uses === 0) wrong.push(`${key}: only tests use it`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("no default exports, no enum, no any, no helpers, file names in snake_case", () => {
  const wrong: string[] = [];
  for (const path of typescript) {
    const code = codeOf(path);
    if (/^export default\b/m.test(code)) wrong.push(`${path}: default export`);
    if (/^\s*(?:export )?(?:const )?enum\s+\w/m.test(code)) wrong.push(`${path}: enum`);
    if (/(?::|<|\bas)\s*any\b|\bany\[\]/.test(code)) wrong.push(`${path}: any`);
    if (!/^[a-z0-9_]+\.ts$/.test(path.split("/").at(-1)!)) wrong.push(`${path}: name`);
    if (/(?:^|_)(?:utils?|helpers?|managers?|misc|common)\.ts$/.test(path)) wrong.push(`${path}: says nothing`);
  }
  assert.deepEqual(wrong, []);
});

Deno.test("nothing in lib reads a clock or sleeps, but those who run it, who have to", () => {
  const wrong = source.filter((path) =>
    path.startsWith("lib/") && !/^lib\/(?:(?:cli|daemon|report|firewall|web)\/|net\/timer\.ts$)/.test(path)
  )
    .filter((path) =>
      /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(?:Timeout|Interval)\(|\/timer\.ts"/.test(codeOf(path))
    );
  assert.deepEqual(wrong, []);
});

Deno.test("timers are our own: the runtime's stop packets when they are first used", () => {
  const wrong = source.filter((path) => /^(?:lib|ffi|main)\b/.test(path) && path !== "lib/web/looks.ts")
    .filter((path) => /\bset(?:Timeout|Interval|Immediate)\(/.test(codeOf(path)));
  assert.deepEqual(wrong, []);
});

const markdown = files.filter((path) => path.endsWith(".md") && !path.startsWith("tests/golden/"));

/** Fenced blocks of one language. */
function blocksOf(path: string, language: string): string[] {
  return [...read(path).matchAll(/^([ \t]*)```(\w+)[^\n]*\n([\s\S]*?)^\1```/gm)]
    .filter((match) => match[2] === language)
    .map((match) => match[3]!.replace(new RegExp(`^${match[1]}`, "gm"), ""));
}

Deno.test("every TOML example in the docs is a config that the loader takes", () => {
  let examples = 0;
  for (const path of markdown) {
    for (const block of blocksOf(path, "toml")) {
      examples++;
      const { problems } = parseConfig(block, path, DEFAULTS);
      const errors = problems.filter((problem) => problem.severity === "error").map(formatProblem);
      assert.deepEqual(errors, [], `${path}:\n${block}`);
    }
  }
  assert.ok(examples > 0);
});

/** Commands of the interface. */
const COMMANDS: readonly string[] = [
  ...[
    "run",
    "check",
    "rules",
    "reload",
    "status",
    "top",
    "lock",
    "unlock",
    "allow",
    "replay",
    "explain",
    "doctor",
    "selftest",
  ],
  ...["completions", "version", "report", "log", "notify"],
];

Deno.test("every command that the docs show exists", () => {
  const wrong: string[] = [];
  for (const path of markdown) {
    for (const language of ["sh", "console", "shell", "bash"]) {
      // Where a block has prompts, the lines without one are what is printed.
      const lines = blocksOf(path, language).flatMap((block) =>
        block.split("\n").filter((line) => !/^\$ /m.test(block) || line.startsWith("$ "))
      );
      for (const line of lines) {
        const match = /^\s*(?:[#$]\s+)?(?:sudo\s+)?ftwall(?:\s+([a-z][\w-]*))?/.exec(line);
        if (match?.[1] !== undefined && !COMMANDS.includes(match[1])) wrong.push(`${path}: ${line.trim()}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("links in the docs lead somewhere", () => {
  const wrong: string[] = [];
  for (const path of markdown) {
    for (const [, link] of read(path).replace(/```[\s\S]*?```/g, "").matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      if (!exists(resolve(path, link!).replace(/\/$/, ""))) wrong.push(`${path}: ${link}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test({
  name: `exit codes are documented${exists("README.md") ? "" : " (skipped: no README.md yet)"}`,
  ignore: !exists("README.md"),
  fn() {
    const text = markdown.filter((path) => !/^docs\/protocols\/|^lib\/protocol\//.test(path)).map(read).join("\n");
    const codes = [...read("lib/report/failure.ts").matchAll(/^export const (\w+) = (\d+)/gm)].map((match) =>
      match[2]!
    );
    assert.ok(codes.length >= 3);
    const passages = [...text.matchAll(/exit codes?\b[\s\S]{0,400}/gi)].map(([passage]) => passage);
    const whole = passages.some((passage) => codes.every((code) => new RegExp(`\\b${code}\\b`).test(passage)));
    assert.ok(whole, `no passage about exit codes names all of ${codes.join(", ")}`);
  },
});

Deno.test("the version of Deno stands in one place, and whoever repeats it says the same", () => {
  const version = read(".dvmrc").trim();
  assert.match(version, /^\d+\.\d+\.\d+$/);
  const plain = (path: string) => /\.(?:md|sh|yml|yaml|json)$/.test(path) && path !== "deno.lock";
  const paths = [...files.filter(plain), ...workflows()];
  for (const path of paths) {
    for (const [, said] of read(path).matchAll(/\bdeno(?:[ _-]?version)?["':@= v]+(\d+\.\d+\.\d+)/gi)) {
      assert.equal(said, version, path);
    }
  }
});

function workflows(): string[] {
  try {
    return [...Deno.readDirSync(`${root}.github/workflows`)].map((entry) => `.github/workflows/${entry.name}`);
  } catch {
    return [];
  }
}

Deno.test("the version of ftwall stands in deno.json", () => {
  const { version } = JSON.parse(read("deno.json")) as { version: string };
  const repeated = source.filter((path) => read(path).includes(`"${version}"`));
  assert.deepEqual(repeated, []);
});

Deno.test("every protocol is a folder and every folder a protocol; a classifier has samples and golden captures", () => {
  const folders = [...Deno.readDirSync(`${root}lib/protocol`)].filter(({ isDirectory }) => isDirectory);
  assert.deepEqual(folders.map(({ name }) => name).sort(), PROTOCOLS.map(({ name }) => name).sort());
  for (const { name } of PROTOCOLS) {
    for (const file of ["mod.ts", "README.md"]) assert.ok(exists(`lib/protocol/${name}/${file}`), `${name}/${file}`);
  }
  for (const { name } of CLASSIFIERS) {
    assert.ok(exists(`lib/protocol/${name}/samples.ts`), `lib/protocol/${name}/samples.ts`);
    for (const golden of [name, `${name}_near_misses`]) {
      assert.ok(exists(`tests/golden/${golden}/expected.jsonl`), golden);
    }
  }
});

Deno.test("no file outside lib/protocol mentions a protocol by name, in code, text or comment", () => {
  // "Ares Galaxy", "eDonkey, eMule and Kad", "Gnutella and Gnutella2": the names in the titles, without what is in brackets.
  const titles = PROTOCOLS.flatMap(({ title }) => title.replace(/ \(.*\)/, "").split(/, | and /));
  const named = new RegExp(`\\b(?:${[...PROTOCOLS.map(({ name }) => name), ...titles].join("|")})\\b`, "i");
  const wrong = source.filter((path) => !path.startsWith("lib/protocol/")).flatMap((path) =>
    read(path).split("\n").flatMap((line, at) => named.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])
  );
  assert.deepEqual(wrong, []);
});

Deno.test("every golden capture of a protocol recognises it", () => {
  for (const { name } of CLASSIFIERS) {
    assert.match(read(`tests/golden/${name}/expected.jsonl`), new RegExp(`"protocol":"${name}"`), name);
  }
});
