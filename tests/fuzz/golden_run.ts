/**
 * Golden packets through one engine, over and over, each round from other clients: for what is to hold in the long run.
 * @module
 */
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { Engine } from "../../lib/judge/engine.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { OK, type Outcome } from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { GOLDENS, packetsOf } from "../golden/make.ts";
import { HOME } from "../support/desk.ts";
import { policyOf } from "../support/story.ts";

/** See the module's text. */
export class GoldenRun {
  /** Events so far. */
  events = 0;
  /** What judges. */
  readonly engine: Engine;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #bounds: number[] = [0];
  readonly #packet = new Packet();
  #now = 1_000_000;

  /** An engine with all classifiers and small tables. */
  constructor() {
    const parts = GOLDENS.flatMap((golden) => packetsOf(golden).map(({ bytes }) => bytes));
    this.#bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    this.#view = new DataView(this.#bytes.buffer);
    for (const part of parts) {
      this.#bytes.set(part, this.#bounds.at(-1)!);
      this.#bounds.push(this.#bounds.at(-1)! + part.length);
    }
    const state = new State(capacityFor(1 << 20), 1);
    const emit = () => void this.events++;
    this.engine = new Engine({ policy: policyOf(HOME), state, classifiers: CLASSIFIERS, emit });
  }

  /** Judges so many packets; `each` is called with the number of each. */
  run(packets: number, each: (i: number) => void = () => {}): void {
    const { engine } = this;
    const bytes = this.#bytes;
    const golden = this.#bounds.length - 1;
    for (let i = 0; i < packets; i++) {
      const at = i % golden;
      this.#now += 0.25;
      if (i % 4000 === 0) {
        engine.tick(this.#now, this.#now);
        engine.outbox.take();
      }
      const start = this.#bounds[at]!;
      const end = this.#bounds[at + 1]!;
      // Another client each round, so that flows begin anew: the second byte of the address at home.
      bytes[start + (bytes[start + 12] === 10 ? 13 : 17)] = Math.floor(i / golden) & 255;
      const outcome: Outcome = this.#packet.decode(bytes, this.#view, start, end, end - start);
      if (outcome !== OK) throw new Error(`Cannot decode golden packet ${at}`);
      engine.judge(this.#packet, outcome, this.#now);
      each(i);
    }
  }
}
