import assert from "node:assert/strict";
import { Bystander, program, serve, type TrafficLine } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { resolver } from "./name_server.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, type Host, Topology } from "./topology.ts";

const named = missing([["dnsmasq", "dnsmasq-base"]]);
const WINMX = { v4: "198.51.100.77", v6: "2001:db8:91::77" };
const OTHER = { v4: "198.51.100.78", v6: "2001:db8:91::78" };
const FORGED = { v4: "198.51.100.79", v6: "2001:db8:91::79" };
const PORT = 6699;

const ANSWERS = [
  `--address=/c3310.z1301.winmx.com/${WINMX.v4}`,
  `--address=/c3310.z1301.winmx.com/${WINMX.v6}`,
  `--address=/www.example.org/${OTHER.v4}`,
  `--address=/www.example.org/${OTHER.v6}`,
];

/** What one run of traffic.ts in a host tells last. */
async function once(topology: Topology, host: Host, ...words: (string | number)[]): Promise<TrafficLine> {
  const output = await topology.must(host, program("traffic.ts", ...words));
  return JSON.parse(output.trim().split("\n").at(-1)!) as TrafficLine;
}

async function reaches(topology: Topology, host: Host, address: string, port = PORT): Promise<boolean> {
  return (await once(topology, host, "dial", address, port, 700, ""))["connected"] === true;
}

/** The server has all the addresses, and takes connections on the port of each. */
async function scene(): Promise<Topology> {
  const topology = await Topology.create();
  try {
    for (const { v4, v6 } of [WINMX, OTHER, FORGED]) {
      await topology.must("server", ["ip", "addr", "add", `${v4}/24`, "dev", "eth0"]);
      await topology.must("server", ["ip", "addr", "add", `${v6}/64`, "dev", "eth0", "nodad"]);
    }
    await serve(topology);
    const echo = topology.start("server", program("talk.ts", "echo", PORT));
    await echo.prints("ready");
    return topology;
  } catch (error) {
    await topology[Symbol.asyncDispose]();
    throw error;
  }
}

/** A DNS answer with one address: id 0x1234, the question, and an answer that points back to its name. */
function forgery(name: string, address: string): string {
  const hex = (text: string) => [...text].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  const labels = name.split(".").map((label) => label.length.toString(16).padStart(2, "0") + hex(label)).join("");
  const data = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0")).join("");
  return `123481800001000100000000${labels}0000010001` + `c00c00010001000000ff0004${data}`;
}

for (const where of ["server", "router"] as const) {
  Deno.test({
    ...named(
      `the address that ${where === "server" ? "a resolver outside" : "the router itself"} gives for a WinMX name ` +
        "is trained: who goes there is refused and locked",
    ),
    async fn() {
      await using topology = await scene();
      await using _names = await resolver(topology, where, ANSWERS);
      const at = where === "server" ? ADDRESSES.server : ADDRESSES.router;
      await using daemon = await RouterDaemon.start(topology, { config: "[lock]\nseconds = 8\n" });
      const bystander = await Bystander.start(topology, "client2");
      await Promise.all(
        ([["v4", "A"], ["v6", "AAAA"]] as const).map(async ([family, type]) => {
          const client = ADDRESSES.client1[family];
          const address = WINMX[family];
          assert.equal(await reaches(topology, "client1", address), true);
          const answer = await once(topology, "client1", "resolve", at[family], "c3310.z1301.winmx.com", type, 0);
          assert.deepEqual(answer["answers"], [address]);
          const trained = await daemon.sees({ event: "trained", address });
          assert.equal(trained["name"], "c3310.z1301.winmx.com");
          assert.equal(daemon.seen({ event: "locked", client }).length, 0, "asking locks nobody");
          const other = await once(topology, "client1", "resolve", at[family], "www.example.org", type, 0);
          assert.deepEqual(other["answers"], [OTHER[family]]);
          assert.equal(await reaches(topology, "client1", OTHER[family]), true);
          assert.equal(await reaches(topology, "client1", address), false);
          await daemon.sees({ event: "locked", client, protocol: "winmx" });
          assert.equal(await reaches(topology, "client1", OTHER[family]), false, "a locked client goes out");
          await daemon.sees({ event: "released", client }, 20_000);
          await new Promise((resolve) => setTimeout(resolve, 1100));
          assert.equal(await reaches(topology, "client1", OTHER[family]), true);
          // Where it went once it is refused again: the address stays trained.
          assert.equal(await reaches(topology, "client1", address), false);
        }),
      );
      bystander.check(20);
      await bystander.stop();
      assert.deepEqual(
        daemon.seen({ event: "trained" }).map((event) => event["address"]).sort(),
        [
          WINMX.v4,
          WINMX.v6,
        ].sort(),
      );
    },
  });
}

Deno.test({
  ...named("DNS answers that nobody asked for, or for another question, train nothing"),
  async fn() {
    await using topology = await scene();
    await using daemon = await RouterDaemon.start(topology);
    const forged = forgery("c3310.z1301.winmx.com", FORGED.v4);
    // From the outside, unasked.
    await once(topology, "server", "send", 53, ADDRESSES.client1.v4, 40000, forged, 50);
    const fake = topology.start("server", program("traffic.ts", "fake", FORGED.v4, forged));
    await fake.prints('"ready"');
    // The client asks this resolver for another name, and gets the answer for the WinMX name.
    const question = `123401000001000000000000${"0377777707" + "6578616d706c65036f726700"}00010001`;
    const got = await once(topology, "client1", "send", 0, FORGED.v4, 53, question, 500);
    assert.equal((got["answers"] as string[]).length, 1, "the forged answer did not reach the client");
    assert.equal((await daemon.status()).trained.count, 0);
    assert.equal(await reaches(topology, "client1", FORGED.v4), true);
    // The same answer to the question that it fits is believed: the test can tell.
    const fitting = forged.slice(0, 4) + "01000001000000000000" + forged.slice(24, -32);
    await once(topology, "client1", "send", 0, FORGED.v4, 53, fitting, 500);
    await daemon.sees({ event: "trained", address: FORGED.v4 });
  },
});
