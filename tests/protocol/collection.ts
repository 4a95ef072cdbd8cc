/**
 * Every classifier with the samples in its folder. FTWALL_PROTOCOL names the only one that is asked: for working on one.
 * @module
 */
import type { Classifier } from "../../lib/protocol/classifier.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import type { Sample, Samples } from "./sample.ts";

/** A classifier and its samples. */
export interface Collected {
  readonly classifier: Classifier;
  readonly samples: Samples;
}

/** All of them, in the classifiers' order. */
export const COLLECTION: readonly Collected[] = await Promise.all(CLASSIFIERS.map(async (classifier) => {
  const { samples } = await import(`../../lib/protocol/${classifier.name}/samples.ts`) as { samples: Samples };
  return { classifier, samples };
}));

const only = Deno.env.get("FTWALL_PROTOCOL");

/** Those that are asked. */
export const ASKED: readonly Collected[] = COLLECTION.filter(({ classifier }) =>
  (only ?? classifier.name) === classifier.name
);

/** What is recognised of a protocol. */
export function recognisedOf({ recognised, more = [] }: Samples): readonly Sample[] {
  return [...recognised, ...more.filter(({ evidence }) => evidence !== undefined)];
}

/** What is nearly it. */
export function nearMissesOf({ nearMisses, more = [] }: Samples): readonly Sample[] {
  return [...nearMisses, ...more.filter(({ evidence }) => evidence === undefined)];
}
