/**
 * The classifiers of one transport, prepared for asking.
 * @module
 */
import type { Classifier } from "../protocol/classifier.ts";

/** Data packets per direction after which a classifier that says nothing else is not asked any more. */
export const PATIENCE = 8;

/** What one transport asks: which classifiers, which of them for a first byte. */
export class ClassifierSet {
  /**
   * How to ask each classifier, in order. The bare functions: classifiers state different things of themselves, so reading
   * the function from the object anew for each question would meet one shape of object after the other.
   */
  readonly asks: readonly Classifier["classify"][];
  /** Numbers in the whole list, by place in the panel. */
  readonly numbers: Int32Array;
  /** Fewest payload bytes of each. */
  readonly least: Int32Array;
  /** Data packets per direction of each. */
  readonly patience: Int32Array;
  /** Bit set of classifiers for each first byte. */
  readonly dispatch: Int32Array = new Int32Array(256);
  /** Every classifier. */
  readonly all: number;
  /** Those that can pick up a running stream. */
  readonly midstream: number;

  /** Picks those of one transport. */
  constructor(classifiers: readonly Classifier[], tcp: boolean) {
    const list = classifiers.filter((classifier) => tcp ? classifier.tcp : classifier.udp);
    if (list.length > 31) throw new RangeError(`Cannot ask more than 31 classifiers a transport: ${list.length}`);
    this.asks = list.map(({ classify }) => classify);
    this.numbers = Int32Array.from(list, (classifier) => classifiers.indexOf(classifier));
    this.least = Int32Array.from(list, (classifier) => classifier.least);
    this.patience = Int32Array.from(list, (classifier) => classifier.patience ?? PATIENCE);
    let all = 0;
    let midstream = 0;
    for (const [place, classifier] of list.entries()) {
      const bit = 1 << place;
      all |= bit;
      if (classifier.midstream === true) midstream |= bit;
      if (classifier.first === "any") { for (let byte = 0; byte < 256; byte++) this.dispatch[byte]! |= bit; }
      else for (const byte of classifier.first) this.dispatch[byte & 255]! |= bit;
    }
    this.all = all;
    this.midstream = midstream;
  }

  /** The bit of the classifier with this number in the whole list; 0 where it is not in the panel. */
  bit(number: number): number {
    const place = this.numbers.indexOf(number);
    return place < 0 ? 0 : 1 << place;
  }
}
