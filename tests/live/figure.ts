/**
 * What a live test measured, beside what it asserts.
 */

/** Prints one line of it. */
export function figure(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`  ${text}\n`));
}
