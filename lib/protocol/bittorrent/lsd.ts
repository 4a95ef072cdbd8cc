/**
 * Local service discovery (BEP 14): `BT-SEARCH * HTTP/1.1` by multicast, which reaches the router itself and tells the
 * client's listening port.
 * @module
 */
import { exactly, hexValue, startsWith } from "../../wire/http.ts";
import { type Evidence, evidence, type Look, UNRELATED } from "../classifier.ts";
import { listeningPort } from "./endpoints.ts";

/** An announcement of local service discovery. */
const LSD: Evidence = evidence(
  "lsd",
  3,
  'the datagram begins "BT-SEARCH * HTTP/1." (BEP 14), a word that no other protocol has; odds 2^-144',
);

const OPENING = "BT-SEARCH * HTTP/1.";

/** Judges one datagram as local service discovery, and learns hash and port where they are in view. */
export function lsd(look: Look): Evidence {
  const { bytes, start, end, found } = look;
  if (!exactly(bytes, start, end, OPENING)) return UNRELATED;
  let port = 0;
  let hashed = false;
  for (let line = start + OPENING.length; line < end;) {
    let stop = line;
    while (stop < end && bytes[stop] !== 0x0d && bytes[stop] !== 0x0a) stop++;
    if (startsWith(bytes, line, stop, "port:")) {
      for (let i = line + 5; i < stop; i++) {
        const digit = bytes[i]! - 0x30;
        if (digit >= 0 && digit <= 9 && port < 65536) port = port * 10 + digit;
      }
    } else if (startsWith(bytes, line, stop, "infohash:")) {
      let at = line + 9;
      while (at < stop && bytes[at] === 0x20) at++;
      let digits = 0;
      while (at + digits < stop && hexValue(bytes[at + digits]!) >= 0) digits++;
      if (digits === 40 && !hashed) {
        hashed = true;
        for (let i = 0; i < 20; i++) {
          found.infoHash[i] = (hexValue(bytes[at + 2 * i]!) << 4) | hexValue(bytes[at + 2 * i + 1]!);
        }
        found.hasInfoHash = true;
      }
    }
    line = stop + 1;
  }
  listeningPort(look, port);
  return LSD;
}
