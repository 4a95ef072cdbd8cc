import assert from "node:assert/strict";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Homes } from "./support_clients_homes.ts";
import { Capture } from "./support_clients_capture.ts";
import {
  FILE_BYTES,
  type Program,
  Share,
  startNode,
  startTracker,
  TORRENT_TOOLS,
  TorrentClient,
  type TorrentSettings,
  TRACKER,
} from "./support_clients_torrent.ts";
import { ADDRESSES, LAN, Topology, until } from "./topology.ts";
import { arrive, keep, say, watchSeconds } from "./watch.ts";

const named = missing(TORRENT_TOOLS);

/** One transfer: who has, who wants, and in which way. */
interface Way extends Omit<TorrentSettings, "program" | "host"> {
  readonly label: string;
  readonly seeder: Program;
  readonly leecher: Program;
  /** The file leaves the protected side instead of coming in. */
  readonly upload?: boolean;
  readonly tracker?: "http" | "udp";
}

const WAYS: readonly Way[] = [
  { label: "aria2-plain-http", seeder: "transmission", leecher: "aria2", tracker: "http" },
  { label: "aria2-encrypted-http", seeder: "transmission", leecher: "aria2", encrypted: true, tracker: "http" },
  { label: "aria2-magnet-dht", seeder: "libtorrent", leecher: "aria2", dht: true, magnet: true },
  { label: "transmission-plain-udp-dht", seeder: "libtorrent", leecher: "transmission", dht: true, tracker: "udp" },
  {
    label: "transmission-encrypted-udp",
    seeder: "libtorrent",
    leecher: "transmission",
    encrypted: true,
    tracker: "udp",
  },
  { label: "libtorrent-utp-plain", seeder: "libtorrent", leecher: "libtorrent", utp: true, tracker: "udp" },
  {
    label: "libtorrent-utp-encrypted",
    seeder: "libtorrent",
    leecher: "libtorrent",
    utp: true,
    encrypted: true,
    tracker: "http",
  },
  {
    label: "libtorrent-magnet-dht",
    seeder: "libtorrent",
    leecher: "libtorrent",
    dht: true,
    magnet: true,
    encrypted: true,
  },
  {
    label: "qbittorrent-encrypted",
    seeder: "transmission",
    leecher: "qbittorrent",
    encrypted: true,
    dht: true,
    tracker: "http",
  },
  { label: "rtorrent-plain-udp", seeder: "transmission", leecher: "rtorrent", tracker: "udp" },
  { label: "rtorrent-encrypted", seeder: "libtorrent", leecher: "rtorrent", encrypted: true, tracker: "http" },
  {
    label: "upload-encrypted",
    seeder: "libtorrent",
    leecher: "libtorrent",
    encrypted: true,
    tracker: "http",
    upload: true,
  },
  { label: "upload-plain", seeder: "transmission", leecher: "aria2", tracker: "http", upload: true },
];
/** How long nothing of any file may cross. */
const SECONDS = watchSeconds(35);
/** Bytes of one flow and direction that begin a conversation and hold no block (16 KiB each) of a file. */
const OVERTURE = 6000;

/** By hand: ftwall is stopped and started again at half time. */
const restarts = Deno.env.get("FTWALL_RESTART") !== undefined;
const only = Deno.env.get("FTWALL_CLIENTS_ONLY");

Deno.test({
  ...named("BitTorrent clients of the distribution move files without ftwall, and not a byte with it"),
  async fn(test) {
    const ways = WAYS.filter((way) => only === undefined || new RegExp(only).test(way.label));
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const shares = ways.map((way) =>
      stack.use(new Share(way.label, way.tracker === undefined ? [] : [TRACKER[way.tracker]]))
    );
    await startTracker(topology, shares);
    const node = await startNode(topology, "server");
    const swarms = await Promise.all(ways.map(async (way, at) => {
      const share = shares[at]!;
      const inside = await homes.add();
      const outside = "server" as const;
      const nodes = way.dht === true ? { nodes: [node] } : {};
      const seed = async (port?: number) =>
        await TorrentClient.seed(topology, share, {
          ...way,
          ...nodes,
          ...(port === undefined ? {} : { port }),
          program: way.seeder,
          host: way.upload === true ? inside : outside,
        });
      const leech = () =>
        TorrentClient.leech(topology, share, {
          ...way,
          ...nodes,
          program: way.leecher,
          host: way.upload === true ? outside : inside,
        });
      const seeder = stack.use(await seed());
      return { way, share, leech, seeder, seed };
    }));
    const files = swarms.map(({ share }) => share.content);
    await test.step("without ftwall every file arrives", async () => {
      await using capture = await Capture.start(topology, "router", LAN);
      await arrive(swarms, (leechers, wanted) =>
        Promise.resolve(wanted.map((swarm) => {
          const leecher = leechers.use(swarm.leech());
          const report = () => `${leecher.received} ${leecher.tail}`;
          return { way: swarm, label: swarm.way.label, came: () => leecher.complete, report };
        })));
      await capture.end();
      keep(capture, "bittorrent");
      // The eye that sees nothing later sees something now.
      const marks = capture.marks(files);
      const blind = swarms.filter(({ way }, at) => way.encrypted !== true && marks[at]! < FILE_BYTES / 32 * 0.4);
      assert.deepEqual(blind.map(({ way }) => way.label), [], `marks ${marks}`);
    });
    await test.step("with ftwall nothing of any file crosses", async () => {
      await using daemon = await RouterDaemon.start(topology);
      await using inside = await Capture.start(topology, "router", LAN);
      await using outside = await Capture.start(topology, "server");
      await using leechers = new AsyncDisposableStack();
      // A seeder on the protected side begins anew: what the tracker knows of it from before is still there.
      await Promise.all(
        swarms.filter(({ way }) => way.upload === true).map(async ({ seeder, seed }) => {
          await seeder[Symbol.asyncDispose]();
          leechers.use(await seed(seeder.port));
        }),
      );
      const running = swarms.map(({ way, leech }) => ({ way, leecher: leechers.use(leech()) }));
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 500));
      if (restarts) {
        const first = running.map(({ way, leecher }) => [way.label, leecher.received]);
        assert.deepEqual(first, ways.map((way) => [way.label, 0]), "before ftwall was started again");
        await daemon.process.stop();
        await daemon.launch();
      }
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 500));
      const received = running.map(({ way, leecher }) => [way.label, leecher.received]);
      for (const { way, leecher } of running) if (leecher.ended) say(`${way.label} ended: ${leecher.tail}`);
      await inside.end();
      await outside.end();
      const evidence = new Map<string, number>();
      for (const event of daemon.seen({ event: "detected" })) {
        const key = `${event["evidence"]} ${event["certainty"]}`;
        evidence.set(key, (evidence.get(key) ?? 0) + 1);
      }
      say([...evidence].map(([name, count]) => `${name} ${count}`).join(", "));
      for (const [label, bytes] of received) say(`${label}: ${bytes} bytes in ${SECONDS} s`);
      const large = [
        ...inside.volumes().filter(({ to, bytes }) => isHome(to) && bytes > OVERTURE),
        ...outside.volumes().filter(({ from, bytes }) => isHome(from) && bytes > OVERTURE),
      ];
      assert.deepEqual(received, ways.map((way) => [way.label, 0]), JSON.stringify(large));
      const downloads = files.filter((_, at) => ways[at]!.upload !== true);
      const uploads = files.filter((_, at) => ways[at]!.upload === true);
      assert.deepEqual(inside.marks(downloads), downloads.map(() => 0), "bytes of files came in");
      assert.deepEqual(outside.marks(uploads), uploads.map(() => 0), "bytes of files went out");
      assert.deepEqual(large, [], "flows that carried more than a greeting");
    });
  },
});

/** What else gives the client away while it takes a file, encrypted, from a peer that its user typed in. */
const LEAKS: readonly (Partial<Way> & { readonly label: string })[] = [
  { label: "typed-in-dht", dht: true },
  { label: "typed-in-tracker", tracker: "http" },
];

Deno.test({
  ...named(
    "An encrypted transfer from a typed-in peer is refused where anything else leaks",
  ),
  async fn() {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const shares = LEAKS.map((way) =>
      stack.use(new Share(way.label, way.tracker === undefined ? [] : [TRACKER[way.tracker]]))
    );
    await startTracker(topology, shares);
    const node = await startNode(topology, "server");
    await using daemon = await RouterDaemon.start(topology);
    const running = await Promise.all(LEAKS.map(async (way, at) => {
      const own = { encrypted: true, program: "libtorrent" } as const;
      const seeder = stack.use(await TorrentClient.seed(topology, shares[at]!, { ...own, host: "server" }));
      const leecher = TorrentClient.leech(topology, shares[at]!, {
        ...own,
        host: await homes.add(),
        ...(way.dht === true ? { dht: true, nodes: [node] } : {}),
        peers: [[ADDRESSES.server.v4, seeder.port]],
      });
      return { way, leecher: stack.use(leecher) };
    }));
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    for (const event of daemon.seen({ event: "detected" })) {
      say(`${event["client"]} ${event["evidence"]} ${event["certainty"]} ${event.time}`);
    }
    assert.deepEqual(
      running.map(({ way, leecher }) => [way.label, leecher.received]),
      LEAKS.map((way) => [way.label, 0]),
    );
  },
});

Deno.test({
  ...named("An encrypted upload that ran before ftwall did ends once its seeder asks the DHT"),
  async fn() {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const share = stack.use(new Share("running", []));
    const nodes = [await startNode(topology, "server")];
    const home = await homes.add();
    const own = { encrypted: true, program: "libtorrent" } as const;
    const seeder = stack.use(
      await TorrentClient.seed(topology, share, { ...own, host: home, dht: true, nodes, rate: 25_000, asks: 4 }),
    );
    const leecher = stack.use(
      TorrentClient.leech(topology, share, { ...own, host: "server", peers: [[home.v4, seeder.port]] }),
    );
    const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    await until("the upload runs", () => leecher.received > 50_000, 30_000);
    const before = leecher.received;
    await pause(4);
    assert.ok(leecher.received > before + 50_000, `it stands at ${leecher.received} by itself`);
    await using daemon = await RouterDaemon.start(topology);
    await until("refused", () => daemon.seen({ event: "detected", evidence: "known-peer" }).length > 0, 20_000);
    await pause(2);
    const refused = leecher.received;
    await pause(6);
    for (const event of daemon.seen({ event: "detected" })) {
      say(`${event["evidence"]} ${event["certainty"]} ${event.time}`);
    }
    say(`${before}, ${refused}, ${leecher.received}`);
    assert.equal(leecher.received, refused);
    assert.ok(refused < FILE_BYTES * 0.8, `${refused} bytes came before`);
  },
});

function isHome(endpoint: string): boolean {
  return endpoint.startsWith("10.91.1.");
}
