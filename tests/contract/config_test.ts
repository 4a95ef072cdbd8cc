import assert from "node:assert/strict";
import { ftwall } from "./ftwall.ts";

/** The config of the interface contract, word for word. */
const SAMPLE = `
[network]
home     = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]   # whose P2P clients we act on
exempt   = []                       # clients (addresses, prefixes or MACs) never acted on
lan      = ["br-lan"]               # interfaces for \`ftwall rules\`

[queue]
numbers = "0"                       # or "0:3"
fail    = "open"                    # or "closed": what happens when ftwall is dead, hung or overrun

[lock]
seconds = 120                       # time-lock; 0 turns locks off
probe   = true                      # ask the client at half time whether it still runs
decoy   = true                      # answer FastTrack pings in the peer's name
refuse  = "drop"                    # or "reject"

[protocols.fasttrack]   # one table per protocol; the file name of its classifier is its key
action  = "lock"        # off | log | drop | lock
require = "certain"     # the least certainty that acts: certain | strong | weak
[protocols.bittorrent]
action  = "drop"
[protocols.winmx]
action  = "lock"
names   = ["*.winmx.com", "*.winmxgroup.com", "*.winmxgroup.net"]   # DNS wildcards that train addresses

[[clients]]             # groups: first match wins, keys override the protocol tables
name = "staff"
addresses = ["192.168.2.0/24"]
[clients.protocols.bittorrent]
action = "log"

[[schedule]]            # when a table of overrides is in force; local time, may cross midnight
days  = ["mon", "tue", "wed", "thu", "fri"]
hours = "08:00-16:00"
[schedule.protocols.bittorrent]
action = "lock"

[log]
format = "text"
[metrics]
listen = ""
`;

/** Runs `ftwall check` on a config. */
async function check(toml: string, ...args: readonly string[]) {
  const path = Deno.makeTempFileSync({ prefix: "ftwall-contract-", suffix: ".toml" });
  try {
    Deno.writeTextFileSync(path, toml);
    const ran = await ftwall(["check", "--config", path, ...args]);
    return { ...ran, path };
  } finally {
    Deno.removeSync(path);
  }
}

/** The lines of the effective config between one table's name and the next. */
function table(text: string, name: string): string {
  return new RegExp(`^\\[${name.replace(".", "\\.")}\\]\\n([^[]*(?:\\[[^\\n]*\\]\\n[^[]*?)*?)(?=\\n\\[|$)`, "m").exec(
    text,
  )?.[1] ?? "";
}

Deno.test("the contract's sample config loads without a word of complaint", async () => {
  const { code, err, out } = await check(SAMPLE);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^\[network\]$/m);
});

Deno.test("the values that the sample gives are the defaults", async () => {
  const { out } = await check("");
  for (
    const [name, lines] of [
      ["network", [
        'home = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]',
        "exempt = []",
        'lan = ["br-lan"]',
      ]],
      ["queue", ['numbers = "0"', 'fail = "open"']],
      ["lock", ["seconds = 120", "probe = true", "decoy = true", 'refuse = "drop"']],
      ["protocols.fasttrack", ['action = "lock"', 'require = "certain"']],
      ["protocols.winmx", ['action = "lock"', '"*.winmx.com", "*.winmxgroup.com", "*.winmxgroup.net"']],
      ["protocols.opennap", ['action = "lock"']],
      ["protocols.bittorrent", ['action = "drop"']],
      ["protocols.edonkey", ['action = "drop"']],
      ["protocols.gnutella", ['action = "drop"']],
      ["protocols.directconnect", ['action = "drop"']],
      ["protocols.soulseek", ['action = "drop"']],
      ["log", ['format = "text"']],
      ["metrics", ['listen = ""']],
      ["state", ['path = "/var/lib/ftwall/state"']],
      ["control", ['path = "/run/ftwall/control.sock"']],
    ] as const
  ) {
    const found = table(out, name);
    for (const line of lines) assert.ok(found.includes(line), `[${name}] ${line} is not in: ${found}`);
  }
});

Deno.test("what check prints is itself a config that says the same", async () => {
  const first = await check(SAMPLE);
  const second = await check(first.out);
  assert.deepEqual([second.code, second.err, second.out], [0, "", first.out]);
});

Deno.test("every problem is told at once with file, line, key and the nearest name", async () => {
  const { code, err, out, path } = await check(
    '[network]\nhom = ["10.0.0.0/8"]\n[lock]\nseconds = -1\n[protocols.bitorrent]\naction = "drop"\n[log]\nformat = "xml"\n',
  );
  assert.deepEqual([code, out], [2, ""]);
  const lines = err.split("\n");
  for (
    const [line, key, says] of [
      [2, "network.hom", "nearest: home"],
      [4, "lock.seconds", "found -1"],
      [5, "protocols.bitorrent", "nearest: bittorrent"],
      [8, "log.format", 'found "xml"; allowed: "text", "json", "syslog"'],
    ] as const
  ) {
    const told = lines.find((text) => text.startsWith(`${path}:${line}: ${key}: `));
    assert.ok(told?.includes(says), `${key} in ${err}`);
  }
});

Deno.test("a path given by hand must exist, for each command that takes one", async () => {
  for (const args of [["run"], ["check"], ["rules"], ["replay", "/dev/null"]]) {
    const { code, out, err } = await ftwall([...args, "--config", "/nonexistent/ftwall.toml"]);
    assert.deepEqual([code, out], [2, ""], args[0]);
    assert.match(err, /\/nonexistent\/ftwall\.toml: found no such file/);
  }
});
