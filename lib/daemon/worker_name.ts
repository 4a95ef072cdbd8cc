/**
 * By its name a thread knows what it is started as: the executable holds one program for all.
 * @module
 */

/** Name of a thread that judges packets beside the main one. */
export const WORKER = "ftwall-queues";
