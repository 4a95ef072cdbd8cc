/**
 * I2P, known by the names that its routers ask for at their start. Its packets have no fixed byte.
 * @module
 */
import type { Protocol } from "../classifier.ts";

/** I2P. */
export const i2p: Protocol = {
  name: "i2p",
  title: "I2P",
  action: "log",
  require: "certain",
  hints: ["*.i2p-projekt.de", "reseed.i2p.net", "reseed.i2pgit.org"],
};
