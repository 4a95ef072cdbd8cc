/**
 * Messages for web services: each form has the request that its service documents.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import type { NotifyConfig } from "../policy/config.ts";
import { jsonLine } from "../report/plain.ts";
import { fitting, type Message } from "./message.ts";

/** One request. */
export interface Request {
  readonly method: "POST" | "PUT";
  readonly url: string;
  readonly body: string;
}

/** Bytes of text: ntfy makes an attachment of more than 4096, Discord refuses more than 2000 characters. */
const NTFY_ROOM = 3800;
const SLACK_ROOM = 1800;
/** An event of Matrix has at most 65,536 bytes, in which ours stands twice. */
const MATRIX_ROOM = 24_000;

/** The request that brings a message to a target. */
export function requestOf({ webhook, form }: NotifyConfig, message: Message): Request {
  const { id, subject, lines, urgent, json } = message;
  switch (form) {
    case "json":
      return { method: "POST", url: webhook, body: json };
    case "slack": {
      // docs.slack.dev, "Formatting message text": these three are escaped, and a code block holds no mention. Two signs keep
      // a text from ending the block, and from calling everybody where a service looks into it.
      const text = fitting(lines, SLACK_ROOM).join("\n").replaceAll("`", "'").replaceAll("@", "@\u200b");
      return {
        method: "POST",
        url: webhook,
        body: jsonLine({ text: `${escaped(subject)}\n\`\`\`\n${escaped(text)}\n\`\`\`` }),
      };
    }
    case "ntfy": {
      // docs.ntfy.sh/publish, "Publish as JSON": to the server's root, so that no text becomes a header.
      const url = new URL(webhook);
      const topic = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
      url.pathname = url.pathname.slice(0, -topic.length);
      const text = fitting(lines, NTFY_ROOM).join("\n");
      return {
        method: "POST",
        url: url.href,
        body: jsonLine({ topic, title: subject, message: text, priority: urgent ? 4 : 3, tags: ["ftwall"] }),
      };
    }
    case "matrix": {
      // Client-server API, PUT /rooms/{roomId}/send/{eventType}/{txnId}: a second try with the same id is the same event.
      const text = fitting(lines, MATRIX_ROOM).join("\n");
      const content = {
        msgtype: "m.text",
        body: `${subject}\n${text}`,
        format: "org.matrix.custom.html",
        formatted_body: `<strong>${escaped(subject)}</strong><pre>${escaped(text)}</pre>`,
        "m.mentions": {},
      };
      const url = new URL(webhook);
      url.pathname += `/${id}`;
      return { method: "PUT", url: url.href, body: jsonLine(content) };
    }
  }
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Bytes of an answer that are read. */
const LONGEST_ANSWER = 2000;

/** Milliseconds that {@link prepareTls} may take. */
const LONGEST_PREPARATION = 1000;

/** Sends a request. Throws an Error that says why it was not taken, and names neither address nor token. */
export async function post(target: NotifyConfig, message: Message, signal: AbortSignal): Promise<void> {
  const { method, url, body } = requestOf(target, message);
  const headers = new Headers({ "content-type": "application/json", "user-agent": "ftwall" });
  if (target.token !== "") headers.set("authorization", `Bearer ${target.token}`);
  const caCerts = target.ca === "" ? [] : [await Deno.readTextFile(target.ca)];
  const client = Deno.createHttpClient({ caCerts, poolMaxIdlePerHost: 0 });
  using _ = client;
  let answer: Response;
  try {
    answer = await fetch(url, { method, body, headers, redirect: "manual", signal, client });
  } catch (error) {
    // What the runtime says of it repeats the address, which may be a secret.
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : errorText(error);
    throw new Error(why.replace(/(?:error sending request )?for url \(.*?\)(?:: )?/, "").replaceAll(url, "…"));
  }
  const { status, statusText } = answer;
  const said = await start(answer);
  if (answer.ok) return;
  const where = status >= 300 && status < 400 ? `: it leads elsewhere, which is not followed` : "";
  throw new Refused(
    status,
    `it answered ${status} ${statusText}${where}${said === "" ? "" : `: ${said}`}`,
    waitOf(answer),
  );
}

/** A server understood the request, and did not take it. */
export class Refused extends Error {
  override readonly name = "Refused";
  /** Another try of the same message is in vain: it is the message that is not taken. */
  readonly final: boolean;
  /** Seconds that it asks to wait for. */
  readonly wait: number;

  /** `status` is that of HTTP. */
  constructor(status: number, message: string, wait: number) {
    super(message);
    this.final = status === 400 || status === 413 || status === 422;
    this.wait = wait;
  }
}

function waitOf({ headers }: Response): number {
  const seconds = Number(headers.get("retry-after") ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), 3600) : 0;
}

/** The first line of an answer. The rest is not read. */
async function start(answer: Response): Promise<string> {
  let text = "";
  try {
    const decoder = new TextDecoder();
    for await (const piece of answer.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      if (text.length > LONGEST_ANSWER) break;
    }
  } catch {
    // It was taken or not: the status says so.
  }
  return text.split("\n")[0]!.slice(0, 200).trim();
}

/**
 * Makes the runtime ready for TLS, which takes some 30 ms the first time in which no packet would be judged: by a connection
 * within this machine that comes to nothing. Call it where time does not matter. Throws where this machine cannot reach itself.
 */
export async function prepareTls(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const closed = listener.accept().then((connection) => connection.close(), () => {});
  // Through a proxy, or without a loopback interface, it never comes to the listener.
  await fetch(`https://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(LONGEST_PREPARATION) }).catch(() => {});
  listener.close();
  await closed;
}
