/**
 * Messages as mail: RFC 5322, with a body of one part (RFC 2045). What is in a header is either fixed, or checked when the
 * config was read, or encoded.
 * @module
 */
import type { NotifyConfig } from "../policy/config.ts";
import type { Message } from "./message.ts";
import { writeAll } from "../report/write_all.ts";

/** Longest line of ASCII that goes as it is: RFC 5322 section 2.1.1 allows 998. */
const LONGEST_LINE = 900;

/** From whom a mail is. */
function senderOf({ sender }: NotifyConfig, host: string): string {
  return sender ?? `ftwall@${domain(host)}`;
}

/** The mail as text, its lines ended by `end`. */
export function mailText(target: NotifyConfig, message: Message, end: "\n" | "\r\n"): string {
  const { id, time, host, subject, lines, urgent } = message;
  const simple = lines.every((line) => /^[\x20-\x7e]*$/.test(line) && line.length <= LONGEST_LINE);
  return [
    `From: ftwall <${senderOf(target, host)}>`,
    // A line for each, as 16 long addresses on one would be more than RFC 5322 allows.
    `To: ${target.mail.join(`,${end} `)}`,
    `Subject: ${encodedWord(subject)}`,
    `Date: ${new Date(time).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id}@${domain(host)}>`,
    // RFC 3834: no machine answers it.
    "Auto-Submitted: auto-generated",
    ...(urgent ? ["Importance: high"] : []),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Transfer-Encoding: ${simple ? "7bit" : "base64"}`,
    "",
    ...(simple ? lines : base64(lines.join("\r\n")).match(/.{1,76}/g) ?? []),
    "",
  ].join(end);
}

/** A name of this machine that may stand in an address. */
function domain(host: string): string {
  return /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])?$/.test(host) ? host : "localhost";
}

/** Text of a header: as it is where it is visible ASCII, else in encoded words of at most 75 characters (RFC 2047). */
function encodedWord(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes("=?")) return text;
  // 10 characters are at most 40 bytes, and those 56 digits.
  const parts = [...text].map((_, i, all) => i % 10 === 0 ? all.slice(i, i + 10).join("") : "").filter((part) =>
    part !== ""
  );
  return parts.map((part) => `=?utf-8?B?${base64(part)}?=`).join(" ");
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** Gives a mail to a server (RFC 5321). Throws an Error that says what it answered. */
export async function sendBySmtp(target: NotifyConfig, message: Message, signal: AbortSignal): Promise<void> {
  const [, hostname, port = "25"] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(target.smtp) ?? [];
  using connection = await Deno.connect({ hostname: hostname!, port: Number(port), signal });
  const stop = () => connection.close();
  signal.addEventListener("abort", stop);
  try {
    const session = new Session(connection);
    await session.expect("2", null);
    await session.expect("2", `EHLO ${domain(message.host)}`);
    await session.expect("2", `MAIL FROM:<${senderOf(target, message.host)}>`);
    for (const recipient of target.mail) await session.expect("2", `RCPT TO:<${recipient}>`);
    await session.expect("3", "DATA");
    await session.expect("2", `${mailText(target, message, "\r\n").replace(/^\./gm, "..")}.`);
    // It has the mail: what becomes of the farewell does not matter.
    await session.expect("2", "QUIT").catch(() => {});
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Bytes of the server's answers to one command. */
const LONGEST_REPLY = 8192;

class Session {
  readonly #connection: Deno.Conn;
  #read = "";

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Sends a command, where there is one, and throws unless the reply's code begins with `digit`. */
  async expect(digit: string, command: string | null): Promise<void> {
    if (command !== null) await writeAll(this.#connection, new TextEncoder().encode(`${command}\r\n`));
    for (;;) {
      // The last line of a reply has a blank behind its code.
      const reply = /^(?:\d{3}-.*\r?\n)*(\d{3})(?: .*)?\r?\n/.exec(this.#read);
      if (reply !== null) {
        this.#read = this.#read.slice(reply[0].length);
        if (reply[1]!.startsWith(digit)) return;
        const after = command === null ? "the connection" : command.startsWith("From:") ? "the mail" : command;
        throw new Error(`the mail server answered ${reply[0].trim()} to ${after}`);
      }
      const bytes = new Uint8Array(1024);
      const count = await this.#connection.read(bytes);
      if (count === null || this.#read.length > LONGEST_REPLY) {
        throw new Error("the mail server ended the conversation");
      }
      this.#read += new TextDecoder().decode(bytes.subarray(0, count));
    }
  }
}
