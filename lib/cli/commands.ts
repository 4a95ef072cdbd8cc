/**
 * The commands of ftwall, in the order of the help. Each is loaded when it is needed.
 * @module
 */
import type { Command } from "./command.ts";

/** Loads a command by its name. */
export const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["run", async () => (await import("./run.ts")).run],
  ["check", async () => (await import("./check.ts")).check],
  ["rules", async () => (await import("./rules.ts")).rules],
  ["reload", async () => (await import("./reload.ts")).reload],
  ["status", async () => (await import("./status.ts")).status],
  ["top", async () => (await import("./top.ts")).top],
  ["lock", async () => (await import("./clients.ts")).lock],
  ["unlock", async () => (await import("./clients.ts")).unlock],
  ["allow", async () => (await import("./clients.ts")).allow],
  ["replay", async () => (await import("./replay.ts")).replay],
  ["report", async () => (await import("./history.ts")).report],
  ["log", async () => (await import("./history.ts")).log],
  ["explain", async () => (await import("./clients.ts")).explain],
  ["notify", async () => (await import("./notify.ts")).notify],
  ["doctor", async () => (await import("./doctor.ts")).doctor],
  ["selftest", async () => (await import("./selftest.ts")).selftest],
  ["completions", async () => (await import("./completions.ts")).completions],
  ["version", async () => (await import("./version.ts")).version],
]);

/** Loads all of them. */
export async function allCommands(): Promise<Map<string, Command>> {
  const commands = new Map<string, Command>();
  for (const [name, load] of COMMANDS) commands.set(name, await load());
  return commands;
}
