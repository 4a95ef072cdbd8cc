/** The state file: one daemon's at a time, what another version wrote is not lost; and who asked, from wherever. */
import assert from "node:assert/strict";
import { executable } from "./executable.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology, until } from "./topology.ts";

const named = missing([]);

Deno.test({
  ...named("a second daemon on the same state file is refused and told whose it is; a kill frees the file"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, { noRules: true });
    const second = daemon.command.map((word) => word === daemon.control ? `${word}.second` : word);
    const answer = await topology.run("router", [...second, "--queue", "7"]);
    assert.equal(answer.code, 1, answer.stderr);
    assert.match(answer.stderr, new RegExp(`Cannot keep the state in ".*/state": process ${daemon.process.pid} does`));
    // In dry-run no file is written: it may look on.
    await using onlooker = topology.start("router", [...second, "--queue", "7", "--dry-run"]);
    await onlooker.prints('"event":"ready"');
    await onlooker.stop();
    await daemon.process.stop("SIGKILL");
    await daemon.launch();
    assert.equal(Deno.statSync(`${daemon.dir}/state.lock`).mode! & 0o777, 0o600);
  },
});

Deno.test({
  ...named("the state of a newer version is kept aside, which the log says"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, { noRules: true });
    await daemon.process.stop();
    const newer = "ftwall state 9\nallow 10.91.1.12 until=2099-01-01T00:00:00.000Z\nnew 1\n";
    Deno.writeTextFileSync(`${daemon.dir}/state`, newer);
    await daemon.launch();
    assert.match(daemon.tail(), /of the newer version 9, lines that are known were read; it is kept as .*version-9/);
    await daemon.process.stop();
    assert.equal(Deno.readTextFileSync(`${daemon.dir}/state.version-9`), newer);
    assert.match(Deno.readTextFileSync(`${daemon.dir}/state`), /^ftwall state 1\nallow 10\.91\.1\.12 /);
  },
});

Deno.test({
  ...named("who asks from another network namespace, user namespace or process namespace is named in the audit log"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, { noRules: true });
    const ask = [...executable().command, "lock", "10.91.1.11", "--control", daemon.control];
    const ways = [["unshare", "-n"], ["unshare", "-n", "-U", "-r"], ["unshare", "-n", "-p", "-f"]];
    for (const from of ways) await topology.must("router", [...from, ...ask]);
    // The answer may be there before the line of the log is.
    await until("all in the audit log", () => daemon.seen({ event: "audit" }).length >= ways.length);
    const callers = daemon.seen({ event: "audit" }).map(({ who }) => who as { uid?: number; pid?: number });
    assert.equal(callers.length, ways.length);
    for (const [at, { uid, pid }] of callers.entries()) {
      assert.equal(uid, 0, ways[at]!.join(" "));
      assert.ok(pid! > 1, ways[at]!.join(" "));
    }
  },
});
