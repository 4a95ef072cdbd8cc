/**
 * ftwall: peer-to-peer file sharing stops, everything else goes on.
 * @module
 */
import { main, serveAs } from "./lib/cli/mod.ts";

if (import.meta.main) {
  // The daemon starts this module again for each of its further threads, which have a name.
  const { name } = globalThis as { readonly name?: string };
  if (name === undefined || !(await serveAs(name))) Deno.exit(await main(Deno.args));
}
