/** Too few descriptors, and strangers who want them all. */
import assert from "node:assert/strict";
import { executable } from "./executable.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology } from "./topology.ts";

const named = missing([]);

Deno.test({
  ...named("a limit of descriptors that is too low ends the start with one sentence, one that may be raised is raised"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, { noRules: true });
    await daemon.process.stop();
    const limited = (limit: string) => ["sh", "-c", `ulimit ${limit}; exec "$@"`, "sh", ...daemon.command];
    if (executable().kind === "compiled") {
      for (const limit of [12, 16, 24, 40]) {
        const answer = await topology.run("router", limited(`-n ${limit}`));
        assert.equal(answer.code, 3, answer.stderr);
        assert.match(
          answer.stderr,
          new RegExp(`^ftwall: Cannot start: this process may have ${limit} files.*ulimit -n`),
        );
        assert.equal(answer.stderr.trim().split("\n").length, 1, answer.stderr);
      }
    }
    await using raised = topology.start("router", limited("-S -n 40"));
    await raised.prints('"event":"ready"');
    assert.match(Deno.readTextFileSync(`/proc/${raised.pid}/limits`), /^Max open files +(\d+) +\1 /m);
  },
});

Deno.test({
  ...named("a thousand idle connections to the metrics end neither the daemon nor its metrics"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, {
      config: '[metrics]\nlisten = "127.0.0.1:9477"\n',
      noRules: true,
    });
    const script = "const idle = []; for (let i = 0; i < 1000; i++) " +
      'idle.push(await Deno.connect({ hostname: "127.0.0.1", port: 9477 })); ' +
      'console.log(await (await fetch("http://127.0.0.1:9477/metrics")).text()); Deno.exit(0)';
    const scraped = await topology.must("router", [Deno.execPath(), "eval", script]);
    assert.match(scraped, /^ftwall_uptime_seconds \d/m);
    assert.ok(!daemon.process.ended);
    await daemon.status();
  },
});
