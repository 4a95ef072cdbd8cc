/**
 * What travels through the control socket: one JSON object a line each way. Requests come from whoever may open the
 * socket, so they are read as if hostile.
 * @module
 */
import type { LockStatus, Status } from "./status.ts";
import type { Remembered } from "./history.ts";

/** Bytes of the longest request. */
export const LONGEST_REQUEST = 64 * 1024;
/** Bytes of the longest answer that the client takes. */
export const LONGEST_ANSWER = 64 * 1024 * 1024;
/** Events in the answer to `events`. */
export const LAST_EVENTS = 300;
/** Where the daemon listens unless told otherwise. */
export const DEFAULT_CONTROL = "/run/ftwall/control.sock";

/** A request as it was understood. */
export type ControlRequest =
  | { readonly command: "ping" | "status" | "reload" | "clients" | "events" }
  | {
    readonly command: "lock";
    readonly client: string;
    readonly seconds: number | null;
    readonly reason: string;
    /** Also the machine of an operator. */
    readonly force?: boolean;
  }
  | { readonly command: "unlock"; readonly client: string | null; readonly reason: string }
  | { readonly command: "allow"; readonly client: string; readonly seconds: number | null; readonly reason: string }
  | { readonly command: "explain"; readonly client: string }
  | { readonly command: "notify"; readonly name: string | null }
  /** Another ftwall asks for the queues; `namespace` is the number of its network namespace. */
  | { readonly command: "take-over"; readonly namespace: string };

/** What the daemon says to `ping`. */
export interface PingAnswer {
  readonly pid: number;
  readonly version: string;
}

/** What the daemon says to `reload`. `problems` are whole sentences; warnings of an applied config are there too. */
export interface ReloadAnswer {
  readonly outcome: "applied" | "unchanged" | "refused";
  readonly hash: string;
  readonly changes: readonly string[];
  readonly problems: readonly string[];
}

/** What the daemon says to `lock`, `unlock` and `allow`: how many clients it concerned, and a sentence for people. */
export interface ActionAnswer {
  readonly clients: readonly string[];
  /** RFC 3339; absent where there is no end. */
  readonly until?: string;
  readonly message: string;
}

/** What the daemon says to `take-over`: it ends, and its queues go to the socket where its successor waits. */
export interface TakeOverAnswer {
  readonly pid: number;
}

/** What the daemon says to `explain`. */
export interface ExplainAnswer {
  readonly client: string;
  readonly client_name?: string;
  readonly mac?: string;
  /** Group of the config that the client belongs to. */
  readonly group: string;
  /** Nothing is refused: the lock only would be one. */
  readonly dry_run?: boolean;
  readonly home: boolean;
  readonly exempt: boolean;
  /** RFC 3339, where an operator allowed the client. */
  readonly allowed_until?: string;
  readonly lock: LockStatus | null;
  readonly scores: readonly {
    readonly protocol: string;
    readonly score: number;
    readonly threshold: number;
    readonly because: readonly string[];
  }[];
  /** The last events about it, oldest first. */
  readonly history: readonly Remembered[];
}

/** A client that something is known of now. */
export interface ClientRow {
  readonly client: string;
  readonly client_name?: string;
  readonly mac?: string;
  readonly state: "locked" | "allowed" | "seen";
  /** Of its lock, else of the last that was detected; empty for nothing. */
  readonly protocol: string;
  readonly evidence: string;
  /** How often it was detected and refused among the last events. */
  readonly detected: number;
  readonly refused: number;
  /** Its highest score over all protocols. */
  readonly score: number;
  /** Its last event, and the end of its lock or allowance: RFC 3339. */
  readonly last?: string;
  readonly until?: string;
  readonly by?: string;
}

/** What the daemon says to `clients`. */
export interface ClientsAnswer {
  readonly clients: readonly ClientRow[];
}

/** What the daemon says to `notify`: why a test message did not arrive at each target, empty where it did. */
export interface NotifyAnswer {
  readonly targets: readonly { readonly name: string; readonly failure: string }[];
}

/** What the daemon says to `events`: the last {@link LAST_EVENTS}, oldest first, without those about peers alone. */
export interface EventsAnswer {
  readonly events: readonly Remembered[];
}

/** Answer to each command. */
export interface ControlAnswers {
  readonly ping: PingAnswer;
  readonly status: Status;
  readonly reload: ReloadAnswer;
  readonly lock: ActionAnswer;
  readonly unlock: ActionAnswer;
  readonly allow: ActionAnswer;
  readonly explain: ExplainAnswer;
  readonly clients: ClientsAnswer;
  readonly notify: NotifyAnswer;
  readonly events: EventsAnswer;
  readonly "take-over": TakeOverAnswer;
}

/** A request that cannot be followed; its message is the answer. */
export class RefusedRequest extends Error {
  override readonly name: string = "RefusedRequest";
}

/** Longest client and reason, in characters. */
const LONGEST_CLIENT = 64;
const LONGEST_REASON = 200;
/** Longest time an operator may set: a year. */
const LONGEST_SECONDS = 366 * 86400;

/** A request, and what the asking side says of itself. */
export interface Asked {
  readonly request: ControlRequest;
  readonly user: string | undefined;
  /** The address from which it is logged in over SSH. */
  readonly from: string | undefined;
}

/** Reads one request line. Throws {@link RefusedRequest}. */
export function readRequest(line: string): Asked {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new RefusedRequest("Cannot read the request: it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RefusedRequest("Cannot read the request: expected an object");
  }
  const object = value as Record<string, unknown>;
  const user = object["user"] === undefined ? undefined : text(object, "user", LONGEST_CLIENT);
  const from = object["from"] === undefined ? undefined : text(object, "from", LONGEST_CLIENT);
  return { request: understood(object), user, from };
}

function understood(object: Record<string, unknown>): ControlRequest {
  const command = object["command"];
  switch (command) {
    case "ping":
    case "status":
    case "reload":
    case "clients":
    case "events":
      return { command };
    case "lock":
    case "allow":
      return {
        command,
        client: text(object, "client", LONGEST_CLIENT),
        seconds: seconds(object),
        reason: reason(object),
        ...(command === "lock" && object["force"] === true ? { force: true } : {}),
      };
    case "unlock":
      return {
        command,
        client: object["client"] === null ? null : text(object, "client", LONGEST_CLIENT),
        reason: reason(object),
      };
    case "explain":
      return { command, client: text(object, "client", LONGEST_CLIENT) };
    case "notify":
      return { command, name: object["name"] === null ? null : text(object, "name", LONGEST_CLIENT) };
    case "take-over":
      return { command, namespace: text(object, "namespace", LONGEST_CLIENT) };
    default:
      throw new RefusedRequest(
        "Cannot follow the request: expected command ping, status, reload, lock, unlock, allow, explain, clients, events, notify or take-over",
      );
  }
}

function text(object: Record<string, unknown>, key: string, most: number): string {
  const value = object[key];
  if (typeof value !== "string" || value.length === 0 || value.length > most) {
    throw new RefusedRequest(`Cannot follow the request: expected "${key}" with 1 to ${most} characters`);
  }
  return value;
}

function reason(object: Record<string, unknown>): string {
  return object["reason"] === undefined || object["reason"] === "" ? "" : text(object, "reason", LONGEST_REASON);
}

function seconds(object: Record<string, unknown>): number | null {
  const value = object["seconds"];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > LONGEST_SECONDS) {
    throw new RefusedRequest(`Cannot follow the request: expected "seconds" from 1 to ${LONGEST_SECONDS}`);
  }
  return value;
}
