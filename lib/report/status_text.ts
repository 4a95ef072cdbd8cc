/**
 * `ftwall status` for people.
 * @module
 */
import { type LocalClock, systemClock } from "../policy/week.ts";
import { bytes, type Column, duration, grouped, localText, plain, table } from "./plain.ts";
import type { KernelStatus, LockStatus, PeerStatus, QueueStatus, Status, TrainedFacts } from "./status.ts";
import { endpoint } from "./event_format.ts";

/** A column of a table, with what stands in it for each thing. */
type ColumnOf<T> = Column & { readonly cell: (of: T) => string };

function tableOf<T>(columns: readonly ColumnOf<T>[], rows: readonly T[], indent = ""): string[] {
  return table(columns, rows.map((row) => columns.map(({ cell }) => cell(row))), indent);
}

const QUEUES: readonly ColumnOf<QueueStatus>[] = [
  { title: "QUEUE", right: true, cell: (queue) => String(queue.number) },
  { title: "WAITING", right: true, cell: (queue) => grouped(queue.waiting) },
  { title: "QUEUE FULL", right: true, cell: (queue) => grouped(queue.queue_dropped) },
  { title: "SOCKET FULL", right: true, cell: (queue) => grouped(queue.user_dropped) },
  {
    title: "FAIL",
    cell: ({ fail_open: { requested, effective } }) =>
      effective ? "open" : requested ? "CLOSED (open was asked for)" : "closed",
  },
  { title: "GSO", cell: (queue) => queue.gso ? "yes" : "no" },
];

/** The status as lines of text; `now` (milliseconds since 1970) turns deadlines into time left. */
export function statusText(status: Status, now: number, clock: LocalClock = systemClock): string[] {
  const { counters, kernel } = status;
  const lines = [
    ...summary(status, clock),
    ...safety(status),
    "",
    ...tableOf(QUEUES, status.queues),
    "",
    ...clients(status, now),
    "",
    ...learned(status, now),
    ...(kernel === undefined ? [] : inKernel(kernel)),
    ...counts("PROTOCOL", "DETECTED", counters.by_protocol),
    ...counts("REASON", status.dry_run ? "WOULD REFUSE" : "REFUSED", counters.by_reason),
  ];
  // Whatever is in it: names, paths, reasons.
  return lines.map(plain);
}

function summary(
  { version, pid, uptime_seconds, dry_run, config, counters: c, ...status }: Status,
  clock: LocalClock,
): string[] {
  const last = config.last_reload;
  const v = status.verdict_microseconds;
  const memory = bytes(status.memory.rss_bytes);
  return [
    `ftwall ${version}, pid ${pid}, up ${duration(uptime_seconds)}` +
    (dry_run ? ", DRY RUN: every packet is accepted" : ""),
    `config   ${config.path ?? "built-in defaults"}, hash ${config.hash.slice(0, 12)}, loaded ${
      localText(config.loaded_at, clock)
    }`,
    ...(last.at === config.loaded_at ? [] : [
      `reload   ${last.ok ? "applied" : "REFUSED, the config before it stays in force"}, ${localText(last.at, clock)}`,
      ...last.problems.map((problem) => `         ${problem}`),
    ]),
    `packets  ${grouped(c.packets)} judged: ${grouped(c.accepted)} accepted, ` +
    (dry_run
      ? `${grouped(Number(c["would_refuse"] ?? c.refused))} would be refused; `
      : `${grouped(c.refused)} refused; `) +
    `${grouped(c.offloaded)} flows left to the kernel, ${grouped(c.decode_errors)} undecodable`,
    `verdicts ${v.p50} µs median, ${v.p99} µs at 99 %, ${v.max} µs longest`,
    `flows    ${grouped(status.flows.count)} of ${grouped(status.flows.capacity)}; memory ${memory}`,
  ];
}

/** What an administrator should look at, a sentence each. */
export function troubles({ kernel, config, counters, queues, history, watchdog, notify = [] }: Status): string[] {
  const found: string[] = [];
  const rules = kernel?.rules ?? null;
  if (rules?.present === false) {
    found.push("There are no firewall rules: no packet reaches ftwall. Run: ftwall rules --apply");
  } else if (rules !== null && rules.differs.length > 0) {
    found.push(`The firewall rules are not those of the config: ${rules.differs.join("; ")}`);
  }
  if (!config.last_reload.ok) {
    found.push(
      `The last reload was refused, the config before it stays in force: ${config.last_reload.problems.join("; ")}`,
    );
  }
  const lost = queues.reduce((sum, one) => sum + Math.max(one.queue_dropped + one.user_dropped, one.missed ?? 0), 0);
  if (lost > 0) found.push(`${grouped(lost)} packets found a queue full: they passed unseen, or were dropped`);
  const above = Number(counters["over_budget_seconds"] ?? 0);
  if (above > 0) {
    found.push(
      `Clients had more packets than [queue] client_rate for ${grouped(above)} s: over-budget in the log names them`,
    );
  }
  for (const name of kernel?.offload ?? []) {
    found.push(`${name} takes packets past ftwall; ftwall doctor says how to mend it`);
  }
  const missing = kernel?.lan.missing ?? [];
  if (missing.length > 0) found.push(`There is no interface ${missing.join(", ")} ([network] lan)`);
  if (history?.failure !== undefined) found.push(`The history cannot be written: ${history.failure}`);
  for (const { name, failure } of notify) {
    if (failure !== undefined) found.push(`No message arrives at "${name}": ${failure}`);
  }
  if (watchdog?.earlier?.watchdog === true) found.push("ftwall stood still and was started again: see its log");
  return found;
}

function clients({ dry_run, locks, allowed }: Status, now: number): string[] {
  const left = leftColumn(now);
  const locked: readonly ColumnOf<LockStatus>[] = [
    {
      title: dry_run ? "WOULD BE LOCKED" : "LOCKED CLIENT",
      cell: ({ client, client_name }) => client_name === undefined ? client : `${client_name} ${client}`,
    },
    { title: "MAC", cell: (lock) => lock.mac ?? "" },
    { title: "PROTOCOL", cell: (lock) => lock.protocol },
    { title: "EVIDENCE", cell: (lock) => lock.evidence },
    left,
    { title: "RENEWED", right: true, cell: (lock) => String(lock.renewals) },
    { title: "BY", cell: (lock) => lock.by },
  ];
  return [
    ...(locks.length === 0
      ? [dry_run ? "No client would be locked." : "No client is locked."]
      : tableOf(locked, locks)),
    ...(allowed.length === 0
      ? []
      : ["", ...tableOf([{ title: "ALLOWED CLIENT", cell: ({ client }) => client }, left], allowed)]),
  ];
}

function learned({ peers, trained }: Status, now: number): string[] {
  const ofPeers: readonly ColumnOf<PeerStatus>[] = [
    { title: "PEER", cell: ({ peer, peer_port }) => endpoint(peer, peer_port) },
    { title: "PROTOCOL", cell: ({ protocol }) => protocol },
    leftColumn(now),
  ];
  const ofNames: readonly ColumnOf<TrainedFacts>[] = [
    { title: "NAME", cell: ({ pattern }) => pattern },
    { title: "ADDRESSES", cell: (name) => addresses(name.addresses) },
  ];
  return [
    `Block list: ${grouped(peers.count)} of ${grouped(peers.capacity)} peers`,
    ...(peers.sample.length === 0 ? [] : tableOf(ofPeers, peers.sample, "  ")),
    `Trained addresses: ${grouped(trained.count)}`,
    ...(trained.names.length === 0 ? [] : tableOf(ofNames, trained.names, "  ")),
  ];
}

function leftColumn(now: number): ColumnOf<{ readonly until: string }> {
  const left = (end: number): string => Number.isNaN(end) ? "?" : duration((end - now) / 1000);
  return { title: "LEFT", right: true, cell: ({ until }) => left(Date.parse(until)) };
}

/** Few are named; those of a root that kept them all are counted. */
function rightsText(capabilities: readonly string[]): string {
  if (capabilities.length === 0) return "none";
  return capabilities.length > 8 ? `${capabilities.length} capabilities` : capabilities.join(", ");
}

function safety({ watchdog, rights, history, web, notify = [] }: Status): string[] {
  const lines: string[] = [];
  if (watchdog !== undefined) {
    const { earlier } = watchdog;
    const kept = watchdog.in_use
      ? `ends ftwall after ${watchdog.limit_seconds} s without verdicts`
      : `off: ${watchdog.why}`;
    const before = earlier === undefined
      ? ""
      : `; the process before this one (${earlier.pid}) was ${earlier.watchdog ? "ENDED BY IT" : "killed"}: ` +
        `no verdict for ${earlier.stood_still_seconds} s`;
    lines.push(`watchdog ${kept}${before}`);
  }
  if (history !== undefined) {
    const { path, bytes: size, dropped, failure = "" } = history;
    const lost = dropped === 0 ? "" : `, ${grouped(dropped)} records LOST`;
    lines.push(`history  ${bytes(size)} in ${path}${lost}${failure === "" ? "" : `: ${failure}`}`);
  }
  for (const { name, way, sent, dropped, failure } of notify) {
    const lost = dropped === 0 ? "" : `, ${grouped(dropped)} DROPPED`;
    const trouble = failure === undefined ? "" : `, FAILS: ${failure}`;
    lines.push(`notify   ${name} (${way}): ${grouped(sent)} sent${lost}${trouble}`);
  }
  if (web !== undefined) lines.push(`page     ${web}`);
  if (rights !== undefined) {
    const calls = rights.calls_refused ? ", dangerous system calls are refused" : "";
    const more = calls + (rights.why === undefined ? "" : ` (${rights.why})`);
    lines.push(
      `rights   ${rightsText(rights.capabilities)}, ${
        rights.no_new_privs ? "no way to more" : "programs it starts may have more"
      }${more}`,
    );
  }
  return lines;
}

function inKernel(facts: KernelStatus): string[] {
  const { rules, sets, conntrack, sender, lan, offload, bridged } = facts;
  const lines = ["", "In the kernel:"];
  const say = (name: string, text: string) => lines.push(`  ${name.padEnd(12)} ${text}`);
  if (rules !== null) {
    const lost = (rules.lost ?? 0) === 0 ? "" : `, LOST ${rules.lost} times, put back ${rules.restored ?? 0} times`;
    const made = rules.made === true ? ", made by this run" : "";
    const place = `in place (${rules.backend ?? "unknown"}${made}${lost})`;
    if (!rules.present) say("rules", `NONE${lost}: no packet reaches ftwall; run: ftwall rules --apply`);
    else if (rules.differs.length === 0) say("rules", place);
    else say("rules", `${place}, but not those of the config: ${rules.differs.join("; ")}`);
  }
  say(
    "sets",
    sets.in_use
      ? `locked clients${
        sets.peers_left_out === undefined ? " and blocked peers" : ` only: ${sets.peers_left_out}`
      }, ` +
        `${grouped(sets.sent ?? 0)} changes` +
        (sets.through === undefined ? "" : ` through the ${sets.through}`) +
        (sets.through_why === undefined ? "" : ` (${sets.through_why})`) +
        ((sets.failed ?? 0) === 0 ? "" : `, ${grouped(sets.failed ?? 0)} FAILED: ${sets.last_error ?? ""}`)
      : `off: ${sets.why ?? ""}`,
  );
  say(
    "connections",
    conntrack.in_use
      ? `${grouped(conntrack.cut)} cut, ${grouped(conntrack.again)} looked at again`
      : `cannot be cut or looked at again: ${conntrack.why ?? ""}`,
  );
  if (conntrack.accounting === false) {
    say("accounting", "OFF: first packets cannot be told from later ones; run: ftwall rules --apply");
  }
  if (!sender.in_use) say("decoys", `off: ${sender.why ?? ""}`);
  if (lan.prefixes.length > 0) say("home", `${lan.prefixes.join(", ")} (on-link at ${lan.interfaces.join(", ")})`);
  if (lan.missing.length > 0) say("lan", `there is no interface ${lan.missing.join(", ")}`);
  for (const found of offload) say("OFFLOAD", `${found} takes packets past ftwall; see ftwall doctor`);
  if (bridged) {
    say("bridge", "traffic between clients on it passes the rules too, which let it through; see ftwall doctor");
  }
  return lines;
}

function counts(key: string, title: string, values: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(values).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const columns = [{ title: key }, { title, right: true }];
  return rows.length === 0 ? [] : ["", ...table(columns, rows.map(([name, n]) => [name, grouped(n)]))];
}

function addresses(list: readonly string[]): string {
  return list.length <= 4 ? list.join(", ") : `${list.slice(0, 4).join(", ")} and ${list.length - 4} more`;
}
