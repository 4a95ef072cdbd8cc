/** The state file on disk: atomic, in slices, and never in memory as a whole. */
import assert from "node:assert/strict";
import { StateStore } from "../../lib/daemon/state_store.ts";
import type { StateContext } from "../../lib/state/state_file.ts";
import { capacityFor, PROTOCOL, State } from "../../lib/state/state.ts";

const context: StateContext = {
  protocols: ["fasttrack"],
  storedProtocol: 0,
  pattern: () => "",
  patternNumber: () => -1,
  isExempt: () => false,
  isHome: () => false,
  now: 1000.25,
  wallOffset: Date.parse("2026-05-04T10:00:00Z"),
};

function stateOf(peers: number): State {
  const state = new State(capacityFor(32 << 20), 7);
  for (let n = 0; n < peers; n++) {
    const row = state.peers.insert(0, 0, 0xffff, (57 << 24) + n, 1214, 3_600_000.5 + n);
    state.peers.values[row * state.peers.columns + PROTOCOL] = 0;
  }
  return state;
}

async function inFolder(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-state-" });
  try {
    await work(`${folder}/below/state`, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Names of the files beside the state. */
const files = (path: string) => [...Deno.readDirSync(path.replace(/\/[^/]*$/, ""))].map(({ name }) => name).sort();

Deno.test("a save in slices and one at once write the same file, readable by root alone", async () => {
  await inFolder(async (path) => {
    for (const peers of [0, 3, 20_000]) {
      const state = stateOf(peers);
      await new StateStore(path).save(state, context);
      const sliced = Deno.readTextFileSync(path);
      Deno.removeSync(path);
      new StateStore(path).saveNow(state, context);
      assert.equal(Deno.readTextFileSync(path), sliced);
      assert.equal(sliced.split("\n").length, peers + 2);
      assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
      assert.deepEqual(files(path), ["state"]);
      const read = stateOf(0);
      assert.equal(new StateStore(path).load(read, context)?.peers, peers);
      assert.equal(read.peers.count, peers);
    }
  });
});

Deno.test("while a large state is saved the event loop has its turns", async () => {
  await inFolder(async (path) => {
    const store = new StateStore(path);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await store.save(stateOf(100_000), context);
    clearInterval(timer);
    // A slice is 2 ms.
    assert.ok(turns >= store.cost / 10, `${turns} turns in a save of ${store.cost} ms`);
    assert.ok(store.cost > 0 && turns > 3);
  });
});

Deno.test("a stop during a save writes the state of that moment, and ends the save", async () => {
  await inFolder(async (path) => {
    const store = new StateStore(path);
    const state = stateOf(100_000);
    const under = store.save(state, context);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(store.saving, true);
    state.peers.clear();
    store.saveNow(state, context);
    assert.equal(store.saving, false);
    await under;
    assert.equal(Deno.readTextFileSync(path), "ftwall state 1\n");
    assert.deepEqual(files(path), ["state"]);
    assert.equal(store.failure, "");
  });
});

Deno.test("one save at a time: a second call does nothing", async () => {
  await inFolder(async (path) => {
    const store = new StateStore(path);
    const first = store.save(stateOf(20_000), context);
    await store.save(stateOf(1), context);
    await first;
    assert.equal(Deno.readTextFileSync(path).split("\n").length, 20_002);
  });
});

Deno.test("unchanged state leaves the file as it is, small or large", async () => {
  await inFolder(async (path) => {
    for (const peers of [3, 5000]) {
      const store = new StateStore(path);
      const state = stateOf(peers);
      await store.save(state, context);
      const before = Deno.statSync(path).ino;
      await store.save(state, context);
      store.saveNow(state, context);
      assert.equal(Deno.statSync(path).ino, before);
      assert.deepEqual(files(path), ["state"]);
      state.peers.deadline[0]! += 1;
      await store.save(state, context);
      assert.notEqual(Deno.statSync(path).ino, before);
    }
  });
});

Deno.test("what cannot be written is said, and the old file stays", async () => {
  await inFolder(async (path, folder) => {
    const store = new StateStore(path);
    store.saveNow(stateOf(2), context);
    const old = Deno.readTextFileSync(path);
    // A folder where the new file is to be: even root cannot write there.
    Deno.mkdirSync(`${path}.new`);
    await store.save(stateOf(5000), context);
    assert.match(store.failure, /^Cannot write the state ".*\/below\/state": /);
    store.saveNow(stateOf(4), context);
    assert.match(store.failure, /^Cannot write the state /);
    assert.equal(store.saving, false);
    assert.equal(Deno.readTextFileSync(path), old);
    Deno.removeSync(`${path}.new`);
    await store.save(stateOf(4), context);
    assert.equal(store.failure, "");
    assert.equal(Deno.readTextFileSync(path).split("\n").length, 6);
    const nowhere = new StateStore("");
    await nowhere.save(stateOf(1), context);
    nowhere.saveNow(stateOf(1), context);
    assert.deepEqual([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("a name of the greatest length in the file is written back whole", async () => {
  await inFolder(async (path) => {
    const state = stateOf(0);
    const lock = {
      ...{ protocol: 0, protocolName: "fasttrack", since: 0, length: 60_000, renewals: 0, by: "detector" as const },
      ...{ reason: "", macHigh: 0, macLow: 0, port: 0, probeAt: 0, probes: 0, announced: 0 },
      evidence: "\u4e00".repeat(3900),
    };
    for (let n = 0; n < 9; n++) state.locks.set(0, 0, 0xffff, (10 << 24) + n, 60_000, lock);
    await new StateStore(path).save(state, context);
    const read = stateOf(0);
    assert.deepEqual([new StateStore(path).load(read, context)?.locks, read.locks.count], [9, 9]);
    // What a table keeps of a name.
    assert.equal(read.locks.at(0).evidence, lock.evidence.slice(0, 32));
  });
});

Deno.test("a state file of gigabytes, empty or noise, costs little memory and time", async () => {
  await inFolder((_path, folder) => {
    const path = `${folder}/state`;
    Deno.writeTextFileSync(path, "57.0.0.1:1214\n");
    Deno.truncateSync(path, 4 * 2 ** 30);
    const state = stateOf(0);
    const before = Deno.memoryUsage().rss;
    const found = new StateStore(path).load(state, context)!;
    const grown = Deno.memoryUsage().rss - before;
    assert.ok(grown < 96 << 20, `${grown} bytes`);
    assert.deepEqual([found.peers, found.bad], [1, 2], "the line without an end, and the rest");
    assert.match(found.problems.at(-1)!, /^all after line \d: the file has more than 536870912 bytes$/);
    const noise = new Uint8Array(65_536 * 64);
    for (let at = 0; at < noise.length; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
    Deno.writeFileSync(path, noise);
    const read = new StateStore(path).load(stateOf(0), context)!;
    assert.ok(read.bad > 1000 && read.peers === 0 && read.problems.length <= 21);
    return Promise.resolve();
  });
});

Deno.test("where there is no file nothing is read; what is no file is an error", () => {
  const folder = Deno.makeTempDirSync();
  assert.equal(new StateStore(`${folder}/none`).load(stateOf(0), context), null);
  assert.throws(() => new StateStore(folder).load(stateOf(0), context), /it is no regular file/);
  Deno.removeSync(folder);
});

Deno.test("a link stays one, and what is no file is not replaced", async () => {
  await inFolder(async (path, folder) => {
    Deno.mkdirSync(`${folder}/elsewhere`);
    Deno.writeTextFileSync(`${folder}/elsewhere/real`, "");
    Deno.symlinkSync(`${folder}/elsewhere/real`, `${folder}/link`);
    const linked = new StateStore(`${folder}/link`);
    await linked.save(stateOf(3), context);
    assert.equal(linked.failure, "");
    assert.ok(Deno.lstatSync(`${folder}/link`).isSymlink);
    assert.deepEqual(new StateStore(`${folder}/elsewhere/real`).load(stateOf(0), context)?.peers, 3);
    assert.deepEqual([...Deno.readDirSync(`${folder}/elsewhere`)].map(({ name }) => name), ["real"]);
    const fifo = new StateStore(`${folder}/fifo`);
    const { success } = await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    assert.ok(success);
    fifo.saveNow(stateOf(3), context);
    assert.match(fifo.failure, /^Cannot write the state ".*fifo": it is no regular file$/);
    assert.ok(Deno.lstatSync(`${folder}/fifo`).isFifo);
    new StateStore(path).saveNow(stateOf(3), context);
    assert.equal(Deno.statSync(path.replace(/\/[^/]*$/, "")).mode! & 0o777, 0o700);
  });
});

Deno.test({
  name: "a link that somebody else laid in the place of the state is neither read nor written through",
  ignore: Deno.uid() !== 0,
  async fn() {
    await inFolder(async (path, folder) => {
      Deno.writeTextFileSync(`${folder}/precious`, "precious");
      Deno.mkdirSync(path.replace(/\/[^/]*$/, ""));
      Deno.symlinkSync(`${folder}/precious`, path);
      assert.ok((await new Deno.Command("chown", { args: ["-h", "65534", path] }).output()).success);
      const store = new StateStore(path);
      assert.throws(() => store.load(stateOf(0), context), /user 65534 laid a link there/);
      await store.save(stateOf(3), context);
      assert.match(store.failure, /^Cannot write the state ".*": user 65534 laid a link there/);
      assert.equal(Deno.readTextFileSync(`${folder}/precious`), "precious");
      assert.ok(Deno.lstatSync(path).isSymlink);
    });
  },
});

Deno.test("a file of a newer version is read as far as it is known, and kept beside the one that is written", async () => {
  await inFolder(async (path) => {
    const store = new StateStore(path);
    store.saveNow(stateOf(3), context);
    const newer = Deno.readTextFileSync(path).replace("ftwall state 1", "ftwall state 7") + "quota of a later day\n";
    Deno.writeTextFileSync(path, newer);
    const later = new StateStore(path);
    const state = stateOf(0);
    const found = later.load(state, context)!;
    assert.deepEqual([found.newer, found.peers, found.bad], [7, 3, 1]);
    assert.equal(later.keepAside(found.newer!), `${path}.version-7`);
    // Nothing is moved before there is something to put in its place.
    assert.deepEqual(files(path), ["state"]);
    await later.save(state, context);
    assert.deepEqual(files(path), ["state", "state.version-7"]);
    assert.equal(Deno.readTextFileSync(`${path}.version-7`), newer);
    later.saveNow(stateOf(5), context);
    assert.equal(Deno.readTextFileSync(`${path}.version-7`), newer);
    assert.equal(new StateStore(path).load(stateOf(0), context)?.newer, undefined);
  });
});

Deno.test("a name that somebody prepared for the file that is being written is not followed", async () => {
  await inFolder(async (path, folder) => {
    new StateStore(path).saveNow(stateOf(1), context);
    Deno.writeTextFileSync(`${folder}/precious`, "precious");
    Deno.symlinkSync(`${folder}/precious`, `${path}.new`);
    await new StateStore(path).save(stateOf(3), context);
    assert.equal(Deno.readTextFileSync(`${folder}/precious`), "precious");
    assert.deepEqual(files(path), ["state"]);
    assert.ok(Deno.lstatSync(path).isFile);
  });
});
