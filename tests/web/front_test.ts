/** The web servers that docs/web.md puts in front of the page, as it says. */
import assert from "node:assert/strict";
import { serveHttp } from "../../lib/report/http_server.ts";
import { Site } from "../../lib/web/site.ts";
import { hasTool } from "../live/topology.ts";
import { MadeUpSource } from "../support/made_up_source.ts";

const DOCUMENT = Deno.readTextFileSync(new URL("../../docs/web.md", import.meta.url));
const TOKEN = "correct horse battery staple";
const SOCKET = "/run/ftwall/web.sock";

/** The block of a language in the document, with another socket. */
function block(language: string, socket: string): string {
  return new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(DOCUMENT)![1]!.replaceAll(SOCKET, socket);
}

/** A page at a Unix socket in a folder of its own. */
async function served(body: (folder: string, socket: string) => Promise<void>): Promise<string[]> {
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-front-" });
  // The web server's own user has to reach the socket.
  Deno.chmodSync(folder, 0o755);
  try {
    Deno.writeTextFileSync(`${folder}/token`, TOKEN, { mode: 0o600 });
    const source = new MadeUpSource(Date.now());
    const site = new Site({
      source,
      web: { hosts: ["router.example.org"], tokenFile: `${folder}/token`, read: "anyone" },
      host: "router",
      now: () => performance.now(),
      wall: () => Date.now(),
      note: () => {},
    });
    const socket = `${folder}/web.sock`;
    const listener = Deno.listen({ transport: "unix", path: socket }) as Deno.Listener;
    Deno.chmodSync(socket, 0o666);
    await using _ = serveHttp(listener, (request, from) => site.answer(request, from), {
      most: 32,
      patience: 20_000,
      longestBody: 4096,
    });
    await body(folder, socket);
    return source.changes.map(({ from }) => from);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

type Ask = (method: string, path: string, cookie: string, form: string) => Promise<string>;

/** Reads, signs in and unlocks through a web server; `base` is where it has the page. */
async function throughFront(ask: Ask): Promise<void> {
  assert.match(await ask("GET", "/", "", ""), /<h1>Overview<\/h1>/);
  assert.match(await ask("GET", "/clients?q=anna", "", ""), /of 200 clients\./);
  const signed = await ask("POST", "/login", "", new URLSearchParams({ token: TOKEN }).toString());
  assert.match(signed, /^location: \.\/\r?$/im);
  const cookie = /^set-cookie: ([^;]+)/im.exec(signed)![1]!;
  const secret = /name="secret" value="([0-9a-f]{64})"/.exec(await ask("GET", "/", cookie, ""))![1]!;
  const form = new URLSearchParams({ do: "unlock", client: "192.168.1.34", secret }).toString();
  assert.match(await ask("POST", "/act", cookie, form), /^location: client\?c=192\.168\.1\.34\r?$/im);
  assert.match(await ask("GET", "/client?c=192.168.1.34", cookie, ""), /unlock of 192\.168\.1\.34: done/);
}

Deno.test({
  name: `the program for uhttpd hands requests over${hasTool("curl") ? "" : " (skipped: no curl)"}`,
  ignore: !hasTool("curl"),
  async fn() {
    const from = await served(async (folder, socket) => {
      Deno.writeTextFileSync(`${folder}/cgi`, block("cgi", socket), { mode: 0o755 });
      await throughFront(async (method, target, cookie, form) => {
        const [path, query = ""] = target.split("?");
        const child = new Deno.Command(`${folder}/cgi`, {
          env: {
            REQUEST_METHOD: method,
            PATH_INFO: path!,
            QUERY_STRING: query,
            HTTP_HOST: "router.example.org",
            HTTP_COOKIE: cookie,
            REMOTE_ADDR: "192.168.1.9",
            ...(method === "POST"
              ? { CONTENT_TYPE: "application/x-www-form-urlencoded", HTTP_ORIGIN: "https://router.example.org" }
              : {}),
          },
          stdin: "piped",
          stdout: "piped",
          stderr: "inherit",
        }).spawn();
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode(form));
        await writer.close();
        const answer = new TextDecoder().decode((await child.output()).stdout);
        assert.match(answer, /^Status: (?:200 OK|303 See Other)\r\n/);
        return answer;
      });
    });
    assert.deepEqual(from, ["192.168.1.9"]);
  },
});

const noNginx = hasTool("nginx") && hasTool("curl") ? "" : " (skipped: no nginx)";

Deno.test({
  name: `nginx hands requests over below a path${noNginx}`,
  ignore: noNginx !== "",
  async fn() {
    const from = await served(async (folder, socket) => {
      // A port that was free a moment ago.
      const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = probe.addr as Deno.NetAddr;
      probe.close();
      const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
        `${name}_temp_path ${folder}/${name};`
      );
      Deno.writeTextFileSync(
        `${folder}/nginx.conf`,
        `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr warn;
events { }
http { access_log off; ${paths.join(" ")} server { listen 127.0.0.1:${port};
${block("nginx", socket)} } }`,
      );
      const nginx = new Deno.Command("nginx", { args: ["-c", `${folder}/nginx.conf`, "-p", folder], stdout: "null" })
        .spawn();
      const curl = async (...args: string[]) =>
        new TextDecoder().decode(
          (await new Deno.Command("curl", {
            args: ["-si", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", ...args],
          }).output()).stdout,
        );
      try {
        await throughFront((method, target, cookie, form) =>
          curl(
            ...["-X", method, "-H", "host: router.example.org", "-H", `cookie: ${cookie}`],
            ...(method === "POST" ? ["-H", "origin: http://router.example.org", "--data-binary", form] : []),
            `http://127.0.0.1:${port}/ftwall${target}`,
          )
        );
      } finally {
        nginx.kill("SIGTERM");
        await nginx.status;
      }
    });
    assert.deepEqual(from, ["127.0.0.1"]);
  },
});
