/**
 * libp2p, the transport of IPFS and others: its protocol negotiation, and its discovery on the local net.
 *
 * Legitimate software, and not only IPFS: other networks build on it as well. Over QUIC only the ALPN word `libp2p` would
 * show, inside the encrypted Initial packet. Sources: the specifications of libp2p (multistream-select, mDNS discovery).
 * @module
 */
import {
  CERTAIN,
  type Classifier,
  type Evidence,
  evidence,
  type Look,
  STRONG,
  UNDECIDED,
  UNRELATED,
} from "../classifier.ts";
import { compare, CUT, literal, SAME } from "../literal.ts";

const MULTISTREAM = evidence(
  "multistream",
  CERTAIN,
  "13 /multistream/1.0.0 LF at the start (libp2p specs); odds 2^-160",
);
const MDNS = evidence(
  "mdns",
  STRONG,
  "A DNS message whose first name is _p2p._udp.local, or _ipfs-discovery._udp.local of older ones (libp2p specs, mDNS " +
    "discovery); odds 2^-140, says only that it is installed",
);

const MULTISTREAM_WORD = literal("\x13/multistream/1.0.0\n");
const SERVICE = literal("\x04_p2p\x04_udp\x05local\0");
const OLD_SERVICE = literal("\x0f_ipfs-discovery\x04_udp\x05local\0");

/** Recognises protocol negotiation over TCP and discovery over multicast DNS. */
export const libp2p: Classifier = {
  name: "libp2p",
  title: "libp2p (IPFS and others)",
  // Used for honest work as well: an administrator who wants it gone says so.
  action: "log",
  mappings: ["libp2p"],
  tcp: true,
  udp: true,
  least: 1,
  // Length of the first line; first byte of a multicast DNS message's identifier, which is 0.
  first: [0x13, 0x00],
  classify(look: Look): Evidence {
    if (!look.first) return UNRELATED;
    const { bytes, start: at, end } = look;
    if (look.tcp) {
      const outcome = compare(bytes, at, end, MULTISTREAM_WORD);
      return outcome === SAME ? MULTISTREAM : outcome === CUT ? UNDECIDED : UNRELATED;
    }
    const named = compare(bytes, at + 12, end, SERVICE) === SAME || compare(bytes, at + 12, end, OLD_SERVICE) === SAME;
    return named && bytes[at] === 0 && bytes[at + 1] === 0 ? MDNS : UNRELATED;
  },
};
