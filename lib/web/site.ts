/**
 * The page as a whole: what is asked for, by whom, and whether he may.
 * @module
 */
import { pause } from "../net/timer.ts";
import type { Config } from "../policy/config.ts";
import { systemClock } from "../policy/week.ts";
import { reportPage } from "../history/report_page.ts";
import { PAGE_STYLE } from "../history/report_style.ts";
import { errorText } from "../net/error_text.ts";
import { parseAddress, parseMac } from "../net/address.ts";
import { isForeseen } from "../report/failure.ts";
import { plainAnswer } from "../report/http_server.ts";
import { plain } from "../report/plain.ts";
import { COOKIE, isForeign, isOurForm, isOurHost, Quota, type Session, Sessions } from "./gate.ts";
import type { Html } from "./html.ts";
import { ICON, LIVE_SCRIPT, WEB_STYLE } from "./looks.ts";
import { aboveReport, clientPage, clientsPage, eventsPage, failurePage, loginPage, overview, SPANS } from "./pages.ts";
import type { Frame } from "./parts.ts";
import type { Change, Source } from "./source.ts";

/** Milliseconds that a wrong token costs. */
const WRONG_COSTS = 1000;
/** Characters of a filter. */
const LONGEST_FILTER = 64;

/** What a site works with. */
export interface SiteParts {
  readonly source: Source;
  readonly web: Pick<Config["web"], "hosts" | "tokenFile" | "read">;
  /** Name of the machine. */
  readonly host: string;
  /** Milliseconds of a clock that only rises, and since 1970. */
  readonly now: () => number;
  readonly wall: () => number;
  /** Takes what the log should have. */
  readonly note: (text: string) => void;
}

/** A request with what is known of who sends it. */
interface Asked {
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly from: string;
  readonly session: Session | null;
}

/** See the module's text. */
export class Site {
  readonly #parts: SiteParts;
  readonly #sessions: Sessions;
  /** Requests of all readers together; those for which the history is read; lines for the log. */
  readonly #requests = new Quota(60, 20);
  readonly #readings = new Quota(6, 0.5);
  readonly #noted = new Quota(5, 1 / 60);
  #styleHash = "";

  /** Reads nothing yet. */
  constructor(parts: SiteParts) {
    this.#parts = parts;
    this.#sessions = new Sessions(parts.web.tokenFile);
  }

  /** Answers a request from an address, empty where it came through a Unix socket. Never throws. */
  async answer(request: Request, address: string): Promise<Response> {
    // At a Unix socket it is a web server of this machine who says for whom it asks.
    const told = address === "" ? request.headers.get("x-real-ip") ?? "" : address;
    const from = parseAddress(told) === null ? "" : told;
    const response = await this.#answer(request, from).catch((error: unknown) => {
      if (!isForeseen(error) && this.#noted.take(this.#parts.now())) {
        this.#note(`The page could not be made: ${errorText(error)}`);
      }
      return this.#failed(503, "Not now", isForeseen(error) ? errorText(error) : "The page could not be made.");
    });
    for (const [name, value] of SAFE) if (!response.headers.has(name)) response.headers.set(name, value);
    return response;
  }

  async #answer(request: Request, from: string): Promise<Response> {
    const { web, now } = this.#parts;
    const host = request.headers.get("host");
    if (!isOurHost(host, web.hosts)) {
      return plainAnswer(
        421,
        `There is no page of the name "${plain(host ?? "")}" here. If it is this router's, add it to [web] hosts`,
      );
    }
    if (!this.#requests.take(now())) {
      return plainAnswer(429, "Too many requests: try again in a moment", { "retry-after": "2" });
    }
    const { pathname, searchParams: query } = new URL(request.url);
    // All pages are side by side, with relative addresses: below one of them nothing would lead back.
    if (pathname.includes("/", 1)) return plainAnswer(404, "There is no page here");
    const fixed = FIXED[pathname];
    if (fixed !== undefined) {
      return new Response(fixed[1], { headers: { "content-type": fixed[0], "cache-control": "max-age=86400" } });
    }
    const session = await this.#sessions.of(request.headers, now());
    const asked: Asked = { request, query, from, session };
    if (pathname === "/login") return await this.#login(asked);
    if (request.method === "POST") return await this.#post(pathname, asked);
    if (web.read === "token" && session === null) return seeOther("login");
    return await this.#read(pathname, asked);
  }

  async #read(path: string, { request, query, session }: Asked): Promise<Response> {
    const { source } = this.#parts;
    const frame = () => this.#frame(session);
    switch (path) {
      case "/": {
        const [status, clients, events] = [await source.status(), await source.clients(), await source.events()];
        return shown(overview(await frame(), status, clients, events));
      }
      case "/clients": {
        // A character that was cut in half cannot stand in a link.
        const filter = (query.get("q") ?? "").slice(0, LONGEST_FILTER).toWellFormed();
        return shown(clientsPage(await frame(), await source.clients(), query.get("sort") ?? "", filter));
      }
      case "/events":
        return shown(eventsPage(await frame(), await source.events()));
      case "/client":
        return await this.#client(query, frame);
      case "/report": {
        const span = query.get("since") ?? "7d";
        const seconds = SPANS.get(span);
        if (seconds === undefined) break;
        if (!this.#readings.take(this.#parts.now())) return await this.#busy();
        const { summary, wording } = await source.report(seconds);
        const before = aboveReport(session?.secret ?? null, span).text;
        return new Response(reportPage(summary, wording, before), {
          headers: { ...HTML, "content-security-policy": await this.#reportPolicy() },
        });
      }
    }
    return await this.#failed(
      404,
      "Not here",
      `There is no page at ${plain(new URL(request.url).pathname.slice(0, 80))}.`,
    );
  }

  async #client(query: URLSearchParams, frame: () => Promise<Frame>): Promise<Response> {
    const client = query.get("c") ?? "";
    if (!isClient(client)) return await this.#failed(404, "Not here", "A client is named by its address or MAC.");
    const span = query.get("since") ?? "";
    const seconds = SPANS.get(span);
    if (seconds !== undefined && !this.#readings.take(this.#parts.now())) return await this.#busy();
    const answer = await this.#parts.source.explain(client);
    const log = seconds === undefined ? null : await this.#parts.source.log(client, seconds);
    return shown(clientPage(await frame(), answer, log, span));
  }

  async #login({ request, from, session }: Asked): Promise<Response> {
    const frame = await this.#frame(session);
    const { closed } = this.#sessions;
    if (request.method !== "POST") return shown(loginPage(frame, closed, ""));
    const form = await formOf(request);
    if (form === null || isForeign(request.headers)) return await this.#failed(403, "Refused", ELSEWHERE);
    const now = this.#parts.now();
    const number = await this.#sessions.begin(form.get("token") ?? "", now);
    if (number !== null) {
      // A web server in front says so where the browser came by TLS.
      const secure = request.headers.get("x-forwarded-proto") === "https" ? "; Secure" : "";
      return seeOther("./", { "set-cookie": `${COOKIE}=${number}; HttpOnly; SameSite=Strict${secure}` });
    }
    if (closed !== "") return shown(loginPage(frame, closed, ""), 403);
    if (this.#noted.take(now)) {
      this.#note(`A wrong token was given at the page${from === "" ? "" : ` from ${from}`}`);
    }
    await pause(WRONG_COSTS);
    return shown(loginPage(frame, closed, "That is not the token."), 403);
  }

  async #post(path: string, { request, from, session }: Asked): Promise<Response> {
    if (path !== "/act" && path !== "/logout") {
      return plainAnswer(405, "Only GET", { allow: "GET, HEAD" });
    }
    const form = await formOf(request);
    if (session === null) return seeOther("login");
    if (form === null || isForeign(request.headers) || !(await isOurForm(session, form.get("secret") ?? ""))) {
      return await this.#failed(403, "Refused", ELSEWHERE);
    }
    if (path === "/logout") {
      this.#sessions.end(request.headers);
      return seeOther("./", { "set-cookie": `${COOKIE}=; Max-Age=0; HttpOnly; SameSite=Strict` });
    }
    const change = changeOf(form);
    if (change === null) return await this.#failed(400, "Refused", "That is not a change of a client.");
    try {
      session.said = (await this.#parts.source.act(change, from)).message;
    } catch (error) {
      if (!isForeseen(error)) throw error;
      session.said = errorText(error);
    }
    return seeOther(form.get("back") === "overview" ? "./" : `client?c=${encodeURIComponent(change.client!)}`);
  }

  /** What a page needs besides what it is about. What was to be said is said once. */
  async #frame(session: Session | null): Promise<Frame> {
    const { source, host, wall } = this.#parts;
    const said = session?.said ?? "";
    const [{ dry_run: dryRun }, clock] = [await source.status(), await source.clock()];
    if (session !== null) session.said = "";
    return { host, now: wall(), clock, dryRun, secret: session?.secret ?? null, said };
  }

  async #busy(): Promise<Response> {
    const busy = await this.#failed(
      429,
      "Not so fast",
      "The history is read at most every two seconds: try again in a moment.",
    );
    busy.headers.set("retry-after", "2");
    return busy;
  }

  /** Without asking the daemon, who may be what failed. */
  #failed(status: number, title: string, message: string): Promise<Response> {
    const { host, wall } = this.#parts;
    const frame: Frame = { host, now: wall(), clock: systemClock, dryRun: false, secret: null, said: "" };
    return Promise.resolve(shown(failurePage(frame, title, message), status));
  }

  /** The report has its style in itself, as it also is a file: that style, and no other, is allowed. */
  async #reportPolicy(): Promise<string> {
    if (this.#styleHash === "") {
      const bytes = new TextEncoder().encode(`\n${PAGE_STYLE}`);
      this.#styleHash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toBase64();
    }
    return POLICY.replace("style-src 'self'", `style-src 'sha256-${this.#styleHash}'`);
  }

  #note(text: string): void {
    this.#parts.note(text);
  }
}

const ELSEWHERE =
  "This did not come from a form of this page as it is now. Go back, load the page again, and try once more.";

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** What every answer says for the safety of its reader. */
const SAFE: readonly (readonly [name: string, value: string])[] = [
  ["content-security-policy", POLICY],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  // With "no-referrer" a browser would not say from where a form comes.
  ["referrer-policy", "same-origin"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  ["cache-control", "no-store"],
];

const HTML = { "content-type": "text/html;charset=UTF-8" };

/** What is the same for all. */
const FIXED: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/style.css": ["text/css;charset=UTF-8", PAGE_STYLE + WEB_STYLE],
  "/live.js": ["text/javascript;charset=UTF-8", LIVE_SCRIPT],
  "/icon.svg": ["image/svg+xml", ICON],
};

function shown({ text }: Html, status: number = 200): Response {
  return new Response(text, { status, headers: HTML });
}

function seeOther(location: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(null, { status: 303, headers: { location, ...headers } });
}

async function formOf(request: Request): Promise<URLSearchParams | null> {
  const type = request.headers.get("content-type") ?? "";
  return /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type) ? new URLSearchParams(await request.text()) : null;
}

function isClient(text: string): boolean {
  return parseAddress(text) !== null || parseMac(text) !== null;
}

/** The change that a form asks for; null for none. */
function changeOf(form: URLSearchParams): Change | null {
  const client = form.get("client") ?? "";
  const reason = (form.get("reason") ?? "").slice(0, 200);
  const command = form.get("do");
  if (!isClient(client)) return null;
  if (command === "unlock") return { command, client, reason };
  const seconds = Number(form.get("seconds"));
  if (command !== "lock" && command !== "allow" || !Number.isInteger(seconds) || seconds < 1) return null;
  return { command, client, reason, seconds };
}
