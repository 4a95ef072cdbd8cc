/**
 * BitTorrent in all its forms: peers over TCP and uTP, the DHT, trackers, local discovery. This file dispatches by
 * transport and first byte; each form has its own file in `bittorrent/`, with its sources and odds beside its pattern.
 * @module
 */
import { DnsName } from "../../wire/dns_name.ts";
import { readServerName, SERVER_NAME, SERVER_NAME_CUT } from "../../wire/tls.ts";
import { BITTORRENT_NAMES, HASH_NAME, isBittorrentName, isHashName, TRACKER_NAME } from "./names.ts";
import { handshake, OPENING_LENGTH, openingMatch, readHash, TCP_HANDSHAKE } from "./handshake.ts";
import { httpAnswer, httpTracker, mayBeAnswer, mayBeRequest } from "./http_tracker.ts";
import { krpc, mayBeKrpc } from "./krpc.ts";
import { lsd } from "./lsd.ts";
import { MSE_LENGTHS } from "./message_lengths.ts";
import { mse, mseStream } from "./mse.ts";
import { MSE_CALL } from "./mse_call.ts";
import { QUESTIONS } from "./questions.ts";
import { mayBeMessage, peerMessages } from "./peer_wire.ts";
import { awaitsTracker, trackerRequest, trackerResponse } from "./udp_tracker.ts";
import { utp } from "./utp.ts";
import { vuzeDht } from "./vuze_dht.ts";
import { type Classifier, type Evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { ProxyTarget, unwrapDatagram } from "../../wire/proxy.ts";

/** Datagrams of a flow that may be none of ours before it is given up: clients share their port with STUN and the like. */
const FOREIGN_DATAGRAMS = 2;
/** Packets over which a TLS hello may be spread. */
const HELLO_PACKETS = 4;

/** The server name at hand. */
const serverName: DnsName = new DnsName();

function classifyTcp(look: Look): Evidence {
  if (!look.first) return classifyMidstream(look);
  let answer: Evidence = UNRELATED;
  switch (look.bytes[look.start]) {
    case 0x13:
      answer = handshake(look);
      break;
    case 0x16:
      answer = classifyHello(look);
      break;
    case 0x47:
      if (mayBeRequest(look)) return httpTracker(look);
      break;
    case 0x48:
      if (mayBeAnswer(look)) return httpAnswer(look);
      break;
  }
  if (answer !== UNRELATED) return answer;
  // A capture may begin in the middle of a stream and not tell.
  if (mayBeMessage(look)) answer = peerMessages(look);
  return answer === UNRELATED ? mse(look) : answer;
}

/** A packet of a stream whose start was not seen: what begins with it, or nothing. */
function classifyMidstream(look: Look): Evidence {
  if (look.bytes[look.fresh] === 0x13 && openingMatch(look.bytes, look.fresh, look.end) === OPENING_LENGTH) {
    readHash(look, look.fresh);
    return TCP_HANDSHAKE;
  }
  const answer = mayBeMessage(look) ? peerMessages(look) : UNDECIDED;
  return answer.certainty === 0 ? mseStream(look) : answer;
}

/** A TLS hello by its server name: HTTPS trackers, WebTorrent, torrents over TLS. */
function classifyHello(look: Look): Evidence {
  if (!look.fromOpener) return UNRELATED;
  const outcome = readServerName(look.bytes, look.start, look.end, serverName);
  if (outcome === SERVER_NAME_CUT) return look.nth < HELLO_PACKETS && look.otherNth === 0 ? UNDECIDED : UNRELATED;
  if (outcome !== SERVER_NAME) return UNRELATED;
  return isBittorrentName(serverName) ? TRACKER_NAME : isHashName(serverName) ? HASH_NAME : UNRELATED;
}

/** Datagrams of a flow that are looked at inside a relay's header. */
const RELAYED_DATAGRAMS = 8;
/** Target of the relayed datagram at hand. */
const target: ProxyTarget = new ProxyTarget();

/**
 * A datagram, and one inside the header that SOCKS 5 puts in front for its relay. The header alone says nothing: three
 * zeros, a kind of address. What stands behind it proves itself, or is nothing.
 */
function classifyUdp(look: Look): Evidence {
  const answer = classifyDatagram(look);
  if (answer.certainty > 0 || look.bytes[look.start] !== 0) return answer;
  const { start, length } = look;
  const inner = unwrapDatagram(look.bytes, start, look.end, target);
  if (inner < 0 || inner === look.end || target.port === 0) return answer;
  look.start = look.fresh = inner;
  look.length = length - (inner - start);
  const relayed = classifyDatagram(look);
  look.start = look.fresh = start;
  look.length = length;
  if (relayed.certainty > 0) {
    if (target.hasAddress) look.peer(target.w0, target.w1, target.w2, target.w3, target.port);
    return relayed;
  }
  return look.nth <= RELAYED_DATAGRAMS ? UNDECIDED : answer;
}

function classifyDatagram(look: Look): Evidence {
  let answer: Evidence = UNRELATED;
  const byte = look.bytes[look.start]!;
  if (byte === 0x64) {
    if (mayBeKrpc(look)) answer = krpc(look);
  } else if (byte === 0x42) answer = lsd(look);
  else if ((byte & 15) === 1 && byte <= 0x41) answer = utp(look);
  else if (byte === 0 || byte >= 0x80) answer = vuzeDht(look);
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
  // Mirrors of Linux images use some of these trackers too.
  hints: BITTORRENT_NAMES,
  showsInfoHashes: true,
  // Local service discovery (BEP 14): 239.192.152.143 and ff15::efc0:988f.
  discovery: {
    ipv4: [239, 192, 152, 143],
    ipv6: [0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xef, 0xc0, 0x98, 0x8f],
    port: 6771,
  },
  mappings: [
    "libtorrent",
    "qBittorrent",
    "Transmission at",
    "Deluge",
    "uTorrent",
    "BitTorrent",
    "BitComet",
    "BiglyBT",
    "Azureus",
    "Vuze",
    "Tixati",
    "KTorrent",
    "WebTorrent",
  ],
  tcp: true,
  udp: true,
  least: 1,
  first: "any",
  midstream: true,
  // A uTP transfer sends a dozen data packets between two answers.
  patience: 32,
  lengths: MSE_LENGTHS,
  questions: QUESTIONS,
  call: MSE_CALL,
  classify(look: Look): Evidence {
    return look.tcp ? classifyTcp(look) : classifyUdp(look);
  },
};
