import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress } from "../../lib/net/address.ts";
import { HOST_ADDRESS, HOST_NAME, HostText, NO_HOST } from "../../lib/wire/host_text.ts";
import { latin } from "../support/conversation.ts";

function read(text: string) {
  const host = new HostText();
  const bytes = latin(`>${text}<`);
  const kind = host.read(bytes, 1, 1 + text.length);
  const name = kind === HOST_NAME ? text.slice(host.nameStart - 1, host.nameEnd - 1) : "";
  return { kind, port: host.port, name, address: formatAddress(host.w0, host.w1, host.w2, host.w3) };
}

Deno.test("addresses and names are read, with and without a port", () => {
  for (
    const [text, address, port] of [
      ["198.51.100.9", "198.51.100.9", 0],
      ["198.51.100.9:1214", "198.51.100.9", 1214],
      ["255.255.255.255:65535", "255.255.255.255", 65535],
      ["[2001:db8::1]:443", "2001:db8::1", 443],
      ["[::]", "::", 0],
      ["[::1]", "::1", 0],
      ["[1:2:3:4:5:6:7:8]:1", "1:2:3:4:5:6:7:8", 1],
      ["[fe80::]", "fe80::", 0],
      ["[1:2:3:4:5:6:7::]", "1:2:3:4:5:6:7:0", 0],
    ] as const
  ) {
    const host = read(text);
    assert.equal(host.kind, HOST_ADDRESS, text);
    assert.equal(host.address, address);
    assert.equal(host.port, port);
  }
  for (
    const [text, name, port] of [["name.example:80", "name.example", 80], ["a.b.", "a.b", 0], [
      "x_y-1",
      "x_y-1",
      0,
    ]] as const
  ) {
    const host = read(text);
    assert.equal(host.kind, HOST_NAME, text);
    assert.equal(host.name, name);
    assert.equal(host.port, port);
  }
});

Deno.test("broken hosts and ports are not read", () => {
  for (
    const text of [
      "",
      ":80",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "1.2.3.4:",
      "1.2.3.4:0",
      "1.2.3.4:65536",
      "1.2.3.4:1a",
      "1.2.3.4:123456",
      "[::1",
      "[::1]80",
      "[:::]",
      "[1::2::3]",
      "[1:2:3:4:5:6:7]",
      "[1:2:3:4:5:6:7:8:9]",
      "[12345::]",
      "[:1:2:3:4:5:6:7]",
      "[1:2:3:4:5:6:7:]",
      "a b:1",
      "a/b",
      "a".repeat(254),
    ]
  ) assert.equal(read(text).kind, NO_HOST, text);
});

Deno.test("every address that is written can be read back", () => {
  fc.assert(fc.property(fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer()), ([a, b, c, d]) => {
    const text = formatAddress(a, b, c, d);
    if (text.includes(".")) return;
    assert.equal(read(`[${text}]:7`).address, text);
  }));
});
