/** Which mappings may be dropped: those that the kernel can read from the executable again. */
import assert from "node:assert/strict";
import { startPages } from "../../ffi/start_pages.ts";

const mapping = (range: string, rights: string, offset: string, path: string) =>
  `${range} ${rights} ${offset} fe:00 217                    ${path}\n`;

Deno.test("the executable's code, and constants before it, are given back, never what may be written", () => {
  const maps = [
    mapping("1000-3000", "r--p", "00000000", "/opt/ftwall"),
    mapping("3000-9000", "r-xp", "00002000", "/opt/ftwall"),
    // The dynamic linker has written to these before it made them read-only.
    mapping("9000-a000", "r--p", "00008000", "/opt/ftwall"),
    mapping("a000-b000", "rw-p", "00009000", "/opt/ftwall"),
    mapping("b000-c000", "rwxp", "00000000", "/opt/ftwall"),
    mapping("c000-d000", "r-xp", "00000000", "/usr/lib/libc.so.6"),
    mapping("d000-e000", "r-xp", "00000000", "/opt/ftwall (deleted)"),
    mapping("e000-40000", "r-xp", "00000000", ""),
    mapping("50000-90000", "r-xp", "00000000", "[vdso]"),
    "1000-3000 broken\n",
  ].join("");
  const found = startPages(maps).map(({ at, length }) => [Deno.UnsafePointer.value(at), length]);
  assert.deepEqual(found, [[0x1000n, 0x2000n], [0x3000n, 0x6000n]]);
  assert.deepEqual(startPages(""), []);
  assert.deepEqual(startPages("nonsense\n"), []);
});

Deno.test("no page of what is given back was ever written: the kernel says so of this process", () => {
  const given = startPages(Deno.readTextFileSync("/proc/self/maps"));
  assert.ok(given.length > 0 && given.reduce((sum, { length }) => sum + length, 0n) > 10n << 20n);
  const starts = new Set(given.map(({ at }) => Deno.UnsafePointer.value(at).toString(16)));
  let seen = 0;
  for (const part of Deno.readTextFileSync("/proc/self/smaps").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    if (!starts.has(/^0*([0-9a-f]+)-/.exec(part)?.[1] ?? "")) continue;
    seen++;
    assert.match(part, /^Anonymous: +0 kB$/m, part);
  }
  assert.equal(seen, given.length);
});
