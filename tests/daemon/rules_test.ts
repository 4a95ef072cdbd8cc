import assert from "node:assert/strict";
import { StaleRules } from "../../lib/daemon/rules.ts";
import { configOf } from "../policy/parse_config.ts";

Deno.test("each reload warns of outdated rules until new ones are applied", async () => {
  const config = configOf("");
  const warned: string[] = [];
  let fits = false;
  let asked = 0;
  const rules = new StaleRules(() => {
    asked++;
    return Promise.resolve(fits);
  }, (text) => warned.push(text));
  assert.deepEqual(await rules.look(config, false), []);
  assert.equal(asked, 0);
  const told = await rules.look(config, true);
  assert.match(told.join(), /^The firewall rules in force are not those of this config; run: ftwall rules --apply$/);
  assert.deepEqual(await rules.look(config, false), told);
  assert.deepEqual(warned, [...told, ...told]);
  fits = true;
  assert.deepEqual([await rules.look(config, false), await rules.look(config, false)], [[], []]);
  assert.equal(asked, 3);
});

Deno.test("rules that cannot be read are not said to be wrong", async () => {
  const rules = new StaleRules(() => Promise.reject(new Error("no nft")), assert.fail);
  assert.deepEqual(await rules.look(configOf(""), true), []);
});
