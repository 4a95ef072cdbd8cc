/**
 * Tables in plain text.
 * @module
 */
import { plain } from "./plain.ts";

/** One column: its heading, and whether it holds numbers (right-aligned). */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Lines of a table with a heading, two spaces between columns, no trailing blanks. Cells are made plain. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], indent = ""): string[] {
  const cells = rows.map((row) => columns.map((_, i) => plain(row[i] ?? "")));
  const widths = columns.map((column, i) =>
    cells.reduce((width, row) => Math.max(width, (row[i] ?? "").length), column.title.length)
  );
  const line = (row: readonly string[]) =>
    (indent + columns.map((column, i) => {
      const cell = row[i] ?? "";
      const width = widths[i] ?? 0;
      return column.right === true ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ")).trimEnd();
  return [line(columns.map((column) => column.title)), ...cells.map(line)];
}

/** A whole number with thin groups of three: `1 234 567`, read alike in every language. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

/** Bytes with a binary unit. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1048576) return `${(count / 1024).toFixed(1)} KiB`;
  if (count < 1073741824) return `${(count / 1048576).toFixed(1)} MiB`;
  return `${(count / 1073741824).toFixed(1)} GiB`;
}
