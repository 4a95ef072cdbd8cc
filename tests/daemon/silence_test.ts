import assert from "node:assert/strict";
import { Silence, silenceText } from "../../lib/daemon/silence.ts";
import type { KernelStatus } from "../../lib/report/status.ts";

const KERNEL: KernelStatus = {
  rules: { present: true, backend: "nft", differs: [] },
  sets: { in_use: true },
  conntrack: { in_use: true, accounting: true, cut: 0, again: 0, failed: 0 },
  sender: { in_use: true },
  lan: { interfaces: [], missing: [], prefixes: [], listening: [] },
  offload: [],
  bridged: false,
};

Deno.test("a minute without a packet is told once, with what to look at; a packet ends the waiting", () => {
  const silence = new Silence();
  const at = (now: number, packets: number) => silence.beat(now, () => packets, () => KERNEL, [0]);
  assert.equal(at(5000, 0), null);
  assert.equal(at(64_000, 0), null);
  assert.match(at(65_000, 0)!, /^No packet has come to queue 0 within a minute: does traffic .*lan and home/);
  assert.equal(at(200_000, 0), null);
  const busy = new Silence();
  busy.beat(0, () => 0, () => KERNEL, [0]);
  assert.equal(busy.beat(60_000, () => 1, () => KERNEL, [0]), null);
  assert.equal(busy.beat(600_000, () => 1, () => KERNEL, [0]), null);
});

Deno.test("what keeps packets away is named: no rules, other rules, a missing interface, offload", () => {
  const none = { ...KERNEL, rules: { present: false, backend: null, differs: [] } };
  assert.match(
    silenceText(none, [0, 3]),
    /queues 0 to 3 .*there are no firewall rules of ftwall \(ftwall rules --apply\)/,
  );
  const other = { ...KERNEL, rules: { present: true, backend: "nft", differs: ["made from other options"] } };
  assert.match(silenceText(other, [0]), /not those of this config: made from other options/);
  const lan = { ...KERNEL, lan: { ...KERNEL.lan, missing: ["br-lan"] }, offload: ["nft flowtable"] };
  assert.match(silenceText(lan, [0]), /no interface br-lan \(\[network\] lan\); nft flowtable takes packets past/);
});
