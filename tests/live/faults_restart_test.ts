/** Stopped, started again and replaced under load: every packet is counted. */
import assert from "node:assert/strict";
import { Libc } from "../../ffi/libc.ts";
import { PassingSocket } from "../../ffi/passing.ts";
import { program, serve, told } from "./everyday.ts";
import { figure } from "./figure.ts";
import { Flood, Load, lostNothing } from "./load.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology } from "./topology.ts";

const named = missing([["gcc", "gcc"]]);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** All of one client's load is to be judged. */
const UNBOUNDED = "client_rate = 0\n";

for (const rules of ["that stay", "of its own"]) {
  Deno.test({
    ...named(`stopped and started five times under load, with rules ${rules}, ftwall loses no packet`),
    async fn() {
      using flood = new Flood();
      await flood.build();
      await using topology = await Topology.create({ prefix: "rs" });
      await using daemon = await RouterDaemon.start(topology, { config: `[queue]\n${UNBOUNDED}` });
      if (rules === "of its own") {
        await daemon.process.stop();
        await daemon.must("rules", "--remove");
        await daemon.launch();
      }
      for (const rate of [5000, 20_000]) {
        const load = await Load.start(topology, flood, rate);
        for (let round = 0; round < 5; round++) {
          await pause(500);
          await daemon.process.stop();
          await pause(200);
          await daemon.launch();
        }
        await pause(500);
        lostNothing("stopped and started five times", await load.end());
      }
    },
  });
}

const CONNECTIONS = 1000;
const REPLACED = "replaced five times under load by ftwall run --take-over, ftwall loses no packet";

/** Queues on several threads are handed over like one. */
const SETTINGS = [
  ["open", `[queue]\nfail = "open"\n${UNBOUNDED}`],
  ["closed", `[queue]\nfail = "closed"\n${UNBOUNDED}`],
  ["closed, two threads", `[queue]\nfail = "closed"\nnumbers = "0:1"\nthreads = 2\n${UNBOUNDED}`],
] as const;

for (const [fail, config] of SETTINGS) {
  Deno.test({
    ...named(`${REPLACED}: fail = ${fail}`),
    async fn() {
      using flood = new Flood();
      await flood.build();
      await using topology = await Topology.create({ prefix: "rs" });
      await using daemon = await RouterDaemon.start(topology, { config });
      for (const rate of [5000, 20_000]) {
        const load = await Load.start(topology, flood, rate);
        for (let round = 0; round < 5; round++) {
          await pause(500);
          const { pid } = daemon.process;
          await daemon.replace();
          assert.match(daemon.process.stdout, new RegExp(`Took the place of process ${pid}`));
        }
        await pause(500);
        lostNothing("replaced five times", await load.end());
      }
      await serve(topology);
      const many = topology.start("client2", program("traffic.ts", "many", ADDRESSES.server.v4, CONNECTIONS, 10));
      while (!many.stdout.includes('"all"')) {
        await pause(1000);
        await daemon.replace();
      }
      many.kill("SIGTERM");
      await many.status;
      const { opened, failed, closed, silent } = told(many).at(-1)!;
      figure(`${opened} TCP connections meanwhile: ${failed} failed, ${closed} closed, ${silent} silent`);
      assert.deepEqual([opened, failed, closed, silent], [CONNECTIONS, 0, 0, 0]);
    },
  });
}

/** A service manager that keeps sockets, as systemd does with FileDescriptorStoreMax. */
class Manager implements Disposable {
  readonly path: string;
  readonly #libc = Libc.open();
  readonly #socket: PassingSocket;
  readonly #kept = new Map<string, number>();

  constructor(dir: string) {
    this.path = `${dir}/notify`;
    this.#socket = new PassingSocket(this.#libc, this.path);
  }

  /** Takes what the service has told so far; answers the names of what is kept. */
  async hear(): Promise<string[]> {
    for (let passed = await this.#socket.receive(20); passed !== null; passed = await this.#socket.receive(20)) {
      const name = /^FDNAME=(.*)$/m.exec(passed.text)?.[1] ?? "";
      for (const fd of passed.descriptors) {
        // It keeps what it has already, and lets programs inherit it.
        if (this.#kept.has(name)) this.#libc.symbols.close(fd);
        else this.#kept.set(name, fd);
      }
      if (passed.text.includes("FDSTOREREMOVE=1")) this.#drop(name);
    }
    return [...this.#kept.keys()].sort();
  }

  /** The command with what is kept from descriptor 3 on. */
  start(command: readonly string[]): string[] {
    const kept = [...this.#kept];
    for (const [, fd] of kept) this.#libc.symbols.fcntl(fd, 2, 0);
    const redirect = kept.map(([, fd], i) => `${3 + i}<&${fd}`).join(" ");
    const names = kept.map(([name]) => name).join(":");
    const env = `LISTEN_PID=$$ LISTEN_FDS=${kept.length} LISTEN_FDNAMES=${names}`;
    return ["bash", "-c", `${env} exec "$@" ${redirect}`, "sh", ...command];
  }

  #drop(name: string): void {
    this.#libc.symbols.close(this.#kept.get(name) ?? -1);
    this.#kept.delete(name);
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#kept.keys()]) this.#drop(name);
    this.#socket[Symbol.dispose]();
    this.#libc.close();
  }
}

Deno.test({
  ...named("where a service manager keeps its queue, ftwall that fails closed loses no packet, killed or restarted"),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "rs" });
    const dir = Deno.makeTempDirSync();
    try {
      using manager = new Manager(dir);
      const config = '[queue]\nfail = "closed"\n';
      await using daemon = await RouterDaemon.start(topology, { config, env: { NOTIFY_SOCKET: manager.path } });
      const load = await Load.start(topology, flood, 5000);
      for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM", "SIGKILL"] as const) {
        await pause(500);
        assert.deepEqual(await manager.hear(), ["ftwall-queue-0"]);
        daemon.process.kill(signal);
        await daemon.process.status;
        await daemon.launch(manager.start(daemon.command));
        assert.match(daemon.process.stdout, /The service manager kept 1 queue since the last start/);
        const other = await topology.run("router", [...daemon.command, "--take-over"]);
        assert.match(`${other.code} ${other.stderr}`, /^1 .*its service manager would start it again/);
      }
      await pause(500);
      lostNothing("stopped twice and killed twice", await load.end());
      // One that fails open may be held by nobody else: its packets pass while it is away.
      await daemon.process.stop();
      daemon.write('[queue]\nfail = "open"\n');
      await daemon.launch(manager.start(daemon.command));
      assert.deepEqual(await manager.hear(), []);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});
