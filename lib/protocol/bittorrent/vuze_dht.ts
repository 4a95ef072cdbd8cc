/**
 * The DHT of Azureus, Vuze and BiglyBT: binary messages beside the mainline DHT's, on the client's own port.
 *
 * A request is connection id (8 bytes, highest bit set), action, transaction, protocol version, vendor, network, the
 * sender's own version, and its address with a length in front. An answer is action, transaction, connection id, version,
 * vendor, network. Sources: the formats in Wireshark's dissector (after the Vuze wiki); versions from 14 on, since 2007.
 * @module
 */
import { type Evidence, evidence, type Look, UNRELATED } from "../classifier.ts";

/** A request. */
const VUZE_DHT: Evidence = evidence(
  "vuze-dht",
  3,
  "highest bit at 0, action 1024-1036 and even at 8, versions at 16 and 22, network below 16 at 18, an address of 4 or 16 " +
    "bytes and a port behind its length at 23 (Vuze wiki, Wireshark); odds 2^-72",
);
/** An answer whose request was not seen. */
const VUZE_DHT_ANSWER: Evidence = evidence(
  "vuze-dht-answer",
  2,
  "action 1025-1037 and odd at 0 with a connection id's highest bit at 8, and a version and a network below 16 at 16 to 21 " +
    "(Vuze wiki, Wireshark); odds 2^-64, but small numbers",
);

/** `00000400`: ping, store, find node, find value, error, statistics, data, key block; requests even, answers odd. */
const FIRST_ACTION = 1024;
const LAST_ACTION = 1037;
/** Where vendor and network stand in the header since this version; none above 100 is known (BiglyBT sends 5x). */
const LEAST_VERSION = 14;
const MOST_VERSION = 100;
/** Main, test, their IPv6 forms, BiglyBT's own. */
const MOST_NETWORK = 15;

/** Judges one datagram. */
export function vuzeDht(look: Look): Evidence {
  const { bytes, view, start, end } = look;
  if (end - start < 26) return UNRELATED;
  if (!isVersion(bytes[start + 16]!) || view.getUint32(start + 18) > MOST_NETWORK) return UNRELATED;
  const request = (bytes[start]! & 0x80) !== 0;
  const action = view.getInt32(request ? start + 8 : start);
  if (action < FIRST_ACTION || action > LAST_ACTION || (action & 1) !== (request ? 0 : 1)) return UNRELATED;
  if (!request) return (bytes[start + 8]! & 0x80) !== 0 && look.length >= 26 ? VUZE_DHT_ANSWER : UNRELATED;
  const address = bytes[start + 23]!;
  if (!isVersion(bytes[start + 22]!) || (address !== 4 && address !== 16)) return UNRELATED;
  const port = start + 24 + address;
  // Instance and clock follow the port: twelve bytes.
  if (port + 2 > end || look.length < port - start + 14) return UNRELATED;
  return view.getUint16(port) === 0 ? UNRELATED : VUZE_DHT;
}

function isVersion(byte: number): boolean {
  return byte >= LEAST_VERSION && byte <= MOST_VERSION;
}
