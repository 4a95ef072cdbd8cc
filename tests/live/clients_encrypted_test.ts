import assert from "node:assert/strict";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { type Home, Homes } from "./support_clients_homes.ts";
import { Share, TORRENT_TOOLS, TorrentClient } from "./support_clients_torrent.ts";
import { ADDRESSES, type Host, Topology } from "./topology.ts";
import { say } from "./watch.ts";

const named = missing(TORRENT_TOOLS);

/** Bytes a second of each seeder: a transfer lasts long enough to be seen ending. */
const RATE = 20_000;
/** Seconds until when everything has ended, and from then on in which nothing may come. */
const UNTIL = 25;
const FROM_THEN = 12;

/** Encryption required, peers typed in, nothing else around it. */
const WAYS: readonly {
  readonly label: string;
  readonly hosts: number;
  readonly way: "calls" | "is called" | "seeds";
}[] = [
  { label: "calls-one", hosts: 1, way: "calls" },
  { label: "calls-four", hosts: 4, way: "calls" },
  { label: "is-called-by-four", hosts: 4, way: "is called" },
  { label: "seeds-to-four", hosts: 4, way: "seeds" },
];

Deno.test({
  ...named("Encrypted transfers end by their own lengths, whoever calls, with nothing else around them"),
  async fn() {
    await using topology = await Topology.create({ prefix: "ce" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    for (let i = 0; i < 4; i++) await topology.run("server", ["ip", "addr", "add", `${outside(i)}/32`, "dev", "eth0"]);
    await using daemon = await RouterDaemon.start(topology);
    const own = { encrypted: true, program: "libtorrent" } as const;
    const running = await Promise.all(WAYS.map(async ({ label, hosts, way }) => {
      const share = stack.use(new Share(label, []));
      const home = await homes.add();
      const seed = async (host: Host | Home, more: object) =>
        stack.use(await TorrentClient.seed(topology, share, { ...own, rate: RATE, host, ...more }));
      const leech = (host: Host | Home, more: object) =>
        stack.use(TorrentClient.leech(topology, share, { ...own, rate: RATE, host, ...more }));
      const servers = Array.from({ length: hosts }, (_, i) => outside(i));
      if (way === "calls") {
        const seeders = await Promise.all(servers.map((address) => seed("server", { address })));
        return [leech(home, { peers: seeders.map(({ port }, i) => [servers[i]!, port]) })];
      }
      if (way === "is called") {
        const leecher = leech(home, {});
        await Promise.all(servers.map((address) => seed("server", { address, peers: [[home.v4, leecher.port]] })));
        return [leecher];
      }
      const seeder = await seed(home, {});
      return servers.map((address) => leech("server", { address, peers: [[home.v4, seeder.port]] }));
    }));
    const received = () => running.map((leechers) => leechers.reduce((sum, { received }) => sum + received, 0));
    await new Promise((resolve) => setTimeout(resolve, UNTIL * 1000));
    const before = received();
    await new Promise((resolve) => setTimeout(resolve, FROM_THEN * 1000));
    const after = received();
    for (const event of daemon.seen({ event: "detected" })) {
      say(`${event["client"]} ${event["peer"]} ${event["evidence"]} ${event["certainty"]} ${event.time}`);
    }
    for (const [at, { label }] of WAYS.entries()) {
      say(`${label}: ${before[at]} bytes, then ${after[at]! - before[at]!}`);
    }
    assert.deepEqual(after.map((bytes, at) => bytes - before[at]!), WAYS.map(() => 0));
    assert.ok(daemon.seen({ event: "refused", reason: "recognised" }).some((event) => event["evidence"] === "fan-out"));
  },
});

function outside(number: number): string {
  return ADDRESSES.server.v4.replace(/\d+$/, String(60 + number));
}
