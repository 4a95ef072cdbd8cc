import assert from "node:assert/strict";
import { Libc } from "../../ffi/libc.ts";
import { turn } from "../../ffi/queues.ts";

Deno.test("a turn of the event loop serves a socket that is ready", async () => {
  using libc = Libc.open();
  const path = `${Deno.makeTempDirSync()}/socket`;
  using listener = Deno.listen({ transport: "unix", path });
  let turns = 0;
  for (let i = 0; i < 100; i++) {
    let accepted = false;
    const server = listener.accept().then((connection) => {
      accepted = true;
      connection.close();
    });
    const client = Deno.connect({ transport: "unix", path });
    for (; !accepted && turns < 10_000; turns++) await turn(libc);
    (await client).close();
    await server;
  }
  // More than a thousand where the runtime does not come to look at its sockets.
  assert.ok(turns < 500, `${turns} turns for 100 connections`);
});
