/** No classifier calls random bytes anything sure. */
import assert from "node:assert/strict";
import { Look, STRONG, UNDECIDED, WEAK } from "../../lib/protocol/classifier.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { randomWords } from "../support/splits.ts";

const PAYLOADS = 1_000_000;

for (const tcp of [true, false]) {
  Deno.test(`a million random ${tcp ? "first segments" : "datagrams"} are nothing sure, and hardly ever a hint`, () => {
    const source = randomWords(tcp ? 0x5eed1 : 0x5eed2);
    const bytes = new Uint8Array(1 << 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = source.next().value >>> 9;
    const look = new Look();
    look.bytes = bytes;
    look.view = new DataView(bytes.buffer);
    look.tcp = tcp;
    look.first = true;
    look.asked = 1;
    const list = CLASSIFIERS.filter((classifier) => tcp ? classifier.tcp : classifier.udp);
    const awaited = list.flatMap(({ first }) => first === "any" ? [] : [...first]).concat(0xe3, 0xe4, 0xc5, 0x47);
    let weak = 0;
    for (let n = 0; n < PAYLOADS; n++) {
      // Every offset is another payload. Half get a first byte that some classifier waits for, as random ones seldom do.
      const random = source.next().value >>> 0;
      const start = random % (bytes.length - 1024);
      const size = 1 + ((source.next().value >>> 0) & 0x3ff);
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
      look.otherLength = look.otherNth === 0 ? 0 : 1 + ((source.next().value >>> 0) & 0x3ff);
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
