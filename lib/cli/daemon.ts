/**
 * Builds the daemon.
 * @module
 */
import type { Daemon, DaemonOptions } from "./daemon_options.ts";
import { Failure, MISSING } from "./failure.ts";

/** See {@link StartDaemon}. */
export function startDaemon(_options: DaemonOptions): Promise<Daemon> {
  return Promise.reject(new Failure(MISSING, "Cannot start the daemon: this build has no packet queue"));
}
