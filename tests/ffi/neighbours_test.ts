import assert from "node:assert/strict";
import { readNeighbours } from "../../ffi/neighbours.ts";
import { HOST_LITTLE } from "../../lib/wire/nfqueue.ts";
import { formatAddress, formatMac } from "../../lib/net/address.ts";

/** One message of the kernel's answer: struct nlmsghdr, struct ndmsg, attributes. */
function message(type: number, family: number, state: number, ...attributes: readonly (readonly [number, number[]])[]) {
  const size = 28 + attributes.reduce((sum, [, value]) => sum + (4 + value.length + 3 & ~3), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, HOST_LITTLE);
  view.setUint16(4, type, HOST_LITTLE);
  view.setUint8(16, family);
  view.setUint16(24, state, HOST_LITTLE);
  let at = 28;
  for (const [kind, value] of attributes) {
    view.setUint16(at, 4 + value.length, HOST_LITTLE);
    view.setUint16(at + 2, kind, HOST_LITTLE);
    bytes.set(value, at + 4);
    at += 4 + value.length + 3 & ~3;
  }
  return bytes;
}

function read(...messages: readonly Uint8Array[]): [boolean | null, string[]] {
  const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of messages) {
    bytes.set(one, at);
    at += one.length;
  }
  const found: string[] = [];
  const ended = readNeighbours(new DataView(bytes.buffer), bytes.length, (w0, w1, w2, w3, high, low) => {
    found.push(`${formatAddress(w0, w1, w2, w3)} ${formatMac(high, low)}`);
  });
  return [ended, found];
}

const FOUR = [1, [10, 0, 0, 6]] as const;
const SIX = [1, [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]] as const;
const MAC = [2, [0x02, 0, 0xff, 0, 0, 6]] as const;

Deno.test("neighbours that have answered are read, IPv4 and IPv6, to the end of the list", () => {
  const list = [
    message(28, 2, 0x02, [1, [...FOUR[1]]], [2, [...MAC[1]]]),
    message(28, 10, 0x04, [2, [...MAC[1]]], [1, [...SIX[1]]]),
    // Asked for in vain, without a hardware address, of another kind, and what is no neighbour.
    message(28, 2, 0x20, [1, [10, 0, 0, 7]], [2, [...MAC[1]]]),
    message(28, 2, 0x02, [1, [10, 0, 0, 8]]),
    message(28, 7, 0x02, [1, [10, 0, 0, 9]], [2, [...MAC[1]]]),
    message(20, 2, 0x02, [1, [10, 0, 0, 10]], [2, [...MAC[1]]]),
  ];
  const found = ["10.0.0.6 02:00:ff:00:00:06", "fd00::6 02:00:ff:00:00:06"];
  assert.deepEqual(read(...list), [null, found]);
  assert.deepEqual(read(...list, message(3, 0, 0)), [true, found]);
  assert.deepEqual(read(message(2, 0, 0)), [false, []]);
});

Deno.test("a broken list of neighbours ends, whatever its sizes say", () => {
  const good = message(28, 2, 0x02, [1, [...FOUR[1]]], [2, [...MAC[1]]]);
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 1, 27, 255]) {
      const bytes = good.slice();
      bytes[at] = value;
      const view = new DataView(bytes.buffer);
      readNeighbours(view, bytes.length, () => {});
      readNeighbours(view, at, () => {});
    }
  }
});
