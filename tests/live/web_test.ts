import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology, until } from "./topology.ts";

const named = missing([]);
const PEER = "198.51.100.7";
const PING = "2700000029804b615a614100";
const CLIENT = ADDRESSES.client1.v4;
const TOKEN = "correct horse battery staple";

/** An answer of the page. */
interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Asks the page through its socket, which namespaces of the network do not part from us. */
async function asked(
  socket: string,
  method: string,
  path: string,
  more: Record<string, string> = {},
  form: Record<string, string> = {},
): Promise<Answer> {
  using connection = await Deno.connect({ transport: "unix", path: socket });
  const body = new URLSearchParams(form).toString();
  const fields = {
    host: "localhost",
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(body.length),
    ...more,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines}\r\n${body}`));
  const text = await new Response(connection.readable).text();
  const end = text.indexOf("\r\n\r\n");
  return { status: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end + 4) };
}

Deno.test({
  ...named("the page tells who is locked and why, and with the token one unlocks and locks, as the audit log says"),
  async fn(test) {
    await using topology = await Topology.create();
    await serve(topology);
    await topology.must("server", ["ip", "addr", "add", `${PEER}/24`, "dev", "eth0"]);
    const folder = Deno.makeTempDirSync({ prefix: "ftwall-web-" });
    const socket = `${folder}/web.sock`;
    try {
      Deno.writeTextFileSync(`${folder}/token`, `${TOKEN}\n`, { mode: 0o600 });
      const config =
        `[lock]\nseconds = 300\n[names]\nfiles = []\n[web]\nlisten = "${socket}"\ntoken_file = "${folder}/token"\n`;
      await using daemon = await RouterDaemon.start(topology, { config });
      const get = (path: string, more = {}) => asked(socket, "GET", path, more);
      await topology.must("client1", program("traffic.ts", "send", 0, PEER, 1214, PING, 5));
      await daemon.sees({ event: "locked", client: CLIENT });
      await test.step("read without a token", async () => {
        await until("the page", async () => (await get("/")).body.includes(`${CLIENT}</a>`));
        const { status, head, body } = await get(`/client?c=${CLIENT}`);
        assert.equal(status, 200);
        assert.match(head, /content-security-policy: default-src 'none'/);
        assert.match(body, />locked<\/span> for fasttrack \(udp-ping\)/);
        assert.match(body, /bytes: <code>270000002980/);
        assert.match((await get("/events")).body, /detected fasttrack: client/);
        assert.match(await daemon.must("status", "--control", daemon.control), new RegExp(`^page +${socket}$`, "m"));
        // What was read once is shown for a while: it is read when it is there.
        const log = ["log", "--state", `${daemon.dir}/state`, "--config", daemon.config];
        await until("the history", async () => (await daemon.must(...log)).includes("locked client"), 20_000);
        assert.ok((await get("/report?since=1d")).body.includes(CLIENT));
      });
      await test.step("unlocked and locked with it", async () => {
        const signed = await asked(socket, "POST", "/login", {}, { token: TOKEN });
        const cookie = /^set-cookie: ([^;]+);/m.exec(signed.head)![1]!;
        const { body } = await get("/", { cookie });
        const secret = /name="secret" value="([0-9a-f]{64})"/.exec(body)![1]!;
        const act = (fields: Record<string, string>) =>
          asked(socket, "POST", "/act", { cookie }, { client: CLIENT, ...fields });
        assert.equal((await act({ do: "unlock" })).status, 403);
        assert.equal((await act({ do: "unlock", secret, reason: "asked for" })).status, 303);
        await daemon.sees({ event: "released", client: CLIENT, by: "operator" });
        const audit = await daemon.sees({
          event: "audit",
          action: "unlock",
          client: CLIENT,
          reason: "asked for",
          outcome: "done",
        });
        assert.equal((audit["who"] as { user: string }).user, "the page");
        await act({ do: "lock", secret, seconds: "600" });
        await daemon.sees({ event: "locked", client: CLIENT, by: "operator" });
        assert.match((await get(`/client?c=${CLIENT}`, { cookie })).body, /role="status">[^<]* is locked until/);
      });
      await test.step("a successor has the page, too", async () => {
        await daemon.replace();
        await until("the page", async () => (await get("/").catch(() => null))?.status === 200);
      });
      await test.step("its socket goes with it", async () => {
        await daemon.process.stop();
        assert.throws(() => Deno.lstatSync(socket), Deno.errors.NotFound);
      });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test({
  ...named(
    "hundreds of readers that say nothing, or do not read, keep neither packets, commands nor other readers waiting",
  ),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await topology.must("server", ["ip", "addr", "add", `${PEER}/24`, "dev", "eth0"]);
    const folder = Deno.makeTempDirSync({ prefix: "ftwall-web-" });
    const socket = `${folder}/web.sock`;
    const stuck: Deno.Conn[] = [];
    try {
      await using daemon = await RouterDaemon.start(topology, { config: `[web]\nlisten = "${socket}"\n` });
      const descriptors = () => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
      const { pid } = JSON.parse(await daemon.must("status", "--json", "--control", daemon.control)) as { pid: number };
      // Nice is field 19 of stat(5): one thread, that of the page, is behind all others.
      const nices = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) =>
        Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`).replace(/^.*\) /, "").split(" ")[16])
      );
      assert.equal(nices.filter((nice) => nice === 10).length, 1, nices.join(" "));
      const before = descriptors();
      const half = new TextEncoder().encode("GET /clients HTTP/1.1\r\nhost: loc");
      const whole = new TextEncoder().encode("GET /style.css HTTP/1.1\r\nhost: localhost\r\n\r\n");
      for (let i = 0; i < 300; i++) {
        const connection = await Deno.connect({ transport: "unix", path: socket });
        stuck.push(connection);
        // Some have been ended meanwhile.
        await connection.write(i % 2 === 0 ? half : whole).catch(() => {});
      }
      await topology.must("client1", program("traffic.ts", "send", 0, PEER, 1214, PING, 5));
      await daemon.sees({ event: "locked", client: CLIENT });
      await daemon.must("status", "--control", daemon.control);
      assert.equal((await asked(socket, "GET", "/login")).status, 200);
      assert.ok(descriptors() - before <= 40, `${descriptors() - before} descriptors are taken`);
    } finally {
      for (const connection of stuck) connection.close();
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test({
  ...named("an address that is taken ends the start with a sentence that says what to change"),
  async fn() {
    await using topology = await Topology.create();
    const folder = Deno.makeTempDirSync({ prefix: "ftwall-web-" });
    try {
      Deno.writeTextFileSync(`${folder}/web.sock`, "");
      await assert.rejects(
        RouterDaemon.start(topology, { config: `[web]\nlisten = "${folder}/web.sock"\n` }),
        /there is something else of that name\. Remove it, or change \[web\] listen/,
      );
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
