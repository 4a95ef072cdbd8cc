/**
 * Which tests cannot run on this machine, and which Debian package would change that.
 */
import { hasTool, skipReason } from "./topology.ts";

/** Gives a maker of test names that ends in why the test is skipped, with `ignore` to match; `other` is one more reason. */
export function missing(
  tools: readonly (readonly [tool: string, debian: string])[],
  other: string | null = null,
): (name: string) => { name: string; ignore: boolean } {
  const absent = tools.find(([tool]) => !hasTool(tool));
  const reason = skipReason() ?? (absent === undefined ? other : `no ${absent[0]}, package ${absent[1]}`);
  return (name) => ({ name: reason === null ? name : `${name} (skipped: ${reason})`, ignore: reason !== null });
}
