import assert from "node:assert/strict";
import { DaemonStatus } from "../../lib/cli/daemon_status.ts";
import { Operator } from "../../lib/cli/operator.ts";
import { parseAddress } from "../../lib/net/address.ts";
import type { ActionAnswer } from "../../lib/report/control_protocol.ts";
import { LineWriter } from "../../lib/report/line_writer.ts";
import { Reporter } from "../../lib/report/reporter.ts";
import { Desk } from "../support/desk.ts";

const WHO = { uid: 0, pid: 7 };

/** An operator's desk: the engine, and the lines of the log as objects. */
class Office {
  readonly desk: Desk = new Desk([]);
  readonly operator: Operator;
  readonly reporter: Reporter;
  #text = "";

  constructor() {
    const write = (bytes: Uint8Array) => {
      this.#text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    };
    const writer = new LineWriter({ write }, 16 << 20);
    const clock = () => Date.UTC(2026, 0, 1);
    this.reporter = new Reporter({ format: "json", level: "info", colour: false, dryRun: false, clock, writer });
    const { engine } = this.desk;
    const none = {} as never;
    const config = engine.policy.config;
    const status = new DaemonStatus(false, engine, none, none, this.reporter, none, none, none, config);
    this.operator = new Operator(engine, this.reporter, status, () => none, () => {});
  }

  lock(client: string): ActionAnswer {
    return this.operator.lock({ command: "lock", client, seconds: 60, reason: "" }, WHO);
  }

  allow(client: string): ActionAnswer {
    return this.operator.allow({ command: "allow", client, seconds: 60, reason: "" }, WHO);
  }

  /** The audit lines so far, without time and person; the log is closed. */
  async audits(): Promise<Record<string, unknown>[]> {
    await this.reporter.close(1000);
    const lines = this.#text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    return lines.filter((line) => line.event === "audit").map(({ time: _, event: __, who: ___, ...rest }) => rest);
  }

  [Symbol.dispose](): void {
    this.reporter[Symbol.dispose]();
  }
}

Deno.test("the later word of an operator counts: a lock ends an allowance, and an allowance a lock", async () => {
  using office = new Office();
  const { engine } = office.desk;
  office.allow("10.0.0.5");
  assert.notEqual(office.operator.explain("10.0.0.5").allowed_until, undefined);
  assert.match(office.lock("10.0.0.5").message, /^10\.0\.0\.5 is locked until .*; no longer allowed: 10\.0\.0\.5$/);
  const told = office.operator.explain("10.0.0.5");
  assert.deepEqual([told.allowed_until, told.lock?.by], [undefined, "operator"]);
  assert.equal(engine.state.allowances.count, 0);
  office.allow("10.0.0.5");
  assert.equal(engine.state.locks.find(...parseAddress("10.0.0.5")!, engine.clock.now), -1);
  assert.deepEqual((await office.audits()).map(({ action, found }) => [action, found]), [
    ["allow", undefined],
    ["lock", "allowed until now"],
    ["allow", undefined],
  ]);
});

Deno.test("who is not at home can be neither locked nor allowed", () => {
  using office = new Office();
  assert.throws(() => office.lock("8.8.8.8"), /Cannot lock "8\.8\.8\.8": it is not at home/);
  assert.throws(() => office.allow("8.8.8.8"), /Cannot allow "8\.8\.8\.8": it is not at home/);
  assert.equal(office.desk.engine.state.allowances.count, 0);
});
