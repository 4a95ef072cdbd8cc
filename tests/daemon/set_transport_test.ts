/** Which way set changes go where there is no library for them. */
import assert from "node:assert/strict";
import { SetTransport } from "../../lib/daemon/set_transport.ts";
import { KernelSets, TOOL_PACE } from "../../lib/firewall/mod.ts";

const VARIABLE = "FTWALL_LIBNFTABLES";

Deno.test("without libnftables changes go through the tool at its pace, with the reason", async () => {
  const before = Deno.env.get(VARIABLE);
  Deno.env.set(VARIABLE, "/nowhere/libnftables.so.1");
  const calls: string[] = [];
  try {
    await using transport = new SetTransport((command, args, stdin = "") => {
      calls.push([command, ...args, stdin.split("\n", 1)[0]].join(" "));
      return Promise.resolve({ code: 0, stdout: "", stderr: "" });
    });
    const way = () => transport.way;
    assert.equal(way(), null);
    for (const backend of ["iptables", "nft"] as const) {
      assert.equal(transport.use(backend), TOOL_PACE);
      assert.equal(way()?.through, "tool");
      const sets = new KernelSets(backend, transport.run, TOOL_PACE);
      sets.put({ kind: "locked", address: "10.0.0.5", port: 0 }, 60);
      await sets.settled();
      // For ipset there is no library to be missed.
      if (backend === "iptables") assert.equal(way()?.why, "");
      else assert.match(way()?.why ?? "", /^Cannot open libnftables: tried "\/nowhere\/libnftables\.so\.1"/);
    }
  } finally {
    if (before === undefined) Deno.env.delete(VARIABLE);
    else Deno.env.set(VARIABLE, before);
  }
  assert.deepEqual(calls, [
    "ipset -exist restore add ftwall_locked4 10.0.0.5 timeout 60",
    "nft -f - add element inet ftwall locked4 { 10.0.0.5 }",
  ]);
});
