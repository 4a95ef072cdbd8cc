import assert from "node:assert/strict";
import { doctorText, examine, EXIT_CODES, worstOf } from "../../lib/cli/doctor.ts";
import {
  checkCapabilities,
  checkClock,
  checkPage,
  controlOf,
  queueFinding,
  setsFinding,
} from "../../lib/cli/doctor_checks.ts";
import { readQueues, readSeconds } from "../../lib/cli/options.ts";
import { loadAny } from "../../lib/daemon/load.ts";

Deno.test("doctor fails for what ftwall needs; a check that throws is only a warning", async () => {
  const results = await examine([
    { name: "good", look: () => ({ level: "ok", found: "fine" }) },
    { name: "odd", look: () => Promise.reject(new Error("no /proc")) },
  ]);
  assert.deepEqual(EXIT_CODES, { ok: 0, warn: 1, fail: 2 });
  assert.equal(worstOf(results.slice(0, 1)), "ok");
  assert.equal(worstOf(results), "warn");
  const failed = [...results, { check: "library", level: "fail", found: "missing", mend: "install it" } as const];
  assert.equal(worstOf(failed), "fail");
  assert.deepEqual(doctorText(failed, false), [
    "ok    good     fine",
    "warn  odd      could not be looked at: no /proc",
    "fail  library  missing",
    "               → install it",
    "",
    "broken: 1 of 3 checks failed",
  ]);
});

Deno.test("capabilities are read from the status of the process", () => {
  assert.equal(checkCapabilities("Name:\tx\nCapEff:\t000001ffffffffff\n").level, "ok");
  assert.equal(checkCapabilities("CapEff:\t0000000000001000\n").level, "warn");
  assert.equal(checkCapabilities("CapEff:\t0000000000002000\n").level, "fail");
  assert.equal(checkCapabilities("").level, "warn");
});

Deno.test("doctor tells how sets are changed, and remarks on a program for each change", () => {
  const nft = {
    backend: "nft",
    offload: "off",
    sets: true,
    features: { hashlimit: true, u32: true },
    notes: [],
  } as const;
  const none = {
    ...nft,
    backend: "iptables",
    offload: "off",
    sets: false,
    notes: ["no kernel sets: ipset: not found"],
  } as const;
  assert.deepEqual(setsFinding(nft, ""), {
    level: "ok",
    found: "nft works here, with sets, changed through libnftables",
  });
  assert.deepEqual(setsFinding({ ...nft, backend: "iptables" }, "").found, "iptables works here, with sets");
  assert.deepEqual([setsFinding(nft, "Cannot open libnftables").level, setsFinding(none, "").level], ["warn", "warn"]);
  assert.equal(setsFinding(nft, "Cannot open libnftables").mend, "Cannot open libnftables");
  assert.equal(setsFinding(none, "").mend, "no kernel sets: ipset: not found");
  const note = "no software offload with iptables: no target FLOWOFFLOAD: exit status 2";
  const { level, mend } = setsFinding({ ...nft, backend: "iptables", notes: [note] }, "");
  assert.deepEqual([level, mend], ["warn", note]);
});

Deno.test("a queue is the daemon's by its process, not by the name of who holds it", () => {
  const held = (pid: number, command: string) => [{ number: 0, owner: { pid, command } }];
  const found = (pid: number, command: string, daemon: number | null) =>
    Object.values(queueFinding("queue 0", held(pid, command), daemon)).slice(0, 2).join(": ");
  assert.equal(found(Deno.pid, "deno", Deno.pid), `ok: queue 0 is held by process ${Deno.pid} (deno), the daemon`);
  const other = "warn: queue 0 is held by process 4194304 (ftwall); ";
  assert.equal(found(4194304, "ftwall", 77), `${other}the daemon is process 77`);
  assert.equal(found(4194304, "ftwall", null), `${other}no daemon answers`);
  assert.equal(queueFinding("queue 0", [], null).level, "ok");
  assert.equal(queueFinding("queue 0", [], 77).level, "fail", "it runs, but judges no packets of that queue");
});

Deno.test("doctor says where the page is, who may do more than read it, and why nobody can sign in", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-doctor-" });
  try {
    const config = `${folder}/ftwall.toml`;
    const look = async (text: string) => {
      Deno.writeTextFileSync(config, text);
      const finding = await checkPage({ loaded: loadAny(config), queues: undefined, control: `${folder}/none.sock` });
      return `${finding.level}: ${finding.found}`;
    };
    const token = `${folder}/token`;
    const web = `[web]\nlisten = "127.0.0.1:8464"\ntoken_file = "${token}"\n`;
    assert.equal(await look(""), "ok: off: [web] listen is empty");
    assert.equal(await look(web), `ok: 127.0.0.1:8464, for reading: there is no "${token}"`);
    Deno.writeTextFileSync(token, "correct horse battery staple\n", { mode: 0o600 });
    assert.equal(await look(web), "ok: 127.0.0.1:8464, who has the token may lock and unlock");
    Deno.chmodSync(token, 0o644);
    assert.match(await look(web), /^warn: nobody can sign in to the page: others may read/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("doctor asks the daemon at the socket of the config, or the one that is named", () => {
  const path = Deno.makeTempFileSync({ suffix: ".toml" });
  try {
    Deno.writeTextFileSync(path, '[control]\npath = "/run/other.sock"\n');
    const at = (control: string | undefined) => controlOf({ loaded: loadAny(path), control, queues: undefined });
    assert.equal(at(undefined), "/run/other.sock");
    assert.equal(at("/run/named.sock"), "/run/named.sock");
    Deno.writeTextFileSync(path, "nonsense");
    assert.equal(at(undefined), "/run/ftwall/control.sock");
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a clock without battery is noticed", () => {
  assert.equal(checkClock(Date.UTC(1970, 0, 1)).level, "warn");
  assert.equal(checkClock(Date.UTC(2026, 5, 1)).level, "ok");
});

Deno.test("times and queue numbers are read, or refused with what is allowed", () => {
  assert.deepEqual(["90", "45s", "10m", "2h", "1h30m", "7d"].map(readSeconds), [90, 45, 600, 7200, 5400, 604800]);
  for (const text of ["", "0", "-5", "10x", "1.5h", "10m30", "10m 30s", "999999999999", "m", "367d"]) {
    assert.throws(() => readSeconds(text), /Expected a time/, text);
  }
  assert.deepEqual(readQueues("0"), { first: 0, last: 0 });
  assert.deepEqual(readQueues("2:5"), { first: 2, last: 5 });
  for (const text of ["", "a", "3:1", "65536", "0:64", "1:2:3", "-1"]) {
    assert.throws(() => readQueues(text), /Expected/, text);
  }
});
