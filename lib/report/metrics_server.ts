/**
 * Serves the metrics over HTTP where `[metrics] listen` asks for it.
 * @module
 */
import { METRICS_TYPE } from "./metrics.ts";

/** A running metrics server. */
export interface MetricsServer extends AsyncDisposable {
  /** Where it listens, e.g. `127.0.0.1:9477`. */
  readonly address: string;
}

/**
 * Listens on `address:port` (IPv6 in brackets) and answers `GET /metrics` with what `text` builds. Throws a RangeError for
 * an address that cannot be read, and Deno's own errors where the kernel refuses to listen.
 */
export function serveMetrics(listen: string, text: () => string): MetricsServer {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3] ?? NaN);
  if (match === null || port > 65535) {
    throw new RangeError(`Cannot serve metrics on "${listen}": expected ADDRESS:PORT, e.g. 127.0.0.1:9477`);
  }
  const server = Deno.serve(
    { hostname: match[1] ?? match[2] ?? "127.0.0.1", port, onListen: () => {}, onError: () => failed() },
    (request) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return new Response("Only GET\n", { status: 405, headers: { allow: "GET, HEAD" } });
      }
      if (new URL(request.url).pathname !== "/metrics") return new Response("See /metrics\n", { status: 404 });
      return new Response(request.method === "HEAD" ? null : text(), { headers: { "content-type": METRICS_TYPE } });
    },
  );
  const at = server.addr;
  return {
    address: at.hostname.includes(":") ? `[${at.hostname}]:${at.port}` : `${at.hostname}:${at.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function failed(): Response {
  return new Response("The metrics could not be built\n", { status: 500 });
}
