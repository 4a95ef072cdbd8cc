/**
 * Markdown to HTML: that part of it which the documents use, as `deno fmt` leaves them. A package would be fetched by
 * everybody who builds ftwall.
 * @module
 */

/** A heading of a page. */
export interface Heading {
  readonly level: number;
  /** Name that links to it end with. */
  readonly anchor: string;
  /** HTML. */
  readonly text: string;
}

/** A page as HTML. */
export interface Rendered {
  readonly html: string;
  readonly headings: readonly Heading[];
}

/** Text as HTML. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Renders a document; `link` says where a target of it is found. Throws an Error for what it does not know. */
export function render(markdown: string, link: (target: string) => string): Rendered {
  const headings: Heading[] = [];
  const html = blocks(markdown.replaceAll(/^<!-- .*? -->\n/gm, "").split("\n"), { link, headings });
  return { html, headings };
}

interface Page {
  readonly link: (target: string) => string;
  readonly headings: Heading[];
}

/** What begins a block of its own, also without an empty line before it. */
const FENCE = /^```(\w*)/;
const ITEM = /^(- |\d+\. )/;

function blocks(lines: readonly string[], page: Page): string {
  const out: string[] = [];
  let at = 0;
  const take = (more: (line: string) => boolean): string[] => {
    const first = at++;
    while (at < lines.length && more(lines[at]!)) at++;
    return lines.slice(first, at);
  };
  while (at < lines.length) {
    const line = lines[at]!;
    const heading = /^(#{1,6}) (.+)$/.exec(line);
    if (line.trim() === "") at++;
    else if (heading !== null) out.push(headingOf(take(() => false)[0]!, page));
    else if (FENCE.test(line)) {
      const code = take((next) => !next.startsWith("```"));
      if (at++ >= lines.length) throw new Error(`a block of code has no end: ${line}`);
      out.push(`<pre><code>${escape(code.slice(1).join("\n"))}</code></pre>`);
    } else if (ITEM.test(line)) {
      const width = ITEM.exec(line)![1]!.length;
      // An empty line belongs to the list where the list goes on behind it.
      const inside = (next: string, i: number): boolean =>
        next === "" ? i + 1 < lines.length && inside(lines[i + 1]!, i + 1) : ITEM.test(next) || next.startsWith("  ");
      out.push(list(take((next) => inside(next, at)), width, page));
    } else if (line.startsWith("|")) out.push(table(take((next) => next.startsWith("|")), page));
    else if (/^(>|<|\s|[*+] |---|===)/.test(line)) {
      throw new Error(`not among the Markdown that is known here: ${line}`);
    } else {
      const text = take((next) => next !== "" && !FENCE.test(next) && !ITEM.test(next) && !/^#{1,6} /.test(next));
      out.push(`<p>${inline(text.join("\n"), page)}</p>`);
    }
  }
  return out.join("\n");
}

function headingOf(line: string, page: Page): string {
  const [, marks, text] = /^(#+) (.+)$/.exec(line)!;
  const level = marks!.length;
  const plain = text!.toLowerCase().replace(/[^\w\s-]/g, "").replaceAll(" ", "-");
  const same = page.headings.filter(({ anchor }) => anchor.replace(/-\d+$/, "") === plain).length;
  const anchor = same === 0 ? plain : `${plain}-${same}`;
  const html = inline(text!, page);
  page.headings.push({ level, anchor, text: html });
  return `<h${level} id="${anchor}">${html}</h${level}>`;
}

function list(lines: readonly string[], width: number, page: Page): string {
  const items: string[][] = [];
  for (const line of lines) {
    if (ITEM.test(line)) items.push([line.slice(width)]);
    else items.at(-1)!.push(line.slice(width));
  }
  const tag = width > 2 ? "ol" : "ul";
  const rendered = items.map((item) => {
    const html = blocks(item, page);
    // One paragraph alone is no paragraph.
    return `<li>${html.lastIndexOf("<p>") === 0 && html.endsWith("</p>") ? html.slice(3, -4) : html}</li>`;
  });
  return `<${tag}>\n${rendered.join("\n")}\n</${tag}>`;
}

function table(lines: readonly string[], page: Page): string {
  // A bar in a span of code stands behind a backslash.
  const rows = lines.map((line) => line.replace(/^\|\s*|\s*\|$/g, "").split(/\s*(?<!\\)\|\s*/));
  const [head = [], marks = [], ...body] = rows;
  if (!marks.every((mark) => /^:?-+:?$/.test(mark))) throw new Error(`a table has no line below its head: ${lines[0]}`);
  const right = marks.map((mark) => mark.endsWith(":") ? ' class="n"' : "");
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell, i) => `<${tag}${right[i] ?? ""}>${inline(cell.replaceAll("\\|", "|"), page)}</${tag}>`).join("");
  const headRow = head.some((cell) => cell !== "") ? `<thead><tr>${cells(head, "th")}</tr></thead>\n` : "";
  const bodyRows = body.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
  return `<div class="table"><table>\n${headRow}<tbody>\n${bodyRows}\n</tbody>\n</table></div>`;
}

/** Spans: code, images, links, strong and emphasised text. */
function inline(text: string, page: Page): string {
  const spans =
    /`([^`]+)`|(!?)\[((?:[^\][]|\[[^\]]*\])*)\]\(([^)\s]+)\)|\*\*([^*]+)\*\*|(?<!\w)_([^_]+)_(?!\w)|<?(https?:\/\/[^\s<>()]*[^\s<>().,;:])>?|\\([*_`|\\[])/g;
  let out = "";
  let from = 0;
  for (const match of text.matchAll(spans)) {
    const [all, code, bang, label, target, strong, soft, address, literal] = match;
    out += escape(text.slice(from, match.index));
    from = match.index + all.length;
    if (code !== undefined) out += `<code>${escape(code)}</code>`;
    else if (target !== undefined && bang === "!") {
      out += `<img src="${escape(page.link(target))}" alt="${escape(label!)}">`;
    } else if (target !== undefined) out += `<a href="${escape(page.link(target))}">${inline(label!, page)}</a>`;
    else if (strong !== undefined) out += `<strong>${inline(strong, page)}</strong>`;
    else if (soft !== undefined) out += `<em>${inline(soft, page)}</em>`;
    else if (address !== undefined) out += `<a href="${escape(address)}">${escape(address)}</a>`;
    else out += escape(literal!);
  }
  return out + escape(text.slice(from));
}
