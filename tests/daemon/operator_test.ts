import assert from "node:assert/strict";
import { DaemonStatus } from "../../lib/daemon/status.ts";
import { NameKeeper } from "../../lib/daemon/name_keeper.ts";
import { Operator } from "../../lib/daemon/operator.ts";
import { parseAddress } from "../../lib/net/address.ts";
import type { ActionAnswer, ReloadAnswer } from "../../lib/report/control_protocol.ts";
import { LineWriter } from "../../lib/report/log_output.ts";
import { Reporter } from "../../lib/report/reporter.ts";
import { Desk, HOME } from "../support/desk.ts";
import { policyOf } from "../support/story.ts";

const WHO = { uid: 0, pid: 7 };
const UNCHANGED: ReloadAnswer = { outcome: "unchanged", hash: "0", changes: [], problems: [] };

/** An operator's desk: the engine, and the lines of the log as objects. */
class Office {
  readonly desk: Desk = new Desk([], HOME, { locks: 4096 });
  readonly operator: Operator;
  readonly reporter: Reporter;
  /** How often something was done that the state file is to keep. */
  acted = 0;
  #text = "";

  constructor(dryRun: boolean = false, answer: ReloadAnswer = UNCHANGED) {
    const write = (bytes: Uint8Array) => {
      this.#text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    };
    const writer = new LineWriter({ write }, 16 << 20);
    const clock = () => Date.UTC(2026, 0, 1);
    this.reporter = new Reporter({ format: "json", level: "info", colour: false, dryRun, clock, writer });
    const { engine } = this.desk;
    const none = {} as never;
    const { config } = engine.policy;
    const { reporter } = this;
    const rest = {
      pump: none,
      queues: none,
      times: none,
      actions: none,
      kernel: none,
      rights: none,
      history: none,
      notify: none,
    };
    const names = new NameKeeper(config, () => {});
    const status = new DaemonStatus({ dryRun, config, engine, reporter, names, ...rest });
    this.operator = new Operator({
      engine,
      reporter,
      status,
      reload: () => Promise.resolve(answer),
      notify: (name) => Promise.resolve({ targets: name === "known" ? [{ name, failure: "" }] : [] }),
      onSuccessor: () => "",
      onActed: () => this.acted++,
      onAllowed: () => {},
      onOperator: () => {},
    });
  }

  lock(client: string): ActionAnswer {
    return this.operator.lock({ command: "lock", client, seconds: 60, reason: "" }, WHO);
  }

  allow(client: string): ActionAnswer {
    return this.operator.allow({ command: "allow", client, seconds: 60, reason: "" }, WHO);
  }

  /** The audit lines so far, without time and person. */
  async audits(): Promise<Record<string, unknown>[]> {
    await this.reporter.close(1000);
    const lines = this.#text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    return lines.filter((line) => line.event === "audit").map(({ time: _, event: __, who: ___, ...rest }) => rest);
  }
}

Deno.test("in a dry run lock and unlock say what would be", () => {
  const office = new Office(true);
  assert.match(
    office.lock("10.0.0.5").message,
    /^10\.0\.0\.5 would be locked until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d; dry run: nothing is refused, and a restart forgets it$/,
  );
  assert.equal(office.operator.explain("10.0.0.5").dry_run, true);
  const unlock = (client: string | null) =>
    office.operator.unlock({ command: "unlock", client, reason: "" }, WHO).message;
  assert.equal(unlock("10.0.0.5"), "Would no longer be locked: 10.0.0.5");
  assert.equal(unlock(null), "No client would have been locked");
});

Deno.test("a reload that changes nothing writes nothing, others are in the audit log", async () => {
  const unchanged = new Office();
  assert.deepEqual(await unchanged.operator.reload(WHO), UNCHANGED);
  assert.deepEqual(await unchanged.audits(), []);
  const applied = new Office(false, { ...UNCHANGED, outcome: "applied" });
  await applied.operator.reload(WHO);
  assert.deepEqual((await applied.audits()).map(({ found }) => found), ["applied"]);
});

Deno.test("a lock of an operator ends an allowance, and an allowance ends a lock", async () => {
  const office = new Office();
  const { engine } = office.desk;
  office.allow("10.0.0.5");
  assert.notEqual(office.operator.explain("10.0.0.5").allowed_until, undefined);
  assert.match(office.lock("10.0.0.5").message, /^10\.0\.0\.5 is locked until .*; no longer allowed: 10\.0\.0\.5$/);
  const told = office.operator.explain("10.0.0.5");
  assert.deepEqual([told.allowed_until, told.lock?.by], [undefined, "operator"]);
  assert.equal(engine.state.allowances.count, 0);
  office.allow("10.0.0.5");
  assert.throws(() => office.lock("8.8.8.8"));
  assert.equal(office.acted, 3);
  assert.equal(engine.state.locks.find(...parseAddress("10.0.0.5")!, engine.clock.now), -1);
  assert.deepEqual((await office.audits()).map(({ action, found }) => [action, found]), [
    ["allow", undefined],
    ["lock", "allowed until now"],
    ["allow", undefined],
    ["lock", 'Cannot lock "8.8.8.8": it is not at home (see [network] home)'],
  ]);
});

Deno.test("who is not at home can be neither locked nor allowed", () => {
  const office = new Office();
  assert.throws(() => office.lock("8.8.8.8"), /Cannot lock "8\.8\.8\.8": it is not at home/);
  assert.throws(() => office.allow("8.8.8.8"), /Cannot allow "8\.8\.8\.8": it is not at home/);
  assert.equal(office.desk.engine.state.allowances.count, 0);
});

Deno.test("a request is one line of the audit log, however many clients it concerns", async () => {
  const office = new Office();
  for (let i = 0; i < 2000; i++) office.lock(`10.0.${i >> 8}.${i & 255}`);
  office.operator.unlock({ command: "unlock", client: "10.0.0.3", reason: "a mistake" }, WHO);
  assert.equal(office.operator.unlock({ command: "unlock", client: null, reason: "" }, WHO).clients.length, 1999);
  office.operator.unlock({ command: "unlock", client: null, reason: "" }, WHO);
  const audits = await office.audits();
  assert.equal(audits.length, 2003);
  const lock = { action: "lock", reason: undefined, client: "10.0.0.0", seconds: 60, outcome: "done" };
  assert.deepEqual({ reason: undefined, ...audits[0] }, lock);
  const [one, all, none] = audits.slice(2000);
  assert.deepEqual(one, { action: "unlock", reason: "a mistake", client: "10.0.0.3", outcome: "done" });
  assert.match(String(all!.found), /^1 999 clients: (10\.0\.\d+\.\d+, ){19}10\.0\.\d+\.\d+ and 1979 more$/);
  assert.deepEqual(none, { action: "unlock", outcome: "done", found: "no client" });
});

Deno.test("requests that are refused are in the audit log, with what was found", async () => {
  const office = new Office();
  assert.throws(() => office.lock("8.8.8.8"));
  assert.throws(() => office.allow("02:00:00:00:00:01"));
  assert.throws(() => office.operator.unlock({ command: "unlock", client: "10.0.0.5", reason: "" }, WHO));
  assert.deepEqual(await office.audits(), [
    {
      action: "lock",
      client: "8.8.8.8",
      seconds: 60,
      outcome: "refused",
      found: 'Cannot lock "8.8.8.8": it is not at home (see [network] home)',
    },
    {
      action: "allow",
      client: "02:00:00:00:00:01",
      seconds: 60,
      outcome: "refused",
      found: 'Cannot find the client "02:00:00:00:00:01": no packet with that MAC was seen. Name its address',
    },
    {
      action: "unlock",
      client: "10.0.0.5",
      outcome: "refused",
      found: 'Cannot unlock "10.0.0.5": it is not locked',
    },
  ]);
});

Deno.test("an operator's machine and the router are locked by a command only if it is forced, and exempt ones never", () => {
  const office = new Office();
  const { engine, now } = office.desk;
  engine.state.spared.insert(...parseAddress("10.0.0.9")!, 0, now + 60_000);
  assert.throws(() => office.lock("10.0.0.9"), /^RefusedRequest: Cannot lock "10\.0\.0\.9": it is the router's own/);
  const forced = office.operator.lock(
    { command: "lock", client: "10.0.0.9", seconds: 60, reason: "", force: true },
    WHO,
  );
  assert.deepEqual(forced.clients, ["10.0.0.9"]);
  engine.adopt(policyOf('[network]\nhome = ["10.0.0.0/8"]\nexempt = ["10.0.0.7"]\n'));
  assert.throws(
    () => office.operator.lock({ command: "lock", client: "10.0.0.7", seconds: 60, reason: "", force: true }, WHO),
    /the config exempts it/,
  );
});

Deno.test("one test of the notifications at a time, and only of targets that there are", async () => {
  const { operator } = new Office();
  const first = operator.notify("known");
  await assert.rejects(operator.notify("known"), /a test is under way/);
  assert.deepEqual(await first, { targets: [{ name: "known", failure: "" }] });
  await assert.rejects(operator.notify("other"), /the config in force has no \[\[notify\]\] named "other"/);
  await assert.rejects(operator.notify(null), /the config in force has no \[\[notify\]\]$/);
});
