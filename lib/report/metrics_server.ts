/**
 * Serves the metrics over HTTP where `[metrics] listen` asks for it.
 * @module
 */
import { unusable } from "./failure.ts";
import { plainAnswer, readListen, serveHttp } from "./http_server.ts";
import { METRICS_TYPE } from "./metrics.ts";

/** A running metrics server. */
export interface MetricsServer extends AsyncDisposable {
  /** Where it listens, e.g. `127.0.0.1:9477`. */
  readonly address: string;
}

/** Connections at once: a scraper needs one, a person with a browser some. Milliseconds for a request and its answer. */
const LIMITS = { most: 32, patience: 10_000, longestBody: 0 };

/**
 * Listens on `address:port` (IPv6 in brackets) and answers `GET /metrics` with what `text` builds. Throws a RangeError for
 * an address that cannot be read, a Failure where the kernel refuses to listen.
 */
export function serveMetrics(listen: string, text: () => string | Promise<string>): MetricsServer {
  const where = readListen(listen);
  if (where === null) {
    throw new RangeError(`Cannot serve metrics on "${listen}": expected ADDRESS:PORT, e.g. 127.0.0.1:9477`);
  }
  const listener = listening(listen, () => Deno.listen(where));
  const at = listener.addr as Deno.NetAddr;
  const loop = serveHttp(listener, (request) => answerTo(request, text), LIMITS);
  return {
    address: at.hostname.includes(":") ? `[${at.hostname}]:${at.port}` : `${at.hostname}:${at.port}`,
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}

async function answerTo({ url }: Request, text: () => string | Promise<string>): Promise<Response> {
  if (new URL(url).pathname !== "/metrics") return plainAnswer(404, "See /metrics");
  try {
    return new Response(await text(), { headers: { "content-type": METRICS_TYPE } });
  } catch {
    return plainAnswer(500, "The metrics could not be built");
  }
}

function listening<T>(listen: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const remedy = "Change [metrics] listen to an address of this machine and a free port";
    throw unusable(`Cannot serve metrics at "${listen}"`, error, remedy);
  }
}
