/**
 * Loading the config for a command: problems to standard error, the config to the caller.
 * @module
 */
import { CLASSIFIERS } from "../protocol/mod.ts";
import type { Config } from "../policy/config.ts";
import { protocolDefaults } from "../policy/defaults.ts";
import { loadConfig, type Loaded } from "../policy/load.ts";
import { formatProblem } from "../policy/problem.ts";
import { Failure, USAGE } from "../report/failure.ts";
import { complain } from "../report/output.ts";

/** Loads the config at `path`, or the default one, with the protocols that this build knows. */
export function loadAny(path: string | undefined): Loaded {
  return loadConfig({ path, protocols: protocolDefaults(CLASSIFIERS.map((classifier) => classifier.name)) });
}

/**
 * The same for commands that cannot do without: throws a {@link Failure} that lists every error, prints warnings, and says
 * where the built-in defaults are used.
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
