/**
 * Figures in pairs: on a machine that others use too, only what was measured in turn can be held together.
 * @module
 */

/** One figure with the goal it is held against. */
export interface Figure {
  /** Which bench. */
  readonly bench: string;
  /** What was measured, in a few words. */
  readonly name: string;
  /** The figure of ftwall, and in which unit. */
  readonly value: number;
  readonly unit: string;
  /** What it is held against, and its figure; absent for absolute goals. */
  readonly against?: string;
  readonly reference?: number;
  /** Ratio of the medians, or the value where nothing is held against it. */
  readonly ratio: number;
  /** The goal for the ratio: at least, or at most. */
  readonly least?: number;
  readonly most?: number;
  /** All single values, in the order of measurement. */
  readonly values: readonly number[];
  readonly references?: readonly number[];
  /** Anything to be said beside it. */
  readonly note?: string;
}

/** The middle value; the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Measures each candidate once a round, in turn, beginning with another one in each round. */
export async function inTurn<Name extends string>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name, round: number) => Promise<number>,
): Promise<Record<Name, number[]>> {
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      values[name].push(await measure(name, round));
    }
  }
  return values;
}

/** Holds `values` against `references` by the ratio of their medians. */
export function compared(
  about: { bench: string; name: string; unit: string; against: string; least?: number; most?: number; note?: string },
  values: readonly number[],
  references: readonly number[],
): Figure {
  const value = median(values);
  const reference = median(references);
  return { ...about, value, reference, ratio: value / reference, values, references };
}

/** A figure with an absolute goal. */
export function absolute(
  about: { bench: string; name: string; unit: string; least?: number; most?: number; note?: string },
  values: readonly number[],
): Figure {
  const value = median(values);
  return { ...about, value, ratio: value, values };
}

/** True where the figure keeps its goal; also where it has none. */
export function reached(figure: Figure): boolean {
  return !(figure.least !== undefined && !(figure.ratio >= figure.least)) &&
    !(figure.most !== undefined && !(figure.ratio <= figure.most));
}

/** Figures as a table for a terminal and for Markdown. */
export function table(figures: readonly Figure[]): string {
  const rows = [["bench", "figure", "ftwall", "against", "ratio", "goal", ""]];
  for (const figure of figures) {
    const goal = figure.least !== undefined ? `≥ ${figure.least}` : figure.most !== undefined ? `≤ ${figure.most}` : "";
    const against = figure.reference === undefined ? "" : `${figure.against}: ${short(figure.reference)}`;
    rows.push([
      figure.bench,
      figure.name,
      `${short(figure.value)} ${figure.unit}`,
      against,
      figure.reference === undefined ? "" : figure.ratio.toFixed(2),
      goal,
      goal === "" ? "" : reached(figure) ? "yes" : "NO",
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(rows[0]!), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.slice(1).map(line)]
    .join("\n");
}

/** A number with three significant digits, thousands with a separator. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  return Number(value.toPrecision(3)).toString();
}
