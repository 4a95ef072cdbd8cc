import assert from "node:assert/strict";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Capture } from "./support_clients_capture.ts";
import {
  DIRECT_CONNECT_TOOLS,
  type DirectConnectClient,
  type DirectConnectSettings,
  Eiskalt,
  Ncdc,
  type Scheme,
  startHub,
} from "./support_clients_directconnect.ts";
import { Homes } from "./support_clients_homes.ts";
import { ADDRESSES, LAN, Topology, until } from "./topology.ts";
import { keep, say, watchSeconds } from "./watch.ts";

const named = missing(DIRECT_CONNECT_TOOLS);

const FILE_BYTES = 300_000;
const SECONDS = watchSeconds(25);
const SERVER = ADDRESSES.server.v4;

interface Way {
  readonly program: "ncdc" | "eiskalt";
  readonly scheme: Scheme;
  readonly passive?: boolean;
}

const labelOf = ({ program, scheme, passive }: Way) =>
  `${program} ${scheme} ${passive === true ? "passive" : "active"}`;

const only = new RegExp(Deno.env.get("FTWALL_CLIENTS_ONLY") ?? "");

const WAYS: readonly Way[] = (["dchub", "adc", "adcs"] as const).flatMap((scheme): Way[] => [
  { program: "ncdc", scheme },
  { program: "eiskalt", scheme },
  { program: "eiskalt", scheme, passive: true },
]).filter((way) => only.test(labelOf(way)));

Deno.test({
  ...named("ncdc and eiskaltdcpp move files over NMDC, ADC and ADC in TLS without ftwall, and not a byte with it"),
  async fn(test) {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const dir = Deno.makeTempDirSync({ prefix: "ftwall-dc-" });
    stack.defer(() => Deno.removeSync(dir, { recursive: true }));
    const start = (program: Way["program"], settings: DirectConnectSettings): DirectConnectClient =>
      program === "ncdc" ? new Ncdc(topology, settings) : new Eiskalt(topology, settings);
    const files = new Map<Way["program"], Uint8Array>();
    for (const program of ["ncdc", "eiskalt"] as const) {
      const content = new Uint8Array(FILE_BYTES);
      for (let at = 0; at < FILE_BYTES; at += 50_000) crypto.getRandomValues(content.subarray(at, at + 50_000));
      files.set(program, content);
      Deno.mkdirSync(`${dir}/${program}`);
      Deno.writeFileSync(`${dir}/${program}/${program}file.bin`, content);
    }
    const contents = [...files.values()];
    const hubs = new Map<Scheme, string>();
    for (const [at, scheme] of (["dchub", "adc", "adcs"] as const).entries()) {
      const hub = await startHub(topology, dir, scheme, 1511 + at);
      hubs.set(scheme, hub);
      for (const [which, program] of (["ncdc", "eiskalt"] as const).entries()) {
        const port = 5000 + at * 20 + which * 10;
        const nick = `${program}seeder`;
        stack.use(start(program, { host: "server", address: SERVER, port, nick, hub, share: `${dir}/${program}` }));
      }
    }
    const leech = async (leechers: AsyncDisposableStack) =>
      await Promise.all(WAYS.map(async (way, at) => {
        const host = await homes.add();
        const { program, scheme, passive = false } = way;
        const nick = `${program}${at}${host.name}`;
        const client = leechers.use(start(program, {
          ...{ host, address: host.v4, port: 6000 + at * 10, nick, hub: hubs.get(scheme)!, passive },
          wanted: `${program}file`,
        }));
        return { way, client, received: () => client.received(files.get(program)!) };
      }));
    await test.step("without it every file comes", async () => {
      await using capture = await Capture.start(topology, "router", LAN);
      await using leechers = new AsyncDisposableStack();
      const running = await leech(leechers);
      const begun = performance.now();
      const open = new Set(running);
      const look = () => {
        for (const one of open) {
          // Bytes that are zero cannot be counted.
          if (one.received() < FILE_BYTES * 0.99) continue;
          open.delete(one);
          say(`${labelOf(one.way)}: whole file after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
        }
        return open.size === 0;
      };
      const missed = () => [...open].map(({ way, client }) => `${labelOf(way)}: ${client.tail}`).join("\n");
      await until("every file", look, 90_000, missed);
      await capture.end();
      keep(capture, "directconnect");
    });
    await test.step("with ftwall nothing comes", async () => {
      await using daemon = await RouterDaemon.start(topology);
      await using capture = await Capture.start(topology, "router", LAN);
      await using leechers = new AsyncDisposableStack();
      const running = await leech(leechers);
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      const events = daemon.seen({ event: "detected" }).map((event) =>
        `${event["client"]} ${event["protocol"]} ${event["evidence"]} ${event["certainty"]}`
      );
      say([...new Set(events)].sort().join("\n"));
      await capture.end();
      const received = running.map(({ way, received }) => [labelOf(way), received()]);
      for (const [label, bytes] of received) say(`${label}: ${bytes} bytes in ${SECONDS} s`);
      say(JSON.stringify(capture.volumes().filter(({ bytes }) => bytes > 3000)));
      assert.deepEqual(received, WAYS.map((way) => [labelOf(way), 0]));
      assert.deepEqual(capture.marks(contents), contents.map(() => 0));
    });
  },
});
