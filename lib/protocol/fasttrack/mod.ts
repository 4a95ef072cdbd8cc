/**
 * FastTrack: Kazaa, iMesh, Grokster, Morpheus 1 and the free clients giFT and mldonkey.
 * @module
 */
import { decoys, probe } from "./decoy.ts";
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
import { classifyHttp } from "./http.ts";
import { classifyDatagram } from "./udp.ts";

const TCP_HELLO: Evidence = evidence(
  "tcp-hello",
  STRONG,
  "The opener's stream is 12 bytes that begin FA00B62B: the session hello of giFT and mldonkey (captures of both); 2^-32. Kazaa puts random bytes there: its sessions are stopped as flows to known peers",
);
const TCP_SESSION: Evidence = evidence(
  "tcp-session",
  CERTAIN,
  "That hello in one segment, answered by 8 to 64 bytes (seed, encryption type, network name); below 2^-32",
);

/** The constant in the free clients' hello. */
const HELLO_WORD = 0xfa00b62b | 0;
const HELLO = [0xfa, 0x00, 0xb6, 0x2b] as const;
const HELLO_LENGTH = 12;

/**
 * Pings and pongs over UDP, transfers over HTTP, the free clients' session hello. Sessions over TCP are ciphered from the
 * first byte: known peers and the time-lock stop those.
 */
export const fasttrack: Classifier = {
  name: "fasttrack",
  title: "FastTrack (Kazaa, iMesh, Grokster)",
  // As ftwall 2 did: nothing else stops its TCP, which takes any port.
  action: "lock",
  require: "certain",
  ofFtwall1: true,
  decoys,
  probe,
  tcp: true,
  udp: true,
  least: 1,
  blocksPeers: true,
  // TCP: G and H and P of GET, GIVE, HEAD, POST, HTTP, and the hello's first byte.
  first: [0x27, 0x28, 0x29, 0x2a, 0xc0, 0xc1, 0xc2, 0xc3, 0x47, 0x48, 0x50, 0xfa],
  classify(look: Look): Evidence {
    return look.tcp ? classifyStream(look) : classifyDatagram(look);
  },
};

function classifyStream(look: Look): Evidence {
  const { bytes, start, end } = look;
  if (look.fromOpener && bytes[start] === 0xfa) {
    if (!look.first || look.otherNth > 0 || end - start > HELLO_LENGTH) return UNRELATED;
    for (let i = 1; i < HELLO.length && start + i < end; i++) if (bytes[start + i] !== HELLO[i]) return UNRELATED;
    return end - start === HELLO_LENGTH ? TCP_HELLO : UNDECIDED;
  }
  if (!look.fromOpener && look.otherFirst === HELLO_WORD && look.otherLength === HELLO_LENGTH) {
    return look.nth === 1 && look.ownLength >= 8 && look.ownLength <= 64 ? TCP_SESSION : UNRELATED;
  }
  return classifyHttp(look);
}
