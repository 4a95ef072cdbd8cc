/**
 * One event to one line: JSON for programs, text for people, text with a priority for journald.
 * @module
 */
import type { LockEvent } from "../learn/event.ts";
import type { Config } from "../policy/config.ts";
import { type LocalClock, systemClock } from "../policy/week.ts";
import { isTraffic, type ReportEvent, severityOf, type Who } from "./report_event.ts";
import { ERROR, NOTICE, WARNING } from "./severity.ts";
import { jsonLine, localText, localTime, plain, rfc3339 } from "./plain.ts";

/** Formats of the log. */
export type LogFormat = Config["log"]["format"];

/** The line for an event, without line feed; `time` is milliseconds since 1970. */
export type FormatEvent = (event: ReportEvent, time: number, dryRun: boolean) => string;

/** Chooses a format; `colour` matters for text only, `clock` gives the local time of sentences. */
export function eventFormat(format: LogFormat, colour: boolean, clock: LocalClock = systemClock): FormatEvent {
  switch (format) {
    case "json":
      return formatJson;
    case "syslog":
      return (event, time, dryRun) => formatSyslog(event, time, dryRun, clock);
    case "text":
      return colour
        ? (event, time, dryRun) => formatColour(event, time, dryRun, clock)
        : (event, time, dryRun) => formatText(event, time, dryRun, clock);
  }
}

/** The line of the interface contract. */
export function formatJson(event: ReportEvent, time: number, dryRun: boolean): string {
  return jsonLine(eventFields(event, time, dryRun));
}

/** An event as the interface contract has it: `time`, `event`, `dry_run` on traffic, then the event's own fields. */
export function eventFields(event: ReportEvent, time: number, dryRun: boolean): Readonly<Record<string, unknown>> {
  const { event: name, ...fields } = event;
  return { time: rfc3339(time), event: name, ...(isTraffic(event) ? { dry_run: dryRun } : {}), ...fields };
}

/** Text with the local time in front. */
export function formatText(event: ReportEvent, time: number, dryRun: boolean, clock: LocalClock = systemClock): string {
  return `${localTime(time, clock)} ${sentence(event, dryRun, clock)}`;
}

/**
 * For journald: `<N>` with the severity of RFC 5424 and no time, as sd-daemon(3) has it; journald strips the prefix and
 * has its own time. Facilities are not allowed there.
 */
export function formatSyslog(
  event: ReportEvent,
  _time: number,
  dryRun: boolean,
  clock: LocalClock = systemClock,
): string {
  return `<${severityOf(event)}>${sentence(event, dryRun, clock)}`;
}

function formatColour(event: ReportEvent, time: number, dryRun: boolean, clock: LocalClock): string {
  const severity = severityOf(event);
  const code = severity <= ERROR ? "31" : severity === WARNING ? "33" : severity === NOTICE ? "1" : "";
  const text = sentence(event, dryRun, clock);
  return `\x1b[2m${localTime(time, clock)}\x1b[0m ${code === "" ? text : `\x1b[${code}m${text}\x1b[0m`}`;
}

/** What happened, for people, without the time. Everything that comes from outside is made plain. */
export function sentence(event: ReportEvent, dryRun: boolean, clock: LocalClock): string {
  const would = dryRun && isTraffic(event);
  const text = plain(words(event, would, (time) => localText(time, clock)));
  return would ? `${text} [dry run]` : text;
}

/** `would`: it was not done, as this is a dry run; `local` writes a time of the event for people. */
function words(e: ReportEvent, would: boolean, local: (time: string) => string): string {
  const did = (done: string, wouldDo: string) => would ? `would ${wouldDo}` : done;
  switch (e.event) {
    case "detected":
      return `detected ${e.protocol}: client ${e.client}${of(e)} to ${endpoint(e.peer, e.peer_port)} ` +
        `${e.transport}, ${e.evidence} (${e.certainty}), ${
          would && e.action !== "log" ? `would ${e.action}` : `action ${e.action}`
        }` +
        (e.score_after === undefined ? "" : `, score ${e.score_before ?? 0} to ${e.score_after}`) + more(e.suppressed);
    case "locked":
      return `${did("locked", "lock")} client ${e.client}${of(e)} ${why(e)}` +
        (e.until === undefined ? "" : ` until ${local(e.until)}`) + because(e.reason);
    case "renewed":
      return `${did("renewed", "renew")} the lock of client ${e.client}${of(e)} ${why(e)}` +
        (e.until === undefined ? "" : ` until ${local(e.until)}`) + because(e.reason);
    case "released":
      return `${did("released", "release")} client ${e.client}${of(e)} (${
        e.protocol === e.by ? "" : `${e.protocol}, `
      }by ${e.by})` +
        (e.held_seconds === undefined ? "" : ` after ${e.held_seconds}s`) + because(e.reason);
    case "peer-learned":
      return `learned ${e.protocol} peer ${endpoint(e.peer, e.peer_port)} until ${local(e.until)}` +
        (e.client === undefined ? "" : ` (from client ${e.client}${of(e)})`);
    case "trained":
      return `trained ${e.address} as ${e.protocol}: DNS name ${e.name} matches ${e.pattern}, until ${local(e.until)}`;
    case "untrained":
      return `trained ${e.address} as ${e.protocol} no more: names besides ${e.pattern}, or everyday traffic, lead there`;
    case "refused":
      return `${did("refused", "refuse")} ${e.transport} between client ${e.client}${of(e)} and ${
        endpoint(e.peer, e.peer_port)
      }: ${e.reason}` +
        (e.protocol === undefined ? "" : ` (${e.protocol}${e.evidence === undefined ? "" : `, ${e.evidence}`})`) +
        more(e.suppressed);
    case "decoy-sent":
      return `${did("sent", "send")} a ${e.protocol} decoy to client ${e.client}${of(e)} in the name of ${e.peer}`;
    case "probe-sent":
      return `${did("sent", "send")} a ${e.protocol} probe to client ${e.client}${of(e)}` +
        (e.port === undefined ? "" : `, ${e.transport} port ${e.port}`);
    case "port-mapped":
      return `client ${e.client}${of(e)} asked the router by ${e.by} for its ${e.transport} port ${e.port}` +
        (e.description === undefined ? "" : `: "${e.description}"`) +
        (e.protocol === undefined ? "" : ` (${e.protocol})`);
    case "over-budget":
      return `client ${e.client}${of(e)} ${
        e.direction === "from" ? "sent" : "was sent"
      } more new traffic than its budget of ` +
        `${e.client_rate} packets a second, for ${e.seconds}s: what was above was not judged`;
    case "ready":
      return `ready on queue ${e.queues.join(", ")}, ` +
        (e.config === null ? "built-in defaults" : `config ${e.config}`) + (e.dry_run === true ? ", dry run" : "");
    case "reloaded":
      return `reloaded the config, hash ${e.hash}: ` + (e.changes.length === 0 ? "no change" : e.changes.join("; "));
    case "reload-refused":
      return `refused to reload, the old config stays in force: ${e.problems.join("; ")}`;
    case "queue-overrun":
      return `queue ${e.queue} overran: ${e.queue_dropped} packets found it full, ` +
        `${Math.max(e.missed, e.user_dropped)} found its socket full`;
    case "stopping":
      return `stopping${e.signal === undefined ? "" : ` on ${e.signal}`}: ${tally(e.counters)}`;
    case "note":
    case "rules-made":
    case "rules-removed":
    case "rules-lost":
    case "rules-restored":
    case "rules-failed":
    case "rules-silent":
      return e.message;
    case "audit":
      return `audit: ${person(e.who)} asked for ${e.action}${e.client === undefined ? "" : ` of ${e.client}${of(e)}`}` +
        (e.seconds === undefined ? "" : ` for ${e.seconds}s`) + `, ${e.outcome}` +
        (e.found === undefined ? "" : ` (${e.found})`) + because(e.reason);
  }
}

/** What a lock is for; an operator's is for no protocol. */
function why(e: LockEvent): string {
  return e.protocol === "operator" ? `(by ${e.by})` : `for ${e.protocol} (${e.evidence}, by ${e.by})`;
}

/** The counters that are not 0: all of them are in JSON. */
function tally(counters: Readonly<Record<string, unknown>>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(counters)) {
    if (typeof value === "number" && value > 0) parts.push(`${name.replaceAll("_", " ")} ${value}`);
  }
  return parts.length === 0 ? "nothing was counted" : parts.join(", ");
}

/** What a client is called besides its address. */
function of(e: { readonly mac?: string; readonly client_name?: string }): string {
  const words = [e.client_name ?? "", e.mac ?? ""].filter((word) => word !== "");
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function because(reason: string | undefined): string {
  return reason === undefined || reason === "" ? "" : `: ${reason}`;
}

function more(suppressed: number | undefined): string {
  return suppressed === undefined || suppressed === 0 ? "" : `, ${suppressed} more not printed`;
}

function person(who: Who): string {
  const facts: string[] = [];
  if (who.uid !== undefined) facts.push(`uid ${who.uid}`);
  if (who.pid !== undefined) facts.push(`pid ${who.pid}`);
  if (who.user !== undefined) facts.push(`says ${who.user}`);
  return facts.length === 0 ? "somebody at the control socket" : facts.join(", ");
}

/** `address:port`, IPv6 in brackets (RFC 5952 section 6); the bare address where the port is 0. */
export function endpoint(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
