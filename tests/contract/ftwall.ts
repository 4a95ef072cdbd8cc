/**
 * ftwall as its users meet it: arguments in; exit status, standard output and standard error out.
 */

const ROOT = new URL("../../", import.meta.url).pathname;

/** What a command left. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs ftwall from source; `stdin` is what it can read. */
export async function ftwall(args: readonly string[], stdin?: Uint8Array<ArrayBuffer>): Promise<Ran> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", `${ROOT}main.ts`, ...args],
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const output = child.output();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(stdin);
    await writer.close();
  }
  const { code, stdout, stderr } = await output;
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** The lines of a JSON answer; any other line on standard output is an error. */
export function objects(ran: Ran): Record<string, unknown>[] {
  return ran.out.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}
