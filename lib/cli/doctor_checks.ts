/**
 * What `ftwall doctor` looks at. Each check reads, none changes anything.
 * @module
 */
import { Conntrack } from "../../ffi/conntrack.ts";
import { Libc } from "../../ffi/libc.ts";
import { openQueueLibrary } from "../../ffi/library.ts";
import { Missing } from "../../ffi/missing.ts";
import { Nftables } from "../../ffi/nftables.ts";
import { hasQueues, portOwner, type QueueOwner, readQueueStates } from "../../ffi/queue_state.ts";
import { RawSender } from "../../ffi/raw_socket.ts";
import { listDevices, readLan } from "../daemon/lan_watch.ts";
import { readAccounting, rulesOptions } from "../daemon/rules.ts";
import { connectionTable, fullText, isFull, MORE_CONNECTIONS } from "../daemon/surroundings.ts";
import {
  checkRules,
  type Choice,
  chooseBackend,
  findOffloads,
  FirewallError,
  inspectRules,
  INSTALL_HINT,
  RULES_DEFAULTS,
  runCommand,
} from "../firewall/mod.ts";
import { readToken } from "../daemon/web_token.ts";
import { errorText } from "../net/error_text.ts";
import type { QueueNumbers } from "../policy/config.ts";
import type { Loaded } from "../policy/load.ts";
import { DEFAULT_CONTROL } from "../report/control_protocol.ts";
import { Failure } from "../report/failure.ts";
import type { Status } from "../report/status.ts";
import { counted, localText, localTime } from "../report/plain.ts";
import { ask } from "./control_client.ts";
import type { Check, Finding } from "./doctor.ts";
import { mayAdministrate, readCapabilities } from "./permission.ts";

/** What the checks look for. */
export interface Wanted {
  /** The config, as it was loaded. */
  readonly loaded: Loaded;
  /** Queues that the command line names. */
  readonly queues: QueueNumbers | undefined;
  /** Socket of the daemon that the command line names. */
  readonly control: string | undefined;
}

const ok = (found: string): Finding => ({ level: "ok", found });
const warn = (found: string, mend: string): Finding => ({ level: "warn", found, mend });
const fail = (found: string, mend: string): Finding => ({ level: "fail", found, mend });

/** All checks in the order in which things are needed. */
export function doctorChecks(wanted: Wanted): Check[] {
  const daemon = askedOnce(wanted);
  return [
    { name: "config", look: () => checkConfig(wanted) },
    { name: "permission", look: () => checkCapabilities(Deno.readTextFileSync("/proc/self/status")) },
    { name: "kernel", look: checkKernel },
    { name: "library", look: checkLibrary },
    { name: "queue", look: () => checkQueue(wanted, daemon) },
    { name: "daemon", look: () => checkDaemon(daemon) },
    { name: "in effect", look: () => withStatus(daemon, checkEffect) },
    { name: "rules", look: () => checkRulesInForce(wanted, daemon) },
    { name: "interfaces", look: () => checkInterfaces(wanted) },
    { name: "forwarding", look: checkForwarding },
    { name: "conntrack", look: checkAccounting },
    { name: "connections", look: checkConnections },
    { name: "sender", look: checkSender },
    { name: "offload", look: () => checkOffload(wanted) },
    { name: "notify", look: () => withStatus(daemon, checkNotify) },
    { name: "page", look: () => checkPage(wanted, daemon) },
    { name: "sets", look: () => checkSets(wanted) },
    { name: "clock", look: () => checkClock(Date.now()) },
  ];
}

/** What the daemon says of itself, asked for when it is first wanted; a Failure where none answers. */
type Asked = () => Promise<Status | Failure>;

function askedOnce(wanted: Wanted): Asked {
  let answer: Promise<Status | Failure> | undefined;
  return () =>
    answer ??= ask(controlOf(wanted), { command: "status" }).catch((error: unknown) => {
      if (error instanceof Failure) return error;
      throw error;
    });
}

async function withStatus(daemon: Asked, look: (status: Status) => Finding): Promise<Finding> {
  const status = await daemon();
  return status instanceof Failure ? ok("nothing: no daemon runs") : look(status);
}

/** Where the daemon listens: at the named socket, else at that of the config. */
export function controlOf({ loaded, control }: Wanted): string {
  return control ?? loaded.config?.control.path ?? DEFAULT_CONTROL;
}

function checkConfig({ loaded }: Wanted): Finding {
  const { config, path, problems, missingDefault } = loaded;
  const errors = problems.filter((problem) => problem.severity === "error").length;
  if (config === null) return fail(`"${path}" has ${counted(errors, "error")}`, "ftwall check lists them");
  if (missingDefault) return ok(`there is none at "${path}": built-in defaults`);
  if (problems.length === 0) return ok(`"${path}"`);
  return warn(`"${path}" has ${counted(problems.length, "warning")}`, "ftwall check lists them");
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

function checkKernel(): Finding {
  if (hasQueues()) return ok("the kernel has packet queues");
  return fail(
    "the kernel has no packet queues: /proc/net/netfilter/nfnetlink_queue is missing",
    "modprobe nfnetlink_queue; OpenWrt: opkg install kmod-nfnetlink-queue. In a container, load it on the host",
  );
}

function checkLibrary(): Finding {
  try {
    const library = openQueueLibrary({ nfq_open: { parameters: [], result: "pointer" } });
    library.close();
    return ok("libnetfilter_queue loads");
  } catch (error) {
    return fail(errorText(error), "install it, then ask again");
  }
}

async function checkQueue(wanted: Wanted, daemon: Asked): Promise<Finding> {
  const { loaded: { config }, queues } = wanted;
  const { first, last } = queues ?? config?.queue.numbers ?? { first: 0, last: 0 };
  const states = readQueueStates();
  if (states === null) return warn("the list of queues cannot be read", "run doctor as root");
  const held = states.map(({ number, port }) => ({ number, owner: portOwner(port) }))
    .filter(({ number }) => number >= first && number <= last);
  return queueFinding(first === last ? `queue ${first}` : `queues ${first} to ${last}`, held, await pidOf(daemon));
}

/** A queue that somebody holds. */
export interface HeldQueue {
  readonly number: number;
  readonly owner: QueueOwner;
}

/** Whether who holds the queues is the daemon, by its process id; `daemon` is null where none answers. */
export function queueFinding(range: string, held: readonly HeldQueue[], daemon: number | null): Finding {
  const foreign = held.filter(({ owner }) => daemon === null || !isProcess(owner.pid, daemon));
  if (held.length === 0) {
    return daemon === null ? ok(`${range}: free`) : fail(`the daemon does not hold ${range}`, APART);
  }
  const text = held.map(({ number, owner: { pid, command } }) =>
    `queue ${number} is held by ${pid === 0 ? "a process that cannot be seen" : `process ${pid} (${command})`}`
  ).join(", ");
  if (foreign.length === 0) return ok(`${text}, the daemon`);
  if (daemon === null) {
    return warn(
      `${text}; no daemon answers`,
      "if that is an ftwall with another control socket, name it with --control PATH; else stop it, or choose " +
        "other numbers with [queue] numbers",
    );
  }
  return warn(
    `${text}; the daemon is process ${daemon}`,
    "stop the other, or choose other numbers with [queue] numbers",
  );
}

const APART =
  "it runs with another config, other [queue] numbers or in another network namespace; name them as it does";

/** Whether a process has this id, here or in its own process namespace: a daemon in a container tells the latter. */
function isProcess(pid: number, told: number): boolean {
  if (pid === told) return true;
  if (pid === 0) return false;
  try {
    const ids = /^NSpid:\t([\d\t]+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]?.split("\t") ?? [];
    return ids.includes(String(told));
  } catch {
    return false;
  }
}

/** Process id that the daemon tells; null where none answers. */
async function pidOf(daemon: Asked): Promise<number | null> {
  const status = await daemon();
  return status instanceof Failure ? null : status.pid;
}

async function checkDaemon(daemon: Asked): Promise<Finding> {
  const status = await daemon();
  return status instanceof Failure
    ? warn("no daemon answers", status.message)
    : ok(`ftwall ${status.version} runs as process ${status.pid}`);
}

/** What the kernel granted to the running daemon, and what it has to do without. */
function checkEffect(status: Status): Finding {
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
}

/** Whether the last messages arrived. */
function checkNotify({ notify = [] }: Status): Finding {
  const failing = notify.filter(({ failure }) => failure !== undefined);
  if (failing.length > 0) {
    const found = failing.map(({ name, failure, failing_since = "" }) =>
      `"${name}" since ${localText(failing_since)}: ${failure}`
    );
    return warn(`no message arrives at ${found.join("; ")}`, "mend it, then: ftwall notify --test");
  }
  return ok(notify.length === 0 ? "nobody is told of anything" : `${counted(notify.length, "target")}, none fails`);
}

/** Whether the page is there, and who may do more than read it. */
export async function checkPage(wanted: Wanted, daemon: Asked = askedOnce(wanted)): Promise<Finding> {
  const { listen, tokenFile } = wanted.loaded.config?.web ?? { listen: "", tokenFile: "" };
  if (listen === "") return ok("off: [web] listen is empty");
  const token = readToken(tokenFile);
  if ("why" in token && token.missing !== true) {
    return warn(`nobody can sign in to the page: ${token.why}`, "see docs/web.md for a token, or remove the file");
  }
  const status = await daemon();
  if (!(status instanceof Failure) && status.web === undefined) {
    return warn("the daemon that runs shows no page", "restart ftwall: it was started with another config");
  }
  const who = "why" in token ? `for reading: ${token.why}` : "who has the token may lock and unlock";
  return ok(`${listen}, ${who}`);
}

function checkInterfaces({ loaded }: Wanted): Finding {
  const { config } = loaded;
  const names = config?.network.lan ?? [];
  if (names.length === 0) return ok("none are named: clients are recognised by [network] home");
  const { interfaces, missing, prefixes } = readLan(names);
  if (missing.length === 0) {
    return ok(`${interfaces.join(", ")}${prefixes.length === 0 ? "" : ` with ${prefixes.join(", ")}`}`);
  }
  const there = listDevices().filter((name) => name !== "lo");
  // Nobody named the default's bridge, so nobody misses it.
  if (String(names) === String(RULES_DEFAULTS.lan)) {
    return ok(
      `none of [network] lan is there (there are ${
        there.join(", ") || "none"
      }): clients are recognised by [network] home`,
    );
  }
  return warn(
    `there is no interface ${missing.join(", ")}` +
      (interfaces.length === 0 ? ": clients are recognised by [network] home alone" : ""),
    `name those towards your clients in [network] lan; there are ${there.join(", ") || "none"}`,
  );
}

function checkConnections(): Finding {
  const libc = Libc.open();
  using _ = libc;
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

function checkSender(): Finding {
  const libc = Libc.open();
  using _ = libc;
  try {
    RawSender.open(libc).close();
    return ok("decoys and probes can be sent");
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return warn(error.message, "run ftwall as root, or with CAP_NET_RAW; without it nothing is sent, all else works");
  }
}

async function checkRulesInForce(wanted: Wanted, daemon: Asked): Promise<Finding> {
  const { loaded, queues } = wanted;
  if (!mayAdministrate()) return warn("the rules cannot be read without CAP_NET_ADMIN", "run doctor as root");
  const { config } = loaded;
  if (config === null) {
    const present = await inspectRules(runCommand);
    return present.length > 0
      ? ok("there are rules of ftwall")
      : warn("there are no rules of ftwall", "mend the config, then: ftwall rules --apply");
  }
  const found = await checkRules(rulesOptions(config, queues), runCommand);
  if (!found.present) {
    if (await pidOf(daemon) !== null) {
      return fail("there are no rules of ftwall: no packet reaches it", "ftwall rules --apply");
    }
    return config.queue.rules === "auto"
      ? ok("there are none of ftwall: it makes them when it starts")
      : warn("there are no rules of ftwall", "ftwall rules --apply");
  }
  if (found.differs.length > 0) {
    const rate = found.whole ? warn : fail;
    return rate(`the rules are not those of this config: ${found.differs.join("; ")}`, "ftwall rules --apply");
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
  const table = connectionTable(Deno.readTextFileSync);
  if (table !== null && isFull(table)) return fail(fullText(table), MORE_CONNECTIONS);
  const value = readAccounting();
  if (value === true) return ok("packets of connections are counted");
  return warn(
    value === null
      ? "connections are not tracked yet"
      : "packets of connections are not counted: the rules cannot tell first packets from later ones",
    "ftwall rules --apply switches it on",
  );
}

async function checkOffload({ loaded: { config } }: Wanted): Promise<Finding> {
  const { mark } = config === null ? RULES_DEFAULTS : rulesOptions(config);
  const offloads = await findOffloads(runCommand, mark);
  const first = offloads[0];
  if (first === undefined) return ok("nothing takes packets past the firewall");
  return warn(offloads.map((each) => each.found).join(", "), offloads.map((each) => each.advice).join("; "));
}

async function checkSets({ loaded, queues }: Wanted): Promise<Finding> {
  const { config } = loaded;
  if (config?.lock.kernelSets === "off") return ok("kernel sets are off in the config");
  if (!mayAdministrate()) return warn("firewall tools cannot be tried without CAP_NET_ADMIN", "run doctor as root");
  try {
    const options = config === null ? RULES_DEFAULTS : rulesOptions(config, queues);
    const choice = await chooseBackend(runCommand, "auto", options);
    return setsFinding(choice, choice.backend === "nft" && choice.sets ? await missingNftables() : "");
  } catch (error) {
    if (error instanceof FirewallError) return fail(error.message, INSTALL_HINT);
    throw error;
  }
}

/** What the firewall tools can do; `missing` says why libnftables is not used for sets, empty where it is. */
export function setsFinding(choice: Choice, missing: string): Finding {
  const { backend, sets, notes } = choice;
  if (!sets) return warn(`${backend} works here, but without sets`, notes.join("; "));
  const offload = notes.find((note) => note.includes("offload"));
  if (offload !== undefined) return warn(`${backend} works here, with sets, but offload is not as asked`, offload);
  if (missing !== "") return warn(`${backend} works here, with sets, but each change starts the nft tool`, missing);
  return ok(`${backend} works here, with sets${backend === "nft" ? ", changed through libnftables" : ""}`);
}

async function missingNftables(): Promise<string> {
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
  if (year >= 2024 && year < 2100) return ok(localTime(now));
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
