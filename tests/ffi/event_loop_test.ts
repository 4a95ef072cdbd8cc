import assert from "node:assert/strict";
import { EventLoop } from "../../ffi/event_loop.ts";

Deno.test("one turn of the event loop serves every socket that is ready", async () => {
  using eventLoop = await EventLoop.open();
  await eventLoop.turn();
  const path = `\0ftwall-test-${crypto.randomUUID()}`;
  using listener = Deno.listen({ transport: "unix", path });
  let turns = 0;
  for (let i = 0; i < 100; i++) {
    let accepted = false;
    const server = listener.accept().then((connection) => {
      accepted = true;
      connection.close();
    });
    const client = Deno.connect({ transport: "unix", path });
    for (; !accepted && turns < 10_000; turns++) await eventLoop.turn();
    (await client).close();
    await server;
  }
  // More than a thousand where an answer of another thread counts as a turn.
  assert.ok(turns <= 200, `${turns} turns for 100 connections`);
});

Deno.test("a turn that was begun when the loop is closed ends with an error", async () => {
  const eventLoop = await EventLoop.open();
  const turn = eventLoop.turn();
  eventLoop[Symbol.dispose]();
  await assert.rejects(turn);
});
