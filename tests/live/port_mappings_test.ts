import assert from "node:assert/strict";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Homes } from "./support_clients_homes.ts";
import { MAPPER_TOOLS, startMapper } from "./support_clients_mapper.ts";
import { Share, TORRENT_TOOLS, TorrentClient } from "./support_clients_torrent.ts";
import { ADDRESSES, Topology, until } from "./topology.ts";

const named = missing([...MAPPER_TOOLS, ...TORRENT_TOOLS]);

/** Bytes a second of the seeder: a transfer lasts long enough to be seen ending. */
const RATE = 20_000;

Deno.test({
  ...named("Programs that have the router map a port are known by what they call themselves, others are not"),
  async fn() {
    await using topology = await Topology.create({ prefix: "pm" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const share = stack.use(new Share("mapped", []));
    await startMapper(topology, share.dir);
    await using daemon = await RouterDaemon.start(topology);
    const { client1, client2, router, server } = ADDRESSES;

    const upnpc = ["upnpc", "-e", "A game", "-a", client1.v4, "3074", "3074", "UDP"];
    assert.match(await topology.must("client1", upnpc), /is redirected to internal/);
    await topology.must("client2", ["natpmpc", "-g", router.v4, "-a", "4000", "4000", "tcp", "300"]);
    const game = await daemon.sees({
      event: "port-mapped",
      client: client1.v4,
      port: 3074,
      transport: "udp",
      by: "upnp",
    });
    assert.equal(game["description"], "A game");
    await daemon.sees({ event: "port-mapped", client: client2.v4, port: 4000, transport: "tcp", by: "nat-pmp" });

    const home = await homes.add();
    const seeder = stack.use(
      await TorrentClient.seed(topology, share, { program: "libtorrent", encrypted: true, rate: RATE, host: "server" }),
    );
    const leecher = stack.use(TorrentClient.leech(topology, share, {
      program: "libtorrent",
      encrypted: true,
      rate: RATE,
      host: home,
      maps: "upnp",
      peers: [[server.v4, seeder.port]],
    }));
    const mapped = { event: "detected", client: home.v4, evidence: "port-mapping", certainty: "strong" };
    const detected = await daemon.sees(mapped, 20_000);
    assert.match(String(detected["bytes"]), /^libtorrent/);
    const ended = () => daemon.seen({ event: "refused", client: home.v4, reason: "recognised" });
    await until("a refused flow", () => ended().length > 0, 20_000, () => daemon.tail());
    const before = leecher.received;
    await new Promise((resolve) => setTimeout(resolve, 6000));
    assert.equal(leecher.received, before);
    assert.match(await daemon.must("explain", home.v4, "--control", daemon.control), /port-mapping \(strong\)/);
    assert.equal(daemon.seen({ event: "detected", client: client1.v4 }).length, 0);
    assert.equal(daemon.seen({ event: "detected", client: client2.v4 }).length, 0);
  },
});
