import assert from "node:assert/strict";
import { Libc } from "../../ffi/libc.ts";
import { PassingSocket } from "../../ffi/passing.ts";
import { handOver, takeOver, whyNotHandOver } from "../../lib/daemon/handover.ts";
import { networkNamespace } from "../../lib/daemon/rules_note.ts";

Deno.test("queues are handed to nobody but a successor that waits beside the control socket", async () => {
  using libc = Libc.open();
  const dir = Deno.makeTempDirSync();
  const control = `${dir}/control.sock`;
  const here = networkNamespace();
  try {
    assert.match(whyNotHandOver(control, here), /^it does not wait at ".*control\.sock\.successor"$/);
    Deno.writeTextFileSync(`${control}.successor`, "");
    assert.match(whyNotHandOver(control, here), /is none of its sockets$/);
    Deno.removeSync(`${control}.successor`);
    {
      using _ = new PassingSocket(libc, `${control}.successor`);
      assert.equal(whyNotHandOver(control, "1"), "it is in another network namespace");
      assert.equal(whyNotHandOver(control, here), "");
      if (Deno.uid() === 0) {
        Deno.chownSync(`${control}.successor`, 65534, null);
        assert.match(whyNotHandOver(control, here), /is none of its sockets$/);
      }
    }
    assert.match(handOver(libc, control, new Map()), /No such file/);
    const bell = libc.symbols.eventfd(3, 0);
    const taken = await takeOver(libc, control, (namespace) => {
      assert.equal(whyNotHandOver(control, namespace), "");
      setTimeout(() => assert.equal(handOver(libc, control, new Map([[7, bell]])), ""), 20);
      return Promise.resolve({ pid: 99 });
    });
    assert.deepEqual([taken.pid, [...taken.sockets.keys()]], [99, [7]]);
    for (const fd of [bell, ...taken.sockets.values()]) libc.symbols.close(fd);
    await assert.rejects(
      takeOver(libc, control, () => Promise.reject(new Error("refused"))),
      /refused/,
    );
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
