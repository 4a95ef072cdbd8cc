/** The documents as HTML: what is made of them, and that each link leads somewhere. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { render } from "../lib/bundle/markdown.ts";
import { site } from "../lib/bundle/site.ts";

const html = (markdown: string) => render(markdown, (target) => target).html;

Deno.test("Markdown as the documents have it becomes HTML", () => {
  for (
    const [markdown, wanted] of [
      ["# One `two`\n", '<h1 id="one-two">One <code>two</code></h1>'],
      ["## A\n\n## A\n", '<h2 id="a">A</h2>\n<h2 id="a-1">A</h2>'],
      ["a **b**\n_c_ d_e_f\n", "<p>a <strong>b</strong>\n<em>c</em> d_e_f</p>"],
      ["[a `b`](c.md#d), ![e](f.png)\n", '<p><a href="c.md#d">a <code>b</code></a>, <img src="f.png" alt="e"></p>'],
      ["`<b> **` & <i>\n", "<p><code>&lt;b&gt; **</code> &amp; &lt;i&gt;</p>"],
      [
        "at https://example.org/x, <https://a.b/>.\n",
        '<p>at <a href="https://example.org/x">https://example.org/x</a>, <a href="https://a.b/">https://a.b/</a>.</p>',
      ],
      ["- a\n  b\n- c\n", "<ul>\n<li>a\nb</li>\n<li>c</li>\n</ul>"],
      [
        "1. a:\n\n   ```sh\n   b\n   ```\n\n2. c\n\nd\n",
        "<ol>\n<li><p>a:</p>\n<pre><code>b</code></pre></li>\n<li>c</li>\n</ol>\n<p>d</p>",
      ],
      [
        "| a | b |\n| - | -: |\n| `c \\| d` | e |\n",
        '<div class="table"><table>\n<thead><tr><th>a</th><th class="n">b</th></tr></thead>\n' +
        '<tbody>\n<tr><td><code>c | d</code></td><td class="n">e</td></tr>\n</tbody>\n</table></div>',
      ],
      ["<!-- made -->\n\na\n\n<!-- /made -->\n", "<p>a</p>"],
    ] as const
  ) {
    assert.equal(html(markdown), wanted);
  }
});

Deno.test("Markdown that is not known is an error, not a page that looks wrong", () => {
  for (const markdown of ["> a\n", "<div>\n", "```\na\n", "| a |\n| b |\n", "  a\n", "* a\n"]) {
    assert.throws(() => html(markdown), Error, markdown);
  }
});

Deno.test("every link of the site leads somewhere, and every page is whole", () => {
  const files = site();
  const ids = new Map<string, Set<string>>();
  for (const [path, file] of files) {
    if ("text" in file) ids.set(path, new Set([...file.text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!)));
    else assert.ok(Deno.statSync(file.copy).isFile, file.copy);
  }
  let links = 0;
  for (const [path, file] of files) {
    if (!("text" in file)) continue;
    for (const [, target] of file.text.matchAll(/ (?:href|src)="([^"]*)"/g)) {
      if (/^https?:/.test(target!)) continue;
      links++;
      const [to, anchor] = target!.split("#");
      const place = to === "" ? path : join(dirname(path), to!);
      assert.ok(files.has(place), `${path}: ${target}`);
      if (anchor !== undefined) assert.ok(ids.get(place)?.has(anchor), `${path}: ${target}`);
    }
    const text = file.text.replaceAll(/<code>.*?<\/code>/gs, "");
    assert.doesNotMatch(text, /\*\*|\]\(|^\||^#/m, path);
    const open: string[] = [];
    for (const [, end, tag] of file.text.matchAll(/<(\/?)([a-z]+\d?)[^>]*>/g)) {
      if (/^(?:meta|link|img)$/.test(tag!)) continue;
      if (end === "") open.push(tag!);
      else assert.equal(open.pop(), tag, path);
    }
    assert.deepEqual(open, [], path);
  }
  assert.ok(links > 500);
});

Deno.test("every document is a page", () => {
  const files = site();
  for (const path of documentsBelow("docs/")) {
    const place = path.replace(/^docs\//, "").replace(/README\.md$/, "index.html").replace(/\.md$/, ".html");
    assert.ok(files.has(place), `${path}: no page links to it`);
  }
});

function documentsBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`../${folder}`, import.meta.url))].flatMap((entry) => {
    if (entry.isDirectory) return documentsBelow(`${folder}${entry.name}/`);
    return entry.name.endsWith(".md") ? [`${folder}${entry.name}`] : [];
  });
}
