/**
 * `ftwall check`.
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { USAGE } from "../report/failure.ts";
import { configOption, jsonOption } from "./options.ts";
import { complain, print } from "../report/output.ts";
import type { Ended } from "./command_line.ts";

/** Makes the command. */
export function checkCommand(ended: Ended): CommandUnknownOpts {
  return new Command("check")
    .description("load the config, print every problem with file, line and key, then the config in force")
    .addOption(configOption())
    .option("-q, --quiet", "problems only")
    .addOption(jsonOption())
    .option("--reference", "print every key with its default and what it means, and load nothing")
    .addHelpText(
      "after",
      "\nExit codes: 0 the config can be used, 2 it cannot.\nExample: ftwall check --config new.toml && cp new.toml /etc/ftwall/ftwall.toml && ftwall reload",
    )
    .action(async (options) => {
      if (options.reference === true) {
        const { CLASSIFIERS } = await import("../protocol/mod.ts");
        const { protocolDefaults } = await import("../policy/defaults.ts");
        const { formatReference } = await import("../policy/reference.ts");
        print(formatReference(protocolDefaults(CLASSIFIERS.map((classifier) => classifier.name))).trimEnd());
        return;
      }
      const { loadAny } = await import("../daemon/load.ts");
      const { directoryProblems } = await import("../daemon/marker_files.ts");
      const loaded = loadAny(options.config);
      const problems = [...loaded.problems, ...directoryProblems(loaded)];
      if (loaded.config === null) ended.code = USAGE;
      if (options.json === true) {
        const { jsonLine } = await import("../report/plain.ts");
        const hash = loaded.config === null ? null : (await import("../policy/hash.ts")).hashConfig(loaded.config);
        print(jsonLine({
          ok: loaded.config !== null,
          path: loaded.missingDefault ? null : loaded.path,
          hash,
          problems,
          ...(options.quiet === true ? {} : { config: loaded.config }),
        }));
        return;
      }
      const { formatProblem } = await import("../policy/problem.ts");
      complain(...problems.map(formatProblem));
      if (loaded.missingDefault) {
        complain(`ftwall: There is no config at "${loaded.path}": built-in defaults are used`);
      }
      if (loaded.config === null) {
        const errors = loaded.problems.filter((problem) => problem.severity === "error").length;
        complain(`ftwall: Cannot use the config "${loaded.path}": ${errors} ${errors === 1 ? "error" : "errors"}`);
      } else if (options.quiet !== true) {
        const { formatEffective } = await import("../policy/write.ts");
        print(formatEffective(loaded.config).trimEnd());
      }
    });
}
