/**
 * The records of the history as lines, for people and for programs.
 * @module
 */
import { endpoint } from "../report/event_format.ts";
import { bytes, counted, jsonLine, plain, rfc3339 } from "../report/plain.ts";
import type { Happened, Tallied } from "./record.ts";
import { called, type Wording } from "./report_words.ts";
import { MANY } from "./tally.ts";

/** The lines for people; `nameOf` answers the name of a client, empty where it has none. */
export function* logText(
  records: Iterable<Tallied | Happened>,
  wording: Wording,
  nameOf: (client: string) => string,
): Generator<string, void> {
  for (const one of records) {
    yield one.kind === "event" ? happenedText(one, wording, nameOf) : talliedText(one, wording, nameOf);
  }
}

/** The lines for programs: one object each. */
export function* logJson(
  records: Iterable<Tallied | Happened>,
  nameOf: (client: string) => string,
): Generator<string, void> {
  const named = (client: unknown) => {
    const name = typeof client === "string" ? nameOf(client) : "";
    return name === "" ? {} : { client_name: name };
  };
  for (const one of records) {
    if (one.kind === "event") {
      const { event: name, ...fields } = one.event;
      const said = { time: rfc3339(one.time), event: name, dry_run: one.dryRun, ...fields };
      yield jsonLine({ ...said, ...named(fields["client"]) });
      continue;
    }
    const { kind, first, last, dryRun, count, bytes, client, peer, port, transport, protocol, why, ...rest } = one;
    yield jsonLine({
      time: rfc3339(first),
      until: rfc3339(last),
      event: kind,
      dry_run: dryRun,
      count,
      ...(kind === "refused" ? { bytes } : {}),
      client,
      ...named(client),
      ...(peer === "" ? {} : { peer, peer_port: port, transport }),
      ...(protocol === "" ? {} : { protocol }),
      [kind === "refused" ? "reason" : "evidence"]: why,
      ...filled(rest),
    });
  }
}

function filled({ certainty, action, because }: { certainty: string; action: string; because: string }) {
  return Object.fromEntries(Object.entries({ certainty, action, because }).filter(([, value]) => value !== ""));
}

function who(client: string, nameOf: (client: string) => string): string {
  if (client === "" || client === MANY) return called({ client, name: "" });
  const name = nameOf(client);
  return name === "" ? `client ${client}` : `client ${client} (${name})`;
}

function talliedText(one: Tallied, wording: Wording, nameOf: (client: string) => string): string {
  const { kind, count, dryRun } = one;
  const to = one.peer === "" ? "" : one.peer === MANY ? " to many more peers" : ` to ${endpoint(one.peer, one.port)}`;
  const transport = one.transport === "" ? "" : ` ${one.transport}`;
  const first = wording.time(one.first);
  const last = wording.time(one.last);
  const client = who(one.client, nameOf);
  const times = count === 1 ? "" : ` ${counted(count, "time")}`;
  const said = (): string => {
    switch (kind) {
      case "refused": {
        const amount = counted(count, "packet") + (one.bytes === 0 ? "" : ` (${bytes(one.bytes)})`);
        const protocol = one.protocol === "" ? "" : `, ${one.protocol}`;
        return `${
          dryRun ? "would have refused" : "refused"
        } ${amount} of ${client}${to}${transport}: ${one.why}${protocol}`;
      }
      case "renewed":
        return `${
          dryRun ? "would have renewed" : "renewed"
        } the lock of ${client}${times} for ${one.protocol}: ${one.why}`;
      case "detected":
        return `detected ${one.protocol}${times}: ${client}${to}${transport}, ${one.why} (${one.certainty}), action ${one.action}` +
          (one.because === "" ? "" : `; rests on: ${one.because}`);
    }
  };
  const until = last === first ? "" : `, last ${last}`;
  return plain(`${first}  ${said()}${until}${dryRun ? " [dry run]" : ""}`);
}

/** Words for what a dry run would have done. */
const WOULD: Readonly<Record<string, string>> = { locked: "would have locked", released: "would have released" };

function happenedText({ time, dryRun, event }: Happened, wording: Wording, nameOf: (client: string) => string): string {
  const { event: name, client, ...rest } = event;
  const what = dryRun && WOULD[name] !== undefined ? WOULD[name] : name;
  const whom = typeof client === "string" ? ` ${who(client, nameOf)}` : "";
  const facts = Object.entries(rest).flatMap(([key, value]) => fact(key, value, wording));
  const told = facts.length === 0 ? "" : `: ${facts.join(", ")}`;
  return plain(`${wording.time(time)}  ${what}${whom}${told}${dryRun && whom !== "" ? " [dry run]" : ""}`);
}

function fact(key: string, value: unknown, wording: Wording): string[] {
  if (value === null || value === "") return [];
  if (key === "until" && typeof value === "string") return [`until ${wording.time(value) || value}`];
  if (key === "message" || key === "level") return [String(value)];
  if (Array.isArray(value)) return value.map(String);
  return [`${key.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`];
}
