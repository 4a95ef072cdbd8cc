/**
 * Direct Connect over UDP: search results and searches.
 * @module
 */
import { CERTAIN, type Evidence, evidence, type Look, STRONG, UNRELATED } from "../classifier.ts";
import { readEndpoint } from "../endpoint_text.ts";
import { compare, isBase32, literal, SAME, seekByte } from "../literal.ts";

const RESULT = evidence(
  "udp-search-result",
  CERTAIN,
  "$SR, a nick, byte 05 between the fields, | at the end where that is in view (NMDC; captured from EiskaltDC++); odds 2^-46",
);
const PING = evidence("udp-ping", STRONG, "$Ping, address and port, | (NMDC); one short text");
const ADC = evidence(
  "udp-adc",
  CERTAIN,
  "U and a command word, then a client identifier of 39 base32 letters between spaces (ADC 1.0); odds 2^-155",
);

const SR = literal("$SR ");
const PING_WORD = literal("$Ping ");
const PIPE = 0x7c;
const SPACE = 0x20;
/** Length of a Tiger hash in base32. */
const IDENTIFIER = 39;

/** Answers for one datagram. */
export function classifyDirectConnectUdp(look: Look): Evidence {
  const bytes = look.bytes;
  const at = look.start;
  const end = look.end;
  if (bytes[at] === 0x55) return isAdc(bytes, at, end) ? ADC : UNRELATED;
  if (compare(bytes, at, end, SR) === SAME) {
    if (seekByte(bytes, at + 5, end, 0x05) < 0) return UNRELATED;
    // A cut capture hides the end.
    if (look.length === end - at && bytes[end - 1] !== PIPE) return UNRELATED;
    hub(look, at, end);
    return RESULT;
  }
  if (compare(bytes, at, end, PING_WORD) === SAME) {
    const after = readEndpoint(look, at + PING_WORD.length, end, false);
    return after > 0 && after === end - 1 && bytes[after] === PIPE ? PING : UNRELATED;
  }
  return UNRELATED;
}

/** The hub's address ends a result: `(a.b.c.d:port)|`. */
function hub(look: Look, at: number, end: number): void {
  const least = Math.max(at, end - 26);
  for (let i = end - 3; i > least; i--) {
    if (look.bytes[i] !== 0x28) continue;
    readEndpoint(look, i + 1, end, true);
    return;
  }
}

function isAdc(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < 5 + IDENTIFIER + 1) return false;
  for (let i = at + 1; i < at + 4; i++) if (bytes[i]! < 0x41 || bytes[i]! > 0x5a) return false;
  if (bytes[at + 4] !== SPACE) return false;
  for (let i = at + 5; i < at + 5 + IDENTIFIER; i++) if (!isBase32(bytes[i]!)) return false;
  const after = bytes[at + 5 + IDENTIFIER];
  return after === SPACE || after === 0x0a;
}
