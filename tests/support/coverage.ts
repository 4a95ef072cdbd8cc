/**
 * docs/protocols.md from the code: what each classifier recognises, by which evidence, and what is done about it.
 */
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import type { ProtocolDefaults } from "../../lib/policy/config.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";

const CLASSIFY = new URL("../../lib/protocol/", import.meta.url);

const CERTAINTY: Readonly<Record<string, Declared["certainty"]>> = {
  CERTAIN: "certain",
  STRONG: "strong",
  WEAK: "weak",
  "3": "certain",
  "2": "strong",
  "1": "weak",
};

const STRING = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g;
const DECLARATION = new RegExp(
  `= evidence\\(\\s*"([^"]+)",\\s*(CERTAIN|STRONG|WEAK|[123]),\\s*((?:(?:${STRING.source})[\\s+]*)+)`,
  "g",
);

/** A piece of evidence as its declaration in the source has it. */
export interface Declared {
  readonly name: string;
  readonly certainty: "certain" | "strong" | "weak";
  readonly because: string;
}

/** Evidence that a classifier's file and what it imports from its folder declare, in order of reading. */
export function declaredBy(classifier: string): readonly Declared[] {
  const found: Declared[] = [];
  const seen = new Set<string>();
  const visit = (file: URL): void => {
    if (seen.has(file.href) || !file.href.startsWith(CLASSIFY.href)) return;
    seen.add(file.href);
    const text = Deno.readTextFileSync(file);
    for (const [, path] of text.matchAll(/^(?:import|export) [^"]*? from "(\.[^"]+)";/gms)) visit(new URL(path!, file));
    for (const [, name, certainty, because] of text.matchAll(DECLARATION)) {
      const parts = because!.match(STRING) ?? [];
      const joined = parts.map((part) => part.slice(1, -1).replace(/\\(.)/g, "$1")).join("");
      const constant = (_: string, word: string) => new RegExp(`const ${word} =\\s*"([^"]*)"`).exec(text)?.[1] ?? word;
      found.push({
        name: name!,
        certainty: CERTAINTY[certainty!]!,
        because: joined.replace(/\$\{(\w+)\}/g, constant),
      });
    }
    const read = text.match(DECLARATION)?.length ?? 0;
    const declared = text.match(/= evidence\(/g)?.length ?? 0;
    if (declared !== read) throw new Error(`Cannot read evidence in "${file.pathname}": ${read} of ${declared}`);
  };
  visit(new URL(`${classifier}/mod.ts`, CLASSIFY));
  return found;
}

/** The table of protocols; links begin with `to`. */
export function coverageTable(to: string): string {
  const defaults = protocolDefaults(CLASSIFIERS.map((classifier) => classifier.name));
  const byName = new Map(defaults.map((one) => [one.name, one]));
  return [
    "| protocol | key | over | default action | requires | evidence |",
    "| --- | --- | --- | --- | --- | --- |",
    ...CLASSIFIERS.map(({ name, title, tcp, udp }) => {
      const { action, require } = byName.get(name)!;
      const over = [tcp ? "TCP" : "", udp ? "UDP" : ""].filter((one) => one !== "").join(", ");
      return `| ${title} | [\`${name}\`](${to}lib/protocol/${name}/README.md) | ${over} | ${action} | ${require} | ${
        count(name)
      } |`;
    }),
    ...defaults.filter((one) => !CLASSIFIERS.some((classifier) => classifier.name === one.name)).map(byNameOnly),
  ].join("\n");
}

/** The whole page. */
export function coveragePage(): string {
  const lines = [
    "# What ftwall recognises",
    "",
    "Made from the code by `FTWALL_UPDATE=1 deno test -A tests/docs_test.ts`; a test keeps it so. Each protocol has a page",
    "that says how it decides and what it does not see.",
    "",
    "_Certain_ is exact structure, with odds of a mistake below one in a million flows; _strong_ rests on two facts; _weak_",
    "never acts alone and only adds to the client's score. `require` in the config says what is needed to act. Ports are",
    "never evidence.",
    "",
    coverageTable("../"),
    "",
    "Further, for every protocol: a flow to an endpoint that a confirmed conversation taught (`known-peer`), names in DNS",
    "(`name`, and training by `names`), and proxies in clear are seen through ([proxy](protocols/proxy.md)). What has no",
    "classifier, and why: [others](protocols/others.md).",
    "",
  ];
  for (const { name, title } of CLASSIFIERS) {
    lines.push(`## ${title}`, "", "| evidence | certainty | rests on |", "| --- | --- | --- |");
    for (const { name: evidence, certainty, because } of declaredBy(name)) {
      lines.push(`| \`${evidence}\` | ${certainty} | ${because.replaceAll("|", "\\|")} |`);
    }
    lines.push("");
  }
  return lines.join("\n");
}

function count(name: string): string {
  const of = (certainty: Declared["certainty"]) => declaredBy(name).filter((one) => one.certainty === certainty).length;
  return (["certain", "strong", "weak"] as const).filter((one) => of(one) > 0).map((one) => `${of(one)} ${one}`)
    .join(", ");
}

function byNameOnly({ name, action, require }: ProtocolDefaults): string {
  return `| ${name} | \`${name}\` | names only | ${action} | ${require} | hints from DNS and TLS names |`;
}

/** A Markdown text as its words, so that the formatter's padding does not matter. */
export function words(markdown: string): string {
  return markdown.replace(/-{3,}/g, "---").replace(/\s+/g, " ").trim();
}
