/**
 * `ftwall doctor`: what is missing on this machine, and how to mend it.
 * @module
 */
import { loadAny } from "../daemon/load.ts";
import { errorText } from "../net/error_text.ts";
import { print } from "../report/output.ts";
import { counted, jsonLine } from "../report/plain.ts";
import { type Command, command } from "./command.ts";
import { CONFIG, JSON_OUTPUT, QUEUE, readPath } from "./options.ts";

/** What a check found. `fail` means that ftwall cannot work so. */
export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  readonly found: string;
  /** How to mend it. */
  readonly mend?: string;
}

/** One thing to look at. A check that throws counts as a warning: what could not be looked at may still work. */
export interface Check {
  readonly name: string;
  readonly look: () => Finding | Promise<Finding>;
}

/** A finding with the name of its check. */
export interface Examined extends Finding {
  readonly check: string;
}

/** The command. */
export const doctor: Command = command({
  text: "check kernel, library, permissions, rules, queue and conflicts; say how to mend each",
  options: {
    config: CONFIG,
    queue: QUEUE,
    control: {
      value: "path",
      text: "control socket of the daemon (default: that of the config)",
      read: readPath,
    },
    json: JSON_OUTPUT,
  },
  after: `Exit codes, for monitoring: 0 ok, 1 warning, 2 broken: ftwall cannot work here.
Example: ftwall doctor --json | jq -r '.checks[] | select(.level != "ok") | .found'`,
  async run({ config, queue, control, json }) {
    const { doctorChecks } = await import("./doctor_checks.ts");
    const results = await examine(doctorChecks({ loaded: loadAny(config), queues: queue, control }));
    const level = worstOf(results);
    if (json === true) print(jsonLine({ ok: level === "ok", level, checks: results }));
    else print(...doctorText(results, Deno.stdout.isTerminal() && !Deno.noColor));
    return EXIT_CODES[level];
  },
});

/** Runs the checks in order. */
export async function examine(checks: readonly Check[]): Promise<Examined[]> {
  const results: Examined[] = [];
  for (const { name, look } of checks) {
    try {
      results.push({ check: name, ...await look() });
    } catch (error) {
      const found = errorText(error);
      results.push({ check: name, level: "warn", found: `could not be looked at: ${found}` });
    }
  }
  return results;
}

/** Exit codes as monitoring expects them (Nagios plugins): 0 OK, 1 WARNING, 2 CRITICAL. */
export const EXIT_CODES: Readonly<Record<Finding["level"], number>> = { ok: 0, warn: 1, fail: 2 };

/** The worst level found. */
export function worstOf(results: readonly Examined[]): Finding["level"] {
  const has = (level: Finding["level"]) => results.some((result) => result.level === level);
  return has("fail") ? "fail" : has("warn") ? "warn" : "ok";
}

/** The findings as lines of text. */
export function doctorText(results: readonly Examined[], colour: boolean): string[] {
  const width = Math.max(0, ...results.map((result) => result.check.length));
  const codes = { ok: "32", warn: "33", fail: "31" };
  const lines: string[] = [];
  for (const { check, level, found, mend } of results) {
    const mark = level.padEnd(4);
    lines.push(`${colour ? `\x1b[${codes[level]}m${mark}\x1b[0m` : mark}  ${check.padEnd(width)}  ${found}`);
    if (mend !== undefined) lines.push(`${" ".repeat(width + 8)}→ ${mend}`);
  }
  const failed = results.filter((result) => result.level === "fail").length;
  const warned = results.filter((result) => result.level === "warn").length;
  lines.push("");
  lines.push(
    failed > 0
      ? `broken: ${failed} of ${counted(results.length, "check")} failed`
      : warned > 0
      ? `ftwall can work here; ${warned} of ${counted(results.length, "check")} warned`
      : "ftwall can work here; nothing to remark",
  );
  return lines;
}
