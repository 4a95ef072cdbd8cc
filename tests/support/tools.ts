/** Tools of this machine that a test can use, and skips without. */

/** Whether a tool is installed. */
export async function has(tool: string): Promise<boolean> {
  try {
    await new Deno.Command(tool, { args: ["--version"], stdin: "null", stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

/** What the name of a test that needs a tool ends with. */
export function unless(there: boolean, tool: string): string {
  return there ? "" : ` (skipped: ${tool} is not installed)`;
}
