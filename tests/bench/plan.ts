/**
 * How much is measured, and what is kept for the plots.
 * @module
 */

/** A line of a plot. */
export interface Series {
  readonly plot: "fan-out" | "size" | "flows" | "latency" | "memory" | "goodput";
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Settings of one run. */
export interface Plan {
  /** Less of everything: shows that the benches work, not how fast ftwall is. */
  readonly quick: boolean;
  /** Pairs. */
  readonly rounds: number;
  /** An older ftwall, which this one is held against; empty for none. */
  readonly before: string;
  /** Filled as benches go. */
  readonly series: Series[];
  /** Tells how far it is. */
  readonly say: (line: string) => void;
}
