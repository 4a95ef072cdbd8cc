/**
 * What is measured and with what: the executable, the yardsticks in C, and the machine's own facts.
 * @module
 */
import { execute, hasTool } from "../live/topology.ts";

/** Root of the repository. */
export const ROOT: string = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** V8's flags of the executable; the same as in install.sh, which a test holds together. */
export const V8_FLAGS: string = readFlags();

/** Everything that was built for a run. */
export interface Workshop {
  /** Directory of the yardsticks and of temporary files. */
  readonly dir: string;
  /** The compiled executable. */
  readonly ftwall: string;
  /** Path of a yardstick. */
  readonly tool: (name: string) => string;
}

/** What the figures were measured on. */
export interface MachineFacts {
  readonly date: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly deno: string;
  readonly command: string;
  readonly revision: string;
  readonly v8Flags: string;
  /** Load average when the run began: other work on the machine. */
  readonly load: number;
}

const YARDSTICKS: readonly (readonly [name: string, ...libraries: string[]])[] = [
  ["accept_all", "-lnetfilter_queue"],
  ["udp_flood"],
  ["udp_sink"],
  ["udp_ping"],
  ["flow_flood"],
  ["first_line"],
  ["thrash"],
];

function readFlags(): string {
  const line = /^v8_flags=(\S+)/m.exec(Deno.readTextFileSync(`${ROOT}/install.sh`));
  if (line === null) throw new Error('Cannot read "install.sh": no line "v8_flags="');
  return line[1]!;
}

/** Builds everything in `dir`. An `executable` given is used as it is. */
export async function build(dir: string, executable: string | null, say: (line: string) => void): Promise<Workshop> {
  const compiler = ["cc", "gcc", "clang"].find(hasTool);
  if (compiler === undefined) throw new Error("Cannot build the yardsticks: no C compiler (Debian: gcc)");
  for (const [name, ...libraries] of YARDSTICKS) {
    const source = `${ROOT}/tests/bench/yardstick/${name}.c`;
    await must([compiler, "-O2", "-Wall", "-Wextra", "-o", `${dir}/${name}`, source, ...libraries], 60_000);
  }
  let ftwall = executable;
  if (ftwall === null) {
    say("building the executable");
    ftwall = `${dir}/ftwall`;
    await compileExecutable(ftwall, V8_FLAGS);
  }
  return { dir, ftwall, tool: (name) => `${dir}/${name}` };
}

/** Compiles the executable as install.sh does, its parts first. DENORT_BIN is taken from the environment. */
export async function compileExecutable(path: string, flags: string): Promise<void> {
  const parts = `${path}.parts`;
  await deno("bundle", ...optionsOf("bundle", "--outdir"), "--outdir", parts, "main.ts");
  await compileScript(`${parts}/main.js`, path, flags);
  await Deno.remove(parts, { recursive: true });
}

/** Compiles one script as install.sh compiles the first of the executable's parts. */
export async function compileScript(script: string, path: string, flags: string): Promise<void> {
  await deno("compile", ...optionsOf("compile", "--v8-flags"), `--v8-flags=${flags}`, "--output", path, script);
}

async function deno(...words: string[]): Promise<void> {
  const env = Deno.env.toObject();
  delete env["RUST_BACKTRACE"];
  await must([Deno.execPath(), ...words], 300_000, env);
}

/** The options that install.sh gives to a command of Deno, up to one. */
function optionsOf(command: string, end: string): string[] {
  const script = Deno.readTextFileSync(`${ROOT}/install.sh`);
  const options = new RegExp(`deno" ${command} ((?:\\S+ |\\\\\\n\\s+)*?)${end}`).exec(script);
  if (options === null) throw new Error(`Cannot read "install.sh": no call of deno ${command}`);
  return options[1]!.split(/[\s\\]+/).filter((word) => word !== "");
}

async function must(command: readonly string[], limit: number, env: Record<string, string> = {}): Promise<void> {
  const answer = await execute(command, { limit, env, cwd: ROOT });
  if (answer.code !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${answer.stderr}`);
}

/** Looks at the machine. */
export async function machineFacts(): Promise<MachineFacts> {
  const info = Deno.readTextFileSync("/proc/cpuinfo");
  const { stdout } = await execute(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], {});
  return {
    date: new Date().toISOString().slice(0, 10),
    kernel: Deno.osRelease(),
    cpu: /model name\s*:\s*(.*)/.exec(info)?.[1] ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    memoryMiB: Math.round(Deno.systemMemoryInfo().total / 1048576),
    deno: Deno.version.deno,
    command: ["deno task bench", ...Deno.args].join(" "),
    revision: stdout.trim(),
    v8Flags: V8_FLAGS,
    load: Deno.loadavg()[0]!,
  };
}

/** Fields of /proc/PID/status and stat: what a process takes. */
export function processFacts(
  pid: number,
): { rssMiB: number; anonymousMiB: number; cpuSeconds: number; switches: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  // After the name, which may hold anything: utime and stime are fields 14 and 15 (proc(5)), in hundredths of a second.
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
  let switches = 0;
  for (const task of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${task.name}/status`);
    switches += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  }
  return {
    rssMiB: field("VmRSS") / 1024,
    anonymousMiB: field("RssAnon") / 1024,
    cpuSeconds: (Number(stat[11]) + Number(stat[12])) / 100,
    switches,
  };
}
