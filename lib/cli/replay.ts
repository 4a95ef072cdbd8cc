/**
 * `ftwall replay`: the engine over captures, on their own clock.
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Played } from "../replay/play.ts";
import type { Config } from "../policy/config.ts";
import { FAILED, Failure, USAGE } from "../report/failure.ts";
import { configOption, jsonOption } from "./options.ts";
import { complain, Printer } from "../report/output.ts";
import type { Ended } from "./command_line.ts";

/** Makes the command. */
export function replayCommand(ended: Ended): CommandUnknownOpts {
  return new Command("replay")
    .description("judge the packets of pcap or pcapng captures; needs neither root nor a queue")
    .argument("<file...>", 'captures in the order of their time; "-" is standard input')
    .addOption(configOption())
    .option(
      "--home <prefixes>",
      'whose clients to act on: "any" (every private or first-seen side), or prefixes a.b.c.d/n,…',
    )
    .option("--explain", "say for each recognised flow what it rests on: detector, bytes, score")
    .option("--separate", "begin afresh for each file instead of playing them as one story")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
With --json one object for each flow, in order of first packet, then {"summary": …}.
Examples:
  ftwall replay --home any capture.pcap
  tcpdump -i br-lan -w - -c 100000 | ftwall replay -
  ftwall replay --json day.pcapng | jq -r "select(.protocol) | .flow.client" | sort | uniq -c`,
    )
    .action(async (files, options) => {
      const { loadForCommand } = await import("../daemon/load.ts");
      const config = loadForCommand(options.config).config;
      const homeAny = options.home === "any";
      const played = homeAny || options.home === undefined ? config : await withHome(config, options.home);
      const stories = options.separate === true ? files.map((file) => [file]) : [files];
      for (const story of stories) {
        const problems = await playStory(story, played, {
          homeAny,
          explain: options.explain === true,
          json: options.json === true,
        });
        if (problems > 0) ended.code = FAILED;
      }
    });
}

/** The config with another home. */
async function withHome(config: Config, text: string): Promise<Config> {
  const { parsePrefix } = await import("../net/address.ts");
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

/** Plays files one after the other to one engine and prints what it made of them; answers how many were broken. */
async function playStory(
  files: readonly string[],
  config: Config,
  how: { readonly homeAny: boolean; readonly explain: boolean; readonly json: boolean },
): Promise<number> {
  const { CLASSIFIERS } = await import("../protocol/mod.ts");
  const { Engine } = await import("../judge/engine.ts");
  const { play } = await import("../replay/play.ts");
  const { compile } = await import("../policy/policy.ts");
  const { FlowRecorder } = await import("../replay/flow_record.ts");
  const { replayJson, replayText } = await import("../replay/replay_report.ts");
  const { openCapture } = await import("../replay/capture.ts");
  const { Link } = await import("../replay/link.ts");
  const { CaptureError } = await import("../replay/source.ts");
  const { capacityFor, State } = await import("../state/state.ts");

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
      else if (event.event === "trained" && event.held !== true) learned.trained++;
    },
  });
  const recorder = new FlowRecorder(how.explain);
  engine.observer = recorder;
  engine.learner.observer = recorder;
  const counted: Played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
  const problems: string[] = [];
  for (const file of files) {
    const progress = Deno.stderr.isTerminal() ? progressLine(file, counted) : undefined;
    try {
      using source = openCapture(file);
      play(source, new Link(), engine, counted, progress);
    } catch (error) {
      if (error instanceof CaptureError) problems.push(error.message);
      else if (error instanceof Deno.errors.NotFound) problems.push(`Cannot open the capture "${file}": no such file`);
      else if (error instanceof Deno.errors.PermissionDenied) {
        problems.push(`Cannot open the capture "${file}": no permission to read it`);
      } else if (error instanceof Deno.errors.IsADirectory) {
        problems.push(`Cannot open the capture "${file}": it is a directory`);
      } else if (isSystemError(error)) {
        problems.push(`Cannot read the capture "${file}": ${error.message}`);
      } else throw error;
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

/** What the operating system answered, as against a fault of ours. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && typeof (error as { code?: unknown }).code === "string";
}

/** Says how far it is, at most five times a second. */
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
