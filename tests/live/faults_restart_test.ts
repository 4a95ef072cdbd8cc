/** Stopped, started again and replaced under load: every packet is counted. */
import assert from "node:assert/strict";
import { figure } from "./figure.ts";
import { type Counted, Flood, Load } from "./load.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology } from "./topology.ts";

const named = missing([["gcc", "gcc"]]);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Prints what became of a load, and fails where ftwall or the kernel's queue lost a packet of it. */
function lostNothing(what: string, counted: Counted): void {
  const { sent, rate, missing, gaps, longest_gap, longest_pause_ms, backlog } = counted;
  figure(
    `${what}: ${sent} packets sent, ${rate} a second, ${missing} lost` +
      (missing === 0 ? "" : ` in ${gaps} gaps of up to ${longest_gap}, ${backlog} of them before the rules`) +
      `, ${longest_pause_ms} ms without one at most`,
  );
  // What the kernel has no processor for is lost before any rule sees it.
  assert.ok(missing <= backlog, JSON.stringify(counted));
}

for (const rules of ["that stay", "of its own"]) {
  Deno.test({
    ...named(`stopped and started five times under load, with rules ${rules}, ftwall loses no packet`),
    async fn() {
      using flood = new Flood();
      await flood.build();
      await using topology = await Topology.create({ prefix: "rs" });
      await using daemon = await RouterDaemon.start(topology);
      if (rules === "of its own") {
        await daemon.process.stop();
        await daemon.must("rules", "--remove");
        await daemon.launch();
      }
      for (const rate of [5000, 20_000]) {
        const load = await Load.start(topology, flood, rate);
        for (let round = 0; round < 5; round++) {
          await pause(500);
          await daemon.process.stop();
          await pause(200);
          await daemon.launch();
        }
        await pause(500);
        lostNothing("stopped and started five times", await load.end());
      }
    },
  });
}

/** Queues on several threads are handed over like one. */
const SETTINGS = [
  ["open", '[queue]\nfail = "open"\n'],
  ["closed", '[queue]\nfail = "closed"\n'],
  ["closed, two threads", '[queue]\nfail = "closed"\nnumbers = "0:1"\nthreads = 2\n'],
] as const;

for (const [fail, config] of SETTINGS) {
  Deno.test({
    ...named(`replaced five times under load by ftwall run --take-over, ftwall loses no packet: fail = ${fail}`),
    async fn() {
      using flood = new Flood();
      await flood.build();
      await using topology = await Topology.create({ prefix: "rs" });
      await using daemon = await RouterDaemon.start(topology, { config });
      for (const rate of [5000, 20_000]) {
        const load = await Load.start(topology, flood, rate);
        for (let round = 0; round < 5; round++) {
          await pause(500);
          const { pid } = daemon.process;
          assert.equal(await daemon.replace(), 0);
          assert.match(daemon.process.stdout, new RegExp(`Took the place of process ${pid}`));
        }
        await pause(500);
        lostNothing("replaced five times", await load.end());
      }
    },
  });
}
