import assert from "node:assert/strict";
import { CLASSIFIERS, PROTOCOLS } from "../../lib/protocol/mod.ts";
import { Engine } from "../../lib/judge/engine.ts";
import type { TrafficEvent } from "../../lib/learn/event.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { defaultConfig } from "../../lib/policy/load.ts";
import { compile } from "../../lib/policy/policy.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { buildTcp, Ends } from "../../lib/wire/build.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { hex, join, latin } from "../support/conversation.ts";

/** One TCP connection from 10.0.0.5 to a proxy on the public side, played to an engine. */
class Connection {
  readonly events: TrafficEvent[] = [];
  readonly engine: Engine;
  readonly #packet = new Packet();
  readonly #bytes = new Uint8Array(4096);
  readonly #view = new DataView(this.#bytes.buffer);
  #seq = [1000, 5000];
  #port = 40000;

  constructor() {
    const policy = compile(defaultConfig(protocolDefaults(PROTOCOLS)));
    const state = new State(capacityFor(4 << 20), 1);
    this.engine = new Engine({ policy, state, classifiers: CLASSIFIERS, emit: (event) => this.events.push(event) });
  }

  /** Opens a connection anew. */
  open(): this {
    this.#port++;
    this.#seq = [1000, 5000];
    this.#send(">", 0x02, new Uint8Array(0));
    this.#seq[0]!++;
    this.#send("<", 0x12, new Uint8Array(0));
    this.#seq[1]!++;
    return this;
  }

  /** Sends data; answers the engine's verdict. */
  say(arrow: ">" | "<", data: Uint8Array): number {
    const verdict = this.#send(arrow, 0x18, data);
    this.#seq[arrow === ">" ? 0 : 1]! += data.length;
    return verdict & 1;
  }

  #send(arrow: ">" | "<", flags: number, data: Uint8Array): number {
    const client = parseAddress("10.0.0.5")!;
    const proxy = parseAddress("198.51.100.9")!;
    const ends = arrow === ">"
      ? new Ends().from(...client, this.#port).to(...proxy, 1080)
      : new Ends().from(...proxy, 1080).to(...client, this.#port);
    const [own, other] = arrow === ">" ? this.#seq : [this.#seq[1]!, this.#seq[0]!];
    const size = buildTcp(this.#bytes, this.#view, 0, ends, flags, own!, other!, data);
    const outcome = this.#packet.decode(this.#bytes, this.#view, 0, size, size);
    return this.engine.judge(this.#packet, outcome, 1000);
  }
}

const HANDSHAKE = join(hex("13"), latin("BitTorrent protocol"), new Uint8Array(8), new Uint8Array(40).fill(0x41));
const SOCKS5_REQUEST = hex("05010001 cb007109 1ae1");
const SOCKS5_GRANTED = hex("05000001 00000000 0000");

Deno.test("a BitTorrent handshake behind SOCKS 5 is refused, with the target as the peer", () => {
  const connection = new Connection().open();
  assert.equal(connection.say(">", hex("050100")), 0);
  assert.equal(connection.say("<", hex("0500")), 0);
  assert.equal(connection.say(">", SOCKS5_REQUEST), 0);
  assert.equal(connection.say("<", SOCKS5_GRANTED), 0);
  assert.equal(connection.say(">", HANDSHAKE), 1);
  const detected = connection.events.find((event) => event.event === "detected");
  assert.equal(detected?.event === "detected" && detected.protocol, "bittorrent");
  assert.equal(detected?.event === "detected" && detected.peer, "203.0.113.9");
  assert.equal(detected?.event === "detected" && detected.peer_port, 6881);
});

Deno.test("a handshake through a port bound at a proxy is refused, the proxy is the peer", () => {
  const granted = hex("05000001 c6336409 1ae1");
  const bound = hex("005a1ae1 c6336409");
  for (
    const [up, down] of [
      [[hex("050100"), hex("05020001 00000000 0000")], [hex("0500"), granted, granted]],
      [[hex("04021ae1 cb007109 00")], [bound, bound]],
    ] as const
  ) {
    const connection = new Connection().open();
    for (const [i, answer] of down.entries()) {
      if (up[i] !== undefined) assert.equal(connection.say(">", up[i]), 0);
      assert.equal(connection.say("<", answer), 0);
    }
    assert.equal(connection.say("<", HANDSHAKE), 1);
    const detected = connection.events.find((event) => event.event === "detected");
    assert.equal(detected?.event === "detected" && detected.peer, "198.51.100.9");
  }
});

Deno.test("every split of a SOCKS 5 session gives the same answer", () => {
  const up = join(hex("050100"), SOCKS5_REQUEST);
  for (let cut = 1; cut < HANDSHAKE.length; cut++) {
    const connection = new Connection().open();
    for (const byte of up.subarray(0, 3)) connection.say(">", Uint8Array.of(byte));
    connection.say("<", hex("0500"));
    for (const byte of up.subarray(3)) connection.say(">", Uint8Array.of(byte));
    connection.say("<", SOCKS5_GRANTED);
    const first = connection.say(">", HANDSHAKE.subarray(0, cut));
    const second = connection.say(">", HANDSHAKE.subarray(cut));
    assert.equal(first | second, 1, `cut after ${cut} bytes`);
  }
});

Deno.test("payload sent together with the request is recognised once the proxy grants it", () => {
  const connection = new Connection().open();
  const request = join(hex("04 01 1ae1 cb007109"), latin("me\0"));
  assert.equal(connection.say(">", join(request, HANDSHAKE)), 0);
  assert.equal(connection.say("<", hex("005a 1ae1 cb007109")), 1);
});

Deno.test("CONNECT in clear is seen through, with the proxy's answer in pieces", () => {
  const connection = new Connection().open();
  assert.equal(connection.say(">", latin("CONNECT 203.0.113.9:6881 HTTP/1.1\r\nHost: x\r\n\r\n")), 0);
  assert.equal(connection.say("<", latin("HTTP/1.1 200 Connection ")), 0);
  assert.equal(connection.say("<", latin("established\r\n\r\n")), 0);
  assert.equal(connection.say(">", HANDSHAKE), 1);
});

Deno.test("web traffic through a proxy passes, and the flow settles", () => {
  const connection = new Connection().open();
  connection.say(">", latin("CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n\r\n"));
  connection.say("<", latin("HTTP/1.1 200 OK\r\n\r\n"));
  for (let i = 0; i < 40; i++) {
    assert.equal(connection.say(">", join(hex("17030300ff"), new Uint8Array(255).fill(i * 7))), 0);
    assert.equal(connection.say("<", join(hex("17030304ff"), new Uint8Array(1200).fill(i * 11))), 0);
  }
  assert.deepEqual(connection.events, []);
});

Deno.test("a proxy that is asked for a trained name is refused and the client locked", () => {
  const connection = new Connection().open();
  assert.equal(connection.say(">", latin("CONNECT c3310.z1301.winmx.com:7951 HTTP/1.0\r\n\r\n")), 1);
  assert.deepEqual(connection.events.map((event) => event.event), ["locked", "refused"]);
  const next = new Connection().open();
  assert.equal(next.say(">", latin("CONNECT www.example.org:443 HTTP/1.0\r\n\r\n")), 0);
});

Deno.test("a known peer behind a proxy is refused", () => {
  const connection = new Connection();
  const protocol = connection.engine.policy.protocolNumber("fasttrack");
  connection.engine.learner.peers.block(...parseAddress("203.0.113.9")!, 0x1ae1, protocol, "10.0.0.7");
  connection.open();
  connection.say(">", hex("050100"));
  connection.say("<", hex("0500"));
  assert.equal(connection.say(">", SOCKS5_REQUEST), 1);
});
