/**
 * Ports of everyday services: web (80, 443), names (53, 853), mail (25, 110, 143, 465, 587, 993, 995) and SSH (22). What is
 * said about an address by others, in made-up peer lists or by a single ping, never counts for these.
 * @module
 */

const COMMON: ReadonlySet<number> = new Set([22, 25, 53, 80, 110, 143, 443, 465, 587, 853, 993, 995]);

/** Whether it is one of these ports. */
export function isCommonPort(port: number): boolean {
  return port < 1000 && COMMON.has(port);
}
