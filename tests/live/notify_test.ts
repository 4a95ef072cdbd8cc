/** The daemon tells: a web server beyond the router, a hook, a sendmail, and endpoints that hang or are down. */
import assert from "node:assert/strict";
import { program, told } from "./everyday.ts";
import { executable } from "./executable.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology, until } from "./topology.ts";

const named = missing([["iptables", "iptables"]]);
const PORT = 8080;

/** Programs that the daemon starts, in a folder where everybody may write. */
function programs(): Disposable & { readonly folder: string; readonly read: (name: string) => string } {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-hooks-" });
  Deno.chmodSync(folder, 0o777);
  const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text, { mode: 0o755 });
  write(
    "hook",
    `#!/bin/sh\ncat >>${folder}/messages\ncat /proc/self/status >${folder}/status\nls -l /proc/$$/fd >${folder}/$$ && mv ${folder}/$$ ${folder}/fds\n`,
  );
  write("sendmail", `#!/bin/sh\nprintf '%s\\n' "$@" >${folder}/recipients\ncat >>${folder}/mail\n`);
  write("hangs", `#!/bin/sh\necho $$ >>${folder}/hanging\nsleep 1000\n`);
  const read = (name: string) => {
    try {
      return Deno.readTextFileSync(`${folder}/${name}`);
    } catch {
      return "";
    }
  };
  return { folder, read, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

Deno.test({
  ...named(
    "locks, lost rules and refused configs are told by webhook, hook and mail; what hangs or is down harms nobody",
  ),
  async fn() {
    await using topology = await Topology.create({ prefix: "nt" });
    using made = programs();
    const { folder, read } = made;
    const secret = "s3cret-token";
    const targets = `
[queue]
keep_rules = true
[[notify]]
name = "web"
webhook = "http://${ADDRESSES.server.v4}:${PORT}/hooks/s3cret-path"
token = "${secret}"
interval = "10s"
[[notify]]
name = "hook"
command = ["${folder}/hook", "$(reboot)"]
on = ["lock", "rules", "config", "start"]
interval = "10s"
[[notify]]
name = "mail"
mail = ["admin@example.org", "root"]
sendmail = "${folder}/sendmail"
[[notify]]
name = "hangs"
command = ["${folder}/hangs"]
timeout = "1s"
`;
    await using daemon = await RouterDaemon.start(topology, { config: targets });
    // What the hook writes last is there as a whole, or it is not.
    await until("the hook to be told of the start", () => read("fds") !== "" && read("messages").includes("ready"));
    // A program has no rights, no way to any, and none of our descriptors.
    const status = read("status");
    assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
    assert.match(status, /^Gid:\t65534\t65534\t65534\t65534$/m);
    assert.match(status, /^Groups:\t\s*(?:65534 ?)?$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.match(status, new RegExp(`^${set}:\t0+$`, "m"));
    assert.match(status, /^NoNewPrivs:\t1$/m);
    // The shell keeps what it redirects, and the script, open itself.
    const opened = read("fds").split("\n").filter((line) => line.includes(" -> ") && !line.includes(folder));
    assert.ok(opened.every((line) => / [012] -> | -> \/dev\/null$/.test(line)), read("fds"));

    // Nobody listens yet: the locks wait for the server.
    for (const client of [ADDRESSES.client1.v4, ADDRESSES.client2.v4]) {
      await daemon.must("lock", client, "--reason", "asked\nfor\r\nBcc: x@example.org", "--control", daemon.control);
    }
    await daemon.sees({ event: "note", level: "warning" }, 20_000);
    const web = topology.start("server", program("webhook_server.ts", PORT));
    await web.prints("ready");
    await until("the locks to be told in one message", () => told(web).length > 0, 30_000);
    const first = told(web)[0]! as unknown as { token: string; message: Record<string, unknown> };
    assert.equal(first.token, `Bearer ${secret}`);
    const events = first.message["events"] as { event: string; client: string }[];
    assert.deepEqual(events.map(({ event, client }) => [event, client]), [
      ["locked", ADDRESSES.client1.v4],
      ["locked", ADDRESSES.client2.v4],
    ]);
    await until("the mail", () => read("mail").endsWith("\n"));
    assert.equal(read("recipients"), "-i\n--\nadmin@example.org\nroot\n");
    assert.match(read("mail"), /^To: admin@example\.org,\n root\nSubject: ftwall on [^\n]+: locked 2\n/m);
    assert.doesNotMatch(read("mail"), /^Bcc/m);

    await topology.must("router", ["sh", "-c", "nft delete table inet ftwall 2>/dev/null || iptables -t mangle -F"]);
    daemon.write(`${targets}[lock]\nseconds = "soon"\n`);
    daemon.process.kill("SIGHUP");
    const heard = (event: string) => told(web).some((line) => JSON.stringify(line).includes(`"event":"${event}"`));
    for (const event of ["rules-lost", "rules-restored", "reload-refused"]) {
      await until(event, () => heard(event), 30_000, () => web.stdout);
    }

    // The one that hangs was ended each time, and started anew.
    await until("the program that hangs to be tried again", () => read("hanging").split("\n").length > 2, 30_000);
    const [hung] = read("hanging").split("\n");
    assert.throws(() => Deno.statSync(`/proc/${hung}`));
    const { code, stdout } = await topology.run("router", [
      ...[...executable().command, "notify", "--test", "--control", daemon.control],
    ]);
    assert.equal(code, 1);
    assert.match(stdout, /^web: arrived$/m);
    assert.match(stdout, /^hook: arrived$/m);
    assert.match(stdout, /^mail: arrived$/m);
    assert.match(stdout, /^hangs: it took too long$/m);
    const { notify } = JSON.parse(await daemon.must("status", "--json", "--control", daemon.control));
    const failing = notify.filter((target: { failure?: string }) => target.failure !== undefined);
    assert.deepEqual(failing.map(({ name, failure }: Record<string, string>) => [name, failure]), [[
      "hangs",
      "it took too long",
    ]]);
    const doctor = await topology.run("router", [
      ...executable().command,
      "doctor",
      "--json",
      "--control",
      daemon.control,
    ]);
    const check = JSON.parse(doctor.stdout).checks.find((one: { check: string }) => one.check === "notify");
    assert.match(`${check.level} ${check.found}`, /^warn no message arrives at "hangs" since .*: it took too long$/);

    await daemon.process.stop("SIGTERM");
    assert.ok(read("messages").includes('"event":"stopping"'), "what happens last is told at the end");
    assert.doesNotMatch(daemon.process.stdout + daemon.process.stderr, /s3cret/);
  },
});

Deno.test({
  ...named("without a program to start the daemon keeps no right to; a reload says that the first one wants a restart"),
  async fn() {
    // From source there are threads already when rights could be given up.
    if (executable().kind !== "compiled") return;
    await using topology = await Topology.create({ prefix: "nt" });
    const rights = async (daemon: RouterDaemon) =>
      (JSON.parse(await daemon.must("status", "--json", "--control", daemon.control)).rights.capabilities as string[])
        // Where limits cannot be raised, to change its priority.
        .filter((name) => name !== "CAP_SYS_NICE");
    await using daemon = await RouterDaemon.start(topology, { dryRun: true });
    assert.deepEqual(await rights(daemon), ["CAP_NET_ADMIN", "CAP_NET_RAW"]);
    daemon.write('[[notify]]\nname = "hook"\ncommand = ["/bin/true"]\n');
    assert.match(
      await daemon.must("reload", "--verbose", "--control", daemon.control),
      /Programs of \[\[notify\]\] cannot be started as another user before ftwall is restarted/,
    );
    const { stdout } = await topology.run("router", [
      ...executable().command,
      "notify",
      "--test",
      "--control",
      daemon.control,
    ]);
    assert.match(stdout, /^hook: ftwall gave up the right to start programs as nobody when it started: restart it$/m);
    await daemon.process.stop("SIGTERM");
    await daemon.launch();
    assert.deepEqual(await rights(daemon), ["CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_NET_ADMIN", "CAP_NET_RAW"]);
    assert.match(await daemon.must("notify", "--test", "--control", daemon.control), /^hook: arrived$/m);
  },
});
