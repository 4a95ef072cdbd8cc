/** Questions to clients, and what counts as an answer: what real programs answered, and nothing that comes near. */
import assert from "node:assert/strict";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import type { Question, Step } from "../../lib/protocol/question.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { randomWords } from "../support/splits.ts";

const NONCE = 0x1234abcd | 0;
const PORT = 0xc196;

const question = (protocol: string, name: string): Question => {
  const { questions = [] } = CLASSIFIERS.find((classifier) => classifier.name === protocol)!;
  return questions.find(({ evidence }) => evidence.name === name)!;
};

/** As it would be read from a packet: with other bytes around it. */
function answers(asked: Question, answer: Uint8Array, nonce = NONCE, port = PORT): boolean {
  const bytes = new Uint8Array(answer.length + 64).fill(0x31);
  bytes.set(answer, 32);
  return asked.answers(bytes, 32, 32 + answer.length, nonce, port);
}

/** What programs of the distribution answered in network namespaces, with the question's own numbers put in. */
const ANSWERS: readonly {
  readonly protocol: string;
  readonly name: string;
  readonly program: string;
  readonly answer: (ask: Uint8Array) => Uint8Array;
  /** Bytes that echo the question. */
  readonly echo: readonly number[];
}[] = [
  {
    protocol: "bittorrent",
    name: "utp-probe",
    program: "libtorrent 2.0.8",
    answer: (ask) => join(hex("2100"), ask.slice(2, 4), hex("249b519b 000000cb 00100000 1750"), ask.slice(16, 18)),
    echo: [2, 3, 18, 19],
  },
  {
    protocol: "bittorrent",
    name: "utp-probe",
    program: "transmission 3.00",
    answer: (ask) =>
      join(
        hex("2102"),
        ask.slice(2, 4),
        hex("79b4a015 00000000 00380000 c55d"),
        ask.slice(16, 18),
        hex("0008 00000000 00000000"),
      ),
    echo: [2, 3, 18, 19],
  },
  {
    protocol: "bittorrent",
    name: "dht-probe",
    program: "libtorrent 2.0.8",
    answer: (ask) =>
      join(
        latin(`d2:ip6:\x0a\x5b\x01\x01\x30\x391:rd2:id20:${"y".repeat(20)}1:pi12345ee1:t4:`),
        ask.slice(47, 51),
        latin("1:v4:LT\x02\x001:y1:re"),
      ),
    echo: [59, 60, 61, 62],
  },
  {
    protocol: "edonkey",
    name: "kad-probe",
    program: "aMule 2.3.3",
    answer: () => hex("e461 96c1"),
    echo: [2, 3],
  },
  {
    protocol: "gnutella",
    name: "ping-probe",
    program: "a servent",
    answer: (ask) => join(ask.slice(0, 16), hex("01 01 00 0e000000 ca18 0a000005 00000000 00000000")),
    echo: [0, 1, 2, 3, 4, 5, 6, 7],
  },
];

for (const { protocol, name, program, answer, echo } of ANSWERS) {
  Deno.test(`${name}: the answer of ${program} counts, and only with what it echoes`, () => {
    const asked = question(protocol, name);
    const right = answer(asked.ask(NONCE));
    assert.ok(answers(asked, right));
    for (const at of echo) {
      for (let bit = 0; bit < 8; bit++) {
        const wrong = right.slice();
        wrong[at]! ^= 1 << bit;
        assert.ok(!answers(asked, wrong), `byte ${at}, bit ${bit}`);
      }
    }
    for (let size = 0; size < right.length; size++) answers(asked, right.slice(0, size));
    if (protocol !== "edonkey") {
      assert.ok(!answers(asked, right, NONCE ^ 0x00010000) && !answers(asked, right, NONCE ^ 1));
    } else assert.ok(!answers(asked, right, NONCE, PORT + 1));
  });
}

Deno.test("neither the question itself, nor another's answer, nor random bytes are an answer", () => {
  const words = randomWords(7);
  const all = CLASSIFIERS.flatMap(({ questions = [] }) => questions);
  assert.equal(all.length, 4);
  for (const asked of all) {
    for (const other of all) assert.ok(!answers(asked, other.ask(NONCE)), asked.evidence.name);
    for (const { protocol, name, answer } of ANSWERS) {
      if (question(protocol, name) !== asked) assert.ok(!answers(asked, answer(question(protocol, name).ask(NONCE))));
    }
    for (let round = 0; round < 50_000; round++) {
      const bytes = Uint8Array.from({ length: 4 + (round % 60) }, () => words.next().value & 255);
      assert.ok(!answers(asked, bytes), asked.evidence.name);
    }
  }
});

Deno.test("questions are no larger than what they ask for, and fit no two nonces", () => {
  for (const { questions = [] } of CLASSIFIERS) {
    for (const { ask, evidence } of questions) {
      assert.ok(ask(NONCE).length <= 64, evidence.name);
      if (evidence.name !== "kad-probe") assert.notDeepEqual(ask(NONCE), ask(NONCE + 1), evidence.name);
    }
  }
});

const PRIME = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6D" +
    "F25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563",
);

function power(base: bigint, exponent: bigint): Uint8Array<ArrayBuffer> {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = result * result % PRIME;
    if (bit === "1") result = result * base % PRIME;
  }
  return Uint8Array.fromHex(result.toString(16).padStart(192, "0"));
}

/** The called side: what it says and whether it ends the connection, by all that it has received. */
type Called = (
  received: Uint8Array,
  said: number,
) => { say?: Uint8Array; end?: boolean } | Promise<{ say?: Uint8Array; end?: boolean }>;

/** What follows the key of a program with obfuscation, as libtorrent, qBittorrent, transmission, aria2 and rtorrent all do. */
function program(pad: number): Called {
  const secret = BigInt(`0x${crypto.getRandomValues(new Uint8Array(20)).toHex()}`);
  return async (received, said) => {
    if (received.length < 96) return {};
    if (said === 0) return { say: join(power(2n, secret), crypto.getRandomValues(new Uint8Array(pad))) };
    const shared = power(BigInt(`0x${received.slice(0, 96).toHex()}`), secret);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", new Uint8Array([...latin("req1"), ...shared])));
    const at = received.toHex().indexOf(hash.toHex());
    return { end: at >= 0 && received.length >= at / 2 + 40 };
  };
}

async function hold(called: Called, protocol = "bittorrent"): Promise<boolean> {
  const { talk } = CLASSIFIERS.find(({ name }) => name === protocol)!.call!;
  const line = talk();
  let received: Uint8Array = new Uint8Array(0);
  let said = 0;
  let step: IteratorResult<Step, boolean> = await line.next();
  while (step.done !== true) {
    received = join(received, step.value.send);
    const { say = new Uint8Array(0), end = false } = await called(received, said);
    said += say.length;
    step = await line.next({ bytes: say, ended: end });
  }
  return step.value;
}

Deno.test("mse-probe: a program with obfuscation proves itself, whatever its padding", async () => {
  for (const pad of [0, 1, 255, 512]) assert.ok(await hold(program(pad)), `${pad}`);
});

Deno.test("mse-probe: what else listens at a port does not prove it", async () => {
  const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const silent: Called = () => ({});
  const others: [string, Called][] = [
    ["a cipher that waits for a client that knows its key", silent],
    ["one that ends the connection after enough wrong bytes", (received) => ({ end: received.length >= 50 })],
    ["the same after more of them", (received) => ({ end: received.length > 96 })],
    ["SSH", (_, said) => said === 0 ? { say: latin("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n") } : {}],
    ["HTTP", (received) => received.length > 95 ? { say: latin("HTTP/1.1 400 Bad Request\r\n\r\n"), end: true } : {}],
    ["an echo", (received, said) => ({ say: received.slice(said) })],
    ["random bytes at once", (_, said) => said === 0 ? { say: random(200) } : {}],
    [
      "random bytes after the key, then silence",
      (received, said) => received.length >= 96 && said === 0 ? { say: random(200) } : {},
    ],
    [
      "random bytes after the key, then the end with whatever comes",
      (received, said) => received.length < 96 ? {} : said === 0 ? { say: random(200) } : { end: true },
    ],
    [
      "random bytes after the key, and more with all that follows",
      (received) => received.length < 96 ? {} : { say: random(128) },
    ],
    [
      "text after the key",
      (received, said) => received.length >= 96 && said === 0 ? { say: latin("hello ".repeat(30)) } : {},
    ],
    ["too little", (received, said) => received.length >= 96 && said === 0 ? { say: random(95) } : {}],
    ["too much", (received, said) => received.length >= 96 && said === 0 ? { say: random(609) } : {}],
  ];
  for (const [label, called] of others) assert.equal(await hold(called), false, label);
});

/** What aMule 2.3.3 answered to the hello in a network namespace. */
const EXTENSIONS = hex(
  "c558000000014701090000000301002001000000030100220400000003010021401200000301002303000000030100240100000003010025020000000301" +
    "002703000000030100260300000002010055 0b00 614d756c6520322e332e33",
);

Deno.test("hello-probe: aMule's answer proves it, whole; what a server of another protocol answers does not", async () => {
  const after = (answer: Uint8Array): Called => (received, said) =>
    received.length > 38 && said === 0 ? { say: answer } : {};
  assert.ok(await hold(after(EXTENSIONS), "edonkey"));
  for (let size = 0; size < EXTENSIONS.length; size++) {
    assert.equal(await hold(after(EXTENSIONS.slice(0, size)), "edonkey"), false, `${size} bytes`);
  }
  const others: [string, Called][] = [
    ["silence", () => ({})],
    ["the end", () => ({ end: true })],
    ["HTTP", after(latin("HTTP/1.1 400 Bad Request\r\n\r\n"))],
    ["a frame of nothing", after(hex("e3 01000000 38"))],
    ["random bytes", after(crypto.getRandomValues(new Uint8Array(200)))],
  ];
  for (const [label, called] of others) assert.equal(await hold(called, "edonkey"), false, label);
});
