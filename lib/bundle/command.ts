/**
 * Running the tools that a build needs.
 * @module
 */

/** Standard output of a command that must end well, trimmed. Throws with what it said. */
export async function output(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const run = new Deno.Command(command, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    env: { LC_ALL: "C", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await run.output();
  const text = new TextDecoder();
  if (code !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${text.decode(stderr)}${text.decode(stdout)}`);
  }
  return text.decode(stdout).trim();
}

/** Runs a command that must end well. Throws with what it said. */
export async function finished(command: string, args: readonly string[], cwd?: string): Promise<void> {
  await output(command, args, cwd);
}
