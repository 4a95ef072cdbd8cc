/**
 * Room for open files and sockets, before anything is opened: the runtime itself panics where it finds none for its signals.
 * @module
 */
import { OwnProcess } from "../../ffi/own_process.ts";
import { Failure, MISSING } from "../report/failure.ts";

/** The least files and sockets that the process must be allowed to have open: control connections and tools need some too. */
const FEWEST_DESCRIPTORS = 64;

/** Raises the limit of open files and sockets. Throws where it stays too low: later, running out would have no clear error. */
export function raiseDescriptors(): void {
  const own = new OwnProcess();
  using _ = own;
  const { soft } = own.raiseDescriptors();
  if (soft >= FEWEST_DESCRIPTORS) return;
  throw new Failure(
    MISSING,
    `Cannot start: this process may have ${soft} files and sockets open, it needs ${FEWEST_DESCRIPTORS}. ` +
      `Raise the limit: ulimit -n 1024, or LimitNOFILE=1024 in its systemd unit`,
  );
}
