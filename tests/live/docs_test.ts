/** The pages that show what a command prints: each is followed on a router, and prints what it shows. */
import assert from "node:assert/strict";
import { longName } from "../../lib/cli/command.ts";
import { allCommands } from "../../lib/cli/commands.ts";
import { program, serve } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology } from "./topology.ts";

const named = missing([["tc", "iproute2"]]);
const commands = await allCommands();
const CLIENT = ADDRESSES.client1.v4;
/** The client of the pages. */
const SHOWN = "192.168.1.20";
const PEER = "198.51.100.7";
const DHT_PING =
  "64313a6164323a696432303a6162636465666768696a3031323334353637383965313a71343a70696e67313a74323a6161313a79313a7165";

/** A command of a page, and the lines that it shows of what is printed. */
interface Step {
  readonly section: string;
  readonly line: string;
  readonly shown: readonly string[];
}

/** The commands behind prompts, in order. */
function stepsOf(page: string): Step[] {
  const text = Deno.readTextFileSync(new URL(`../../docs/${page}`, import.meta.url));
  return text.split(/^## /m).slice(1).flatMap((section) => {
    const blocks = [...section.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
    return blocks.flatMap((block) => block.split(/^\$ /m).slice(1)).map((step) => {
      const [line = "", ...shown] = step.trimEnd().split("\n");
      return { section: section.split("\n")[0]!, line, shown };
    });
  });
}

/** A line of a page as a pattern: "…" stands for anything, blanks for any number of them. */
function patternOf(line: string): RegExp {
  const escaped = line.replaceAll(SHOWN, CLIENT).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("…", ".*").replaceAll(/ +/g, " +")}$`);
}

/** Runs a command of a page on the router, and looks for what it shows, in order. */
async function follow(daemon: RouterDaemon, { line, shown }: Step): Promise<void> {
  const [, name = "", ...rest] = line.replaceAll(SHOWN, CLIENT).split(" ");
  const where = { config: daemon.config, control: daemon.control, state: `${daemon.dir}/state` };
  const options = Object.entries(where).filter(([key]) => key in commands.get(name)!.options)
    .flatMap(([key, value]) => [longName(key), value]);
  const { stdout, stderr } = await daemon.run(name, ...rest, ...options);
  const printed = stdout.split("\n");
  for (const wanted of shown) {
    const at = printed.findIndex((one) => patternOf(wanted).test(one));
    assert.ok(at >= 0, `${line} does not print (or not in this order): ${wanted}\n${stdout}${stderr}`);
    printed.splice(0, at + 1);
  }
}

async function share(topology: Topology, daemon: RouterDaemon): Promise<void> {
  const before = daemon.seen({ event: "detected", protocol: "bittorrent" }).length;
  await topology.must("client1", program("traffic.ts", "send", 0, PEER, 6881, DHT_PING, 5));
  await daemon.sees({ event: "detected", protocol: "bittorrent" });
  assert.ok(daemon.seen({ event: "detected", protocol: "bittorrent" }).length > before);
  // The history is written once a second.
  await new Promise((resolve) => setTimeout(resolve, 2500));
}

Deno.test({
  ...named("the tutorial prints what it shows, in dry-run and for real"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await topology.must("server", ["ip", "addr", "add", `${PEER}/24`, "dev", "eth0"]);
    let dryRun = true;
    let daemon = await RouterDaemon.start(topology, { dryRun });
    try {
      let section = "";
      for (const step of stepsOf("tutorial.md")) {
        if (step.section !== section && step.section.startsWith("4. ")) await share(topology, daemon);
        if (step.section !== section && step.section.startsWith("6. ")) {
          await daemon[Symbol.asyncDispose]();
          dryRun = false;
          daemon = await RouterDaemon.start(topology, { dryRun });
          await share(topology, daemon);
        }
        section = step.section;
        await follow(daemon, step);
      }
      assert.equal(dryRun, false);
    } finally {
      await daemon[Symbol.asyncDispose]();
    }
  },
});

Deno.test({
  ...named("troubleshooting and upgrade print what they show"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await topology.must("server", ["ip", "addr", "add", `${PEER}/24`, "dev", "eth0"]);
    await using daemon = await RouterDaemon.start(topology);
    await share(topology, daemon);
    for (const page of ["troubleshooting.md", "upgrade.md"]) {
      for (const step of stepsOf(page)) {
        if (step.line.startsWith("ftwall unlock")) await daemon.must("lock", CLIENT, "--control", daemon.control);
        await follow(daemon, step);
      }
    }
  },
});
