import assert from "node:assert/strict";
import { program, serve, Surfer, told } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology, until } from "./topology.ts";

const named = missing([["tcpdump", "tcpdump"]]);
const PEERS = "198.51.100.10-29:1214";

Deno.test({
  ...named("dry-run tells of locks, decoys, probes and refusals, and sends nothing and refuses nothing"),
  async fn() {
    await using topology = await Topology.create();
    const lines: string[] = [];
    for (let host = 10; host <= 29; host++) lines.push(`addr add 198.51.100.${host}/24 dev eth0`);
    await topology.must("server", ["ip", "-batch", "-"], { stdin: lines.join("\n") + "\n" });
    await serve(topology);
    const peers = topology.start(
      "server",
      program("../support/fasttrack_peer.ts", "--listen", PEERS, "--answer", "none"),
    );
    await peers.prints('"ready"');
    await using daemon = await RouterDaemon.start(topology, { dryRun: true, config: "[lock]\nseconds = 4\n" });
    const capture = topology.start("client1", [
      "tcpdump",
      "-n",
      "-l",
      "-Q",
      "in",
      "-i",
      "eth0",
      "udp or icmp or icmp6",
    ]);
    await capture.prints("listening on");
    const surfers = ([4, 6] as const).map((family) => new Surfer(topology, "client1", family, 1000));
    const client = topology.start(
      "client1",
      program("../support/fasttrack_client.ts", "--peers", PEERS, "--scale", 0.02, "--ports", 1214),
    );
    for (const event of ["detected", "locked", "decoy-sent", "peer-learned", "refused"]) {
      await daemon.sees({ event, dry_run: true });
    }
    await client.prints('"phase":"serial"', 20_000);
    await until("a session", () => told(client).filter((line) => line["event"] === "session").length >= 20, 20_000);
    await client.stop();
    for (const event of ["probe-sent", "released"]) await daemon.sees({ event, dry_run: true });
    const achieved = told(client);
    const count = (event: string) => achieved.filter((line) => line["event"] === event).length;
    // Everything got through: each ping of the list to its peer, and each connection.
    const pinged = told(peers).filter((line) => line["event"] === "pinged");
    const total = achieved.find((line) => line["event"] === "finished")!;
    assert.equal(pinged.length, total["pings"]);
    assert.deepEqual([count("pong"), count("probed")], [0, 0]);
    // The last attempt may have been under way when the client was stopped.
    assert.ok((total["attempts"] as number) - (total["connected"] as number) <= 1, JSON.stringify(total));
    for (const surfer of surfers) {
      assert.equal(surfer.count().failed, 0);
      assert.ok(surfer.count().ok > 20);
      await surfer.stop();
    }
    await capture.stop("SIGTERM");
    // Neighbours are asked for by ICMPv6; nothing else may have come.
    const came = capture.stdout.split("\n").filter((line) =>
      / > /.test(line) && !/neighbor|router|multicast/.test(line)
    );
    assert.deepEqual(came, []);
    assert.deepEqual(daemon.events.filter((event) => "dry_run" in event && event["dry_run"] !== true), []);
    const sets = await topology.run("router", ["sh", "-c", "nft list ruleset 2>/dev/null; ipset list 2>/dev/null"]);
    assert.doesNotMatch(sets.stdout, /198\.51\.100\.\d+ timeout|10\.91\.1\.11 timeout/);
  },
});
