import assert from "node:assert/strict";
import fc from "fast-check";
import { ask } from "../../lib/cli/control_client.ts";
import { listenerPid } from "../../lib/daemon/socket_path.ts";
import { type ControlHandler, ControlServer } from "../../lib/daemon/control_server.ts";
import { Failure } from "../../lib/report/failure.ts";
import { formatAddress, type Words } from "../../lib/net/address.ts";
import { LONGEST_REQUEST, readRequest, RefusedRequest } from "../../lib/report/control_protocol.ts";
import type { Who } from "../../lib/report/report_event.ts";
import type { Status } from "../../lib/report/status.ts";

// Longer than what is sent at once, of characters that take several bytes.
const STATUS = { version: "test", text: "ü€".repeat(30_000) } as unknown as Status;

class Handler implements ControlHandler {
  notify(name: string | null) {
    return Promise.resolve({ targets: [{ name: name ?? "all", failure: "" }] });
  }

  broken = false;
  *clients() {
    yield '{"clients":[';
    if (this.broken) throw new Error("secret detail of a row");
    yield "]}";
  }
  events() {
    return { events: [] };
  }
  readonly asked: unknown[] = [];
  readonly whos: Who[] = [];
  readonly operators: string[] = [];
  operatorAt(address: Words) {
    this.operators.push(formatAddress(...address));
  }
  status() {
    const text = JSON.stringify(STATUS);
    return Promise.resolve([text.slice(0, 1001), "", text.slice(1001)]);
  }
  async reload(who: Who) {
    this.whos.push(who);
    await Promise.resolve();
    return { outcome: "unchanged", hash: "h", changes: [], problems: [] } as const;
  }
  lock(request: unknown, who: Who) {
    this.asked.push(request);
    this.whos.push(who);
    return { clients: ["10.0.0.5"], message: "Locked 10.0.0.5" };
  }
  unlock(request: unknown) {
    this.asked.push(request);
    return { clients: [], message: "Nothing to unlock" };
  }
  allow(): never {
    throw new RefusedRequest("Cannot allow 10.0.0.5: it is not in home");
  }
  takeOver(): never {
    throw new RefusedRequest("Cannot hand over to the ftwall that asks: it does not wait");
  }
  explain(): never {
    throw new TypeError("secret detail");
  }
}

interface Served extends AsyncDisposable {
  readonly path: string;
  readonly handler: Handler;
  readonly faults: string[];
  readonly server: ControlServer;
}

async function serve(more: { readonly patience?: number; readonly credentials?: boolean } = {}): Promise<Served> {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-control-" });
  const path = `${directory}/run/control.sock`;
  const handler = new Handler();
  const faults: string[] = [];
  const server = await ControlServer.listen({
    path,
    group: "",
    version: "test",
    handler,
    fault: (message) => faults.push(message),
    ...(more.patience === undefined ? {} : { patience: more.patience }),
    ...(more.credentials === true ? { credentials: (descriptor) => ({ uid: 0, pid: descriptor }) } : {}),
  });
  return {
    path,
    handler,
    faults,
    server,
    async [Symbol.asyncDispose]() {
      await server.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

async function raw(path: string, bytes: Uint8Array | string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  try {
    for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    await connection.closeWrite();
  } catch (error) {
    // The server may have had enough before we were done.
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  let text = "";
  const piece = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(piece).catch(() => null);
    if (count === null) return text;
    text += new TextDecoder().decode(piece.subarray(0, count));
  }
}

Deno.test("the socket is born closed to others, and the client gets its answers", async () => {
  await using served = await serve();
  assert.equal((Deno.statSync(served.path).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(await ask(served.path, { command: "ping" }), { pid: Deno.pid, version: "test" });
  assert.deepEqual(await ask(served.path, { command: "status" }), STATUS);
  assert.equal((await ask(served.path, { command: "reload" })).outcome, "unchanged");
  const locked = await ask(served.path, { command: "lock", client: "10.0.0.5", seconds: 60, reason: "why" });
  assert.equal(locked.message, "Locked 10.0.0.5");
  assert.deepEqual(served.handler.asked, [{ command: "lock", client: "10.0.0.5", seconds: 60, reason: "why" }]);
});

Deno.test("refusals reach the user as they are, faults do not leak their details", async () => {
  await using served = await serve();
  await assert.rejects(
    ask(served.path, { command: "allow", client: "10.0.0.5", seconds: null, reason: "" }),
    (error) => error instanceof Failure && error.exitCode === 1 && error.message.includes("it is not in home"),
  );
  await assert.rejects(
    ask(served.path, { command: "explain", client: "10.0.0.5" }),
    (error) => error instanceof Failure && !error.message.includes("secret detail"),
  );
  assert.deepEqual(served.faults, ["Cannot answer a control request: secret detail"]);
});

Deno.test("an answer that fails on the way ends there, the log says why, and the next is whole", async () => {
  await using served = await serve();
  served.handler.broken = true;
  await assert.rejects(
    ask(served.path, { command: "clients" }),
    (error) => error instanceof Failure && !error.message.includes("secret detail"),
  );
  assert.deepEqual(served.faults, ["Cannot answer a control request: secret detail of a row"]);
  served.handler.broken = false;
  assert.deepEqual(await ask(served.path, { command: "clients" }), { clients: [] });
});

Deno.test("the kernel names who asks, besides the name that the client gives", async () => {
  await using served = await serve({ credentials: true });
  await raw(served.path, '{"command":"reload","user":"anna"}\n');
  const who = served.handler.whos[0];
  assert.equal(who?.uid, 0);
  assert.equal(who?.user, "anna");
  assert.ok((who?.pid ?? 0) > 2, "a descriptor was found");
});

Deno.test("several requests on one connection are answered in order", async () => {
  await using served = await serve();
  const answers = await raw(served.path, '{"command":"ping"}\nnonsense\n{"command":"status"}\n');
  const lines = answers.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((line) => line.ok), [true, false, true]);
});

Deno.test("hostile requests get an error or a closed connection, and the server goes on", async () => {
  await using served = await serve();
  for (
    const text of [
      "\n",
      "[]\n",
      "null\n",
      "{}\n",
      '{"command":"__proto__"}\n',
      '{"command":"lock"}\n',
      '{"command":"lock","client":5}\n',
      '{"command":"lock","client":"10.0.0.5","seconds":-1}\n',
      '{"command":"lock","client":"10.0.0.5","seconds":1e300}\n',
      `{"command":"explain","client":"${"x".repeat(65)}"}\n`,
      '{"command":"unlock"}\n',
      "[".repeat(50_000) + "\n",
    ]
  ) {
    const answer = JSON.parse(await raw(served.path, text));
    assert.equal(answer.ok, false, text);
    assert.equal(typeof answer.error, "string");
  }
  const long = JSON.parse(await raw(served.path, "x".repeat(LONGEST_REQUEST + 10)));
  assert.match(long.error, /longer than 65536 bytes/);
  assert.equal(JSON.parse(await raw(served.path, new Uint8Array([0xff, 0xfe, 0x00, 0x0a]))).ok, false);
  assert.equal(await raw(served.path, '{"command":"status"}'), "");
  assert.deepEqual(served.handler.asked, []);
  assert.equal((await ask(served.path, { command: "ping" })).version, "test");
});

Deno.test("a caller that sends nothing, or a byte now and then, is cut off", async () => {
  await using served = await serve({ patience: 60 });
  using connection = await Deno.connect({ transport: "unix", path: served.path });
  let bytes = 0;
  const drip = (async () => {
    for (; bytes < 500; bytes++) {
      await connection.write(new Uint8Array([0x20]));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })().catch(() => {});
  assert.equal(await connection.read(new Uint8Array(10)).catch(() => null), null);
  await drip;
  // Ten seconds of them would have come.
  assert.ok(bytes < 500, "nobody cut it off");
});

Deno.test("more connections than allowed are told so, and room comes back", async () => {
  await using served = await serve();
  const held: Deno.UnixConn[] = [];
  for (let i = 0; i < 16; i++) held.push(await Deno.connect({ transport: "unix", path: served.path }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(await raw(served.path, '{"command":"ping"}\n'), /Too many connections/);
  for (const connection of held) connection.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await ask(served.path, { command: "ping" })).version, "test");
});

Deno.test("a living daemon's socket is left to it and its process is named", async () => {
  await using served = await serve();
  assert.equal(listenerPid(served.path), Deno.pid);
  await assert.rejects(
    ControlServer.listen({ path: served.path, group: "", version: "other", handler: new Handler() }),
    (error) =>
      error instanceof Failure && error.exitCode === 1 && error.message.includes(`process ${Deno.pid} listens`),
  );
  assert.equal((await ask(served.path, { command: "ping" })).version, "test");
});

/** Leaves a socket file behind, as a daemon does that was killed. */
async function leaveDeadSocket(path: string): Promise<void> {
  const program = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} }); Deno.kill(Deno.pid, "SIGKILL")`;
  await new Deno.Command(Deno.execPath(), { args: ["eval", program], stderr: "null" }).output();
  assert.ok(Deno.lstatSync(path).isSocket);
}

Deno.test("a dead daemon's socket is replaced, anything else of that name is not", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-control-" });
  try {
    const path = `${directory}/control.sock`;
    await leaveDeadSocket(path);
    const server = await ControlServer.listen({ path, group: "", version: "new", handler: new Handler() });
    assert.equal((await ask(path, { command: "ping" })).version, "new");
    await server.close();
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
    Deno.writeTextFileSync(path, "precious");
    await assert.rejects(
      ControlServer.listen({ path, group: "", version: "new", handler: new Handler() }),
      (error) => error instanceof Failure && error.message.includes("there is something else of that name"),
    );
    assert.equal(Deno.readTextFileSync(path), "precious");
    // Nor is a link, wherever it leads: to a file, to a dead socket, to nothing.
    Deno.renameSync(path, `${directory}/file`);
    await leaveDeadSocket(`${directory}/dead`);
    for (const target of ["file", "dead", "nothing"]) {
      Deno.symlinkSync(`${directory}/${target}`, path);
      await assert.rejects(
        ControlServer.listen({ path, group: "", version: "new", handler: new Handler() }),
        (error) => error instanceof Failure && error.message.includes("there is something else of that name"),
      );
      assert.ok(Deno.lstatSync(path).isSymlink);
      Deno.removeSync(path);
    }
    assert.ok(Deno.lstatSync(`${directory}/dead`).isSocket);
    assert.throws(() => Deno.lstatSync(`${directory}/nothing`), Deno.errors.NotFound);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a group gets read and write, an unknown one is a usage error", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-control-" });
  try {
    const path = `${directory}/control.sock`;
    const own = String(Deno.gid());
    const server = await ControlServer.listen({ path, group: own, version: "x", handler: new Handler() });
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o660);
    await server.close();
    await assert.rejects(
      ControlServer.listen({ path, group: "no-such-group", version: "x", handler: new Handler() }),
      (error) => error instanceof Failure && error.exitCode === 2,
    );
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("the client says what to do without a daemon, and refuses answers of a stranger", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-control-" });
  try {
    const path = `${directory}/control.sock`;
    const missing = (error: unknown) => error instanceof Failure && error.exitCode === 3;
    await assert.rejects(ask(path, { command: "ping" }), missing);
    await leaveDeadSocket(path);
    await assert.rejects(ask(path, { command: "ping" }), missing);
    Deno.removeSync(path);
    using listener = Deno.listen({ transport: "unix", path });
    const strange = (async () => {
      for (const answer of ["HTTP/1.1 400\r\n\r\n", '{"a":1}\n', ""]) {
        using connection = await listener.accept();
        await connection.read(new Uint8Array(100));
        if (answer !== "") await connection.write(new TextEncoder().encode(answer));
      }
      return await listener.accept();
    })();
    const failed = (error: unknown) => error instanceof Failure && error.exitCode === 1;
    for (let i = 0; i < 3; i++) await assert.rejects(ask(path, { command: "ping" }), failed);
    await assert.rejects(
      ask(path, { command: "ping" }, 50),
      (error) => error instanceof Failure && error.message.includes("none came within 0.05 s"),
    );
    (await strange).close();
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a request tells from where its user is logged in, and what is no address is passed by", async () => {
  await using served = await serve();
  for (const from of ["192.168.1.9", "2001:db8::9", "nowhere", "\u001b[2J"]) {
    await raw(served.path, JSON.stringify({ command: "ping", from }) + "\n");
  }
  assert.deepEqual(served.handler.operators, ["192.168.1.9", "2001:db8::9"]);
});

Deno.test("readRequest answers a request or RefusedRequest for any text", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.json().map((j) => `{"command":"lock","client":${j}}`)), (text) => {
      try {
        assert.ok(readRequest(text).request.command.length > 0);
      } catch (error) {
        assert.ok(error instanceof RefusedRequest);
      }
    }),
  );
});
