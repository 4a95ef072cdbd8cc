/**
 * ftwall: peer-to-peer file sharing stops, everything else goes on.
 * @module
 */
import { main } from "./lib/cli/mod.ts";

if (import.meta.main) {
  // The daemon starts this module again for each further thread, which has a name.
  const { name = "" } = globalThis as { readonly name?: string };
  if (name === "") Deno.exit(await main(Deno.args));
  if (name === "ftwall-web") (await import("./lib/web/thread.ts")).startWeb();
  else (await import("./lib/daemon/worker.ts")).startWorker();
}
