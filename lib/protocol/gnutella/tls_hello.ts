/**
 * The TLS hello of gtk-gnutella, which encrypts without certificates: it offers what GnuTLS offers to everybody, and
 * behind that all anonymous suites, and names neither the host nor a protocol.
 * @module
 */
import { type Evidence, evidence, type Look, STRONG, UNDECIDED, UNRELATED } from "../classifier.ts";

/** The hello. */
const TLS_HELLO: Evidence = evidence(
  "tls-hello",
  STRONG,
  "A TLS ClientHello without server name and ALPN whose suites end in four or more anonymous ones, of both ECDH and DH, and " +
    "have none before (gtk-gnutella 1.2.3: c019 c018 00a7 003a 00a6 0034; GnuTLS's NORMAL with ANON-ECDH and ANON-DH). No " +
    "browser offers any; mail servers that do (OpenSSL's aNULL) have them between the others, by strength. None of the " +
    "captured everyday hellos has them at the end",
);

/** Suites without authentication (RFC 5246, 5288, 5932, 6367, 4492): of DH in the first half of the registry, of ECDH beside c015. */
const DH_ANONYMOUS: readonly number[] = [0x18, 0x1b, 0x34, 0x3a, 0x46, 0x6c, 0x6d, 0x89, 0x9b, 0xa6, 0xa7, 0xbf, 0xc5];
const ECDH_FIRST = 0xc015;
const ECDH_LAST = 0xc019;

/** Fewest anonymous suites at the end. */
const FEWEST = 4;
/** Packets over which a hello may be spread. */
const PACKETS = 4;
const SERVER_NAME = 0;
const ALPN = 16;

/** Answers for the opener's stream, which begins with 0x16. */
export function tlsHello(look: Look): Evidence {
  const { bytes, view, start, end } = look;
  if (!look.fromOpener || look.otherNth !== 0) return UNRELATED;
  if (end - start < 46) return look.nth < PACKETS ? UNDECIDED : UNRELATED;
  // A handshake record, version 3.x, and a ClientHello that fills it.
  const hello = view.getUint32(start + 5) & 0xffffff;
  if (bytes[start + 1] !== 3 || bytes[start + 5] !== 1 || hello + 4 !== view.getUint16(start + 3)) return UNRELATED;
  const stop = start + 9 + hello;
  // A capture may keep the front of a packet only: then that tells.
  const cut = look.length > end - start;
  if (stop > end && !cut) return look.nth < PACKETS ? UNDECIDED : UNRELATED;
  const seen = Math.min(stop, end);
  let at = start + 44 + bytes[start + 43]!;
  if (at + 2 > seen) return UNRELATED;
  const suites = view.getUint16(at);
  at += 2;
  if (at + suites + 1 > seen || !endsAnonymous(view, at, at + suites)) return UNRELATED;
  at += suites;
  at += 1 + bytes[at]! + 2; // compression, length of all extensions
  while (at + 4 <= seen) {
    const type = view.getUint16(at);
    if (type === SERVER_NAME || type === ALPN) return UNRELATED;
    at += 4 + view.getUint16(at + 2);
  }
  return at === stop || (cut && at <= stop) ? TLS_HELLO : UNRELATED;
}

/** Whether the suites from `at` to `end` are some that authenticate, then enough of both anonymous kinds. */
function endsAnonymous(view: DataView, at: number, end: number): boolean {
  // Nearly every hello is a browser's, whose last suite decides.
  if (end - at < 2 || !isAnonymous(view.getUint16(end - 2))) return false;
  let ordinary = 0;
  let dh = 0;
  let ecdh = 0;
  for (; at + 1 < end; at += 2) {
    const suite = view.getUint16(at);
    if (suite >= ECDH_FIRST && suite <= ECDH_LAST) ecdh++;
    else if (isAnonymous(suite)) dh++;
    else if (ecdh + dh > 0) return false;
    else ordinary++;
  }
  return ordinary > 0 && dh > 0 && ecdh > 0 && dh + ecdh >= FEWEST;
}

function isAnonymous(suite: number): boolean {
  return (suite >= ECDH_FIRST && suite <= ECDH_LAST) || DH_ANONYMOUS.includes(suite);
}
