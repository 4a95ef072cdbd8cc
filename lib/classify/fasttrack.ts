/**
 * FastTrack: Kazaa, iMesh, Grokster, Morpheus 1 and the free clients giFT and mldonkey.
 * @module
 */
import { type Classifier, type Evidence, type Look, UNRELATED } from "./classifier.ts";
import { classifyDatagram } from "./fasttrack_udp.ts";

/** FastTrack's pings and pongs over UDP. Its sessions over TCP are ciphered from the first byte: known peers stop those. */
export const fasttrack: Classifier = {
  name: "fasttrack",
  title: "FastTrack (Kazaa, iMesh, Grokster)",
  tcp: false,
  udp: true,
  least: 2,
  first: [0x27, 0x28, 0x29, 0x2a, 0xc0, 0xc1, 0xc2, 0xc3],
  classify(look: Look): Evidence {
    return look.tcp ? UNRELATED : classifyDatagram(look);
  },
};
