/**
 * Programs that get a message on standard input: the administrator's hooks, and sendmail. They run as another user than root,
 * with the lowest priority and an environment of fixed words, in a group of processes that is ended with its time.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { feed } from "../net/feed.ts";

/** A program and its arguments, what it gets on standard input, and the user that it runs as. */
export interface Job {
  readonly argv: readonly string[];
  readonly input: string;
  readonly user: string;
  /** Called just before it is started. */
  readonly starting: () => void;
}

const ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C.UTF-8", HOME: "/" };
/** Characters of a program's complaint that are kept. */
const LONGEST_COMPLAINT = 300;
/** Number of nobody where /etc/passwd has none. */
const NOBODY = 65534;

/** Runs it to its end, or until `signal`. Throws an Error that says why it failed. */
export async function runProgram({ argv, input, user, starting }: Job, signal: AbortSignal): Promise<void> {
  starting();
  const child = spawn([...wrappers(), ...argv], user);
  // It leads its group, in which all are that it starts.
  const kill = () => {
    try {
      Deno.kill(-child.pid, "SIGKILL");
    } catch {
      // All of it has ended.
    }
  };
  const overtime = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  signal.addEventListener("abort", kill);
  if (signal.aborted) kill();
  const complaint = new Complaint(child.stderr);
  try {
    void feed(child.stdin, input);
    const { code, signal: by } = await child.status;
    if (code === 0) return;
    // What it has left behind may hold its standard error open.
    kill();
    await Promise.race([complaint.ended, overtime]);
    const said = complaint.line;
    throw new Error(`${argv[0]} ended with ${by ?? `status ${code}`}${said === "" ? "" : `: ${said}`}`);
  } finally {
    signal.removeEventListener("abort", kill);
    complaint.close();
  }
}

function spawn([program, ...args]: readonly string[], user: string): Deno.ChildProcess {
  const identity = Deno.uid() === 0 ? idsOf(user) : {};
  try {
    const pipes = { stdin: "piped", stdout: "null", stderr: "piped" } as const;
    const place = { cwd: "/", env: ENVIRONMENT, clearEnv: true, detached: true };
    return new Deno.Command(program!, { args, ...identity, ...place, ...pipes }).spawn();
  } catch (error) {
    if (!/os error 1\)/.test(errorText(error))) throw error;
    throw new Error(`ftwall gave up the right to start programs as ${user} when it started: restart it`);
  }
}

/** User and group number, from /etc/passwd. */
function idsOf(user: string): { readonly uid: number; readonly gid: number } {
  const row = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":")).find(([n]) => n === user);
  if (row === undefined && user !== "nobody") throw new Error(`/etc/passwd has no user ${user}`);
  const [uid = NOBODY, gid = NOBODY] = (row ?? []).slice(2, 4).map(Number);
  if (!(uid > 0) || !(gid > 0)) throw new Error(`${user} is root by another name`);
  return { uid, gid };
}

/** Programs before the program, by which it gets no more than others have: not our priority, and none of our rights. */
function wrappers(): string[] {
  const status = Deno.readTextFileSync("/proc/thread-self/status");
  // proc_pid_stat(5): field 41, counted from behind the name, which is field 2.
  const stat = Deno.readTextFileSync("/proc/thread-self/stat");
  const policy = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[38]);
  const nice = toolAt("nice");
  return [
    ...(/^CapAmb:\s*0*$/m.test(status) ? [] : [needed("setpriv"), "--ambient-caps=-all", "--inh-caps=-all"]),
    ...(policy === 0 ? [] : [needed("chrt"), "-o", "0"]),
    // From wherever ftwall is, which may be ahead of others: the lowest there is.
    ...(nice === null ? [] : [nice, "-n", "39"]),
  ];
}

function needed(tool: string): string {
  const path = toolAt(tool);
  if (path === null) {
    throw new Error(`no program is started without ${tool}: it would have ftwall's own rights or priority`);
  }
  return path;
}

function toolAt(tool: string): string | null {
  for (const path of [`/usr/bin/${tool}`, `/bin/${tool}`]) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // The next one.
    }
  }
  return null;
}

/** Reads what a program says on standard error to the end, and keeps the last of it. */
class Complaint {
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.ended = this.#read();
  }

  /** Its last line. */
  get line(): string {
    return this.#text.trim().split("\n").at(-1)!.slice(0, LONGEST_COMPLAINT);
  }

  close(): void {
    this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return;
        this.#text = (this.#text + decoder.decode(value, { stream: true })).slice(-4 * LONGEST_COMPLAINT);
      }
    } catch {
      // Given up.
    }
  }
}
