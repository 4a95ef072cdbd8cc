/**
 * Asking the running daemon.
 * @module
 */
import { after } from "../net/timer.ts";
import { parseAddress } from "../net/address.ts";
import { errorText } from "../net/error_text.ts";
import { type ControlAnswers, type ControlRequest, LONGEST_ANSWER } from "../report/control_protocol.ts";
import { FAILED, Failure, MISSING } from "../report/failure.ts";
import { writeAll } from "../report/write_all.ts";

/** Who asks: what the audit log is told, and the address that must not be locked by mistake. */
export interface Asker {
  readonly user: string | undefined;
  readonly from: string | undefined;
}

/**
 * Sends one request to the daemon at `path` and waits for its answer, at most `milliseconds`. Who asks is the user of this
 * process, unless `asker` says otherwise. Throws {@link Failure}.
 */
export async function ask<C extends ControlRequest["command"]>(
  path: string,
  request: Extract<ControlRequest, { readonly command: C }> | { readonly command: C },
  milliseconds: number = 10_000,
  { user, from }: Asker = { user: invoker(), from: loginAddress() },
): Promise<ControlAnswers[C]> {
  using connection = await connect(path);
  let late = false;
  // Closing the connection ends whatever read or write is waiting.
  const timer = after(milliseconds, () => {
    late = true;
    connection.close();
  });
  try {
    const sent = {
      ...request,
      ...(user === undefined ? {} : { user }),
      ...(from === undefined ? {} : { from }),
    };
    await writeAll(connection, new TextEncoder().encode(JSON.stringify(sent) + "\n"));
    return read(await readLine(connection), request.command, path) as ControlAnswers[C];
  } catch (error) {
    if (late) {
      throw new Failure(
        FAILED,
        `Cannot get an answer to "${request.command}" from the daemon at "${path}": none came within ` +
          `${milliseconds / 1000} s. Look at its log, or whether it hangs`,
      );
    }
    if (error instanceof Failure) throw error;
    throw new Failure(
      FAILED,
      `Cannot get an answer to "${request.command}" from the daemon at "${path}": ${errorText(error)}`,
    );
  } finally {
    timer.end();
  }
}

async function connect(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure(
        MISSING,
        `Cannot reach the daemon at "${path}": there is no such socket. ` +
          "Start ftwall, or name its socket with --control PATH",
      );
    }
    if (error instanceof Deno.errors.ConnectionRefused) {
      throw new Failure(
        MISSING,
        `Cannot reach the daemon at "${path}": nobody listens there any more. Start ftwall`,
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Failure(
        MISSING,
        `Cannot reach the daemon at "${path}": permission denied. ` +
          "Ask as root, or as a member of the group that [control] group names",
      );
    }
    throw new Failure(MISSING, `Cannot reach the daemon at "${path}": ${errorText(error)}`);
  }
}

async function readLine(connection: Deno.UnixConn): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const piece = new Uint8Array(65536);
    const count = await connection.read(piece);
    if (count === null) throw new Error("it closed the connection without an answer");
    const end = piece.subarray(0, count).indexOf(0x0a);
    parts.push(piece.subarray(0, end >= 0 ? end : count));
    size += end >= 0 ? end : count;
    if (size > LONGEST_ANSWER) throw new Error(`its answer is longer than ${LONGEST_ANSWER} bytes`);
    if (end >= 0) break;
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new TextDecoder().decode(whole);
}

function read(line: string, command: string, path: string): unknown {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch {
    throw new Error("what it answered is not JSON; is that socket ftwall's?");
  }
  if (typeof answer === "object" && answer !== null && "ok" in answer) {
    if (answer.ok === true && "result" in answer) return answer.result;
    if (answer.ok === false && "error" in answer && typeof answer.error === "string") {
      throw new Failure(FAILED, `The daemon at "${path}" refused "${command}": ${answer.error}`);
    }
  }
  throw new Error("what it answered is not an answer of ftwall");
}

/** Processes above this one that are asked for where their user is. */
const MOST_PARENTS = 12;

/** Address from which the user of this command is logged in over SSH; sudo takes it out of the environment, so parents are asked. */
function loginAddress(): string | undefined {
  const own = Deno.env.get("SSH_CONNECTION");
  if (own !== undefined) return addressIn(own);
  try {
    let pid = String(Deno.ppid);
    for (let count = 0; count < MOST_PARENTS && Number(pid) > 1; count++) {
      const found = /(?:^|\0)SSH_CONNECTION=([^\0]*)/.exec(Deno.readTextFileSync(`/proc/${pid}/environ`));
      if (found !== null) return addressIn(found[1]!);
      pid = /^PPid:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? "";
    }
  } catch {
    // Without /proc, or without permission to read it, nobody is known.
  }
  return undefined;
}

function addressIn(connection: string): string | undefined {
  const address = connection.split(" ")[0]!.split("%")[0]!;
  return parseAddress(address) === null ? undefined : address;
}

/** The name of the user who runs this command, for the audit log. Anybody may set it to anything. */
function invoker(): string | undefined {
  const user = Deno.env.get("SUDO_USER") ?? Deno.env.get("USER");
  return user === undefined || user === "" || user.length > 64 ? undefined : user;
}
