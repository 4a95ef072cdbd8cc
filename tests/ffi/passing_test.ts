import assert from "node:assert/strict";
import { Libc } from "../../ffi/libc.ts";
import { datagramSocket, PassingSocket, sendDescriptors, unixAddress } from "../../ffi/passing.ts";
import { keptQueues } from "../../ffi/service_notice.ts";

Deno.test("descriptors arrive with their text, in order, as open as they were", async () => {
  using libc = Libc.open();
  const dir = Deno.makeTempDirSync();
  const path = `${dir}/socket`;
  const pair = [libc.symbols.eventfd(5, 0), libc.symbols.eventfd(7, 0)];
  const sender = datagramSocket(libc);
  try {
    Deno.writeTextFileSync(path, "");
    assert.throws(() => new PassingSocket(libc, path), /Address already in use/);
    Deno.removeSync(path);
    new PassingSocket(libc, path);
    // What an earlier process left is replaced.
    using socket = new PassingSocket(libc, path);
    assert.equal(Deno.lstatSync(path).mode! & 0o777, 0o600);
    assert.equal(await socket.receive(10), null);
    assert.equal(sendDescriptors(libc, sender, unixAddress(path)!, "3 4", pair), 0);
    for (const fd of pair) libc.symbols.close(fd);
    const passed = (await socket.receive(1000))!;
    assert.equal(passed.text, "3 4");
    const word = new Uint8Array(8);
    const values = passed.descriptors.map((fd) => {
      assert.equal(libc.symbols.read(fd, word, 8n), 8);
      libc.symbols.close(fd);
      return word[0];
    });
    assert.deepEqual(values, [5, 7]);
    assert.equal(sendDescriptors(libc, sender, unixAddress(path)!, "", []), 0);
    assert.deepEqual(await socket.receive(1000), { text: "", descriptors: [] });
    assert.notEqual(sendDescriptors(libc, sender, unixAddress(`${dir}/nobody`)!, "", []), 0);
    assert.equal(unixAddress("/" + "x".repeat(107)), null);
  } finally {
    libc.symbols.close(sender);
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("sockets that a service manager kept are those named as queues, and meant for this process alone", () => {
  using libc = Libc.open();
  const given = (pid: number) => {
    Deno.env.set("LISTEN_PID", String(pid));
    // Descriptors that nobody has: nothing happens to them.
    Deno.env.set("LISTEN_FDS", "3");
    Deno.env.set("LISTEN_FDNAMES", "other:ftwall-queue-7:ftwall-queue-x");
    return keptQueues(libc);
  };
  assert.deepEqual(given(Deno.pid + 1), new Map());
  assert.equal(Deno.env.get("LISTEN_FDS"), undefined);
  assert.deepEqual(keptQueues(libc), new Map());
});
