import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress } from "../../lib/net/address.ts";
import {
  CONNECT,
  DENIED,
  NEED_MORE,
  NOT_PROXY,
  ProxyTarget,
  SOCKS4,
  SOCKS5,
  TARGET,
  TO_BIND,
  TO_CONNECT,
  TO_RELAY,
  unwrap,
  unwrapDatagram,
  UNWRAPPED,
} from "../../lib/wire/proxy.ts";
import { hex, join, latin } from "../support/conversation.ts";

const INNER = latin("GET /.hash=");
const BACK = latin("HTTP/1.1 206");

function guarded(payload: Uint8Array): Uint8Array {
  return join(new Uint8Array(8).fill(0x05), payload, new Uint8Array(24).fill(0x01));
}

function ask(opener: Uint8Array, responder: Uint8Array = new Uint8Array(0), target = new ProxyTarget()) {
  const ours = guarded(opener);
  const theirs = guarded(responder);
  const state = unwrap(ours, 8, 8 + opener.length, theirs, 8, 8 + responder.length, target);
  const name = String.fromCharCode(...ours.slice(target.nameStart, target.nameEnd));
  const address = target.hasAddress ? formatAddress(target.w0, target.w1, target.w2, target.w3) : "";
  return { state, target, name, address };
}

interface Handshake {
  readonly title: string;
  readonly opener: Uint8Array;
  readonly responder: Uint8Array;
  readonly kind: number;
  readonly command?: number;
  readonly address?: string;
  readonly name?: string;
  readonly port: number;
}

const GRANTED5 = hex("05 00 00 01 00000000 0000");
const HANDSHAKES: readonly Handshake[] = [
  {
    title: "SOCKS 4",
    opener: join(hex("04 01 04be c6336409"), latin("user\0")),
    responder: hex("00 5a 04be c6336409"),
    kind: SOCKS4,
    address: "198.51.100.9",
    port: 1214,
  },
  {
    title: "SOCKS 4 without user",
    opener: hex("04 01 0050 c6336409 00"),
    responder: hex("00 5a 0000 00000000"),
    kind: SOCKS4,
    address: "198.51.100.9",
    port: 80,
  },
  {
    title: "SOCKS 4a",
    opener: join(hex("04 01 1ed0 00000001 00"), latin("c3310.z1301.winmx.com\0")),
    responder: hex("00 5a 0000 00000000"),
    kind: SOCKS4,
    name: "c3310.z1301.winmx.com",
    port: 7888,
  },
  {
    title: "SOCKS 4 bind",
    opener: hex("04 02 04be c6336409 00"),
    responder: hex("00 5a 04be 00000000 00 5a 04be c6336409"),
    kind: SOCKS4,
    command: TO_BIND,
    address: "198.51.100.9",
    port: 1214,
  },
  {
    title: "SOCKS 5",
    opener: hex("05 01 00 05 01 00 01 c6336409 04be"),
    responder: join(hex("05 00"), GRANTED5),
    kind: SOCKS5,
    address: "198.51.100.9",
    port: 1214,
  },
  {
    title: "SOCKS 5 to IPv6, answered with a name",
    opener: hex("05 02 00 02 05 01 00 04 20010db8000000000000000000000007 1ae1"),
    responder: join(hex("05 00 05 00 00 03 05"), latin("proxy"), hex("1234")),
    kind: SOCKS5,
    address: "2001:db8::7",
    port: 6881,
  },
  {
    title: "SOCKS 5 with a password, to a name",
    opener: join(
      hex("05 02 00 02 01 04"),
      latin("user"),
      hex("06"),
      latin("secret"),
      hex("05 01 00 03 0c"),
      latin("name.example"),
      hex("22b8"),
    ),
    responder: join(hex("05 02 01 00"), GRANTED5),
    kind: SOCKS5,
    name: "name.example",
    port: 8888,
  },
  {
    title: "SOCKS 5 to an address given as a name",
    opener: join(hex("05 01 00 05 01 00 03 0c"), latin("198.51.100.9"), hex("22b8")),
    responder: join(hex("05 00"), GRANTED5),
    kind: SOCKS5,
    address: "198.51.100.9",
    port: 8888,
  },
  {
    title: "SOCKS 5 bind",
    opener: hex("05 01 00 05 02 00 01 c6336409 04be"),
    responder: join(hex("05 00"), GRANTED5, GRANTED5),
    kind: SOCKS5,
    command: TO_BIND,
    address: "198.51.100.9",
    port: 1214,
  },
  {
    title: "CONNECT",
    opener: latin("CONNECT 198.51.100.9:1214 HTTP/1.1\r\nHost: 198.51.100.9:1214\r\n\r\n"),
    responder: latin("HTTP/1.1 200 Connection established\r\n\r\n"),
    kind: CONNECT,
    address: "198.51.100.9",
    port: 1214,
  },
  {
    title: "CONNECT to IPv6, answered with 100 first",
    opener: latin("CONNECT [2001:db8::7]:6881 HTTP/1.0\r\n\r\n"),
    responder: latin("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nVia: x\r\n\r\n"),
    kind: CONNECT,
    address: "2001:db8::7",
    port: 6881,
  },
  {
    title: "CONNECT to a name, asked for a login first",
    opener: latin(
      "CONNECT name.example:7951 HTTP/1.1\r\n\r\nCONNECT name.example:7951 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n",
    ),
    responder: latin("HTTP/1.1 407 Login\r\nContent-Length: 5\r\n\r\nloginHTTP/1.1 200 OK\r\n\r\n"),
    kind: CONNECT,
    name: "name.example",
    port: 7951,
  },
];

for (const handshake of HANDSHAKES) {
  const { title, opener, responder, kind, port } = handshake;
  Deno.test(`${title}: target and offsets are found`, () => {
    const { state, target, name, address } = ask(join(opener, INNER), join(responder, BACK));
    assert.equal(state, UNWRAPPED);
    assert.equal(target.kind, kind);
    assert.equal(target.command, handshake.command ?? TO_CONNECT);
    assert.equal(address, handshake.address ?? "");
    assert.equal(name, handshake.name ?? "");
    assert.equal(target.port, port);
    assert.equal(target.openerInner, opener.length);
    assert.equal(target.responderInner, responder.length);
  });

  Deno.test(`${title}: any part of it may be read first`, () => {
    for (let ours = 0; ours <= opener.length; ours++) {
      for (let theirs = 0; theirs <= (ours === 0 ? 0 : responder.length); theirs++) {
        const { state } = ask(opener.slice(0, ours), responder.slice(0, theirs));
        const whole = ours === opener.length && theirs === responder.length;
        assert.equal(state === UNWRAPPED, whole, `${ours} and ${theirs} bytes: state ${state}`);
        assert.ok(state !== NOT_PROXY || theirs > 0, `${ours} and ${theirs} bytes: given up`);
      }
    }
    for (let ours = 1; ours <= opener.length; ours++) assert.notEqual(ask(opener.slice(0, ours)).state, NOT_PROXY);
    for (let theirs = 0; theirs < responder.length; theirs++) {
      const { state } = ask(opener, responder.slice(0, theirs));
      assert.ok(state === TARGET || state === DENIED && theirs > 0, `${theirs} bytes: state ${state}`);
    }
  });
}

Deno.test("a refusal is told, with the target", () => {
  for (
    const [opener, responder] of [
      [hex("04 01 04be c6336409 00"), hex("00 5b 0000 00000000")],
      [hex("05 01 00 05 01 00 01 c6336409 04be"), hex("05 00 05 05 00 01 00000000 0000")],
      [latin("CONNECT 198.51.100.9:1214 HTTP/1.1\r\n\r\n"), latin("HTTP/1.1 403 No\r\n\r\n")],
      [latin("CONNECT 198.51.100.9:1214 HTTP/1.1\r\n\r\n"), latin("HTTP/1.1 407 Login\r\n\r\n")],
    ] as const
  ) {
    const { state, address, target } = ask(opener, responder);
    assert.equal(state, DENIED);
    assert.equal(address, "198.51.100.9");
    assert.equal(target.responderInner, -1);
  }
});

Deno.test("a relay for datagrams is named by the proxy, its datagrams unwrap", () => {
  const opener = hex("05 01 00 05 03 00 01 00000000 0000");
  assert.equal(ask(opener, hex("05 00")).address, "");
  const { state, target, address } = ask(opener, hex("05 00 05 00 00 01 c6336401 04d2"));
  assert.equal(state, UNWRAPPED);
  assert.equal(target.command, TO_RELAY);
  assert.equal(address, "198.51.100.1");
  assert.equal(target.port, 1234);
  const datagram = hex("0000 00 01 c6336409 04be 27 00000029 80 4b615a6141 00");
  assert.equal(unwrapDatagram(datagram, 0, datagram.length, target), 10);
  assert.equal(formatAddress(target.w0, target.w1, target.w2, target.w3), "198.51.100.9");
  assert.equal(target.port, 1214);
  assert.equal(unwrapDatagram(hex("0000 01 01 c6336409 04be 27"), 0, 11, target), -1, "a fragment");
  assert.equal(unwrapDatagram(hex("0000 00 02 c6336409 04be 27"), 0, 11, target), -1);
});

Deno.test("what is no handshake in clear is given up at once", () => {
  for (
    const opener of [
      "GET / HTTP/1.1\r\n\r\n",
      "COPY /a HTTP/1.1\r\n\r\n",
      "CONNECT name.example HTTP/1.1\r\n\r\n",
      "CONNECT name.example:0 HTTP/1.1\r\n\r\n",
      "CONNECT 1.2.3:4 HTTP/1.1\r\n\r\n",
      "CONNECT a b\r\n",
      "\x16\x03\x01\x00\xc8",
      "\x05\x00\x0b\x03\x10\x00\x00\x00", // DCE/RPC
      "\x05\x01\x01\x05", // GSSAPI alone
      "\x05\x01\x00\x05\x04\x00\x01",
      "\x05\x01\x00\x05\x01\x00\x02\x00\x00\x00\x00\x00\x00",
      "\x05\x01\x00\x06\x01",
      "\x04\x03\x04\xbe",
      "\x04\x01\x00\x00\x00\x00\x00\x00\x00",
      "\x04\x01\x04\xbe\x01\x02\x03\x04\x07bell\0",
      `\x04\x01\x04\xbe\x01\x02\x03\x04${"u".repeat(300)}\0`,
    ]
  ) assert.equal(ask(latin(opener)).state, NOT_PROXY, JSON.stringify(opener));
  const opener = hex("05 02 00 01 05 01 00 01 c6336409 04be");
  assert.equal(ask(opener, hex("05 01")).state, NOT_PROXY, "GSSAPI chosen");
  assert.equal(ask(opener, hex("05 ff")).state, NOT_PROXY);
  assert.equal(ask(opener, latin("SSH-2.0-x\r\n")).state, NOT_PROXY);
  assert.equal(ask(new Uint8Array(0), hex("05 00")).state, NOT_PROXY, "a proxy does not speak first");
  assert.equal(ask(new Uint8Array(0)).state, NEED_MORE);
});

Deno.test("no bytes make it throw or point outside the streams", () => {
  const lead = fc.constantFrom(
    ..."\x04|\x04\x01\x04\xbe|\x05|\x05\x01\x00\x05\x01\x00\x03|CONNECT |CONNECT a:1 HTTP/1.1\r\n".split("|"),
  );
  const target = new ProxyTarget();
  fc.assert(
    fc.property(lead, fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 40 }), (start, rest, responder) => {
      const opener = join(latin(start), rest);
      const { state } = ask(opener, responder, target);
      assert.ok(state >= NOT_PROXY && state <= DENIED);
      if (state < TARGET) return;
      assert.ok(target.openerInner > 0 && target.openerInner <= opener.length);
      assert.ok(target.responderInner <= responder.length);
      assert.ok(target.nameEnd <= 8 + opener.length && target.nameStart <= target.nameEnd);
      if (state === UNWRAPPED) assert.ok(target.responderInner > 0);
    }),
    { numRuns: 3000 },
  );
});
