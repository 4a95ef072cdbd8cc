/**
 * Deliberate faults in a classifier's source: what could go wrong in a hand's turn, each a replacement at one place.
 * @module
 */

/** What was done. */
export type Kind = "bound" | "certainty" | "prefix" | "comparison" | "direction";

/** All kinds. */
export const KINDS: readonly Kind[] = ["bound", "certainty", "prefix", "comparison", "direction"];

/** One fault: the text from `start` to `end` becomes `put`. */
export interface Fault {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
  readonly put: string;
}

/** Comments, strings and import lines, which are left alone but for the words that are compared. */
const LEFT =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|^import[\s\S]*?;$/gm;

/** The code with everything else blanked, at the same offsets. */
function codeOf(source: string): string {
  return source.replace(LEFT, (text) => text.replace(/[^\n]/g, " "));
}

/** Every fault that can be made in a source, in order of kind and place. */
export function faultsIn(source: string): Fault[] {
  const code = codeOf(source);
  return [...bounds(code), ...certainties(code), ...prefixes(source), ...comparisons(code), ...directions(code)];
}

/**
 * A number that something is compared with, one more and one less; a bound that is in or out. Not where it is asked whether
 * something is below or above 0: those are offsets, or -1.
 */
function* bounds(code: string): Generator<Fault> {
  for (const match of code.matchAll(/(?<= (?:===|!==) | (?:<=?|>=?) (?!0\b))(0x[0-9a-f]+|\d+)\b(?!\.)/gi)) {
    for (const step of [1, -1]) {
      const number = Number(match[1]) + step;
      if (number >= 0) {
        yield { kind: "bound", start: match.index, end: match.index + match[0].length, put: `${number}` };
      }
    }
  }
  for (const match of code.matchAll(/(?<= )(<=?|>=?)(?= (?!0\b))/g)) {
    const put = match[1]!.endsWith("=") ? match[1]![0]! : `${match[1]}=`;
    yield { kind: "bound", start: match.index, end: match.index + match[0].length, put };
  }
}

const SURER: Readonly<Record<string, string>> = { WEAK: "STRONG", STRONG: "CERTAIN", "1": "2", "2": "3" };

/** Evidence that is said to be surer than it is. */
function* certainties(code: string): Generator<Fault> {
  for (const match of code.matchAll(/(?<=\w*[eE]vidence\([^)]*?)\b(WEAK|STRONG|1|2)\b(?=,)/g)) {
    const end = match.index + match[0].length;
    yield { kind: "certainty", start: match.index, end, put: SURER[match[1]!]! };
  }
}

/** A word that is compared, without its last or its first letter. */
function* prefixes(source: string): Generator<Fault> {
  for (const match of source.matchAll(/(?<=\bliteral\(")((?:[^"\\\n]|\\x..|\\.){2,})(?="\))/g)) {
    const letters = match[1]!.match(/\\x..|\\.|[^\\]/g)!;
    const [start, end] = [match.index, match.index + match[0].length];
    yield { kind: "prefix", start, end, put: letters.slice(0, -1).join("") };
  }
}

/** One part of a condition left out. */
function* comparisons(code: string): Generator<Fault> {
  for (const match of code.matchAll(/ (&&|\|\|)\s+/g)) {
    const end = endOfPart(code, match.index + match[0].length);
    yield { kind: "comparison", start: match.index, end, put: "" };
    const start = startOfPart(code, match.index);
    if (start >= 0) yield { kind: "comparison", start, end: match.index + match[0].length, put: "" };
  }
  for (const match of code.matchAll(/^ *if \([^\n]*\) return [^\n]*;$/gm)) {
    yield { kind: "comparison", start: match.index, end: match.index + match[0].length, put: "" };
  }
}

/** Where the part of a condition that begins at `from` ends. */
function endOfPart(code: string, from: number): number {
  let depth = 0;
  let at = from;
  for (; at < code.length; at++) {
    if ("([{".includes(code[at]!)) depth++;
    else if (")]}".includes(code[at]!) && depth-- === 0) return at;
    else if (depth === 0 && (/^ (&&|\|\||\?|:)/.test(code.slice(at, at + 4)) || ";,".includes(code[at]!))) return at;
  }
  return at;
}

/** Where the part that ends at `to` begins; -1 where that cannot be said. */
function startOfPart(code: string, to: number): number {
  let depth = 0;
  for (let at = to - 1; at >= 0; at--) {
    if (")]}".includes(code[at]!)) depth++;
    else if ("([{".includes(code[at]!) && depth-- === 0) return at + 1;
    else if (
      depth === 0 && /^(?:return |&& |\|\| |\? |: |= |=> )/.test(code.slice(at, at + 7)) && /\s/.test(code[at - 1]!)
    ) {
      return code.indexOf(" ", at) + 1;
    } else if (depth === 0 && ";,".includes(code[at]!)) return -1;
  }
  return -1;
}

/** A side that is not looked at any more. */
function* directions(code: string): Generator<Fault> {
  for (const match of code.matchAll(/!?\blook\.(?:fromOpener|fromClient|first)\b(?! [=+]|\()/g)) {
    for (const put of ["true", "false"]) {
      yield { kind: "direction", start: match.index, end: match.index + match[0].length, put };
    }
  }
}
