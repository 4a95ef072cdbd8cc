/**
 * Notifications while the daemon runs. Where the config names no target, none of lib/notify is loaded.
 * @module
 */
import type { Notifier } from "../notify/notifier.ts";
import { errorText } from "../net/error_text.ts";
import type { Config, NotifyConfig } from "../policy/config.ts";
import { type LocalClock, systemClock, zoneClock } from "../policy/week.ts";
import type { NotifyAnswer } from "../report/control_protocol.ts";
import type { ReportEvent } from "../report/report_event.ts";
import type { NotifyStatus, RightsStatus } from "../report/status.ts";

/** Milliseconds that a stop waits for its last messages to arrive. */
const LAST_MESSAGES = 3000;

/** What a keeper works with. */
export interface NotifyParts {
  readonly dryRun: boolean;
  readonly rights: RightsStatus;
  readonly nameOf: (address: string, mac: string) => string;
  readonly note: (level: "info" | "warning", text: string) => void;
  /** Called just before a program is started. */
  readonly starting: () => void;
}

/** See the module's text. */
export class NotifyKeeper {
  readonly #parts: NotifyParts;
  #notifier: Notifier | null = null;
  #clock: LocalClock = systemClock;

  /** Has no targets before {@link adopt}. */
  constructor(parts: NotifyParts) {
    this.#parts = parts;
  }

  /** Takes the targets of a config. Answers what is to be done before all of them can be reached, a sentence each. Never throws. */
  async adopt({ notify, timezone }: Config): Promise<string[]> {
    if (notify.length === 0 && this.#notifier === null) return [];
    const { dryRun, note, starting } = this.#parts;
    this.#clock = zoneClock(timezone);
    try {
      if (this.#notifier === null) {
        const { Notifier } = await import("../notify/notifier.ts");
        const letterhead = { host: Deno.hostname(), dryRun, clock: (time: number) => this.#clock(time) };
        this.#notifier = new Notifier({ letterhead, note, starting, limit: (ms) => AbortSignal.timeout(ms) });
      }
      await this.#notifier.adopt(notify);
    } catch (error) {
      return [`Cannot send notifications: ${errorText(error)}`];
    }
    const rights = this.#parts.rights.capabilities;
    if (Deno.uid() !== 0 || hookCapabilities(notify).every((name) => rights.includes(`CAP_${name}`))) return [];
    return ["Programs of [[notify]] cannot be started as another user before ftwall is restarted with that right"];
  }

  /** Takes an event as it is reported. */
  readonly take = (event: ReportEvent, time: number): void => {
    if (this.#notifier?.wants(event) !== true) return;
    const client = "client" in event ? event.client ?? "" : "";
    const client_name = client === "" ? "" : this.#parts.nameOf(client, "mac" in event ? event.mac ?? "" : "");
    this.#notifier.take(client_name === "" ? event : { ...event, client_name } as ReportEvent, time);
  };

  /** Call about once a second; `now` is monotonic milliseconds, `wall` those since 1970. */
  beat(now: number, wall: number): void {
    this.#notifier?.beat(now, wall);
  }

  /** Sends what is still to be told. Never throws. */
  async close(now: number, wall: number): Promise<void> {
    await this.#notifier?.close(now, wall, LAST_MESSAGES);
  }

  /** Sends a test message to the target of this name; null for all. */
  async test(name: string | null, wall: number): Promise<NotifyAnswer> {
    return { targets: await this.#notifier?.test(name, wall) ?? [] };
  }

  /** What `ftwall status` says of the targets. */
  status(): NotifyStatus[] {
    return this.#notifier?.status() ?? [];
  }
}

/** What it takes to start the programs of these targets as another user, and to end them. */
export function hookCapabilities(targets: readonly NotifyConfig[]): ("KILL" | "SETGID" | "SETUID")[] {
  const some = targets.some(({ command, mail, smtp }) => command.length > 0 || (mail.length > 0 && smtp === ""));
  return some ? ["KILL", "SETGID", "SETUID"] : [];
}
