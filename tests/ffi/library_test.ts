import assert from "node:assert/strict";
import { libcNames, libraryNames, openLibrary, openNftablesLibrary, openQueueLibrary } from "../../ffi/library.ts";
import { Libc } from "../../ffi/libc.ts";
import { MissingLibrary } from "../../ffi/missing.ts";

const ELSEWHERE = Deno.build.os !== "linux";

Deno.test("a missing library lists every name tried and the packages", () => {
  const names = ["libnosuch.so.1", "/nowhere/libnosuch.so.1"];
  assert.throws(() => openLibrary("libnosuch", names, {}, "Install it"), (error: unknown) => {
    assert.ok(error instanceof MissingLibrary);
    assert.equal(error.exitCode, 3);
    assert.equal(error.tried.length, 2);
    for (const name of names) assert.ok(error.message.includes(`"${name}"`), error.message);
    assert.ok(error.message.startsWith("Cannot open libnosuch: tried "));
    assert.ok(error.message.endsWith(". Install it"));
    assert.equal(error.message.includes("\n"), false);
    return true;
  });
});

Deno.test("a file named in the environment is the only one tried", () => {
  const libraries = [
    [
      "FTWALL_LIBNETFILTER_QUEUE",
      openQueueLibrary,
      ["libnetfilter-queue1", "libnetfilter-queue (OpenWrt)", "libnetfilter_queue (Alpine, Fedora, Arch)"],
    ],
    ["FTWALL_LIBNFTABLES", openNftablesLibrary, ["libnftables1 (Debian, Ubuntu)", "nftables (elsewhere)"]],
  ] as const;
  for (const [variable, open, packages] of libraries) {
    const before = Deno.env.get(variable);
    Deno.env.set(variable, "/nowhere/library.so");
    try {
      assert.throws(() => open({}), (error: unknown) => {
        assert.ok(error instanceof MissingLibrary);
        assert.equal(error.tried.length, 1);
        for (const name of [...packages, variable]) assert.ok(error.message.includes(name), error.message);
        return true;
      });
    } finally {
      if (before === undefined) Deno.env.delete(variable);
      else Deno.env.set(variable, before);
    }
  }
});

Deno.test({ name: "a library without a symbol that is needed counts as missing", ignore: ELSEWHERE }, () => {
  const symbols = { no_such_symbol: { parameters: [], result: "void" } } as const;
  assert.throws(() => openLibrary("the C library", libcNames(Deno.build.arch), symbols, ""), {
    name: "MissingLibrary",
    message: /no_such_symbol/,
  });
});

Deno.test("names for musl and for multiarch folders are among those tried", () => {
  assert.ok(libcNames("aarch64").includes("libc.musl-aarch64.so.1"));
  assert.ok(
    libraryNames("libnetfilter_queue.so.1", "aarch64").includes("/usr/lib/aarch64-linux-gnu/libnetfilter_queue.so.1"),
  );
});

Deno.test({ name: "errno is that of the call before", ignore: ELSEWHERE }, () => {
  using libc = Libc.open();
  assert.equal(libc.symbols.close(-1), -1);
  assert.equal(libc.errno(), 9);
  assert.equal(libc.describe(9), "Bad file descriptor");
  assert.equal(libc.symbols.getpid(), Deno.pid);
  assert.equal(libc.interfaceIndex("nosuch0"), 0);
});
