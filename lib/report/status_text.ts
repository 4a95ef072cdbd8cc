/**
 * `ftwall status` for people.
 * @module
 */
import { bytes, duration, grouped, plain, table } from "./plain.ts";
import type { KernelStatus, Status } from "./status.ts";
import { endpoint } from "./event_format.ts";

/** The status as lines of text; `now` (milliseconds since 1970) turns deadlines into time left. */
export function statusText(status: Status, now: number): string[] {
  const lines: string[] = [];
  const c = status.counters;
  lines.push(
    `ftwall ${status.version}, pid ${status.pid}, up ${duration(status.uptime_seconds)}` +
      (status.dry_run ? ", DRY RUN: every packet is accepted" : ""),
  );
  const path = status.config.path === null ? "built-in defaults" : status.config.path;
  lines.push(plain(`config   ${path}, hash ${status.config.hash.slice(0, 12)}, loaded ${status.config.loaded_at}`));
  const last = status.config.last_reload;
  if (last.at !== status.config.loaded_at) {
    lines.push(`reload   ${last.ok ? "applied" : "REFUSED, the config before it stays in force"}, ${last.at}`);
    for (const problem of last.problems) lines.push(plain(`         ${problem}`));
  }
  lines.push(
    `packets  ${grouped(c.packets)} judged: ${grouped(c.accepted)} accepted, ${grouped(c.refused)} refused; ` +
      `${grouped(c.offloaded)} flows left to the kernel, ${grouped(c.decode_errors)} undecodable`,
  );
  const v = status.verdict_microseconds;
  lines.push(`verdicts ${v.p50} µs median, ${v.p99} µs at 99 %, ${v.max} µs longest`);
  lines.push(
    `flows    ${grouped(status.flows.count)} of ${grouped(status.flows.capacity)}; memory ${
      bytes(status.memory.rss_bytes)
    }`,
  );
  safety(lines, status);
  lines.push("");
  lines.push(...table(
    [
      { title: "QUEUE", right: true },
      { title: "WAITING", right: true },
      { title: "QUEUE FULL", right: true },
      { title: "SOCKET FULL", right: true },
      { title: "FAIL" },
      { title: "GSO" },
    ],
    status.queues.map((q) => [
      String(q.number),
      grouped(q.waiting),
      grouped(q.queue_dropped),
      grouped(q.user_dropped),
      q.fail_open.effective ? "open" : q.fail_open.requested ? "CLOSED (open was asked for)" : "closed",
      q.gso ? "yes" : "no",
    ]),
  ));
  lines.push("");
  if (status.locks.length === 0) {
    lines.push("No client is locked.");
  } else {
    lines.push(...table(
      [
        { title: "LOCKED CLIENT" },
        { title: "MAC" },
        { title: "PROTOCOL" },
        { title: "EVIDENCE" },
        { title: "LEFT", right: true },
        { title: "RENEWED", right: true },
        { title: "BY" },
      ],
      status.locks.map((lock) => [
        lock.client,
        lock.mac ?? "",
        lock.protocol,
        lock.evidence,
        left(lock.until, now),
        String(lock.renewals),
        lock.by,
      ]),
    ));
  }
  if (status.allowed.length > 0) {
    lines.push("");
    lines.push(...table(
      [{ title: "ALLOWED CLIENT" }, { title: "LEFT", right: true }],
      status.allowed.map((a) => [a.client, left(a.until, now)]),
    ));
  }
  lines.push("");
  lines.push(`Block list: ${grouped(status.peers.count)} of ${grouped(status.peers.capacity)} peers`);
  if (status.peers.sample.length > 0) {
    lines.push(...table(
      [{ title: "PEER" }, { title: "PROTOCOL" }, { title: "LEFT", right: true }],
      status.peers.sample.map((p) => [endpoint(p.peer, p.peer_port), p.protocol, left(p.until, now)]),
      "  ",
    ));
  }
  lines.push(`Trained addresses: ${grouped(status.trained.count)}`);
  if (status.trained.names.length > 0) {
    lines.push(...table(
      [{ title: "NAME" }, { title: "ADDRESSES" }],
      status.trained.names.map((n) => [n.pattern, addresses(n.addresses)]),
      "  ",
    ));
  }
  if (status.kernel !== undefined) kernel(lines, status.kernel);
  counts(lines, "PROTOCOL", "DETECTED", c.by_protocol);
  counts(lines, "REASON", "REFUSED", c.by_reason);
  return lines;
}

function safety(lines: string[], { watchdog, rights }: Status): void {
  if (watchdog !== undefined) {
    const { earlier } = watchdog;
    const kept = watchdog.in_use
      ? `ends ftwall after ${watchdog.limit_seconds} s without verdicts`
      : `off: ${watchdog.why}`;
    const before = earlier === undefined
      ? ""
      : `; the process before this one (${earlier.pid}) was ${earlier.watchdog ? "ENDED BY IT" : "killed"}: ` +
        `no verdict for ${earlier.stood_still_seconds} s`;
    lines.push(plain(`watchdog ${kept}${before}`));
  }
  if (rights !== undefined) {
    const more = rights.why === undefined ? "" : ` (${rights.why})`;
    lines.push(
      plain(
        `rights   ${rights.capabilities.join(", ") || "none"}, ${
          rights.no_new_privs ? "no way to more" : "programs it starts may have more"
        }${more}`,
      ),
    );
  }
}

function kernel(lines: string[], facts: KernelStatus): void {
  const { rules, sets, conntrack, sender, lan, offload, bridged } = facts;
  const say = (name: string, text: string) => lines.push(plain(`  ${name.padEnd(12)} ${text}`));
  lines.push("", "In the kernel:");
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
}

function counts(lines: string[], key: string, title: string, values: Readonly<Record<string, number>>): void {
  const rows = Object.entries(values).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) return;
  lines.push("");
  lines.push(...table([{ title: key }, { title, right: true }], rows.map(([name, n]) => [name, grouped(n)])));
}

function addresses(list: readonly string[]): string {
  return list.length <= 4 ? list.join(", ") : `${list.slice(0, 4).join(", ")} and ${list.length - 4} more`;
}

function left(until: string, now: number): string {
  const end = Date.parse(until);
  return Number.isNaN(end) ? "?" : duration((end - now) / 1000);
}
