/**
 * `ftwall replay`: the engine over captures, on their own clock.
 * @module
 */
import { loadForCommand } from "../daemon/load.ts";
import { Engine } from "../judge/engine.ts";
import { parsePrefix } from "../net/address.ts";
import type { Config } from "../policy/config.ts";
import { compile } from "../policy/policy.ts";
import { CLASSIFIERS } from "../protocol/mod.ts";
import { openCapture } from "../replay/capture.ts";
import { FlowRecorder } from "../replay/flow_record.ts";
import { Link } from "../replay/link.ts";
import { play, type Played } from "../replay/play.ts";
import { replayJson, replayText } from "../replay/replay_report.ts";
import { CaptureError } from "../replay/source.ts";
import { DONE, FAILED, Failure, USAGE } from "../report/failure.ts";
import { complain, Printer } from "../report/output.ts";
import { capacityFor, State } from "../state/state.ts";
import { type Command, command } from "./command.ts";
import { CONFIG, JSON_OUTPUT } from "./options.ts";

/** The command. */
export const replay: Command = command({
  text: "judge the packets of pcap or pcapng captures; needs neither root nor a queue",
  argument: { usage: "<file...>", text: 'captures in the order of their time; "-" is standard input' },
  options: {
    config: CONFIG,
    home: {
      value: "prefixes",
      text: 'whose clients to act on: "any" (every private or first-seen side), or prefixes a.b.c.d/n,…',
    },
    explain: { text: "say for each recognised flow what it rests on: detector, bytes, score" },
    separate: { text: "begin afresh for each file instead of playing them as one story" },
    json: JSON_OUTPUT,
  },
  after: `With --json one object for each flow, in order of first packet, then {"summary": …}.
Examples:
  ftwall replay --home any capture.pcap
  tcpdump -i br-lan -w - -c 100000 | ftwall replay -
  ftwall replay --json day.pcapng | jq -r "select(.protocol) | .flow.client" | sort | uniq -c`,
  run({ config: path, home, explain = false, separate, json = false }, files) {
    const { config } = loadForCommand(path);
    const homeAny = home === "any";
    const played = homeAny || home === undefined ? config : withHome(config, home);
    const stories = separate === true ? files.map((file) => [file]) : [files];
    let problems = 0;
    for (const story of stories) problems += playStory(story, played, { homeAny, explain, json });
    return problems === 0 ? DONE : FAILED;
  },
});

/** The config with another home. */
function withHome(config: Config, text: string): Config {
  const home = text.split(",").map((part) => part.trim());
  const wrong = home.find((part) => parsePrefix(part) === null);
  if (wrong !== undefined) {
    throw new Failure(
      USAGE,
      `Cannot take "${wrong.slice(0, 64)}" for home: expected "any", or prefixes such as 192.168.0.0/16,fd00::/8`,
    );
  }
  return { ...config, network: { ...config.network, home } };
}

/** Plays files one after the other to one engine and prints what it found; answers how many could not be read whole. */
function playStory(
  files: readonly string[],
  config: Config,
  how: { readonly homeAny: boolean; readonly explain: boolean; readonly json: boolean },
): number {
  const learned = { locked: 0, peers: 0, trained: 0 };
  const policy = compile(config);
  const engine = new Engine({
    policy,
    state: new State(capacityFor(policy.memory), crypto.getRandomValues(new Int32Array(1))[0] ?? 0),
    classifiers: CLASSIFIERS,
    homeAny: how.homeAny,
    emit: (event) => {
      if (event.event === "locked") learned.locked++;
      else if (event.event === "peer-learned") learned.peers++;
      else if (event.event === "trained") learned.trained++;
    },
  });
  const recorder = new FlowRecorder(how.explain);
  engine.observer = recorder;
  engine.learner.observer = recorder;
  const counted: Played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
  const problems: string[] = [];
  for (const file of files) {
    const progress = Deno.stderr.isTerminal() ? progressLine(file, counted) : undefined;
    const link = new Link();
    try {
      const source = openCapture(file);
      using _ = source;
      play(source, link, engine, counted, progress);
    } catch (error) {
      problems.push(captureProblem(file, error));
    }
    for (const type of link.unknown) {
      problems.push(
        `Cannot judge the packets of link type ${type} in the capture "${file}": only links that carry IP are read`,
      );
    }
    if (progress !== undefined) complainRaw("\r\x1b[K");
  }
  using printer = new Printer();
  const report = how.json ? replayJson : replayText;
  report(recorder, { files, ...counted, ...learned, problems }, printer.print);
  printer.flush();
  complain(...problems.map((problem) => `ftwall: ${problem}`));
  return problems.length;
}

/** What keeps a capture from being read, in words. Throws the error where it is a fault of ours. */
function captureProblem(file: string, error: unknown): string {
  if (error instanceof CaptureError) return error.message;
  if (error instanceof Deno.errors.NotFound) return `Cannot open the capture "${file}": no such file`;
  if (error instanceof Deno.errors.PermissionDenied) {
    return `Cannot open the capture "${file}": no permission to read it`;
  }
  if (error instanceof Deno.errors.IsADirectory) return `Cannot open the capture "${file}": it is a directory`;
  // Errors of the operating system have a code.
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return `Cannot read the capture "${file}": ${error.message}`;
  }
  throw error;
}

/** Prints the count of packets on the terminal, at most five times a second. */
function progressLine(file: string, counted: Played): () => void {
  let last = performance.now();
  return () => {
    const now = performance.now();
    if (now - last < 200) return;
    last = now;
    complainRaw(`\r${file}: ${counted.packets.toLocaleString("en")} packets\x1b[K`);
  };
}

function complainRaw(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // Progress that nobody reads.
  }
}
