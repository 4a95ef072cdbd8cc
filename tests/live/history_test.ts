import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { type LogEvent, RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology } from "./topology.ts";

const named = missing([]);
const PEER = "198.51.100.7";
const PING = "2700000029804b615a614100";
const CLIENT = ADDRESSES.client1.v4;

for (const dryRun of [true, false]) {
  Deno.test({
    ...named(`what happened is known by name after a kill and without a daemon${dryRun ? ", in a dry run too" : ""}`),
    async fn(test) {
      await using topology = await Topology.create();
      await serve(topology);
      await topology.must("server", ["ip", "addr", "add", `${PEER}/24`, "dev", "eth0"]);
      const leases = Deno.makeTempFileSync({ prefix: "ftwall-leases-" });
      try {
        Deno.writeTextFileSync(leases, `0 02:00:00:00:91:11 ${CLIENT} anna-laptop *\n`);
        const config = `[lock]\nseconds = 300\n[log]\nrefused = "1s"\n[names]\nfiles = ["${leases}"]\n`;
        await using daemon = await RouterDaemon.start(topology, { config, dryRun });
        const state = ["--state", `${daemon.dir}/state`, "--config", daemon.config];
        const logged = async (...more: string[]) =>
          (await daemon.must("log", "--json", ...state, ...more)).split("\n").filter((line) => line !== "")
            .map((line) => JSON.parse(line) as LogEvent);
        const begun = Date.now();
        await topology.must("client1", program("traffic.ts", "send", 0, PEER, 1214, PING, 5));
        const locked = await daemon.sees({ event: "locked", client: CLIENT, dry_run: dryRun });
        assert.equal(locked["client_name"], "anna-laptop");
        await test.step("killed two seconds later", async () => {
          await topology.must("client1", program("traffic.ts", "send", 0, PEER, 1214, PING, 5));
          await new Promise((resolve) => setTimeout(resolve, 2500));
          daemon.process.kill("SIGKILL");
          await daemon.process.status;
        });
        await test.step("log and report have it without a daemon", async () => {
          const lines = await logged("--client", "anna-laptop");
          assert.deepEqual(new Set(lines.map((line) => line.event)), new Set(["detected", "locked", "refused"]));
          for (const line of lines) {
            assert.equal(line["client"], CLIENT);
            assert.equal(line["client_name"], "anna-laptop");
            assert.equal(line["dry_run"], dryRun);
            assert.ok(Date.parse(line.time) >= begun - 1000 && Date.parse(line.time) <= Date.now());
          }
          const refused = lines.filter((line) => line.event === "refused");
          assert.ok(refused.some((line) => line["protocol"] === "fasttrack" && (line["bytes"] as number) >= 12));
          assert.deepEqual(await logged("--protocol", "bittorrent"), []);
          const report = JSON.parse(await daemon.must("report", "--format", "json", ...state));
          assert.equal(report.dry_run, dryRun ? "all" : "none");
          assert.equal(report.clients[0].name, "anna-laptop");
          assert.equal(dryRun ? report.totals.would_lock : report.totals.locks, 1);
          assert.equal(dryRun ? report.totals.locks : report.totals.would_lock, 0);
          const text = await daemon.must("report", ...state);
          assert.match(text, dryRun ? /nothing was refused/ : /Refused: /);
          assert.match(await daemon.must("report", "--format", "html", ...state), /^<!DOCTYPE html>.*anna-laptop/s);
        });
        await test.step("so have they after a restart, and explain too", async () => {
          await daemon.launch();
          // Where the daemon says itself where its history is.
          const asked = ["--control", daemon.control];
          const explained = await daemon.must("explain", CLIENT, "--since", "1h", ...asked);
          assert.match(explained, dryRun ? /would have locked client/ : /locked client/);
          assert.match(explained, /detected fasttrack/);
          assert.match(await daemon.must("log", "--since", "1h", ...asked), /ready/);
          const status = JSON.parse(await daemon.must("status", "--json", ...asked));
          assert.equal(status.history.path, `${daemon.dir}/state.history`);
          assert.equal(status.history.dropped, 0);
        });
      } finally {
        Deno.removeSync(leases);
      }
    },
  });
}

Deno.test({
  ...named("hashed clients leave no address in the history, and are found by it all the same"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await topology.must("server", ["ip", "addr", "add", `${PEER}/24`, "dev", "eth0"]);
    const config = `[history]\nclients = "hashed"\n[names]\nfiles = []\n`;
    await using daemon = await RouterDaemon.start(topology, { config });
    await topology.must("client1", program("traffic.ts", "send", 0, PEER, 1214, PING, 5));
    await daemon.sees({ event: "locked", client: CLIENT });
    await daemon.must("lock", ADDRESSES.client2.v4, "--reason", "Ben asked", "--control", daemon.control);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const folder = `${daemon.dir}/state.history`;
    const files = [...Deno.readDirSync(folder)].map(({ name }) => Deno.readTextFileSync(`${folder}/${name}`)).join("");
    for (const trace of [CLIENT, ADDRESSES.client2.v4, "Ben asked"]) assert.ok(!files.includes(trace), trace);
    const found = await daemon.must("log", "--client", CLIENT, "--json", "--state", `${daemon.dir}/state`);
    assert.match(found, /"event":"locked".*"client":"client-[0-9a-f]{10}"/);
  },
});
