/**
 * Less rights than root has: once the queues are open, all that ftwall still needs are two capabilities, and what its config
 * asks for.
 * @module
 */
import { CAPABILITIES, OwnProcess } from "../../ffi/own_process.ts";
import type { Config } from "../policy/config.ts";
import type { RightsStatus } from "../report/status.ts";
import { hookCapabilities } from "./notify_keeper.ts";
import { AHEAD } from "./priority.ts";

/** Threads of the JavaScript engine: they compute, and ask the kernel for nothing. */
const ENGINE = /^V8 /;

/** The capabilities that a config needs, by name. `owner` tells whom a file or folder belongs to; null where there is none. */
export function neededCapabilities(
  config: Config,
  path: string,
  folders: readonly string[],
  owner: (path: string) => number | null,
): (keyof typeof CAPABILITIES)[] {
  const needed: (keyof typeof CAPABILITIES)[] = ["NET_ADMIN", "NET_RAW"];
  if (config.control.group + config.web.group !== "") needed.push("CHOWN");
  needed.push(...hookCapabilities(config.notify));
  // In root's own folders root may write without.
  if (folders.some((folder) => (owner(folder) ?? 0) !== 0)) needed.push("DAC_OVERRIDE");
  // A reload reads the config again.
  else if ((owner(path) ?? 0) !== 0) needed.push("DAC_READ_SEARCH");
  return needed;
}

/** The folders that are written to. */
export function writtenFolders(config: Config, paths: readonly string[]): string[] {
  const files = [config.log.file, config.web.listen, ...paths].filter((path) => path.includes("/"));
  const folders = files.map((path) => path.slice(0, path.lastIndexOf("/")));
  return config.clientFiles === "" ? folders : [...folders, config.clientFiles];
}

/** What {@link settleRights} made of it. */
export interface Settled {
  readonly rights: RightsStatus;
  /** Whether threads may go back and forth between `priority = "high"` and ordinary niceness. */
  readonly steps: boolean;
}

/**
 * Puts the process ahead of others as the config says, and gives up every right that it does not need. Call it before anything
 * has started a thread: see {@link OwnProcess.giveUp}. Never throws: what could not be done stands in the answer.
 */
export function settleRights(config: Config, path: string, paths: readonly string[]): Settled {
  let why = "";
  using own = new OwnProcess();
  const { priority } = config.queue;
  let steps = priority === "high" && own.allowNice(AHEAD);
  if (priority !== "normal") own.nice(AHEAD);
  if (priority === "realtime") own.realTime();
  const needed = neededCapabilities(config, path, writtenFolders(config, paths), ownerOf);
  const before = readRights();
  if (priority === "high" && !steps && before.capabilities.includes("CAP_SYS_NICE")) {
    needed.push("SYS_NICE");
    steps = true;
  }
  const surplus = before.capabilities.some((name) => !needed.some((need) => name === `CAP_${need}`));
  if (!before.capabilities.includes("CAP_SETUID")) {
    if (surplus) why = "as they were given to it";
  } else if (surplus) {
    const foreign = otherThreads();
    why = foreign === "" ? own.giveUp(needed.map((name) => CAPABILITIES[name])) : `there is a thread "${foreign}"`;
  }
  const open = sameArchitecture("/proc/self/exe", "/bin/sh")
    ? own.refuseCalls()
    : "tools here are of another architecture";
  const after = readRights();
  const all = [why, open === "" ? "" : `no system call is refused: ${open}`].filter((text) => text !== "").join("; ");
  return { rights: { ...after, calls_refused: open === "", ...(all === "" ? {} : { why: all }) }, steps };
}

/** Puts this thread behind all others that judge packets or wait for those who do, whatever {@link settleRights} made of it. */
export function standBack(): void {
  using own = new OwnProcess();
  own.ordinary();
  own.nice(10);
}

/** Whether two programs are of one architecture, by the heads of their files (class and machine of ELF). */
function sameArchitecture(one: string, other: string): boolean {
  try {
    const [first, second] = [one, other].map((path) => {
      const head = new Uint8Array(20);
      const file = Deno.openSync(path);
      using _ = file;
      file.readSync(head);
      return `${head[4]} ${head[18]} ${head[19]}`;
    });
    return first === second;
  } catch {
    return false;
  }
}

function ownerOf(folder: string): number | null {
  try {
    return Deno.statSync(folder).uid;
  } catch {
    return null;
  }
}

/** Name of a thread, other than this one, that may do something for us later; empty where there is none. */
function otherThreads(): string {
  const nameOf = (thread: string) => Deno.readTextFileSync(`/proc/self/task/${thread}/comm`).trim();
  const own = nameOf(String(Deno.pid));
  const others = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name)
    .filter((thread) => Number(thread) !== Deno.pid).map(nameOf).filter((name) => !ENGINE.test(name));
  // One without a name of its own is the runtime's, which passes signals on through a pipe.
  if (others[0] === own) others.shift();
  return others[0] ?? "";
}

/** Names of capabilities in the order of their numbers, from CAP_CHOWN on (linux/capability.h). */
const NAMES: readonly string[] =
  ("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split(" ");

/** The rights that any thread of this process has. */
function readRights(): { capabilities: string[]; no_new_privs: boolean } {
  let mask = 0n;
  let bound = true;
  try {
    for (const { name } of Deno.readDirSync("/proc/self/task")) {
      const rights = rightsIn(Deno.readTextFileSync(`/proc/self/task/${name}/status`));
      mask |= rights.mask;
      if (rights.mask !== 0n && !rights.noNewPrivileges) bound = false;
    }
  } catch {
    // Without /proc nothing can be told.
  }
  return {
    capabilities: NAMES.flatMap((name, i) => (mask >> BigInt(i)) & 1n ? [`CAP_${name}`] : []),
    no_new_privs: bound,
  };
}

/** What the text of /proc/PID/task/TID/status says of a thread. */
export function rightsIn(status: string): { readonly mask: bigint; readonly noNewPrivileges: boolean } {
  const permitted = /^CapPrm:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1] ?? "0";
  return { mask: BigInt(`0x${permitted}`), noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status) };
}
