/**
 * The thread of the page: listens, answers, and has nothing to do with packets.
 * @module
 */
import type { FromWeb, StartWeb, ToWeb } from "../daemon/web_thread.ts";
import { claimPath } from "../daemon/socket_path.ts";
import { standBack } from "../daemon/rights.ts";
import { errorText } from "../net/error_text.ts";
import { unusable } from "../report/failure.ts";
import { readListen, serveHttp } from "../report/http_server.ts";
import { Site } from "./site.ts";
import { DaemonSource } from "./source.ts";

/** Connections at once: one more ends the oldest. Milliseconds for a request and its answer; bytes of a form. */
const LIMITS = { most: 32, patience: 20_000, longestBody: 4096 };

/** The thread's global scope, which the types of the main thread do not have. */
interface Scope {
  onmessage: ((event: MessageEvent<ToWeb>) => void) | null;
  postMessage(message: FromWeb): void;
}

/** Runs this thread until the main thread ends it. */
export function startWeb(): void {
  const scope = globalThis as unknown as Scope;
  let server: Promise<AsyncDisposable | null> = Promise.resolve(null);
  scope.onmessage = ({ data }) => {
    if (data.kind === "stop") {
      server.then((running) => running?.[Symbol.asyncDispose]()).then(() => scope.postMessage({ kind: "closed" }));
      return;
    }
    server = serve(data, (message) => scope.postMessage(message)).catch((error) => {
      scope.postMessage({ kind: "failed", message: errorText(error) });
      return null;
    });
  };
  scope.postMessage({ kind: "here" });
}

async function serve({ web, control }: StartWeb, post: (message: FromWeb) => void): Promise<AsyncDisposable> {
  const { listener, ...where } = await listen(web);
  standBack();
  const now = () => performance.now();
  const site = new Site({
    source: new DaemonSource(control, now),
    web,
    host: Deno.hostname(),
    now,
    wall: () => Date.now(),
    note: (text) => post({ kind: "note", text }),
  });
  const server = serveHttp(listener, (request, from) => site.answer(request, from), LIMITS);
  post({ kind: "listening", ...where });
  return server;
}

async function listen(
  { listen, group }: StartWeb["web"],
): Promise<{ readonly listener: Deno.Listener; readonly address: string; readonly inode: number | null }> {
  const where = readListen(listen);
  if (where === null) {
    const use = { called: "the socket of the page", table: "web", another: "change [web] listen" };
    const { listener, inode } = await claimPath(listen, group, use);
    return { listener: listener as Deno.Listener, address: listen, inode };
  }
  try {
    return { listener: Deno.listen(where), address: `http://${listen}/`, inode: null };
  } catch (error) {
    throw unusable(
      `Cannot show the page at "${listen}"`,
      error,
      "Change [web] listen to an address of this machine and a free port",
    );
  }
}
