import assert from "node:assert/strict";
import { directoryProblems, MarkerFiles } from "../../lib/daemon/marker_files.ts";
import type { LockEvent } from "../../lib/learn/event.ts";
import { formatProblem } from "../../lib/policy/problem.ts";
import { TOP } from "../../lib/policy/schema.ts";
import { configOf } from "../policy/parse_config.ts";

function lock(client: string, event: LockEvent["event"] = "locked"): LockEvent {
  return { event, client, protocol: "fasttrack", evidence: "udp-ping", by: "detector", until: "later" };
}

function inDirectory(act: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-clients-" });
  try {
    act(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const list = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();

Deno.test("each locked client has a file; stale ones are removed, others' files stay", () => {
  inDirectory((directory) => {
    for (const name of ["10.0.0.9", "fd00::9", "cafe", "README"]) Deno.writeTextFileSync(`${directory}/${name}`, "");
    const markers = new MarkerFiles(assert.fail);
    markers.adopt(directory, () => [lock("10.0.0.1")]);
    assert.deepEqual(list(directory), ["10.0.0.1", "README", "cafe"]);
    markers.follow(lock("fd00::2"));
    markers.follow(lock("10.0.0.1", "released"));
    markers.follow(lock("10.0.0.1", "released"));
    assert.deepEqual(list(directory), ["README", "cafe", "fd00::2"]);
    assert.equal(Deno.readTextFileSync(`${directory}/fd00::2`), "fasttrack udp-ping later\n");
    assert.match(TOP.clientFiles.doc, /named after its address; it says protocol, evidence and end of the lock/);
  });
});

Deno.test("a reload moves the files of locks in force to the new directory", () => {
  inDirectory((one) =>
    inDirectory((two) => {
      const markers = new MarkerFiles(assert.fail);
      markers.adopt(one, () => [lock("10.0.0.1")]);
      markers.adopt(one, () => [lock("10.0.0.1")]);
      assert.deepEqual(list(one), ["10.0.0.1"]);
      markers.adopt(two, () => [lock("10.0.0.1"), lock("10.0.0.2")]);
      assert.deepEqual([list(one), list(two)], [[], ["10.0.0.1", "10.0.0.2"]]);
      markers.adopt("", () => []);
      assert.deepEqual(list(two), []);
    })
  );
});

Deno.test("a directory that is missing is told once at the start, and again at a reload", () => {
  const told: string[] = [];
  const markers = new MarkerFiles((text) => told.push(text));
  markers.adopt("/nonexistent/clients", () => [lock("10.0.0.1")]);
  markers.follow(lock("10.0.0.2"));
  assert.equal(told.length, 1);
  assert.match(
    told[0]!,
    /^Cannot keep the files of locked clients in "\/nonexistent\/clients" \(client_files\): .*No such/,
  );
  markers.adopt("/nonexistent/clients", () => []);
  assert.equal(told.length, 2);
});

Deno.test("check warns of a directory that cannot be used, not of one that can", () => {
  const problems = (text: string) => directoryProblems({ path: "f.toml", config: configOf(text) }).map(formatProblem);
  assert.deepEqual(problems(""), []);
  inDirectory((directory) => {
    assert.deepEqual(problems(`client_files = "${directory}"`), []);
    Deno.writeTextFileSync(`${directory}/file`, "");
    for (const name of ["file", "none"]) {
      assert.deepEqual(problems(`client_files = "${directory}/${name}"`), [
        `f.toml: warning: client_files: found "${directory}/${name}", which is no directory here; ` +
        "allowed: a directory that exists",
      ]);
    }
  });
});
