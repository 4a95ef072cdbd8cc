import assert from "node:assert/strict";
import { Bystander, serve } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { resolver } from "./name_server.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Swarm, SWARM_TOOLS, type SwarmSettings } from "./swarm.ts";
import { Topology } from "./topology.ts";

const named = missing([...SWARM_TOOLS, ["dnsmasq", "dnsmasq-base"]]);

const WAYS: readonly SwarmSettings[] = [
  { seeder: "server", leecher: "client1", family: 4 },
  { seeder: "server", leecher: "client1", family: 6 },
  { seeder: "client1", leecher: "server", family: 4 },
  // What the two say is ciphered throughout: it is the tracker's word that does not come through.
  { seeder: "server", leecher: "client1", family: 4, encrypted: true, tracker: "server" },
];
/** How long nothing of the file may come. */
const SECONDS = 25;

Deno.test({
  ...named("files between transmission and aria2: pass without ftwall, pass in dry-run, stay at 0 bytes with ftwall"),
  async fn(test) {
    await using topology = await Topology.create();
    await using _names = await resolver(topology, "server", ["--address=/www.example.org/198.51.100.2"]);
    await serve(topology);
    await using stack = new AsyncDisposableStack();
    const swarms = await Promise.all(WAYS.map(async (way) => stack.use(await Swarm.create(topology, way))));
    const transfer = async () => {
      await Promise.all(swarms.map((swarm) => swarm.start()));
      await Promise.all(swarms.map((swarm) => swarm.complete()));
    };
    await test.step("without ftwall every file arrives", transfer);
    await test.step("in dry-run every file arrives, and is seen", async () => {
      await using daemon = await RouterDaemon.start(topology, { dryRun: true });
      await transfer();
      const fields = { event: "detected", protocol: "bittorrent", dry_run: true };
      await daemon.sees({ ...fields, client: "10.91.1.11", transport: "tcp", certainty: "certain" });
      await daemon.sees({ ...fields, client: "fd91:1::11", transport: "tcp", certainty: "certain" });
      assert.deepEqual(daemon.events.filter((event) => "dry_run" in event && event["dry_run"] !== true), []);
    });
    await test.step("with ftwall no byte of any file arrives, and nothing else is lost", async () => {
      await using daemon = await RouterDaemon.start(topology);
      const others = [
        await Bystander.start(topology, "client1", "www.example.org"),
        await Bystander.start(topology, "client2", "www.example.org"),
      ];
      await Promise.all(swarms.map((swarm) => swarm.start()));
      await daemon.sees({ event: "detected", protocol: "bittorrent", dry_run: false, client: "10.91.1.11" });
      await daemon.sees({ event: "detected", protocol: "bittorrent", dry_run: false, client: "fd91:1::11" });
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      assert.deepEqual(swarms.map((swarm) => swarm.received), [0, 0, 0, 0]);
      for (const swarm of swarms.slice(0, 3)) assert.ok(swarm.announces > 2, "a leecher gave up");
      for (const other of others) {
        other.check(SECONDS);
        await other.stop();
      }
    });
  },
});
