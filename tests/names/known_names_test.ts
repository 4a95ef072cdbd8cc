import assert from "node:assert/strict";
import { addConfigNames } from "../../lib/names/known_names.ts";
import { Names } from "../../lib/names/names.ts";
import { configOf } from "../policy/parse_config.ts";

Deno.test("a group of one address or one MAC names that client, above what a lease says", () => {
  const names = new Names();
  names.add({ name: "lease", address: "192.168.1.5", mac: "" });
  addConfigNames(
    names,
    configOf(`
[[clients]]
name = "director"
addresses = ["192.168.1.5"]
[[clients]]
name = "camera"
macs = ["02:00:00:00:00:0a"]
[[clients]]
name = "staff"
addresses = ["192.168.2.0/24"]
history = "none"
[[clients]]
name = "six"
addresses = ["fd00::5"]
`),
  );
  assert.deepEqual(names.all(), ["camera", "director", "six"]);
  assert.equal(names.of("192.168.1.5"), "director");
  assert.deepEqual(names.find("camera"), ["02:00:00:00:00:0a"]);
});
