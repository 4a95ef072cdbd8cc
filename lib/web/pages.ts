/**
 * The pages, made of what the daemon and the history say. They can be read without a script.
 * @module
 */
import { ORDERS, sortedRows } from "../cli/top_view.ts";
import type { ClientRow, ExplainAnswer } from "../report/control_protocol.ts";
import type { Remembered } from "../report/history.ts";
import { bytes, counted, duration } from "../report/plain.ts";
import type { Status } from "../report/status.ts";
import { statusText, troubles } from "../report/status_text.ts";
import { type Html, markup, NOTHING, type Part } from "./html.ts";
import {
  bar,
  chip,
  clientTable,
  clockText,
  eventList,
  type Frame,
  grouped,
  hidden,
  left,
  lockTable,
  MOST_ROWS,
  navigation,
  orderOf,
  page,
  section,
} from "./parts.ts";

/** Clients and events on the first page. */
const FEW = 12;
/** Spans of a report and of a client's history, in seconds. */
export const SPANS: ReadonlyMap<string, number> = new Map([["1d", 86400], ["7d", 7 * 86400], ["30d", 30 * 86400]]);

/** The first page. */
export function overview(
  frame: Frame,
  status: Status,
  clients: readonly ClientRow[],
  events: readonly Remembered[],
): Html {
  const wrong = troubles(status);
  const known = sortedRows(clients, "", orderOf("score")).slice(0, FEW);
  const body = markup`<div id="now" data-live>
${
    wrong.length === 0 ? NOTHING : section(
      "wrong",
      "Needs attention",
      markup`<ul>${wrong.map((text) => markup`<li>${text}</li>`)}</ul>`,
      "trouble",
    )
  }
${tiles(status, clients)}
${section("locks", frame.dryRun ? "Would be locked" : "Locked", lockTable(frame, status.locks))}
${section("who", "Clients with most points", clientTable(frame, known, null))}
${section("last", "Last events", eventList(frame, events.slice(-FEW)))}
</div>
<details><summary>Everything that <code>ftwall status</code> says</summary>
<pre tabindex="0">${
    statusText(status, frame.now, frame.clock).map((line) =>
      markup`${line}
`
    )
  }</pre></details>`;
  return page(frame, "./", "Overview", body, true);
}

function tiles(status: Status, clients: readonly ClientRow[]): Html {
  const { dry_run: dryRun, counters } = status;
  const refused = dryRun ? Number(counters["would_refuse"] ?? counters.refused) : counters.refused;
  const tile = (value: string, what: string, more: string = "") =>
    markup`<li><b>${value}</b> ${what}${more === "" ? NOTHING : markup` <small>${more}</small>`}</li>
`;
  return markup`<ul class="tiles">
${tile(grouped(status.locks.length), dryRun ? "would be locked" : "locked now")}
${tile(grouped(clients.length), clients.length === 1 ? "client seen lately" : "clients seen lately")}
${tile(grouped(refused), dryRun ? "packets would be refused" : "packets refused")}
${tile(grouped(counters.packets), "packets judged", `${grouped(counters.offloaded)} flows left to the kernel`)}
${tile(`${status.verdict_microseconds.p99} µs`, "for 99 of 100 verdicts")}
${tile(duration(status.uptime_seconds), "since the start", bytes(status.memory.rss_bytes))}
</ul>`;
}

/** All clients, in the order that `sort` names, those that `filter` leaves. */
export function clientsPage(frame: Frame, clients: readonly ClientRow[], sort: string, filter: string): Html {
  const order = orderOf(sort);
  const rows = sortedRows(clients, filter, order);
  const note = rows.length > MOST_ROWS
    ? `The first ${MOST_ROWS} of ${rows.length}: the filter finds the others.`
    : filter === ""
    ? `${counted(rows.length, "client")}.`
    : `${rows.length} of ${counted(clients.length, "client")}.`;
  const option = ([name]: typeof ORDERS[number], i: number) =>
    markup`<option${i === order ? markup` selected` : NOTHING}>${name}</option>`;
  const body = markup`<form method="get" action="clients" class="row" role="search">
<p><label for="q">Only with these letters</label> <input id="q" name="q" type="search" value="${filter}" maxlength="64" autocomplete="off"></p>
<p><label for="sort">by</label> <select id="sort" name="sort">${ORDERS.map(option)}</select></p>
<p><button>Show</button></p>
</form>
<div id="now" data-live>
<p class="note">${note}</p>
${clientTable(frame, rows.slice(0, MOST_ROWS), { order, filter })}
</div>`;
  return page(frame, "clients", "Clients", body, true);
}

/** The last events, newest first. */
export function eventsPage(frame: Frame, events: readonly Remembered[]): Html {
  const body = markup`<div id="now" data-live>
<p class="note">The last ${events.length}, newest first. What was before is in the report, and in <code>ftwall log</code>.</p>
${eventList(frame, events)}
</div>`;
  return page(frame, "events", "Events", body, true);
}

/** Why a client is or was locked or refused; `log` is what the history has of it, null where nobody asked. */
export function clientPage(frame: Frame, answer: ExplainAnswer, log: readonly string[] | null, span: string): Html {
  const { client, client_name: name, scores, history } = answer;
  const points = markup`<p class="note">Weak evidence adds up; at the threshold the client is acted on.</p>
<table>
<thead><tr><th scope="col">protocol</th><th scope="col" class="n">points</th><th scope="col">because of</th></tr></thead>
<tbody>
${
    scores.map(({ protocol, score, threshold, because }) =>
      markup`<tr><th scope="row">${protocol}</th><td class="n">${score} of ${threshold}${
        bar(score, threshold)
      }</td><td>${because.join("; ")}</td></tr>
`
    )
  }</tbody>
</table>`;
  const link = (each: string) =>
    markup`<a class="chip" href="client?c=${encodeURIComponent(client)}&amp;since=${each}#log"${
      each === span ? markup` aria-current="true"` : NOTHING
    }>last ${each}</a>
`;
  const remembered = log === null
    ? NOTHING
    : log.length === 0
    ? markup`<p>Nothing of it is in the history.</p>`
    : markup`<ol class="log">${[...log].reverse().map((line) => markup`<li>${line}</li>\n`)}</ol>`;
  const body = markup`<div id="now" data-live>
<ul class="facts">
${factsOf(frame, answer)}</ul>
${scores.length === 0 ? NOTHING : section("points", "Points", points)}
</div>
${
    frame.secret === null
      ? markup`<p class="note"><a href="login">Sign in</a> to lock, unlock or allow it.</p>`
      : section("act", "Lock, unlock, allow", forms(frame.secret, answer))
  }
${section("told", "What was reported of it", eventList(frame, history, client))}
${section("log", "What the history has of it", markup`<p>${[...SPANS.keys()].map(link)}</p>\n${remembered}`)}`;
  return page(frame, "client", name ?? client, body, true);
}

/** What is so of a client now. */
function factsOf(frame: Frame, answer: ExplainAnswer): Html[] {
  const { client, client_name: name, mac = "", group, home, exempt, allowed_until: allowed, lock } = answer;
  const { now, dryRun } = frame;
  const fact = (...parts: Part[]) => markup`<li>${parts}</li>\n`;
  const facts = [
    fact([name === undefined ? "" : client, mac, `group ${group}`].filter((text) => text !== "").join(", ")),
  ];
  if (!home) facts.push(fact("It is not at home ([network] home): ftwall does not act on it."));
  if (exempt) facts.push(fact("It is exempt by the config: ftwall does not act on it."));
  if (allowed !== undefined) {
    facts.push(fact(`An operator allowed it: ftwall does not act on it until ${clockText(allowed, frame)}.`));
  }
  if (lock === null) return [...facts, fact(`It ${dryRun ? "would not be" : "is not"} locked.`)];
  const what = lock.protocol === "operator" ? "" : ` for ${lock.protocol} (${lock.evidence})`;
  const reason = lock.reason === undefined ? "" : `: ${lock.reason}`;
  const times = `Since ${clockText(lock.since, frame)}, until ${clockText(lock.until, frame)}`;
  return [
    ...facts,
    fact(
      chip(dryRun ? "would be locked" : "locked", "locked"),
      `${what}, by ${lock.by}${reason}. ${times}: `,
      left(lock.until, now),
      ` left, renewed ${counted(lock.renewals, "time")}.`,
    ),
  ];
}

/** Seconds that may be chosen, and what they are called; the first is offered. */
type Times = readonly (readonly [seconds: number, text: string])[];
const LOCK_TIMES: Times = [[600, "10 minutes"], [3600, "1 hour"], [86400, "1 day"], [604800, "7 days"]];
const ALLOW_TIMES: Times = [[7200, "2 hours"], [3600, "1 hour"], [86400, "1 day"], [604800, "7 days"]];

function forms(secret: string, { client, lock, allowed_until: allowed }: ExplainAnswer): Html {
  const form = (what: string, title: string, times: Times) =>
    markup`<form method="post" action="act" class="row"><fieldset><legend>${title}</legend>
${hidden("secret", secret)}${hidden("client", client)}
${
      times.length === 0
        ? NOTHING
        : markup`<p><label for="${what}-for">for</label> <select id="${what}-for" name="seconds">${
          times.map(([value, text]) => markup`<option value="${value}">${text}</option>`)
        }</select></p>`
    }
<p><label for="${what}-reason">reason</label> <input id="${what}-reason" name="reason" maxlength="200" autocomplete="off"></p>
<p><button name="do" value="${what}">${title}</button></p>
</fieldset></form>
`;
  return markup`<div class="forms">
${lock === null ? NOTHING : form("unlock", "Unlock", [])}
${form("lock", lock === null ? "Lock" : "Lock anew", LOCK_TIMES)}
${form("allow", allowed === undefined ? "Allow" : "Allow anew", ALLOW_TIMES)}
</div>`;
}

/** What stands above a report: the navigation, and links to the other spans. */
export function aboveReport(secret: string | null, span: string): Html {
  const link = (each: string) =>
    markup`<a class="chip" href="report?since=${each}"${
      each === span ? markup` aria-current="true"` : NOTHING
    }>last ${each}</a>\n`;
  return markup`${navigation("report", secret)}<p class="spans">${[...SPANS.keys()].map(link)}</p>\n`;
}

/** Where the token is given; `closed` is why nobody can, `wrong` what was wrong with the last try. */
export function loginPage(frame: Frame, closed: string, wrong: string): Html {
  if (closed !== "") {
    const body = markup`<p>Nobody can sign in, so the page is for reading only: ${closed}.</p>
<p>As root on the router:</p>
<pre tabindex="0">umask 077; head -c 24 /dev/urandom | base64 > /etc/ftwall/web.token</pre>`;
    return page(frame, "login", "Sign in", body);
  }
  const invalid = wrong === "" ? NOTHING : markup` aria-invalid="true" aria-describedby="wrong"`;
  const body =
    markup`<p>Who has the token may lock, unlock and allow clients. It is in the file that <code>[web] token_file</code> names, on the router.</p>
${wrong === "" ? NOTHING : markup`<p class="wrong" role="alert" id="wrong">${wrong}</p>`}
<form method="post" action="login" class="row"><input name="user" value="ftwall" autocomplete="username" hidden>
<p><label for="token">Token</label> <input id="token" name="token" type="password" required maxlength="1024" autocomplete="current-password"${invalid}></p>
<p><button>Sign in</button></p>
</form>`;
  return page(frame, "login", "Sign in", body);
}

/** What went wrong, in a sentence. */
export function failurePage(frame: Frame, title: string, message: string): Html {
  const body = markup`<p class="wrong">${message}</p>\n<p><a href="./">Overview</a></p>`;
  return page(frame, "", title, body);
}
