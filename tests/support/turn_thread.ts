/** A thread that counts in shared memory, a turn at a time, and then says so. */
import { Turn } from "../../lib/state/table_lock.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ turn: SharedArrayBuffer; count: SharedArrayBuffer; times: number }>) => void;
  postMessage(message: string): void;
};

scope.onmessage = ({ data }) => {
  const turn = new Turn(data.turn);
  const count = new Int32Array(data.count);
  for (let i = 0; i < data.times; i++) {
    turn.enter();
    // Read and written apart: without turns some would be lost.
    const seen = count[0]!;
    count[1] = i;
    count[0] = seen + 1;
    turn.leave();
  }
  scope.postMessage("done");
};
scope.postMessage("here");
