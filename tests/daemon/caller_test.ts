/** Calls to listening ports, against listeners of this test on the loopback interface. */
import assert from "node:assert/strict";
import { Caller } from "../../lib/daemon/caller.ts";
import type { Sending } from "../../lib/learn/outbox.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { CERTAIN, evidence, STRONG } from "../../lib/protocol/classifier.ts";
import type { Call, Heard, Step } from "../../lib/protocol/question.ts";
import { latin } from "../support/conversation.ts";

const WAIT = 300;
const client = parseAddress("127.0.0.1")!;
const sending = (port: number): Sending => ({
  kind: "call",
  client,
  clientPort: port,
  peer: client,
  peerPort: port,
  payload: latin(""),
  protocol: "any",
});

/** Asks for a letter, says another, and wants the end. */
function call(heard: Heard[], wait = 60_000): Call {
  return {
    evidence: evidence("any-probe", CERTAIN, "a test's"),
    async *talk() {
      heard.push(yield { send: latin("a"), wait, eager: true });
      if (heard[0]!.ended) return false;
      heard.push(yield { send: latin("b"), wait, eager: true });
      return heard[1]!.ended;
    },
  };
}

/** Calls a listener that does `serve` with its one caller; answers whether that proved something, and when all is closed. */
async function hold(serve: (line: Deno.TcpConn) => Promise<void>, heard: Heard[], wait?: number): Promise<boolean> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const over = Promise.withResolvers<boolean>();
  let proven = false;
  const caller = new Caller((name) => name === "any" ? call(heard, wait) : undefined, (done, own) => {
    proven = done.clientPort === listener.addr.port && own.hostname === "127.0.0.1" && own.port > 0;
  });
  assert.ok(caller.call(sending(listener.addr.port)));
  using line = await listener.accept();
  await serve(line);
  // Whatever happened, the caller ends the connection.
  const rest = new Uint8Array(64);
  while ((await line.read(rest).catch(() => null)) !== null);
  over.resolve(proven);
  return await over.promise;
}

async function hears(line: Deno.TcpConn, letter: string): Promise<void> {
  const byte = new Uint8Array(1);
  assert.equal(await line.read(byte), 1);
  assert.equal(byte[0], letter.charCodeAt(0));
}

Deno.test("a conversation that goes as it should proves its protocol, and both sides end", async () => {
  const heard: Heard[] = [];
  const proven = await hold(async (line) => {
    await hears(line, "a");
    await line.write(latin("A"));
    await hears(line, "b");
    await line.closeWrite();
  }, heard);
  assert.ok(proven);
  assert.deepEqual(heard.map(({ bytes, ended }) => [bytes.length, ended]), [[1, false], [0, true]]);
});

Deno.test("one that ends at once or stays silent proves nothing", async () => {
  const ended: Heard[] = [];
  assert.equal(await hold(async (line) => await line.closeWrite(), ended), false);
  const silent: Heard[] = [];
  assert.equal(await hold(async (line) => await hears(line, "a"), silent, 50), false);
  assert.deepEqual(silent.map(({ bytes, ended }) => [bytes.length, ended]), [[0, false], [0, false]]);
});

Deno.test("a protocol that has no call, and more calls than eight at a time, are left out", async () => {
  const heard: Heard[] = [];
  const caller = new Caller((name) => name === "any" ? call(heard) : undefined, () => assert.fail("nothing is proven"));
  assert.equal(caller.call({ ...sending(1), protocol: "other" }), false);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const begun = Array.from({ length: 20 }, () => caller.call(sending(listener.addr.port)));
  assert.equal(begun.filter((one) => one).length, 8);
  for (let i = 0; i < 8; i++) {
    const line = await listener.accept();
    await line.closeWrite();
    const rest = new Uint8Array(64);
    while ((await line.read(rest).catch(() => null)) !== null);
    line.close();
  }
});

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
  const { port } = listener.addr as Deno.NetAddr;
  assert.ok(caller.call(sending(port)));
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
