/**
 * What `ftwall top` shows and how it answers keys. Knows neither terminal nor clock nor daemon.
 * @module
 */
import type { ClientRow } from "../report/control_protocol.ts";
import { bytes, duration, grouped, plain } from "../report/plain.ts";
import type { Status } from "../report/status.ts";
import { troubles } from "../report/status_text.ts";
import type { ScreenLine } from "./top_painter.ts";

/** What is to be done, as a key asked for it. */
export type TopAction =
  | { readonly do: "quit" | "redraw" }
  | { readonly do: "lock" | "unlock" | "allow" | "explain"; readonly client: string };

type Change = "lock" | "unlock" | "allow";

/** What the daemon said at one time. */
export interface TopData {
  readonly status: Status;
  readonly clients: readonly ClientRow[];
  /** Per second since the last time. */
  readonly rates: { readonly packets: number; readonly refused: number; readonly offloaded: number };
}

const RANKS: Readonly<Record<ClientRow["state"], number>> = { locked: 0, allowed: 1, seen: 2 };

/** Orders of a list of clients, each with the greatest or newest first. */
export const ORDERS: readonly (readonly [name: string, compare: (a: ClientRow, b: ClientRow) => number])[] = [
  ["state", (a, b) => RANKS[a.state] - RANKS[b.state] || newest(a, b)],
  ["last seen", (a, b) => newest(a, b)],
  ["detected", (a, b) => b.detected - a.detected],
  ["refused", (a, b) => b.refused - a.refused],
  ["score", (a, b) => b.score - a.score],
  ["client", (a, b) => callName(a).localeCompare(callName(b), "en", { numeric: true })],
  ["protocol", (a, b) => a.protocol.localeCompare(b.protocol)],
];

const TEXT_KEYS = "up, down, PgUp, PgDn, Home, End scroll  any other key: back";
const KEYS = "q quit  Enter explain  l lock  u unlock  a allow  s sort  / filter  ? keys";
const HELP: readonly string[] = [
  "up, down, k, j      choose a client        PgUp, PgDn     a page",
  "Home, End, g, G     first, last            Enter, d, e    why: score, events",
  "l   lock it for 10 minutes                 u   unlock it",
  "a   allow it for 2 hours                   (each asks first)",
  "s   sort by the next column, S before      r   the other way round",
  "/   only clients with these letters in any column; Esc: all of them",
  "Ctrl-L   draw anew                         q, Ctrl-C   quit",
];
const FOR: Readonly<Record<Change, string>> = { lock: " for 10 minutes", unlock: "", allow: " for 2 hours" };

/** Lines above the list, heading included, and below it. */
const HEAD = 5;
const FOOT = 1;

/** The state of the screen. */
export class TopView {
  #data: TopData;
  #order = 0;
  #reversed = false;
  #filter = "";
  #typing = false;
  #chosen = "";
  #first = 0;
  /** Rows of the list, shown or not. */
  #listed = 0;
  #question: { readonly change: Change; readonly client: string } | null = null;
  #text: { readonly title: string; readonly lines: readonly string[] } | null = null;
  #textAt = 0;
  /** Lines of the text on this screen, long ones broken. */
  #height = 0;
  #message = "";
  #trouble = "";
  #page = 10;

  /** Begins with the list. */
  constructor(data: TopData) {
    this.#data = data;
  }

  /** Takes what the daemon says now. */
  update(data: TopData): void {
    this.#data = data;
    this.#trouble = "";
  }

  /** Says why the daemon does not answer, until it does. */
  trouble(message: string): void {
    this.#trouble = message;
  }

  /** Says something in the last line, until the next key. */
  say(message: string): void {
    this.#message = message;
  }

  /** Shows a text in place of the list. */
  show(title: string, lines: readonly string[]): void {
    this.#text = { title, lines };
    this.#textAt = 0;
  }

  /** Answers a key; null where nothing is to be done. */
  key(key: string): TopAction | null {
    this.#message = "";
    if (key === "quit") return { do: "quit" };
    if (key === "redraw") return { do: "redraw" };
    if (this.#question !== null) return this.#answer(key);
    if (this.#typing) return this.#type(key);
    if (this.#text !== null) return this.#scroll(key);
    return this.#choose(key);
  }

  #answer(key: string): TopAction | null {
    const { change, client } = this.#question!;
    this.#question = null;
    if (key === "y" || key === "Y") return { do: change, client };
    this.#message = "Nothing was done";
    return null;
  }

  #type(key: string): null {
    if (key === "enter") this.#typing = false;
    else if (key === "escape") [this.#typing, this.#filter] = [false, ""];
    else if (key === "delete") this.#filter = this.#filter.slice(0, -1);
    else if (key.length === 1 && this.#filter.length < 40) this.#filter += key;
    return null;
  }

  #scroll(key: string): TopAction | null {
    const most = Math.max(0, this.#height - this.#page);
    const to = (at: number) => this.#textAt = Math.min(most, Math.max(0, at));
    switch (key) {
      case "up":
      case "k":
        to(this.#textAt - 1);
        return null;
      case "down":
      case "j":
        to(this.#textAt + 1);
        return null;
      case "page-up":
      case "b":
        to(this.#textAt - this.#page);
        return null;
      case "page-down":
      case " ":
        to(this.#textAt + this.#page);
        return null;
      case "home":
      case "g":
        to(0);
        return null;
      case "end":
      case "G":
        to(most);
        return null;
      default:
        this.#text = null;
        return null;
    }
  }

  #choose(key: string): TopAction | null {
    const rows = this.#rows();
    const at = Math.max(0, rows.findIndex(({ client }) => client === this.#chosen));
    const to = (row: number) => this.#chosen = rows[Math.min(rows.length - 1, Math.max(0, row))]?.client ?? "";
    const moves: Readonly<Record<string, number>> = {
      up: at - 1,
      k: at - 1,
      down: at + 1,
      j: at + 1,
      "page-up": at - this.#page,
      b: at - this.#page,
      "page-down": at + this.#page,
      " ": at + this.#page,
      home: 0,
      g: 0,
      end: rows.length - 1,
      G: rows.length - 1,
    };
    const move = moves[key];
    if (move !== undefined) {
      to(move);
      return null;
    }
    const client = rows[at]?.client;
    switch (key) {
      case "q":
      case "Q":
        return { do: "quit" };
      case "s":
      case "S":
        this.#order = (this.#order + (key === "s" ? 1 : ORDERS.length - 1)) % ORDERS.length;
        return null;
      case "r":
        this.#reversed = !this.#reversed;
        return null;
      case "/":
        [this.#typing, this.#filter] = [true, ""];
        return null;
      case "escape":
        this.#filter = "";
        return null;
      case "?":
      case "h":
        this.show("keys", HELP);
        return null;
      case "l":
        return this.#ask("lock", client);
      case "u":
        return this.#ask("unlock", client);
      case "a":
        return this.#ask("allow", client);
      case "enter":
      case "d":
      case "e":
        if (client === undefined) this.#message = "There is no client to explain";
        else return { do: "explain", client };
    }
    return null;
  }

  #ask(change: Change, client: string | undefined): null {
    if (client === undefined) this.#message = `There is no client to ${change}`;
    else this.#question = { change, client };
    return null;
  }

  /** The rows that the filter leaves, in order. */
  #rows(): readonly ClientRow[] {
    return sortedRows(this.#data.clients, this.#filter, this.#order, this.#reversed);
  }

  /** The screen, `rows` lines of at most `columns`; `now` is milliseconds since 1970. */
  screen(columns: number, rows: number, now: number): ScreenLine[] {
    this.#page = Math.max(1, rows - HEAD - FOOT);
    // The list first: the summary says which of its rows are shown.
    const body = this.#text === null ? this.#list(columns, now) : this.#pageOf(this.#text, columns);
    const lines = [...this.#summary(columns), ...body];
    while (lines.length < rows - FOOT) lines.push({ text: "" });
    return [...lines.slice(0, rows - FOOT), this.#foot()];
  }

  #summary(columns: number): ScreenLine[] {
    const { status, clients, rates } = this.#data;
    const would = status.dry_run;
    const count = (state: ClientRow["state"]) => clients.filter((row) => row.state === state).length;
    const { p50, p99 } = status.verdict_microseconds;
    const waiting = status.queues.reduce((sum, queue) => sum + queue.waiting, 0);
    const lost = status.queues.reduce((sum, queue) => sum + queue.queue_dropped + queue.user_dropped, 0);
    const wrong = troubles(status);
    const look = wrong.length === 0 ? "" : `; LOOK${wrong.length === 1 ? "" : ` (1 of ${wrong.length})`}: ${wrong[0]}`;
    return [
      {
        text: fit(
          `ftwall ${status.version}, up ${duration(status.uptime_seconds)}` +
            (would ? ", DRY RUN: nothing is refused" : "") + plain(look),
          columns - 1,
        ).trimEnd(),
      },
      {
        text: `${grouped(rates.packets)} packets/s, ${grouped(rates.refused)} ${
          would ? "would be refused/s" : "refused/s"
        }, ${grouped(rates.offloaded)} flows/s left to the kernel`,
      },
      {
        text: `verdicts ${p50} us median, ${p99} us at 99 %; ${grouped(waiting)} waiting, ${grouped(lost)} lost; ` +
          bytes(status.memory.rss_bytes),
      },
      {
        text: `${count("locked")} ${would ? "would be locked" : "locked"}, ${count("allowed")} allowed, ` +
          `${count("seen")} seen; by ${ORDERS[this.#order]![0]}${this.#reversed ? ", reversed" : ""}` +
          (this.#filter === "" ? "" : `; only "${this.#filter}"`) + this.#span(),
      },
    ];
  }

  /** Which rows are shown, where they are not all. */
  #span(): string {
    const all = this.#listed;
    if (this.#text !== null || all <= this.#page) return "";
    return `; ${this.#first + 1} to ${Math.min(all, this.#first + this.#page)} of ${all}`;
  }

  #list(columns: number, now: number): ScreenLine[] {
    const rows = this.#rows();
    this.#listed = rows.length;
    if (!rows.some(({ client }) => client === this.#chosen)) this.#chosen = rows[0]?.client ?? "";
    const at = Math.max(0, rows.findIndex(({ client }) => client === this.#chosen));
    this.#first = Math.max(0, Math.min(this.#first, at, Math.max(0, rows.length - this.#page)));
    if (at >= this.#first + this.#page) this.#first = at - this.#page + 1;
    const shown = rows.slice(this.#first, this.#first + this.#page);
    const layout = layoutOf(columns, this.#data.status.dry_run, now);
    const heading = layout.map(({ title, width, right }) => fit(title, width, right)).join(" ");
    return [
      { text: heading, reverse: true },
      ...shown.map((row) => ({
        text: layout.map(({ width, right, cell }) => fit(plain(cell(row)), width, right)).join(" "),
        reverse: row.client === this.#chosen,
      })),
      ...(rows.length > 0 ? [] : [{
        text: this.#filter === "" ? "Nothing was seen of any client lately." : "No client has that.",
      }]),
    ];
  }

  #pageOf(
    { title, lines: whole }: { readonly title: string; readonly lines: readonly string[] },
    columns: number,
  ): ScreenLine[] {
    const lines = whole.flatMap((line) => broken(line, columns - 1));
    this.#height = lines.length;
    const last = Math.min(lines.length, this.#textAt + this.#page);
    return [
      { text: `${title} (${this.#textAt + 1} to ${last} of ${lines.length})`, reverse: true },
      ...lines.slice(this.#textAt, last).map((text) => ({ text })),
    ];
  }

  #foot(): ScreenLine {
    if (this.#question !== null) {
      const { change, client } = this.#question;
      const words = change[0]!.toUpperCase() + change.slice(1);
      const dry = this.#data.status.dry_run && change === "lock" ? " (dry run: it only would be)" : "";
      return { text: `${words} ${client}${FOR[change]}${dry}? y or n: ` };
    }
    if (this.#typing) return { text: `Only clients with: ${this.#filter}` };
    if (this.#message !== "") return { text: plain(this.#message) };
    if (this.#trouble !== "") return { text: plain(this.#trouble), reverse: true };
    return { text: this.#text === null ? KEYS : TEXT_KEYS };
  }
}

/** The rows that have the letters of `filter` in any column, in one of the {@link ORDERS}. */
export function sortedRows(
  all: readonly ClientRow[],
  filter: string,
  order: number,
  reversed: boolean = false,
): ClientRow[] {
  const wanted = filter.toLowerCase();
  const rows = all.filter(({ client, client_name = "", mac = "", protocol, evidence, state }) =>
    [client, client_name, mac, protocol, evidence, state].some((text) => text.toLowerCase().includes(wanted))
  );
  const compare = ORDERS[order]![1];
  return rows.sort((a, b) => (reversed ? -1 : 1) * (compare(a, b) || a.client.localeCompare(b.client)));
}

/** A column of the list. */
interface Layout {
  readonly title: string;
  readonly width: number;
  readonly right?: boolean;
  readonly cell: (row: ClientRow) => string;
}

/** The columns that find room; the client's takes what is left. */
function layoutOf(columns: number, dryRun: boolean, now: number): Layout[] {
  const states = { locked: dryRun ? "would lock" : "locked", allowed: "allowed", seen: "" };
  const since = (time: string | undefined) => time === undefined ? "" : brief((now - Date.parse(time)) / 1000);
  const left = (time: string | undefined) => time === undefined ? "" : brief((Date.parse(time) - now) / 1000);
  const wide = columns >= 110;
  // A very wide screen has room for whole names, evidence and counts.
  const spare = Math.max(0, columns - 154);
  const rest: Layout[] = [
    ...(wide
      ? [{ title: "NAME", width: 20 + Math.min(20, spare >> 1), cell: (row: ClientRow) => row.client_name ?? "" }]
      : []),
    ...(columns >= 140 ? [{ title: "MAC", width: 17, cell: (row: ClientRow) => row.mac ?? "" }] : []),
    { title: "STATE", width: 10, cell: ({ state }) => states[state] },
    { title: "LEFT", width: 4, right: true, cell: ({ until }) => left(until) },
    { title: "PROTOCOL", width: 13, cell: ({ protocol }) => protocol },
    { title: "EVIDENCE", width: wide ? 24 + Math.min(24, spare >> 1) : 15, cell: ({ evidence }) => evidence },
    ...(columns >= 90
      ? [{ title: "SCORE", width: 6, right: true, cell: ({ score }: ClientRow) => String(score) }]
      : []),
    { title: "SEEN", width: 4, right: true, cell: ({ detected }) => short(detected) },
    { title: dryRun ? "WOULD" : "REFU", width: dryRun ? 5 : 4, right: true, cell: ({ refused }) => short(refused) },
    { title: "LAST", width: 4, right: true, cell: ({ last }) => since(last) },
  ];
  const used = rest.reduce((sum, { width }) => sum + width + 1, 0);
  const width = Math.max(12, Math.min(wide ? 39 : 45, columns - 1 - used));
  return [{ title: "CLIENT", width, cell: (row) => wide ? row.client : callName(row) }, ...rest];
}

/** A line in pieces of a width; those after the first are indented further. */
function broken(line: string, width: number): string[] {
  const indent = " ".repeat(Math.min(width >> 1, line.length - line.trimStart().length + 4));
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const at = rest.lastIndexOf(" ", width);
    const end = at > indent.length ? at : width;
    pieces.push(rest.slice(0, end));
    rest = indent + rest.slice(end).trimStart();
  }
  return [...pieces, rest];
}

/** What a client is called: its name where it has one. */
function callName({ client, client_name = "" }: ClientRow): string {
  return client_name === "" ? client : client_name;
}

/** The newer before the older. */
function newest(a: ClientRow, b: ClientRow): number {
  const [first, second] = [a.last ?? "", b.last ?? ""];
  return first < second ? 1 : first > second ? -1 : 0;
}

function fit(text: string, width: number, right: boolean = false): string {
  const cut = text.length > width ? `${text.slice(0, width - 1)}+` : text;
  return right ? cut.padStart(width) : cut.padEnd(width);
}

/** A time in at most four signs: `45s`, `12m`, `3h`, `9d`. */
export function brief(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return `${s}s`;
  if (s < 6000) return `${Math.round(s / 60)}m`;
  return s < 360_000 ? `${Math.round(s / 3600)}h` : `${Math.min(999, Math.round(s / 86400))}d`;
}

/** A count in at most four signs: `9999`, `12k`, `3M`. */
function short(count: number): string {
  if (count < 10_000) return String(count);
  return count < 1_000_000 ? `${Math.floor(count / 1000)}k` : `${Math.min(999, Math.floor(count / 1e6))}M`;
}
