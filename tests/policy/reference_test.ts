import assert from "node:assert/strict";
import { PROTOCOLS as ALL } from "../../lib/protocol/mod.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { defaultConfig, parseConfig } from "../../lib/policy/load.ts";
import { formatReference, formatReferencePage } from "../../lib/policy/reference.ts";
import { configOf, PROTOCOLS } from "./parse_config.ts";

const PAGE = new URL("../../docs/config.md", import.meta.url);

Deno.test("the reference is a config file without problems that changes nothing", () => {
  const { config, problems } = parseConfig(formatReference(PROTOCOLS), "reference", PROTOCOLS);
  assert.deepEqual(problems, []);
  assert.deepEqual(config, defaultConfig(PROTOCOLS));
});

Deno.test("the examples of groups, schedules and notifications in the reference are right", () => {
  const text = formatReference(PROTOCOLS);
  const example = (from: string): string => {
    const lines = text.slice(text.indexOf(`# ${from}`)).split("\n");
    return lines.slice(0, lines.indexOf("")).map((line) => line.replace(/^# /, "")).join("\n");
  };
  const config = configOf(`${example("[[clients]]\n")}\n${example("[[schedule]]\n")}\n${example("[[notify]]\n")}\n`);
  assert.equal(config.clients[0]?.name, "staff");
  assert.equal(config.schedule[0]?.protocols[0]?.action, "lock");
  assert.deepEqual(config.notify[0]?.mail, ["admin@example.org"]);
});

Deno.test("every key of the config is in the reference", () => {
  const text = formatReference(PROTOCOLS);
  const visit = (value: unknown, keys: readonly string[]): void => {
    const inner = Array.isArray(value) ? value.filter((element) => typeof element === "object") : value;
    if (typeof inner === "object" && inner !== null && Object.keys(inner).length > 0) {
      for (const [key, below] of Object.entries(inner)) visit(below, [...keys, key]);
      return;
    }
    const key = (keys.at(-1) ?? "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (!["first", "last"].includes(key)) {
      assert.match(text, new RegExp(`^(# )?\\[*${key}( =|:|\\])`, "m"), keys.join("."));
    }
  };
  visit(defaultConfig(PROTOCOLS), []);
});

Deno.test("docs/config.md is the generated reference (FTWALL_UPDATE=1 writes it)", () => {
  const page = formatReferencePage(protocolDefaults(ALL));
  if (Deno.env.get("FTWALL_UPDATE") === "1") Deno.writeTextFileSync(PAGE, page);
  assert.equal(Deno.readTextFileSync(PAGE), page, "run this test with FTWALL_UPDATE=1 and commit docs/config.md");
});
