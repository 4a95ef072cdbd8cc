import assert from "node:assert/strict";
import { pastRules } from "../../lib/daemon/kernel_state.ts";
import { whyNot } from "../../lib/daemon/rules.ts";
import type { Offload } from "../../lib/firewall/mod.ts";
import { configOf } from "../policy/parse_config.ts";

Deno.test("bridged traffic passes the rules; offloaded traffic goes past them", () => {
  const offload = (name: Offload["name"], found: string): Offload => ({ name, found, advice: "" });
  const all = [offload("flowtable", "nft flowtable"), offload("bridge", "sysctl")];
  assert.deepEqual(pastRules(all), { offload: ["nft flowtable"], bridged: true });
  assert.deepEqual(pastRules([]), { offload: [], bridged: false });
});

Deno.test("rules without sets may have been made so: no tool is said to be missing", () => {
  const rules = {
    present: true,
    backend: "nft",
    stamp: "",
    sets: false,
    differs: [],
    whole: true,
    legacy: false,
  } as const;
  const why = whyNot(configOf(""), rules);
  assert.match(why, /^the rules were made without sets: run ftwall rules --apply/);
  assert.doesNotMatch(why, /install/);
  assert.equal(whyNot(configOf(""), { ...rules, sets: true }), "");
  assert.match(whyNot(configOf('[lock]\nkernel_sets = "off"\n'), rules), /^switched off/);
});
