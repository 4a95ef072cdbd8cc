/** The loader with a fixed list of protocols, so that expectations do not change with the list of classifiers. */
import type { Config, ProtocolDefaults } from "../../lib/policy/config.ts";
import { PROTOCOLS as ALL } from "../../lib/protocol/mod.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { parseConfig } from "../../lib/policy/load.ts";
import { formatProblem, type Problem } from "../../lib/policy/problem.ts";

/** Three that have classifiers, and two that could be known by DNS alone. */
export const PROTOCOLS: readonly ProtocolDefaults[] = protocolDefaults(
  ["fasttrack", "bittorrent", "edonkey", "winmx", "opennap"].map((name) => ALL.find((one) => one.name === name)!),
);

/** The problems of a text, as lines. */
export function problemsOf(text: string): string[] {
  return parseConfig(text, "f", PROTOCOLS).problems.map(formatProblem);
}

/** The config of a text that is right, warnings aside. */
export function configOf(text: string): Config {
  const { config, problems } = parseConfig(text, "f", PROTOCOLS);
  if (config === null) {
    throw new Error(`The config was refused:\n${problems.map((p: Problem) => formatProblem(p)).join("\n")}`);
  }
  return config;
}
