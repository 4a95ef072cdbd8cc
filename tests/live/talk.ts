/**
 * Small talk over sockets, for live tests; runs inside a namespace.
 *
 *     deno run -A talk.ts echo PORT                              answers UDP and TCP with what it gets, prints each
 *     deno run -A talk.ts udp HOST PORT TEXT COUNT [MS] [HOW]    sends from one socket, waits for each answer;
 *                                                                each: from a new socket each time,
 *                                                                paced: waits MS after each answer
 *     deno run -A talk.ts tcp HOST PORT TEXT COUNT [MS]          the same over one connection
 *
 * TEXT "one|two" sends "one" first and "two" from then on. MS is for answers that are not due: how long the last text is
 * waited for. What is answered in any case is waited for as long as it takes.
 *
 * The senders end with one line of JSON: how many answers, and the error that ended it, if any.
 */
import { createSocket, type Socket } from "node:dgram";
import { connect, createServer } from "node:net";

/** Milliseconds for what comes in any case, so that a test ends where it does not. */
const DUE = 60_000;

const [what = "", ...rest] = Deno.args;
if (import.meta.main) {
  if (what === "echo") echo(Number(rest[0]));
  else {
    const [host = "", port = "", text = "", count = "1", limit = String(DUE), how = ""] = rest;
    const send = what === "tcp" ? tcp : udp;
    const result = await send(host, Number(port), text.split("|"), Number(count), Number(limit), how);
    await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(result) + "\n"));
    Deno.exit(0);
  }
}

interface Talked {
  answers: number;
  error: string | null;
}

function echo(port: number): void {
  const note = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
  for (const type of ["udp4", "udp6"] as const) {
    const socket = createSocket(type === "udp6" ? { type, ipv6Only: true } : { type });
    socket.on("message", (bytes, from) => {
      note(`udp ${from.address} ${bytes.toString("latin1")}`);
      socket.send(bytes, from.port, from.address);
    });
    socket.bind(port);
  }
  const server = createServer((stream) => {
    stream.on("data", (bytes: Uint8Array) => {
      note(`tcp ${stream.remoteAddress} ${new TextDecoder().decode(bytes)}`);
      stream.write(bytes);
    });
    stream.on("error", () => {});
  });
  server.listen({ port, host: "::" }, () => note("ready"));
}

async function udp(
  host: string,
  port: number,
  texts: readonly string[],
  count: number,
  limit: number,
  how: string,
): Promise<Talked> {
  const result: Talked = { answers: 0, error: null };
  const type = host.includes(":") ? "udp6" : "udp4";
  let socket: Socket | null = null;
  for (let at = 0; at < count; at++) {
    if (socket === null || how === "each") {
      socket?.close();
      socket = createSocket(type);
      // Connected, so that an ICMP error is reported.
      await new Promise<void>((resolve) => socket!.connect(port, host, resolve));
      socket.on("error", () => {});
    }
    const open: Socket = socket;
    const text = texts[at] ?? texts.at(-1)!;
    const due = how === "paced" || (texts.length > 1 && text !== texts.at(-1));
    const sent = Promise.withResolvers<void>();
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(late);
        open.removeAllListeners("message");
        resolve();
      };
      const late = setTimeout(done, due ? DUE : limit);
      open.once("message", () => {
        result.answers++;
        if (how === "paced") setTimeout(done, limit);
        else done();
      });
      open.once("error", (error) => {
        result.error = (error as { code?: string }).code ?? error.message;
        done();
      });
      open.send(text, (error) => {
        if (error !== null) result.error = (error as { code?: string }).code ?? error.message;
        sent.resolve();
      });
    });
    await sent.promise;
  }
  socket?.close();
  return result;
}

function tcp(host: string, port: number, texts: readonly string[], count: number, limit: number): Promise<Talked> {
  const result: Talked = { answers: 0, error: null };
  return new Promise((resolve) => {
    const stream = connect({ host, port });
    stream.setNoDelay(true);
    const end = (error: string | null) => {
      clearTimeout(late);
      result.error = error;
      stream.destroy();
      resolve(result);
    };
    let late = setTimeout(() => end("timeout"), limit);
    stream.on("connect", () => stream.write(texts[0]!));
    stream.on("data", () => {
      clearTimeout(late);
      if (++result.answers >= count) return end(null);
      late = setTimeout(() => end("timeout"), limit);
      stream.write(texts[result.answers] ?? texts.at(-1)!);
    });
    stream.on("error", (error) => end((error as { code?: string }).code ?? error.message));
  });
}
