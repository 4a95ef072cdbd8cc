import assert from "node:assert/strict";
import { ownChain, rulesWent } from "../../ffi/ruleset_news.ts";

/** A netlink message of nf_tables: its kind, then attributes of text. */
function message(kind: number, attributes: readonly (readonly [number, string])[]): Uint8Array {
  const parts = attributes.map(([type, text]) => {
    const bytes = new Uint8Array((4 + text.length + 1 + 3) & ~3);
    new DataView(bytes.buffer).setUint16(0, 4 + text.length + 1, true);
    new DataView(bytes.buffer).setUint16(2, type, true);
    bytes.set(new TextEncoder().encode(text), 4);
    return bytes;
  });
  const size = 20 + parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, size, true);
  new DataView(bytes.buffer).setUint16(4, kind < 0x100 ? 0xa00 | kind : kind & 0xff, true);
  let at = 20;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const joined = (...messages: readonly Uint8Array[]) => {
  const bytes = Uint8Array.from(messages.flatMap((each) => [...each]));
  return [new DataView(bytes.buffer), bytes.length] as const;
};

Deno.test("what goes from a table that holds our rules is news, what comes, or goes elsewhere, is none", () => {
  for (const kind of [2, 5, 8, 11]) {
    for (const table of ["ftwall", "mangle", "filter"]) assert.ok(rulesWent(...joined(message(kind, [[1, table]]))));
    assert.ok(!rulesWent(...joined(message(kind, [[1, "docker"]]))));
  }
  for (const kind of [0, 3, 6, 9, 12, 14, 15]) assert.ok(!rulesWent(...joined(message(kind, [[1, "ftwall"]]))));
  assert.ok(rulesWent(...joined(message(8, [[1, "nat"]]), message(8, [[1, "mangle"]]))));
});

Deno.test("a list of chains tells whether one is ours, made by nft or by iptables", () => {
  assert.equal(ownChain(...joined(message(3, [[1, "nat"], [3, "PREROUTING"]]))), null);
  assert.equal(ownChain(...joined(message(3, [[1, "ftwall"], [3, "forward"]]))), true);
  assert.equal(ownChain(...joined(message(3, [[1, "mangle"], [2, "12345678"], [3, "ftwall_sort"]]))), true);
  assert.equal(ownChain(...joined(message(3, [[1, "nat"], [3, "x"]]), message(0x103, []))), false);
});

Deno.test("broken messages are no news and end a list, whatever their sizes say", () => {
  const good = message(8, [[1, "ftwall"]]);
  for (let cut = 0; cut < good.length; cut++) {
    for (const value of [0, 1, 19, 255]) {
      const bytes = good.slice();
      bytes[cut] = value;
      const view = new DataView(bytes.buffer);
      rulesWent(view, bytes.length);
      ownChain(view, bytes.length);
      rulesWent(view, cut);
      ownChain(view, cut);
    }
  }
});
