import assert from "node:assert/strict";
import { ALPN, ALPN_CUT, NO_ALPN, offersAlpn } from "../../lib/wire/tls_alpn.ts";

const latin = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const NAMES = [latin("adc"), latin("nmdc")];

/** A ClientHello (RFC 8446 section 4.1.2) with one cipher suite, a group and these application protocols. */
function hello(...offers: readonly string[]): Uint8Array {
  const list = offers.flatMap((offer) => [offer.length, ...latin(offer)]);
  const alpn = [0, 16, 0, list.length + 2, 0, list.length, ...list];
  const extensions = [0, 10, 0, 4, 0, 2, 0, 29, ...(offers.length === 0 ? [] : alpn)];
  const body = [3, 3, ...Array<number>(32).fill(7), 0, 0, 2, 0x13, 1, 1, 0, 0, extensions.length, ...extensions];
  return new Uint8Array([22, 3, 1, 0, body.length + 4, 1, 0, 0, body.length, ...body]);
}

Deno.test("the application protocols that a hello offers are compared whole", () => {
  const ask = (bytes: Uint8Array) => offersAlpn(bytes, 0, bytes.length, NAMES);
  assert.equal(ask(hello("adc", "nmdc")), ALPN);
  assert.equal(ask(hello("h2", "http/1.1", "nmdc")), ALPN);
  for (const offers of [[], ["h2", "http/1.1"], ["adc2"], ["ad"], ["xnmdc"]]) {
    assert.equal(ask(hello(...offers)), NO_ALPN, offers.join());
  }
  assert.equal(ask(latin("GET / HTTP/1.1\r\n")), NO_ALPN);
});

Deno.test("a hello that was cut asks for more, and lengths that lie stay within bounds", () => {
  const whole = hello("adc");
  for (let end = 0; end < whole.length; end++) assert.equal(offersAlpn(whole, 0, end, NAMES), ALPN_CUT, `${end}`);
  for (let at = 9; at < whole.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const broken = whole.slice();
      broken[at] = value;
      // Bytes beyond the end are poison: `adc` is offered there.
      const bytes = new Uint8Array([...broken, 3, ...latin("adc")]);
      assert.ok([ALPN, NO_ALPN].includes(offersAlpn(bytes, 0, broken.length, NAMES)));
    }
  }
});
