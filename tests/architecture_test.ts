/** docs/architecture.md names files and calls: each is where the page says. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

const root = new URL("..", import.meta.url).pathname;
const read = (path: string) => Deno.readTextFileSync(root + path);
const page = read("docs/architecture.md");

/** The rows of a walk: the file that calls, the call, the file that is called. */
function walk(name: string): [from: string, call: string, to: string][] {
  const table = page.split(`<!-- ${name} -->`)[1]!.split(`<!-- /${name} -->`)[0]!;
  const rows = [...table.matchAll(/^\| `([^`]+)` *\| `([^`]+)` *\| `([^`]+)` *\| \S/gm)];
  assert.equal(rows.length, table.trim().split("\n").length - 2, "every row can be read");
  return rows.map(([, from, call, to]) => [from!, call!, to!]);
}

/** Whether a file defines what this call calls: a function, a class, a method, or a member of an interface. */
function defines(path: string, call: string): boolean {
  const name = /([\w$]+)\([^()]*\)?$/.exec(call)?.[1] ?? "";
  const member = String.raw`^ +(?:readonly |async )*${name}(?:\(|: )`;
  return new RegExp(String.raw`^export (?:async )?(?:function|class) ${name}\b|${member}`, "m").test(read(path));
}

for (const name of ["packet", "config"]) {
  Deno.test(`every hop of a ${name}'s way is a call of the one file to the next`, () => {
    const rows = walk(name);
    assert.ok(rows.length >= 10);
    for (const [from, call, to] of rows) {
      assert.ok(read(from).includes(call), `${from} has no ${call}`);
      assert.ok(defines(to, call), `${to} does not define what ${call} calls`);
    }
  });
}

Deno.test("a packet's way begins at the loop, and each file on it was called before", () => {
  const reached = new Set(["lib/loop/pump.ts"]);
  for (const [from, , to] of walk("packet")) {
    assert.ok(reached.has(from), from);
    reached.add(to);
  }
});

Deno.test("every file and folder that the page on architecture names is there", () => {
  const named = [...page.matchAll(/\b(?:lib|ffi|tests|docs)\/[\w/.]*\w/g)].map(([path]) => path);
  assert.ok(named.length > 40);
  for (const path of new Set(named)) {
    // In the pictures files stand without their ending, and NAME for any protocol.
    const paths = [path, `${path}.ts`].map((path) => path.replace("/NAME", ""));
    assert.ok(paths.some((one) => existsSync(root + one)), path);
  }
});
