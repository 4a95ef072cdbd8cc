/**
 * A report for a terminal or a mail: 60 to 100 columns of plain text.
 * @module
 */
import { bytes, type Column, counted, grouped, plain, table } from "../report/plain.ts";
import {
  called,
  dayText,
  headline,
  heatOf,
  locksTitle,
  packetsRefused,
  refusedTitle,
  shortHistory,
  starText,
  together,
  type Wording,
} from "./report_words.ts";
import type { ClientSummary, Incident, Mention, ProtocolSummary, Summary } from "./summary.ts";

/** Columns of the narrowest and the widest report. */
const NARROWEST = 60;
const WIDEST = 100;
/** Rows of each table. */
const CLIENTS = 20;
const MENTIONS = 12;
const INCIDENTS = 12;
/** Marks of a heat map, from nothing to the most. */
const HEAT = " .:+*#@";

/** The lines of a report, none longer than `width` columns (60 to 100). */
export function reportText(summary: Summary, wording: Wording, width: number): string[] {
  const wide = Math.min(WIDEST, Math.max(NARROWEST, width));
  const span = `${wording.time(summary.since)} to ${wording.time(summary.until)} (UTC${wording.offset})`;
  const sections: string[][] = [
    [`ftwall on ${summary.host}`, span, "", ...headline(summary), shortHistory(summary), starText(summary.dry_run)]
      .filter((line, i) => line !== "" || i === 2),
    clients(summary, wording, wide),
    protocols(summary, wording, wide),
    heatMap(summary),
    mentions(summary, wide),
    cost(summary, wording),
    incidents("CONFIG AND OPERATORS", summary.config, wording),
    incidents("TROUBLE", summary.trouble, wording),
  ];
  return sections.filter((lines) => lines.length > 0)
    .flatMap((lines, i) => i === 0 ? lines : ["", ...lines])
    .flatMap((line) => folded(plain(line), wide));
}

function clients(summary: Summary, wording: Wording, wide: number): string[] {
  if (summary.clients.length === 0) return [];
  const roomy = wide >= 90;
  const shown = summary.clients.slice(0, CLIENTS);
  const columns: Cells<ClientSummary>[] = [
    { title: "CLIENT", cell: (client) => cut(nameAndAddress(client, roomy), roomy ? 30 : 20) },
    { title: "PROTOCOLS", cell: ({ protocols }) => cut(protocols.join(" "), roomy ? 18 : 12) },
    { title: "FLOWS", right: true, cell: ({ detected }) => grouped(detected) },
    { title: refusedTitle(summary.dry_run), right: true, cell: (client) => grouped(together(client).packets) },
    { title: "LAST", seldom: 1, cell: ({ last }) => wording.date(last) },
    {
      title: locksTitle(summary.dry_run),
      right: true,
      seldom: 2,
      cell: ({ locks, would_lock }) => grouped(locks + would_lock),
    },
    { title: "DATA", right: true, seldom: 3, cell: (client) => bytes(together(client).bytes) },
  ];
  const left = summary.clients.length - shown.length;
  return ["WHO", ...fitting(columns, shown, wide), ...(left > 0 ? [`  and ${counted(left, "more client")}`] : [])];
}

/** A column, and what stands in it; the more seldom it is wanted, the sooner it goes where there is no room. */
interface Cells<T> extends Column {
  readonly cell: (row: T) => string;
  readonly seldom?: number;
}

/** A table with as many of the columns as there is room for. */
function fitting<T>(columns: readonly Cells<T>[], rows: readonly T[], wide: number): string[] {
  const lines = table(
    columns.map(({ title, ...column }) => ({ ...column, title: title.toUpperCase() })),
    rows.map((row) => columns.map(({ cell }) => cell(row))),
    "  ",
  );
  const most = Math.max(0, ...columns.map(({ seldom = 0 }) => seldom));
  if (most === 0 || lines.every((line) => line.length <= wide)) return lines;
  return fitting(columns.filter(({ seldom = 0 }) => seldom < most), rows, wide);
}

function nameAndAddress(client: { readonly client: string; readonly name: string }, both: boolean): string {
  const name = called(client);
  return both && client.name !== "" && name !== client.client ? `${name} ${client.client}` : name;
}

function protocols(summary: Summary, wording: Wording, wide: number): string[] {
  if (summary.protocols.length === 0) return [];
  const columns: Cells<ProtocolSummary>[] = [
    { title: "PROTOCOL", cell: ({ protocol }) => protocol },
    { title: "CLIENTS", right: true, cell: ({ clients }) => grouped(clients) },
    { title: "FLOWS", right: true, cell: ({ detected }) => grouped(detected) },
    { title: refusedTitle(summary.dry_run), right: true, cell: (one) => grouped(together(one).packets) },
    { title: "LAST", seldom: 1, cell: ({ last }) => wording.date(last) },
    { title: "MOST EVIDENCE", seldom: 2, cell: ({ evidence }) => cut(evidence[0]?.name ?? "", 24) },
  ];
  return ["WHAT", ...fitting(columns, summary.protocols, wide)];
}

function heatMap(summary: Summary): string[] {
  const { days, counts } = summary.heat;
  const most = Math.max(0, ...days.flatMap(({ hours }) => hours.map((count) => count ?? 0)));
  if (most === 0) return [];
  const what = counts === "refused" ? packetsRefused(summary.dry_run) : "flows recognised";
  const mark = (count: number | null) =>
    HEAT[count === null || count === 0 ? 0 : 1 + Math.floor((HEAT.length - 2) * heatOf(count, most))]!;
  return [
    `WHEN: ${what}, by hour, "${HEAT[1]}" few to "${HEAT.at(-1)}" most (${grouped(most)})`,
    `  ${"".padEnd(11)}0     3     6     9     12    15    18    21`,
    ...days.slice(-31).map(({ day, hours }) => `  ${dayText(day).padEnd(11)}${hours.map(mark).join(" ")}`.trimEnd()),
  ];
}

function mentions(summary: Summary, wide: number): string[] {
  if (summary.mentions.length === 0) return [];
  const columns: Cells<Mention>[] = [
    { title: "CLIENT", cell: (one) => cut(nameAndAddress(one, wide >= 90), wide >= 90 ? 30 : 20) },
    { title: "PROTOCOL", cell: ({ protocol }) => protocol },
    { title: "EVIDENCE", cell: ({ evidence }) => cut(evidence, 24) },
    { title: "TIMES", right: true, cell: ({ count }) => grouped(count) },
    { title: "PEERS", right: true, seldom: 1, cell: (one) => one.many_peers ? `over ${one.peers}` : String(one.peers) },
  ];
  return [
    "WORTH A LOOK: seen, but too weak to act on or only to be logged",
    ...fitting(columns, summary.mentions.slice(0, MENTIONS), wide),
    "  For the facts behind one: ftwall explain CLIENT",
  ];
}

function cost({ cost }: Summary, wording: Wording): string[] {
  if (cost.packets === 0) return [];
  const { p50, p99, max } = cost.verdict_microseconds;
  const busiest = cost.hours.reduce((a, b) => b.packets > a.packets ? b : a);
  return [
    "WHAT IT COST",
    `  ${counted(cost.packets, "packet")} judged, at most ${grouped(busiest.packets)} in an hour (${
      wording.time(busiest.hour)
    })`,
    `  verdicts took ${p50} µs (median), ${p99} µs (99 of 100), ${max} µs (longest)`,
    cost.missed === 0
      ? "  no packet passed unseen"
      : `  ${counted(cost.missed, "packet")} passed or were dropped unseen: the queue was full`,
  ];
}

function incidents(title: string, list: readonly Incident[], wording: Wording): string[] {
  if (list.length === 0) return [];
  const shown = list.slice(-INCIDENTS);
  return [
    list.length > shown.length ? `${title} (the last ${shown.length} of ${list.length})` : title,
    ...shown.map(({ time, event, text }) =>
      `  ${wording.time(time).padEnd(17)} ${event}${text.length === 0 ? "" : `: ${text.join("; ")}`}`
    ),
  ];
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** A line that is too long goes on below, further in. */
function folded(line: string, wide: number): string[] {
  if (line.length <= wide) return [line];
  const at = line.lastIndexOf(" ", wide);
  const end = at > 24 ? at : wide;
  return [line.slice(0, end).trimEnd(), ...folded(`    ${line.slice(end).trimStart()}`, wide)];
}
