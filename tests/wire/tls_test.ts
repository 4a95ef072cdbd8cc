import assert from "node:assert/strict";
import { DnsName } from "../../lib/wire/dns_name.ts";
import { NO_SERVER_NAME, readServerName, SERVER_NAME, SERVER_NAME_CUT } from "../../lib/wire/tls.ts";
import { hello } from "../../lib/protocol/bittorrent/samples.ts";
import { hex, join } from "../support/conversation.ts";
import { records } from "../support/tls_records.ts";

const name = new DnsName();

/** Outcome and name for these bytes, shown between guards. */
function read(bytes: Uint8Array): readonly [number, string] {
  const guarded = join(hex("1603"), bytes, hex("ffff"));
  const outcome = readServerName(guarded, 2, 2 + bytes.length, name);
  return [outcome, outcome === SERVER_NAME ? name.text() : ""];
}

Deno.test("the server name is read in lower case", () => {
  assert.deepEqual(read(hello("WWW.Example.org")), [SERVER_NAME, "www.example.org"]);
});

Deno.test("every proper prefix asks for more until the name is there", () => {
  const bytes = hello("a.example");
  for (let length = 0; length < bytes.length; length++) {
    assert.deepEqual(read(bytes.subarray(0, length)), [SERVER_NAME_CUT, ""], `${length} bytes`);
  }
});

Deno.test("a hello in several records is put together", () => {
  const bytes = hello("tracker.example.org");
  for (const size of [4, 7, 40, 64]) {
    assert.deepEqual(read(records(bytes, size)), [SERVER_NAME, "tracker.example.org"], `records of ${size}`);
  }
});

Deno.test("what is no hello, or has no name, has none", () => {
  const bytes = hello("a.example");
  const changed = (at: number, value: number) => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };
  assert.equal(read(hex("474554202f20"))[0], NO_SERVER_NAME);
  assert.equal(read(changed(0, 23))[0], NO_SERVER_NAME);
  assert.equal(read(changed(1, 2))[0], NO_SERVER_NAME);
  assert.equal(read(changed(5, 2))[0], NO_SERVER_NAME);
  assert.equal(read(hello(""))[0], NO_SERVER_NAME);
  assert.equal(read(hello("a".repeat(254)))[0], NO_SERVER_NAME);
});

Deno.test("no byte changed makes it throw or read beyond", () => {
  const bytes = hello("tracker.example.org");
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const copy = bytes.slice();
      copy[at] = value;
      const [outcome] = read(copy);
      assert.ok(outcome >= 0 && outcome <= 2);
      assert.ok(name.length <= 253);
    }
  }
});
