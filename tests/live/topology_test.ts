import assert from "node:assert/strict";
import { Background } from "./topology.ts";

Deno.test("a program whose orphan holds its output is over when it has ended", async () => {
  const script = "echo here; sleep 60 & echo $! >&2; wait";
  const sh = new Deno.Command("sh", { args: ["-c", script], stdin: "null", stdout: "piped", stderr: "piped" });
  const background = new Background(sh.spawn());
  await background.prints("here");
  await background.prints(/\d+\n/);
  try {
    assert.equal((await background.stop()).signal, "SIGTERM");
    assert.equal(background.stdout, "here\n");
  } finally {
    Deno.kill(Number(background.stderr), "SIGKILL");
  }
});
