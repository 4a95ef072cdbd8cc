/**
 * Honest programs that encrypt from the first byte, each with several hosts outside: what `encrypted_table.ts` shows to be
 * left alone.
 */
import { program, told } from "./everyday.ts";
import { NPM } from "./support_clients_torrent.ts";
import { ADDRESSES, type Background, execute, type Host, type Topology, until } from "./topology.ts";

/** Where a row is set up. */
export interface Scene {
  readonly topology: Topology;
  /** For its files; removed at the end. */
  readonly dir: string;
  /** Addresses of the server beside its own, 0 to 9. */
  readonly outside: (number: number) => string;
}

/** What a program tried, and what of it worked. */
export interface Outcome {
  readonly tried: number;
  readonly worked: number;
}

/** One program. */
export interface HonestRow {
  readonly label: string;
  /** Tools, and packages from npm as `npm:NAME`. */
  readonly needs: readonly string[];
  /** Starts its servers, and answers what lets the client run for some seconds. */
  readonly prepare: (scene: Scene) => Promise<(seconds: number) => Promise<Outcome>>;
}

const HOME = ADDRESSES.client1.v4;
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

async function serveWeb({ topology }: Scene): Promise<void> {
  await topology.start("server", program("traffic.ts", "serve", ADDRESSES.server.v4)).prints('"ready"');
}

/** Pages through several SOCKS proxies in turn, until the time is over. `each` are the requests on one connection. */
async function surf(
  scene: Scene,
  seconds: number,
  proxies: readonly (readonly string[])[],
  each: number,
): Promise<Outcome> {
  const [until, page] = [Date.now() + seconds * 1000, `http://${ADDRESSES.server.v4}/3000`];
  let [tried, worked] = [0, 0];
  await Promise.all(proxies.map(async (proxy) => {
    while (Date.now() < until) {
      const pages = range(each).flatMap(() => [page, "-o", "/dev/null"]);
      const { stdout } = await scene.topology.run(
        "client1",
        ["curl", "-s", "-m", "9", ...(each > 1 ? ["--rate", "1/s"] : []), "-w", "%{http_code}\n", ...proxy, ...pages],
      );
      tried += each;
      worked += stdout.split("\n").filter((line) => line === "200").length;
      await pause(1);
    }
  }));
  return { tried, worked };
}

function shadowsocks(each: number): HonestRow["prepare"] {
  return async (scene) => {
    const { topology, outside } = scene;
    await serveWeb(scene);
    const common = ["-k", "a password", "-m", "chacha20-ietf-poly1305"];
    for (const i of range(10)) {
      topology.start("server", ["ss-server", "-s", outside(i), "-p", "8388", ...common]);
      topology.start("client1", ["ss-local", "-s", outside(i), "-p", "8388", "-l", String(1080 + i), ...common]);
      await topology.listening("client1", "tcp", 1080 + i);
    }
    return (seconds) => surf(scene, seconds, range(10).map((i) => ["--socks5", `127.0.0.1:${1080 + i}`]), each);
  };
}

function mtproto(port: number): HonestRow["prepare"] {
  return async ({ topology }) => {
    const hosts = `${ADDRESSES.server.v4.replace(/\d+$/, "60-64")}:${port}`;
    const talker = (role: string, seconds: number) =>
      program(
        "../support/ciphered_talker.ts",
        ...["--role", role, "--name", "MTProto, obfuscated", "--hosts", hosts, "--seconds", seconds, "--each", 4],
      );
    await topology.start("server", talker("serve", 0)).prints('"ready"');
    return async (seconds) => {
      const calling = topology.start("client1", talker("call", seconds));
      await calling.status;
      const count = (event: string) => told(calling).filter((line) => line["event"] === event).length;
      return { tried: count("whole") + count("broken"), worked: count("whole") };
    };
  };
}

async function obfs4(scene: Scene) {
  const { topology, dir, outside } = scene;
  await serveWeb(scene);
  const common = { TOR_PT_MANAGED_TRANSPORT_VER: "1", TOR_PT_EXIT_ON_STDIN_CLOSE: "0" };
  const users: string[][] = [];
  const state = { ...common, TOR_PT_STATE_LOCATION: `${dir}/client` };
  const client = topology.start("client1", ["obfs4proxy"], { env: { ...state, TOR_PT_CLIENT_TRANSPORTS: "obfs4" } });
  const socks = /CMETHOD obfs4 socks5 (\S+)/.exec(await client.prints(/CMETHOD obfs4 socks5 \S+/))![1]!;
  for (const i of range(10)) {
    const env = {
      ...common,
      TOR_PT_STATE_LOCATION: `${dir}/bridge${i}`,
      TOR_PT_SERVER_TRANSPORTS: "obfs4",
      TOR_PT_SERVER_BINDADDR: `obfs4-${outside(i)}:${2000 + i * 731}`,
      TOR_PT_ORPORT: `${ADDRESSES.server.v4}:80`,
    };
    const said = await topology.start("server", ["obfs4proxy"], { env }).prints(/SMETHOD obfs4 \S+ ARGS:cert=[^,\s]+/);
    const [, at, cert] = /obfs4 (\S+) ARGS:(cert=\S+)/.exec(said)!;
    // The bridge leads to the web server, whatever is asked for.
    users.push(["--socks5", socks, "--proxy-user", `${cert}:;iat-mode=0`, "--connect-to", `::${at}`]);
  }
  return (seconds: number) => surf(scene, seconds, users, 1);
}

async function tox({ topology, dir, outside }: Scene) {
  const relays: (readonly [host: string, port: number, key: string])[] = [];
  for (const i of range(4)) {
    const port = 33445 + i;
    Deno.writeTextFileSync(
      `${dir}/tox${i}`,
      `port = ${port}\nkeys_file_path = "${dir}/keys${i}"\npid_file_path = "${dir}/pid${i}"\nenable_ipv6 = false\n` +
        `enable_ipv4_fallback = true\nenable_lan_discovery = false\nenable_tcp_relay = true\n` +
        `tcp_relay_ports = [${port}]\nenable_motd = false\nmotd = ""\nbootstrap_nodes = ()\n`,
    );
    const config = ["--config", `${dir}/tox${i}`, "--foreground", "--log-backend", "stdout"];
    const daemon = topology.start("server", ["tox-bootstrapd", ...config]);
    const key = /[0-9A-F]{64}/.exec(await daemon.prints(/Public Key: [0-9A-F]{64}/))![0];
    relays.push([outside(i), port, key]);
  }
  const client = new URL("../support/tox_client.py", import.meta.url).pathname;
  const start = (host: Host, seconds: number) =>
    topology.start(host, ["/usr/bin/python3", client, JSON.stringify({ relays, seconds })]);
  return async (seconds: number) => {
    const running = start("client1", seconds);
    await running.status;
    const lines = told(running).filter((line) => line["connected"] !== undefined).slice(10);
    return { tried: lines.length, worked: lines.filter((line) => line["connected"] !== 0).length };
  };
}

/** Pings the addresses once a second. */
async function ping(topology: Topology, addresses: readonly string[], seconds: number): Promise<Outcome> {
  const count = Math.floor(seconds);
  const answers = await Promise.all(addresses.map(async (address) => {
    const command = ["ping", "-c", String(count), "-i", "1", "-w", String(count + 3), address];
    const { stdout } = await topology.run("client1", command, { limit: (seconds + 20) * 1000 });
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  }));
  return { tried: count * addresses.length, worked: answers.reduce((sum, one) => sum + one, 0) };
}

async function openvpn({ topology, dir, outside }: Scene) {
  const made = await execute(["openvpn", "--genkey", "secret", `${dir}/key`]);
  if (made.code !== 0) throw new Error(made.stderr + made.stdout);
  const common = ["--secret", `${dir}/key`, "--cipher", "AES-256-CBC", "--dev-type", "tun", "--verb", "1"];
  for (const i of range(8)) {
    const kind = i % 2 === 0 ? ["udp", "udp"] : ["tcp-server", "tcp-client"];
    const name = ["--dev", `tun${i}`, "--port", String(1194 + i)];
    const ends = ["--ifconfig", `10.9.${i}.1`, `10.9.${i}.2`];
    topology.start("server", ["openvpn", ...common, ...name, "--proto", kind[0]!, "--local", outside(i), ...ends]);
    const remote = [
      "--remote",
      outside(i),
      "--proto",
      kind[1]!,
      "--nobind",
      "--ifconfig",
      `10.9.${i}.2`,
      `10.9.${i}.1`,
    ];
    topology.start("client1", ["openvpn", ...common, "--dev", `tun${i}`, "--port", String(1194 + i), ...remote]);
  }
  await pause(8);
  return (seconds: number) => ping(topology, range(8).map((i) => `10.9.${i}.1`), seconds);
}

/** One interface at home with eight peers, each an interface of its own outside. */
async function wireguard({ topology, dir, outside }: Scene) {
  const key = async () => {
    const secret = (await execute(["wg", "genkey"])).stdout.trim();
    return [secret, (await execute(["wg", "pubkey"], { stdin: secret })).stdout.trim()] as const;
  };
  const setUp = async (host: Host, name: string, config: string, address: string) => {
    Deno.writeTextFileSync(`${dir}/${host}-${name}`, config);
    topology.start(host, ["wireguard-go", "--foreground", name], { env: { WG_PROCESS_FOREGROUND: "1" } });
    const up = `ip addr add ${address} dev ${name} && ip link set ${name} up`;
    await until("the interface", async () => (await topology.run(host, ["ip", "link", "show", name])).code === 0);
    await topology.must(host, ["wg", "setconf", name, `${dir}/${host}-${name}`]);
    await topology.must(host, ["sh", "-c", up]);
  };
  // Sockets of one name would be shared by all namespaces.
  const unique = topology.prefix.replaceAll(/\W/g, "").slice(-8);
  const [secret, own] = await key();
  let config = `[Interface]\nPrivateKey = ${secret}\nListenPort = 51820\n`;
  for (const i of range(8)) {
    const [theirs, known] = await key();
    const at = `${outside(i)}:${51830 + i}`;
    config += `[Peer]\nPublicKey = ${known}\nEndpoint = ${at}\nAllowedIPs = 10.8.0.${
      i + 1
    }/32\nPersistentKeepalive = 5\n`;
    const peer = `[Interface]\nPrivateKey = ${theirs}\nListenPort = ${51830 + i}\n[Peer]\nPublicKey = ${own}\n` +
      `AllowedIPs = 10.8.0.100/32\n`;
    await setUp("server", `w${unique}${i}`, peer, `10.8.0.${i + 1} peer 10.8.0.100`);
    // All of them live in one namespace, and the way back to the client is the same address: each has a table of its own.
    await topology.must("server", ["ip", "route", "del", "10.8.0.100"]).catch(() => {});
    await topology.must("server", ["ip", "rule", "add", "from", `10.8.0.${i + 1}`, "table", String(100 + i)]);
    await topology.must("server", [
      ...["ip", "route", "add", "10.8.0.100", "dev", `w${unique}${i}`, "table", String(100 + i)],
    ]);
  }
  await setUp("client1", `w${unique}h`, config, "10.8.0.100/24");
  return (seconds: number) => ping(topology, range(8).map((i) => `10.8.0.${i + 1}`), seconds);
}

async function tinc({ topology, dir, outside }: Scene) {
  const names = ["home", ...range(4).map((i) => `far${i}`)];
  for (const [at, name] of names.entries()) {
    const own = `${dir}/${name}`;
    Deno.mkdirSync(`${own}/hosts`, { recursive: true });
    const others = name === "home" ? names.slice(1).map((far) => `ConnectTo = ${far}\n`).join("") : "";
    const bind = name === "home" ? "" : `BindToAddress = ${outside(at)} 655\n`;
    Deno.writeTextFileSync(`${own}/tinc.conf`, `Name = ${name}\nInterface = tinc${at}\n${others}${bind}`);
    const where = name === "home" ? "" : `Address = ${outside(at)} 655\n`;
    Deno.writeTextFileSync(`${own}/hosts/${name}`, `${where}Subnet = 10.7.0.${at + 1}/32\n`);
    const up = `#!/bin/sh\nip addr add 10.7.0.${at + 1}/24 dev $INTERFACE\nip link set $INTERFACE up\n`;
    Deno.writeTextFileSync(`${own}/tinc-up`, name === "home" ? up : "#!/bin/sh\nip link set $INTERFACE up\n");
    Deno.chmodSync(`${own}/tinc-up`, 0o755);
    const { code, stderr } = await execute(["tincd", "-c", own, "-K2048"], { stdin: "\n\n", limit: 60_000 });
    if (code !== 0) throw new Error(stderr);
  }
  for (const name of names) {
    for (const other of names) {
      if (other !== name) Deno.copyFileSync(`${dir}/${other}/hosts/${other}`, `${dir}/${name}/hosts/${other}`);
    }
  }
  const start = (host: Host, name: string): Background =>
    topology.start(host, ["tincd", "-c", `${dir}/${name}`, "-D", "-d2", "--pidfile", `${dir}/${name}/pid`]);
  for (const name of names.slice(1)) start("server", name);
  return async (seconds: number) => {
    const home = start("client1", "home");
    const traffic = ping(topology, range(4).map((i) => `10.7.0.${i + 2}`), seconds);
    await traffic;
    // Those outside have no addresses in the tunnel; what counts is that the four connections stand.
    const text = home.stderr + home.stdout;
    const up = range(4).filter((i) => new RegExp(`far${i}[^\\n]*activated`).test(text)).length;
    if (up < 4) throw new Error(text.slice(-400));
    const down = text.split("\n").filter((line) => /Closing connection|Connection .*closed by/.test(line)).length;
    await home.stop();
    return { tried: 4, worked: up - Math.min(up, down) };
  };
}

async function serf({ topology, outside }: Scene) {
  const agent = (host: Host, name: string, address: string, ...more: string[]) => {
    const rpc = `127.0.0.1:${7400 + Number(name.replace(/\D/g, "") || 99)}`;
    return topology.start(host, [
      ...["serf", "agent", `-node=${name}`, `-bind=${address}:7946`, `-rpc-addr=${rpc}`],
      ...["-encrypt=AAECAwQFBgcICQoLDA0ODw==", ...more],
    ]);
  };
  agent("server", "far0", outside(0));
  await topology.listening("server", "tcp", 7946);
  for (const i of range(7)) agent("server", `far${i + 1}`, outside(i + 1), `-join=${outside(0)}`);
  await pause(3);
  return async (seconds: number) => {
    const home = agent("client1", "home", HOME, `-join=${outside(0)}`);
    await pause(seconds);
    const { stdout } = await topology.run("client1", ["serf", "members", "-rpc-addr=127.0.0.1:7499"]);
    await home.stop();
    return { tried: 9, worked: stdout.split("\n").filter((line) => / alive/.test(line)).length };
  };
}

// deno-lint-ignore require-await
async function webrtc({ topology, dir, outside }: Scene) {
  const mesh = new URL("../support/webrtc_mesh.mjs", import.meta.url).pathname;
  const start = (host: Host, role: string, address: string, i: number, seconds: number) =>
    topology.start(host, ["node", mesh, role, dir, address, String(i), String(seconds)], { env: { FTWALL_NPM: NPM } });
  return async (seconds: number) => {
    const answering = range(8).map((i) => start("server", "answer", outside(i), i, seconds));
    const calling = range(8).map((i) => start("client1", "call", HOME, i, seconds));
    await Promise.all([...answering, ...calling].map((one) => one.status));
    const heard = calling.map((one) => Number(told(one).at(-1)?.["received"] ?? 0));
    // Five messages a second; the first seconds are for finding each other.
    const due = Math.max(1, seconds / 2 - 5) * 5;
    return { tried: 8, worked: heard.filter((count) => count >= due).length };
  };
}

async function syncthing({ topology, dir, outside }: Scene) {
  const names = ["home", "far0", "far1", "far2"];
  const ids: string[] = [];
  for (const name of names) {
    const made = await execute(["syncthing", "generate", `--home=${dir}/${name}`, "--no-default-folder"], {
      env: { HOME: dir },
      limit: 60_000,
    });
    const xml = Deno.readTextFileSync(`${dir}/${name}/config.xml`);
    const id = /<device id="([^"]+)"/.exec(xml)?.[1];
    if (id === undefined) throw new Error(made.stderr + made.stdout);
    ids.push(id);
  }
  const addressOf = (at: number) => at === 0 ? "dynamic" : `tcp://${outside(at)}:22000`;
  const device = (at: number) =>
    `<device id="${ids[at]}" name="${names[at]}"><address>${addressOf(at)}</address></device>`;
  for (const [at, name] of names.entries()) {
    Deno.mkdirSync(`${dir}/${name}/shared/.stfolder`, { recursive: true });
    const others = ids.map((id) => `<device id="${id}"></device>`).join("");
    const listen = at === 0 ? "tcp://0.0.0.0:22000" : `tcp://${outside(at)}:22000`;
    const options = ["globalAnnounceEnabled", "localAnnounceEnabled", "relaysEnabled", "natEnabled", "startBrowser"]
      .map((key) => `<${key}>false</${key}>`).join("") +
      "<urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled>";
    Deno.writeTextFileSync(
      `${dir}/${name}/config.xml`,
      `<configuration version="35"><folder id="f" label="f" path="${dir}/${name}/shared" type="sendreceive" ` +
        `rescanIntervalS="5" fsWatcherEnabled="false">${others}</folder>${names.map((_, i) => device(i)).join("")}` +
        `<gui enabled="true"><address>127.0.0.1:${8400 + at}</address></gui>` +
        `<options><listenAddress>${listen}</listenAddress><reconnectionIntervalS>5</reconnectionIntervalS>${options}</options></configuration>`,
    );
  }
  const start = (host: Host, name: string) =>
    topology.start(host, ["syncthing", "serve", `--home=${dir}/${name}`, "--no-browser", "--no-restart"], {
      env: { HOME: dir, STNOUPGRADE: "1" },
    });
  for (const name of names.slice(1)) start("server", name);
  return async (seconds: number) => {
    const home = start("client1", "home");
    let files = 0;
    const until = Date.now() + Math.max(seconds - 20, 10) * 1000;
    while (Date.now() < until) {
      Deno.writeTextFileSync(`${dir}/home/shared/${files++}`, "file ".repeat(2000));
      await pause(3);
    }
    await pause(20);
    await home.stop();
    const there = [1, 2, 3].map((at) =>
      [...Deno.readDirSync(`${dir}/far${at - 1}/shared`)].filter((e) => e.isFile).length
    );
    return { tried: files * 3, worked: there.reduce((sum, one) => sum + one, 0) };
  };
}

/** All of them. */
export const HONEST: readonly HonestRow[] = [
  { label: "Shadowsocks, 10 servers, browsing", needs: ["ss-server", "curl"], prepare: shadowsocks(1) },
  { label: "Shadowsocks, 10 servers, keep-alive", needs: ["ss-server", "curl"], prepare: shadowsocks(4) },
  { label: "MTProto, obfuscated, 5 hosts, port 443", needs: [], prepare: mtproto(443) },
  { label: "MTProto, obfuscated, 5 hosts, port 5222", needs: [], prepare: mtproto(5222) },
  { label: "MTProto, obfuscated, 5 hosts, port 10443", needs: [], prepare: mtproto(10443) },
  { label: "obfs4proxy, 10 bridges", needs: ["obfs4proxy", "curl"], prepare: obfs4 },
  { label: "Tox by 4 TCP relays", needs: ["tox-bootstrapd"], prepare: tox },
  { label: "OpenVPN, 8 hosts, UDP and TCP", needs: ["openvpn"], prepare: openvpn },
  { label: "WireGuard, 8 hosts", needs: ["wireguard-go", "wg"], prepare: wireguard },
  { label: "tinc, 4 hosts", needs: ["tincd"], prepare: tinc },
  { label: "serf, 8 hosts", needs: ["serf"], prepare: serf },
  { label: "WebRTC data channels, 8 hosts", needs: ["node", "npm:node-datachannel"], prepare: webrtc },
  { label: "Syncthing, 3 hosts", needs: ["syncthing"], prepare: syncthing },
];
