import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { executable } from "./executable.ts";
import { missing } from "./missing_tools.ts";
import { type LogEvent, RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, crowd, Topology, until } from "./topology.ts";

const named = missing([]);
/** A config of this machine's own would take the place of the defaults. */
const namedWithoutConfig = (name: string) =>
  isThere("/etc/ftwall/ftwall.toml")
    ? { name: `${name} (skipped: this machine has a config)`, ignore: true }
    : named(name);
const PING = "2700000029804b615a614100";
/** An address outside at which nobody is. */
const PEER = "198.51.100.77";
const { client1, client2, server } = ADDRESSES;
const TRAFFIC = new Set(
  ["detected", "locked", "renewed", "released", "peer-learned", "trained", "refused", "decoy-sent", "probe-sent"],
);
const LOCK = ["client", "protocol", "evidence", "by"];
/** Where the kernel lists its queues, with what waits in them. */
const QUEUES = "/proc/self/net/netfilter/nfnetlink_queue";
/** The fields that each event has at least. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "ready": ["queues", "config", "effective"],
  "detected": ["protocol", "client", "peer", "peer_port", "transport", "evidence", "certainty", "action"],
  "locked": [...LOCK, "until"],
  "renewed": [...LOCK, "until"],
  "released": [...LOCK, "held_seconds"],
  "peer-learned": ["peer", "peer_port"],
  "trained": ["name", "address", "pattern", "until"],
  "refused": ["client", "peer", "peer_port", "transport", "reason", "suppressed"],
  "decoy-sent": ["client", "peer", "protocol"],
  "probe-sent": ["client", "peer", "protocol"],
  "reloaded": ["hash", "changes"],
  "reload-refused": ["problems"],
  "stopping": ["counters"],
};

/** Sends everything that is forwarded to the queue, as a tester's one rule does. */
async function queueAll(topology: Topology): Promise<void> {
  for (const tool of ["iptables", "ip6tables"]) {
    const rule = [tool, "-t", "mangle", "-A", "FORWARD", "-j", "NFQUEUE", "--queue-num", "0", "--queue-bypass"];
    await topology.must("router", rule);
  }
}

function assertShape(event: LogEvent, dryRun: boolean): void {
  assert.match(event.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  for (const field of FIELDS[event.event] ?? []) {
    assert.ok(event[field] !== undefined, `${event.event} has no ${field}: ${JSON.stringify(event)}`);
  }
  if (TRAFFIC.has(event.event)) assert.equal(event["dry_run"], dryRun, event.event);
}

/** A value with every leaf replaced by its type: what a consumer relies on. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shape(inner)]));
}

/** Asserts that `value` has everything that `expected` has; more is allowed. */
function assertHas(value: unknown, expected: unknown, path: string): void {
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(value), path);
    if (expected.length > 0) assertHas(value[0], expected[0], `${path}[0]`);
  } else if (typeof expected === "object" && expected !== null) {
    for (const [name, inner] of Object.entries(expected)) {
      assertHas((value as Record<string, unknown> | undefined)?.[name], inner, `${path}.${name}`);
    }
  } else assert.equal(value, expected, path);
}

const STATUS = {
  version: "string",
  pid: "number",
  uptime_seconds: "number",
  dry_run: "boolean",
  config: {
    path: "string",
    hash: "string",
    loaded_at: "string",
    last_reload: { ok: "boolean", at: "string", problems: [] },
  },
  queues: [{
    number: "number",
    waiting: "number",
    queue_dropped: "number",
    user_dropped: "number",
    fail_open: { requested: "boolean", effective: "boolean" },
    gso: "boolean",
  }],
  locks: [{
    client: "string",
    mac: "string",
    protocol: "string",
    evidence: "string",
    since: "string",
    until: "string",
    renewals: "number",
    by: "string",
  }],
  peers: { count: "number", capacity: "number", sample: [{ peer: "string" }] },
  trained: { count: "number", names: [] },
  flows: { count: "number", capacity: "number" },
  counters: {
    packets: "number",
    accepted: "number",
    refused: "number",
    offloaded: "number",
    decode_errors: "number",
    by_protocol: { fasttrack: "number" },
    by_reason: { recognised: "number", "client-locked": "number" },
  },
  verdict_microseconds: { p50: "number", p99: "number", max: "number" },
  memory: { rss_bytes: "number" },
};

Deno.test({
  ...named("behind one rule of the tester's own: events, status, metrics, reloads and actions are as promised"),
  async fn(test) {
    await using topology = await Topology.create({ prefix: "ct" });
    await serve(topology);
    await queueAll(topology);
    const config = (seconds: number) => `[lock]\nseconds = ${seconds}\n[metrics]\nlisten = "127.0.0.1:9477"\n`;
    await using daemon = await RouterDaemon.start(topology, { noRules: true, config: config(15) });
    const control = ["--control", daemon.control];
    const dial = (host: "client1" | "client2") =>
      topology.must(host, program("traffic.ts", "dial", server.v4, 22, 600, ""));

    await test.step("the first packet after ready is judged, and each event has its fields", async () => {
      await topology.must("client1", program("traffic.ts", "send", 1214, PEER, 1214, PING, 50));
      for (const event of ["peer-learned", "decoy-sent", "detected", "locked"]) await daemon.sees({ event });
      assert.match(await dial("client1"), /"connected":false/);
      assert.match(await dial("client2"), /"connected":true/);
      await daemon.sees({ event: "refused", reason: "client-locked" });
    });
    await test.step("status has every key with its type, also before any reload", async () => {
      const status = await daemon.status();
      assertHas(shape(status), STATUS, "status");
      const { packets, refused, accepted } = status.counters as unknown as Record<string, number>;
      assert.equal(packets, refused! + accepted!);
      assert.deepEqual(status.locks.map((lock) => lock.client), [client1.v4]);
    });
    await test.step("the same numbers are served to Prometheus", async () => {
      const script = 'console.log(await (await fetch("http://127.0.0.1:9477/metrics")).text())';
      const text = await topology.must("router", [Deno.execPath(), "eval", script]);
      const { counters } = await daemon.status();
      assert.match(text, new RegExp(`^ftwall_verdicts_total\\{verdict="refuse"\\} ${counters.refused}$`, "m"));
      assert.match(text, /^ftwall_locks 1$/m);
    });
    await test.step("silence ends the lock, after a probe", async () => {
      for (const event of ["probe-sent", "released"]) await daemon.sees({ event, client: client1.v4 }, 30_000);
      assert.match(await dial("client1"), /"connected":true/);
    });
    await test.step("a reload is silent unless asked to speak: 0 applied, 0 unchanged, 1 refused, 3 no daemon", async () => {
      daemon.write(config(60));
      const quiet = await daemon.run("reload", ...control);
      assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, "", ""]);
      const same = await daemon.run("reload", ...control);
      assert.deepEqual([same.code, same.stdout, same.stderr], [0, "", ""]);
      assert.equal(daemon.seen({ event: "reloaded" }).length, 1);
      assert.match((await daemon.run("reload", "--verbose", ...control)).stdout, /unchanged/);
      daemon.write("[lock]\nsecond = 4\n");
      const refused = await daemon.run("reload", ...control);
      assert.deepEqual([refused.code, refused.stdout], [1, ""]);
      assert.match(refused.stderr, /ftwall\.toml:\d+: lock\.second: .*nearest: seconds/);
      await daemon.sees({ event: "reload-refused" });
      const { config: facts } = await daemon.status() as unknown as { config: { last_reload: { ok: boolean } } };
      assert.equal(facts.last_reload.ok, false);
      assert.equal((await daemon.run("reload", "--control", `${daemon.dir}/nobody.sock`)).code, 3);
      daemon.write(config(60));
    });
    await test.step("an operator locks by MAC, allows and unlocks, and the times start from now", async () => {
      const asked = Date.now();
      await daemon.must("lock", client1.mac, "--for", "10m", "--reason", "a test", ...control);
      const locked = await daemon.sees({ event: "locked", by: "operator" });
      assert.ok(Date.parse(String(locked["until"])) >= asked + 600_000);
      assert.match(await dial("client1"), /"connected":false/);
      assert.match(await daemon.must("explain", client1.v4, ...control), /LOCKED.*\n/);
      await daemon.must("unlock", client1.v4, ...control);
      await daemon.sees({ event: "released", by: "operator" });
      assert.match(await dial("client1"), /"connected":true/);
      await daemon.must("allow", client1.v4, "--for", "1h", ...control);
      await topology.must("client1", program("traffic.ts", "send", 0, PEER, 1214, PING, 50));
      assert.match(await dial("client1"), /"connected":true/);
      assert.equal(daemon.seen({ event: "audit", outcome: "done" }).length >= 3, true);
    });
    await test.step("a second ftwall on the same control socket is refused, and leaves the first alone", async () => {
      const command = daemon.command.map((word) => word === daemon.config ? `${daemon.dir}/second.toml` : word);
      Deno.writeTextFileSync(`${daemon.dir}/second.toml`, "");
      const second = await topology.run("router", [...command, "--queue", "7"]);
      assert.deepEqual([second.code, second.stdout], [1, ""]);
      assert.match(second.stderr, new RegExp(`Cannot listen on the control socket .*process ${daemon.process.pid} `));
      assert.equal((await daemon.run("status", ...control)).code, 0);
    });
    await test.step("what was locked is told again after a restart, by the state file", async () => {
      await topology.must("client2", program("traffic.ts", "send", 0, PEER, 1214, PING, 50));
      await daemon.sees({ event: "locked", client: client2.v4 });
      daemon.process.kill("SIGINT");
      assert.equal((await daemon.process.status).code, 0);
      await until("the last line", () => daemon.seen({ event: "stopping" }).length === 1);
      for (const event of daemon.events) assertShape(event, false);
      for (const line of daemon.process.stdout.trimEnd().split("\n")) JSON.parse(line);
      await daemon.launch();
      await daemon.sees({ event: "locked", client: client2.v4, by: "state-file" });
    });
  },
});

Deno.test({
  ...namedWithoutConfig(
    "with nothing but defaults: folders are made, the missing config is told on stderr, stdout is JSON alone",
  ),
  async fn() {
    await using topology = await Topology.create({ prefix: "ct" });
    const dir = Deno.makeTempDirSync({ prefix: "ftwall-contract-" });
    try {
      const paths = ["--control", `${dir}/run/ftwall/control.sock`, "--state", `${dir}/lib/ftwall/state`];
      const command = [...executable().command, "--dry-run", "--queue", "0:3", "--log-format", "json", ...paths];
      const daemon = topology.start("router", command);
      await daemon.prints('"event":"ready"');
      const [first] = daemon.stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as LogEvent);
      assert.deepEqual([first!.event, first!["config"], first!["queues"]], ["ready", null, [0, 1, 2, 3]]);
      assert.equal(first!["dry_run"], true);
      assert.match(
        daemon.stderr,
        /^ftwall: There is no config at "\/etc\/ftwall\/ftwall\.toml": built-in defaults are used\n$/,
      );
      assert.ok(isThere(`${dir}/run/ftwall/control.sock`));
      const asked = performance.now();
      const { code } = await daemon.stop("SIGTERM");
      assert.equal(code, 0);
      assert.ok(performance.now() - asked < 1900 * crowd(), "an idle ftwall ends at once");
      assert.ok(!isThere(`${dir}/run/ftwall/control.sock`));
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

Deno.test({
  ...missing([["setpriv", "util-linux"]])(
    "the capabilities that the installed unit leaves are enough, also to hand the socket to a group",
  ),
  async fn() {
    await using topology = await Topology.create({ prefix: "ct" });
    const unit = Deno.readTextFileSync(new URL("../../install.sh", import.meta.url));
    const left = /^CapabilityBoundingSet=(.+)$/m.exec(unit)![1]!.split(" ");
    const set = ["-all", ...left.map((name) => `+${name.slice(4).toLowerCase()}`)].join(",");
    const dir = Deno.makeTempDirSync({ prefix: "ftwall-contract-" });
    try {
      Deno.writeTextFileSync(`${dir}/ftwall.toml`, '[control]\ngroup = "daemon"\n');
      const paths = ["--config", `${dir}/ftwall.toml`, "--control", `${dir}/socket`, "--state", `${dir}/state`];
      const weak = ["setpriv", "--bounding-set", set, "--inh-caps", set, "--no-new-privs"];
      const daemon = topology.start("router", [...weak, ...executable().command, "--log-format", "json", ...paths]);
      await daemon.prints('"event":"ready"');
      const { mode, gid } = Deno.lstatSync(`${dir}/socket`);
      assert.deepEqual([mode! & 0o777, gid], [0o660, 1]);
      assert.equal((await daemon.stop("SIGTERM")).code, 0);
      assert.ok(isThere(`${dir}/state`));
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

Deno.test({
  ...named("a full queue that fails closed is told of as queue-overrun, with the kernel's counters"),
  async fn() {
    await using topology = await Topology.create({ prefix: "ct" });
    await queueAll(topology);
    const config = '[queue]\nlength = 64\nfail = "closed"\n';
    await using daemon = await RouterDaemon.start(topology, { noRules: true, config });
    daemon.process.kill("SIGSTOP");
    await using flood = topology.start("client1", program("traffic.ts", "flood", server.v4, 5000, 1000, 20));
    const counted = async () => {
      const line = /^\s*0\s+\d+\s+\d+\s+2\s+\d+\s+(\d+)/.exec(await topology.must("router", ["cat", QUEUES]));
      return line === null ? 0 : Number(line[1]);
    };
    await until("a full queue", async () => await counted() > 0);
    await flood.stop();
    const stopped = await counted();
    daemon.process.kill("SIGCONT");
    const overrun = await daemon.sees({ event: "queue-overrun", queue: 0 });
    const [queue] = (await daemon.status()).queues;
    // A packet of a host's own may still have found the queue full until it was emptied.
    const told = [stopped, Number(overrun["queue_dropped"]), queue!.queue_dropped, await counted()];
    assert.deepEqual(told, told.toSorted((a, b) => a - b), "each was read after the one before");
    assert.ok(stopped > 0);
  },
});

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
