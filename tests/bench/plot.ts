/**
 * Draws the plots of docs/performance.md from what `deno task bench --json FILE` wrote:
 *
 *     deno run -A tests/bench/plot.ts FILE [DIRECTORY]
 *
 * and puts the figures as a table between the marks in DIRECTORY.md.
 * @module
 */
import type { MachineFacts } from "./machine.ts";
import { type Figure, table } from "./pairs.ts";
import type { Series } from "./plan.ts";

/** What is asked of one plot. */
interface Plot {
  readonly name: Series["plot"];
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly logarithmic: boolean;
  /** Multiplies the values, for the unit of the axis. */
  readonly scale: number;
}

const PLOTS: readonly Plot[] = [
  {
    name: "size",
    title: "Lossless throughput by packet size, 50 UDP flows",
    x: "payload bytes",
    y: "thousand packets a second",
    logarithmic: false,
    scale: 1e-3,
  },
  {
    name: "flows",
    title: "Lossless throughput by number of flows, 100-byte UDP",
    x: "flows",
    y: "thousand packets a second",
    logarithmic: true,
    scale: 1e-3,
  },
  {
    name: "latency",
    title: "Round trips at 1,000 a second: share answered within",
    x: "microseconds",
    y: "% of round trips",
    logarithmic: true,
    scale: 100,
  },
  { name: "memory", title: "Resident memory by number of flows", x: "flows", y: "MiB", logarithmic: true, scale: 1 },
  {
    name: "goodput",
    title: "TCP goodput with ftwall's rules and without any",
    x: "streams",
    y: "Gbit/s",
    logarithmic: true,
    scale: 1,
  },
];

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = 120;
const TOP = 36;
const BOTTOM = 48;
// Told apart without colour by their dashes; readable on white and on black.
const LINES: Readonly<Record<string, string>> = {
  ftwall: 'stroke="#d1495b" stroke-width="2.5"',
  batch: 'stroke="#2e86ab" stroke-width="1.5"',
  single: 'stroke="#2e86ab" stroke-width="1.5" stroke-dasharray="6 3"',
  none: 'stroke="#7f7f7f" stroke-width="1.5" stroke-dasharray="2 3"',
  "no rule": 'stroke="#7f7f7f" stroke-width="1.5" stroke-dasharray="2 3"',
};

/** One plot as SVG. */
export function draw(plot: Plot, lines: readonly Series[]): string {
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(([x]) => x);
  const place = (x: number) => plot.logarithmic ? Math.log10(Math.max(x, 1e-9)) : x;
  const fromX = place(Math.min(...xs));
  const toX = place(Math.max(...xs));
  const top = niceTop(Math.max(...points.map(([, y]) => y * plot.scale)));
  const atX = (x: number) => LEFT + (place(x) - fromX) / (toX - fromX || 1) * (WIDTH - LEFT - RIGHT);
  const atY = (y: number) => HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="20" font-size="14">${plot.title}</text>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${plot.x}</text>`,
    `<text x="14" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})">${plot.y}</text>`,
  ];
  for (let i = 0; i <= 4; i++) {
    const y = top * i / 4;
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${atY(y).toFixed(1)}" y2="${atY(y).toFixed(1)}" stroke="#e0e0e0"/>`,
      `<text x="${LEFT - 6}" y="${(atY(y) + 4).toFixed(1)}" text-anchor="end">${label(y)}</text>`,
    );
  }
  for (const x of ticks(xs, plot.logarithmic)) {
    parts.push(`<text x="${atX(x).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${label(x)}</text>`);
  }
  const ends: number[] = [];
  for (const line of lines) {
    const path = line.points.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y * plot.scale).toFixed(1)}`).join(" ");
    const style = LINES[line.name] ?? 'stroke="#000000"';
    parts.push(`<polyline fill="none" ${style} points="${path}"/>`);
    // Names that would lie on each other move apart.
    let y = atY(line.points.at(-1)![1] * plot.scale) + 4;
    while (ends.some((other) => Math.abs(other - y) < 13)) y += 13;
    ends.push(y);
    parts.push(`<text x="${WIDTH - RIGHT + 8}" y="${y.toFixed(1)}">${line.name}</text>`);
  }
  return [...parts, "</svg>", ""].join("\n");
}

/** At most eight of the values, or the powers of ten between them where they are many. */
function ticks(values: readonly number[], logarithmic: boolean): number[] {
  const unique = [...new Set(values)].sort((a, b) => a - b);
  if (unique.length <= 8 || !logarithmic) return unique;
  const found: number[] = [];
  for (let power = 1; power <= unique.at(-1)!; power *= 10) if (power >= unique[0]!) found.push(power);
  return found;
}

function niceTop(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value || 1));
  for (const step of [1, 2, 4, 8, 10]) if (value <= step * unit) return step * unit;
  return 10 * unit;
}

function label(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e4) return `${value / 1e3}k`;
  return String(Number(value.toPrecision(3)));
}

if (import.meta.main) {
  const [file, directory = "docs/performance"] = Deno.args;
  if (file === undefined) {
    // deno-lint-ignore no-console -- a program for the terminal
    console.error("usage: deno run -A tests/bench/plot.ts FILE [DIRECTORY]");
    Deno.exit(2);
  }
  const run = JSON.parse(Deno.readTextFileSync(file)) as { series: Series[]; figures: Figure[]; machine: MachineFacts };
  const { series, figures, machine } = run;
  Deno.mkdirSync(directory, { recursive: true });
  for (const plot of PLOTS) {
    const lines = series.filter((line) => line.plot === plot.name && line.points.length > 0);
    if (lines.length > 0) Deno.writeTextFileSync(`${directory}/${plot.name}.svg`, draw(plot, lines));
  }
  const page = `${directory}.md`;
  const about =
    `Measured ${machine.date} at revision ${machine.revision}: ${machine.cores} cores (${machine.cpu}), Linux ` +
    `${machine.kernel}, Deno ${machine.deno}, V8 flags \`${machine.v8Flags}\`.`;
  const text = Deno.readTextFileSync(page);
  const marked = /(<!-- figures -->\n)[\s\S]*(<!-- end of figures -->)/;
  if (!marked.test(text)) throw new Error(`Cannot write the figures: "${page}" has no marks for them`);
  Deno.writeTextFileSync(
    page,
    text.replace(marked, (_, from, to) => `${from}\n${about}\n\n${table(figures)}\n\n${to}`),
  );
}
