/** Messages on their way to real endpoints: web servers, mail servers and programs of this machine. */
import assert from "node:assert/strict";
import { sendBySmtp } from "../../lib/notify/mail.ts";
import { runProgram } from "../../lib/notify/program.ts";
import { post, prepareTls, Refused } from "../../lib/notify/webhook.ts";
import { gathered, HOSTILE, locked, targetOf } from "./target_config.ts";

const message = gathered(locked("10.0.0.5", { client_name: HOSTILE }));
const starting = () => {};
const patient = () => AbortSignal.timeout(60_000);

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A web server that answers one thing. */
function server(answer: () => Response | Promise<Response>, tls: { cert?: string; key?: string } = {}) {
  const seen: Seen[] = [];
  const running = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls } as Deno.ServeTcpOptions,
    async (request) => {
      const { method, url, headers } = request;
      seen.push({ method, path: new URL(url).pathname, headers, body: await request.text() });
      return await answer();
    },
  );
  const { port } = running.addr as Deno.NetAddr;
  return { seen, port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => running.shutdown() };
}

Deno.test("a webhook gets the message, and the token in a header", async () => {
  await using web = server(() => new Response("ok"));
  await post(targetOf(`webhook = "${web.url}/hook?a=b"\ntoken = "s3cret"`), message, patient());
  const { method, path, headers, body } = web.seen[0]!;
  assert.deepEqual([method, path, body], ["POST", "/hook", message.json]);
  assert.deepEqual([headers.get("authorization"), headers.get("content-type")], ["Bearer s3cret", "application/json"]);
});

Deno.test("why a server did not take a message is told without its address; a redirect is not followed", async () => {
  await using elsewhere = server(() => new Response("ok"));
  const answers = [
    () => new Response("slow down\nmore", { status: 429, headers: { "retry-after": "90" } }),
    () => new Response("no such hook", { status: 400 }),
    () => new Response(null, { status: 307, headers: { location: elsewhere.url } }),
    () => new Response("x".repeat(1 << 20), { status: 503 }),
  ];
  await using web = server(() => answers.shift()!());
  const target = targetOf(`webhook = "${web.url}/services/s3cret"`);
  const refusal = async () => {
    const error = await post(target, message, patient()).then(() => null, (error) => error);
    assert.ok(error instanceof Refused);
    return [error.message, error.final, error.wait] as const;
  };
  assert.deepEqual(await refusal(), ["it answered 429 Too Many Requests: slow down", false, 90]);
  assert.deepEqual(await refusal(), ["it answered 400 Bad Request: no such hook", true, 0]);
  assert.match((await refusal())[0], /^it answered 307 Temporary Redirect: it leads elsewhere, which is not followed/);
  assert.match((await refusal())[0], /^it answered 503 Service Unavailable: x{200}$/);
  assert.deepEqual(elsewhere.seen, []);
});

Deno.test("a server that is not there, or does not answer, is an error that does not name the address", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const accepted = silent.accept();
  const target = targetOf(`webhook = "http://127.0.0.1:${port}/s3cret"`);
  await assert.rejects(post(target, message, AbortSignal.timeout(200)), { name: "Error" });
  (await accepted).close();
  silent.close();
  const error = await post(target, message, patient()).then(() => null, (error) => error);
  assert.match(error.message, /Connection refused/);
  assert.doesNotMatch(error.message, /s3cret/);
});

Deno.test({
  name: "a server with a certificate of an own authority is trusted where `ca` names it, and not otherwise",
  ignore: !hasOpenssl(),
  async fn() {
    await prepareTls();
    const folder = Deno.makeTempDirSync({ prefix: "ftwall-notify-" });
    try {
      const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
      const names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:false"];
      const args = [...request, ...names, "-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`];
      assert.ok(new Deno.Command("openssl", { args, stderr: "null" }).outputSync().success);
      const [cert, key] = ["cert", "key"].map((name) => Deno.readTextFileSync(`${folder}/${name}.pem`));
      await using web = server(() => new Response("ok"), { cert: cert!, key: key! });
      const webhook = `webhook = "https://localhost:${web.port}/"`;
      await assert.rejects(post(targetOf(webhook), message, patient()), /certificate/);
      await post(targetOf(`${webhook}\nca = "${folder}/cert.pem"`), message, patient());
      assert.equal(web.seen.length, 1);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test("making TLS ready ends where connections go through a proxy", async () => {
  const webhook = new URL("../../lib/notify/webhook.ts", import.meta.url).href;
  const code = `const { prepareTls } = await import("${webhook}"); await prepareTls(); console.log("ready");`;
  const proxy = "http://127.0.0.1:9";
  const env = { HTTPS_PROXY: proxy, https_proxy: proxy, NO_PROXY: "", no_proxy: "" };
  const args = ["eval", "--no-check", code];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, env, stderr: "null", signal: patient() }).output();
  assert.equal(new TextDecoder().decode(stdout), "ready\n");
});

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A mail server for one conversation: answers each line by `reply`, and keeps what came. */
async function converse(reply: (line: string) => string): Promise<{ port: number; said: Promise<string> }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const talk = async () => {
    using connection = await listener.accept();
    listener.close();
    const say = (text: string) => connection.write(new TextEncoder().encode(text));
    await say("220-mail.example\r\n220 ready\r\n");
    let [text, answered, data] = ["", 0, false];
    for (const bytes = new Uint8Array(4096);;) {
      const count = await connection.read(bytes);
      if (count === null) return text;
      text += new TextDecoder().decode(bytes.subarray(0, count));
      for (let end; (end = text.indexOf("\r\n", answered)) >= 0; answered = end + 2) {
        const line = text.slice(answered, end);
        if (data && line !== ".") continue;
        data = line === "DATA";
        await say(`${reply(line)}\r\n`);
      }
    }
  };
  return await Promise.resolve({ port, said: talk() });
}

Deno.test("a mail server gets the mail, once for all recipients, with dots doubled", async () => {
  const dots = { ...message, lines: [".", "..a", "b"] };
  const { port, said } = await converse((line) =>
    line === "DATA" ? "354 go on" : line === "QUIT" ? "221 bye" : "250 ok"
  );
  const toml = `mail = ["a@example.org", "root"]\nsender = "gate@example.org"\nsmtp = "127.0.0.1:${port}"`;
  await sendBySmtp(targetOf(toml), dots, patient());
  const text = await said;
  assert.match(
    text,
    /^EHLO gate\r\nMAIL FROM:<gate@example\.org>\r\nRCPT TO:<a@example\.org>\r\nRCPT TO:<root>\r\nDATA\r\nFrom: ftwall <gate@example\.org>\r\n/,
  );
  assert.ok(text.endsWith("\r\n\r\n..\r\n...a\r\nb\r\n.\r\nQUIT\r\n"));
});

Deno.test("what a mail server refuses is told, and one that says nothing is left", async () => {
  const refusing = await converse((line) => line.startsWith("RCPT") ? "550 5.1.1 nobody here" : "250 ok");
  const target = (port: number) => targetOf(`mail = ["a@example.org"]\nsmtp = "127.0.0.1:${port}"`);
  await assert.rejects(
    sendBySmtp(target(refusing.port), message, patient()),
    /the mail server answered 550 5\.1\.1 nobody here to RCPT TO:<a@example\.org>/,
  );
  await refusing.said;
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  await assert.rejects(sendBySmtp(target((silent.addr as Deno.NetAddr).port), message, AbortSignal.timeout(200)));
  (await accepted).close();
});

/** A program of some lines of shell, which everybody may run. */
function script(text: string): Disposable & { readonly path: string; readonly folder: string } {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-hook-" });
  Deno.chmodSync(folder, 0o777);
  const path = `${folder}/hook`;
  Deno.writeTextFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { path, folder, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

Deno.test("a program gets the message on standard input, its own arguments, and no environment of ours", async () => {
  using hook = script(
    'cd "$(dirname "$0")"; cat >input; printf "%s\\n" "$@" >arguments; env >environment; id -u >user; nice >nice',
  );
  Deno.env.set("FTWALL_TEST_SECRET", "s3cret");
  await runProgram({ argv: [hook.path, "$(reboot)", "a b"], input: message.json, user: "nobody", starting }, patient());
  const made = (name: string) => Deno.readTextFileSync(`${hook.folder}/${name}`);
  assert.equal(made("input"), message.json);
  assert.equal(made("arguments"), "$(reboot)\na b\n");
  const names = made("environment").trim().split("\n").map((line) => line.split("=")[0]!);
  assert.deepEqual(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name)).sort(), [
    "HOME",
    "LC_ALL",
    "PATH",
  ]);
  if (Deno.uid() === 0) assert.equal(made("user"), "65534\n");
  assert.equal(made("nice").trim(), "19");
});

Deno.test("a program that hangs is ended with all that it started", async () => {
  using hook = script('sleep 1000 & echo $! >"$(dirname "$0")/child"; sleep 1000');
  const controller = new AbortController();
  const running = runProgram({ argv: [hook.path], input: message.json, user: "nobody", starting }, controller.signal);
  running.catch(() => {});
  const child = async (): Promise<string> => {
    for (;;) {
      const pid = await Deno.readTextFile(`${hook.folder}/child`).catch(() => "");
      if (pid.endsWith("\n")) return pid.trim();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const pid = await child();
  controller.abort();
  await assert.rejects(running, /ended with SIGKILL/);
  while (/^State:\s+[^ZX]/m.test(await Deno.readTextFile(`/proc/${pid}/status`).catch(() => ""))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

Deno.test("what a program that fails says last is told; how much it says, and reads, does not matter", async () => {
  const run = (path: string, input = message.json) =>
    runProgram({ argv: [path], input, user: "nobody", starting }, patient());
  using failing = script(
    "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo 'no route to the pager' >&2; exit 75",
  );
  await assert.rejects(
    run(failing.path),
    (error: Error) => error.message === `${failing.path} ended with status 75: no route to the pager`,
  );
  using deaf = script("exit 0");
  await run(deaf.path, "x".repeat(1 << 20));
  using chatty = script("head -c 5000000 /dev/zero; sleep 1 >/dev/null 2>&1 & exit 0");
  await run(chatty.path);
  await assert.rejects(run("/no/such/program"), /No such file/);
  await assert.rejects(runProgram({ argv: [deaf.path], input: "", user: "no-such-user", starting }, patient()), {
    message: Deno.uid() === 0 ? "/etc/passwd has no user no-such-user" : /./,
  });
});
