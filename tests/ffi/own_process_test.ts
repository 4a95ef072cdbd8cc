/** What a process asks of the kernel for itself; each in a process of its own, which it changes for good. */
import assert from "node:assert/strict";
import { filterProgram } from "../../ffi/call_filter.ts";
import { neededCapabilities, rightsIn, writtenFolders } from "../../lib/daemon/rights.ts";
import { configOf } from "../policy/parse_config.ts";

const ffi = new URL("../../ffi/", import.meta.url).href;

/** Runs a program in a process of its own; answers how it ended and what it printed. */
async function alone(program: string): Promise<{ readonly signal: string | null; readonly out: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    stdout: "piped",
    stderr: "inherit",
  });
  const { signal, stdout } = await child.output();
  return { signal, out: new TextDecoder().decode(stdout) };
}

Deno.test("the kernel ends a process that is stopped, or spins, when its deadline passes", async () => {
  const begin = `import { Deadline } from "${ffi}deadline.ts"; const deadline = new Deadline(); deadline.putOff(300);`;
  for (const hang of ['Deno.kill(Deno.pid, "SIGSTOP")', "for (;;);"]) {
    assert.equal((await alone(`${begin} console.log("on"); ${hang}; console.log("late")`)).signal, "SIGKILL", hang);
  }
});

Deno.test("a deadline that is put off, lifted or given back ends nothing", async () => {
  const { signal, out } = await alone(`
    import { Deadline } from "${ffi}deadline.ts";
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const deadline = new Deadline();
    for (let i = 0; i < 8; i++) { deadline.putOff(2000); await pause(300); }
    deadline.putOff(400); deadline.putOff(0); await pause(600);
    deadline.putOff(400); deadline[Symbol.dispose](); deadline.putOff(1); await pause(600);
    console.log("alive");`);
  assert.deepEqual([signal, out], [null, "alive\n"]);
});

Deno.test({
  name: "rights that are given up are gone on every thread, and for every program that is started",
  ignore: Deno.uid() !== 0,
  async fn() {
    const { out } = await alone(`
      import { OwnProcess } from "${ffi}own_process.ts";
      const why = new OwnProcess().giveUp([12, 13]);
      const read = (path) => Deno.readTextFileSync(path).match(/^(?:CapPrm|CapEff):\\t\\w+|^Uid:\\t\\d+/gm).join(" ");
      const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => read("/proc/self/task/" + name + "/status"));
      const sh = new Deno.Command("cat", { args: ["/proc/self/status"], stdout: "piped" }).outputSync();
      console.log(JSON.stringify({ why, own: read("/proc/thread-self/status"), threads,
        child: new TextDecoder().decode(sh.stdout).match(/^(?:CapPrm|NoNewPrivs):.*/gm) }));`);
    const seen = JSON.parse(out);
    const both = "0000000000003000";
    assert.equal(seen.why, "");
    assert.equal(seen.own, `Uid:\t0 CapPrm:\t${both} CapEff:\t${both}`);
    assert.ok(seen.threads.length > 2);
    const none = "0".repeat(16);
    for (const thread of seen.threads) {
      assert.ok([seen.own, `Uid:\t65534 CapPrm:\t${none} CapEff:\t${none}`].includes(thread), thread);
    }
    assert.deepEqual(seen.child, [`CapPrm:\t${both}`, "NoNewPrivs:\t1"]);
  },
});

Deno.test("system calls that no router needs of ftwall are refused on every thread, and to what it starts; all else works", async () => {
  const { out } = await alone(`
    import { OwnProcess } from "${ffi}own_process.ts";
    const why = new OwnProcess().refuseCalls();
    const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
      Deno.readTextFileSync("/proc/self/task/" + name + "/status").match(/^Seccomp:\\t(\\d)/m)[1]);
    const sh = (command) => new Deno.Command("sh", { args: ["-c", command], stdout: "null", stderr: "null" }).outputSync().success;
    const worker = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
    await new Promise((resolve) => worker.onmessage = resolve);
    worker.terminate();
    console.log(JSON.stringify({ why, threads: [...new Set(threads)], refused: sh("unshare -n true"), cat: sh("cat /proc/version") }));`);
  assert.deepEqual(JSON.parse(out), { why: "", threads: ["2"], refused: false, cat: true });
});

Deno.test("each way through the filter ends in a verdict: refused numbers, another architecture, and all others", () => {
  for (const arch of ["x86_64", "aarch64"] as const) {
    const view = new DataView(filterProgram(arch).buffer);
    const run = (architecture: number, number: number): number => {
      let loaded = 0;
      for (let at = 0;; at++) {
        const code = view.getUint16(at * 8, true);
        const constant = view.getUint32(at * 8 + 4, true);
        if (code === 0x06) return constant;
        if (code === 0x20) loaded = constant === 4 ? architecture : number;
        const holds = code === 0x15 ? loaded === constant : code === 0x35 ? loaded >= constant : false;
        if (code !== 0x20) at += view.getUint8(at * 8 + (holds ? 2 : 3));
      }
    };
    const own = arch === "x86_64" ? 0xc000003e : 0xc00000b7;
    const refused = [...Array(600).keys()].filter((number) => run(own, number) === 0x00050001);
    assert.equal(refused.length, arch === "x86_64" ? 41 : 38);
    assert.ok(refused.includes(arch === "x86_64" ? 101 : 117), "ptrace");
    // recvmmsg, sendmsg, poll or ppoll, execve, clone: what ftwall lives from.
    for (const number of arch === "x86_64" ? [299, 46, 7, 59, 56] : [243, 211, 73, 221, 220]) {
      assert.equal(run(own, number), 0x7fff0000, String(number));
    }
    assert.equal(run(own, 0x40000001), 0x00050001, "x32");
    assert.equal(run(0x40000003, 1), 0x00050001, "i386");
  }
});

Deno.test("a config says which further capabilities are needed: a group of the socket, folders of others", () => {
  const of = (toml: string, owners: Readonly<Record<string, number>> = {}) => {
    const config = configOf(toml);
    return neededCapabilities(
      config,
      "/etc/f.toml",
      writtenFolders(config, ["/s/state", "/r/c.sock"]),
      (path) => owners[path] ?? null,
    );
  };
  assert.deepEqual(of(""), ["NET_ADMIN", "NET_RAW"]);
  assert.deepEqual(of("", { "/s": 0, "/r": 0 }), ["NET_ADMIN", "NET_RAW"]);
  assert.deepEqual(of("", { "/s": 33 }), ["NET_ADMIN", "NET_RAW", "DAC_OVERRIDE"]);
  assert.deepEqual(of('client_files = "/www"\n', { "/www": 33 }), ["NET_ADMIN", "NET_RAW", "DAC_OVERRIDE"]);
  assert.deepEqual(of('[log]\nfile = "/l/log"\n', { "/l": 33 }), ["NET_ADMIN", "NET_RAW", "DAC_OVERRIDE"]);
  assert.deepEqual(of("", { "/etc/f.toml": 1000 }), ["NET_ADMIN", "NET_RAW", "DAC_READ_SEARCH"]);
  assert.deepEqual(of('[control]\ngroup = "netdev"\n'), ["NET_ADMIN", "NET_RAW", "CHOWN"]);
  const hooks = ["NET_ADMIN", "NET_RAW", "KILL", "SETGID", "SETUID"];
  const target = '[[notify]]\nname = "a"\n';
  assert.deepEqual(of(`${target}command = ["/bin/true"]\n`), hooks);
  assert.deepEqual(of(`${target}mail = ["root"]\n`), hooks);
  assert.deepEqual(of(`${target}mail = ["root"]\nsmtp = "127.0.0.1"\n`), ["NET_ADMIN", "NET_RAW"]);
  assert.deepEqual(of(`${target}webhook = "https://h.example/"\n`), ["NET_ADMIN", "NET_RAW"]);
});

Deno.test("the rights of a thread are read from its status", () => {
  const text = "Name:\tx\nCapPrm:\t0000000000003000\nCapEff:\t0\nNoNewPrivs:\t1\n";
  assert.deepEqual(rightsIn(text), { mask: 0x3000n, noNewPrivileges: true });
  assert.deepEqual(rightsIn(""), { mask: 0n, noNewPrivileges: false });
});
