import assert from "node:assert/strict";
import { type ControlHandler, ControlServer } from "../../lib/daemon/control_server.ts";
import { formatAddress } from "../../lib/net/address.ts";
import { RefusedRequest } from "../../lib/report/control_protocol.ts";
import { Failure } from "../../lib/report/failure.ts";
import type { Who } from "../../lib/report/report_event.ts";
import { DaemonSource } from "../../lib/web/source.ts";
import { statusOf } from "../support/status.ts";

/** A daemon that notes what it is asked. */
class Noted {
  readonly asked: string[] = [];
  readonly whos: Who[] = [];
  readonly operators: string[] = [];
  broken = false;
  readonly handler: ControlHandler = {
    operatorAt: (words) => void this.operators.push(formatAddress(...words)),
    status: () => {
      this.#note("status");
      return Promise.resolve([JSON.stringify({ ...statusOf(), history: { path: "/nowhere", bytes: 0, dropped: 0 } })]);
    },
    clients: () => {
      this.#note("clients");
      return ['{"clients":[]}'];
    },
    events: () => {
      this.#note("events");
      return { events: [] };
    },
    explain: (client) => {
      this.#note(`explain ${client}`);
      return { client, group: "default", home: true, exempt: false, lock: null, scores: [], history: [] };
    },
    lock: (_, who) => this.#act("lock", who),
    unlock: (_, who) => this.#act("unlock", who),
    allow: () => {
      throw new RefusedRequest("Cannot allow it");
    },
    reload: () => ({ outcome: "unchanged", hash: "", changes: [], problems: [] }),
    notify: () => Promise.resolve({ targets: [] }),
    takeOver: () => {
      throw new RefusedRequest("not here");
    },
  };

  #note(what: string): void {
    this.asked.push(what);
    if (this.broken) throw new RefusedRequest("not now");
  }

  #act(what: string, who: Who) {
    this.asked.push(what);
    this.whos.push(who);
    return { clients: ["10.0.0.5"], message: "done" };
  }
}

async function withDaemon(body: (source: DaemonSource, noted: Noted, clock: { now: number }) => Promise<void>) {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-source-" });
  const noted = new Noted();
  const clock = { now: 0 };
  const path = `${folder}/control.sock`;
  try {
    await using _ = await ControlServer.listen({ path, group: "", version: "test", handler: noted.handler });
    await body(new DaemonSource(path, () => clock.now), noted, clock);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("however many look, the daemon is asked once a second; what failed is asked again", async () => {
  await withDaemon(async (source, noted, clock) => {
    await Promise.all(Array.from({ length: 20 }, () => source.status()));
    await Promise.all(Array.from({ length: 20 }, () => source.clients()));
    clock.now = 999;
    await source.status();
    await source.events();
    assert.deepEqual(noted.asked, ["status", "clients", "events"]);
    clock.now = 1000;
    await source.status();
    assert.equal(noted.asked.length, 4);
    clock.now = 2000;
    noted.broken = true;
    await assert.rejects(source.clients(), Failure);
    noted.broken = false;
    assert.deepEqual(await source.clients(), []);
    // Who only reads is no operator, wherever he is.
    assert.deepEqual(noted.operators, []);
  });
});

Deno.test("answers about thousands of clients are not all kept", async () => {
  await withDaemon(async (source, noted) => {
    for (let i = 0; i < 20; i++) await source.explain(`10.0.0.${i}`);
    await source.explain("10.0.0.19");
    assert.equal(noted.asked.length, 20);
    await source.explain("10.0.0.0");
    assert.equal(noted.asked.length, 21);
  });
});

Deno.test("a change tells who asks, is followed at once by what is so then, and is refused in the daemon's words", async () => {
  await withDaemon(async (source, noted) => {
    await source.status();
    await source.act({ command: "lock", client: "10.0.0.5", seconds: 60, reason: "" }, "10.0.0.9");
    await source.status();
    await source.act({ command: "unlock", client: "10.0.0.5", reason: "" }, "");
    assert.deepEqual(noted.asked, ["status", "lock", "status", "unlock"]);
    assert.deepEqual(noted.whos.map(({ user }) => user), ["the page, from 10.0.0.9", "the page"]);
    assert.deepEqual(noted.operators, ["10.0.0.9"]);
    const refused = source.act({ command: "allow", client: "10.0.0.5", seconds: 60, reason: "" }, "");
    await assert.rejects(refused, /refused "allow": Cannot allow it$/);
  });
});

Deno.test("a history that is not there is an empty one, and is looked for again after a while", async () => {
  await withDaemon(async (source, noted, clock) => {
    const { summary } = await source.report(86400);
    assert.equal(summary.begins, null);
    assert.deepEqual(await source.log("10.0.0.5", 86400), []);
    clock.now = 29_999;
    assert.equal((await source.report(86400)).summary, summary);
    clock.now = 30_000;
    assert.notEqual((await source.report(86400)).summary, summary);
    assert.ok(noted.asked.every((what) => what === "status"));
  });
});
