import assert from "node:assert/strict";
import { StateKeeper } from "../../lib/daemon/state_keeper.ts";
import { Desk, HOME } from "../support/desk.ts";

Deno.test("locks of the state file without room are counted, not logged as released", () => {
  const path = Deno.makeTempFileSync({ prefix: "ftwall-state-" });
  try {
    const until = new Date(1_800_000_000_000 + 60_000).toISOString();
    const since = new Date(1_800_000_000_000 - 60_000).toISOString();
    const fields = `since=${since} until=${until} length=120 renewals=0 port=0 by=operator`;
    const lines = Array.from({ length: 300 }, (_, i) => `lock 10.0.${i >> 8}.${i & 255} operator operator ${fields}`);
    Deno.writeTextFileSync(path, `ftwall state 1\n${lines.join("\n")}\n`);
    const { engine, events } = new Desk([], HOME, { locks: 100 });
    const notes: string[] = [];
    const keeper = new StateKeeper({ engine, path, importPath: "", now: 0, note: (_, text) => notes.push(text) });
    const restored = keeper.restore();
    const kept = restored.length;
    assert.deepEqual(events, []);
    assert.equal(kept, engine.state.locks.count);
    assert.deepEqual(notes, [
      `State file: ${kept} locks, 0 peers, 0 trained addresses, 0 endpoints; 0 had ended, ` +
      `for ${300 - kept} locks there was no room`,
    ]);
    // From now on a lock that has to go is told again.
    for (let i = 0; i < kept + 1; i++) {
      engine.learner.timeLocks.lock(
        0,
        0,
        0xffff,
        0x0a010000 + i,
        -1,
        "operator",
        "operator",
        60_000,
        0,
        "operator",
        "",
      );
    }
    assert.ok(events.some(({ event }) => event === "released"));
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("what an operator changed is written within seconds, a lock that was only prolonged too", async () => {
  const path = Deno.makeTempFileSync({ prefix: "ftwall-state-" });
  try {
    const { engine } = new Desk([], HOME);
    const keeper = new StateKeeper({ engine, path, importPath: "", now: 0, note: () => {} });
    const lock = (seconds: number) =>
      engine.learner.timeLocks.lock(0, 0, 0xffff, 0x0a000005, -1, "operator", "operator", seconds, 0, "operator", "");
    const beat = async (now: number) => {
      keeper.beat(now, 600_000);
      while (keeper.saving) await new Promise((resolve) => setTimeout(resolve, 1));
      return /until=(\S+)/.exec(Deno.readTextFileSync(path))?.[1];
    };
    lock(60_000);
    keeper.changed();
    const first = await beat(3000);
    assert.ok(first !== undefined);
    lock(600_000);
    assert.equal(await beat(6000), first, "nobody said that it changed");
    keeper.changed();
    const second = await beat(9000);
    assert.equal(Date.parse(second!) - Date.parse(first), 540_000);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a stop that was prepared writes no second time, unless a lock has changed since or it failed", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-state-" });
  const path = `${folder}/state`;
  const written = () => {
    try {
      return /until=\S+/.exec(Deno.readTextFileSync(path))?.[0] ?? "no lock";
    } catch {
      return "no file";
    }
  };
  try {
    const { engine } = new Desk([], HOME);
    const keeper = new StateKeeper({ engine, path, importPath: "", now: 0, note: () => {} });
    const lock = (last: number) =>
      engine.learner.timeLocks.lock(0, 0, 0xffff, last, -1, "operator", "operator", 60_000, 0, "operator", "");
    lock(0x0a000005);
    // A save that is under way does not know of it any more than the file does: it is waited for.
    keeper.beat(600_000, 600_000);
    await keeper.prepare();
    assert.match(written(), /until=/);
    Deno.removeSync(path);
    keeper.save();
    assert.equal(written(), "no file", "nothing changed since");
    lock(0x0a000006);
    keeper.changed();
    keeper.save();
    assert.match(written(), /until=/, "a lock changed since");

    Deno.removeSync(folder, { recursive: true });
    Deno.writeTextFileSync(folder, "in the way");
    const other = new StateKeeper({ engine, path, importPath: "", now: 0, note: () => {} });
    await other.prepare();
    Deno.removeSync(folder);
    other.save();
    assert.match(written(), /until=/, "it failed before");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a stop that does not wait for its preparation writes last: nothing is written after it", async () => {
  const path = Deno.makeTempFileSync({ prefix: "ftwall-state-" });
  try {
    const { engine } = new Desk([], HOME);
    const keeper = new StateKeeper({ engine, path, importPath: "", now: 0, note: () => {} });
    keeper.beat(600_000, 600_000);
    const preparing = keeper.prepare();
    keeper.save();
    engine.learner.timeLocks.lock(0, 0, 0xffff, 0x0a000005, -1, "operator", "operator", 60_000, 0, "operator", "");
    Deno.writeTextFileSync(path, "of the successor");
    await preparing;
    assert.equal(Deno.readTextFileSync(path), "of the successor");
  } finally {
    Deno.removeSync(path);
  }
});
