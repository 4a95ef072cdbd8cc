/** Calls to listening ports that do all they can to hold the line. */
import assert from "node:assert/strict";
import { Caller } from "../../lib/daemon/caller.ts";
import type { Sending } from "../../lib/learn/outbox.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { evidence, STRONG } from "../../lib/protocol/classifier.ts";
import type { Call, Heard, Step } from "../../lib/protocol/question.ts";

const WAIT = 300;

Deno.test("a step ends with its time, though the other side goes on sending", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { promise, resolve } = Promise.withResolvers<Heard>();
  const call: Call = {
    evidence: evidence("x", STRONG, "a test"),
    async *talk(): AsyncGenerator<Step, boolean, Heard> {
      resolve(yield { send: new Uint8Array(1), wait: WAIT, eager: true });
      return true;
    },
  };
  const proven = Promise.withResolvers<Deno.NetAddr>();
  const caller = new Caller(() => call, (_, from) => proven.resolve(from));
  const client = parseAddress("127.0.0.1")!;
  const { port } = listener.addr as Deno.NetAddr;
  const sending: Sending = {
    kind: "call",
    client,
    clientPort: port,
    peer: client,
    peerPort: port,
    payload: new Uint8Array(0),
    protocol: "x",
  };
  assert.ok(caller.call(sending));
  using connection = await listener.accept();
  // More often than a moment of silence would end the step.
  let bytes = 0;
  for (;;) {
    const written = await connection.write(new Uint8Array(1)).catch(() => 0);
    if (written === 0) break;
    bytes++;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { bytes: heard, ended } = await promise;
  assert.equal(ended, false);
  assert.ok(heard.length > 0 && heard.length <= bytes);
  assert.equal((await proven.promise).port, (connection.remoteAddr as Deno.NetAddr).port);
});
