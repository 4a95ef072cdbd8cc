import assert from "node:assert/strict";
import { logFormat } from "../../lib/daemon/options.ts";
import type { LogFormat } from "../../lib/report/event_format.ts";
import { configOf } from "../policy/parse_config.ts";

Deno.test("what the journal reads has priorities and one time, unless another form is asked for", () => {
  const form = (journal: boolean, config: string, option?: LogFormat) =>
    logFormat({ logFormat: option } as never, configOf(config), { journal } as never);
  assert.equal(form(true, ""), "syslog");
  assert.equal(form(false, ""), "text");
  assert.equal(form(true, '[log]\nformat = "json"\n'), "json");
  assert.equal(form(true, "", "text"), "text");
});
