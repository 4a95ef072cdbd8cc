/**
 * The mainline DHT's messages (KRPC, BEP 5; BEP 32, 42, 43, 44, 51 add keys and methods): parsed, never prefix-matched,
 * because answers that carry the top-level key `ip` (BEP 42) begin `d2:ip6:` and queries may begin with any argument.
 * @module
 */
import { Bencode, BENCODE_CUT, BENCODE_WHOLE, DICTIONARY, INTEGER, STRING } from "../../wire/bencode.ts";
import { exactly } from "../../wire/http.ts";
import { type Evidence, evidence, type Look, UNRELATED } from "../classifier.ts";
import { endpoints, listeningPort } from "./endpoints.ts";

const BASIS = "a bencoded dictionary that fills the datagram, with y and ";
/** A query. */
const DHT_QUERY: Evidence = evidence(
  "dht-query",
  3,
  `${BASIS}q a method name, a.id exactly 20 bytes (BEP 5); odds below 2^-100`,
);
/** An answer. */
const DHT_RESPONSE: Evidence = evidence(
  "dht-response",
  3,
  `${BASIS}r.id exactly 20 bytes (BEP 5); odds below 2^-100`,
);
/** An error. */
const DHT_ERROR: Evidence = evidence(
  "dht-error",
  3,
  `${BASIS}e a list of an integer and a string (BEP 5); odds below 2^-80`,
);

const LONGEST_METHOD = 32;
const ID_LENGTH = 20;
/** The top dictionary, as `Bencode.find` names it. */
const TOP = -1;
/** Bytes that may follow the message: some clients pad it. */
const MOST_PADDING = 2;

/** The one message at hand: reused, so that nothing is allocated for a packet. */
const message: Bencode = new Bencode();

/** True where a datagram begins as a dictionary with a string key: the cheap test before the parse. */
export function mayBeKrpc(look: Look): boolean {
  const { bytes, start, end } = look;
  if (end - start < 12 || bytes[start] !== 0x64) return false;
  const digit = bytes[start + 1]!;
  return digit >= 0x31 && digit <= 0x39 && (bytes[start + 2] === 0x3a || bytes[start + 3] === 0x3a);
}

/**
 * Judges one datagram as KRPC, and learns what it names. The transaction `t` is not asked for: defective clients leave it
 * empty or send a number, and it proves nothing.
 */
export function krpc(look: Look): Evidence {
  const { bytes, start, end } = look;
  const outcome = message.read(bytes, start, end, look.length);
  if (outcome === BENCODE_CUT) return cutShort(look);
  if (outcome !== BENCODE_WHOLE || look.length - (message.stop - start) > MOST_PADDING) return UNRELATED;
  const y = message.find(TOP, "y");
  if (message.typeOf(y) !== STRING || message.length(y) !== 1) return UNRELATED;
  switch (bytes[message.at(y)]) {
    case 0x71: {
      const method = message.stringLength(TOP, "q");
      return method < 1 || method > LONGEST_METHOD ? UNRELATED : query(look);
    }
    case 0x72:
      return response(look);
    case 0x65:
      return error();
    default:
      return UNRELATED;
  }
}

/**
 * A message that the capture cuts: keys are sorted, so `a` or `r` with its `id` stands before the cut in all but the
 * shortest captures. The twelve fixed bytes `d1:ad2:id20:` (or as much structure) still give odds below 2^-80.
 */
function cutShort(look: Look): Evidence {
  const answer = query(look);
  if (answer !== UNRELATED) return answer;
  return startsAsAnswer(look) ? DHT_RESPONSE : response(look);
}

/** An answer that begins with the asker's address (BEP 42), cut within or before its identifier. */
function startsAsAnswer(look: Look): boolean {
  const { bytes, start, end } = look;
  const six = exactly(bytes, start, end, "d2:ip18:");
  if (!six && !exactly(bytes, start, end, "d2:ip6:")) return false;
  return exactly(bytes, start + (six ? 26 : 13), end, "1:rd2:id");
}

/** The dictionary with this key, where its `id` has 20 bytes; -1 where there is none. */
function withId(key: string): number {
  const entry = message.find(TOP, key);
  return message.typeOf(entry) === DICTIONARY && message.stringLength(entry, "id") === ID_LENGTH ? entry : -1;
}

function query(look: Look): Evidence {
  const a = withId("a");
  if (a < 0) return UNRELATED;
  const hash = message.find(a, "info_hash");
  if (message.typeOf(hash) === STRING && message.length(hash) === ID_LENGTH) {
    look.found.hash(look.bytes, message.at(hash));
  } else look.found.isUpkeep = true;
  const port = message.find(a, "port");
  // With implied_port (BEP 5) the datagram's own port counts, which the flow names already.
  const implied = message.integer(message.find(a, "implied_port"));
  if (message.typeOf(port) === INTEGER && !(implied > 0)) listeningPort(look, message.integer(port));
  return DHT_QUERY;
}

/** An answer; its peers are reported before its nodes, as they are of one torrent and fewer. */
function response(look: Look): Evidence {
  const r = withId("r");
  if (r < 0) return UNRELATED;
  look.found.isUpkeep = true;
  if (message.openList(message.find(r, "values"))) {
    while (message.nextItem()) {
      const length = message.itemLength;
      if (message.itemType !== STRING || (length !== 6 && length !== 18)) break;
      endpoints(look, message.item, message.item + length, length);
    }
  }
  nodes(look, message.find(r, "nodes"), 26);
  nodes(look, message.find(r, "nodes6"), 38);
  return DHT_RESPONSE;
}

function nodes(look: Look, entry: number, stride: 26 | 38): void {
  if (message.typeOf(entry) !== STRING || message.length(entry) % stride !== 0) return;
  const at = message.at(entry);
  endpoints(look, at, Math.min(at + message.length(entry), look.end), stride);
}

/** `e` is a list of exactly an integer and a string. */
function error(): Evidence {
  if (!message.openList(message.find(TOP, "e"))) return UNRELATED;
  let items = 0;
  while (message.nextItem()) if (message.itemType !== (items++ === 0 ? INTEGER : STRING)) return UNRELATED;
  return items === 2 ? DHT_ERROR : UNRELATED;
}
