import assert from "node:assert/strict";
import { gnutella } from "./mod.ts";
import { converse, hex, join, type Turn } from "../../../tests/support/conversation.ts";
import { surest } from "../../../tests/protocol/sample.ts";
import { helloOf, message, samples } from "./samples.ts";

Deno.test("a Gnutella handshake names the nodes to try", () => {
  const { look } = converse(gnutella, { tcp: true }, samples.recognised[0]!.turns);
  assert.equal(look.found.count, 2);
  assert.deepEqual([...look.found.words.subarray(0, 6)], [0, 0, 0xffff, 0xc0000207 | 0, 6346, 1]);
  assert.deepEqual([...look.found.words.subarray(6, 12)], [0, 0, 0xffff, 0xc0000208 | 0, 6347, 1]);
});

Deno.test("a Gnutella pong names its sender", () => {
  const pong = message(1, 1, 0, hex("ca18 c0000207 00000000 00000000"));
  const { look } = converse(gnutella, { tcp: false }, [["<", pong]]);
  assert.deepEqual([...look.found.words.subarray(0, 6)], [0, 0, 0xffff, 0xc0000207 | 0, 6346, 1]);
});

const ask = (turns: readonly Turn[]) => surest(gnutella, { tcp: true, turns }).name;

Deno.test("gtk-gnutella's TLS hello is told by anonymous suites at the end; nobody else's is", () => {
  const usual = "1302 1303 1301 c02c c02b c030 c02f 009d 0035";
  const anonymous = "c019 c018 00a7 003a 00a6 0034";
  const groups = [10, "0004 0017 001d"] as const;
  const shares = [51, "0002 0000"] as const;
  const own = helloOf(usual + anonymous, groups, shares);
  assert.equal(ask([[">", own]]), "tls-hello");
  assert.equal(ask([[">", own.subarray(0, 70)], [">", own.subarray(70)]]), "tls-hello");
  assert.equal(ask([["<", own]]), "unrelated", "the opener says hello");
  const others: readonly Uint8Array[] = [
    helloOf(usual, groups, shares),
    helloOf(usual + anonymous, groups, [0, "0010 00 000d 6d782e6578616d706c652e6f7267"], shares),
    helloOf(usual + anonymous, groups, [16, "0003 02 6832"], shares),
    helloOf(`${anonymous} ${usual}`, groups, shares), // OpenSSL's aNULL: by strength, between the others
    helloOf(`c030 00a7 ${usual} c019 c018 003a 0034 0005`, groups),
    helloOf(anonymous, groups), // a program that knows nothing else
    helloOf(`${usual} 00a7 003a 00a6 0034`, groups), // GnuTLS with ANON-DH alone, as for libvirt's sockets
    join(own.subarray(0, own.length - 6), hex("00ff 0002 0000")),
  ];
  for (const [i, hello] of others.entries()) assert.equal(ask([[">", hello]]), "unrelated", `number ${i}`);
});
