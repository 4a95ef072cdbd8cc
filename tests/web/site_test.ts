import assert from "node:assert/strict";
import { FAILED, Failure } from "../../lib/report/failure.ts";
import { COOKIE } from "../../lib/web/gate.ts";
import { Site } from "../../lib/web/site.ts";
import { MadeUpSource } from "../support/made_up_source.ts";

const NOW = Date.UTC(2026, 0, 12, 7);
const TOKEN = "correct horse battery staple";
const FORM = "application/x-www-form-urlencoded";

/** A site with a clock and a folder of its own. */
class Desk implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ftwall-web-" });
  readonly source: MadeUpSource;
  readonly site: Site;
  readonly notes: string[] = [];
  now = 0;
  cookie = "";

  constructor(
    more: { read?: "anyone" | "token"; hosts?: string[]; token?: string; mode?: number; source?: MadeUpSource } = {},
  ) {
    this.source = more.source ?? new MadeUpSource(NOW);
    const tokenFile = `${this.folder}/token`;
    this.write(more.token ?? TOKEN, more.mode);
    this.site = new Site({
      source: this.source,
      web: { hosts: more.hosts ?? [], tokenFile, read: more.read ?? "anyone" },
      host: "router",
      now: () => this.now,
      wall: () => NOW,
      note: (text) => this.notes.push(text),
    });
  }

  write(token: string, mode = 0o600): void {
    Deno.writeTextFileSync(`${this.folder}/token`, `${token}\n`);
    Deno.chmodSync(`${this.folder}/token`, mode);
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return await this.site.answer(
      new Request(`http://localhost${path}`, { headers: { host: "127.0.0.1:8464", cookie: this.cookie, ...headers } }),
      "192.168.1.9",
    );
  }

  async text(path: string): Promise<string> {
    return await (await this.get(path)).text();
  }

  async post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    return await this.site.answer(
      new Request(`http://localhost${path}`, {
        method: "POST",
        headers: { host: "127.0.0.1:8464", cookie: this.cookie, "content-type": FORM, ...headers },
        body: new URLSearchParams(fields).toString(),
      }),
      "192.168.1.9",
    );
  }

  async signIn(token: string = TOKEN): Promise<Response> {
    const answer = await this.post("/login", { token });
    this.cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
    return answer;
  }

  async secret(): Promise<string> {
    return /name="secret" value="([0-9a-f]{64})"/.exec(await this.text("/"))?.[1] ?? "";
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("every page can be read without a token, and says who, what and why", async () => {
  using desk = new Desk();
  const pages: readonly (readonly [path: string, ...says: RegExp[]])[] = [
    [
      "/",
      /<h1>Overview<\/h1>/,
      /ela-tablet-34<\/a><small>192\.168\.1\.34</,
      /54s<\/time>/,
      /Needs attention/,
      /detected bittorrent/,
    ],
    ["/clients", /<h1>Clients<\/h1>/, /200 clients\./, /client\?c=192\.168\.1\.200"/],
    ["/clients?q=anna&sort=client", /aria-sort="ascending"/, /of 200 clients\./],
    ["/events", /The last 120, newest first/, /rests on: the handshake/, /bytes: <code>1342/],
    [
      "/client?c=192.168.1.34",
      /<h1>ela-tablet-34<\/h1>/,
      /group staff/,
      /62\.5 of 100/,
      /for fasttrack \(udp-ping\), by detector/,
    ],
    ["/login", /<label for="token">Token<\/label>/],
  ];
  for (const [path, ...says] of pages) {
    const answer = await desk.get(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), "text/html;charset=UTF-8");
    const text = await answer.text();
    for (const said of says) assert.match(text, said, path);
    assert.doesNotMatch(text, /name="secret"/, path);
    if (path !== "/login") assert.doesNotMatch(text, /method="post"/, path);
  }
});

Deno.test("in a dry run the words are those of what would be", async () => {
  using desk = new Desk({ source: new MadeUpSource(NOW, "", true) });
  const text = await desk.text("/");
  assert.match(text, /dry run: nothing is refused/);
  assert.match(text, /<h2 id="locks">Would be locked<\/h2>/);
  assert.match(text, /<pre tabindex="0">ftwall [^\n]*DRY RUN[^\n]*\nconfig /);
  assert.match(text, /packets would be refused/);
  assert.match(await desk.text("/client?c=192.168.1.34"), />would be locked<\/span> for fasttrack/);
});

Deno.test("no page runs, styles or embeds anything but its own files, and no answer lacks the headers that say so", async () => {
  using desk = new Desk();
  for (
    const path of [
      "/",
      "/clients",
      "/events",
      "/client?c=192.168.1.34",
      "/login",
      "/nothing",
      "/client?c=x",
      "/style.css",
      "/live.js",
      "/icon.svg",
    ]
  ) {
    const { headers } = await desk.get(path);
    const policy = headers.get("content-security-policy")!;
    for (
      const part of [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ]
    ) {
      assert.ok(policy.split("; ").includes(part), `${path}: ${part}`);
    }
    assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "same-origin");
    const text = await desk.text(path);
    if (!path.includes(".css") && !path.includes(".js")) {
      assert.doesNotMatch(
        text,
        /<style| style=|<script(?! src="live\.js)|\son\w+=|javascript:|<iframe|http-equiv/i,
        path,
      );
    }
    // Below whatever path a web server puts it: no address begins at the root.
    assert.doesNotMatch(text, /(?:href|src|action)="\//, path);
  }
});

Deno.test("the report brings its own style, which is allowed by its hash alone", async () => {
  const history = Deno.makeTempDirSync({ prefix: "ftwall-web-" });
  try {
    using desk = new Desk({ source: new MadeUpSource(NOW, history) });
    const answer = await desk.get("/report?since=1d");
    const text = await answer.text();
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)![1]!;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style))).toBase64();
    assert.match(
      answer.headers.get("content-security-policy")!,
      new RegExp(`style-src 'sha256-${hash.replaceAll("+", "\\+")}'`),
    );
    assert.match(text, /<a href="report" aria-current="page">Report<\/a>/);
    assert.doesNotMatch(text, / style=|<script|\son\w+=/);
    assert.equal((await desk.get("/report?since=9y")).status, 404);
  } finally {
    Deno.removeSync(history, { recursive: true });
  }
});

const HOSTILE = `"><script>alert(1)</script>'\`&\u202e\u001b[2J`;

Deno.test("what clients and peers call themselves, and what operators write, becomes no part of a page", async () => {
  const source = new MadeUpSource(NOW);
  const row = {
    ...(await source.clients())[0]!,
    client_name: HOSTILE,
    protocol: HOSTILE,
    evidence: HOSTILE,
    mac: HOSTILE,
  };
  const status = await source.status();
  const event = {
    event: "detected",
    client: "10.0.0.5",
    client_name: HOSTILE,
    peer: HOSTILE,
    peer_port: 1,
    transport: "tcp",
  } as const;
  const history = [{
    time: HOSTILE,
    event: {
      ...event,
      protocol: HOSTILE,
      evidence: HOSTILE,
      certainty: "weak",
      action: "log",
      bytes: HOSTILE,
      because: HOSTILE,
    },
  }, {
    time: new Date(NOW).toISOString(),
    event: {
      event: "audit",
      action: "lock",
      who: { user: HOSTILE },
      client: HOSTILE,
      reason: HOSTILE,
      outcome: "done",
    },
  }, { time: "", event: { event: "note", level: "error", message: HOSTILE } }] as never;
  const lock = {
    ...status.locks[0]!,
    client_name: HOSTILE,
    client: HOSTILE,
    reason: HOSTILE,
    evidence: HOSTILE,
    protocol: HOSTILE,
    by: HOSTILE,
    until: HOSTILE,
  };
  source.clients = () => Promise.resolve([row]);
  source.events = () => Promise.resolve(history);
  source.status = () =>
    Promise.resolve({
      ...status,
      locks: [lock],
      config: { ...status.config, last_reload: { ok: false, at: "", problems: [HOSTILE] } },
    });
  const answer = await source.explain("10.0.0.5");
  const scores = [{ protocol: HOSTILE, score: 1, threshold: 2, because: [HOSTILE] }];
  source.explain = () =>
    Promise.resolve({
      ...answer,
      client: HOSTILE,
      client_name: HOSTILE,
      mac: HOSTILE,
      group: HOSTILE,
      lock,
      scores,
      history,
      allowed_until: HOSTILE,
    });
  source.log = () => Promise.resolve([HOSTILE]);
  source.act = () => Promise.resolve({ clients: [], message: HOSTILE });
  using desk = new Desk({ source });
  const clean = async (path: string, mentions = true) => {
    const text = await desk.text(path);
    assert.equal([...text.matchAll(/<script/g)].length, path.includes("login") ? 0 : 1, path);
    for (const raw of ["alert(1)</script>", "\u202e", "\u001b"]) assert.ok(!text.includes(raw), path);
    assert.equal(text.includes("&#60;script&#62;alert(1)"), mentions, path);
  };
  for (const path of ["/", "/clients", "/events", "/client?c=10.0.0.5&since=7d"]) await clean(path);
  await clean(`/clients?q=${encodeURIComponent(HOSTILE)}&sort=${encodeURIComponent(HOSTILE)}`);
  await desk.signIn();
  const secret = await desk.secret();
  await desk.post("/act", { do: "unlock", client: "10.0.0.5", secret });
  for (const path of ["/", "/client?c=10.0.0.5"]) await clean(path);
  await clean("/login", false);
  source.status = () => Promise.reject(new Failure(FAILED, HOSTILE));
  const failed = await desk.get("/");
  assert.equal(failed.status, 503);
  assert.match(await failed.text(), /&#60;script&#62;/);
});

Deno.test("only addresses, localhost and the names of the config are answered", async () => {
  using desk = new Desk({ hosts: ["router.lan"] });
  const status = async (host: string) => (await desk.get("/login", { host })).status;
  for (
    const host of [
      "127.0.0.1:8464",
      "[::1]:8464",
      "192.168.1.1",
      "localhost",
      "LOCALHOST:1",
      "router.lan",
      "Router.LAN:443",
      "router.lan.",
    ]
  ) {
    assert.equal(await status(host), 200, host);
  }
  for (
    const host of [
      "evil.example",
      "127.0.0.1.evil.example",
      "router.lan.evil.example",
      "xrouter.lan",
      "a@127.0.0.1",
      "127.0.0.1:8464:1",
      "[::1",
      "0x7f000001",
      "",
    ]
  ) {
    assert.equal(await status(host), 421, host);
  }
  const unnamed = await desk.site.answer(new Request("http://localhost/"), "");
  assert.equal(unnamed.status, 421);
});

Deno.test("with the token one signs in, acts and signs out; each is told to the daemon with the reader's address", async () => {
  using desk = new Desk();
  const signed = await desk.signIn();
  assert.equal(signed.status, 303);
  assert.match(signed.headers.get("set-cookie")!, new RegExp(`^${COOKIE}=[0-9a-f]{64}; HttpOnly; SameSite=Strict$`));
  const secret = await desk.secret();
  assert.match(await desk.text("/client?c=192.168.1.34"), /<legend>Unlock<\/legend>/);
  const fields = { secret, client: "192.168.1.34", reason: "asked for", seconds: "600" };
  const locked = await desk.post("/act", { ...fields, do: "lock" });
  assert.equal(locked.status, 303);
  assert.equal(locked.headers.get("location"), "client?c=192.168.1.34");
  assert.match(
    await desk.text("/client?c=192.168.1.34"),
    /<p class="said" role="status">lock of 192\.168\.1\.34: done<\/p>/,
  );
  assert.doesNotMatch(await desk.text("/client?c=192.168.1.34"), /class="said"/);
  await desk.post("/act", { ...fields, do: "allow", seconds: "7200" });
  const unlocked = await desk.post("/act", { ...fields, do: "unlock", back: "overview" });
  assert.equal(unlocked.headers.get("location"), "./");
  const said = { client: "192.168.1.34", reason: "asked for" };
  assert.deepEqual(desk.source.changes, [
    { change: { command: "lock", ...said, seconds: 600 }, from: "192.168.1.9" },
    { change: { command: "allow", ...said, seconds: 7200 }, from: "192.168.1.9" },
    { change: { command: "unlock", ...said }, from: "192.168.1.9" },
  ]);
  await desk.post("/act", { ...fields, do: "lock", client: "192.168.1.254" });
  assert.match(
    await desk.text("/"),
    /class="said" role="status">Cannot lock &#34;192\.168\.1\.254&#34;: the config exempts it</,
  );
  const out = await desk.post("/logout", { secret });
  assert.match(out.headers.get("set-cookie")!, /Max-Age=0/);
  // The cookie that is still there opens nothing any more.
  assert.equal(await desk.secret(), "");
});

Deno.test("who asks is the other end of the connection, and only at a Unix socket what a web server says", async () => {
  for (
    const [address, said, from] of [
      ["192.168.1.9", "10.0.0.1", "192.168.1.9"],
      ["", "10.0.0.1", "10.0.0.1"],
      ["", "2001:db8::7", "2001:db8::7"],
      ["", "not an address", ""],
    ] as const
  ) {
    using desk = new Desk();
    await desk.signIn();
    const headers = { host: "localhost", cookie: desk.cookie, "content-type": FORM, "x-real-ip": said };
    const body = new URLSearchParams({ do: "unlock", client: "192.168.1.34", secret: await desk.secret() }).toString();
    await desk.site.answer(new Request("http://localhost/act", { method: "POST", headers, body }), address);
    assert.deepEqual(desk.source.changes.map(({ from }) => from), [from]);
  }
});

Deno.test("nothing is done without session, secret and a form of this page", async () => {
  using desk = new Desk();
  const fields = { do: "lock", client: "192.168.1.34", seconds: "600" };
  const stranger = await desk.post("/act", fields);
  assert.equal(stranger.headers.get("location"), "login");
  await desk.signIn();
  const secret = await desk.secret();
  const status = async (more: Record<string, string>, headers: Record<string, string> = {}) =>
    (await desk.post("/act", { ...fields, ...more }, headers)).status;
  assert.equal(await status({}), 403);
  assert.equal(await status({ secret: "0".repeat(64) }), 403);
  assert.equal(await status({ secret }, { origin: "http://evil.example" }), 403);
  assert.equal(await status({ secret }, { origin: "null" }), 403);
  assert.equal(await status({ secret }, { "sec-fetch-site": "same-site" }), 403);
  assert.equal(await status({ secret }, { "sec-fetch-site": "cross-site" }), 403);
  assert.equal(await status({ secret }, { "content-type": "text/plain" }), 403);
  assert.equal(await status({ secret, client: "evil.example" }), 400);
  assert.equal(await status({ secret, do: "reload" }), 400);
  assert.equal(await status({ secret, seconds: "-1" }), 400);
  assert.deepEqual(desk.source.changes, []);
  assert.equal(await status({ secret }, { origin: "http://127.0.0.1:8464", "sec-fetch-site": "same-origin" }), 303);
  assert.equal(desk.source.changes.length, 1);
  // A GET changes nothing, whatever stands in it.
  assert.equal((await desk.get(`/act?do=unlock&client=192.168.1.34&secret=${secret}`)).status, 404);
  assert.equal((await desk.post("/", {})).status, 405);
  const foreign = await desk.post("/login", { token: TOKEN }, { "sec-fetch-site": "cross-site" });
  assert.equal(foreign.status, 403);
  assert.equal(foreign.headers.get("set-cookie"), null);
});

Deno.test("a wrong token gets nothing and is told to the log, a bounded number of times; one in the URL is none", async () => {
  using desk = new Desk();
  const tries = await Promise.all(Array.from({ length: 12 }, () => desk.post("/login", { token: `${TOKEN}x` })));
  for (const answer of tries) {
    assert.equal(answer.status, 403);
    assert.equal(answer.headers.get("set-cookie"), null);
    assert.match(await answer.text(), /role="alert" id="wrong">That is not the token/);
  }
  assert.deepEqual(desk.notes, Array.from({ length: 5 }, () => "A wrong token was given at the page from 192.168.1.9"));
  assert.equal((await desk.get(`/login?token=${encodeURIComponent(TOKEN)}`)).headers.get("set-cookie"), null);
});

Deno.test("a token that others may read, is short or is not there opens nothing, and the page says why", async () => {
  for (
    const [token, mode, why] of [
      [TOKEN, 0o640, /others may read/],
      ["short", 0o600, /shorter than 20 characters/],
      ["", 0o600, /shorter than 20 characters/],
    ] as const
  ) {
    using desk = new Desk({ token, mode });
    assert.equal((await desk.signIn(token)).headers.get("set-cookie"), null);
    assert.match(await desk.text("/login"), why);
  }
  using desk = new Desk();
  Deno.removeSync(`${desk.folder}/token`);
  assert.match(await desk.text("/login"), /for reading only: there is no/);
});

Deno.test("another token, and eight hours, end the sessions", async () => {
  using desk = new Desk();
  await desk.signIn();
  assert.notEqual(await desk.secret(), "");
  desk.write(`another ${TOKEN}`);
  assert.equal(await desk.secret(), "");
  desk.write(TOKEN);
  assert.equal(await desk.secret(), "");
  await desk.signIn();
  desk.now += 8 * 3_600_000 - 1;
  assert.notEqual(await desk.secret(), "");
  desk.now += 1;
  assert.equal(await desk.secret(), "");
});

Deno.test("the 33rd session ends the first", async () => {
  using desk = new Desk();
  await desk.signIn();
  const first = desk.cookie;
  for (let i = 0; i < 32; i++) {
    assert.notEqual(await desk.secret(), "", `session ${i}`);
    desk.cookie = "";
    desk.now += 1000;
    await desk.signIn();
  }
  desk.cookie = first;
  assert.equal(await desk.secret(), "");
});

Deno.test('with read = "token" nothing is told before', async () => {
  using desk = new Desk({ read: "token" });
  for (const path of ["/", "/clients", "/events", "/client?c=192.168.1.34", "/report", "/nothing"]) {
    const answer = await desk.get(path);
    assert.equal(answer.status, 303, path);
    assert.equal(answer.headers.get("location"), "login");
    assert.equal(await answer.text(), "");
  }
  assert.equal((await desk.get("/style.css")).status, 200);
  await desk.signIn();
  assert.match(await desk.text("/"), /<h1>Overview/);
});

Deno.test("more requests than one reader has use for are turned away, and then answered again", async () => {
  using desk = new Desk();
  const status = async (path: string) => (await desk.get(path)).status;
  for (let i = 0; i < 60; i++) assert.equal(await status("/login"), 200);
  const late = await desk.get("/login");
  assert.equal(late.status, 429);
  assert.equal(late.headers.get("retry-after"), "2");
  desk.now += 1000;
  for (let i = 0; i < 20; i++) assert.equal(await status("/login"), 200);
  assert.equal(await status("/login"), 429);
  desk.now += 60_000;
  for (let i = 0; i < 6; i++) assert.equal(await status("/client?c=192.168.1.34&since=1d"), 200);
  assert.equal(await status("/client?c=192.168.1.34&since=1d"), 429);
  assert.equal(await status("/client?c=192.168.1.34"), 200);
});

Deno.test("a daemon that does not answer is told in words, a fault of the page to the log alone", async () => {
  using desk = new Desk();
  desk.source.failure = new Failure(FAILED, "Cannot reach the daemon");
  const answer = await desk.get("/");
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /Cannot reach the daemon/);
  assert.deepEqual(desk.notes, []);
  desk.source.status = () => Promise.reject(new TypeError("secret detail"));
  const fault = await desk.get("/");
  assert.equal(fault.status, 503);
  assert.doesNotMatch(await fault.text(), /secret detail/);
  assert.deepEqual(desk.notes, ["The page could not be made: secret detail"]);
});

Deno.test("nothing is below a page, so that nobody is sent round in circles", async () => {
  using desk = new Desk({ read: "token" });
  for (const path of ["/a/b", "/login/", "//", "/clients/login"]) {
    const answer = await desk.get(path);
    assert.deepEqual([answer.status, answer.headers.get("location")], [404, null], path);
    assert.equal(await answer.text(), "There is no page here\n");
  }
  const { status, headers } = await desk.get("/a");
  assert.deepEqual([status, headers.get("location")], [303, "login"]);
});

Deno.test("no query makes a fault, and faults are told to the log a bounded number of times", async () => {
  using desk = new Desk();
  const emoji = encodeURIComponent(`${"a".repeat(63)}\u{1f600}`);
  const queries: [string, number][] = [
    ["/report?since=constructor", 404],
    ["/client?c=192.168.1.20&since=__proto__", 200],
    [`/clients?q=${emoji}`, 200],
  ];
  for (const [query, status] of queries) {
    const answer = await desk.get(query);
    assert.equal(answer.status, status, query);
    await answer.text();
  }
  assert.deepEqual(desk.notes, []);
  desk.source.status = () => Promise.reject(new TypeError("a fault"));
  for (let i = 0; i < 50; i++) await (await desk.get("/")).text();
  assert.equal(desk.notes.length, 5);
});

/** The elements of a page that are not closed, or close what was not opened. */
function unbalanced(text: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name, rest] of text.matchAll(/<(\/?)([a-z0-9]+)((?:"[^"]*"|[^">])*)>/g)) {
    if (["meta", "link", "input", "br"].includes(name!) || rest!.endsWith("/")) continue;
    if (slash === "") open.push(name!);
    else if (open.pop() !== name) wrong.push(name!);
  }
  return [...wrong, ...open];
}

Deno.test("pages are whole: landmarks, one main heading, headings in order, a label for each field, unique ids", async () => {
  using desk = new Desk();
  await desk.signIn();
  for (
    const path of [
      "/",
      "/clients",
      "/events",
      "/client?c=192.168.1.34&since=7d",
      "/client?c=192.168.1.62",
      "/login",
      "/nothing",
    ]
  ) {
    if (path.includes("since")) desk.source.log = () => Promise.resolve(["a line"]);
    const text = await desk.text(path);
    assert.deepEqual(unbalanced(text), [], path);
    for (const landmark of ["<header", "<nav aria-label", '<main id="main"', "<footer"]) {
      assert.equal(text.split(landmark).length, 2, `${path}: ${landmark}`);
    }
    assert.match(text, /<a class="skip" href="#main">/);
    assert.match(text, /<html lang="en">/);
    assert.match(text, /<title>[^<]+, ftwall on router<\/title>/);
    assert.equal([...text.matchAll(/<h1/g)].length, 1, path);
    assert.doesNotMatch(text, /<h[3-6]/);
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
    assert.deepEqual(ids, [...new Set(ids)], path);
    const fields = [...text.matchAll(/<(?:input(?! type="hidden")|select)[^>]*>/g)].map(([tag]) =>
      / id="([^"]+)"/.exec(tag)?.[1]
    );
    // The name that a password is kept under is for programs.
    for (const id of fields.filter((id) => id !== undefined || path !== "/login")) {
      assert.ok(text.includes(`<label for="${id}">`), `${path}: ${id}`);
    }
    for (const [, id] of text.matchAll(/aria-(?:labelledby|describedby)="([^"]+)"/g)) {
      assert.ok(ids.includes(id!), `${path}: ${id}`);
    }
    for (const [, cell] of text.matchAll(/<(th)\b(?! scope="(?:col|row)")/g)) {
      assert.fail(`${path}: a <${cell}> without scope`);
    }
  }
});
