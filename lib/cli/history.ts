/**
 * What was: `ftwall report` and `ftwall log`, from the history on disk, whether ftwall runs or not.
 * @module
 */
import { logJson, logText } from "../history/log_text.ts";
import { historyDirectory } from "../history/history_store.ts";
import { readLog, readNamed } from "../history/read_history.ts";
import { reportPage } from "../history/report_page.ts";
import { reportText } from "../history/report_text.ts";
import { type Wording, wordingOf } from "../history/report_words.ts";
import { summarize, type Summary } from "../history/summary.ts";
import { loadAny } from "../daemon/load.ts";
import { errorText } from "../net/error_text.ts";
import type { Names } from "../names/names.ts";
import { PROTOCOLS } from "../protocol/mod.ts";
import { DONE, Failure, MISSING } from "../report/failure.ts";
import { complain, print, Printer } from "../report/output.ts";
import { jsonLine, rfc3339 } from "../report/plain.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONFIG, CONTROL, CRON, JSON_OUTPUT, readPath, readSeconds } from "./options.ts";
import { clientsInHistory, namesNow } from "./who.ts";
import { localClock } from "./zone.ts";

/** `--state` of commands that read the history. */
export const STATE = {
  value: "path",
  text: "state file whose history is read; the default is that of the running daemon, else of the config",
  read: readPath,
} as const;

/** `--since`. */
const SINCE = { value: "time", read: readSeconds } as const;

/** `ftwall report`. */
export const report: Command = command({
  text: "sum up what was seen and refused, or would have been: who, what, how much, when, and what ftwall cost",
  options: {
    since: { ...SINCE, text: "how far back: 90m, 12h, 30d (default: 7d)" },
    format: {
      value: "format",
      text: "text of 60 to 100 columns, JSON, or one HTML page that needs nothing else",
      choices: ["text", "json", "html"],
    },
    state: STATE,
    config: CONFIG,
    control: CONTROL,
  },
  after: `Examples:
  ftwall report --since 1d
  ftwall report --format html > week.html
Each Monday by cron, in /etc/cron.d/ftwall-report, as a mail or to a webhook:
  0 7 * * 1  root  ${CRON} report | mail -s "ftwall: the week" admin@example.org
  0 7 * * 1  root  ${CRON} report --format json | curl -fsS --json @- https://hooks.example.org/ftwall`,
  async run({ since = 7 * 86400, format = "text", ...where }) {
    const directory = await findHistory(where);
    const { summary, wording } = summaryOf(directory, since, where.config);
    if (format === "json") print(jsonLine(summary));
    else if (format === "html") print(reportPage(summary, wording).trimEnd());
    else print(...reportText(summary, wording, columns()));
    return DONE;
  },
});

/** What a report is made of; `since` is seconds. Throws a {@link Failure}. */
export function summaryOf(
  directory: string,
  since: number,
  config: string | undefined,
): { readonly summary: Summary; readonly wording: Wording } {
  const until = Date.now();
  const { clock, names, wording } = surroundings(config, until);
  const summary = readable(directory, () =>
    summarize({
      directory,
      since: until - since * 1000,
      until,
      host: Deno.hostname(),
      nameOf: (client, mac) => names.of(client, mac),
      local: (time) => {
        const text = rfc3339(clock(time));
        return { day: text.slice(0, 10), hour: Number(text.slice(11, 13)) };
      },
    }));
  return { summary, wording };
}

/** `ftwall log`. */
export const log: Command = command({
  text: "show what happened, from the history: also before a restart, and while ftwall does not run",
  options: {
    client: { value: "client", text: "only what a client did: its address, MAC or name" },
    protocol: { value: "name", text: "only one protocol", choices: PROTOCOLS.map(({ name }) => name) },
    since: { ...SINCE, text: "how far back: 90m, 12h, 7d (default: 1d)" },
    json: JSON_OUTPUT,
    state: STATE,
    config: CONFIG,
    control: CONTROL,
  },
  after: "Examples:\n  ftwall log --since 2h\n  ftwall log --client 192.168.1.20 --since 7d",
  async run({ client, protocol, since = 86400, json, ...where }) {
    const directory = await findHistory(where);
    const lines = logLines({ directory, client, protocol, since, json: json === true, config: where.config });
    const printer = new Printer();
    using _ = printer;
    let count = 0;
    for (const line of lines) {
      printer.print(line);
      count++;
    }
    if (count === 0) complain("ftwall: Nothing of that is in the history");
    return DONE;
  },
});

/** What of the history is wanted as lines. */
export interface LogQuery {
  readonly directory: string;
  readonly client: string | undefined;
  readonly protocol?: string | undefined;
  /** Seconds. */
  readonly since: number;
  readonly json: boolean;
  readonly config: string | undefined;
}

/** The lines of the history about a client, a protocol, or all. Throws a {@link Failure}. */
export function* logLines(
  { directory, client, protocol, since, json, config }: LogQuery,
): Generator<string, void> {
  const until = Date.now();
  const { names, wording } = surroundings(config, until);
  // Read first, so that a folder that cannot be read is said before anything else is.
  const known = readable(directory, () => new Map([...readNamed(directory)].map((named) => [named.client, named])));
  const nameOf = (address: string) => {
    const then = known.get(address);
    return then?.name || names.of(address, then?.mac ?? "");
  };
  const records = readLog(directory, {
    since: until - since * 1000,
    until: Infinity,
    ...(client === undefined ? {} : { clients: clientsInHistory(client, directory, config) }),
    ...(protocol === undefined ? {} : { protocol }),
  });
  yield* json ? logJson(records, nameOf) : logText(records, wording, nameOf);
}

/** Where a history may be. */
interface Where {
  readonly state: string | undefined;
  readonly config: string | undefined;
  readonly control: string;
}

/** Folder of the history: of the state file or the config that was named, else of the running daemon, else of the config. */
export async function findHistory({ state, config, control }: Where): Promise<string> {
  if (state !== undefined) return historyDirectory(state);
  if (config === undefined) {
    const status = await ask(control, { command: "status" }, 3000).catch(() => null);
    if (status !== null && status.history !== undefined) return status.history.path;
  }
  const path = loadAny(config).config?.state.path ?? "";
  if (path !== "") return historyDirectory(path);
  throw new Failure(MISSING, "Cannot find the history: [state] path is empty. Name a state file with --state PATH");
}

/** The time zone, the names and the wording of this machine. */
function surroundings(
  config: string | undefined,
  until: number,
): { readonly clock: (time: number) => number; readonly names: Names; readonly wording: Wording } {
  const clock = localClock(config);
  const shift = (time: number) => Math.round((clock(time) - time) / 60_000);
  return { clock, names: namesNow(config), wording: wordingOf(rfc3339(until), shift) };
}

function readable<T>(directory: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const how = error instanceof Deno.errors.PermissionDenied ? ". Ask as root: it says who did what" : "";
    throw new Failure(MISSING, `Cannot read the history "${directory}": ${errorText(error)}${how}`);
  }
}

/** Columns of the terminal; 80 where there is none. */
function columns(): number {
  return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 80;
}
