/**
 * The documents as plain HTML, for any web server or none: `deno task site` writes dist/site. No script, no network, one
 * style sheet.
 * @module
 */
import { dirname, join, normalize, relative } from "node:path/posix";
import { type Heading, render } from "./markdown.ts";

/** The pages in the order of the menu; each group's other pages are found by their links. */
const MENU: readonly (readonly [title: string, pages: readonly string[]])[] = [
  ["Begin", ["README.md", "docs/right_tool.md", "docs/tutorial.md", "docs/routers/README.md"]],
  ["Use", [
    "docs/config.md",
    "docs/history.md",
    "docs/web.md",
    "docs/notifications.md",
    "docs/monitoring/README.md",
    "docs/operation.md",
    "docs/rules.md",
  ]],
  ["Mend", ["docs/troubleshooting.md", "docs/upgrade.md", "SECURITY.md"]],
  ["Know", ["docs/protocols.md", "docs/threats.md", "docs/privacy.md", "docs/performance.md", "docs/compare.md"]],
  ["Change", [
    "docs/architecture.md",
    "docs/adding_a_classifier.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/ftwall2.md",
  ]],
];

const root = new URL("../../", import.meta.url).pathname;

/** Files of the site by their paths in it: text, or the path of the file that is copied. */
export type Site = ReadonlyMap<string, { readonly text: string } | { readonly copy: string }>;

/** A page that was read and rendered. */
interface Page {
  readonly source: string;
  readonly html: string;
  readonly headings: readonly Heading[];
}

/** Where a file of the repository lies in the site. */
function placeOf(source: string): string {
  const path = source.replace(/^docs\//, "");
  if (path.endsWith(".md")) return path.replace(/README\.md$/, "index.html").replace(/\.md$/, ".html");
  // What a browser would not show, as text.
  return /\.(png|svg|json|yml)$/.test(path) ? path : `${path}.txt`;
}

/** Renders all pages, and what they link to. Throws an Error for a link that leads nowhere. */
export function site(): Site {
  const files = new Map<string, { text: string } | { copy: string }>();
  const pages = new Map<string, Page>();
  const waiting = MENU.flatMap(([, sources]) => sources);
  for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
    if (pages.has(source)) continue;
    const from = source;
    const link = (target: string): string => {
      if (/^[a-z]+:/.test(target) || target.startsWith("#")) return target;
      const [path = "", anchor] = target.split("#");
      const to = normalize(join(dirname(from), path));
      if (to.endsWith(".md")) waiting.push(to);
      else files.set(placeOf(to), { copy: root + to });
      return relative(dirname(placeOf(from)), placeOf(to)) + (anchor === undefined ? "" : `#${anchor}`);
    };
    pages.set(source, { source, ...render(Deno.readTextFileSync(root + source), link) });
  }
  for (const page of pages.values()) files.set(placeOf(page.source), { text: document(page, pages) });
  files.set("style.css", { copy: new URL("site.css", import.meta.url).pathname });
  return files;
}

/** A page with its menu. */
function document(page: Page, pages: ReadonlyMap<string, Page>): string {
  const here = dirname(placeOf(page.source));
  const to = (place: string) => relative(here, place);
  const entry = (source: string): string => {
    const { headings } = pages.get(source)!;
    const title = headings[0]!.text;
    if (source !== page.source) return `<li><a href="${to(placeOf(source))}">${title}</a></li>`;
    const parts = headings.filter(({ level }) => level === 2);
    const inside = parts.map(({ anchor, text }) => `<li><a href="#${anchor}">${text}</a></li>`).join("\n");
    return `<li><a href="${to(placeOf(source))}" aria-current="page">${title}</a><ul>\n${inside}\n</ul></li>`;
  };
  const menu = MENU.map(([title, sources]) => `<h2>${title}</h2>\n<ul>\n${sources.map(entry).join("\n")}\n</ul>`);
  const title = page.headings[0]!.text.replaceAll(/<[^>]+>/g, "");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title === "ftwall" ? title : `${title} – ftwall`}</title>
<link rel="stylesheet" href="${to("style.css")}">
</head>
<body>
<header><a href="${to("index.html")}">ftwall</a> <a class="menu" href="#menu">Menu</a></header>
<main>
${page.html}
</main>
<nav id="menu" aria-label="Pages">
${menu.join("\n")}
</nav>
</body>
</html>
`;
}

if (import.meta.main) {
  const target = `${root}dist/site`;
  await Deno.remove(target, { recursive: true }).catch(() => {});
  const files = site();
  for (const [path, file] of files) {
    await Deno.mkdir(dirname(`${target}/${path}`), { recursive: true });
    if ("text" in file) await Deno.writeTextFile(`${target}/${path}`, file.text);
    else await Deno.copyFile(file.copy, `${target}/${path}`);
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${target}: ${files.size} files; open index.html\n`));
}
