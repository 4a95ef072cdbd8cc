/**
 * The classifiers of one transport, in the form in which they are asked.
 * @module
 */
import type { Classifier } from "../protocol/classifier.ts";

/** Data packets of a direction after which a classifier that still answers UNDECIDED is asked no more, unless it says otherwise. */
export const PATIENCE = 8;

/** The classifiers of one transport, each with a place and so a bit, and which of them a first byte can belong to. */
export class ClassifierSet {
  /**
   * The `classify` function of each classifier, in order. Kept apart from the classifier objects, which differ in shape:
   * reading the function from them for each packet would make that read megamorphic.
   */
  readonly asks: readonly Classifier["classify"][];
  /** Number in the engine's list, by place in this set. */
  readonly numbers: Int32Array;
  /** Fewest payload bytes that each can tell anything from. */
  readonly least: Int32Array;
  /** Data packets of a direction after which each is asked no more. */
  readonly patience: Int32Array;
  /** For each first byte of a stream or datagram, the set of classifiers that it can belong to. */
  readonly dispatch: Int32Array = new Int32Array(256);
  /** The set of all. */
  readonly all: number;
  /** The set of those that can tell a stream from its middle. */
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

  /** The bit of the classifier with this number in the engine's list; 0 where it is not in this set. */
  bit(number: number): number {
    const place = this.numbers.indexOf(number);
    return place < 0 ? 0 : 1 << place;
  }
}
