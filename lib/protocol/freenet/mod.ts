/**
 * Freenet, today Hyphanet, known by its names. Its packets have no fixed byte.
 * @module
 */
import type { Protocol } from "../classifier.ts";

/** Freenet (Hyphanet). */
export const freenet: Protocol = {
  name: "freenet",
  title: "Freenet (Hyphanet)",
  action: "log",
  require: "certain",
  hints: ["*.hyphanet.org", "*.freenetproject.org"],
};
