/**
 * What `ftwall doctor` looks at. Each check reads, none changes anything.
 * @module
 */
import type { Choice } from "../firewall/mod.ts";
import { errorText } from "../net/error_text.ts";
import type { Config } from "../policy/config.ts";
import type { Check, Finding } from "./doctor.ts";
import { mayAdministrate, readCapabilities } from "./permission.ts";
import type { QueueNumbers } from "../policy/config.ts";

/** What the command line says. */
export interface DoctorOptions {
  readonly config: string | undefined;
  readonly queues: QueueNumbers | undefined;
  /** Socket of the daemon; where it is not said, that of the config. */
  readonly control: string | undefined;
}

const ok = (found: string): Finding => ({ level: "ok", found });
const warn = (found: string, mend: string): Finding => ({ level: "warn", found, mend });
const fail = (found: string, mend: string): Finding => ({ level: "fail", found, mend });

/** All checks in the order in which things are needed. */
export function doctorChecks(options: DoctorOptions): Check[] {
  return [
    { name: "config", look: () => checkConfig(options) },
    { name: "permission", look: () => checkCapabilities(Deno.readTextFileSync("/proc/self/status")) },
    { name: "kernel", look: checkKernel },
    { name: "library", look: checkLibrary },
    { name: "queue", look: () => checkQueue(options) },
    { name: "daemon", look: () => checkDaemon(options) },
    { name: "in effect", look: () => checkEffect(options) },
    { name: "rules", look: () => checkRulesInForce(options) },
    { name: "interfaces", look: () => checkInterfaces(options) },
    { name: "forwarding", look: checkForwarding },
    { name: "conntrack", look: checkAccounting },
    { name: "connections", look: checkConnections },
    { name: "sender", look: checkSender },
    { name: "offload", look: checkOffload },
    { name: "sets", look: () => checkSets(options) },
    { name: "clock", look: () => checkClock(Date.now()) },
  ];
}

async function load(options: DoctorOptions): Promise<Config | null> {
  const { loadAny } = await import("../daemon/load.ts");
  return loadAny(options.config).config;
}

/** Where the daemon of this config listens. */
export async function controlOf(options: DoctorOptions): Promise<string> {
  const { DEFAULT_CONTROL } = await import("../report/control_protocol.ts");
  return options.control ?? (await load(options))?.control.path ?? DEFAULT_CONTROL;
}

async function checkConfig(options: DoctorOptions): Promise<Finding> {
  const { loadAny } = await import("../daemon/load.ts");
  const loaded = loadAny(options.config);
  const errors = loaded.problems.filter((problem) => problem.severity === "error").length;
  if (loaded.config === null) {
    return fail(`"${loaded.path}" has ${errors} ${errors === 1 ? "error" : "errors"}`, "ftwall check lists them");
  }
  if (loaded.missingDefault) return ok(`there is none at "${loaded.path}": built-in defaults`);
  const warnings = loaded.problems.length;
  return warnings === 0 ? ok(`"${loaded.path}"`) : warn(
    `"${loaded.path}" has ${warnings} ${warnings === 1 ? "warning" : "warnings"}`,
    "ftwall check lists them",
  );
}

/** Reads the effective capabilities from the text of /proc/self/status. */
export function checkCapabilities(status: string): Finding {
  const capabilities = readCapabilities(status);
  if (capabilities === null) {
    return warn("/proc/self/status does not say which capabilities there are", "run ftwall as root");
  }
  const { admin, raw } = capabilities;
  const mend = "run ftwall as root, or give it both: AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW in its systemd unit";
  if (!admin) return fail("CAP_NET_ADMIN is missing: the queue cannot be opened", mend);
  if (!raw) return warn("CAP_NET_RAW is missing: decoys and probes cannot be sent", mend);
  return ok("CAP_NET_ADMIN and CAP_NET_RAW");
}

async function checkKernel(): Promise<Finding> {
  const { hasQueues } = await import("../../ffi/queue_state.ts");
  if (hasQueues()) return ok("the kernel has packet queues");
  return fail(
    "the kernel has no packet queues: /proc/net/netfilter/nfnetlink_queue is missing",
    "modprobe nfnetlink_queue; OpenWrt: opkg install kmod-nfnetlink-queue. In a container, load it on the host",
  );
}

async function checkLibrary(): Promise<Finding> {
  const { openQueueLibrary } = await import("../../ffi/library.ts");
  try {
    const library = openQueueLibrary({ nfq_open: { parameters: [], result: "pointer" } });
    library.close();
    return ok("libnetfilter_queue loads");
  } catch (error) {
    return fail(errorText(error), "install it, then ask again");
  }
}

async function checkQueue(options: DoctorOptions): Promise<Finding> {
  const config = await load(options);
  const { first, last } = options.queues ?? config?.queue.numbers ?? { first: 0, last: 0 };
  const { queueOwner, readQueueStates } = await import("../../ffi/queue_state.ts");
  const states = readQueueStates();
  if (states === null) return warn("the list of queues cannot be read", "run doctor as root");
  const held: string[] = [];
  for (const { number } of states) {
    if (number < first || number > last) continue;
    const owner = queueOwner(number);
    const who = owner === null || owner.pid === 0 ? "a process that cannot be seen" : `${owner.command} (${owner.pid})`;
    held.push(`queue ${number} is held by ${who}`);
  }
  const range = first === last ? `queue ${first}` : `queues ${first} to ${last}`;
  if (held.length === 0) return ok(`${range}: free`);
  if (held.every((text) => text.includes("ftwall"))) return ok(held.join(", "));
  return warn(held.join(", "), "if that is not ftwall, stop it, or choose other numbers with [queue] numbers");
}

async function checkDaemon(options: DoctorOptions): Promise<Finding> {
  const { ask } = await import("./control_client.ts");
  const { Failure } = await import("../report/failure.ts");
  try {
    const { pid, version } = await ask(await controlOf(options), { command: "ping" }, 3000);
    return ok(`ftwall ${version} runs as process ${pid}`);
  } catch (error) {
    if (error instanceof Failure) return warn("no daemon answers", error.message);
    throw error;
  }
}

/** What the running daemon was granted by the kernel, and does without. */
async function checkEffect(options: DoctorOptions): Promise<Finding> {
  const { ask } = await import("./control_client.ts");
  const { Failure } = await import("../report/failure.ts");
  try {
    const status = await ask(await controlOf(options), { command: "status" }, 10_000);
    const open = status.queues.filter((queue) => queue.fail_open.effective !== queue.fail_open.requested);
    if (open.length > 0) {
      return warn(
        `queue ${
          open.map((queue) => queue.number).join(", ")
        } does not let packets pass when it is full, as was asked for`,
        "the kernel is older than 3.6; packets beyond [queue] length are lost",
      );
    }
    const kernel = status.kernel;
    const lacking = kernel === undefined || status.dry_run ? [] : [
      ...(kernel.sets.in_use ? [] : [`no kernel sets: ${kernel.sets.why ?? ""}`]),
      ...(kernel.conntrack.in_use ? [] : [`connections cannot be cut: ${kernel.conntrack.why ?? ""}`]),
      ...(kernel.sender.in_use ? [] : [`no decoys and probes: ${kernel.sender.why ?? ""}`]),
    ];
    if (lacking.length > 0) return warn(lacking.join("; "), "see the other checks, then restart ftwall");
    const gso = status.queues.every((queue) => queue.gso);
    const fail = status.queues.every((queue) => queue.fail_open.effective) ? "open" : "closed";
    const kept = status.dry_run ? "in dry-run sets and connections are left alone" : "sets and connection table in use";
    return ok(
      `fails ${fail}, merged packets ${gso ? "come whole" : "are split first"}, ${kept}`,
    );
  } catch (error) {
    if (error instanceof Failure) return ok("nothing: no daemon runs");
    throw error;
  }
}

async function checkInterfaces(options: DoctorOptions): Promise<Finding> {
  const config = await load(options);
  const names = config?.network.lan ?? [];
  if (names.length === 0) return ok("none are named: clients are told by [network] home");
  const { listDevices, readLan } = await import("../daemon/lan_watch.ts");
  const { interfaces, missing, prefixes } = readLan(names);
  if (missing.length === 0) {
    return ok(`${interfaces.join(", ")}${prefixes.length === 0 ? "" : ` with ${prefixes.join(", ")}`}`);
  }
  const there = listDevices().filter((name) => name !== "lo");
  return warn(
    `there is no interface ${missing.join(", ")}` +
      (interfaces.length === 0 ? ": clients are told by [network] home alone" : ""),
    `name those towards your clients in [network] lan; there are ${there.join(", ") || "none"}`,
  );
}

async function checkConnections(): Promise<Finding> {
  const { Libc } = await import("../../ffi/libc.ts");
  const { Conntrack } = await import("../../ffi/conntrack.ts");
  const { Missing } = await import("../../ffi/missing.ts");
  using libc = Libc.open();
  try {
    Conntrack.open(libc).close();
    return ok("connections of a locked client can be cut");
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return warn(
      `${error.message}; locks then hold by the kernel sets alone, and a reload only concerns new connections`,
      "modprobe nf_conntrack_netlink; OpenWrt: opkg install kmod-nf-conntrack-netlink",
    );
  }
}

async function checkSender(): Promise<Finding> {
  const { Libc } = await import("../../ffi/libc.ts");
  const { RawSender } = await import("../../ffi/raw_socket.ts");
  const { Missing } = await import("../../ffi/missing.ts");
  using libc = Libc.open();
  try {
    RawSender.open(libc).close();
    return ok("decoys and probes can be sent");
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return warn(error.message, "run ftwall as root, or with CAP_NET_RAW; without it nothing is sent, all else works");
  }
}

async function checkRulesInForce(options: DoctorOptions): Promise<Finding> {
  if (!mayAdministrate()) return warn("the rules cannot be read without CAP_NET_ADMIN", "run doctor as root");
  const config = await load(options);
  const firewall = await import("../firewall/mod.ts");
  if (config === null) {
    const present = await firewall.inspectRules(firewall.runCommand);
    return present.length > 0
      ? ok("there are rules of ftwall")
      : warn("there are no rules of ftwall", "mend the config, then: ftwall rules --apply");
  }
  const { rulesOptions } = await import("../daemon/rules.ts");
  const found = await firewall.checkRules(rulesOptions(config, options.queues), firewall.runCommand);
  if (!found.present) return warn("there are no rules of ftwall: no packet reaches it", "ftwall rules --apply");
  if (found.differs.length > 0) {
    return warn(`the rules are not those of this config: ${found.differs.join("; ")}`, "ftwall rules --apply");
  }
  return ok(`in place (${found.backend ?? "unknown"})`);
}

function checkForwarding(): Finding {
  const v4 = readNumber("/proc/sys/net/ipv4/ip_forward");
  const v6 = readNumber("/proc/sys/net/ipv6/conf/all/forwarding");
  if (v4 === 1 || v6 === 1) return ok(`IPv4 ${v4 === 1 ? "on" : "off"}, IPv6 ${v6 === 1 ? "on" : "off"}`);
  return warn(
    "this machine forwards neither IPv4 nor IPv6: only its own traffic can be judged",
    "sysctl -w net.ipv4.ip_forward=1, if it is to be a router",
  );
}

function checkAccounting(): Finding {
  const value = readNumber("/proc/sys/net/netfilter/nf_conntrack_acct");
  if (value === 1) return ok("packets of connections are counted");
  return warn(
    value === null
      ? "connections are not tracked yet"
      : "packets of connections are not counted: the rules cannot tell first packets from later ones",
    "ftwall rules --apply switches it on",
  );
}

async function checkOffload(): Promise<Finding> {
  const firewall = await import("../firewall/mod.ts");
  const offloads = await firewall.findOffloads(firewall.runCommand);
  const first = offloads[0];
  if (first === undefined) return ok("nothing takes packets past the firewall");
  return warn(offloads.map((each) => each.found).join(", "), offloads.map((each) => each.advice).join("; "));
}

async function checkSets(options: DoctorOptions): Promise<Finding> {
  const config = await load(options);
  if (config?.lock.kernelSets === "off") return ok("kernel sets are off in the config");
  if (!mayAdministrate()) return warn("firewall tools cannot be tried without CAP_NET_ADMIN", "run doctor as root");
  const firewall = await import("../firewall/mod.ts");
  const { rulesOptions } = await import("../daemon/rules.ts");
  try {
    const wanted = config === null ? firewall.RULES_DEFAULTS : rulesOptions(config, options.queues);
    const choice = await firewall.chooseBackend(firewall.runCommand, "auto", wanted);
    return setsFinding(choice, choice.backend === "nft" && choice.sets ? await missingNftables() : "");
  } catch (error) {
    if (error instanceof firewall.FirewallError) return fail(error.message, firewall.INSTALL_HINT);
    throw error;
  }
}

/** `missing`: why nft's sets are not changed through its library; empty where they are. */
export function setsFinding(choice: Choice, missing: string): Finding {
  const { backend, sets, notes } = choice;
  if (!sets) return warn(`${backend} works here, but without sets`, notes.join("; "));
  if (missing !== "") return warn(`${backend} works here, with sets, but each change starts the nft tool`, missing);
  return ok(`${backend} works here, with sets${backend === "nft" ? ", changed through libnftables" : ""}`);
}

async function missingNftables(): Promise<string> {
  const { Nftables } = await import("../../ffi/nftables.ts");
  const { Missing } = await import("../../ffi/missing.ts");
  try {
    await Nftables.open().close();
    return "";
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return error.message;
  }
}

/** A clock that is far off makes schedules and the deadlines of the state file wrong. `now` is milliseconds since 1970. */
export function checkClock(now: number): Finding {
  const year = new Date(now).getUTCFullYear();
  if (year >= 2024 && year < 2100) return ok(new Date(now).toISOString());
  return warn(
    `it is the year ${year} here: schedules and saved deadlines will be wrong`,
    "set the clock, for example by NTP, before ftwall starts",
  );
}

function readNumber(path: string): number | null {
  try {
    return Number(Deno.readTextFileSync(path).trim());
  } catch {
    return null;
  }
}
