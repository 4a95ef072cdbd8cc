/** The short part of faults_restart_test.ts, for every day. */
import assert from "node:assert/strict";
import { Flood, Load, lostNothing } from "./load.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology } from "./topology.ts";

const named = missing([["gcc", "gcc"]]);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

for (const fail of ["open", "closed"]) {
  Deno.test({
    ...named(`restarted where it fails open, and replaced in either mode, ftwall loses no packet: fail = ${fail}`),
    async fn() {
      using flood = new Flood();
      await flood.build();
      await using topology = await Topology.create({ prefix: "re" });
      await using daemon = await RouterDaemon.start(topology, { config: `[queue]\nfail = "${fail}"\n` });
      const load = await Load.start(topology, flood, 4000);
      await pause(300);
      if (fail === "open") {
        assert.equal((await daemon.process.stop()).code, 0);
        await daemon.launch();
      }
      await pause(300);
      const { pid } = daemon.process;
      await daemon.replace();
      assert.match(daemon.process.stdout, new RegExp(`Took the place of process ${pid}`));
      await pause(300);
      lostNothing(fail === "open" ? "restarted and replaced" : "replaced", await load.end());
    },
  });
}
