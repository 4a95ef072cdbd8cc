import assert from "node:assert/strict";
import { applyRules, checkRules, KernelSets, removeRules, rulesText } from "../../lib/firewall/mod.ts";
import { cannot, named, OPTIONS, TALK, talk } from "./rules_scene.ts";
import { ADDRESSES, hasTool, Topology, until } from "./topology.ts";

const { client1, server } = ADDRESSES;
const noNft = cannot ?? (hasTool("nft") ? null : "no nft");

Deno.test({
  ...named(
    "nft rules load with every queue statement replaced, for kernels without it, and leave nothing behind",
    noNft,
  ),
  async fn() {
    await using topology = await Topology.create();
    const run = topology.runner("router");
    for (
      const options of [OPTIONS, { ...OPTIONS, lan: [] }, {
        ...OPTIONS,
        refuse: "reject" as const,
        queues: [0, 3] as const,
        exempt: [client1.mac, "10.0.0.0/8", "fd00::/8", "10.1.0.0/16"],
      }]
    ) {
      const text = rulesText("nft", options).replace(/queue num [0-9-]+( bypass)?/g, "counter accept");
      for (let times = 0; times < 2; times++) await topology.must("router", ["nft", "-f", "-"], { stdin: text });
      const { backend, present, differs } = await checkRules(options, run);
      assert.deepEqual([backend, present, differs], ["nft", true, []]);
    }
    await using sets = new KernelSets("nft", run);
    sets.put({ kind: "locked", address: client1.v4, port: 0 }, 60);
    sets.put({ kind: "locked", address: client1.v6, port: 0 }, 60);
    await sets.settled();
    sets.put({ kind: "locked", address: client1.v4, port: 0 }, 3600);
    sets.remove({ kind: "peers", address: "192.0.2.1", port: 1214 });
    await sets.settled();
    assert.deepEqual([sets.state.failed, sets.state.lastError], [0, null]);
    assert.match(await topology.must("router", ["nft", "list", "set", "inet", "ftwall", "locked4"]), /timeout 1h/);
    assert.deepEqual(await removeRules(run), ["nft table inet ftwall"]);
  },
});

Deno.test({
  ...named(
    "nft rules queue of TCP what opens or ends a connection or has payload, whatever the header's length",
    noNft,
  ),
  async fn() {
    await using topology = await Topology.create();
    const echo = topology.start("server", [Deno.execPath(), "run", "-A", "--no-check", TALK, "echo", "4000"]);
    await echo.prints("ready");
    await topology.must("router", ["sh", "-c", "echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct"]);
    const text = rulesText("nft", OPTIONS).replace(/queue num [0-9-]+( bypass)?/g, "counter accept");
    for (const timestamps of ["1", "0"]) {
      await topology.must("client1", ["sh", "-c", `echo ${timestamps} >/proc/sys/net/ipv4/tcp_timestamps`]);
      for (const host of [server.v4, server.v6]) {
        await topology.must("router", ["nft", "-f", "-"], { stdin: text });
        // The shortest payload there is.
        assert.deepEqual(await talk(topology, "client1", "tcp", host, 4000, "x", 5), [5, null]);
        const queued = async () => {
          const list = await topology.must("router", ["nft", "list", "table", "inet", "ftwall"]);
          return [...list.matchAll(/counter packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
        };
        // The second FIN may still be under way.
        await until("both FINs", async () => await queued() >= 1 + 5 + 5 + 2);
        assert.equal(await queued(), 1 + 5 + 5 + 2, `${host}, timestamps ${timestamps}`);
      }
    }
  },
});

const noLegacy = cannot ?? (hasTool("iptables-legacy") ? null : "no iptables-legacy");

Deno.test({
  ...named("iptables-legacy does as well as iptables-nft", noLegacy),
  async fn() {
    await using topology = await Topology.create();
    const inside = topology.runner("router");
    const legacy = (command: string, args: readonly string[], stdin?: string) => {
      const words = [command, ...args].map((word) => word.replace(/^(ip6?tables)(-restore)?$/, "$1-legacy$2"));
      return inside(words[0]!, words.slice(1), stdin);
    };
    assert.equal((await applyRules("iptables", { ...OPTIONS, refuse: "reject" }, legacy)).changed, true);
    assert.equal((await applyRules("iptables", { ...OPTIONS, refuse: "reject" }, legacy)).changed, false);
    assert.deepEqual((await checkRules({ ...OPTIONS, refuse: "reject" }, legacy)).differs, []);
    // Found and removed although `iptables` is the other kind here.
    assert.notDeepEqual(await removeRules(inside), []);
    assert.deepEqual(await removeRules(inside), []);
    assert.doesNotMatch(await topology.must("router", ["iptables-legacy-save"]), /ftwall/);
  },
});

Deno.test({
  ...named("iptables without the u32 match queues packets without payload as well, and says so", cannot),
  async fn() {
    await using topology = await Topology.create();
    const inside = topology.runner("router");
    const lacking = (command: string, args: readonly string[], stdin?: string) =>
      stdin?.includes("-m u32") === true
        ? Promise.resolve({ code: 2, stdout: "", stderr: "Couldn't load match `u32'" })
        : inside(command, args, stdin);
    const { changed, notes } = await applyRules("iptables", OPTIONS, lacking);
    assert.ok(changed && notes.some((note) => note.startsWith("no u32 match")), notes.join());
    assert.equal((await applyRules("iptables", OPTIONS, lacking)).changed, false);
    assert.deepEqual((await checkRules(OPTIONS, lacking)).differs, []);
    // With the match at hand again the rules are made anew.
    assert.equal((await applyRules("iptables", OPTIONS, inside)).changed, true);
    assert.deepEqual((await checkRules(OPTIONS, inside)).differs, []);
  },
});
