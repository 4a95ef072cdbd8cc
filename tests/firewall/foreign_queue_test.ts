import assert from "node:assert/strict";
import { foreignQueueRule, type Runner } from "../../lib/firewall/mod.ts";

/** Tools that print this, the others are missing. */
function tools(printed: Readonly<Record<string, string>>): Runner {
  return (command) => {
    const stdout = printed[command];
    return Promise.resolve({ code: stdout === undefined ? 127 : 0, stdout: stdout ?? "", stderr: "" });
  };
}

Deno.test("rules of others that queue to our numbers are found in either tool, ours and those to other queues are not", async () => {
  const found = (printed: Readonly<Record<string, string>>) => foreignQueueRule(tools(printed), [2, 3]);
  assert.equal(await found({}), null);
  const iptables = "*mangle\n-A FORWARD -j NFQUEUE --queue-num 3 --queue-bypass\nCOMMIT\n";
  assert.equal(await found({ "iptables-save": iptables }), "-A FORWARD -j NFQUEUE --queue-num 3 --queue-bypass");
  assert.equal(
    await found({ "ip6tables-save": "-A x -j NFQUEUE --queue-balance 0:2" }),
    "-A x -j NFQUEUE --queue-balance 0:2",
  );
  assert.equal(await found({ nft: "\t\tmeta l4proto udp queue flags bypass,fanout to 0-9\n" }) === null, false);
  assert.equal(await found({ nft: "udp dport 9 queue num 2 bypass" }), "udp dport 9 queue num 2 bypass");
  assert.equal(await found({ "iptables-save": "-A ftwall_first -j NFQUEUE --queue-num 2" }), null);
  assert.equal(await found({ "iptables-save": "-A x -j NFQUEUE --queue-num 20", nft: "queue num 1" }), null);
});
