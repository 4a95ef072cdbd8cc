import assert from "node:assert/strict";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { type Home, Homes } from "./support_clients_homes.ts";
import { MAPPER_TOOLS, startMapper } from "./support_clients_mapper.ts";
import { Share, TORRENT_TOOLS, TorrentClient } from "./support_clients_torrent.ts";
import { ADDRESSES, Topology, until } from "./topology.ts";
import { say } from "./watch.ts";

const { server, client2 } = ADDRESSES;

/** Bytes a second of each seeder: a transfer lasts long enough to be seen ending. */
const RATE = 20_000;
/** Seconds for which nothing may come after the end. */
const QUIET = 6;

const torrents = missing([...MAPPER_TOOLS, ...TORRENT_TOOLS]);

async function pause(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Waits until a probe of this client proved something, and one of its flows was refused for that. */
async function ends(daemon: RouterDaemon, client: Home, evidence: string): Promise<void> {
  await daemon.sees({ event: "detected", client: client.v4, evidence, certainty: "certain" }, 20_000);
  const refused = () => daemon.seen({ event: "refused", client: client.v4, reason: "recognised" });
  await until("a refused flow", () => refused().length > 0, 20_000, () => daemon.tail());
}

Deno.test({
  ...torrents("One typed-in peer, encryption required, nothing around it: the answer to a call proves the program"),
  async fn(test) {
    await using topology = await Topology.create({ prefix: "pb" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const own = { program: "libtorrent", encrypted: true, rate: RATE } as const;
    const listen = async (share: Share, host: Home) => {
      const leecher = stack.use(TorrentClient.leech(topology, share, { ...own, host }));
      await topology.listening(host.name, "tcp", leecher.port, 20_000);
      return leecher;
    };
    const mapper = stack.use(new Share("mapper", []));
    await startMapper(topology, mapper.dir);
    await test.step("with ftwall a transfer ends soon after it began", async () => {
      await using daemon = await RouterDaemon.start(topology);
      const [calls, called] = [await homes.add(), await homes.add()];
      // One calls, and has the router map a port without saying why; the other is called.
      const first = stack.use(new Share("calls", []));
      const seeder = stack.use(await TorrentClient.seed(topology, first, { ...own, host: "server" }));
      const peers = [[server.v4, seeder.port]] as const;
      const leecher = stack.use(TorrentClient.leech(topology, first, { ...own, host: calls, maps: "nat-pmp", peers }));
      const second = stack.use(new Share("called", []));
      const other = await listen(second, called);
      stack.use(
        await TorrentClient.seed(topology, second, { ...own, host: "server", peers: [[called.v4, other.port]] }),
      );
      for (const client of [calls, called]) await ends(daemon, client, "mse-probe");
      // What has come is written, and said, a moment later.
      await pause(QUIET);
      const before = [leecher.received, other.received];
      await pause(QUIET);
      assert.deepEqual([leecher.received, other.received], before);
      say(`${before} bytes; ${daemon.seen({ event: "probe-sent" }).length} questions`);
      assert.equal(daemon.seen({ event: "probe-sent", client: client2.v4 }).length, 0);
      for (const client of [calls, called]) {
        assert.match(await daemon.must("explain", client.v4, "--control", daemon.control), /mse-probe \(certain\)/);
      }
    });
    await test.step("in a dry run it asks only if it is told to", async () => {
      for (const asks of [false, true]) {
        const config = `[probe]\ndry_run = ${asks}\n`;
        await using daemon = await RouterDaemon.start(topology, { dryRun: true, config });
        const home = await homes.add();
        const share = stack.use(new Share(`dry-${asks}`, []));
        const leecher = await listen(share, home);
        stack.use(
          await TorrentClient.seed(topology, share, { ...own, host: "server", peers: [[home.v4, leecher.port]] }),
        );
        await daemon.sees({ event: "probe-sent", client: home.v4, dry_run: true }, 20_000);
        const proven = { event: "detected", client: home.v4, evidence: "mse-probe", dry_run: true };
        if (asks) await daemon.sees(proven, 20_000);
        else {
          await pause(QUIET);
          assert.equal(daemon.seen(proven).length, 0);
        }
        const before = leecher.received;
        await until("more of the file", () => leecher.received > before, 20_000);
      }
    });
  },
});
