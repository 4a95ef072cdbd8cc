/**
 * All targets: gives each of them the events that it wants. See README.md in this folder.
 * @module
 */
import type { NotifyConfig } from "../policy/config.ts";
import type { NOTICES } from "../policy/schema.ts";
import type { EventName, ReportEvent } from "../report/report_event.ts";
import type { NotifyStatus } from "../report/status.ts";
import { mailText, sendBySmtp } from "./mail.ts";
import type { Message } from "./message.ts";
import { type Job, runProgram } from "./program.ts";
import { Target, type TargetParts } from "./target.ts";
import { post, prepareTls } from "./webhook.ts";

/** The events that each word of `on` stands for. */
const EVENTS: Readonly<Record<(typeof NOTICES)[number], readonly EventName[]>> = {
  lock: ["locked"],
  release: ["released"],
  detected: ["detected"],
  rules: ["rules-lost", "rules-restored", "rules-failed", "rules-silent"],
  config: ["reload-refused"],
  reload: ["reloaded"],
  overrun: ["queue-overrun", "over-budget"],
  start: ["ready", "stopping"],
  operator: ["audit"],
  error: ["note"],
};

/** See the module's text. Times named `now` are monotonic milliseconds, `wall` those since 1970. */
export class Notifier {
  readonly #parts: TargetParts;
  #targets: Target[] = [];
  #wanted = new Map<EventName, Target[]>();
  #tlsReady = false;

  /** Has no targets before {@link adopt}. */
  constructor({ starting, ...parts }: Omit<TargetParts, "deliver"> & Pick<Job, "starting">) {
    this.#parts = { ...parts, deliver: (target, message, signal) => deliver(target, message, signal, starting) };
  }

  /** Takes the targets of a config; one of a name that was there before goes on with what it has gathered. */
  async adopt(configs: readonly NotifyConfig[]): Promise<void> {
    this.#targets = configs.map((config) => {
      const target = this.#targets.find((before) => before.config.name === config.name);
      if (target === undefined) return new Target(config, this.#parts);
      target.config = config;
      return target;
    });
    this.#wanted = new Map();
    for (const target of this.#targets) {
      for (const event of target.config.on.flatMap((word) => EVENTS[word])) {
        this.#wanted.set(event, [...this.#wanted.get(event) ?? [], target]);
      }
    }
    if (this.#tlsReady || !configs.some(({ webhook }) => webhook.startsWith("https:"))) return;
    this.#tlsReady = true;
    // Where that fails, the first message takes longer, and that is all.
    await prepareTls().catch(() => {});
  }

  /** Whether anybody wants events of this kind, so that the caller need not make anything of one that nobody does. */
  wants(event: ReportEvent): boolean {
    if (!this.#wanted.has(event.event)) return false;
    if (event.event === "note") return event.level === "error";
    // A lock that goes on after a restart is no news.
    if (event.event === "locked") return event.by !== "state-file";
    // A guess acts only when others join it, and is told then.
    return event.event !== "detected" || event.certainty !== "weak";
  }

  /** Takes an event that somebody wants. */
  take(event: ReportEvent, wall: number): void {
    for (const target of this.#wanted.get(event.event) ?? []) target.add(event, wall);
  }

  /** Call about once a second. */
  beat(now: number, wall: number): void {
    for (const target of this.#targets) target.beat(now, wall);
  }

  /** Sends what is there, if that takes no longer than so many milliseconds. Never throws. */
  async close(now: number, wall: number, milliseconds: number): Promise<void> {
    await Promise.all(this.#targets.map((target) => target.close(now, wall, milliseconds)));
  }

  /** Sends a test message to the target of this name, or to all: why each did not arrive, empty where it did. */
  async test(name: string | null, wall: number): Promise<{ readonly name: string; readonly failure: string }[]> {
    const targets = this.#targets.filter(({ config }) => name === null || config.name === name);
    return await Promise.all(
      targets.map(async (target) => ({ name: target.config.name, failure: await target.test(wall) })),
    );
  }

  /** What `ftwall status` says of the targets. */
  status(): NotifyStatus[] {
    return this.#targets.map((target) => target.status());
  }
}

async function deliver(
  target: NotifyConfig,
  message: Message,
  signal: AbortSignal,
  starting: () => void,
): Promise<void> {
  const { command, webhook, mail, sendmail, smtp, user, sender } = target;
  const run = (argv: readonly string[], input: string) => runProgram({ argv, input, user, starting }, signal);
  if (command.length > 0) return await run(command, `${message.json}\n`);
  if (webhook !== "") return await post(target, message, signal);
  if (smtp !== "") return await sendBySmtp(target, message, signal);
  const from = sender === null ? [] : ["-f", sender];
  await run([sendmail, "-i", ...from, "--", ...mail], mailText(target, message, "\n"));
}
