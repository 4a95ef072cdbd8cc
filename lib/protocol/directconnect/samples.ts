/**
 * Direct Connect conversations: NMDC as captured from EiskaltDC++ and Verlihub with names changed, ADC from its specification.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, MIDSTREAM, out, sample, WHOLE } from "../../../tests/support/flow.ts";
import type { Sample, Samples } from "../../../tests/protocol/sample.ts";

const CID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFG";
const SEARCH_RESULT = join(
  latin("$SR one dir\\file.bin"),
  hex("05"),
  latin("300 2/3"),
  hex("05"),
  latin("TTH:ABC (192.0.2.3:411)|"),
);

/** A hello as ncdc sends it, with one cipher suite: it offers `adc` and `nmdc` (RFC 8446 section 4.1.2, RFC 7301). */
const HELLO = join(
  hex("16 0301 003e 01 00003a 0303"),
  new Uint8Array(32).fill(7),
  hex("00 0002 1301 01 00 000f 0010 000b 0009 03"),
  latin("adc"),
  hex("04"),
  latin("nmdc"),
);

const HASH = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFG";
const dc = (name: string, evidence: string, certainty: number, text: string, rest: Partial<Sample> = MIDSTREAM) =>
  sample(true, name, evidence, certainty, [[">", latin(text)]], rest);

/** What other captures hold: one side only, the middle, older versions, short messages. */
const VARIANTS: readonly Sample[] = [
  dc(
    "a client's answer to a hub that is not seen",
    "nmdc-commands",
    2,
    "$Supports NoGetINFO UserIP2|$Key abc|$ValidateNick joe|",
    WHOLE,
  ),
  dc("a hub's news, picked up", "nmdc-commands", 2, "$Quit joe|$Quit jim|"),
  dc("a hub's name, picked up", "nmdc-commands", 2, "$HubName My Hub|$Hello joe|"),
  dc("a search by nick, picked up", "nmdc-command", 3, "$Search Hub:joe F?T?0?1?linux|"),
  dc("a draw, picked up", "nmdc-command", 3, "$Direction Download 12345|"),
  dc("an old request, picked up", "nmdc-command", 3, "$Get share\\file.zip$1|"),
  dc("a hub's ADC, picked up", "adc-command", 2, "IINF CT32 VEuHub NIhub\nBINF AAAB IDABC NIx\n"),
  dc("an ADC invitation, picked up", "adc-command", 2, "DCTM AAAB AAAC ADC/1.0 41000 12345\n"),
  dc("an ADC request by hash, picked up", "adc-command", 2, `CGET file TTH/${HASH} 0 -1\n`),
  dc("an ADC request for the list, picked up", "adc-command", 2, "CGET file files.xml.bz2 0 -1\n"),
  dc("an ADC client's words, picked up", "adc-command", 2, `CINF ID${HASH} TO1234\n`),
  dc("an ADC invitation at a stream's start", "adc-command", 2, "DCTM AAAB AAAC ADC/1.0 41000 12345\n", WHOLE),
];
const NEAR_VARIANTS: readonly Sample[] = [
  { name: "one command alone", tcp: true, midstream: true, turns: [[">", latin("$Quit joe|")]] },
  {
    name: "a shell's variables in a pipe",
    tcp: true,
    midstream: true,
    turns: [[">", latin("$Get the file | $Send it|")]],
  },
  { name: "a draw without a number", tcp: true, midstream: true, turns: [[">", latin("$Direction Download now|")]] },
  {
    name: "ADC's words in a sentence",
    tcp: true,
    midstream: true,
    turns: [[">", latin("CGET file of your choice\n")]],
  },
  {
    name: "one ADC command without identifiers",
    tcp: true,
    midstream: true,
    turns: [[">", latin("DMSG to you all\n")]],
  },
];

const RECOGNISED: readonly Sample[] = [
  {
    name: "a hub's lock (captured form)",
    tcp: true,
    turns: [["<", latin("$Lock EXTENDEDPROTOCOL_hub Pk=hub0.1|$HubName hub|")]],
    evidence: "nmdc-lock",
    certainty: 3,
  },
  {
    name: "a lock without its key, and the client's answer",
    tcp: true,
    whole: true,
    turns: [["<", latin("$Lock EXTENDEDPROTOCOL|")], [">", latin("$Supports NoHello TTHSearch |$Key \x14\xd1|")]],
    evidence: "nmdc-conversation",
    certainty: 3,
  },
  {
    name: "a client to a client (captured form)",
    tcp: true,
    turns: [[">", latin("$MyNick one|$Lock EXTENDEDPROTOCOLABC Pk=DCPLUSPLUS2.4.2|")]],
    evidence: "nmdc-peer",
    certainty: 3,
  },
  {
    name: "a running hub session",
    tcp: true,
    midstream: true,
    turns: [["<", latin("$MyINFO $ALL one <++ V:2.4,M:A,H:1/0/0,S:3>$ $10\x01$$300$|")]],
    evidence: "nmdc-command",
    certainty: 3,
  },
  {
    name: "a running search",
    tcp: true,
    midstream: true,
    turns: [["<", latin("$Search 192.0.2.3:3002 F?T?0?1?file|")]],
    evidence: "nmdc-command",
    certainty: 3,
  },
  ...(["192.0.2.3:3002", "someone"].map((who, at): Sample => ({
    name: `a running search by hash, short form ${at + 1} (Verlihub, FlylinkDC)`,
    tcp: true,
    midstream: true,
    turns: [["<", latin(`$S${"AP"[at]} ${CID} ${who}|`)]],
    evidence: "nmdc-command",
    certainty: 3,
  }))),
  {
    name: "a lock without its key, and the hub's name, one side alone",
    tcp: true,
    turns: [["<", latin("$Lock EXTENDEDPROTOCOL_hub|$HubName A hub|")]],
    evidence: "nmdc-commands",
    certainty: 2,
  },
  {
    name: "an invitation to connect",
    tcp: true,
    midstream: true,
    turns: [["<", latin("$ConnectToMe one 192.0.2.3:3002|")]],
    evidence: "nmdc-command",
    certainty: 3,
  },
  {
    name: "a running transfer's next request",
    tcp: true,
    midstream: true,
    turns: [[">", latin("$ADCGET file TTH/ABC 0 65536 ZL1|")]],
    evidence: "nmdc-command",
    certainty: 3,
  },
  {
    name: "a client at an ADC hub",
    tcp: true,
    turns: [[">", latin("HSUP ADBAS0 ADBASE ADTIGR ADUCM0\n")]],
    evidence: "adc-hub",
    certainty: 3,
  },
  {
    name: "an ADC hub's answer",
    tcp: true,
    turns: [["<", latin("ISUP ADBASE ADTIGR\nISID ABCD\n")]],
    evidence: "adc-hub",
    certainty: 3,
  },
  {
    name: "an ADC client to a client",
    tcp: true,
    turns: [[">", latin("CSUP ADBASE ADTIGR\n")]],
    evidence: "adc-peer",
    certainty: 3,
  },
  {
    name: "a hub in TLS, by what the hello offers",
    tcp: true,
    turns: [[">", HELLO]],
    evidence: "tls-alpn",
    certainty: 3,
  },
  {
    name: "a running ADC session",
    tcp: true,
    midstream: true,
    turns: [["<", latin("BINF ABCD IDXYZ NIone\n")]],
    evidence: "adc-command",
    certainty: 2,
  },
  {
    name: "a search result (captured form)",
    tcp: false,
    turns: [[">", SEARCH_RESULT]],
    evidence: "udp-search-result",
    certainty: 3,
  },
  { name: "a ping", tcp: false, turns: [[">", latin("$Ping 192.0.2.3:412|")]], evidence: "udp-ping", certainty: 2 },
  {
    name: "an ADC search result",
    tcp: false,
    turns: [[">", latin(`URES ${CID} SI300 SL2 FNdir/file\n`)]],
    evidence: "udp-adc",
    certainty: 3,
  },
  ...VARIANTS,
];

const NEAR_MISSES: readonly Sample[] = [
  {
    name: "a lock without a key and no answer",
    tcp: true,
    turns: [["<", latin("$Lock the door|")], [">", latin("ok|")]],
  },
  { name: "a short search whose hash is too short", tcp: true, turns: [["<", latin(`$SA ${CID.slice(1)} one|`)]] },
  { name: "a nick and something else", tcp: true, turns: [[">", latin("$MyNick one|$Hello|")]] },
  { name: "HSUP with a short feature", tcp: true, turns: [[">", latin("HSUP ADB \n")]] },
  {
    name: "HTTP answered on port 80",
    tcp: true,
    turns: [[">", latin("$MyNick")], ["<", latin("HTTP/1.1 400 Bad Request\r\n\r\n")]],
  },
  { name: "ADC of 38 letters", tcp: false, turns: [[">", latin(`URES ${CID.slice(1)} SI300\n`)]] },
  {
    name: "a datagram that begins with U",
    tcp: false,
    turns: [[">", latin("UDP test message, nothing else in here at all\n")]],
  },
  { name: "a result without byte 05", tcp: false, turns: [[">", latin("$SR one file 2/3 (192.0.2.3:411)|")]] },
  { name: "a result without its end", tcp: false, turns: [[">", SEARCH_RESULT.slice(0, -1)]] },
  { name: "a ping without an address", tcp: false, turns: [[">", latin("$Ping pong|")]] },
  {
    name: "an invitation without an address",
    tcp: true,
    midstream: true,
    turns: [["<", latin("$ConnectToMe one two|")]],
  },
  ...NEAR_VARIANTS,
];

const MORE: readonly Sample[] = [
  sample(true, "a lock without its key, answered with a key", "nmdc-conversation", 3, [
    back(latin("$Lock one two|")),
    out(latin("$Key three|")),
  ], WHOLE),
  sample(true, "a lock without its key, answered with a nick", "nmdc-conversation", 3, [
    back(latin("$Lock one two|")),
    out(latin("$ValidateNick joe|")),
  ], WHOLE),
  sample(true, "a client's answer, then the lock without its key", "nmdc-conversation", 3, [
    out(latin("$ValidateNick joe|")),
    back(latin("$Lock one two|")),
  ], WHOLE),
  sample(true, "a key, then the lock without its key", "nmdc-conversation", 3, [
    out(latin("$Key three|")),
    back(latin("$Lock one two|")),
  ], WHOLE),
  sample(true, "features, then the lock without its key", "nmdc-conversation", 3, [
    out(latin("$Supports NoHello |")),
    back(latin("$Lock one two|")),
  ], WHOLE),
  sample(true, "a nick, then the lock without its key", "nmdc-conversation", 3, [
    out(latin("$MyNick joe|")),
    back(latin("$Lock one two|")),
  ], WHOLE),
  dc("a file that is sent, picked up", "nmdc-command", 3, "$ADCSND file TTH/ABC 0 1234|"),
  dc("a draw for an upload, picked up", "nmdc-command", 3, "$Direction Upload 12345|"),
  dc("a search by nick of a limited size, picked up", "nmdc-command", 3, "$Search Hub:joe T?F?0?1?linux|"),
  dc("a search by address of a limited size, picked up", "nmdc-command", 3, "$Search 192.0.2.3:412 T?F?0?1?linux|"),
  dc("a short search by hash, for answers by the hub, picked up", "nmdc-command", 3, `$SP ${HASH} joe|`),
  dc("an ADC search, picked up", "adc-command", 2, "BSCH AAAB ANlinux TO1\n"),
  dc("an ADC client's address, picked up", "adc-command", 2, "BINF AAAB I4192.0.2.7\n"),
  dc("an ADC client's name, picked up", "adc-command", 2, "BINF ZZ27 NIjoe\n"),
  dc("an ADC request for a folder's list, picked up", "adc-command", 2, "CGET list /share/ 0 -1\n"),
  dc("an ADC list that is sent, picked up", "adc-command", 2, "CSND list / 0 -1\n"),
  dc("an ADC file that is sent, picked up", "adc-command", 2, "CSND file files.xml.bz2 0 1234\n"),
  dc("an ADC request for a tree, picked up", "adc-command", 2, `CGET tthl TTH/${HASH} 0 -1\n`),
  dc("an ADC answer to one and another, picked up", "adc-command", 2, "ESTA AAAB AAAC 000 ok\n"),
  dc("an ADC search for those with a feature, picked up", "adc-command", 2, "FSCH AAAB +TCP4\nIMSG hello\n"),
  dc("ADC's news of which the second has a sender, picked up", "adc-command", 2, "ISTA 000 ok\nBMSG AAAB hello\n"),
  sample(true, "an ADC search at a stream's start", "adc-command", 2, [out(latin("BSCH AAAB ANlinux\n"))], WHOLE),
  sample(
    true,
    "ADC's news at a stream's start",
    "adc-command",
    2,
    [out(latin("ISTA 000 ok\nBMSG AAAB hello\n"))],
    WHOLE,
  ),
  sample(true, "a hub at a stream's start, by two commands", "nmdc-commands", 2, [
    back(latin("$HubName My Hub|$Hello joe|")),
  ], WHOLE),
  sample(false, "an ADC datagram that ends with its identifier", "udp-adc", 3, [out(latin(`UPSR ${HASH}\n`))]),
  ...[
    "$Search Hub:joe X?T?0?1?linux|",
    "$Search Hub:joe F?X?0?1?linux|",
    "$Search Hub:joe F?T",
    "$Search 192.0.2.3:412 X?F?0?1?linux|",
    "$Search 192.0.2.3:412 F",
    "$Direction Sideways 1|",
    "$Direction Upload |",
    "$Get share\\file.zip|",
    "$Quitting joe|$Quit jim|",
    "$Quit joe|$Quitting jim|",
    "$Quit joe|",
    "$Quit joe|Quit jim|",
    "CGET list share/ 0 -1\n",
    "CGET file /share/ 0 -1\n",
    `CGET file TTH/${HASH.slice(1)} 0 -1\n`,
    "BINF AAA1 NIjoe\n",
    "BINF AAAB 1Ijoe\n",
    "BINF AAAB N/joe\n",
    "BINF AAABBNIjoe\n",
    "BINF AAAB NI \n",
    "GSCH AAAB +TCP4\nIMSG hello\n",
    "ISTA 000 ok\nHMSG hello\n",
    "ISTA 000 ok\nBMSG AAA1 hello\n",
    "DCTM AAAB AAA1 ADC/1.0\n",
    "DGPA AAAB AAAC data\n",
    "JCTM AAAB AAAC ADC/1.0\n",
  ].map((text): Sample => ({
    name: `picked up: ${text.trim()}`,
    tcp: true,
    midstream: true,
    turns: [out(latin(text))],
  })),
  ...["$Keyring one|", "$ValidateNickname joe|", "$SupportsNothing|", "$Lock", "$Locked one|"].map((text): Sample => ({
    name: `behind a nick: ${text}`,
    tcp: true,
    turns: [out(latin("$MyNick joe|")), back(latin(text))],
  })),
  { name: "ADC of 40 letters", tcp: false, turns: [out(latin(`URES ${HASH}A SI300\n`))] },
  { name: "ADC with a digit in its word", tcp: false, turns: [out(latin(`UR1S ${HASH} SI300\n`))] },
  { name: "ADC's identifier and another end", tcp: false, turns: [out(latin(`URES ${HASH}|SI300`))] },
];

/** Samples, near misses. */
export const samples: Samples = {
  about: "NMDC as captured from EiskaltDC++ and Verlihub with names changed, ADC from its specification.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
};
