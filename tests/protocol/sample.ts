/**
 * What a protocol's samples are, and how a classifier is asked about one.
 * @module
 */
import {
  CERTAIN,
  type Certainty,
  type Classifier,
  type Evidence,
  STRONG,
  UNDECIDED,
  UNRELATED,
} from "../../lib/protocol/classifier.ts";
import { converse, type Setting, type Turn } from "../support/conversation.ts";

/** One flow: the opener is a client unless `inbound`. */
export interface Flow {
  readonly tcp: boolean;
  readonly turns: readonly Turn[];
  /** Picked up in the middle: no SYN. */
  readonly midstream?: boolean;
  readonly inbound?: boolean;
  /** The responder's port. */
  readonly port?: number;
  /** Between addresses of IPv6. */
  readonly ipv6?: boolean;
  /** The capture holds only this many bytes of each payload. */
  readonly snap?: number;
  /** Other classifiers that answer to it, rightly: their names, and why. */
  readonly also?: Readonly<Record<string, string>>;
  /** Longest payload of one TCP segment in bytes. */
  readonly segment?: number;
}

/** A conversation that a classifier must recognise, or must not. */
export interface Sample extends Flow {
  /** What it is and where its bytes come from. */
  readonly name: string;
  /** Evidence that must be among the answers, none of which is surer; absent in a near miss. */
  readonly evidence?: string;
  readonly certainty?: number;
  /** A near miss that may be mentioned as weak. */
  readonly weak?: boolean;
  /** What is recognised depends on where TCP cut the stream: the sample is not cut. */
  readonly whole?: boolean;
}

/** The samples of one protocol: what `samples.ts` in its folder exports under the name `samples`. */
export interface Samples {
  /** Where they are from, in a sentence; the sources of single ones stand beside them. */
  readonly about: string;
  /** What is recognised; also a golden capture. */
  readonly recognised: readonly Sample[];
  /** What is nearly it, and must not be recognised; also a golden capture. */
  readonly nearMisses: readonly Sample[];
  /** More of both kinds, recognised where `evidence` is given; not in the golden captures. */
  readonly more?: readonly Sample[];
  /** Flows of the golden capture that concern no classifier: names in DNS. */
  readonly names?: readonly Flow[];
  /** A golden capture of whole sessions with their answers: the other side opening, IPv6, small segments, one side alone. */
  readonly session?: { readonly about: string; readonly flows: readonly Flow[] };
}

/** The same classifier, made to go on after answers that are less than `enough`, as the engine does. */
export function goingOn(classifier: Classifier, enough: Certainty = STRONG): Classifier {
  return withAnswers(classifier, (answer) => answer.certainty > 0 && answer.certainty < enough ? UNDECIDED : answer);
}

/** What the classifier answers to a flow until it is certain or gives up, in order. */
export function answersTo(classifier: Classifier, flow: Flow): Evidence[] {
  const answers: Evidence[] = [];
  const noting = withAnswers(classifier, (answer) => {
    if (answer.certainty > 0) answers.push(answer);
    return answer.certainty > 0 && answer.certainty < CERTAIN ? UNDECIDED : answer;
  });
  converse(noting, settingOf(flow), flow.turns);
  return answers;
}

/** What surrounds a flow's payloads. */
export function settingOf({ tcp, midstream, inbound, port, snap }: Flow): Setting {
  return {
    tcp,
    midstream: midstream === true,
    openerIsClient: inbound !== true,
    ...(port === undefined ? {} : inbound === true ? { clientPort: port } : { peerPort: port }),
    ...(snap === undefined ? {} : { snap }),
  };
}

/** The surest answer to a flow, the first of its kind; {@link UNRELATED} where there is none. */
export function surest(classifier: Classifier, flow: Flow): Evidence {
  return answersTo(classifier, flow).reduce((best, one) => one.certainty > best.certainty ? one : best, UNRELATED);
}

function withAnswers(classifier: Classifier, change: (answer: Evidence) => Evidence): Classifier {
  const { name, title, tcp, udp, least, first, classify } = classifier;
  return { name, title, tcp, udp, least, first, classify: (look) => change(classify(look)) };
}

/** The flow as if the other side had opened it. */
export function turnedRound(flow: Flow): Flow {
  return { ...flow, turns: flow.turns.map(([arrow, bytes]) => [arrow === ">" ? "<" : ">", bytes]) };
}
