/**
 * What single keys cannot tell: whether the values make sense together.
 * @module
 */
import { parseMac, parsePrefix, type Prefix, PrefixSet } from "../net/address.ts";
import type { Config, NotifyConfig, ProtocolOverride, ScheduleConfig } from "./config.ts";
import type { Path } from "./line_index.ts";
import { formatMark, isMarkUnder } from "./marks.ts";
import { nearest } from "./nearest.ts";
import { compileTables } from "./policy.ts";
import { describe, type Findings } from "./problem.ts";
import { MAX_PREFIXES, NOTIFY } from "./schema.ts";
import { overlaps, weekPlan } from "./week.ts";

/** Most distinct schedule tables; at 64 groups and 32 protocols this is 3 MiB. */
const MAX_TABLES = 256;

/** Adds what makes no sense to the findings. Where a key was wrong, nothing is said about what depends on it. */
export function checkSense(config: Config, findings: Findings): void {
  if (!findings.failedAt("network") && !findings.failedAt("clients")) checkNetwork(config, findings);
  if (!findings.failedAt("queue")) checkQueue(config, findings);
  checkGroups(config, findings);
  checkSchedules(config, findings);
  if (!findings.failedAt("dns")) checkDns(config, findings);
  if (!findings.failedAt("score")) checkScore(config, findings);
  if (!findings.failedAt("notify")) checkNotify(config, findings);
  if (!findings.failedAt("web")) checkWeb(config, findings);
}

function checkWeb({ web }: Config, findings: Findings): void {
  if (web.group !== "" && !web.listen.startsWith("/")) {
    findings.warn(["web", "group"], "a key without a meaning here", "only where listen is the path of a Unix socket");
  }
  if (web.listen === "" || web.listen.startsWith("/") || /^(?:127\.|\[::1\]:)/.test(web.listen)) return;
  findings.warn(
    ["web", "listen"],
    `${describe(web.listen)}, where the token passes the network in clear`,
    "127.0.0.1 with an SSH tunnel, or a Unix socket behind a web server with TLS",
  );
}

function checkNotify({ notify }: Config, findings: Findings): void {
  notify.forEach((target, i) => {
    const { command, webhook, mail, form, on } = target;
    const shown = describe(NOTIFY.webhook.shown!(webhook));
    const ways = [command.length > 0, webhook !== "", mail.length > 0].filter((way) => way).length;
    if (ways !== 1) {
      findings.error(["notify", i], ways === 0 ? "a target without a way" : "several ways to one target", ONE_WAY);
    }
    if (command.length > 0 && !command[0]!.startsWith("/")) {
      findings.error(["notify", i, "command", 0], describe(command[0]), "a program by its absolute path");
    }
    const path = URL.parse(webhook)?.pathname ?? "";
    if (form === "matrix" && !/\/rooms\/[^/]+\/send\/m\.room\.message$/.test(path)) {
      findings.error(
        ["notify", i, "webhook"],
        shown,
        "a path that ends in /rooms/ROOM/send/m.room.message",
      );
    }
    if (form === "ntfy" && !/^\/(?:.+\/)?[-_A-Za-z0-9]{1,64}$/.test(path)) {
      findings.error(["notify", i, "webhook"], shown, "an address that ends in a topic");
    }
    if (ways === 1) warnOfIdle(target, ["notify", i], findings);
    if (on.length === 0) findings.warn(["notify", i, "on"], "an empty list", "at least one: nothing is told");
    if (notify.findIndex(({ name }) => name === target.name) < i) {
      findings.error(["notify", i, "name"], `${describe(target.name)} for the second time`, "each name once");
    }
  });
}

/** Warns of keys that have a value, and no meaning by the target's way. */
function warnOfIdle(target: NotifyConfig, path: Path, findings: Findings): void {
  const { webhook, mail, smtp } = target;
  const warn = (keys: readonly ("form" | "token" | "ca" | "sender" | "sendmail" | "smtp" | "user")[], what: string) => {
    for (const key of keys) {
      if (target[key] !== NOTIFY[key].default) findings.warn([...path, key], "a key without a meaning here", what);
    }
  };
  if (webhook === "") warn(["form", "token", "ca"], "only with webhook");
  if (mail.length === 0) warn(["sender", "sendmail", "smtp"], "only with mail");
  else if (smtp !== "") warn(["sendmail", "user"], "only without smtp");
  if (webhook !== "") warn(["user"], "only with a program");
}

const ONE_WAY = "one of command, webhook, mail";

function checkDns({ dns }: Config, findings: Findings): void {
  if (dns.ceiling < dns.floor) {
    findings.error(["dns", "ceiling"], "a ceiling below the floor", "at least dns.floor");
  }
}

function checkScore({ score }: Config, findings: Findings): void {
  if (score.act && (score.threshold <= score.weak || score.peers < 2)) {
    const key = score.peers < 2 ? "peers" : "threshold";
    findings.warn(["score", key], "a score that one weak fact reaches", "more, so that no single weak fact acts");
  }
}

function prefixes(list: readonly string[]): Prefix[] {
  return list.map(parsePrefix).filter((prefix) => prefix !== null);
}

/** True where the prefix shares addresses with the list. */
function meets(text: string, set: PrefixSet, list: readonly Prefix[]): boolean {
  const prefix = parsePrefix(text);
  if (prefix === null || set.has(...prefix.words)) return true;
  const own = PrefixSet.from([prefix]);
  return list.some((other) => own.has(...other.words));
}

function checkNetwork(config: Config, findings: Findings): void {
  const { home, exempt } = config.network;
  if (home.length === 0) {
    findings.warn(["network", "home"], "no home", "the prefixes of your clients: nobody is acted on");
  }
  const total = [home, exempt, ...config.clients.map((group) => [...group.addresses, ...group.macs])]
    .reduce((sum, list) => sum + list.length, 0);
  if (total > MAX_PREFIXES) {
    findings.error(["network"], `${total} prefixes and MACs in all`, `at most ${MAX_PREFIXES}`);
    return;
  }
  home.forEach((text, i) => {
    if (text.endsWith("/0")) {
      findings.warn(
        ["network", "home", i],
        `${describe(text)}, everybody`,
        "only your own network: peers would be clients",
      );
    }
  });
  const list = prefixes(home);
  const set = PrefixSet.from(list);
  const outside = (text: string, path: Path): void => {
    if (parseMac(text) === null && home.length > 0 && !meets(text, set, list)) {
      findings.warn(path, `${describe(text)}, outside of home`, "addresses of home: others are never acted on");
    }
  };
  exempt.forEach((text, i) => outside(text, ["network", "exempt", i]));
  config.clients.forEach((group, at) =>
    group.addresses.forEach((text, i) => outside(text, ["clients", at, "addresses", i]))
  );
}

function checkQueue(config: Config, findings: Findings): void {
  const { mask, mark, refuseMark } = config.queue;
  for (const [key, value] of [["mark", mark], ["refuse_mark", refuseMark]] as const) {
    if (!isMarkUnder(mask, value)) {
      findings.error(["queue", key], `${formatMark(value)}, beyond the mask`, `bits of queue.mask ${formatMark(mask)}`);
    }
  }
  if (mark === refuseMark) {
    findings.error(["queue", "refuse_mark"], `${formatMark(refuseMark)}, as queue.mark`, "another value");
  }
}

function checkGroups(config: Config, findings: Findings): void {
  const seen = new Map<string, number>();
  config.clients.forEach((group, i) => {
    if (group.name !== "" && seen.has(group.name)) {
      findings.error(["clients", i, "name"], `${describe(group.name)} for the second time`, "each name once");
    }
    seen.set(group.name, i);
    if (findings.failedAt(`clients[${i + 1}]`)) return;
    if (group.addresses.length === 0 && group.macs.length === 0) {
      findings.warn(["clients", i], "a group without addresses and macs", "at least one: it holds nobody");
    }
    // A group of one also names that client; see lib/names.
    const names = group.addresses.length + group.macs.length === 1;
    if (group.protocols.length === 0 && group.history === null && !names) {
      findings.warn(["clients", i], "a group without protocols", "[clients.protocols.NAME]: it changes nothing");
    }
  });
}

function label(schedule: ScheduleConfig, index: number): string {
  return schedule.name === "" ? `schedule ${index + 1}` : describe(schedule.name);
}

/** The first key that both set, to different values. */
function conflict(a: readonly ProtocolOverride[], b: readonly ProtocolOverride[]): string | undefined {
  for (const one of a) {
    const other = b.find((entry) => entry.name === one.name);
    if (other === undefined) continue;
    for (const key of ["action", "require", "lock"] as const) {
      if (one[key] !== null && other[key] !== null && one[key] !== other[key]) return `protocols.${one.name}.${key}`;
    }
  }
  return undefined;
}

function checkSchedules(config: Config, findings: Findings): void {
  const groups = ["default", ...config.clients.map((group) => group.name)];
  config.schedule.forEach((schedule, i) => {
    schedule.clients.forEach((name, at) => {
      if (groups.includes(name) || findings.failedAt("clients")) return;
      findings.error(
        ["schedule", i, "clients", at],
        `${describe(name)}, no group`,
        groups.join(", "),
        nearest(name, groups),
      );
    });
    if (schedule.protocols.length === 0 && !findings.failedAt(`schedule[${i + 1}]`)) {
      findings.warn(["schedule", i], "a schedule without protocols", "[schedule.protocols.NAME]: it changes nothing");
    }
  });
  if (findings.failed || config.schedule.length === 0) return;
  const plan = weekPlan(config.schedule);
  for (const [first, second] of overlaps(plan)) {
    const a = config.schedule[first]!;
    const b = config.schedule[second]!;
    // One for everybody and one for named groups do not compete: the one that names the group prevails.
    const compete = a.clients.length === 0
      ? b.clients.length === 0
      : a.clients.some((name) => b.clients.includes(name));
    const key = compete ? conflict(a.protocols, b.protocols) : undefined;
    if (key === undefined) continue;
    findings.warn(
      ["schedule", second],
      `hours that overlap with ${label(a, first)}, which sets ${key} too`,
      "the first prevails",
    );
  }
  const { tables } = compileTables(config, plan);
  if (tables > MAX_TABLES) {
    findings.error(
      ["schedule"],
      `${tables} different sets of rules in a week`,
      `at most ${MAX_TABLES}: fewer or simpler slots`,
    );
  }
}
