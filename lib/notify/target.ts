/**
 * One target: gathers what is to be told, sends it as one message, and tries again where that fails.
 *
 * At most one message is under way. What happens meanwhile is gathered for the next one, so all that a target ever holds is
 * a message and a digest, both bounded.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import type { NotifyConfig } from "../policy/config.ts";
import { plain } from "../report/plain.ts";
import type { ReportEvent } from "../report/report_event.ts";
import type { NotifyStatus } from "../report/status.ts";
import { Digest } from "./digest.ts";
import { type Letterhead, type Message, messageOf, testMessage } from "./message.ts";
import { Refused } from "./webhook.ts";

/** Milliseconds from the first event to its message: what comes together is told together. */
const GATHER = 2000;
/** Milliseconds to the second try; each later one takes twice as long, up to the longest. */
const FIRST_WAIT = 5000;
const LONGEST_WAIT = 600_000;
/** Milliseconds for which one message is tried. */
const GIVE_UP = 86_400_000;
/** Characters of a reason. */
const LONGEST_REASON = 400;

/** What a target works with. */
export interface TargetParts {
  readonly letterhead: Letterhead;
  /** Brings a message there. Throws an Error that says why it could not. */
  readonly deliver: (target: NotifyConfig, message: Message, signal: AbortSignal) => Promise<void>;
  /** A signal that comes in so many milliseconds. */
  readonly limit: (milliseconds: number) => AbortSignal;
  /** Is told when messages begin to fail, and when they arrive again. */
  readonly note: (level: "info" | "warning", text: string) => void;
}

/** See the module's text. Times named `now` are monotonic milliseconds, `wall` those since 1970. */
export class Target {
  /** Its table of the config; may be changed for one of the same name. */
  config: NotifyConfig;
  readonly #parts: TargetParts;
  readonly #digest = new Digest();
  #message: Message | null = null;
  #sending: Promise<void> | null = null;
  /** Of the message under way. */
  #begun = 0;
  #tries = 0;
  #due = 0;
  /** When {@link beat} was called last: a try may take longer than the wait for the next. */
  #now = 0;
  /** When the first event that is not yet in a message was seen by {@link beat}. */
  #gathering: number | null = null;
  #lastSent = -Infinity;
  #sent = 0;
  #failed = 0;
  #dropped = 0;
  #sentAt: number | null = null;
  #failure: { readonly since: number; text: string } | null = null;

  /** Sends nothing before the first {@link beat}. */
  constructor(config: NotifyConfig, parts: TargetParts) {
    this.config = config;
    this.#parts = parts;
  }

  /** Takes an event. */
  add(event: ReportEvent, wall: number): void {
    if (!this.#digest.add(event, wall)) this.#dropped++;
  }

  /** Call about once a second. */
  beat(now: number, wall: number): void {
    this.#now = now;
    if (this.#sending !== null) return;
    if (this.#message === null) {
      if (this.#digest.empty) return;
      this.#gathering ??= now;
      if (now < this.#gathering + GATHER || now < this.#lastSent + this.config.interval) return;
      this.#compose(now, wall);
    }
    if (now >= this.#due) this.#send(now, wall, this.#parts.limit(this.config.timeout));
  }

  /** Sends what is there, if all of it takes no longer than so many milliseconds. Never throws. */
  async close(now: number, wall: number, milliseconds: number): Promise<void> {
    this.#now = now;
    const signal = this.#parts.limit(milliseconds);
    if (this.#sending !== null) await Promise.race([this.#sending, aborted(signal)]);
    if (this.#sending !== null) return;
    if (this.#message === null && this.#digest.empty) return;
    if (this.#message === null) this.#compose(now, wall);
    this.#send(now, wall, signal);
    await this.#sending;
  }

  /** Sends a message that shows that messages arrive. Answers why it did not, empty where it did. */
  async test(wall: number): Promise<string> {
    const signal = this.#parts.limit(this.config.timeout);
    try {
      await this.#parts.deliver(this.config, testMessage(wall, this.#parts.letterhead), signal);
      return "";
    } catch (error) {
      return reasonOf(error, signal);
    }
  }

  /** What `ftwall status` says of it. */
  status(): NotifyStatus {
    const { name, on } = this.config;
    return {
      name,
      way: wayOf(this.config),
      on,
      sent: this.#sent,
      failed: this.#failed,
      dropped: this.#dropped,
      waiting: this.#message !== null || !this.#digest.empty,
      ...(this.#sentAt === null ? {} : { last_sent: this.#sentAt }),
      ...(this.#failure === null ? {} : { failing_since: this.#failure.since, failure: this.#failure.text }),
    };
  }

  #compose(now: number, wall: number): void {
    this.#message = messageOf(this.#digest.take(), wall, this.#parts.letterhead);
    this.#gathering = null;
    this.#begun = now;
    this.#tries = 0;
    this.#due = now;
  }

  #send(now: number, wall: number, signal: AbortSignal): void {
    this.#sending = this.#parts.deliver(this.config, this.#message!, signal).then(
      () => this.#arrived(now, wall),
      (error: unknown) => this.#notArrived(wall, error, signal),
    ).finally(() => this.#sending = null);
  }

  #arrived(now: number, wall: number): void {
    this.#sent++;
    this.#sentAt = wall;
    this.#lastSent = now;
    this.#message = null;
    if (this.#failure !== null) this.#parts.note("info", `Messages to "${this.config.name}" arrive again`);
    this.#failure = null;
  }

  #notArrived(wall: number, error: unknown, signal: AbortSignal): void {
    const now = this.#now;
    const text = reasonOf(error, signal);
    const { name } = this.config;
    this.#failed++;
    if (this.#failure === null) {
      this.#parts.note("warning", `Cannot tell "${name}" (${wayOf(this.config)}): ${text}. It is tried again`);
      this.#failure = { since: wall, text };
    }
    this.#failure.text = text;
    if (now - this.#begun > GIVE_UP || (error instanceof Refused && error.final)) {
      this.#dropped++;
      this.#message = null;
      this.#lastSent = now;
      return;
    }
    const asked = error instanceof Refused ? error.wait * 1000 : 0;
    this.#due = now + Math.max(asked, Math.min(FIRST_WAIT * 2 ** this.#tries, LONGEST_WAIT));
    this.#tries++;
  }
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  return signal.aborted ? "it took too long" : plain(errorText(error)).slice(0, LONGEST_REASON);
}

/** How a target is reached, without what may be secret. */
function wayOf({ command, webhook, form, mail, smtp, sendmail }: NotifyConfig): string {
  if (command.length > 0) return command[0]!;
  if (webhook !== "") return `${form} at ${new URL(webhook).host}`;
  return `mail to ${mail.join(", ")} by ${smtp === "" ? sendmail : smtp}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
