import assert from "node:assert/strict";
import { LifeRecord } from "../../lib/daemon/life_record.ts";

Deno.test("what the process before left tells how long verdicts stood still; a clean stop leaves nothing", () => {
  const dir = Deno.makeTempDirSync();
  const path = `${dir}/alive`;
  const first = new LifeRecord(path, 1000);
  assert.equal(first.earlier, null);
  first.write(5000.7);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  // Ended without a stop.
  using second = new LifeRecord(path, 7400);
  assert.deepEqual(second.earlier, { pid: Deno.pid, stoodStill: 2400 });
  second[Symbol.dispose]();
  using third = new LifeRecord(path, 9000);
  assert.equal(third.earlier, null);
  first[Symbol.dispose]();
  Deno.removeSync(dir, { recursive: true });
});

Deno.test("a record of before the machine started, of anybody else or a link is not believed, nor followed", () => {
  const dir = Deno.makeTempDirSync();
  const path = `${dir}/alive`;
  for (const text of ["           99000 1\n", "", "x".repeat(1000), "-5 1\n"]) {
    Deno.writeTextFileSync(path, text);
    using record = new LifeRecord(path, 5000);
    assert.equal(record.earlier, null, text);
  }
  Deno.writeTextFileSync(`${dir}/other`, "precious");
  Deno.symlinkSync(`${dir}/other`, path);
  new LifeRecord(path, 5000)[Symbol.dispose]();
  assert.equal(Deno.readTextFileSync(`${dir}/other`), "precious");
  new LifeRecord(`${dir}/no/such`, 5000).write(6000);
  Deno.removeSync(dir, { recursive: true });
});
