import assert from "node:assert/strict";
import { openingError } from "../../ffi/netfilter_queue.ts";
import { QueueOwned } from "../../ffi/missing.ts";

const EPERM = 1;
const EINVAL = 22;
const EPROTONOSUPPORT = 93;
const ECONNREFUSED = 111;

Deno.test("a held queue names the process and its program", () => {
  const error = openingError(3, "bind", EPERM, "Operation not permitted", { pid: 77, command: "ftwall" }, true);
  assert.ok(error instanceof QueueOwned);
  assert.equal(error.pid, 77);
  assert.equal(error.exitCode, 3);
  assert.equal(
    error.message,
    'Cannot bind queue "3": process 77 (ftwall) holds it. Stop that process or choose another queue with --queue',
  );
});

Deno.test("a holder in another process namespace is said to be one", () => {
  const { message } = openingError(3, "bind", EPERM, "Operation not permitted", { pid: 0, command: "" }, true);
  assert.match(message, /a process outside of this process namespace holds it/);
});

Deno.test("lacking permission is told from a held queue", () => {
  const error = openingError(0, "permission", EPERM, "Operation not permitted", null, true);
  assert.deepEqual([error.kind, error.exitCode], ["permission", 3]);
  assert.match(error.message, /CAP_NET_ADMIN$/);
});

Deno.test("every sign that the kernel has no queues gives the same kind of error", () => {
  for (const [errno, has] of [[EPROTONOSUPPORT, true], [ECONNREFUSED, true], [EINVAL, false]] as const) {
    const error = openingError(0, "bind", errno, "x", null, has);
    assert.deepEqual([error.kind, error.exitCode], ["kernel", 3]);
    assert.match(error.message, /this kernel has no NFQUEUE \(x\)\. Load the module nfnetlink_queue/);
  }
});

Deno.test("any other failure tells the step and the error number", () => {
  const { message } = openingError(0, "bind", EINVAL, "Invalid argument", null, true);
  assert.equal(message, 'Cannot open queue "0" at step "bind": Invalid argument (error 22)');
});
