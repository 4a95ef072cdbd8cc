import assert from "node:assert/strict";
import { program } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Capture } from "./support_clients_capture.ts";
import { type Home, Homes } from "./support_clients_homes.ts";
import { ADDRESSES, execute, type Host, LAN, Topology } from "./topology.ts";

const named = missing([["ncdc", "ncdc"], ["uhub", "uhub"], ["tcpdump", "tcpdump"], ["openssl", "openssl"]]);

const FILE_BYTES = 300_000;
const SECONDS = 25;
const NCDC = new URL("../support/ncdc_client.py", import.meta.url).pathname;
const SERVER = ADDRESSES.server.v4;

interface Way {
  readonly label: string;
  readonly scheme: "adc" | "adcs" | "dchub";
}

const WAYS: readonly Way[] = [
  { label: "nmdc", scheme: "dchub" },
  { label: "adc", scheme: "adc" },
  { label: "adcs", scheme: "adcs" },
];

Deno.test({
  ...named("ncdc moves files over NMDC, ADC and ADC in TLS without ftwall, and not a byte with it"),
  async fn(test) {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    await using stack = new AsyncDisposableStack();
    const dir = Deno.makeTempDirSync({ prefix: "ftwall-dc-" });
    stack.defer(() => Deno.removeSync(dir, { recursive: true }));
    const content = new Uint8Array(FILE_BYTES);
    for (let at = 0; at < FILE_BYTES; at += 50_000) crypto.getRandomValues(content.subarray(at, at + 50_000));
    await certificate(dir);
    const ncdc = (host: Host | Home, address: string, port: number, nick: string, hub: string, ...more: string[]) => {
      const folder = Deno.makeTempDirSync({ dir, prefix: `${nick}-` });
      const name = typeof host === "string" ? host : host.name;
      const settings = ["nick " + nick, `active_ip ${address}`, `active_port ${port}`, "active true"];
      topology.start(name, [
        "python3",
        NCDC,
        folder,
        ...settings.map((text) => `/set ${text}`),
        ...more.slice(0, 1),
        `/open hub ${hub}`,
        ...more.slice(1),
      ], { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
      return folder;
    };
    const shared = `${dir}/shared`;
    Deno.mkdirSync(shared);
    Deno.writeFileSync(`${shared}/rarefile.bin`, content);
    const hubs = await Promise.all(WAYS.map(async ({ label, scheme }, at) => {
      const port = 1511 + at;
      if (scheme === "dchub") await topology.start("server", program("../support/nmdc_hub.ts", port)).prints("ready");
      else {
        const conf = `${dir}/${label}.conf`;
        Deno.writeTextFileSync(
          conf,
          `server_port=${port}\nserver_bind_addr=${SERVER}\n` +
            (scheme === "adcs"
              ? `tls_enable=yes\ntls_require=yes\ntls_certificate=${dir}/cert.pem\ntls_private_key=${dir}/key.pem\n`
              : ""),
        );
        topology.start("server", ["uhub", "-c", conf]);
        await topology.listening("server", "tcp", port);
      }
      const hub = `${scheme}://${SERVER}:${port}`;
      ncdc("server", SERVER, 5000 + at, "alice", hub, `/share s ${shared}`, "wait 1");
      return { label, hub };
    }));
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const leech = async () =>
      await Promise.all(hubs.map(async ({ label, hub }, at) => {
        const home = await homes.add();
        const folder = ncdc(
          home,
          home.v4,
          6000 + at,
          `bob${at}${home.name}`,
          hub,
          "wait 0.1",
          "wait 3",
          "/search rarefile",
          "wait 3",
          "key down",
          "key d",
          "wait 4",
          "key d",
          "wait 30",
        );
        return { label, folder };
      }));
    const received = (folder: string) => {
      let most = 0;
      for (const part of ["dl", "inc"]) {
        try {
          for (const entry of Deno.readDirSync(`${folder}/${part}`)) {
            const bytes = Deno.readFileSync(`${folder}/${part}/${entry.name}`);
            most = Math.max(most, bytes.filter((byte, at) => byte !== 0 && byte === content[at]).length);
          }
        } catch {
          // Not made yet.
        }
      }
      return most;
    };
    await test.step("with ftwall", async () => {
      await using daemon = await RouterDaemon.start(topology);
      await using capture = await Capture.start(topology, "router", LAN);
      const running = await leech();
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      for (const event of daemon.seen({ event: "detected" })) {
        say(`${event["client"]} ${event["protocol"]} ${event["evidence"]} ${event["certainty"]}`);
      }
      await capture.end();
      assert.deepEqual(
        running.map(({ label, folder }) => [label, received(folder)]),
        WAYS.map(({ label }) => [label, 0]),
      );
      assert.deepEqual(capture.marks([content]), [0]);
    });
    await test.step("without it every file comes", async () => {
      await using capture = await Capture.start(topology, "router", LAN);
      const running = await leech();
      const begun = performance.now();
      while (running.some(({ folder }) => received(folder) < FILE_BYTES / 2) && performance.now() - begun < 30_000) {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      await capture.end();
      keep(capture, "directconnect");
      for (const { label, folder } of running) {
        say(`${label}: ${received(folder)} bytes`);
        if (received(folder) === 0) say(Deno.readTextFileSync(`${folder}/screen`).slice(-1500));
      }
      assert.deepEqual(running.filter(({ folder }) => received(folder) < FILE_BYTES / 2).map(({ label }) => label), []);
    });
  },
});

async function certificate(dir: string): Promise<void> {
  const made = await execute([
    "openssl",
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=hub.example"],
    ...["-keyout", `${dir}/key.pem`, "-out", `${dir}/cert.pem`],
  ]);
  if (made.code !== 0) throw new Error(`Cannot make a certificate: ${made.stderr}`);
}

function keep(capture: Capture, name: string): void {
  const dir = Deno.env.get("FTWALL_KEEP_CAPTURES");
  if (dir !== undefined) Deno.copyFileSync(capture.path, `${dir}/${name}.pcap`);
}

function say(text: string): void {
  if (Deno.env.get("FTWALL_LIVE_VERBOSE") !== undefined) Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
}
