import assert from "node:assert/strict";
import { applyRules, checkRules, KernelSets, removeRules, rulesText } from "../../lib/firewall/mod.ts";
import { backends, clearScenes, named, noBackend, OPTIONS, scene, TALK, talk } from "./rules_scene.ts";
import { ADDRESSES, PATIENCE, Topology, until } from "./topology.ts";

const { client1, client2, router, server } = ADDRESSES;
const { mask, accepted } = OPTIONS.mark;
const client = (address: string) => ({ kind: "locked", address, port: 0 }) as const;

Deno.test.afterAll(clearScenes);

/** What a check says of the rules themselves, without their stamp. */
async function checked(...args: Parameters<typeof checkRules>): Promise<unknown> {
  const { backend, present, differs } = await checkRules(...args);
  return { backend, present, differs };
}

for (const backend of backends.length > 0 ? backends : ["iptables"] as const) {
  Deno.test({
    ...named(`${backend}: applying twice changes nothing the second time, removing takes only what is ours`, noBackend),
    async fn() {
      await using topology = await Topology.create({ masquerade: true });
      const run = topology.runner("router");
      await topology.must("router", [
        "iptables",
        "-t",
        "mangle",
        "-A",
        "FORWARD",
        "-j",
        "MARK",
        "--set-xmark",
        "5/0xff",
      ]);
      await topology.must("router", ["nft", "-f", "-"], { stdin: "table inet other {\n chain c {\n accept\n }\n}\n" });
      const state = () =>
        topology.must("router", [
          "sh",
          "-c",
          "iptables -t mangle -S; iptables -t nat -S; nft list table inet other; nft list tables",
        ]);
      const before = await state();
      assert.deepEqual(await removeRules(run), []);
      assert.equal((await applyRules(backend, OPTIONS, run)).changed, true);
      // Without counters, and in the order in which the kernel holds them.
      const all = () =>
        topology.must("router", ["sh", "-c", "iptables -t mangle -S; ip6tables -t mangle -S; nft -s list ruleset"]);
      const once = (await all()).replace(/counter packets \d+ bytes \d+/g, "");
      assert.equal((await applyRules(backend, OPTIONS, run)).changed, false);
      assert.equal((await all()).replace(/counter packets \d+ bytes \d+/g, ""), once);
      assert.deepEqual(await checked(OPTIONS, run), { backend, present: true, differs: [] });
      assert.equal((await checkRules({ ...OPTIONS, packetsTcp: 9 }, run)).differs.length > 0, true);
      // Rejecting needs a chain in the filter table, which goes again with the next change.
      assert.equal((await applyRules(backend, { ...OPTIONS, refuse: "reject" }, run)).changed, true);
      assert.equal((await applyRules(backend, OPTIONS, run)).changed, true);
      assert.deepEqual(await checked(OPTIONS, run), { backend, present: true, differs: [] });
      assert.notDeepEqual(await removeRules(run), []);
      assert.deepEqual(await removeRules(run), []);
      assert.equal(await state(), before);
      assert.deepEqual(await checked(OPTIONS, run), { backend: null, present: false, differs: [] });
    },
  });

  Deno.test({
    ...named(
      `${backend}: lost hooks and foreign edits are noticed and mended`,
      noBackend ?? (backend === "nft" ? "iptables only" : null),
    ),
    async fn() {
      await using topology = await Topology.create();
      const run = topology.runner("router");
      await applyRules(backend, OPTIONS, run);
      await topology.must("router", ["iptables", "-t", "mangle", "-D", "FORWARD", "-j", "ftwall_forward"]);
      await topology.must("router", ["ip6tables", "-t", "mangle", "-I", "INPUT", "-j", "ftwall_input"]);
      await topology.must("router", ["iptables", "-t", "mangle", "-A", "ftwall_judge", "-j", "ACCEPT"]);
      assert.equal((await checkRules(OPTIONS, run)).differs.length, 3);
      assert.equal((await applyRules(backend, OPTIONS, run)).changed, true);
      assert.deepEqual((await checkRules(OPTIONS, run)).differs, []);
    },
  });

  Deno.test({
    ...named(`${backend}: only the first packets of each direction visit the queue, over IPv4 and IPv6`, noBackend),
    async fn() {
      await using scenery = await scene(backend, OPTIONS, { masquerade: true });
      const { topology, forwarded, lines } = scenery;
      let before = 0;
      for (const host of [server.v4, server.v6]) {
        assert.deepEqual(await talk(topology, "client1", "udp", host, 4000, "plain", 30), [30, null]);
        assert.equal(await forwarded() - before, 2 * OPTIONS.packetsUdp);
        before = await forwarded();
        assert.deepEqual(await talk(topology, "client1", "tcp", host, 4000, "plain", 60), [60, null]);
        // The SYN, and of the first packets of each direction those with payload.
        const cost = await forwarded() - before;
        assert.ok(cost >= OPTIONS.packetsTcp && cost <= 2 * OPTIONS.packetsTcp - 2, `${cost} packets were queued`);
        before = await forwarded();
        // The shortest payloads there are, with headers of other lengths.
        for (const timestamps of ["0", "1"]) {
          await topology.must("client1", ["sh", "-c", `echo ${timestamps} >/proc/sys/net/ipv4/tcp_timestamps`]);
          assert.deepEqual(await talk(topology, "client1", "tcp", host, 4000, "x", 5), [5, null]);
          // The second FIN may still be under way.
          await until("both FINs", async () => await forwarded() - before >= 1 + 5 + 5 + 2);
          assert.equal(await forwarded() - before, 1 + 5 + 5 + 2);
          before = await forwarded();
        }
      }
      // Clients among themselves, and single packets of many flows.
      assert.deepEqual(await talk(topology, "client1", "udp", server.v4, 4000, "plain", 20, 60_000, "each"), [
        20,
        null,
      ]);
      assert.equal(await forwarded() - before, 40);
      const inside = topology.start("client2", [Deno.execPath(), "run", "-A", "--no-check", TALK, "echo", "4000"]);
      await inside.prints("ready");
      before = (await lines()).length;
      assert.deepEqual(await talk(topology, "client1", "tcp", client2.v4, 4000, "plain", 5), [5, null]);
      assert.equal((await lines()).length, before);
    },
  });

  Deno.test({
    ...named(`${backend}: a settled flow leaves the queue, other users of marks keep theirs`, noBackend),
    async fn() {
      await using scenery = await scene(backend, OPTIONS, { masquerade: true });
      const { topology, forwarded, lines } = scenery;
      await topology.must("router", [
        "sh",
        "-c",
        [
          "iptables -t mangle -A PREROUTING -j CONNMARK --set-xmark 0x21/0xff",
          "iptables -t mangle -A PREROUTING -j MARK --set-xmark 0x7/0xff",
          // After everything else: what leaves carries no bit of ours.
          `iptables -t mangle -A POSTROUTING -m mark ! --mark 0/${mask}`,
        ].join("\n"),
      ]);
      assert.deepEqual(await talk(topology, "client1", "udp", server.v4, 4000, "settle", 20), [20, null]);
      assert.equal(await forwarded(), 1);
      assert.match((await lines())[0]!, /mark=0x7 /);
      assert.deepEqual(await talk(topology, "client1", "tcp", server.v4, 4000, "settle", 20), [20, null]);
      // SYN, then the payload that settles it.
      assert.equal(await forwarded(), 1 + 2);
      const table = await topology.must("router", ["conntrack", "-L"]);
      assert.equal(table.match(new RegExp(`mark=${accepted + 0x21} `, "g"))?.length, 2, table);
      const left = await topology.must("router", ["iptables", "-t", "mangle", "-L", "POSTROUTING", "-vnx"]);
      assert.match(left, /^\s*0\s+0 .*mark match/m);
      assert.deepEqual(await talk(topology, "client1", "udp", server.v6, 4000, "settle", 20), [20, null]);
      assert.equal(await forwarded(), 1 + 2 + 1);
    },
  });

  for (const refuse of ["drop", "reject"] as const) {
    Deno.test({
      ...named(`${backend}: a refused flow stays refused in the kernel (${refuse})`, noBackend),
      async fn() {
        await using scenery = await scene(backend, { ...OPTIONS, refuse }, { masquerade: true });
        const { topology, judge, echo, forwarded } = scenery;
        let seen = 0;
        for (const host of [server.v4, server.v6]) {
          const [answers] = await talk(topology, "client1", "udp", host, 4000, "plain|refuse", 5, 20);
          assert.equal(answers, 1);
          // The first datagram, its answer, and the one that is refused; the kernel refuses the rest.
          seen += 3;
          assert.equal(await forwarded(), seen);
          // Only a refusal that is told can be waited for.
          const patience = refuse === "reject" ? 60_000 : 2000 * PATIENCE;
          const tcp = await talk(topology, "client1", "tcp", host, 4000, "refuse", 1, patience);
          assert.deepEqual(tcp, [0, refuse === "reject" ? "ECONNRESET" : "timeout"]);
          seen += 2;
          assert.equal(await forwarded(), seen);
        }
        const counters = await topology.must("client1", ["cat", "/proc/net/snmp", "/proc/net/snmp6"]);
        const [names, values] = counters.split("\n").filter((line) => line.startsWith("Icmp: ")).map((line) =>
          line.split(" ")
        );
        const told = refuse === "reject" ? 4 : 0;
        assert.equal(Number(values![names!.indexOf("InDestUnreachs")]), told);
        assert.equal(Number(/Icmp6InDestUnreachs\s+(\d+)/.exec(counters)?.[1]), told);
        assert.doesNotMatch(echo.stdout, /refuse/);
        assert.doesNotMatch(judge.stdout, /returned/);
        assert.deepEqual(await talk(topology, "client2", "tcp", server.v4, 4000, "plain", 2), [2, null]);
      },
    });
  }

  Deno.test({
    ...named(`${backend}: flows settled in an earlier epoch are judged again`, noBackend),
    async fn() {
      await using scenery = await scene(backend, OPTIONS);
      const { topology, forwarded } = scenery;
      const command = [Deno.execPath(), "run", "-A", "--no-check", TALK];
      const flow = topology.start("client1", [...command, "udp", server.v4, "4000", "settle", "10000", "20", "paced"]);
      await scenery.echo.prints(/(udp .*settle\n){5}/);
      assert.equal(await forwarded(), 1);
      const mark = { ...OPTIONS.mark, accepted: 0x08000000, refused: 0x09000000 };
      await applyRules(backend, { ...OPTIONS, mark }, topology.runner("router"));
      // The consumer still answers with the old mark, so the flow is asked about again and again.
      await until("the flow in the queue again", async () => await forwarded() > 3);
      await flow.stop();
    },
  });

  Deno.test({
    ...named(`${backend}: locked clients and blocked peers are held by the kernel, renewal still arrives`, noBackend),
    async fn() {
      await using scenery = await scene(backend, { ...OPTIONS, renewRate: 5 });
      const { topology, forwarded } = scenery;
      const run = topology.runner("router");
      // A burst of ten, and five for each second since then.
      const atMost = (began: number) => 10 + Math.ceil((performance.now() - began) / 1000) * 5;
      await using sets = new KernelSets(backend, run);
      for (const address of [client1.v4, client1.v6]) sets.put(client(address), 60);
      sets.put(client(client2.v4), 60);
      sets.remove(client(client2.v4));
      await sets.settled();
      sets.put(client(client1.v4), 90);
      await sets.settled();
      assert.deepEqual([sets.state.failed, sets.state.lastError], [0, null]);
      for (const host of [server.v4, server.v6]) {
        assert.deepEqual(await talk(topology, "client1", "tcp", host, 4000, "plain", 1, 300 * PATIENCE), [
          0,
          "timeout",
        ]);
        const before = await forwarded();
        const began = performance.now();
        assert.equal((await talk(topology, "client1", "udp", host, 4000, "plain", 100, 1, "each"))[0], 0);
        const asked = await forwarded() - before;
        const most = atMost(began);
        assert.ok(asked >= 5 && asked <= most, `${asked} packets of the locked client were queued, of ${most} at most`);
      }
      assert.deepEqual(await talk(topology, "client2", "tcp", server.v4, 4000, "plain", 3), [3, null]);
      sets.clear("locked");
      const peer = { kind: "peers", address: server.v4, port: 4000 } as const;
      sets.put(peer, 60);
      sets.put({ ...peer, port: 4001 }, 60);
      await sets.settled();
      assert.equal(sets.state.failed, 0);
      // UDP of a peer is nobody's but its sender's: all of it passes.
      assert.deepEqual(await talk(topology, "client2", "udp", server.v4, 4000, "plain", 20), [20, null]);
      assert.equal(
        (await talk(topology, "client2", "tcp", server.v4, 4000, "plain|refuse", 2, 300 * PATIENCE))[1],
        "timeout",
      );
      sets.put(peer, 1);
      await sets.settled();
      // It ends by itself, and the connection goes on: TCP tries again.
      assert.deepEqual(await talk(topology, "client1", "tcp", server.v4, 4000, "plain", 3), [3, null]);
    },
  });

  Deno.test({
    ...named(`${backend}: packets that wait in the queue survive a change of the rules`, noBackend),
    async fn() {
      await using scenery = await scene(backend, OPTIONS);
      const { topology, judge, echo } = scenery;
      judge.kill("SIGSTOP");
      await talk(topology, "client1", "udp", server.v4, 4000, "waiting", 20, 10, "each");
      const waiting = async () =>
        (await topology.must("router", ["cat", "/proc/net/netfilter/nfnetlink_queue"])).split(/\s+/)[3];
      await until("packets in the queue", async () => await waiting() === "20");
      assert.equal(echo.stdout.includes("waiting"), false);
      await applyRules(backend, { ...OPTIONS, packetsUdp: 5, refuse: "reject" }, topology.runner("router"));
      assert.equal(await waiting(), "20");
      judge.kill("SIGCONT");
      await echo.prints(/(udp .*waiting\n){20}/);
    },
  });

  Deno.test({
    ...named(`${backend}: the router's DNS and what clients send to it are heard`, noBackend),
    async fn() {
      await using scenery = await scene(backend, OPTIONS);
      const { topology, lines } = scenery;
      const dns = topology.start("router", [Deno.execPath(), "run", "-A", "--no-check", TALK, "echo", "53"]);
      const other = topology.start("router", [Deno.execPath(), "run", "-A", "--no-check", TALK, "echo", "4001"]);
      const low = topology.start("router", [Deno.execPath(), "run", "-A", "--no-check", TALK, "echo", "901"]);
      for (const program of [dns, other, low]) await program.prints("ready");
      for (const host of [router.v4, router.v6]) {
        const before = (await lines()).length;
        assert.deepEqual(await talk(topology, "client1", "udp", host, 53, "plain", 12), [12, null]);
        const heard = (await lines()).slice(before);
        assert.equal(heard.filter((line) => line.startsWith("hook=1 ")).length, 12);
        assert.equal(heard.filter((line) => line.startsWith("hook=3 ")).length, 12);
        assert.deepEqual(await talk(topology, "client1", "udp", host, 4001, "plain", 4), [4, null]);
        assert.equal((await lines()).length, before + 24 + 4);
        assert.deepEqual(await talk(topology, "client1", "tcp", host, 901, "plain", 4), [4, null]);
        assert.equal((await lines()).length, before + 24 + 4);
        // A high port may be the one where port mappings are asked for: the first packets are looked at, and all pass.
        assert.deepEqual(await talk(topology, "client1", "tcp", host, 4001, "plain", 40), [40, null]);
        const first = (await lines()).slice(before + 24 + 4);
        assert.ok(first.length > 4 && first.length <= OPTIONS.packetsTcp, `${first.length} packets`);
        assert.ok(first.every((line) => line.startsWith("hook=1 ")));
      }
    },
  });

  Deno.test({
    ...named(`${backend}: with nobody listening packets pass or stay out, as asked`, noBackend),
    async fn() {
      await using scenery = await scene(backend, OPTIONS, { listen: false });
      const { topology } = scenery;
      const run = topology.runner("router");
      assert.deepEqual(await talk(topology, "client1", "tcp", server.v4, 4000, "plain", 3), [3, null]);
      await applyRules(backend, { ...OPTIONS, failOpen: false }, run);
      assert.deepEqual(await talk(topology, "client1", "tcp", server.v6, 4000, "plain", 3, 300 * PATIENCE), [
        0,
        "timeout",
      ]);
      await applyRules(backend, { ...OPTIONS, failOpen: false, exempt: [client1.mac, client2.v4] }, run);
      assert.deepEqual(await talk(topology, "client1", "tcp", server.v4, 4000, "plain", 3), [3, null]);
      assert.deepEqual(await talk(topology, "client1", "udp", server.v6, 4000, "plain", 3), [3, null]);
      assert.deepEqual(await talk(topology, "client2", "tcp", server.v4, 4000, "plain", 3), [3, null]);
    },
  });

  Deno.test({
    ...named(`${backend}: without interfaces the home prefixes tell the sides apart`, noBackend),
    async fn() {
      await using scenery = await scene(backend, { ...OPTIONS, lan: ["absent0"] });
      const { topology, forwarded } = scenery;
      for (const host of [server.v4, server.v6]) {
        const before = await forwarded();
        assert.deepEqual(await talk(topology, "client1", "udp", host, 4000, "plain", 2), [2, null]);
        assert.equal(await forwarded() - before, 4);
      }
    },
  });

  Deno.test({
    ...named(`${backend}: the printed rules load as they stand, twice`, noBackend),
    async fn() {
      await using topology = await Topology.create();
      const command = backend === "nft" ? ["nft", "-f", "-"] : ["sh", "-s"];
      for (let times = 0; times < 2; times++) {
        const answer = await topology.run("router", command, {
          stdin: rulesText(backend, { ...OPTIONS, refuse: "reject" }),
        });
        assert.deepEqual([answer.code, answer.stderr], [0, ""]);
      }
      assert.deepEqual(await checked({ ...OPTIONS, refuse: "reject" }, topology.runner("router")), {
        backend,
        present: true,
        differs: [],
      });
    },
  });
}
