/** A thread that counts in shared memory, one hold of the table lock at a time, and then says so. */
import { TableLock } from "../../lib/state/table_lock.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ lockMemory: SharedArrayBuffer; count: SharedArrayBuffer; times: number }>) => void;
  postMessage(message: string): void;
};

scope.onmessage = ({ data }) => {
  const tableLock = new TableLock(data.lockMemory);
  const count = new Int32Array(data.count);
  for (let i = 0; i < data.times; i++) {
    tableLock.acquire();
    // Read and written apart: without the lock some would be lost.
    const seen = count[0]!;
    count[1] = i;
    count[0] = seen + 1;
    tableLock.release();
  }
  scope.postMessage("done");
};
scope.postMessage("here");
