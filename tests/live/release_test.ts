import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, type Host, Topology } from "./topology.ts";

const named = missing([]);
const PEER = { v4: "198.51.100.7", v6: "2001:db8:91::7" };
const PING = "2700000029804b615a614100";

/** Whether a connection carries bytes both ways: the first packet alone tells nothing. */
async function talks(topology: Topology, host: Host, address: string, port: number): Promise<boolean> {
  const output = await topology.must(host, program("traffic.ts", "dial", address, port, 800, "68656c6c6f"));
  return JSON.parse(output)["received"] === "68656c6c6f";
}

for (const sets of ["auto", "off"]) {
  Deno.test({
    ...named(`what an operator or a new config lets through passes at once (kernel_sets = "${sets}")`),
    async fn(test) {
      await using topology = await Topology.create();
      await serve(topology);
      await topology.must("server", ["ip", "addr", "add", `${PEER.v4}/24`, "dev", "eth0"]);
      await topology.must("server", ["ip", "addr", "add", `${PEER.v6}/64`, "dev", "eth0", "nodad"]);
      const echo = topology.start("server", program("talk.ts", "echo", 1214));
      await echo.prints("ready");
      const config = `[lock]\nseconds = 300\nkernel_sets = "${sets}"\n`;
      await using daemon = await RouterDaemon.start(topology, { config });
      const operator = (...words: string[]) => daemon.must(...words, "--control", daemon.control);
      for (const family of ["v4", "v6"] as const) {
        const [address, client1, client2] = [PEER[family], ADDRESSES.client1[family], ADDRESSES.client2[family]];
        const web = ADDRESSES.server[family];
        await test.step(`IP${family}: allow`, async () => {
          await topology.must("client1", program("traffic.ts", "send", 0, address, 1214, PING, 50));
          await daemon.sees({ event: "locked", client: client1 });
          assert.equal(await talks(topology, "client2", address, 1214), false, "a known peer is refused for all");
          await operator("allow", client2, "--for", "1m");
          assert.equal(await talks(topology, "client2", address, 1214), true, "an allowed client reaches the peer");
          assert.equal(await talks(topology, "client1", address, 1214), false);
        });
        await test.step(`IP${family}: unlock`, async () => {
          await operator("unlock", client1);
          await new Promise((resolve) => setTimeout(resolve, 200));
          const output = await topology.must("client1", program("traffic.ts", "dial", web, 22, 800, ""));
          assert.equal(JSON.parse(output)["connected"], true);
          assert.equal(await talks(topology, "client1", address, 1214), false);
          await operator("unlock", "--all");
        });
      }
      await test.step("an exempt address is no peer any more, for anybody", async () => {
        daemon.write(`exempt = ["${PEER.v4}", "${PEER.v6}"]\n${config}`);
        await operator("reload");
        await new Promise((resolve) => setTimeout(resolve, 200));
        for (const address of [PEER.v4, PEER.v6]) assert.equal(await talks(topology, "client1", address, 1214), true);
      });
    },
  });
}
