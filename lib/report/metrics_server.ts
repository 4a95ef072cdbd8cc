/**
 * Serves the metrics over HTTP where `[metrics] listen` asks for it.
 * @module
 */
import { METRICS_TYPE } from "./metrics.ts";
import { UnusableOutput } from "./unusable_output.ts";

/** A running metrics server. */
export interface MetricsServer extends AsyncDisposable {
  /** Where it listens, e.g. `127.0.0.1:9477`. */
  readonly address: string;
}

/**
 * Listens on `address:port` (IPv6 in brackets) and answers `GET /metrics` with what `text` builds. Throws a RangeError for
 * an address that cannot be read, {@link UnusableOutput} where the kernel refuses to listen.
 */
export function serveMetrics(listen: string, text: () => string | Promise<string>): MetricsServer {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3] ?? NaN);
  if (match === null || port > 65535) {
    throw new RangeError(`Cannot serve metrics on "${listen}": expected ADDRESS:PORT, e.g. 127.0.0.1:9477`);
  }
  const answer = async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("Only GET\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    if (new URL(request.url).pathname !== "/metrics") return new Response("See /metrics\n", { status: 404 });
    return new Response(request.method === "HEAD" ? null : await text(), { headers: { "content-type": METRICS_TYPE } });
  };
  const hostname = match[1] ?? match[2] ?? "127.0.0.1";
  const ending = new AbortController();
  const { signal } = ending;
  const server = listening(
    listen,
    () => Deno.serve({ hostname, port, signal, onListen: () => {}, onError: () => failed() }, answer),
  );
  const at = server.addr;
  return {
    address: at.hostname.includes(":") ? `[${at.hostname}]:${at.port}` : `${at.hostname}:${at.port}`,
    // Whoever does not read its answer would hold up a stop for as long as it likes.
    [Symbol.asyncDispose]: () => {
      ending.abort();
      return server.finished;
    },
  };
}

function listening<T>(listen: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const remedy = "Change [metrics] listen to an address of this machine and a free port";
    throw new UnusableOutput(`Cannot serve metrics at "${listen}"`, error, remedy);
  }
}

function failed(): Response {
  return new Response("The metrics could not be built\n", { status: 500 });
}
