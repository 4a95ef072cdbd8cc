/**
 * HTTP for few readers, all of whom may be hostile (RFC 9112): one answer for each connection, and everything that a request
 * brings is bounded. The runtime's own server accepts without bound, and ends the program when descriptors run out.
 * @module
 */
import { type AcceptLimits, AcceptLoop } from "./accept_loop.ts";
import { writeAll } from "./write_all.ts";

/** Bytes of a request's head, and fields in it. */
const LONGEST_HEAD = 8192;
const MOST_FIELDS = 64;

/** Bounds of a server. */
export interface HttpLimits extends AcceptLimits {
  /** Bytes of a request's body; 0 = there is no POST. */
  readonly longestBody: number;
}

/** Answers GET, HEAD and POST; `from` is the address of the other end, empty where it came through a Unix socket. */
export type Answerer = (request: Request, from: string) => Response | Promise<Response>;

/** Reads `ADDRESS:PORT`; null for anything else. */
export function readListen(listen: string): { readonly hostname: string; readonly port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3] ?? NaN);
  return match === null || port > 65535 ? null : { hostname: match[1] ?? match[2] ?? "", port };
}

/** Answers what comes to a listener, until the loop is disposed of. An `answer` that throws is answered by 500. */
export function serveHttp(listener: Deno.Listener, answer: Answerer, limits: HttpLimits): AcceptLoop {
  return new AcceptLoop(listener, (connection) => serve(connection, answer, limits.longestBody), limits);
}

async function serve(connection: Deno.Conn, answer: Answerer, longestBody: number): Promise<void> {
  const read = await readRequest(connection, longestBody);
  if (read === null) return;
  const { remoteAddr: remote } = connection;
  let response: Response;
  try {
    response = read instanceof Response ? read : await answer(read, "hostname" in remote ? remote.hostname : "");
  } catch {
    response = plainAnswer(500, "The answer could not be built");
  }
  const body = await response.bytes();
  const fields = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = `HTTP/1.1 ${response.status} ${REASONS[response.status] ?? ""}\r\n${fields}` +
    `content-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  await writeAll(connection, new TextEncoder().encode(head));
  if (read instanceof Response || read.method !== "HEAD") await writeAll(connection, body);
  await connection.closeWrite();
}

/** Reason phrases; those of others stay empty. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  303: "See Other",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  421: "Misdirected Request",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** A sentence as an answer. */
export function plainAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain;charset=UTF-8", ...headers } });
}

/** The request, or the answer to one that cannot be read; null where the other end closed before it was whole, or sent too much. */
async function readRequest(connection: Deno.Conn, longestBody: number): Promise<Request | Response | null> {
  const bytes = new Uint8Array(LONGEST_HEAD + longestBody);
  let used = 0;
  const more = async (): Promise<boolean> => {
    const count = used < bytes.length ? await connection.read(bytes.subarray(used)) : null;
    used += count ?? 0;
    return count !== null;
  };
  let end = -1;
  let text = "";
  while (end < 0) {
    if (used >= LONGEST_HEAD || !(await more())) return null;
    text = new TextDecoder("latin1").decode(bytes.subarray(0, used));
    end = /\r?\n\r?\n/.exec(text)?.index ?? -1;
  }
  const [first = "", ...lines] = text.slice(0, end).split(/\r?\n/);
  const [, method = "", target] = /^([!-~]{1,32}) ([!-~]+) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (target === undefined) return plainAnswer(400, "Cannot read that");
  const methods = longestBody === 0 ? ["GET", "HEAD"] : ["GET", "HEAD", "POST"];
  if (!methods.includes(method)) return plainAnswer(405, `Only ${methods.join(", ")}`, { allow: methods.join(", ") });
  const path = target.replace(/^https?:\/\/[^/]*/i, "");
  const headers = readFields(lines);
  if (headers === null || !path.startsWith("/")) return plainAnswer(400, "Cannot read that");
  const begin = end + /\r?\n\r?\n/.exec(text.slice(end))![0].length;
  const length = method === "POST" ? Number(headers.get("content-length") ?? NaN) : 0;
  if (Number.isNaN(length) || headers.has("transfer-encoding")) {
    return plainAnswer(400, "Cannot read a body without a length");
  }
  if (length > longestBody) return plainAnswer(413, `The body is longer than ${longestBody} bytes`);
  while (used < begin + length) if (!(await more())) return null;
  try {
    return new Request(`http://localhost${path}`, {
      method,
      headers,
      ...(method === "POST" ? { body: bytes.slice(begin, begin + length) } : {}),
    });
  } catch {
    return plainAnswer(400, "Cannot read that");
  }
}

/** The fields of a head; null where one is broken, there are too many, or one that must be alone is not. */
function readFields(lines: readonly string[]): Headers | null {
  if (lines.length > MOST_FIELDS) return null;
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t -~\u0080-\u00ff]*)$/.exec(line) ?? [];
    if (name === undefined) return null;
    if (/^(?:host|content-length)$/i.test(name) && headers.has(name)) return null;
    headers.append(name, value!.trim());
  }
  const length = headers.get("content-length");
  return length === null || /^\d{1,9}$/.test(length) ? headers : null;
}
