/** Starts after a bad night: a config that somebody broke, a dry run that an upgrade must not end. */
import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology } from "./topology.ts";

const named = missing([]);

Deno.test({
  ...named("a service whose config was broken starts with the last good one, loudly, and takes the mended one"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, {
      config: "[lock]\nseconds = 31\n",
      args: ["--service"],
    });
    await daemon.process.stop();
    daemon.write("[lock]\nsecond = 5\n");
    await daemon.launch();
    assert.match(daemon.process.stderr, /CANNOT BE USED: the last good one, ".*config\.good", is in force/);
    assert.equal(daemon.seen({ event: "note", level: "error" }).length, 2);
    const status = JSON.parse(await daemon.must("status", "--json", "--control", daemon.control));
    assert.equal(status.config.path, `${daemon.dir}/config.good`);
    assert.equal(status.config.last_reload.ok, false);
    await topology.must(
      "client1",
      program("traffic.ts", "send", 0, ADDRESSES.server.v4, 1214, "2700000029804b615a614100", 50),
    );
    await daemon.sees({ event: "locked", client: ADDRESSES.client1.v4 });
    daemon.write("[lock]\nseconds = 32\n");
    await daemon.must("reload", "--control", daemon.control);
    await daemon.sees({ event: "reloaded" });
    assert.match(Deno.readTextFileSync(`${daemon.dir}/config.good`), /seconds = 32/);
    // By hand it is an error, as ever.
    await daemon.process.stop();
    daemon.write("[lock]\nsecond = 5\n");
    const byHand = await topology.run("router", daemon.command.filter((word) => word !== "--service"));
    assert.equal(byHand.code, 2);
  },
});

Deno.test({
  ...named("a service that was upgraded in its dry run refuses nothing before somebody ends it"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, { args: ["--service", "--dry-run"] });
    const enforces = async (...args: string[]): Promise<boolean> => {
      await daemon.process.stop();
      await daemon.launch([...daemon.command.filter((word) => word !== "--dry-run"), ...args]);
      await topology.must(
        "client1",
        program("traffic.ts", "send", 0, ADDRESSES.server.v4, 1214, "2700000029804b615a614100", 50),
      );
      const event = await daemon.sees({ event: "locked", client: ADDRESSES.client1.v4 });
      return event["dry_run"] === false;
    };
    assert.equal(await enforces(), false);
    assert.match(daemon.tail(), /The dry run goes on/);
    assert.equal(await enforces("--enforce"), true);
    assert.equal(await enforces(), true);
  },
});
