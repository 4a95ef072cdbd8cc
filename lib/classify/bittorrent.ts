/**
 * BitTorrent in all its forms: peers over TCP and uTP, the DHT, trackers, local discovery. This file dispatches by
 * transport and first byte; each form has its own file in `bittorrent/`, with its sources and odds beside its pattern.
 * @module
 */
import { type Classifier, type Evidence, type Look, UNDECIDED, UNRELATED } from "./classifier.ts";
import { findOpening, handshake, readHash, TCP_HANDSHAKE } from "./bittorrent/handshake.ts";
import { krpc, mayBeKrpc } from "./bittorrent/krpc.ts";
import { lsd } from "./bittorrent/lsd.ts";
import { awaitsTracker, trackerRequest, trackerResponse } from "./bittorrent/udp_tracker.ts";

/** Datagrams of a flow that may be none of ours before it is given up: clients share their port with STUN and the like. */
const FOREIGN_DATAGRAMS = 2;

function classifyTcp(look: Look): Evidence {
  const { bytes, start, end } = look;
  if (look.first) return handshake(look);
  if (findOpening(bytes, start, Math.min(end, start + 20)) === start) {
    readHash(look, start);
    return TCP_HANDSHAKE;
  }
  return UNDECIDED;
}

function classifyUdp(look: Look): Evidence {
  let answer: Evidence = UNRELATED;
  if (mayBeKrpc(look)) answer = krpc(look);
  else if (look.bytes[look.start] === 0x42) answer = lsd(look);
  if (answer === UNRELATED) answer = trackerRequest(look);
  if (answer === UNRELATED) answer = trackerResponse(look);
  if (answer === UNRELATED) answer = awaitsTracker(look);
  if (answer === UNRELATED && look.nth + look.otherNth <= FOREIGN_DATAGRAMS) return UNDECIDED;
  return answer;
}

/** BitTorrent. */
export const bittorrent: Classifier = {
  name: "bittorrent",
  title: "BitTorrent",
  tcp: true,
  udp: true,
  least: 1,
  first: "any",
  midstream: true,
  patience: 10,
  classify(look: Look): Evidence {
    return look.tcp ? classifyTcp(look) : classifyUdp(look);
  },
};
