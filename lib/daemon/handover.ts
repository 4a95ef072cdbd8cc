/**
 * One ftwall takes the place of another without losing a packet: the sockets of its queues go from the one to the other, and
 * with them what waits there. What either writes or listens at is closed by then, so that the successor finds it free.
 * @module
 */
import type { Libc } from "../../ffi/libc.ts";
import { datagramSocket, PassingSocket, sendDescriptors, unixAddress } from "../../ffi/passing.ts";
import { errorText } from "../net/error_text.ts";
import type { TakeOverAnswer } from "../report/control_protocol.ts";
import { FAILED, Failure } from "../report/failure.ts";
import { networkNamespace } from "./rules_note.ts";

/** Milliseconds that the other one has to end, and to write what it knows: a large state takes seconds on a slow disk. */
const PATIENCE = 30_000;

/** What the successor has from the one before. */
export interface TakenOver {
  /** Process id of the one before. */
  readonly pid: number;
  /** The sockets of its queues, by queue number. */
  readonly sockets: Map<number, number>;
}

/** Where the successor waits, for a control socket. Only whoever may write beside that can make it. */
function waitingAt(control: string): string {
  return `${control}.successor`;
}

/** Asks the ftwall at `control`, by `ask`, for its queues, and waits for them. Throws a {@link Failure}. */
export async function takeOver(
  libc: Libc,
  control: string,
  ask: (namespace: string) => Promise<TakeOverAnswer>,
): Promise<TakenOver> {
  let socket: PassingSocket;
  try {
    socket = new PassingSocket(libc, waitingAt(control));
  } catch (error) {
    throw new Failure(FAILED, `Cannot wait for queues at "${waitingAt(control)}": ${errorText(error)}`);
  }
  using _ = socket;
  const { pid } = await ask(networkNamespace());
  const passed = await socket.receive(PATIENCE);
  if (passed === null) {
    throw new Failure(FAILED, `Cannot take over from process ${pid}: it did not hand over within ${PATIENCE / 1000} s`);
  }
  const numbers = passed.text === "" ? [] : passed.text.split(" ").map(Number);
  return { pid, sockets: new Map(passed.descriptors.map((fd, i) => [numbers[i] ?? -1, fd])) };
}

/** Why this ftwall does not hand over to a successor that asks from a network namespace; empty where it does. */
export function whyNotHandOver(control: string, namespace: string): string {
  if (namespace !== networkNamespace()) return "it is in another network namespace";
  try {
    const { isSocket, uid } = Deno.lstatSync(waitingAt(control));
    // A member of the group of the control socket may ask, but not take the queues.
    return isSocket === true && (uid === 0 || uid === Deno.uid())
      ? ""
      : `"${waitingAt(control)}" is none of its sockets`;
  } catch {
    return `it does not wait at "${waitingAt(control)}"`;
  }
}

/** Sends the sockets to the successor. Answers why it could not be done, empty where it was. */
export function handOver(libc: Libc, control: string, sockets: ReadonlyMap<number, number>): string {
  const address = unixAddress(waitingAt(control));
  const own = datagramSocket(libc);
  if (address === null || own < 0) return "no socket could be made";
  const errno = sendDescriptors(libc, own, address, [...sockets.keys()].join(" "), [...sockets.values()]);
  libc.symbols.close(own);
  return errno === 0 ? "" : libc.describe(errno);
}
