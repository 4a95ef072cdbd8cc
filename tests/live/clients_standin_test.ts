import assert from "node:assert/strict";
import { program, told } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Capture } from "./support_clients_capture.ts";
import { Homes } from "./support_clients_homes.ts";
import { ADDRESSES, type Background, LAN, Topology } from "./topology.ts";
import { keep, say, watchSeconds } from "./watch.ts";

const named = missing([["tcpdump", "tcpdump"]]);

const SERVER = ADDRESSES.server.v4;
const BYTES = 200_000;
const SECONDS = watchSeconds(20);

/** What runs at home; each has a peer of its own, so that none is refused for what was learned by another. */
const WAYS: readonly (readonly [label: string, file: string, ...args: readonly string[]])[] = [
  ["soulseek-login", "soulseek_client.ts", "fetch", `${SERVER}:2242`, `${SERVER}:2234`],
  ["soulseek-peer", "soulseek_client.ts", "fetch", "", `${SERVER}:2235`],
  ["soulseek-obfuscated", "soulseek_client.ts", "fetch", "", `${SERVER}:2236`, "obfuscated"],
  ["gnutella-network", "gnutella_client.ts", "fetch", `${SERVER}:6346`],
  ["gnutella-download", "gnutella_client.ts", "fetch", `${SERVER}:6347`, "direct"],
];

Deno.test({
  ...named("Soulseek and Gnutella stand-ins move files without ftwall, and not a byte with it"),
  async fn(test) {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    const run = (...args: readonly [string, ...string[]]) => program(`../support/${args[0]}`, ...args.slice(1));
    const outside = [
      run("soulseek_client.ts", "server", "2242", `${SERVER}:2234`),
      ...[2234, 2235, 2236].map((port) => run("soulseek_client.ts", "share", String(port), String(BYTES))),
      ...[6346, 6347].map((port) => run("gnutella_client.ts", "share", String(port), String(BYTES))),
    ].map((command) => topology.start("server", command));
    for (const one of outside) await one.prints("ready");
    const fetchAll = async () =>
      await Promise.all(WAYS.map(async ([label, file, ...args]) => {
        const home = await homes.add();
        return { label, running: topology.start(home.name, run(file, ...args)) };
      }));
    await test.step("without ftwall every file comes", async () => {
      await using capture = await Capture.start(topology, "router", LAN);
      const fetching = await fetchAll();
      const begun = performance.now();
      while (fetching.some(({ running }) => received(running) < BYTES) && performance.now() - begun < 20_000) {
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      await capture.end();
      keep(capture, "standin");
      assert.deepEqual(
        // Some come more than once.
        fetching.map(({ label, running }) => [label, Math.min(BYTES, received(running))]),
        WAYS.map(([label]) => [label, BYTES]),
      );
      for (const { running } of fetching) await running.stop("SIGKILL");
    });
    await test.step("with ftwall nothing comes", async () => {
      await using daemon = await RouterDaemon.start(topology);
      const fetching = await fetchAll();
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      const lines = daemon.seen({ event: "detected" }).map((event) =>
        `${event["client"]} ${event["protocol"]} ${event["evidence"]} ${event["certainty"]}`
      );
      say([...new Set(lines)].join("\n"));
      for (const { label, running } of fetching) say(`${label}: ${received(running)} bytes in ${SECONDS} s`);
      assert.deepEqual(
        fetching.map(({ label, running }) => [label, received(running)]),
        WAYS.map(([label]) => [label, 0]),
      );
      for (const fields of [{ protocol: "soulseek" }, { protocol: "gnutella" }]) {
        assert.ok(
          daemon.seen({ event: "detected", certainty: "certain", ...fields }).length >= 2,
          JSON.stringify(fields),
        );
      }
    });
  },
});

function received(running: Background): number {
  return Math.max(0, ...told(running).map((line) => Number(line["received"] ?? 0)));
}
