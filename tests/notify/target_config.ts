/** Targets of notifications, and messages for them. */
import type { NotifyConfig } from "../../lib/policy/config.ts";
import type { LockEvent } from "../../lib/learn/event.ts";
import { Digest } from "../../lib/notify/digest.ts";
import { type Letterhead, type Message, messageOf } from "../../lib/notify/message.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";
import { configOf } from "../policy/parse_config.ts";

/** When it is. */
export const WALL: number = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Texts that a hostile machine, or name server, may put into an event. */
export const HOSTILE =
  'a\r\nBcc: evil@example.org\r\n.\r\n"$(reboot)`reboot`</pre><script>@everyone <!channel> \x1b[2J\u202eü';

export const LETTERHEAD: Letterhead = { host: "gate", dryRun: false, clock: (time) => time };

/** The target that these lines of TOML describe. */
export function targetOf(toml: string): NotifyConfig {
  return configOf(`[[notify]]\nname = "t"\n${toml}\n`).notify[0]!;
}

export function locked(client = "10.0.0.5", more: Partial<LockEvent> = {}): LockEvent {
  return { event: "locked", client, protocol: "winmx", evidence: "hello", by: "detector", ...more };
}

export function gathered(...events: readonly ReportEvent[]): Message {
  const digest = new Digest();
  for (const event of events) digest.add(event, WALL);
  return messageOf(digest.take(), WALL, LETTERHEAD);
}
