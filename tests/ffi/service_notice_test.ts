import assert from "node:assert/strict";
import { FileLock } from "../../ffi/file_lock.ts";
import { Libc, MSG_DONTWAIT } from "../../ffi/libc.ts";
import { ServiceNotice } from "../../ffi/service_notice.ts";

Deno.test("a service manager is told by the datagrams that it waits for; without one nobody is", () => {
  using libc = Libc.open();
  const path = `ftwall-test-${crypto.randomUUID()}`;
  const manager = libc.symbols.socket(1, 2, 0);
  const address = new Uint8Array([1, 0, 0, ...new TextEncoder().encode(path)]);
  assert.equal(libc.symbols.bind(manager, address, address.length), 0);
  const before = Deno.env.get("NOTIFY_SOCKET");
  try {
    Deno.env.set("NOTIFY_SOCKET", `@${path}`);
    using notice = ServiceNotice.open(libc)!;
    notice.tell("READY=1", "STATUS=judging");
    const bytes = new Uint8Array(100);
    const length = libc.symbols.recv(manager, bytes, 100n, MSG_DONTWAIT);
    assert.equal(new TextDecoder().decode(bytes.subarray(0, length)), "READY=1\nSTATUS=judging");
    for (const other of ["", "relative", "/" + "x".repeat(200)]) {
      Deno.env.set("NOTIFY_SOCKET", other);
      assert.equal(ServiceNotice.open(libc), null);
    }
    Deno.env.set("NOTIFY_SOCKET", "/nobody/listens");
    using lost = ServiceNotice.open(libc)!;
    lost.tell("READY=1");
  } finally {
    libc.symbols.close(manager);
    if (before === undefined) Deno.env.delete("NOTIFY_SOCKET");
    else Deno.env.set("NOTIFY_SOCKET", before);
  }
});

Deno.test("a file's lock is one process's at a time, who comes second learns whose; a link is not followed", () => {
  using libc = Libc.open();
  const dir = Deno.makeTempDirSync();
  const first = FileLock.take(libc, `${dir}/lock`);
  assert.ok("lock" in first);
  assert.deepEqual(FileLock.take(libc, `${dir}/lock`), { pid: Deno.pid });
  first.lock[Symbol.dispose]();
  const again = FileLock.take(libc, `${dir}/lock`);
  assert.ok("lock" in again);
  again.lock[Symbol.dispose]();
  Deno.symlinkSync(`${dir}/lock`, `${dir}/link`);
  assert.throws(() => FileLock.take(libc, `${dir}/link`), /symbolic link/);
  assert.throws(() => FileLock.take(libc, `${dir}/no/lock`), /No such file/);
  Deno.removeSync(dir, { recursive: true });
});
