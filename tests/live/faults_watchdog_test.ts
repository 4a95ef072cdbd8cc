/** A daemon that hangs: the kernel ends it, the bypass opens, and it is started again. */
import assert from "node:assert/strict";
import { Libc, MSG_DONTWAIT } from "../../ffi/libc.ts";
import { program, serve, Surfer } from "./everyday.ts";
import { figure } from "./figure.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology, until } from "./topology.ts";

const named = missing([]);

/** Process ids of a process's children. */
function childrenOf(pid: number): number[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** A process's sockets to netfilter that programs which it starts would have too. */
function inherited(pid: number): string[] {
  const netfilter = "12"; // NETLINK_NETFILTER, linux/netlink.h
  const lines = Deno.readTextFileSync(`/proc/${pid}/net/netlink`).trim().split("\n").map((line) =>
    line.trim().split(/\s+/)
  );
  const inodes = new Set(lines.filter((columns) => columns[1] === netfilter).map((columns) => columns.at(-1)));
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => name).filter((name) => {
    const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))?.[1];
    const flags = parseInt(/flags:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/fdinfo/${name}`))![1]!, 8);
    return inode !== undefined && inodes.has(inode) && (flags & 0o2000000) === 0;
  });
}

interface Watchdog {
  readonly in_use: boolean;
  readonly limit_seconds: number;
  readonly service_manager: boolean;
  readonly earlier?: { readonly pid: number; readonly stood_still_seconds: number; readonly watchdog: boolean };
}

async function watchdogOf(daemon: RouterDaemon): Promise<Watchdog> {
  const text = await daemon.must("status", "--json", "--control", daemon.control);
  return (JSON.parse(text) as { watchdog: Watchdog }).watchdog;
}

for (const fail of ["open", "closed"] as const) {
  Deno.test({
    ...named(
      `stopped in the middle of traffic ftwall is ended by the kernel within seconds: fail = ${fail} holds`,
    ),
    async fn() {
      await using topology = await Topology.create();
      await serve(topology);
      await using daemon = await RouterDaemon.start(topology, {
        watchdog: true,
        config: `[queue]\nfail = "${fail}"\n`,
      });
      const surfer = new Surfer(topology, "client1", 4, 1000, 1000);
      await until("pages", () => surfer.count().ok > 5);
      assert.deepEqual(await watchdogOf(daemon), { in_use: true, limit_seconds: 2, service_manager: false });
      assert.deepEqual(inherited(daemon.process.pid), [], "a program that hangs would hold the queue");
      const stopped = Date.now();
      daemon.process.kill("SIGSTOP");
      const { signal } = await daemon.process.status;
      assert.equal(signal, "SIGKILL");
      const ended = Date.now();
      figure(`stopped, then ended by the kernel after ${ended - stopped} ms`);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const after = surfer.count(ended + 200, ended + 1000);
      if (fail === "open") assert.ok(after.ok > 0 && after.failed === 0, JSON.stringify(after));
      else assert.equal(after.ok, 0);
      const pid = daemon.process.pid;
      await daemon.launch();
      const again = Date.now();
      await until("pages again", () => surfer.count(again).ok > 3);
      const { earlier } = await watchdogOf(daemon);
      assert.equal(earlier?.pid, pid);
      assert.equal(earlier?.watchdog, true);
      assert.ok(earlier!.stood_still_seconds >= 2, JSON.stringify(earlier));
      assert.match(daemon.tail(), new RegExp(`The process before this one \\(${pid}\\) was ended by the watchdog`));
      await surfer.stop();
    },
  });
}

Deno.test({
  ...named("without a service manager --respawn starts ftwall again after a kill, passes signals on and ends with it"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, { watchdog: true, args: ["--respawn"] });
    const shell = daemon.process.pid;
    assert.equal(Deno.readTextFileSync(`/proc/${shell}/comm`).trim(), "sh");
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${shell}/status`))?.[1]);
    figure(`the shell above the daemon takes ${resident} KiB`);
    assert.ok(resident < 4096, `${resident} KiB`);
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      const [pid] = childrenOf(shell);
      Deno.kill(pid!, signal);
      const ready = daemon.seen({ event: "ready" }).length;
      await until("ready again", () => daemon.seen({ event: "ready" }).length > ready, 40_000, () => daemon.tail());
      assert.notEqual(childrenOf(shell)[0], pid);
    }
    // A reload that changes nothing writes nothing.
    const before = daemon.events.length;
    daemon.process.kill("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual(daemon.events.slice(before), []);
    daemon.write("[lock]\nseconds = 77\n");
    daemon.process.kill("SIGHUP");
    assert.match(String((await daemon.sees({ event: "reloaded" }))["changes"]), /lock\.seconds/);
    const { code } = await daemon.process.stop("SIGTERM");
    assert.equal(code, 0);
    assert.equal(daemon.events.at(-1)?.event, "stopping");
    // Told to stop between two daemons, it starts none.
    await daemon.launch();
    const above = daemon.process.pid;
    const ready = daemon.seen({ event: "ready" }).length;
    Deno.kill(childrenOf(above)[0]!, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await daemon.process.stop("SIGTERM")).code, 0);
    assert.equal(daemon.seen({ event: "ready" }).length, ready);
  },
});

Deno.test({
  ...named("a thread that hangs ends the daemon too, and a machine without load never does"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, {
      watchdog: true,
      config: '[queue]\nnumbers = "0:1"\nthreads = 2\n',
    });
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const surfing = await topology.must("client1", program("traffic.ts", "dial", "198.51.100.2", 22, 600, ""));
    assert.match(surfing, /"connected":true/);
    assert.ok(!daemon.process.ended);
    daemon.process.kill("SIGSTOP");
    assert.equal((await daemon.process.status).signal, "SIGKILL");
  },
});

Deno.test({
  ...named("a service manager is told when packets are judged, each second that verdicts move, and of a stop"),
  async fn() {
    await using topology = await Topology.create();
    using libc = Libc.open();
    const dir = Deno.makeTempDirSync();
    const path = `${dir}/notify`;
    const manager = libc.symbols.socket(1, 2, 0);
    try {
      const address = new Uint8Array([1, 0, ...new TextEncoder().encode(`${path}\0`)]);
      assert.equal(libc.symbols.bind(manager, address, address.length), 0);
      const heard = (): string[] => {
        const lines: string[] = [];
        const piece = new Uint8Array(256);
        for (;;) {
          const length = libc.symbols.recv(manager, piece, 256n, MSG_DONTWAIT);
          if (length <= 0) return lines;
          lines.push(new TextDecoder().decode(piece.subarray(0, length)));
        }
      };
      await using daemon = await RouterDaemon.start(topology, { watchdog: true, env: { NOTIFY_SOCKET: path } });
      const told = heard();
      assert.equal(told.filter((line) => line === "READY=1").length, 1);
      await until("a sign of life", () => heard().includes("WATCHDOG=1"), 5000);
      assert.equal((await watchdogOf(daemon)).service_manager, true);
      daemon.process.kill("SIGSTOP");
      heard();
      await daemon.process.status;
      assert.deepEqual(heard(), []);
      await daemon.launch();
      assert.ok(heard().includes("READY=1"));
      await daemon.process.stop();
      assert.ok(heard().includes("STOPPING=1"));
    } finally {
      libc.symbols.close(manager);
      Deno.removeSync(dir, { recursive: true });
    }
  },
});
