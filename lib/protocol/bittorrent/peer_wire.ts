/**
 * Messages between peers after their handshake (BEP 3, 6, 10, 52): a big-endian length, a type, and what the type demands.
 * They show a transfer that was running before ftwall, and carry peer exchange (BEP 11).
 * @module
 */
import { Bencode, BENCODE_WHOLE, DICTIONARY, STRING } from "../../wire/bencode.ts";
import { type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { endpoints, listeningPort } from "./endpoints.ts";

/** A running transfer. */
const TCP_STREAM: Evidence = evidence(
  "tcp-stream",
  3,
  "three or more block messages (request, piece, cancel, reject) that begin with packets and chain by exact lengths, blocks " +
    "aligned as BEP 3 clients do; each adds 2^-60 on random bytes; port 7680 (Windows Delivery Optimization) is left out",
);
/** A list of peers between peers. */
const PEER_EXCHANGE: Evidence = evidence(
  "peer-exchange",
  3,
  "an extended message (type 20) of exact length whose dictionary has added or added6 of a legal length (BEP 10, 11); " +
    "odds below 2^-90",
);
/** The extension protocol's own handshake in a stream whose start was not seen. */
const EXTENDED_HANDSHAKE: Evidence = evidence(
  "tcp-extended",
  3,
  "an extended message 0 of exact length whose dictionary has a dictionary m with ut_ extensions (BEP 10); odds below 2^-90",
);

/** A running transfer between Azureus's heirs. */
const AZUREUS_MESSAGE: Evidence = evidence(
  "azureus-message",
  3,
  "a message of Azureus's own: length, length of its name within it at 4, a name of capitals that begins BT_ or AZ_ " +
    "(Vuze, BiglyBT); odds 2^-60",
);

/** Windows Delivery Optimization frames its messages as BitTorrent does, and listens here. */
export const DELIVERY_OPTIMIZATION = 7680;
/** Block messages that show a transfer. */
const ENOUGH = 3;
/** Longest block that clients ask for; 16 KiB is what they do ask for. */
const LONGEST_BLOCK = 0x20000;
/** Most pieces in a torrent that is believed: 2^22 of 16 KiB are 64 GiB, of 16 MiB 64 TiB. */
const MOST_PIECES = 0x400000;
/** Longest name of a message between Azureus's heirs. */
const LONGEST_NAME = 32;
/** Tag in `note1`'s top byte: `note0` counts block messages. */
const TAG = 0x50000000;

const message: Bencode = new Bencode();

/** True where a message's length may stand at `fresh`: every length in question is below 2^18. */
export function mayBeMessage(look: Look): boolean {
  const { bytes, fresh, end } = look;
  return end - fresh >= 5 && bytes[fresh] === 0 && bytes[fresh + 1]! <= 2;
}

/** A block's index, offset and length, as requests name them. */
function isBlock(view: DataView, at: number): boolean {
  const length = view.getUint32(at + 8);
  // Blocks are 16 KiB, aligned to their size; only a torrent's last one is shorter.
  return view.getUint32(at) < MOST_PIECES && length > 0 && length <= LONGEST_BLOCK &&
    (length & 0x3ff) === 0 && view.getUint32(at + 4) % 0x4000 === 0;
}

/**
 * Judges the packet at hand as a chain of messages that begins with it. A transfer's requests nearly always begin a
 * segment, as they are written alone; pieces do where a segment begins one.
 */
export function peerMessages(look: Look): Evidence {
  if (look.clientPort === DELIVERY_OPTIMIZATION || look.peerPort === DELIVERY_OPTIMIZATION) return UNRELATED;
  const { bytes, view, fresh, end } = look;
  if (isAzureus(look)) return AZUREUS_MESSAGE;
  let blocks = 0;
  let at = fresh;
  while (at + 5 <= end) {
    const length = view.getUint32(at);
    if (length === 0) {
      at += 4;
      continue;
    }
    const body = at + 5;
    const next = at + 4 + length;
    switch (bytes[at + 4]) {
      case 0: // choke
      case 1: // unchoke
      case 2: // interested
      case 3: // not interested
      case 14: // have all (BEP 6)
      case 15: // have none
        if (length !== 1) return UNRELATED;
        break;
      case 4: // have
      case 13: // suggest
      case 17: // allowed fast
        if (length !== 5 || (body + 4 <= end && view.getUint32(body) >= MOST_PIECES)) return UNRELATED;
        break;
      case 6: // request
      case 8: // cancel
      case 16: // reject
        if (length !== 13 || next > end) return blocks > 0 ? count(look, blocks) : UNRELATED;
        if (!isBlock(view, body)) return UNRELATED;
        blocks++;
        break;
      case 7: // piece
        if (length < 10 || length > LONGEST_BLOCK + 9 || body + 8 > end) return UNRELATED;
        if (view.getUint32(body) >= MOST_PIECES || view.getUint32(body + 4) % 0x4000 !== 0) return UNRELATED;
        if (((length - 9) & 0x3ff) !== 0) return UNRELATED;
        blocks++;
        break;
      case 20: { // extended (BEP 10)
        const answer = extended(look, body, Math.min(next, end), next);
        if (answer !== UNRELATED) return answer;
        break;
      }
      case 5: // bitfield
      case 9: // port of the DHT
      case 21: // hash request (BEP 52)
      case 22: // hashes
      case 23: // hash reject
        break;
      default:
        return UNRELATED;
    }
    at = next;
  }
  return blocks === 0 ? UNRELATED : count(look, blocks);
}

/** `BT_REQUEST`, `AZ_PEER_EXCHANGE`: names take the place of the types. */
function isAzureus(look: Look): boolean {
  const { bytes, view, fresh, end } = look;
  if (end - fresh < 16) return false;
  const name = view.getUint32(fresh + 4);
  if (name < 7 || name > LONGEST_NAME || view.getUint32(fresh) < 4 + name || fresh + 8 + name > end) return false;
  const family = view.getUint16(fresh + 8);
  if (family !== 0x4254 && family !== 0x415a) return false;
  for (let i = fresh + 10; i < fresh + 8 + name; i++) {
    const byte = bytes[i]!;
    if (byte !== 0x5f && (byte < 0x41 || byte > 0x5a)) return false;
  }
  return bytes[fresh + 10] === 0x5f;
}

/** Adds to the flow's block messages. */
function count(look: Look, blocks: number): Evidence {
  if (blocks >= ENOUGH) return TCP_STREAM;
  if (!look.claim()) return UNDECIDED;
  if (look.note1 !== TAG) {
    look.note0 = 0;
    look.note1 = TAG;
  }
  look.note0 += blocks;
  return look.note0 >= ENOUGH ? TCP_STREAM : UNDECIDED;
}

/** An extended message: peer exchange, or the extension handshake with the sender's listening port. */
function extended(look: Look, body: number, end: number, next: number): Evidence {
  if (body >= end || look.bytes[body + 1] !== 0x64) return UNRELATED;
  const outcome = message.read(look.bytes, body + 1, end, next - body - 1);
  if (outcome !== BENCODE_WHOLE || message.type !== DICTIONARY || message.stop > next) return UNRELATED;
  if (look.bytes[body] === 0) {
    const m = message.find(-1, "m");
    if (message.typeOf(m) !== DICTIONARY) return UNRELATED;
    if (message.find(m, "ut_pex") < 0 && message.find(m, "ut_metadata") < 0 && message.find(m, "ut_holepunch") < 0) {
      return UNRELATED;
    }
    listeningPort(look, message.integer(message.find(-1, "p")));
    return EXTENDED_HANDSHAKE;
  }
  if (message.stop !== next) return UNRELATED;
  const four = list(look, "added", 6);
  const six = list(look, "added6", 18);
  return four || six ? PEER_EXCHANGE : UNRELATED;
}

/** Reports the endpoints under this key; false where the key is not there with a legal length. */
function list(look: Look, key: string, stride: 6 | 18): boolean {
  const entry = message.find(-1, key);
  const length = message.length(entry);
  if (message.typeOf(entry) !== STRING || length % stride !== 0) return false;
  endpoints(look, message.at(entry), message.at(entry) + length, stride);
  return length > 0 || message.find(-1, "added.f") >= 0;
}
