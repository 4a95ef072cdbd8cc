/**
 * Hardware addresses as two integers: a client that changes its address (privacy addresses, DHCP) keeps this.
 * @module
 */

/** A MAC address: the first 16 bits, and the last 32 as a signed word. */
export type Mac = readonly [high: number, low: number];

const WRITTEN = /^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i;

/** Reads `aa:bb:cc:dd:ee:ff` or `aa-bb-cc-dd-ee-ff`; null where the text is anything else. */
export function parseMac(text: string): Mac | null {
  if (!WRITTEN.test(text)) return null;
  const digits = text.replaceAll(text[2]!, "");
  return [parseInt(digits.slice(0, 4), 16), parseInt(digits.slice(4), 16) | 0];
}

/** Writes a MAC address as `aa:bb:cc:dd:ee:ff`. */
export function formatMac(high: number, low: number): string {
  const digits = (high & 0xffff).toString(16).padStart(4, "0") + (low >>> 0).toString(16).padStart(8, "0");
  return digits.replace(/(..)(?=.)/g, "$1:");
}
