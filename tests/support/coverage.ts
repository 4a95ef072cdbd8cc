/**
 * The generated parts of the protocols' pages, from the code: what each classifier recognises, by which evidence, and what
 * is done about it.
 */
import type { Classifier, Protocol } from "../../lib/protocol/classifier.ts";
import { CLASSIFIERS, PROTOCOLS } from "../../lib/protocol/mod.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";

const FOLDERS = new URL("../../lib/protocol/", import.meta.url);

type Weight = "certain" | "strong" | "weak" | "nothing alone";

const CERTAINTY: Readonly<Record<string, Weight>> = {
  CERTAIN: "certain",
  STRONG: "strong",
  WEAK: "weak",
  "3": "certain",
  "2": "strong",
  "1": "weak",
};

const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g;
const DECLARATION = new RegExp(
  `= \\w*[eE]vidence\\(\\s*"([^"]+)",\\s*(?:(CERTAIN|STRONG|WEAK|[123]),\\s*)?((?:(?:${STRING.source})[\\s+]*)+)`,
  "g",
);

/** A piece of evidence as its declaration in the source has it. */
export interface Declared {
  readonly name: string;
  readonly certainty: Weight;
  readonly because: string;
}

/** Evidence that a classifier's file and what it imports from its folder declare, in order of reading. */
export function declaredBy(classifier: string): readonly Declared[] {
  const found: Declared[] = [];
  const seen = new Set<string>();
  const visit = (file: URL): void => {
    if (seen.has(file.href) || !file.href.startsWith(FOLDERS.href)) return;
    seen.add(file.href);
    const text = Deno.readTextFileSync(file);
    for (const [, path] of text.matchAll(/^(?:import|export) [^"]*? from "(\.[^"]+)";/gms)) visit(new URL(path!, file));
    for (const [, name, certainty, because] of text.matchAll(DECLARATION)) {
      const parts = because!.match(STRING) ?? [];
      const joined = parts.map((part) => part.slice(1, -1).replace(/\\(.)/g, "$1")).join("");
      const constant = (_: string, word: string) => new RegExp(`const ${word} =\\s*"([^"]*)"`).exec(text)?.[1] ?? word;
      found.push({
        name: name!,
        certainty: certainty === undefined ? "nothing alone" : CERTAINTY[certainty]!,
        because: joined.replace(/\$\{(\w+)\}/g, constant),
      });
    }
    const read = text.match(DECLARATION)?.length ?? 0;
    const declared = text.match(/= \w*[eE]vidence\(/g)?.length ?? 0;
    if (declared !== read) throw new Error(`Cannot read evidence in "${file.pathname}": ${read} of ${declared}`);
  };
  visit(new URL(`${classifier}/mod.ts`, FOLDERS));
  return found;
}

/** The table of a protocol's evidence, for its own page. */
export function evidenceTable(name: string): string {
  return [
    "| evidence | certainty | rests on |",
    "| --- | --- | --- |",
    ...declaredBy(name).map(({ name, certainty, because }) =>
      `| \`${name}\` | ${certainty} | ${because.replaceAll("|", "\\|")} |`
    ),
  ].join("\n");
}

/** The table of protocols; links begin with `to`. */
export function coverageTable(to: string): string {
  const defaults = protocolDefaults(PROTOCOLS);
  return [
    "| protocol | key | over | default action | requires | evidence |",
    "| --- | --- | --- | --- | --- | --- |",
    ...PROTOCOLS.map(({ name, title }, number) => {
      const { action, require } = defaults[number]!;
      const classifier = CLASSIFIERS[number];
      const over = classifier === undefined ? "names only" : transports(classifier);
      const evidence = classifier === undefined ? "hints from DNS and TLS names" : count(name);
      return `| ${title} | [\`${name}\`](${to}lib/protocol/${name}/README.md) | ${over} | ${action} | ${require} | ${evidence} |`;
    }),
  ].join("\n");
}

/** The whole page. */
export function coveragePage(): string {
  return [
    "# What ftwall recognises",
    "",
    "Made from the code by `FTWALL_UPDATE=1 deno test -A tests/docs_test.ts`; a test keeps it so. Each protocol has a page",
    "that lists its evidence, and says how it decides and what it does not see.",
    "",
    "_Certain_ is exact structure, with odds of a mistake below one in a million flows; _strong_ rests on two facts; _weak_",
    "never acts alone and only adds to the client's score. `require` in the config says what is needed to act. Ports are",
    "never evidence.",
    "",
    coverageTable("../"),
    "",
    "Further, for every protocol: a flow to an endpoint that a confirmed conversation taught (`known-peer`), names in DNS",
    "(`name`, and training by `names`), what a program calls itself where it asks the router for a port (`port-mapping`, see",
    "[port mappings](protocols/port_mappings.md)), what a suspected client's port answers when it is asked (see",
    "[asking clients](protocols/probes.md)), and proxies in clear are seen through ([proxy](protocols/proxy.md)). What",
    "has no classifier, and why: [others](protocols/others.md).",
    "",
  ].join("\n");
}

function transports({ tcp, udp }: Classifier): string {
  return [tcp ? "TCP" : "", udp ? "UDP" : ""].filter((one) => one !== "").join(", ");
}

function count(name: Protocol["name"]): string {
  const of = (certainty: Weight) => declaredBy(name).filter((one) => one.certainty === certainty).length;
  return (["certain", "strong", "weak"] as const).filter((one) => of(one) > 0).map((one) => `${of(one)} ${one}`)
    .join(", ");
}

/** A Markdown text as its words, so that the formatter's padding does not matter. */
export function words(markdown: string): string {
  return markdown.replace(/-{3,}/g, "---").replace(/\s+/g, " ").trim();
}
