/**
 * FastTrack's UDP side: pings, pongs and what follows them.
 * @module
 */
import {
  isNodePong,
  NETWORKS,
  NO_NETWORK,
  NODE_ECHO,
  NODE_ECHO_LENGTH,
  NODE_PONG,
  nodeEchoId,
  nodePongId,
  PING,
  pingNetwork,
  PONG,
  pongNetwork,
} from "./messages.ts";
import { CERTAIN, type Evidence, evidence, type Look, STRONG, UNDECIDED, UNRELATED, WEAK } from "../classifier.ts";

const UDP_PING: Evidence = evidence(
  "udp-ping",
  CERTAIN,
  "0x27, encryption 0000-01FF, 0x80 at 5, then a FastTrack network's name and NUL to the end (giFT-FastTrack PROTOCOL, captures of giFT and mldonkey); below 2^-70 in random bytes",
);
const UDP_PING_UNKNOWN: Evidence = evidence(
  "udp-ping-unknown",
  STRONG,
  "The layout of a FastTrack ping with a network name that is not known; below 2^-39 times the odds of a printable name",
);
const UDP_PONG: Evidence = evidence(
  "udp-pong",
  CERTAIN,
  "0x28, encryption 0000-01FF, 00 at 5, a FastTrack network's name and NUL from 11 to the end (giFT-FastTrack PROTOCOL, captures); below 2^-70",
);
const UDP_PONG_UNKNOWN: Evidence = evidence(
  "udp-pong-unknown",
  STRONG,
  "The layout of a supernode's pong with a network name that is not known; below 2^-39 times the odds of a printable name",
);
const UDP_NODE_PONG: Evidence = evidence(
  "udp-node-pong",
  WEAK,
  "0x29, 13 or 21 bytes, flag that fits the length, zeros at 7 and 8: exact, but zeros and small numbers are common in other protocols",
);
const UDP_CONVERSATION: Evidence = evidence(
  "udp-conversation",
  CERTAIN,
  "A ping's layout from one side and a pong's from the other, or a node pong's id repeated by the other side in a 0x2A; below 2^-70",
);
const UDP_FOLLOW_UP: Evidence = evidence(
  "udp-follow-up",
  WEAK,
  "0xC0 to 0xC3 in a flow that had a FastTrack ping or pong before; these messages have no known structure of their own",
);

/** Bits of note0; those of the side that opened the flow, the other side's are shifted by 4. */
const SAW_PING = 1;
const SAW_PONG = 2;
const SAW_NODE_PONG = 4;

/** Classifies a datagram. note0 keeps what was seen from which side, note1 the id of the last node pong. */
export function classifyDatagram(look: Look): Evidence {
  // A cut capture shows less than was sent: every rule here rests on the whole length.
  if (look.length !== look.end - look.start) return UNRELATED;
  const { bytes, start, end } = look;
  switch (bytes[start]) {
    case PING: {
      const network = pingNetwork(bytes, start, end);
      if (network === NO_NETWORK) break;
      if (network < NETWORKS.length) return UDP_PING;
      return remember(look, SAW_PING) & (SAW_PONG | SAW_NODE_PONG) ? UDP_CONVERSATION : UDP_PING_UNKNOWN;
    }
    case PONG: {
      const network = pongNetwork(bytes, start, end);
      if (network === NO_NETWORK) break;
      if (network < NETWORKS.length) return UDP_PONG;
      return remember(look, SAW_PONG) & SAW_PING ? UDP_CONVERSATION : UDP_PONG_UNKNOWN;
    }
    case NODE_PONG: {
      if (!isNodePong(bytes, start, end)) break;
      const other = remember(look, SAW_NODE_PONG);
      if (look.owned) look.note1 = nodePongId(bytes, start);
      return other & SAW_PING ? UDP_CONVERSATION : UDP_NODE_PONG;
    }
    case NODE_ECHO:
      if (end - start !== NODE_ECHO_LENGTH || !(otherSide(look) & SAW_NODE_PONG)) break;
      if (look.note1 !== 0 && nodeEchoId(bytes, start) === look.note1) return UDP_CONVERSATION;
      break;
    case 0xc0:
    case 0xc1:
    case 0xc2:
    case 0xc3:
      if (look.owned && look.note0 !== 0) return UDP_FOLLOW_UP;
  }
  return look.owned && look.note0 !== 0 ? UNDECIDED : UNRELATED;
}

/** Notes a message of this side and answers what the other side sent before. */
function remember(look: Look, message: number): number {
  if (!look.claim()) return 0;
  look.note0 |= look.fromOpener ? message : message << 4;
  return otherSide(look);
}

/** What the other side sent before; 0 where the notes are somebody else's. */
function otherSide(look: Look): number {
  if (!look.owned) return 0;
  return look.fromOpener ? look.note0 >> 4 : look.note0 & 0xf;
}
