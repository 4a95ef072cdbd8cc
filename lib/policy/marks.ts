/**
 * Which masks and marks can work; the config's keys and the firewall rules ask here. Bit 31 stays out: with it a mark
 * would be a negative number to JavaScript's bit operations.
 * @module
 */

/** The largest mask and mark. */
export const LARGEST_MARK = 0x7fffffff;

/** Whether a mask has at least two bits, which stand side by side below bit 31: three values besides 0. */
export function isMarkMask(mask: number): boolean {
  if (!Number.isInteger(mask) || mask < 3 || mask > LARGEST_MARK) return false;
  const values = mask / (mask & -mask);
  return values >= 3 && (values & (values + 1)) === 0;
}

/** Whether a value other than 0 lies under the mask. */
export function isMarkUnder(mask: number, value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= mask && (value & ~mask) === 0;
}

/**
 * The values under a mask that mean neither accepted nor refused, the least first: of packets that ftwall itself sends, of
 * connections that are to be judged again, of those that an ordinary answer settles, of packets that tell of a client above
 * its budget, and of connections whose SYN the rules let by; 0 where the mask has too few.
 */
export function freeMarks(
  mask: number,
  accepted: number,
  refused: number,
): { own: number; again: number; awaiting: number; above: number; begun: number } {
  const unit = mask & -mask;
  const free: number[] = [];
  for (let value = unit; value <= mask && free.length < 5; value += unit) {
    if (value !== accepted && value !== refused) free.push(value);
  }
  const [own = mask, again = 0, awaiting = 0, above = 0, begun = 0] = free;
  return { own, again, awaiting, above, begun };
}

/** A mask or mark as the config and problems write it: all eight digits. */
export function formatMark(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
