import assert from "node:assert/strict";
import * as ftwall from "../mod.ts";
import { judgeCapture } from "./example/judge_capture.ts";
import { captureOf, GOLDENS } from "./golden/make.ts";

const EXAMPLE = new URL("./example/judge_capture.ts", import.meta.url).pathname;

Deno.test("the example judges a capture with no more than leave to read it", () => {
  const path = Deno.makeTempFileSync({ suffix: ".pcap" });
  try {
    Deno.writeFileSync(path, captureOf(GOLDENS.find(({ name }) => name === "fasttrack")!));
    const args = ["run", "--no-prompt", "--cached-only", `--allow-read=${path}`, EXAMPLE, path];
    const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(lines.some(({ event, protocol }) => event === "locked" && protocol === "fasttrack"));
    const events: unknown[] = [];
    const played = judgeCapture(path, (event) => events.push(event));
    assert.deepEqual(lines, [...events, played]);
    assert.ok(played.refused > 0 && played.refused < played.packets);
    Deno.writeTextFileSync(path, "no capture");
    assert.equal(new Deno.Command(Deno.execPath(), { args, stderr: "null" }).outputSync().code, 1);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("the library plays a capture to an engine with what it exports, and nothing else", () => {
  const {
    CLASSIFIERS,
    PROTOCOLS,
    compile,
    defaultConfig,
    Engine,
    FlowRecorder,
    Link,
    MemorySource,
    play,
    protocolDefaults,
  } = ftwall;
  const policy = compile(defaultConfig(protocolDefaults(PROTOCOLS)));
  const state = new ftwall.State(ftwall.capacityFor(1 << 20), 1);
  const events: string[] = [];
  const engine = new Engine({ policy, state, classifiers: CLASSIFIERS, emit: ({ event }) => events.push(event) });
  const recorder = new FlowRecorder();
  engine.observer = recorder;
  const golden = GOLDENS.find(({ name }) => name === "fasttrack")!;
  const path = Deno.makeTempFileSync({ suffix: ".pcap" });
  try {
    Deno.writeFileSync(path, captureOf(golden));
    const played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
    using source = ftwall.openCapture(path);
    play(source, new Link(), engine, played);
    assert.ok(played.refused > 0);
  } finally {
    Deno.removeSync(path);
  }
  assert.ok(events.includes("locked"));
  assert.ok([...recorder.lines()].some((line) => line.protocol === "fasttrack"));
  using empty = new MemorySource([]);
  assert.equal(empty.next(), false);
});

Deno.test("a config text becomes a policy, or problems with file, line and key", () => {
  const names = ftwall.protocolDefaults(ftwall.CLASSIFIERS.filter(({ name }) => name === "fasttrack"));
  const good = ftwall.parseConfig('[protocols.fasttrack]\naction = "log"\n', "f.toml", names);
  assert.ok(good.config !== null);
  const policy = ftwall.compile(good.config);
  assert.equal(policy.action(0, ftwall.DEFAULT_GROUP, policy.protocolNumber("fasttrack")), ftwall.LOG);
  const bad = ftwall.parseConfig('[protocols.fasttrack]\nacton = "log"\n', "f.toml", names);
  assert.equal(bad.config, null);
  assert.match(bad.problems.map(ftwall.formatProblem).join("\n"), /f\.toml:2: .*acton.*action/);
});
