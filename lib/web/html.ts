/**
 * HTML in which nothing is markup by mistake: whatever is put into a template is escaped, unless it is HTML itself.
 * @module
 */
import { escaped } from "../history/report_page.ts";

/** Text that is markup; only {@link markup} makes it. */
export class Html {
  /** The markup. */
  readonly text: string;

  /** Takes text as markup: never one that came from elsewhere. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes. */
export type Part = string | number | Html | readonly Part[];

/** Nothing. */
export const NOTHING = new Html("");

/** A template of HTML. Text between tags and within quotes is escaped alike. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, i) => i === 0 ? text : textOf(parts[i - 1]!) + text).join(""));
}

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "string") return escaped(part);
  return typeof part === "number" ? String(part) : part.map(textOf).join("");
}
