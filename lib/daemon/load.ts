/**
 * Loads the config for a command.
 * @module
 */
import { PROTOCOLS } from "../protocol/mod.ts";
import type { Config, ProtocolDefaults } from "../policy/config.ts";
import { protocolDefaults } from "../policy/defaults.ts";
import { loadConfig, type Loaded } from "../policy/load.ts";
import { formatProblem } from "../policy/problem.ts";
import { Failure, USAGE } from "../report/failure.ts";
import { complain } from "../report/output.ts";
import type { ServiceMemory } from "./service_memory.ts";

/** The built-in config of each protocol that this build knows. */
export function knownProtocols(): readonly ProtocolDefaults[] {
  return protocolDefaults(PROTOCOLS);
}

/** Loads the config at `path`, or the default one. */
export function loadAny(path: string | undefined): Loaded {
  return loadConfig({ path, protocols: knownProtocols() });
}

/** A config that a command can work with. */
export interface Usable {
  readonly config: Config;
  readonly loaded: Loaded;
  /** Why another config than the one that was asked for is used, a sentence each; empty where it is not. */
  readonly instead: readonly string[];
}

/**
 * For a service: a config with errors leaves the last good one in force. Throws a {@link Failure} where there is none.
 */
export function loadForService(path: string | undefined, memory: ServiceMemory): Usable {
  const wanted = loadAny(path);
  if (wanted.config !== null) {
    const failure = wanted.missingDefault ? "" : memory.keepConfig(wanted.path);
    if (failure !== "") complain(`ftwall: ${failure}`);
    return usable(wanted);
  }
  const kept = memory.hasConfig ? loadAny(memory.config) : null;
  if (kept === null || kept.config === null) return usable(wanted);
  const instead = [
    `The config "${wanted.path}" CANNOT BE USED: the last good one, "${kept.path}", is in force. Mend it, then: ftwall reload`,
    ...wanted.problems.map(formatProblem),
  ];
  complain(...instead.map((line) => `ftwall: ${line}`));
  return { config: kept.config, loaded: kept, instead };
}

/**
 * The same for commands that need a config. Throws a {@link Failure} that lists every error; prints warnings to standard
 * error, and a line where there is no file and built-in defaults are used.
 */
export function loadForCommand(path: string | undefined): Usable {
  return usable(loadAny(path));
}

function usable(loaded: Loaded): Usable {
  if (loaded.config === null) {
    const lines = loaded.problems.map((problem) => `  ${formatProblem(problem)}`);
    throw new Failure(USAGE, [`Cannot use the config "${loaded.path}":`, ...lines].join("\n"));
  }
  for (const problem of loaded.problems) complain(`ftwall: ${formatProblem(problem)}`);
  if (loaded.missingDefault) complain(`ftwall: There is no config at "${loaded.path}": built-in defaults are used`);
  return { config: loaded.config, loaded, instead: [] };
}
