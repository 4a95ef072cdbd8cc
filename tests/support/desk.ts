/**
 * An engine on a test's desk: classifiers of the test's own, packets one by one.
 * @module
 */
import { type Classifier, type Evidence, type Look, UNDECIDED } from "../../lib/protocol/classifier.ts";
import { Engine, type Verdict } from "../../lib/judge/engine.ts";
import type { TrafficEvent } from "../../lib/learn/event.ts";
import { type Capacity, capacityFor, State } from "../../lib/state/state.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { decode } from "./packets.ts";
import { policyOf } from "./story.ts";

/** Home of every desk. */
export const HOME = '[network]\nhome = ["10.0.0.0/8"]\n';

/** What a classifier was shown: the bytes as text, and where they stand. */
export interface Shown {
  readonly text: string;
  readonly first: boolean;
  readonly fromOpener: boolean;
  readonly nth: number;
  readonly fresh: string;
}

/** A classifier by the name of a real one, that notes what it is shown and answers what the test says. */
export function witness(
  answer: (look: Look, shown: Shown) => Evidence = () => UNDECIDED,
  fields: Partial<Classifier> = {},
): Classifier & { readonly shown: Shown[] } {
  const shown: Shown[] = [];
  return {
    name: "bittorrent",
    title: "Witness",
    tcp: true,
    udp: true,
    least: 1,
    first: "any",
    patience: 1000,
    ...fields,
    shown,
    classify(look: Look): Evidence {
      const text = (from: number) => new TextDecoder("latin1").decode(look.bytes.slice(from, look.end));
      const { first, fromOpener, nth } = look;
      const seen: Shown = { text: text(look.start), first, fromOpener, nth, fresh: text(look.fresh) };
      shown.push(seen);
      return answer(look, seen);
    },
  };
}

/** See the module's text. */
export class Desk {
  readonly engine: Engine;
  readonly events: TrafficEvent[] = [];
  readonly #packet = new Packet();
  /** Milliseconds of the next packet. */
  now = 1_000_000;

  constructor(classifiers: readonly Classifier[], config: string = HOME, capacity: Partial<Capacity> = {}) {
    const state = new State({ ...capacityFor(1 << 20), ...capacity }, 99);
    this.engine = new Engine({
      policy: policyOf(config),
      state,
      classifiers,
      emit: (event) => this.events.push(event),
    });
    this.engine.tick(this.now, 1_800_000_000_000);
  }

  /** Judges one packet's bytes in the forward hook; `begun` says that it is the first behind a SYN that was let by. */
  judge(bytes: Uint8Array, hook = 2, begun = false): Verdict {
    this.#packet.hook = hook;
    this.#packet.begun = begun;
    return this.engine.judge(this.#packet, decode(this.#packet, bytes), this.now);
  }
}
