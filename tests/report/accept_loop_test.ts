import assert from "node:assert/strict";
import fc from "fast-check";
import { AcceptLoop } from "../../lib/report/accept_loop.ts";
import { serveHttp } from "../../lib/report/http_server.ts";
import { serveMetrics } from "../../lib/report/metrics_server.ts";

async function connectTo(address: string): Promise<Deno.Conn> {
  const [hostname, port] = address.split(":");
  return await Deno.connect({ hostname: hostname!, port: Number(port) });
}

Deno.test("a thousand connections that say nothing keep nobody from the metrics", async () => {
  await using server = serveMetrics("127.0.0.1:0", () => "ftwall_x 1\n");
  const idle: Deno.Conn[] = [];
  const before = [...Deno.readDirSync("/proc/self/fd")].length;
  for (let i = 0; i < 1000; i++) idle.push(await connectTo(server.address));
  const answer = await fetch(`http://${server.address}/metrics`);
  assert.equal(await answer.text(), "ftwall_x 1\n");
  const open = [...Deno.readDirSync("/proc/self/fd")].length - before - idle.length;
  assert.ok(open <= 40, `${open} of its descriptors are taken`);
  for (const connection of idle) connection.close();
});

Deno.test("requests that are broken, endless or of another kind get an answer or an end", async () => {
  await using server = serveMetrics("127.0.0.1:0", () => "ftwall_x 1\n");
  const asked = async (request: string): Promise<string> => {
    using connection = await connectTo(server.address);
    await connection.write(new TextEncoder().encode(request)).catch(() => {});
    return await new Response(connection.readable).text().catch(() => "");
  };
  assert.match(await asked("\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("GET /metrics SPDY/9\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("GET /metrics?x=1 HTTP/1.0\n\n"), /^HTTP\/1\.1 200 OK[\s\S]*ftwall_x 1\n$/);
  assert.match(await asked("HEAD /metrics HTTP/1.1\r\n\r\n"), /content-length: 11\r\nconnection: close\r\n\r\n$/);
  assert.equal(await asked("GET /" + "a".repeat(20_000)), "");
});

Deno.test("a body needs one length, and is no longer than allowed", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const answer = async (request: Request, from: string) =>
    new Response(`${from} ${request.url} ${await request.text()}`);
  await using _ = serveHttp(listener, answer, { most: 4, patience: 5000, longestBody: 10 });
  const asked = async (head: string, body: string): Promise<string> => {
    using connection = await connectTo(`127.0.0.1:${port}`);
    await connection.write(new TextEncoder().encode(`POST http://a/x HTTP/1.1\r\nhost: a\r\n${head}\r\n${body}`));
    return (await new Response(connection.readable).text()).replace(/\r\n[\s\S]*\r\n/, " ");
  };
  assert.equal(await asked("content-length: 3\r\n", "abcdef"), "HTTP/1.1 200 OK 127.0.0.1 http://localhost/x abc");
  assert.match(await asked("", "abc"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("content-length: 11\r\n", "abcdefghijk"), /^HTTP\/1\.1 413 /);
  assert.match(await asked("content-length: 3\r\ncontent-length: 3\r\n", "abc"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("content-length: +3\r\n", "abc"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("transfer-encoding: chunked\r\ncontent-length: 3\r\n", "abc"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("content-length: 3\r\nhost: b\r\n", "abc"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("content-length : 3\r\n", "abc"), /^HTTP\/1\.1 400 /);
  assert.match(await asked(" folded\r\ncontent-length: 3\r\n", "abc"), /^HTTP\/1\.1 400 /);
  assert.match(await asked("x: y\r\n".repeat(70) + "content-length: 3\r\n", "abc"), /^HTTP\/1\.1 400 /);
});

Deno.test("any bytes get an answer of HTTP or an end, and the next reader is served", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const answer = async (request: Request) => new Response(await request.text());
  await using _ = serveHttp(listener, answer, { most: 4, patience: 5000, longestBody: 100 });
  const words = [
    "GET",
    "POST",
    " ",
    "/",
    "//a",
    "?",
    "%",
    "\u0000",
    "é",
    " HTTP/1.1",
    "\r\n",
    "\n",
    "\r\n\r\n",
    "host: a",
    "content-length: 3",
    ":",
    "abc",
    "http://[",
    "#",
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 20 }), async (parts) => {
      using connection = await connectTo(`127.0.0.1:${port}`);
      await connection.write(new TextEncoder().encode(parts.join("")));
      await connection.closeWrite();
      const text = await new Response(connection.readable).text().catch(() => "");
      assert.match(text, /^$|^HTTP\/1\.1 (?:200 OK|400 Bad Request|405 Method Not Allowed|413 Content Too Large)\r\n/);
    }),
    {
      numRuns: 300,
      examples: [[["POST", " ", "/", " HTTP/1.1", "\r\n", "content-length: 3", "\r\n\r\n", "abc"]], [[
        "GET",
        " ",
        "//a",
        " HTTP/1.1",
        "\r\n\r\n",
      ]]],
    },
  );
  const good = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "abc" });
  assert.equal(await good.text(), "abc");
});

Deno.test("an accept that fails is counted, and the next one is served", async () => {
  let calls = 0;
  const waiting = Promise.withResolvers<Deno.Conn>();
  const served = Promise.withResolvers<void>();
  const connection = { close: () => {} } as unknown as Deno.Conn;
  const listener = {
    accept: () => {
      calls++;
      if (calls === 1) return Promise.reject(new Error("Too many open files (os error 24)"));
      return calls === 2 ? Promise.resolve(connection) : waiting.promise;
    },
    close: () => waiting.reject(new Deno.errors.BadResource("closed")),
  } as unknown as Deno.Listener;
  const serve = () => {
    served.resolve();
    return Promise.reject(new Error("the other end is gone"));
  };
  await using loop = new AcceptLoop(listener, serve, { most: 1, patience: 1000 });
  await served.promise;
  assert.equal(loop.failed, 1);
});
