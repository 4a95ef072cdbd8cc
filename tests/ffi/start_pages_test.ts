/** Which mappings may be dropped: those that the kernel can read from the executable again. */
import assert from "node:assert/strict";
import { executableIn, startPages } from "../../ffi/start_pages.ts";

const mapping = (range: string, rights: string, path: string, written = 0) =>
  `${range} ${rights} 01cb6000 fe:00 217                    ${path}\nSize: 400 kB\nRss: 40 kB\nAnonymous:         ${written} kB\nVmFlags: rd\n`;

Deno.test("the executable's code and constants are given back, never what may be written", () => {
  const smaps = [
    mapping("1000-3000", "r--p", "/opt/ftwall"),
    mapping("3000-9000", "r-xp", "/opt/ftwall"),
    mapping("9000-a000", "r--p", "/opt/ftwall", 4),
    mapping("a000-b000", "rw-p", "/opt/ftwall"),
    mapping("b000-c000", "rwxp", "/opt/ftwall"),
    mapping("c000-d000", "r-xp", "/usr/lib/libc.so.6"),
    mapping("d000-e000", "r-xp", "/opt/ftwall (deleted)"),
    mapping("e000-f000", "r-xp", ""),
    mapping("f000-10000", "r--p", "[vvar]"),
    "1000-3000 broken",
    "Anonymous:         0 kB",
  ].join("");
  const found = startPages(smaps, "/opt/ftwall").map(({ at, length }) => [Deno.UnsafePointer.value(at), length]);
  assert.deepEqual(found, [[0x1000n, 0x2000n], [0x3000n, 0x6000n]]);
  assert.deepEqual(startPages("", "/opt/ftwall"), []);
  assert.equal(executableIn(smaps), "/opt/ftwall");
  assert.equal(executableIn(""), "");
});
