/**
 * `ftwall check`.
 * @module
 */
import { knownProtocols, loadAny } from "../daemon/load.ts";
import { directoryProblems } from "../daemon/marker_files.ts";
import { hashConfig } from "../policy/hash.ts";
import { formatProblem } from "../policy/problem.ts";
import { formatReference } from "../policy/reference.ts";
import { formatEffective, withoutSecrets } from "../policy/write.ts";
import { DONE, USAGE } from "../report/failure.ts";
import { complain, print } from "../report/output.ts";
import { counted, jsonLine } from "../report/plain.ts";
import { type Command, command } from "./command.ts";
import { CONFIG, JSON_OUTPUT } from "./options.ts";

/** The command. */
export const check: Command = command({
  text: "load the config, print every problem with file, line and key, the config in force, and the number of problems",
  options: {
    config: CONFIG,
    quiet: { short: "q", text: "problems only" },
    json: JSON_OUTPUT,
    reference: { text: "print every key with its default and what it means, and load nothing" },
  },
  after: `Exit codes: 0 the config can be used, 2 it cannot.
Example: ftwall check --config new.toml && cp new.toml /etc/ftwall/ftwall.toml && ftwall reload`,
  run({ config: path, quiet, json, reference }) {
    if (reference === true) {
      print(formatReference(knownProtocols()).trimEnd());
      return DONE;
    }
    const loaded = loadAny(path);
    const { config } = loaded;
    const problems = [...loaded.problems, ...directoryProblems(loaded)];
    const code = config === null ? USAGE : DONE;
    if (json === true) {
      print(jsonLine({
        ok: config !== null,
        path: loaded.missingDefault ? null : loaded.path,
        hash: config === null ? null : hashConfig(config),
        problems,
        ...(quiet === true ? {} : { config: config === null ? null : withoutSecrets(config) }),
      }));
      return code;
    }
    complain(...problems.map(formatProblem));
    if (loaded.missingDefault) complain(`ftwall: There is no config at "${loaded.path}": built-in defaults are used`);
    if (config === null) {
      const errors = loaded.problems.filter((problem) => problem.severity === "error").length;
      complain(`ftwall: Cannot use the config "${loaded.path}": ${counted(errors, "error")}`);
    } else if (quiet !== true) {
      // Errors leave no config. A comment: what is printed is a config itself.
      const end = problems.length === 0 ? "no problems" : `${counted(problems.length, "warning")}, see above`;
      print(formatEffective(config).trimEnd(), "", `# ${end}`);
    }
    return code;
  },
});
