/**
 * The ordered list of classifiers: the only place to register one. Order is the order of asking: exact and cheap first,
 * scored guesses last.
 * @module
 */
import type { Classifier } from "./classifier.ts";
import { applejuice } from "./applejuice.ts";
import { ares } from "./ares.ts";
import { bittorrent } from "./bittorrent.ts";
import { directconnect } from "./directconnect.ts";
import { edonkey } from "./edonkey.ts";
import { fasttrack } from "./fasttrack.ts";
import { gnutella } from "./gnutella.ts";
import { libp2p } from "./libp2p.ts";
import { manolito } from "./manolito.ts";
import { openft } from "./openft.ts";
import { opennap } from "./opennap.ts";
import { resilio } from "./resilio.ts";
import { soulseek } from "./soulseek.ts";
import { winmx } from "./winmx.ts";
import { winny } from "./winny.ts";
import { xunlei } from "./xunlei.ts";

/** All classifiers, in order of asking. At most 31 for each transport. */
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
  libp2p,
];
