/** docs/notifications.md against the program: its table, its JSON, and its hook. */
import assert from "node:assert/strict";
import { NOTICES, NOTIFY } from "../../lib/policy/schema.ts";
import { gathered, locked } from "./target_config.ts";

const page = Deno.readTextFileSync(new URL("../../docs/notifications.md", import.meta.url));

function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "m").exec(page)![1]!;
}

Deno.test("the page has each word of `on`, and which of them are there by default", () => {
  const section = page.split("\n## ").find((part) => part.startsWith("What is told"))!;
  const rows = [...section.matchAll(/^\| `(\w+)` +\| .*\| (yes|) *\|$/gm)].map((
    [, word, yes],
  ) => [word, yes === "yes"]);
  assert.deepEqual(rows, NOTICES.map((word) => [word, NOTIFY.on.default.includes(word)]));
});

Deno.test("the message on the page has the fields of a message", () => {
  const shown = JSON.parse(block("json"));
  const real = JSON.parse(gathered(locked("192.168.1.20", { client_name: "anna-laptop" })).json);
  assert.deepEqual(Object.keys(shown), Object.keys(real));
  assert.deepEqual(Object.keys(shown.events[0]).sort(), Object.keys(real.events[0]).sort());
  assert.equal(shown.subject, real.subject);
});

Deno.test("the hook on the page does what its comment says", async () => {
  const scripts = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text]) => text!);
  const text = scripts.find((script) => script.startsWith("#!/bin/sh"))!;
  const folder = Deno.makeTempDirSync({ prefix: "ftwall-page-" });
  try {
    const write = (name: string, script: string) =>
      Deno.writeTextFileSync(`${folder}/${name}`, script, { mode: 0o755 });
    write("curl", '#!/bin/sh\necho "$@"\n');
    write("hook", text);
    for (const [event, colour] of [[locked(), "yellow"], [{ event: "rules-lost", message: "gone" }, "red"]] as const) {
      const child = new Deno.Command(`${folder}/hook`, {
        args: ["--floor", "2"],
        env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const output = child.output();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(`${gathered(event).json}\n`));
      await writer.close();
      const { code, stdout } = await output;
      assert.equal(code, 0);
      assert.equal(new TextDecoder().decode(stdout), `-fsS -m 10 http://lamp.lan/floor/2?colour=${colour}\n`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
