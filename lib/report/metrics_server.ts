/**
 * Serves the metrics over HTTP where `[metrics] listen` asks for it: one small answer for each connection (RFC 9112), as
 * scrapers want it. The runtime's own server accepts without bound, and ends the program when descriptors run out.
 * @module
 */
import { AcceptLoop } from "./accept_loop.ts";
import { METRICS_TYPE } from "./metrics.ts";
import { unusable } from "./failure.ts";

/** A running metrics server. */
export interface MetricsServer extends AsyncDisposable {
  /** Where it listens, e.g. `127.0.0.1:9477`. */
  readonly address: string;
}

/** Connections at once: a scraper needs one, a person with a browser some. */
const MOST = 32;
/** Milliseconds for a request to come and its answer to be taken. */
const PATIENCE = 10_000;
/** Bytes of a request's head that are read. */
const LONGEST_HEAD = 8192;

/**
 * Listens on `address:port` (IPv6 in brackets) and answers `GET /metrics` with what `text` builds. Throws a RangeError for
 * an address that cannot be read, a Failure where the kernel refuses to listen.
 */
export function serveMetrics(listen: string, text: () => string | Promise<string>): MetricsServer {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3] ?? NaN);
  if (match === null || port > 65535) {
    throw new RangeError(`Cannot serve metrics on "${listen}": expected ADDRESS:PORT, e.g. 127.0.0.1:9477`);
  }
  const hostname = match[1] ?? match[2] ?? "127.0.0.1";
  const listener = listening(listen, () => Deno.listen({ hostname, port }));
  const at = listener.addr as Deno.NetAddr;
  const loop = new AcceptLoop(listener, (connection) => serve(connection, text), { most: MOST, patience: PATIENCE });
  return {
    address: at.hostname.includes(":") ? `[${at.hostname}]:${at.port}` : `${at.hostname}:${at.port}`,
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}

async function serve(connection: Deno.Conn, text: () => string | Promise<string>): Promise<void> {
  const head = await readHead(connection);
  if (head === null) return;
  const [, method, target] = /^(\S{1,32}) (\S+) HTTP\/1\.[01]\r?$/m.exec(head.split("\n", 1)[0]!) ?? [];
  const answer = await answerTo(method, target, text);
  const body = new TextEncoder().encode(answer.body);
  const lines = [
    `HTTP/1.1 ${answer.status}`,
    `content-type: ${answer.type ?? "text/plain;charset=UTF-8"}`,
    `content-length: ${body.length}`,
    ...(answer.allow === undefined ? [] : [`allow: ${answer.allow}`]),
    "connection: close",
  ];
  await writeAll(connection, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  if (method !== "HEAD") await writeAll(connection, body);
  await connection.closeWrite();
}

interface Answer {
  readonly status: string;
  readonly body: string;
  readonly type?: string;
  readonly allow?: string;
}

async function answerTo(
  method: string | undefined,
  target: string | undefined,
  text: () => string | Promise<string>,
): Promise<Answer> {
  if (method === undefined || target === undefined) return { status: "400 Bad Request", body: "Cannot read that\n" };
  if (method !== "GET" && method !== "HEAD") {
    return { status: "405 Method Not Allowed", body: "Only GET\n", allow: "GET, HEAD" };
  }
  if (!/^(?:http:\/\/[^/]*)?\/metrics(?:\?|$)/.test(target)) return { status: "404 Not Found", body: "See /metrics\n" };
  try {
    return { status: "200 OK", body: await text(), type: METRICS_TYPE };
  } catch {
    return { status: "500 Internal Server Error", body: "The metrics could not be built\n" };
  }
}

/** The request line and headers; null where the other end closes before they are whole, or they are too long. */
async function readHead(connection: Deno.Conn): Promise<string | null> {
  const bytes = new Uint8Array(LONGEST_HEAD);
  let used = 0;
  while (used < bytes.length) {
    const count = await connection.read(bytes.subarray(used));
    if (count === null) return null;
    used += count;
    const text = new TextDecoder().decode(bytes.subarray(0, used));
    if (/\r?\n\r?\n/.test(text)) return text;
  }
  return null;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function listening<T>(listen: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const remedy = "Change [metrics] listen to an address of this machine and a free port";
    throw unusable(`Cannot serve metrics at "${listen}"`, error, remedy);
  }
}
