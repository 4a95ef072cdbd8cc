/** The lines for /etc/cron.d that the help prints, run as cron runs them. */
import assert from "node:assert/strict";
import { allCommands } from "../../lib/cli/commands.ts";

/** Minute to weekday, the user, and the command, as crontab(5) has lines of /etc/cron.d. */
const LINE = /^ *((?:[\d*\/,-]+ +){5})(\S+) +(.*ftwall .*)$/gm;

const lines = [...await allCommands()].flatMap(([name, { after = "" }]) =>
  [...after.matchAll(LINE)].map(([, when, user, command]) => ({ name, when: when!.trim(), user, command: command! }))
);

Deno.test("the help of reload and report prints lines for cron", () => {
  assert.deepEqual([...new Set(lines.map(({ name }) => name))].sort(), ["reload", "report"]);
});

for (const { name, when, user, command } of lines) {
  Deno.test(`cron can run: ${command.slice(command.indexOf("ftwall"), 70)}`, async () => {
    assert.equal(when.split(/ +/).length, 5);
    assert.equal(user, "root");
    // In a line of cron a % would be a line feed.
    assert.doesNotMatch(command, /%/);
    const dir = Deno.makeTempDirSync();
    try {
      // Where install.sh puts it, and what the lines pipe into.
      Deno.mkdirSync(`${dir}/sbin`);
      Deno.mkdirSync(`${dir}/bin`);
      const stub = (path: string, text: string) =>
        Deno.writeTextFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      stub(`${dir}/sbin/ftwall`, 'echo "ran $1"');
      for (const reader of ["mail", "curl"]) stub(`${dir}/bin/${reader}`, "cat");
      const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
        args: ["-c", command.replace("/usr/local/sbin", `${dir}/sbin`)],
        clearEnv: true,
        env: { PATH: `${dir}/bin:/usr/bin:/bin`, HOME: "/root", LOGNAME: "root" },
      }).output();
      const text = new TextDecoder();
      assert.deepEqual([code, text.decode(stdout), text.decode(stderr)], [0, `ran ${name}\n`, ""]);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
}
