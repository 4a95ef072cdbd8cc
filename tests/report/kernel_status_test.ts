import assert from "node:assert/strict";
import { buildStatus, type KernelStatus, type RightsStatus, type WatchdogStatus } from "../../lib/report/status.ts";
import { statusText } from "../../lib/report/status_text.ts";
import { NOW, source } from "../support/status.ts";

const WELL: KernelStatus = {
  rules: { present: true, backend: "nft", differs: [] },
  sets: { in_use: true, pending: 0, sent: 12, failed: 0, discarded: 0 },
  conntrack: { in_use: true, accounting: true, cut: 3, again: 4, failed: 0 },
  sender: { in_use: true },
  lan: { interfaces: ["br-lan"], missing: [], prefixes: ["2001:db8::/64"], listening: ["br-lan"] },
  offload: [],
  bridged: false,
};

function lines(kernel: KernelStatus): string[] {
  const status = buildStatus({ ...source(), kernel: () => kernel });
  assert.deepEqual(status.kernel, kernel);
  const text = statusText(status, NOW);
  const from = text.indexOf("In the kernel:") + 1;
  return text.slice(from, text.indexOf("", from)).map((line) => line.trim().replace(/ +/g, " "));
}

Deno.test("status tells what is done in the kernel", () => {
  assert.deepEqual(lines(WELL), [
    "rules in place (nft)",
    "sets locked clients and blocked peers, 12 changes",
    "connections 3 cut, 4 looked at again",
    "home 2001:db8::/64 (on-link at br-lan)",
  ]);
  const sets = { ...WELL.sets, through: "tool", through_why: "Cannot open libnftables" } as const;
  const failed = { ...WELL.sets, through: "library", failed: 2, last_error: "No such set" } as const;
  assert.deepEqual([sets, failed].map((each) => lines({ ...WELL, sets: each })[1]), [
    "sets locked clients and blocked peers, 12 changes through the tool (Cannot open libnftables)",
    "sets locked clients and blocked peers, 12 changes through the library, 2 FAILED: No such set",
  ]);
});

Deno.test("status tells why something is not done in the kernel, and what is in the way", () => {
  const found = lines({
    rules: { present: false, backend: null, differs: [] },
    sets: { in_use: false, why: "there are no rules of ftwall" },
    conntrack: { in_use: false, why: "no module", accounting: false, cut: 0, again: 0, failed: 0 },
    sender: { in_use: false, why: "no permission" },
    lan: { interfaces: [], missing: ["br-lan"], prefixes: [], listening: [] },
    offload: ['nft flowtable "f"'],
    bridged: true,
  });
  assert.deepEqual(found, [
    "rules NONE: no packet reaches ftwall; run: ftwall rules --apply",
    "sets off: there are no rules of ftwall",
    "connections cannot be cut or looked at again: no module",
    "accounting OFF: first packets cannot be told from later ones; run: ftwall rules --apply",
    "decoys off: no permission",
    "lan there is no interface br-lan",
    'OFFLOAD nft flowtable "f" takes packets past ftwall; see ftwall doctor',
    "bridge traffic between clients on it passes the rules too, which let it through; see ftwall doctor",
  ]);
});

Deno.test("status tells what ends a daemon that hangs, how the one before ended, and what this one may do", () => {
  const head = (watchdog: WatchdogStatus, rights: RightsStatus) => {
    const status = buildStatus({ ...source(), watchdog: () => watchdog, rights: () => rights });
    return statusText(status, NOW).filter((line) => /^(?:watchdog|rights) /.test(line));
  };
  const rights = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW"], no_new_privs: true, calls_refused: true };
  assert.deepEqual(head({ in_use: true, limit_seconds: 2, service_manager: true }, rights), [
    "watchdog ends ftwall after 2 s without verdicts",
    "rights   CAP_NET_ADMIN, CAP_NET_RAW, no way to more, dangerous system calls are refused",
  ]);
  const earlier = { pid: 7, stood_still_seconds: 2.3, watchdog: true };
  const all = Array.from({ length: 41 }, (_, i) => `CAP_${i}`);
  const kept = { capabilities: all, no_new_privs: false, calls_refused: false, why: "it runs from source" };
  assert.deepEqual(head({ in_use: false, why: "switched off", service_manager: false, earlier }, kept), [
    "watchdog off: switched off; the process before this one (7) was ENDED BY IT: no verdict for 2.3 s",
    "rights   41 capabilities, programs it starts may have more (it runs from source)",
  ]);
});
