/**
 * What holds between classifiers: none takes another's bytes for its own, and none calls random bytes anything sure.
 */
import assert from "node:assert/strict";
import { applejuice } from "../../lib/protocol/applejuice/mod.ts";
import { ares } from "../../lib/protocol/ares/mod.ts";
import { CERTAINTY_NAMES, type Classifier, Look, STRONG, UNDECIDED, WEAK } from "../../lib/protocol/classifier.ts";
import { directconnect } from "../../lib/protocol/directconnect/mod.ts";
import { edonkey } from "../../lib/protocol/edonkey/mod.ts";
import { gnutella } from "../../lib/protocol/gnutella/mod.ts";
import { libp2p } from "../../lib/protocol/libp2p/mod.ts";
import { manolito } from "../../lib/protocol/manolito/mod.ts";
import { openft } from "../../lib/protocol/openft/mod.ts";
import { resilio } from "../../lib/protocol/resilio/mod.ts";
import { soulseek } from "../../lib/protocol/soulseek/mod.ts";
import { winny } from "../../lib/protocol/winny/mod.ts";
import { xunlei } from "../../lib/protocol/xunlei/mod.ts";
import { declaredBy } from "../support/coverage.ts";
import { DIRECTCONNECT } from "../../lib/protocol/directconnect/samples.ts";
import { EDONKEY } from "../../lib/protocol/edonkey/samples.ts";
import { GNUTELLA } from "../../lib/protocol/gnutella/samples.ts";
import { APPLEJUICE, ARES, LIBP2P, MANOLITO, OPENFT, RESILIO, WINNY, XUNLEI } from "./rare.ts";
import { SOULSEEK } from "../../lib/protocol/soulseek/samples.ts";
import { type Sample, surest } from "./table.ts";

const ALL: readonly (readonly [Classifier, readonly Sample[]])[] = [
  [edonkey, EDONKEY],
  [gnutella, GNUTELLA],
  [directconnect, DIRECTCONNECT],
  [soulseek, SOULSEEK],
  [ares, ARES],
  [openft, OPENFT],
  [manolito, MANOLITO],
  [applejuice, APPLEJUICE],
  [winny, WINNY],
  [xunlei, XUNLEI],
  [resilio, RESILIO],
  [libp2p, LIBP2P],
];

for (const [classifier] of ALL) {
  Deno.test(`${classifier.name} leaves alone the bytes of the other networks`, () => {
    for (const [other, samples] of ALL) {
      if (other === classifier) continue;
      for (const sample of samples) {
        if (sample.tcp ? !classifier.tcp : !classifier.udp) continue;
        const answer = surest(classifier, sample);
        assert.equal(answer.certainty, 0, `${sample.name} of ${other.name}: answered ${answer.name}`);
      }
    }
  });
}

/** Deterministic 32-bit noise (xorshift). */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

const PAYLOADS = 1_000_000;

for (const tcp of [true, false]) {
  Deno.test(`a million random ${tcp ? "first segments" : "datagrams"} are nothing sure, and hardly ever a hint`, () => {
    const source = numbers(tcp ? 0x5eed1 : 0x5eed2);
    const bytes = new Uint8Array(1 << 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = source.next().value >>> 9;
    const look = new Look();
    look.bytes = bytes;
    look.view = new DataView(bytes.buffer);
    look.tcp = tcp;
    look.first = true;
    look.asked = 1;
    const list = ALL.filter(([classifier]) => tcp ? classifier.tcp : classifier.udp).map(([classifier]) => classifier);
    const awaited = list.flatMap(({ first }) => first === "any" ? [] : [...first]).concat(0xe3, 0xe4, 0xc5, 0x47);
    let weak = 0;
    for (let n = 0; n < PAYLOADS; n++) {
      // Every offset is another payload. Half get a first byte that some classifier waits for, as random ones seldom do.
      const random = source.next().value;
      const start = random % (bytes.length - 1024);
      const size = 1 + (source.next().value & 0x3ff);
      if ((n & 4) === 0) bytes[start] = awaited[random % awaited.length]!;
      look.start = start;
      look.fresh = start;
      look.end = start + size;
      look.length = size;
      // Random answers to random questions as well.
      look.fromOpener = look.fromClient = (n & 1) === 0;
      look.nth = 1;
      look.otherNth = (n & 2) === 0 ? 0 : 1;
      look.ownFirst = look.view.getInt32(start);
      look.ownLength = size;
      look.otherFirst = look.otherNth === 0 ? 0 : source.next().value | 0;
      look.otherLength = look.otherNth === 0 ? 0 : 1 + (source.next().value & 0x3ff);
      for (const classifier of list) {
        if (size < classifier.least) continue;
        if (classifier.first !== "any" && !classifier.first.includes(bytes[start]!)) continue;
        look.owner = 0;
        look.found.clear();
        const answer = classifier.classify(look);
        if (answer === UNDECIDED || answer.certainty === 0) continue;
        assert.ok(answer.certainty < STRONG, `${classifier.name} answered ${answer.name} at payload ${n}`);
        if (answer.certainty === WEAK) weak++;
      }
    }
    assert.ok(weak < PAYLOADS / 10_000, `${weak} hints`);
  });
}

Deno.test("a classifier that names no first byte is one that must see them all", () => {
  for (const [classifier, samples] of ALL) {
    if (classifier.first === "any") continue;
    for (const sample of samples) {
      const some = sample.turns.some(([, bytes]) => (classifier.first as readonly number[]).includes(bytes[0]!));
      assert.ok(some || sample.midstream === true, `${classifier.name}: ${sample.name}`);
    }
  }
});

for (const [{ name, lengths }, samples] of ALL) {
  Deno.test(`each piece of evidence of ${name} has a sample`, () => {
    const declared = declaredBy(name).filter(({ certainty }) => certainty !== "nothing alone");
    const rows = declared.map((one) => [one.name, one.certainty]);
    const shown = new Map(samples.map((sample) => [sample.evidence!, CERTAINTY_NAMES[sample.certainty!]!]));
    // What lengths tell has samples of its own: message_lengths_test.ts.
    if (lengths !== undefined) shown.set(lengths.proof.name, CERTAINTY_NAMES[lengths.proof.certainty]!);
    assert.deepEqual([...new Map(rows as [string, string][])].sort(), [...shown].sort());
  });
}
