/**
 * Running the tools of the firewall; tests put a runner of their own in the place.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { feed } from "../net/feed.ts";

/** What a tool answered. */
export interface Ran {
  /** Exit status; 127 when the tool is not there, as a shell says it. */
  readonly code: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard error, trimmed. */
  readonly stderr: string;
}

/** Runs a tool with this standard input and waits for its end. Never throws. */
export type Runner = (command: string, args: readonly string[], stdin?: string) => Promise<Ran>;

/** The back ends that rules can be written for. */
export type Backend = "nft" | "iptables";

/** A firewall tool is missing or refused what was asked. The message says what was tried and how to mend it. */
export class FirewallError extends Error {
  /** Name for logs. */
  override readonly name = "FirewallError";
  /** True when something must be installed or permitted first (exit code 3), false for a failure at run time. */
  readonly missing: boolean;

  /** `missing`: something must be installed or permitted first. */
  constructor(message: string, missing = false) {
    super(message);
    this.missing = missing;
  }
}

/** The real runner. Tools of the system's directories are found even where PATH lacks /usr/sbin. */
export async function runCommand(command: string, args: readonly string[], stdin = ""): Promise<Ran> {
  try {
    const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
    const tool = new Deno.Command(command, {
      args: [...args],
      env: { PATH: path, LC_ALL: "C" },
      stdin: stdin === "" ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    });
    // Without streams: those of one process keep 100 KB until V8 collects.
    const { code, stdout, stderr } = stdin === "" ? await tool.output() : await fed(tool.spawn(), stdin);
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr).trim() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { code: 127, stdout: "", stderr: `${command}: not found` };
    return { code: 126, stdout: "", stderr: `${command}: ${errorText(error)}` };
  }
}

async function fed(child: Deno.ChildProcess, stdin: string): Promise<Deno.CommandOutput> {
  const answer = child.output();
  await feed(child.stdin, stdin);
  return await answer;
}

/** The first lines of a tool's complaint, short enough for one sentence. */
export function reason(answer: Ran): string {
  // An nft rule that only the kernel refuses, for the one statement that is often left out of it.
  if (/No such file or directory/.test(answer.stderr) && /queue num/.test(answer.stderr)) {
    return "this kernel has no nft queue statement (module nft_queue, OpenWrt kmod-nft-queue)";
  }
  const text = answer.stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(0, 2).join(" ");
  return text === "" ? `exit status ${answer.code}` : text.slice(0, 300);
}
