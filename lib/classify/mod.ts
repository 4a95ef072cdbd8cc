/**
 * The ordered list of classifiers: the only place to register one. Order is the order of asking: exact and cheap first,
 * scored guesses last.
 * @module
 */
import type { Classifier } from "./classifier.ts";

/** All classifiers, in order of asking. At most 32 for each transport. */
import { fasttrack } from "./fasttrack.ts";
import { edonkey } from "./edonkey.ts";

export const CLASSIFIERS: readonly Classifier[] = [fasttrack, edonkey];
