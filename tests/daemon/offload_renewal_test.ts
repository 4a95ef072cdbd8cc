import assert from "node:assert/strict";
import { type Backend, RULES_DEFAULTS, type Runner } from "../../lib/firewall/mod.ts";
import { OffloadRenewal } from "../../lib/daemon/offload_renewal.ts";

/** A renewal on a kernel whose timeouts are \`timeouts\`, and the commands that it gives. */
function renewal(backend: Backend, timeouts: string[]): { renewal: OffloadRenewal; commands: string[] } {
  const commands: string[] = [];
  const run: Runner = (command, args, input = "") => {
    if (command !== "cat" && command !== "sh") commands.push([command, ...args.slice(0, 1), input.trim()].join(" "));
    if (command === "tee") timeouts[args[0]!.includes("tcp") ? 0 : 1] = input.trim();
    const stdout = command === "iptables" ? "-A ftwall_shortcut -j FLOWOFFLOAD\n" : timeouts.join("\n");
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
  const options = () => ({ ...RULES_DEFAULTS, offload: "software" as const });
  const note = (text: string) => assert.fail(text);
  return { renewal: new OffloadRenewal({ run, options, backend: () => backend, note }), commands };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("with iptables marked flows are taken back, deleted ones go by themselves, and an end restores the timeouts", async () => {
  const timeouts = ["30", "60"];
  const { renewal: flows, commands } = renewal("iptables", timeouts);
  await flows.started();
  assert.deepEqual(timeouts, ["30", "60"]);
  commands.length = 0;
  flows.changed("deleted");
  flows.interfacesChanged();
  await turn();
  assert.deepEqual(commands, []);
  flows.changed("marked");
  await turn();
  assert.deepEqual(timeouts, ["0", "0"]);
  const first = commands.length;
  flows.changed("marked");
  await turn();
  assert.deepEqual([commands.length, timeouts], [2 * first, ["0", "0"]], "once more for what came meanwhile");
  await flows[Symbol.asyncDispose]();
  assert.deepEqual(timeouts, ["30", "60"]);
  flows.changed("marked");
  await turn();
  assert.deepEqual(timeouts, ["30", "60"]);
});

Deno.test("what a ftwall that was killed left is put back", async () => {
  const timeouts = ["0", "0"];
  const { renewal: flows } = renewal("iptables", timeouts);
  await flows.started();
  await turn();
  assert.deepEqual(timeouts, ["0", "0"], "what is silent may be in the flowtable");
  await flows[Symbol.asyncDispose]();
  assert.deepEqual(timeouts, ["30", "30"]);
});

Deno.test("with nft the flowtable is made anew for every change", async () => {
  const { renewal: flows, commands } = renewal("nft", []);
  for (
    const change of [() => flows.changed("deleted"), () => flows.changed("marked"), () => flows.interfacesChanged()]
  ) {
    change();
    await turn();
  }
  await flows.started();
  await flows[Symbol.asyncDispose]();
  assert.equal(commands.length, 3);
  assert.ok(commands.every((command) => command.startsWith("nft -f flush chain inet ftwall shortcut")));
});
