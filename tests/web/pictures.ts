/**
 * Pictures of the page and of the report as a browser shows them: light, dark, on a phone, on paper. Needs chromium.
 * `deno run -A tests/web/pictures.ts FOLDER`
 */
import { reportPage } from "../../lib/history/report_page.ts";
import { serveHttp } from "../../lib/report/http_server.ts";
import { Site } from "../../lib/web/site.ts";
import { Browser, type Look } from "../support/browser.ts";
import { MadeUpSource } from "../support/made_up_source.ts";
import { writeWeek } from "../support/made_up_week.ts";

const [folder = "pictures", ...only] = Deno.args;
const work = Deno.makeTempDirSync({ prefix: "ftwall-pictures-" });
Deno.mkdirSync(folder, { recursive: true });
const now = Date.now();
await writeWeek(`${work}/history`, now - now % 3_600_000, 100);
const token = "a token that is only for pictures";
Deno.writeTextFileSync(`${work}/token`, token, { mode: 0o600 });

/** A site that its reader has signed in to, as pictures cannot: what it answers is shown with the forms. */
function siteOf(dryRun: boolean): Site {
  return new Site({
    source: new MadeUpSource(now, `${work}/history`, dryRun),
    web: { hosts: [], tokenFile: `${work}/token`, read: "anyone" },
    host: "router",
    now: () => performance.now(),
    wall: () => now,
    note: (text) => {
      throw new Error(text);
    },
  });
}

const signedIn = siteOf(false);
const cookie = await (async () => {
  const headers = { host: "localhost", "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams({ token }).toString();
  const answer = await signedIn.answer(new Request("http://localhost/login", { method: "POST", headers, body }), "");
  return answer.headers.get("set-cookie")!.split(";")[0]!;
})();
const reader = siteOf(true);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const port = (listener.addr as Deno.NetAddr).port;
await using _ = serveHttp(listener, (request, from) => {
  // Below /in a reader is signed in; below /out he is not, and it is a dry run.
  const [, room, rest] = /^\/(in|out)(\/.*)$/.exec(new URL(request.url).pathname) ?? [];
  if (rest === undefined) return new Response(null, { status: 404 });
  const headers = new Headers(request.headers);
  if (room === "in") headers.set("cookie", cookie);
  const url = `http://localhost${rest}${new URL(request.url).search}`;
  return (room === "in" ? signedIn : reader).answer(new Request(url, { headers }), from);
}, { most: 32, patience: 20_000, longestBody: 4096 });

const { summary, wording } = await new MadeUpSource(now, `${work}/history`).report(7 * 86400);
Deno.writeTextFileSync(`${work}/report.html`, reportPage(summary, wording));

/** Looks by name. */
const LOOKS: Readonly<Record<string, Look>> = {
  light: { width: 1100, height: 1500 },
  dark: { width: 1100, height: 1500, dark: true },
  phone: { width: 390, height: 1600, mobile: true },
  narrow: { width: 320, height: 1600, mobile: true },
};
const at = `http://127.0.0.1:${port}`;
const PAGES: Readonly<Record<string, string>> = {
  overview: `${at}/in/`,
  dry: `${at}/out/`,
  clients: `${at}/out/clients?sort=score`,
  events: `${at}/out/events`,
  client: `${at}/in/client?c=192.168.1.34&since=7d`,
  login: `${at}/out/login`,
  report: `file://${work}/report.html`,
  served: `${at}/in/report?since=7d`,
};
/** Those that docs/web.md shows. */
const SHOWN: Readonly<Record<string, readonly [url: string, look: Look]>> = {
  "web-overview": [`${at}/in/`, { width: 900, height: 760 }],
  "web-client-dark": [`${at}/in/client?c=192.168.1.34`, { width: 720, height: 640, dark: true }],
  "web-clients-phone": [`${at}/out/clients?sort=score`, { width: 360, height: 640, mobile: true }],
};

await using browser = await Browser.open();
const take = async (name: string, url: string, look: Look): Promise<void> => {
  if (only.length > 0 && !only.some((one) => name === one || name.startsWith(`${one}-`))) return;
  await browser.load(url, look);
  Deno.writeFileSync(`${folder}/${name}.png`, await browser.picture());
};
for (const [name, url] of Object.entries(PAGES)) {
  for (const [look, how] of Object.entries(LOOKS)) await take(`${name}-${look}`, url, how);
}
for (const [name, [url, look]] of Object.entries(SHOWN)) await take(name, url, look);
if (only.length === 0 || only.includes("paper")) {
  await browser.load(`file://${work}/report.html`, LOOKS["light"]!);
  Deno.writeFileSync(`${folder}/report.pdf`, await browser.paper());
}
Deno.removeSync(work, { recursive: true });
