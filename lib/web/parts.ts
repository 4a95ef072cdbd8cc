/**
 * What pages are made of: the frame around each, tables of clients and locks, lists of events. Every text is escaped
 * (html.ts): names of clients and of DNS, evidence and reasons are whatever somebody sent.
 * @module
 */
import { brief, ORDERS } from "../cli/top_view.ts";
import { VERSION } from "../daemon/version.ts";
import type { LocalClock } from "../policy/week.ts";
import type { ClientRow } from "../report/control_protocol.ts";
import { sentence } from "../report/event_format.ts";
import type { Remembered } from "../report/history.ts";
import { duration, grouped as groups, localText, localTime, offsetText } from "../report/plain.ts";
import type { LockStatus } from "../report/status.ts";
import { type Html, markup, NOTHING, type Part } from "./html.ts";

/** Rows of a table, lines of a list. */
export const MOST_ROWS = 500;

/** What every page shows or needs to know. */
export interface Frame {
  /** Name of the machine. */
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly clock: LocalClock;
  readonly dryRun: boolean;
  /** What the forms of a reader with the token carry; null for a reader without. */
  readonly secret: string | null;
  /** What is to be said of what was done. */
  readonly said: string;
}

/** Places of the navigation: address, title. */
const PLACES: readonly (readonly [to: string, title: string])[] = [
  ["./", "Overview"],
  ["clients", "Clients"],
  ["events", "Events"],
  ["report", "Report"],
];

/** The navigation, for the page at `here`. Addresses are relative: a web server may have put all of it below a path. */
export function navigation(here: string, secret: string | null): Html {
  const link = (to: string, title: string) =>
    markup`<a href="${to}"${to === here ? markup` aria-current="page"` : NOTHING}>${title}</a>`;
  const signOut = (value: string) =>
    markup`<form method="post" action="logout">${hidden("secret", value)}<button>Sign out</button></form>`;
  return markup`<nav aria-label="Pages"><ul>
${PLACES.map(([to, title]) => markup`<li>${link(to, title)}</li>\n`)}
<li>${secret === null ? link("login", "Sign in") : signOut(secret)}</li>
</ul></nav>
`;
}

/** A field of a form that nobody sees. */
export function hidden(name: string, value: string): Html {
  return markup`<input type="hidden" name="${name}" value="${value}">`;
}

/** A whole page; `live` pages bring themselves up to date where there is a script. */
export function page(frame: Frame, here: string, title: string, body: Part, live: boolean = false): Html {
  const { host, now, clock, dryRun, secret, said } = frame;
  const time = localTime(now, clock).slice(0, 19).replace("T", " ");
  const offset = offsetText(Math.round((clock(now) - now) / 60_000));
  const again =
    markup` <a href="">Look again</a> <button type="button" id="pause" hidden>Pause</button> <span id="late" role="status"></span>`;
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}, ftwall on ${host}</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="style.css?v=${VERSION}">
${live ? markup`<script src="live.js?v=${VERSION}" defer></script>` : NOTHING}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<p><b>ftwall</b> on ${host}${dryRun ? markup` <b class="dry">dry run: nothing is refused</b>` : NOTHING}</p>
${navigation(here, secret)}</header>
<main id="main">
<h1>${title}</h1>
${said === "" ? NOTHING : markup`<p class="said" role="status">${said}</p>`}
${body}
</main>
<footer>As of <time id="as-of" datetime="${new Date(now).toISOString()}">${time}</time>, UTC${offset}.${
    live ? again : NOTHING
  }</footer>
</body>
</html>
`;
}

/** A part of a page below a heading. */
export function section(id: string, title: string, body: Part, classes: string = ""): Html {
  return markup`<section aria-labelledby="${id}" class="${classes}">
<h2 id="${id}">${title}</h2>
${body}
</section>
`;
}

/** A whole number in groups that stay together. */
export function grouped(value: number): string {
  return groups(value).replaceAll(" ", "\u00a0");
}

/** A local time without its offset, which stands below each page; that of today without its day. */
export function clockText(time: string, { clock, now }: Frame): string {
  const text = localText(time, clock).slice(0, 19).replace("T", " ");
  return text.slice(0, 10) === localTime(now, clock).slice(0, 10) ? text.slice(11) : text;
}

/** How long it is until a time. */
export function left(until: string, now: number): Html {
  return markup`<time datetime="${until}">${duration((Date.parse(until) - now) / 1000)}</time>`;
}

/** A word in a box. */
export function chip(text: string, classes: string = ""): Html {
  return text === "" ? NOTHING : markup`<span class="chip ${classes}">${text}</span>`;
}

/** A bar below a number. */
export function bar(value: number, most: number): Html {
  const width = Math.round(100 * Math.min(1, value / most));
  return markup`<svg class="bar" aria-hidden="true"><rect width="${width}%" height="100%" rx="2"/></svg>`;
}

function clientLink({ client, client_name = "" }: Pick<ClientRow, "client" | "client_name">): Html {
  const link = markup`<a href="client?c=${encodeURIComponent(client)}">${client_name || client}</a>`;
  return client_name === "" ? link : markup`${link}<small>${client}</small>`;
}

/** The clients that are locked, with a button for each where the reader has the token. */
export function lockTable(frame: Frame, locks: readonly LockStatus[]): Html {
  if (locks.length === 0) return markup`<p>No client ${frame.dryRun ? "would be" : "is"} locked.</p>`;
  const button = (secret: string, client: string) =>
    markup`<td class="n"><form method="post" action="act">${hidden("secret", secret)}${hidden("client", client)}${
      hidden("back", "overview")
    }<button name="do" value="unlock" aria-label="Unlock ${client}">Unlock</button></form></td>`;
  const row = (lock: LockStatus) => {
    // An operator's lock is for no protocol.
    const why = lock.protocol === "operator" ? lock.reason ?? "" : lock.evidence;
    return markup`<tr><th scope="row">${clientLink(lock)}</th>
<td>${lock.protocol === "operator" ? NOTHING : chip(lock.protocol)}</td><td class="wide">${why}</td>
<td class="wide">${lock.by}</td><td class="n">${left(lock.until, frame.now)}</td>${
      frame.secret === null ? NOTHING : button(frame.secret, lock.client)
    }</tr>
`;
  };
  return markup`<table>
<thead><tr><th scope="col">client</th><th scope="col">protocol</th><th scope="col" class="wide">why</th>
<th scope="col" class="wide">by</th><th scope="col" class="n">time left</th>${
    frame.secret === null ? NOTHING : markup`<td></td>`
  }</tr></thead>
<tbody>
${locks.slice(0, MOST_ROWS).map(row)}</tbody>
</table>
${locks.length > MOST_ROWS ? markup`<p class="note">${MOST_ROWS} of ${locks.length}.</p>` : NOTHING}`;
}

/** Which of the {@link ORDERS} a name is; the first where it is none. */
export function orderOf(name: string): number {
  return Math.max(0, ORDERS.findIndex(([order]) => order === name));
}

/** How a table of clients is sorted and filtered. */
export interface Sorting {
  readonly order: number;
  readonly filter: string;
}

/** Columns that sort: title, order, classes. Those of letters come in ascending order. */
const COLUMNS: readonly (readonly [title: string, order: string, classes: string])[] = [
  ["client", "client", ""],
  ["protocol", "protocol", ""],
  ["evidence", "", "wide"],
  ["points", "score", "n"],
  ["detected", "detected", "n wide"],
  ["refused", "refused", "n wide"],
  ["last seen", "last seen", "n"],
];
const ASCENDING = ["client", "protocol"];

/** The clients; the headings sort where `sorting` says how it is sorted now. */
export function clientTable(frame: Frame, rows: readonly ClientRow[], sorting: Sorting | null): Html {
  if (rows.length === 0) {
    return markup`<p>${
      (sorting?.filter ?? "") === "" ? "Nothing was seen of any client lately." : "No client has that."
    }</p>`;
  }
  const states = { locked: frame.dryRun ? "would be locked" : "locked", allowed: "allowed", seen: "" };
  const most = Math.max(1, ...rows.map(({ score }) => score));
  const head = ([title, order, classes]: typeof COLUMNS[number]) => {
    const words = title === "refused" && frame.dryRun ? "would refuse" : title;
    if (sorting === null || order === "") return markup`<th scope="col" class="${classes}">${words}</th>`;
    const to = `clients?sort=${encodeURIComponent(order)}&q=${encodeURIComponent(sorting.filter)}`;
    const sorted = orderOf(order) !== sorting.order
      ? NOTHING
      : markup` aria-sort="${ASCENDING.includes(order) ? "ascending" : "descending"}"`;
    return markup`<th scope="col" class="${classes}"${sorted}><a href="${to}">${words}</a></th>`;
  };
  const state = ({ state, until }: ClientRow) =>
    markup`<small>${chip(states[state], state)}${
      until === undefined ? NOTHING : markup` ${left(until, frame.now)} left`
    }</small>`;
  const row = (one: ClientRow) =>
    markup`<tr><th scope="row">${clientLink(one)}${one.state === "seen" ? NOTHING : state(one)}</th>
<td>${one.protocol === "operator" ? NOTHING : chip(one.protocol)}</td>
<td class="wide">${one.evidence}</td><td class="n">${one.score}${one.score === 0 ? NOTHING : bar(one.score, most)}</td>
<td class="n wide">${grouped(one.detected)}</td><td class="n wide">${grouped(one.refused)}</td>
<td class="n">${one.last === undefined ? NOTHING : ago(one.last, frame.now)}</td></tr>
`;
  return markup`<table>
<thead><tr>${COLUMNS.map(head)}</tr></thead>
<tbody>
${rows.map(row)}</tbody>
</table>`;
}

function ago(time: string, now: number): Html {
  return markup`<time datetime="${time}">${brief((now - Date.parse(time)) / 1000)} ago</time>`;
}

/** Events, newest first; the clients in them lead to their pages but for the one whose page it is. */
export function eventList(frame: Frame, events: readonly Remembered[], own: string = ""): Html {
  if (events.length === 0) return markup`<p>Nothing was reported lately.</p>`;
  const item = ({ time, event }: Remembered) => {
    const said = sentence(event, frame.dryRun, frame.clock);
    const facts: Html[] = [];
    if (event.event === "detected" && event.because !== undefined) {
      facts.push(markup`<small>rests on: ${event.because}</small>`);
    }
    if (event.event === "detected" && event.bytes !== undefined) {
      facts.push(markup`<small>bytes: <code>${event.bytes}</code></small>`);
    }
    const client = "client" in event ? event.client : undefined;
    return markup`<li><time datetime="${time}">${clockText(time, frame)}</time> <div>${
      client === undefined || client === own ? said : linked(said, client)
    }${facts}</div></li>
`;
  };
  return markup`<ol class="incidents">
${[...events].reverse().map(item)}</ol>`;
}

/** A sentence in which the client, where it is first named, leads to its page. */
function linked(said: string, client: string): Html {
  const at = said.indexOf(client);
  if (at < 0) return markup`${said}`;
  return markup`${said.slice(0, at)}${clientLink({ client })}${said.slice(at + client.length)}`;
}
