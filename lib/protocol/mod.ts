/**
 * The lists of protocols: the only place to register one.
 * @module
 */
import type { Classifier, Protocol } from "./classifier.ts";
import { applejuice } from "./applejuice/mod.ts";
import { ares } from "./ares/mod.ts";
import { bittorrent } from "./bittorrent/mod.ts";
import { directconnect } from "./directconnect/mod.ts";
import { edonkey } from "./edonkey/mod.ts";
import { fasttrack } from "./fasttrack/mod.ts";
import { freenet } from "./freenet/mod.ts";
import { gnutella } from "./gnutella/mod.ts";
import { hyperswarm } from "./hyperswarm/mod.ts";
import { i2p } from "./i2p/mod.ts";
import { libp2p } from "./libp2p/mod.ts";
import { manolito } from "./manolito/mod.ts";
import { openft } from "./openft/mod.ts";
import { opennap } from "./opennap/mod.ts";
import { resilio } from "./resilio/mod.ts";
import { soulseek } from "./soulseek/mod.ts";
import { winmx } from "./winmx/mod.ts";
import { winny } from "./winny/mod.ts";
import { xunlei } from "./xunlei/mod.ts";

/** All classifiers, in order of asking: exact and cheap first, scored guesses last. At most 31 for each transport. */
export const CLASSIFIERS: readonly Classifier[] = [
  fasttrack,
  bittorrent,
  edonkey,
  gnutella,
  directconnect,
  soulseek,
  winmx,
  opennap,
  ares,
  openft,
  manolito,
  applejuice,
  winny,
  xunlei,
  resilio,
  hyperswarm,
  libp2p,
];

/** All protocols: those that have a classifier, and those that are known by names in DNS and TLS alone. */
export const PROTOCOLS: readonly Protocol[] = [...CLASSIFIERS, i2p, freenet];
