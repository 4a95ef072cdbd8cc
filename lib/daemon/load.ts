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

/** The built-in config of each protocol that this build knows. */
export function knownProtocols(): readonly ProtocolDefaults[] {
  return protocolDefaults(PROTOCOLS);
}

/** Loads the config at `path`, or the default one. */
export function loadAny(path: string | undefined): Loaded {
  return loadConfig({ path, protocols: knownProtocols() });
}

/**
 * The same for commands that need a config. Throws a {@link Failure} that lists every error; prints warnings to standard
 * error, and a line where there is no file and built-in defaults are used.
 */
export function loadForCommand(path: string | undefined): { readonly config: Config; readonly loaded: Loaded } {
  const loaded = loadAny(path);
  if (loaded.config === null) {
    const lines = loaded.problems.map((problem) => `  ${formatProblem(problem)}`);
    throw new Failure(USAGE, [`Cannot use the config "${loaded.path}":`, ...lines].join("\n"));
  }
  for (const problem of loaded.problems) complain(`ftwall: ${formatProblem(problem)}`);
  if (loaded.missingDefault) complain(`ftwall: There is no config at "${loaded.path}": built-in defaults are used`);
  return { config: loaded.config, loaded };
}
