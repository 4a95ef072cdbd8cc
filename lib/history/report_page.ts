/**
 * A report as one HTML file that needs nothing else: no network, no script; light and dark as the reader's system has it,
 * readable on a phone and on paper. Every text that came from the network is escaped, and the page's own policy forbids what
 * an escape that was forgotten would bring.
 * @module
 */
import { bytes, counted, grouped, plain } from "../report/plain.ts";
import { PAGE_STYLE } from "./report_style.ts";
import {
  called,
  dayText,
  headline,
  heatOf,
  isWeekend,
  lockedFor,
  locksTitle,
  packetsRefused,
  shortHistory,
  starText,
  together,
  type Wording,
} from "./report_words.ts";
import type { ClientSummary, Incident, Summary } from "./summary.ts";

/** Rows of each table. */
const CLIENTS = 50;
const MENTIONS = 15;
const INCIDENTS = 40;
/** Shades of a heat map beside none. */
const SHADES = 6;

/** The whole file; `before` is markup to stand above it. */
export function reportPage(summary: Summary, wording: Wording, before: string = ""): string {
  const title = `ftwall report, ${summary.host}`;
  const span = `${wording.time(summary.since)} to ${wording.time(summary.until)}`;
  const dry = { all: "dry run", some: "partly dry run", none: "" }[summary.dry_run];
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escaped(title)}: ${escaped(span)}</title>
<style>
${PAGE_STYLE}</style>
</head>
<body>
${before}<header>
<h1>ftwall <span>on ${escaped(summary.host)}</span>${dry === "" ? "" : ` <b class="dry">${dry}</b>`}</h1>
<p class="span">${escaped(span)}, times are UTC${escaped(wording.offset)}</p>
${
    [...headline(summary), shortHistory(summary), starText(summary.dry_run)].filter((line) => line !== "").map((line) =>
      // Groups of digits stay together.
      `<p>${escaped(line.replace(/(\d) (?=\d{3})/g, "$1\u00a0"))}</p>`
    )
      .join("\n")
  }
</header>
<main>
${tiles(summary)}
${incidents("trouble", "Trouble", summary.trouble, wording)}
${heatMap(summary)}
${protocols(summary, wording)}
${clients(summary, wording)}
${mentions(summary, wording)}
${cost(summary, wording)}
${incidents("config", "Config and operators", summary.config, wording)}
</main>
<footer>Made by ftwall from its history: ${escaped(counted(summary.history.files, "file"))}, ${
    bytes(summary.history.bytes)
  }. Packets that the kernel refuses by itself, for a locked client or a flow decided before, are not counted.</footer>
</body>
</html>
`;
}

/** Text for HTML, between tags and within quotes alike. */
export function escaped(text: string): string {
  return plain(text).replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function section(id: string, title: string, note: string, body: string): string {
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escaped(title)}</h2>
${note === "" ? "" : `<p class="note">${escaped(note)}</p>\n`}${body}
</section>`;
}

function tiles(summary: Summary): string {
  const { totals, cost } = summary;
  const amount = together(totals);
  const tile = (value: string, what: string, more = "") =>
    `<li><b>${escaped(value)}</b> ${escaped(what)}${more === "" ? "" : ` <small>${escaped(more)}</small>`}</li>`;
  return `<ul class="tiles">
${
    [
      tile(
        grouped(totals.clients),
        totals.clients === 1 ? "client" : "clients",
        `${summary.protocols.length} protocols`,
      ),
      tile(short(totals.detected), "flows recognised"),
      tile(short(amount.packets), packetsRefused(summary.dry_run), bytes(amount.bytes)),
      tile(grouped(totals.locks + totals.would_lock), locksTitle(summary.dry_run)),
      tile(short(cost.packets), "packets judged", cost.missed === 0 ? "" : `${grouped(cost.missed)} unseen`),
      tile(`${cost.verdict_microseconds.p99} µs`, "for 99 of 100 verdicts"),
    ].join("\n")
  }
</ul>`;
}

/** A count that fits on a tile. */
function short(count: number): string {
  return count < 1e6 ? grouped(count) : `${(count / 1e6).toFixed(count < 1e7 ? 2 : 1)} M`;
}

function heatMap(summary: Summary): string {
  const { days, counts } = summary.heat;
  const most = Math.max(0, ...days.flatMap(({ hours }) => hours.map((count) => count ?? 0)));
  if (most === 0) return "";
  const what = counts === "refused" ? packetsRefused(summary.dry_run) : "flows recognised";
  const shade = (count: number) => count === 0 ? 0 : 1 + Math.floor((SHADES - 0.001) * heatOf(count, most));
  // Hours that the report does not speak of are not hours without anything.
  const cell = (day: string, count: number | null, hour: number) =>
    count === null
      ? ""
      : `<rect class="h${shade(count)}" x="${percent(hour, 24)}" width="3.8%" height="100%" rx="2"><title>${
        dayText(day)
      } ${hour}:00 to ${hour + 1}:00: ${grouped(count)}</title></rect>`;
  const row = ({ day, hours }: Summary["heat"]["days"][number]) =>
    `<tr${isWeekend(day) ? ' class="weekend"' : ""}><th scope="row">${
      dayText(day)
    }</th><td><svg role="img" aria-label="${dayText(day)}: ${escaped(inWords(hours))}">${
      hours.map((count, hour) => cell(day, count, hour)).join("")
    }</svg></td><td class="n">${grouped(sumOf(hours))}</td></tr>`;
  const axis = [0, 3, 6, 9, 12, 15, 18, 21].map((hour) => `<text x="${percent(hour, 24)}" y="12">${hour}</text>`).join(
    "",
  );
  const scale = Array.from({ length: SHADES + 1 }, (_, i) => `<i class="h${i}"></i>`).join("");
  const { day, hour } = peak(summary);
  return section(
    "when",
    "When",
    `${what[0]!.toUpperCase()}${what.slice(1)}, hour by hour. Most of it ${dayText(day)} from ${hour}:00 to ${
      hour + 1
    }:00.`,
    `<table class="heat">
<thead><tr><td></td><td><svg class="axis" aria-hidden="true">${axis}</svg></td><th class="n" scope="col">day</th></tr></thead>
<tbody>
${days.map(row).join("\n")}
</tbody>
</table>
<p class="scale" aria-hidden="true">none ${scale} ${grouped(most)}</p>`,
  );
}

function peak(summary: Summary): { day: string; hour: number } {
  let found = { day: "", hour: 0, count: -1 };
  for (const { day, hours } of summary.heat.days) {
    hours.forEach((count, hour) => {
      if (count !== null && count > found.count) found = { day, hour, count };
    });
  }
  return found;
}

/** A day of a heat map for those who do not see it. */
function inWords(hours: readonly (number | null)[]): string {
  const all = sumOf(hours);
  const most = Math.max(...hours.map((count) => count ?? 0));
  return all === 0 ? "nothing" : `${grouped(all)}, most at ${hours.indexOf(most)} o'clock`;
}

function sumOf(hours: readonly (number | null)[]): number {
  return hours.reduce((sum: number, count) => sum + (count ?? 0), 0);
}

function clients(summary: Summary, wording: Wording): string {
  if (summary.clients.length === 0) return "";
  const shown = summary.clients.slice(0, CLIENTS);
  const most = Math.max(1, ...shown.map((client) => together(client).packets));
  const row = (client: ClientSummary) => {
    const amount = together(client);
    const locked = lockedFor(client);
    return `<tr><th scope="row">${nameAndAddress(client)}</th>
<td>${client.protocols.map((name) => `<span class="chip">${escaped(name)}</span>`).join(" ")}</td>
<td class="n wide">${grouped(client.detected)}</td>
<td class="n">${grouped(amount.packets)}${bar(amount.packets, most)}</td>
<td class="n wide">${bytes(amount.bytes)}</td>
<td class="n wide">${client.locks + client.would_lock === 0 ? "" : grouped(client.locks + client.would_lock)}${
      locked === "" ? "" : `<small>${locked}</small>`
    }</td>
<td class="wide d">${escaped(wording.date(client.first))}</td>
<td class="d">${escaped(wording.date(client.last))}</td></tr>`;
  };
  return section(
    "who",
    "Who",
    summary.clients.length > shown.length
      ? `The ${shown.length} of ${summary.clients.length} clients with most; JSON has all.`
      : "",
    `<table>
<thead><tr><th scope="col">client</th><th scope="col">protocols</th><th scope="col" class="n wide">flows</th><th scope="col" class="n">${
      packetsRefused(summary.dry_run)
    }</th><th scope="col" class="n wide">data</th><th scope="col" class="n wide">${
      locksTitle(summary.dry_run)
    }</th><th scope="col" class="wide">first</th><th scope="col">last</th></tr></thead>
<tbody>
${shown.map(row).join("\n")}
</tbody>
</table>`,
  );
}

function nameAndAddress(client: { readonly client: string; readonly name: string; readonly group?: string }): string {
  const name = called(client);
  const group = client.group === undefined || client.group === "" || client.group === "default"
    ? ""
    : `, ${client.group}`;
  const small = name === client.client ? group.slice(2) : `${client.name === "" ? "" : client.client}${group}`;
  return escaped(name) + (small === "" ? "" : `<small>${escaped(small)}</small>`);
}

function bar(value: number, most: number): string {
  return `<svg class="bar" aria-hidden="true"><rect width="${
    percent(value === 0 ? 0 : Math.max(value, most / 50), most)
  }" height="100%" rx="2"/></svg>`;
}

function protocols(summary: Summary, wording: Wording): string {
  if (summary.protocols.length === 0) return "";
  const most = Math.max(1, ...summary.protocols.map((one) => together(one).packets));
  const row = (one: Summary["protocols"][number]) => {
    const amount = together(one);
    const evidence = one.evidence.slice(0, 3).map(({ name, certainty }) => `${name} (${certainty})`).join(", ");
    return `<tr><th scope="row">${escaped(one.protocol)}</th><td class="n">${
      grouped(one.clients)
    }</td><td class="n wide">${grouped(one.detected)}</td><td class="n">${grouped(amount.packets)}${
      bar(amount.packets, most)
    }</td><td class="n wide">${bytes(amount.bytes)}</td><td class="wide">${escaped(evidence)}</td><td class="d">${
      escaped(wording.date(one.last))
    }</td></tr>`;
  };
  return section(
    "what",
    "What",
    "",
    `<table>
<thead><tr><th scope="col">protocol</th><th scope="col" class="n">clients</th><th scope="col" class="n wide">flows</th><th scope="col" class="n">${
      packetsRefused(summary.dry_run)
    }</th><th scope="col" class="n wide">data</th><th scope="col" class="wide">evidence</th><th scope="col">last</th></tr></thead>
<tbody>
${summary.protocols.map(row).join("\n")}
</tbody>
</table>`,
  );
}

function mentions(summary: Summary, wording: Wording): string {
  if (summary.mentions.length === 0) return "";
  const row = (one: Summary["mentions"][number]) =>
    `<tr><th scope="row">${nameAndAddress(one)}</th><td>${escaped(one.protocol)}</td><td>${escaped(one.evidence)} (${
      escaped(one.certainty)
    })${one.because === "" ? "" : `<small>${escaped(one.because)}</small>`}</td><td class="n">${
      grouped(one.count)
    }</td><td class="n wide">${one.many_peers ? `over ${one.peers}` : one.peers}</td><td>${
      escaped(wording.date(one.last))
    }</td></tr>`;
  return section(
    "look",
    "Worth a look",
    "Seen, but too weak to act on, or only to be logged. ftwall explain CLIENT has the facts.",
    `<table>
<thead><tr><th scope="col">client</th><th scope="col">protocol</th><th scope="col">evidence</th><th scope="col" class="n">times</th><th scope="col" class="n wide">peers</th><th scope="col">last</th></tr></thead>
<tbody>
${summary.mentions.slice(0, MENTIONS).map(row).join("\n")}
</tbody>
</table>`,
  );
}

function cost({ cost, since, until }: Summary, wording: Wording): string {
  if (cost.packets === 0) return "";
  const { p50, p99, max } = cost.verdict_microseconds;
  const most = cost.hours.reduce((a, b) => b.packets > a.packets ? b : a);
  const begin = Date.parse(since);
  const length = Date.parse(until) - begin;
  const bars = cost.hours.map(({ hour, packets }) => {
    const x = Math.max(0, Date.parse(hour) - begin);
    const height = 60 * packets / most.packets;
    return `<rect x="${round(1000 * x / length)}" width="${round(900 * 3_600_000 / length)}" y="${
      round(60 - height)
    }" height="${round(height)}"/>`;
  });
  return section(
    "cost",
    "What ftwall cost",
    `Verdicts took ${p50} µs in the middle, ${p99} µs for 99 of 100, ${max} µs at the longest. ${
      cost.missed === 0
        ? "No packet passed unseen."
        : `${counted(cost.missed, "packet")} passed or were dropped unseen: the queue was full.`
    }`,
    `<svg class="hours" viewBox="0 0 1000 60" preserveAspectRatio="none" role="img" aria-label="Packets judged by hour, at most ${
      grouped(most.packets)
    }">${bars.join("")}</svg>
<p class="ends"><span>${escaped(wording.time(since))}</span><span>at most ${
      grouped(most.packets)
    } packets in an hour</span><span>${escaped(wording.time(until))}</span></p>`,
  );
}

function incidents(id: string, title: string, list: readonly Incident[], wording: Wording): string {
  if (list.length === 0) return "";
  const shown = list.slice(-INCIDENTS);
  const line = ({ time, event, text }: Incident) =>
    `<li><time datetime="${escaped(time)}">${escaped(wording.time(time))}</time> <span><b>${escaped(event)}</b> ${
      text.map(escaped).join("; ")
    }</span></li>`;
  return section(
    id,
    title,
    list.length > shown.length ? `The last ${shown.length} of ${list.length}.` : "",
    `<ul class="incidents">\n${shown.map(line).join("\n")}\n</ul>`,
  );
}

function percent(part: number, whole: number): string {
  return `${round(100 * part / whole)}%`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
