/**
 * Conversations of Napster and OpenNAP, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, sample, tcp, WHOLE } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const LOGIN = hex("1d000200666f6f2062616470617373203636393920226e61702076302e38222033");

function frame(type: number, text: string): Uint8Array {
  return join(Uint8Array.of(text.length & 255, text.length >> 8, type & 255, type >> 8), latin(text));
}
const WELCOME = join(
  frame(3, "nobody@example.org"),
  frame(621, "VERSION opennap 0.44"),
  frame(621, "SERVER nap.example.org"),
  frame(214, "120 34000 150"),
);

const RECOGNISED: readonly Sample[] = [
  sample(true, "a login, and the server's answer", "login", 3, [
    out(LOGIN),
    back(hex("0e00 0300"), latin("foo@bar.exampl")),
  ]),
  sample(true, "a transfer", "transfer", 3, [back(latin("1")), out(latin('GETnick "C:\\music\\song.mp3" 1234'))]),
];

const NEAR_MISSES: readonly Sample[] = [
  {
    name: "text of a login's length",
    tcp: true,
    turns: [out(LOGIN.slice(0, 4), latin("just thirty bytes of plain te"))],
  },
  {
    name: "HTTP/1.0",
    tcp: true,
    turns: [out(latin("GET / HTTP/1.0\r\n\r\n")), back(latin("HTTP/1.0 200 OK\r\n\r\n"))],
  },
  {
    name: "HTTP behind a single byte",
    tcp: true,
    turns: [back(latin("1")), out(latin("GET /index.html HTTP/1.1\r\n\r\n"))],
  },
];

const MORE: readonly Sample[] = [
  sample(
    true,
    "a nick check that is answered",
    "nick-check",
    2,
    [out(frame(7, "labopennap[1]")), back(frame(8, ""))],
    WHOLE,
  ),
  sample(true, "a login in an odd form, welcomed", "login-answer", 3, [
    out(frame(2, "some body and no program")),
    back(frame(3, "nobody@example.org")),
  ], WHOLE),
  sample(true, "a login in an odd form, refused", "login-refused", 2, [
    out(frame(2, "some body and no program")),
    back(frame(0, "Invalid Password!")),
  ], WHOLE),
  sample(true, "a transfer whose greeting was not seen", "transfer-request", 2, [
    out(latin('GETsomebody "a.mp3" 0')),
  ]),
  sample(true, "the server alone", "server-frames", 2, [back(WELCOME)]),
  ...([8, 9, 10] as const).map((type) =>
    sample(true, `a nick check that is answered ${type}`, "nick-check", 2, [
      out(frame(7, "somebody")),
      back(frame(type, "")),
    ], WHOLE)
  ),
  sample(true, "a login of link type 10 with more behind it", "login", 3, [
    out(frame(6, 'somebody secret 65535 "mldonkey v3.1" 10 nobody@example.org')),
  ]),
  sample(true, "a login of the longest program", "login", 3, [out(frame(2, `a b 0 "${"p".repeat(60)}" 0`))]),
  sample(true, "a file that is offered", "transfer-request", 2, [out(latin('SENDsomebody "a.mp3" 1000'))]),
  sample(true, "a request before the greeting", "transfer", 3, [out(latin('GETsomebody "a.mp3" 0')), back(latin("1"))]),
  sample(true, "a login in an odd form, and the server's text", "login-refused", 2, [
    out(frame(2, "some body and no program")),
    back(frame(621, "VERSION opennap 0.44")),
  ], WHOLE),
  ...[
    `a b 0 "${"p".repeat(61)}" 0`,
    'a b 123456 "nap" 0',
    'a b 0 "" 0',
    'a b  "nap" 0',
    'a  0 "nap" 0',
    'a b 0 "nap"',
    'a b 0 "nap" 11',
    'a b 0 "nap" 20',
    'a b 0 "nap" 1x',
    "a b 0 nap 1",
    'a b 0 "nap"x1',
  ].map((text): Sample => ({ name: `a login of ${text}`, tcp: true, turns: [out(frame(2, text))] })),
  ...[
    'GET/x "a" 0',
    'GEThttp://x/ "a" 0',
    'GETx "" 0',
    "GETx a 0",
    'GETx "a" x',
    'GETx "a"0',
    'GETx "a\n" 0',
    'GETx  "a" 0',
  ]
    .map((text): Sample => ({ name: `a request of ${text.trim()}`, tcp: true, turns: [out(latin(text))] })),
  ...([[7, ""], [11, ""], [8, "x"]] as const).map(([type, text]): Sample => ({
    name: `a nick check that is answered ${type} and ${text.length} bytes`,
    tcp: true,
    turns: [out(frame(7, "somebody")), back(frame(type, text))],
  })),
  ...([[3, "nobody"], [3, "@nobody"], [3, "nobody@"], [4, "a@b.example"], [3, ""]] as const).map((
    [type, text],
  ): Sample => ({
    name: `a login in an odd form, answered ${type} "${text}"`,
    tcp: true,
    turns: [out(frame(2, "some body and no program")), back(frame(type, text))],
  })),
  { name: "two frames of a server", tcp: true, turns: [back(frame(3, "nobody@example.org"), frame(621, "hello"))] },
  { name: "a server's frames that begin with statistics", tcp: true, turns: [back(frame(214, "1 2 3"), WELCOME)] },
  {
    name: "a server's frames and one of a type that it does not send",
    tcp: true,
    turns: [back(frame(3, "nobody@example.org"), frame(621, "hello"), frame(215, "x"))],
  },
];

const SESSION: readonly Flow[] = [
  // A new user: is the nick free, the login, the welcome, a search and its results, a download request.
  tcp([
    out(frame(7, "somebody")),
    back(frame(8, "")),
    out(frame(6, 'somebody secret 6699 "mldonkey v3.1" 4 nobody@example.org')),
    back(WELCOME),
    out(frame(200, 'FILENAME CONTAINS "linux" MAX_RESULTS 100')),
    back(frame(201, '"a.mp3" 0123456789abcdef0123456789abcdef 1000 128 44100 60 other 3405803785 4'), frame(202, "")),
    out(frame(203, 'other "a.mp3"')),
    back(frame(204, 'other 3405803785 6699 "a.mp3" 0123456789abcdef0123456789abcdef 4')),
  ]),
  tcp([out(frame(2, 'somebody secret 6699 "nap v0.8" 3')), back(WELCOME)], { segment: 9 }),
  tcp([out(frame(2, 'somebody secret 6699 "lopster 1.2" 10')), back(frame(0, "Invalid Password!"))], IPV6),
  // A login in an odd form, by what the server says to it.
  tcp([out(frame(2, "some body and no program")), back(WELCOME)]),
  // The server alone.
  tcp([back(WELCOME)]),
  // Downloads both ways, and one that is refused; a client that does not wait for the greeting.
  tcp([
    back(latin("1")),
    out(latin("GET")),
    out(latin('somebody "Z:\\nap\\a.mp3" 0')),
    back(latin("1000"), noise(400, 3)),
  ]),
  tcp(
    [back(latin("1")), out(latin("SEND")), out(latin('somebody "a.mp3" 1000')), back(latin("0")), out(noise(400, 5))],
    INBOUND,
  ),
  tcp([out(latin('GETsomebody "a.mp3" 0')), back(latin("1")), back(latin("FILE NOT SHARED"))]),
  tcp([out(latin('GETsomebody "a.mp3" 0'))], IPV6),
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "Login and transfer (drscholl's napster.txt).",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
  session: {
    about: "Nick check, login, welcome, search, download request; transfers both ways (drscholl's napster.txt).",
    flows: SESSION,
  },
};
