import assert from "node:assert/strict";
import {
  applyRules,
  chooseBackend,
  findOffloads,
  FirewallError,
  FlowTimeouts,
  type Ran,
  renewOffload,
  RULES_DEFAULTS,
  type RulesOptions,
  rulesText,
  type Runner,
} from "../../lib/firewall/mod.ts";

const OPTIONS: RulesOptions = { ...RULES_DEFAULTS, lan: [], offload: "software" };
const DEVICES = "Inter-|\n face |\n    lo: 0\n  eth0: 0\n  eth1: 0\n  br0: 0\n";

interface Call {
  readonly line: string;
  readonly input: string;
}

/** A machine with eth0, eth1 (a part of br0) and br0, whose other tools answer by the first pattern that fits. */
function machine(answers: readonly [RegExp, Partial<Ran>][]): { run: Runner; calls: Call[] } {
  const calls: Call[] = [];
  const run: Runner = (command, args, input = "") => {
    const line = [command, ...args].join(" ");
    calls.push({ line, input });
    const usual: [RegExp, Partial<Ran>][] = [
      [/^cat \/proc\/net\/dev$/, { stdout: DEVICES }],
      [/^sh -c for m in/, { stdout: "/sys/class/net/eth1/master\n" }],
    ];
    const known = [...answers, ...usual].find(([pattern]) => pattern.test(line));
    const missing = { code: 127, stdout: "", stderr: `${command}: not found` };
    return Promise.resolve(known === undefined ? missing : { code: 0, stdout: "", stderr: "", ...known[1] });
  };
  return { run, calls };
}

Deno.test("settled flows go into a flowtable behind the question for locks, and only where that is asked for", () => {
  const text = rulesText("nft", { ...OPTIONS, devices: ["eth0", "br0"] });
  assert.match(
    text,
    /add flowtable inet ftwall settled_flows \{ hook ingress priority 0; devices = \{ "eth0", "br0" \}; counter; \}/,
  );
  assert.match(text, /settled ip6 daddr @locked6 drop\n[^\n]*settled goto shortcut\n/);
  assert.match(text, /add rule inet ftwall shortcut flow add @settled_flows\n/);
  assert.match(rulesText("nft", { ...OPTIONS, cut: false }), /forward ct mark [^\n]* goto shortcut/);
  assert.match(rulesText("nft", { ...OPTIONS, offload: "hardware" }), /flags offload; counter;/);
  assert.doesNotMatch(rulesText("nft", { ...OPTIONS, offload: "off" }), /flowtable|flow add/);
  const iptables = rulesText("iptables", OPTIONS);
  assert.match(
    iptables,
    /-A ftwall_settled -m set --match-set ftwall_locked4 dst -j DROP\n-A ftwall_settled -g ftwall_shortcut\n/,
  );
  assert.match(iptables, /^-A ftwall_shortcut -j FLOWOFFLOAD$/m);
  assert.equal(iptables, rulesText("iptables", { ...OPTIONS, offload: "hardware" }));
  assert.doesNotMatch(rulesText("iptables", { ...OPTIONS, offload: "off" }), /FLOWOFFLOAD|shortcut/);
});

Deno.test("where offloading cannot be had the rules do without, and say why", async () => {
  const fails: Ran = { code: 1, stdout: "", stderr: "Error: Could not process rule: Operation not supported" };
  const nft: Runner = (command, args, input = "") => {
    const wants = /flags offload/.test(input) ? "hardware" : /add flowtable/.test(input) ? "software" : "off";
    const tried = command === "nft" || args[1] === "nft";
    return Promise.resolve(tried && wants === "off" ? { ...fails, code: 0 } : fails);
  };
  const software = await chooseBackend(nft, "nft", OPTIONS);
  assert.equal(software.offload, "off");
  assert.deepEqual(software.notes, ["no software offload: Error: Could not process rule: Operation not supported"]);
  const answers: Runner = (command, args, input = "") =>
    Promise.resolve(/flags offload/.test(input) ? fails : { ...fails, code: args.includes("-c") && command ? 0 : 1 });
  const hardware = await chooseBackend(answers, "nft", { ...OPTIONS, offload: "hardware" });
  assert.equal(hardware.offload, "software");
  assert.match(hardware.notes[0]!, /^no hardware offload, but by software: /);
});

/** A machine with iptables alone, whose timeouts of offloaded flows are kept; null: its kernel has none. */
function withTarget(target: boolean, timeouts: [tcp: string, udp: string] | null): { run: Runner; calls: Call[] } {
  const { run, calls } = machine([[/^unshare -n ipset|^iptables -w 5 -t mangle -S$/, {
    stdout: target ? "-A ftwall_shortcut -j FLOWOFFLOAD\n" : "-A FORWARD -j ftwall_forward\n",
  }]]);
  return {
    calls,
    run: async (command, args, input = "") => {
      const answer = await run(command, args, input);
      const path = args.findIndex((path) => path.includes("nf_flowtable_"));
      if (path >= 0 && timeouts === null) return { code: 1, stdout: "", stderr: "No such file or directory" };
      if (path >= 0 && command === "tee") timeouts![args[0]!.includes("tcp") ? 0 : 1] = input.trim();
      if (path >= 0) return { code: 0, stdout: `${timeouts!.join("\n")}\n`, stderr: "" };
      if (!args.includes("iptables-restore")) return answer;
      const fails = input.includes("FLOWOFFLOAD") && !target;
      return { code: fails ? 2 : 0, stdout: "", stderr: fails ? "Couldn't load target \`FLOWOFFLOAD'" : "" };
    },
  };
}

Deno.test("iptables offloads where its target and the kernel's timeouts of flows are there, and by software alone", async () => {
  const choose = async (target: boolean, timeouts: [string, string] | null, offload: RulesOptions["offload"]) => {
    const choice = await chooseBackend(withTarget(target, timeouts).run, "iptables", { ...OPTIONS, offload });
    return [choice.offload, ...choice.notes];
  };
  const timeouts: [string, string] = ["30", "45"];
  assert.deepEqual(await choose(true, timeouts, "software"), ["software"]);
  assert.deepEqual(timeouts, ["30", "45"]);
  assert.deepEqual(await choose(true, timeouts, "off"), ["off"]);
  const [hardware, note] = await choose(true, timeouts, "hardware");
  assert.equal(hardware, "software");
  assert.match(note!, /^no hardware offload with iptables, .* but by software$/);
  assert.match(
    (await choose(false, timeouts, "software"))[1]!,
    /^no software offload with iptables: no target FLOWOFFLOAD: /,
  );
  const old = await choose(true, null, "software");
  assert.equal(old[0], "off");
  assert.match(old[1]!, /before Linux 5\.14/);
});

Deno.test("flows are taken back from iptables by timeouts of 0, for as long as a silent one may be kept", async () => {
  const timeouts: [string, string] = ["30", "45"];
  const { run, calls } = withTarget(true, timeouts);
  const flows = new FlowTimeouts(run);
  await flows.restore();
  assert.equal(calls.length, 0);
  assert.equal(await flows.expire(), 47_000);
  assert.deepEqual([timeouts, flows.used], [["0", "0"], true]);
  // Asked again meanwhile: what there was is not forgotten.
  assert.equal(await flows.expire(), 47_000);
  await flows.restore();
  assert.deepEqual(timeouts, ["30", "45"]);
  const killed: [string, string] = ["0", "0"];
  const after = new FlowTimeouts(withTarget(true, killed).run);
  assert.deepEqual([await after.left(), await flows.left()], [true, false]);
  await after.expire();
  await after.restore();
  assert.deepEqual(killed, ["30", "30"], "one that was killed left 0");
  const none = new FlowTimeouts(withTarget(false, timeouts).run);
  assert.deepEqual([await none.expire(), none.used, timeouts], [0, false, ["30", "45"]]);
  const gone = new FlowTimeouts(machine([]).run);
  assert.deepEqual([await gone.expire(), gone.used], [0, true], "rules that cannot be read may offload");
});

Deno.test("an interface that came since is taken into the flowtable, and the flows in it are judged by the rules", async () => {
  const applied = rulesText("nft", OPTIONS);
  const stamp = /ftwall:[0-9a-f]{8}/.exec(applied)![0];
  const chains = [...applied.matchAll(/^add rule inet ftwall \S+ (.*)$/gm)].map((match) => `\t\t${match[1]}`);
  const hooks = ["forward", "input", "output", "post"].map((name) =>
    `\tchain ${name} {\n\t\ttype filter hook ${name} priority -5; policy accept;\n\t}`
  );
  const table = (devices: string) =>
    `table inet ftwall {\n\tflowtable settled_flows {\n\t\thook ingress priority filter\n\t\tdevices = { ${devices} }\n\t\tcounter\n\t}\n` +
    `${hooks.join("\n")}\n\tchain first { # "${stamp}"\n${chains.join("\n")}\n\t}\n}`;
  const kernel = (devices: string) =>
    machine([
      [/^unshare -n nft -c/, {}],
      [/^nft list table inet ftwall$/, { stdout: table(devices) }],
      [/^nft -f -$/, {}],
      [/^cat \/proc\/(sys\/net\/netfilter|net\/if_inet6)/, { stdout: "1\n" }],
    ]);
  const same = kernel('"br0", eth0');
  assert.equal((await applyRules("nft", OPTIONS, same.run)).changed, false);
  const other = kernel("eth0");
  assert.equal((await applyRules("nft", OPTIONS, other.run)).changed, true);
  const { input } = other.calls.find(({ line }) => line === "nft -f -")!;
  assert.match(input, /delete flowtable inet ftwall settled_flows\nadd flowtable .*devices = \{ "eth0", "br0" \}/);
});

Deno.test("offloaded flows are given back in one transaction; without a flowtable that is nothing", async () => {
  const { run, calls } = machine([[/^nft -f -$/, {}]]);
  assert.equal(await renewOffload(OPTIONS, run), true);
  assert.deepEqual(calls.at(-1)!.input.split("\n"), [
    "flush chain inet ftwall shortcut",
    "delete flowtable inet ftwall settled_flows",
    'add flowtable inet ftwall settled_flows { hook ingress priority 0; devices = { "eth0", "br0" }; counter; }',
    "add rule inet ftwall shortcut flow add @settled_flows",
    "",
  ]);
  const gone = machine([[/^nft -f -$/, { code: 1, stderr: "Error: No such file or directory" }]]);
  assert.equal(await renewOffload(OPTIONS, gone.run), false);
  const broken = machine([[/^nft -f -$/, { code: 1, stderr: "Error: Operation not permitted" }]]);
  await assert.rejects(renewOffload(OPTIONS, broken.run), FirewallError);
  const off = machine([]);
  assert.equal(await renewOffload({ ...OPTIONS, offload: "off" }, off.run), false);
  assert.deepEqual(off.calls, []);
});

Deno.test("a flowtable takes nothing past us where it is ours, or where its rules ask for our mark", async () => {
  const tables =
    "table inet ftwall {\n\tflowtable settled_flows {\n\t}\n}\ntable inet fw4 {\n\tflowtable ft {\n\t}\n}\n";
  const found = async (...rules: string[]) => {
    const table = { stdout: `table inet fw4 {\n\tchain forward {\n\t\t${rules.join("\n\t\t")}\n\t}\n}\n` };
    const { run } = machine([[/^nft list flowtables$/, { stdout: tables }], [/^nft -t list table inet fw4$/, table]]);
    return (await findOffloads(run, OPTIONS.mark)).map(({ found, advice }) => [found, advice.split("`")[1]]);
  };
  const condition = "ct mark & 0xf000000 == 0x1000000";
  const taken = [['nft flowtable "ft"', condition]];
  assert.deepEqual(await found("meta l4proto { tcp, udp } flow add @ft"), taken);
  assert.deepEqual(await found("ct mark & 0x0f000000 == 0x02000000 flow add @ft"), taken);
  // As nft lists it.
  const asked = "ct mark & 0x0f000000 == 0x01000000 meta l4proto { tcp, udp } flow add @ft";
  assert.deepEqual(await found(asked), []);
  assert.deepEqual(await found(asked, "flow add @ft"), taken);
  const { run } = machine([[/^nft list flowtables$/, { stdout: tables }], [/^nft -t/, { code: 1 }]]);
  assert.equal((await findOffloads(run, OPTIONS.mark)).length, 1, "what cannot be seen counts");
});
