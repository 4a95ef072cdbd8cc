import assert from "node:assert/strict";
import { CERTAIN, type Classifier, STRONG, UNDECIDED, UNRELATED } from "../classifier.ts";
import { opennap } from "./mod.ts";
import { converse, hex, join, latin, type Turn } from "../../../tests/support/conversation.ts";
import { randomWords, splits } from "../../../tests/support/splits.ts";

const ONE: Turn = ["<", latin("1")];
const VECTOR = hex("1d000200666f6f2062616470617373203636393920226e61702076302e38222033");

function ask(...turns: readonly Turn[]) {
  return converse(opennap, { tcp: true }, turns).answer;
}

/** Goes on after a strong answer, as the engine does where it is not enough. */
function onward(...turns: readonly Turn[]) {
  const patient: Classifier = {
    ...opennap,
    classify(look) {
      const answer = opennap.classify(look);
      return answer.certainty === STRONG ? UNDECIDED : answer;
    },
  };
  return converse(patient, { tcp: true }, turns).answer;
}

function frame(type: number, text: string): Uint8Array {
  return join(Uint8Array.of(text.length & 255, text.length >> 8, type & 255, type >> 8), latin(text));
}

Deno.test("logins are certain, in any segments", () => {
  assert.deepEqual(frame(2, 'foo badpass 6699 "nap v0.8" 3'), VECTOR);
  for (
    const login of [
      VECTOR,
      frame(6, 'labopennap[2] nopass 6699 "mldonkey v1.99beta3" 0 nomail'),
      frame(2, 'n p 0 "WinMX v2.6" 10 7'),
      join(VECTOR, frame(100, '"a.mp3" 0 1 128 44100 1')),
    ]
  ) {
    assert.equal(ask([">", login]).name, "login");
    assert.equal(ask([">", login]).certainty, CERTAIN);
    for (const turns of splits([[">", login]], 0)) assert.equal(ask(...turns).name, "login");
  }
});

Deno.test("a nick check counts once it is answered, or once the login follows", () => {
  const check: Turn = [">", frame(7, "labopennap[1]")];
  assert.equal(ask(check), UNDECIDED);
  for (const type of [8, 9, 10]) {
    const answer = ask(check, ["<", frame(type, "")]);
    assert.equal(answer.name, "nick-check");
    assert.equal(answer.certainty, STRONG);
  }
  assert.equal(ask(check, ["<", frame(11, "")]), UNRELATED);
  assert.equal(ask(check, ["<", frame(8, "x")]), UNRELATED);
  assert.equal(ask(check, [">", VECTOR]).name, "login");
  for (const turns of splits([check, [">", VECTOR]], 0)) assert.equal(ask(...turns).name, "login");
});

Deno.test("an odd login counts once it is answered", () => {
  const odd: Turn = [">", frame(2, 'a nick with spaces "prog"')];
  assert.equal(ask(odd), UNDECIDED);
  assert.equal(ask(odd, ["<", frame(3, "anon@napster.com")]).name, "login-answer");
  assert.equal(ask(odd, ["<", frame(3, "anon@napster.com")]).certainty, CERTAIN);
  assert.equal(ask(odd, ["<", frame(0, "Invalid Password!")]).name, "login-refused");
  assert.equal(ask(odd, ["<", frame(621, "welcome")]).certainty, STRONG);
  for (const turns of splits([odd, ["<", frame(3, "anon@nap.lab.test")]], 1)) {
    assert.equal(ask(...turns).name, "login-answer");
  }
  assert.equal(ask(odd, ["<", frame(3, "no address")]), UNRELATED);
  assert.equal(ask(odd, ["<", frame(4, "anon@napster.com")]), UNRELATED);
  assert.equal(ask(["<", frame(3, "anon@napster.com")]), UNDECIDED);
});

Deno.test("a server's frames count where the client's side is not seen", () => {
  const frames = join(frame(3, "foo@bar.example"), frame(621, "welcome"), frame(214, "12 3456 78"));
  assert.equal(ask(["<", frames]).name, "server-frames");
  assert.equal(ask(["<", frames]).certainty, STRONG);
  for (const turns of splits([["<", frames]], 0)) assert.equal(ask(...turns).name, "server-frames");
  assert.equal(ask(["<", frames.slice(0, 30)]), UNDECIDED);
  assert.equal(ask(["<", join(frame(214, "12 3456 78"), frames)]), UNRELATED, "another first frame");
  assert.equal(ask(["<", join(frame(3, "foo"), frame(999, "x"), frame(214, "1"))]), UNRELATED, "an unknown type");
  assert.equal(ask(["<", join(frame(3, "fo\x01o"), frame(621, "x"), frame(214, "1"))]), UNRELATED, "no text");
});

Deno.test("logins that are one thing off are none", () => {
  for (
    const text of [
      'foo badpass 6699 "nap v0.8"',
      'foo badpass 6699 "nap v0.8" 11',
      'foo badpass 6699 "nap v0.8" 33',
      'foo badpass 6699 "nap v0.8"3',
      'foo badpass 669999 "nap v0.8" 3',
      'foo badpass 6699 "" 3',
      "foo badpass 6699 nap 3",
      'foo  6699 "nap" 3',
      ' foo 6699 "nap" 3',
      `${"a".repeat(33)} p 1 "nap" 3`,
      `a p 1 "${"n".repeat(61)}" 3`,
    ]
  ) assert.equal(ask([">", frame(2, text)]).certainty, 0, text);
  for (const type of [0, 1, 3, 4, 5, 8, 0x102, 0x200]) {
    assert.equal(ask([">", frame(type, 'foo badpass 6699 "nap v0.8" 3')]), UNRELATED, `type ${type}`);
  }
  const short = VECTOR.slice();
  short[0]!--;
  assert.equal(ask([">", short]), UNDECIDED);
  const long = VECTOR.slice();
  long[0]!++;
  assert.equal(ask([">", long]), UNDECIDED);
  const control = VECTOR.slice();
  control[8] = 7;
  assert.equal(ask([">", control]), UNRELATED);
});

Deno.test("a transfer between peers is certain behind the greeting, in any segments", () => {
  for (
    const request of [
      'GETlabopennap[2] "Z:\\nap\\Snoop Doggy Dog - A Woofing I Will Go.mp3" 0',
      'GETnick "a" 12345',
      'SENDperlfw "Le Chat - Cat\'s Meow.mp3" 21090',
    ]
  ) {
    const ask1: Turn = [">", latin(request)];
    assert.equal(ask(ONE, ask1).name, "transfer", request);
    assert.equal(ask(ONE, ask1).certainty, CERTAIN);
    for (const turns of splits([ONE, ask1], 1)) assert.equal(ask(...turns).name, "transfer");
    assert.equal(ask(ask1).name, "transfer-request", "one side seen");
    assert.equal(ask(ask1).certainty, STRONG);
    assert.equal(onward(ask1, ONE).name, "transfer", "a client that does not wait");
    assert.equal(onward(ask1, ["<", latin("11")]), UNRELATED);
    assert.equal(ask(["<", latin("220 ftp\r\n")], ask1), UNRELATED);
  }
});

Deno.test("HTTP is no transfer, however it is cut", () => {
  for (
    const request of [
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      'GET /a "b" 12',
      'GET/a "b" 12',
      'GEThttp://a/b "c" 12',
      'GET  "b" 12',
      'GETnick "" 12',
      'GETnick "b"12',
      'GETnick "b" x',
      "SEND FROM:<a@b>\r\n",
      "SENDnick file 12",
    ]
  ) {
    assert.equal(ask(ONE, [">", latin(request)]), UNRELATED, request);
    for (const turns of splits([ONE, [">", latin(request)]], 1)) assert.equal(ask(...turns), UNRELATED, request);
  }
  assert.equal(ask(ONE, [">", latin("GET")]), UNDECIDED);
});

Deno.test("other protocols' first bytes are unrelated", () => {
  for (
    const payload of [
      hex("16030100c8010000c40303"),
      latin("SSH-2.0-OpenSSH_9.2\r\n"),
      hex("e3 2e000000 01 10"),
      hex("13426974546f7272656e742070726f746f636f6c"),
      hex("1d 00 02 00 00 00 00 01 02"),
      hex("00 00 00 0c ff 53 4d 42"),
      hex("0a 00 02 00 ff 00"),
      latin("USER a\r\n"),
      hex("00200000"),
    ]
  ) {
    assert.equal(ask([">", payload]), UNRELATED);
    assert.equal(ask(["<", payload]), UNRELATED);
  }
});

Deno.test("a million random payloads with a fitting head match nothing", () => {
  const { look } = converse(opennap, { tcp: true }, [[">", new Uint8Array(2)]]);
  const bytes = new Uint8Array(40);
  const words = new Int32Array(bytes.buffer);
  const random = randomWords(99);
  look.bytes = bytes;
  look.start = 0;
  look.end = look.length = look.ownLength = 40;
  for (let round = 0; round < 1_000_000; round++) {
    for (let i = 0; i < 10; i++) words[i] = random.next().value;
    bytes[0] = 36;
    bytes[1] = 0;
    bytes[2] = 2 | (round & 1) << 2;
    bytes[3] = 0;
    const answer = opennap.classify(look);
    if (answer.certainty > 0) assert.fail(`Random bytes gave "${answer.name}"`);
  }
});
