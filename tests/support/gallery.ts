/**
 * All pages of a made-up week, served for a browser: below /in to a reader who is signed in, below /out to one who is not, in a
 * dry run.
 */
import { reportPage } from "../../lib/history/report_page.ts";
import { serveHttp } from "../../lib/report/http_server.ts";
import { Site } from "../../lib/web/site.ts";
import { MadeUpSource } from "./made_up_source.ts";
import { writeWeek } from "./made_up_week.ts";

const TOKEN = "a token that is only for pictures";
const HOUR = 3_600_000;

/** See the module's text. `await using` ends it and removes its files. */
export class Gallery implements AsyncDisposable {
  /** Addresses by name. */
  readonly pages: Readonly<Record<string, string>>;
  /** What the readers' clock says, milliseconds since 1970. */
  now: number;
  /** The token that opens all. */
  readonly token: string = TOKEN;
  /** How many requests have come. */
  asked = 0;
  /** Whether nothing is answered but that. */
  away = false;
  readonly #folder: string;
  readonly #server: AsyncDisposable;
  #cookie = "";

  private constructor(folder: string, now: number) {
    this.#folder = folder;
    this.now = now;
    const signedIn = this.#site(false);
    const reader = this.#site(true);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answer = async (request: Request, from: string): Promise<Response> => {
      this.asked++;
      const { pathname, search } = new URL(request.url);
      const [, room, rest] = /^\/(in|out)(\/.*)$/.exec(pathname) ?? [];
      if (rest === undefined) return new Response(null, { status: 404 });
      if (this.away) return new Response(null, { status: 503 });
      const headers = new Headers(request.headers);
      if (room === "in") headers.set("cookie", this.#cookie ||= await cookieOf(signedIn));
      return await (room === "in" ? signedIn : reader).answer(
        new Request(`http://localhost${rest}${search}`, {
          method: request.method,
          headers,
          ...(request.method === "POST" ? { body: await request.text() } : {}),
        }),
        from,
      );
    };
    this.#server = serveHttp(listener, answer, { most: 32, patience: 20_000, longestBody: 4096 });
    const at = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
    this.pages = {
      overview: `${at}/in/`,
      dry: `${at}/out/`,
      clients: `${at}/out/clients?sort=score`,
      events: `${at}/out/events`,
      client: `${at}/in/client?c=192.168.1.34`,
      remembered: `${at}/out/client?c=192.168.1.34&since=7d`,
      login: `${at}/out/login`,
      report: `file://${folder}/report.html`,
      served: `${at}/in/report?since=7d`,
    };
  }

  /** Makes the week, which ends now. */
  static async open(): Promise<Gallery> {
    const folder = Deno.makeTempDirSync({ prefix: "ftwall-gallery-" });
    const now = Date.now();
    await writeWeek(`${folder}/history`, now - now % HOUR, 100);
    Deno.writeTextFileSync(`${folder}/token`, TOKEN, { mode: 0o600 });
    const { summary, wording } = await new MadeUpSource(now, `${folder}/history`).report(7 * 86400);
    Deno.writeTextFileSync(`${folder}/report.html`, reportPage(summary, wording));
    return new Gallery(folder, now);
  }

  #site(dryRun: boolean): Site {
    // A clock that jumps, so that no request is one too many.
    let now = 0;
    return new Site({
      source: new MadeUpSource(this.now, `${this.#folder}/history`, dryRun),
      web: { hosts: [], tokenFile: `${this.#folder}/token`, read: "anyone" },
      host: "router",
      now: () => now += 2000,
      wall: () => this.now,
      note: (text) => {
        throw new Error(text);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Signs in. */
async function cookieOf(site: Site): Promise<string> {
  const headers = { host: "localhost", "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams({ token: TOKEN }).toString();
  const answer = await site.answer(new Request("http://localhost/login", { method: "POST", headers, body }), "");
  return answer.headers.get("set-cookie")!.split(";")[0]!;
}
