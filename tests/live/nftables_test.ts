/**
 * nft's sets changed through libnftables, and through the tool where the library is missing. The kernel need not know the
 * queue statement: nothing is queued here.
 */
import assert from "node:assert/strict";
import type { NftablesAnswer } from "../../ffi/nftables.ts";
import { program } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology, until } from "./topology.ts";

const named = missing([["nft", "nftables"]]);
const { client1, client2 } = ADDRESSES;
const NOWHERE = { FTWALL_LIBNFTABLES: "/nowhere/libnftables.so.1" };
const SETS = "add table inet ftwall\n" +
  [["locked", ""], ["peers", " . inet_service"]].map(([kind, more]) =>
    `add set inet ftwall ${kind}4 { type ipv4_addr${more}; flags timeout; size 131072; }\n` +
    `add set inet ftwall ${kind}6 { type ipv6_addr${more}; flags timeout; size 131072; }\n`
  ).join("");

/** What nftables_tool.ts prints. */
interface Told {
  readonly answers: readonly NftablesAnswer[];
  readonly last: NftablesAnswer;
  readonly late: NftablesAnswer;
}

async function elements(topology: Topology, set: string): Promise<string[]> {
  const text = await topology.must("router", ["nft", "list", "set", "inet", "ftwall", set]);
  return [...text.matchAll(/([0-9a-f.:]+(?: \. \d+)?) timeout (\S+)/g)].map(([, address, timeout]) =>
    `${address} ${timeout}`
  )
    .sort();
}

Deno.test({
  ...named("libnftables carries out scripts one after the other, wholly or not at all, and says why not"),
  async fn() {
    await using topology = await Topology.create({ prefix: "nl" });
    const scripts = [
      SETS,
      "add element inet ftwall locked4 { 10.0.0.1 timeout 60s }\nadd element inet ftwall nosuch { 10.0.0.2 }\n",
      "add element inet ftwall locked4 { 10.0.0.3 timeout 60s }",
      "add element inet ftwall locked4 { 10.0.0.4",
      "",
      `add element inet ftwall locked6 { ${
        Array.from({ length: 3000 }, (_, n) => `fd00::${n.toString(16)} timeout 1h`).join(", ")
      } }`,
      // The table goes and comes again, as with rules that are applied anew: nothing old is remembered.
      "delete table inet ftwall",
      SETS,
      "add element inet ftwall locked4 { 10.0.0.5 timeout 60s }",
      "list set inet ftwall locked4",
    ];
    const stdin = JSON.stringify(scripts);
    const { answers, last, late }: Told = JSON.parse(
      await topology.must("router", program("nftables_tool.ts", "run"), { stdin }),
    );
    assert.deepEqual(answers.map(({ code }) => code), [0, -1, 0, -1, 0, 0, 0, 0, 0, 0]);
    const errors = answers.map(({ error }) => error);
    assert.match(errors[1]!, /No such file or directory/);
    assert.match(errors[3]!, /syntax error/);
    assert.equal(errors.filter((error) => error !== "").length, 2);
    assert.match(answers.at(-1)!.output, /10\.0\.0\.5 timeout 1m/);
    assert.deepEqual([last.code, last.output], [0, "table inet ftwall\n"]);
    assert.deepEqual(late, { code: -1, output: "", error: "libnftables was closed" });
    assert.deepEqual(await elements(topology, "locked4"), ["10.0.0.5 1m"]);
  },
});

Deno.test({
  ...named("the library and the tool leave the same in the kernel; the library waits for no process"),
  async fn() {
    await using topology = await Topology.create({ prefix: "nl" });
    const found: string[][] = [];
    for (const env of [{}, NOWHERE]) {
      await topology.must("router", ["nft", "-f", "-"], {
        stdin: `add table inet ftwall\ndelete table inet ftwall\n${SETS}`,
      });
      const text = await topology.must("router", program("nftables_tool.ts", "fill", "300"), { env, limit: 60_000 });
      const { way, state, pace } = JSON.parse(text);
      const library = env !== NOWHERE;
      assert.equal(way.through, library ? "library" : "tool");
      if (library) assert.equal(way.why, "");
      else assert.match(way.why, /^Cannot open libnftables: tried "\/nowhere\/libnftables\.so\.1" .*libnftables1/);
      assert.ok(library ? pace.rest < 50 : pace.rest >= 200);
      assert.deepEqual(state, { pending: 0, sent: 600, failed: 0, discarded: 0, lastError: null });
      found.push([...await elements(topology, "locked4"), ...await elements(topology, "peers4")]);
    }
    assert.equal(found[0]!.length, 600);
    assert.deepEqual(found[0], found[1]);
  },
});

Deno.test({
  ...named("the daemon keeps nft's sets through the library, or through the tool where it is missing, and says which"),
  async fn() {
    for (const library of [true, false]) {
      await using topology = await Topology.create({ prefix: "nl" });
      await using daemon = await RouterDaemon.start(topology, {
        noRules: true,
        config: "[lock]\nseconds = 3600\n",
        ...(library ? {} : { env: NOWHERE }),
      });
      const control = ["--control", daemon.control];
      const rules = await daemon.must("rules", "--backend", "nft", "--config", daemon.config);
      const stdin = rules.replace(/queue num [0-9-]+( bypass)?/g, "counter accept");
      await topology.must("router", ["nft", "-f", "-"], { stdin });
      await daemon.must("reload", ...control);
      await daemon.process.stop();
      await daemon.launch();
      await daemon.must("lock", client1.v4, "--for", "1h", ...control);
      await daemon.must("lock", client2.v6, "--for", "2h", ...control);
      await until(
        "both clients in the sets",
        async () =>
          (await elements(topology, "locked4")).join() === `${client1.v4} 1h` &&
          (await elements(topology, "locked6")).join() === `${client2.v6} 2h`,
      );
      // A table made anew has empty sets: they are filled again.
      await daemon.must("unlock", client2.v6, ...control);
      await until("the set without the client", async () => (await elements(topology, "locked6")).length === 0);
      const text = await daemon.must("status", ...control);
      assert.match(
        text,
        library ? /sets .*, \d+ changes through the library$/m : /through the tool \(Cannot open libnft/,
      );
      const { kernel } = JSON.parse(await daemon.must("status", "--json", ...control));
      assert.deepEqual([kernel.sets.through, kernel.sets.failed], [library ? "library" : "tool", 0]);
      assert.equal(kernel.rules.backend, "nft");
    }
  },
});

Deno.test({
  ...named("without permission the library says so, as the tool does"),
  async fn() {
    await using topology = await Topology.create({ prefix: "nl" });
    const weak = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
    const stdin = JSON.stringify([SETS, SETS]);
    const text = await topology.must("router", [...weak, ...program("nftables_tool.ts", "run")], { stdin });
    const { answers } = JSON.parse(text);
    assert.deepEqual([answers[0].code, answers[1].code], [-1, -1]);
    assert.match(answers[0].error, /Operation not permitted/);
  },
});
