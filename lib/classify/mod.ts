/**
 * The ordered list of classifiers: the only place to register one. Order is the order of asking: exact and cheap first,
 * scored guesses last.
 * @module
 */
import { bittorrent } from "./bittorrent.ts";
import type { Classifier } from "./classifier.ts";
import { edonkey } from "./edonkey.ts";
import { fasttrack } from "./fasttrack.ts";
import { opennap } from "./opennap.ts";
import { winmx } from "./winmx.ts";

/** All classifiers, in order of asking. At most 31 for each transport. */
export const CLASSIFIERS: readonly Classifier[] = [fasttrack, bittorrent, edonkey, winmx, opennap];
