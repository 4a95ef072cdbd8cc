/**
 * ftwall: peer-to-peer file sharing stops, everything else goes on.
 * @module
 */
import { main } from "./lib/cli/mod.ts";

if (import.meta.main) {
  Deno.exit(await main(Deno.args));
}
