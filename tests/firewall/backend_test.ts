import assert from "node:assert/strict";
import {
  applyRules,
  chooseBackend,
  findOffloads,
  FirewallError,
  inspectRules,
  type Ran,
  removeRules,
  RULES_DEFAULTS,
  runCommand,
  type Runner,
} from "../../lib/firewall/mod.ts";

/** A machine whose tools answer by the first pattern that the command line matches; what it does not know is missing. */
function machine(answers: [RegExp, Partial<Ran>][]): { run: Runner; calls: string[] } {
  const calls: string[] = [];
  const run: Runner = (command, args) => {
    const line = [command, ...args].join(" ");
    calls.push(line);
    const known = answers.find(([pattern]) => pattern.test(line));
    const missing = { code: 127, stdout: "", stderr: `${command}: not found` };
    return Promise.resolve(known === undefined ? missing : { code: 0, stdout: "", stderr: "", ...known[1] });
  };
  return { run, calls };
}

const NO_QUEUE = {
  code: 1,
  stderr: "/dev/stdin:9:1-2: Error: Could not process rule: No such file or directory\nadd rule inet x y queue num 0",
};

Deno.test("nft is taken where its trial succeeds, and nothing else is run", async () => {
  const { run, calls } = machine([[/^unshare -n nft -c -f -$/, {}]]);
  const features = { hashlimit: true, u32: true };
  assert.deepEqual(await chooseBackend(run), { backend: "nft", offload: "off", sets: true, features, notes: [] });
  assert.deepEqual(calls, ["unshare -n nft -c -f -"]);
});

Deno.test("a kernel without the nft queue statement gets iptables, and the reason is told", async () => {
  const { run } = machine([[/^unshare -n nft/, NO_QUEUE], [/^unshare -n ipset/, {}], [
    /^unshare -n iptables-restore/,
    {},
  ]]);
  const choice = await chooseBackend(run);
  assert.equal(choice.backend, "iptables");
  assert.equal(choice.sets, true);
  assert.match(choice.notes[0]!, /no nft queue statement.*kmod-nft-queue/);
});

Deno.test("without ipset and some matches iptables still serves, with less", async () => {
  for (
    const [lacks, tries, features] of [
      [["u32"], 2, { hashlimit: true, u32: false }],
      [["hashlimit"], 3, { hashlimit: false, u32: true }],
      [["hashlimit", "u32"], 4, { hashlimit: false, u32: false }],
    ] as const
  ) {
    let tried = 0;
    const { run } = machine([[/^unshare -n ipset|^ipset/, { code: 127 }]]);
    const choice = await chooseBackend((command, args, stdin) => {
      if (args.includes("iptables-restore")) {
        tried++;
        const lack = lacks.find((match) => stdin?.includes(`-m ${match}`));
        const stderr = lack === undefined ? "" : `Couldn't load match \`${lack}'`;
        return Promise.resolve({ code: lack === undefined ? 0 : 2, stdout: "", stderr });
      }
      return run(command, args, stdin);
    });
    assert.deepEqual([tried, choice.sets, choice.features], [tries, false, features]);
    // nft, the sets, and each match.
    assert.equal(choice.notes.length, 2 + lacks.length, choice.notes.join("; "));
  }
});

Deno.test("without unshare the trial takes place in chains that nothing jumps to", async () => {
  const texts: string[] = [];
  const { run } = machine([[/^unshare/, { code: 1, stderr: "unshare: unshare failed: Operation not permitted" }], [
    /^(ipset|iptables-restore -w 5 --noflush)/,
    {},
  ]]);
  await chooseBackend((command, args, stdin) => {
    if (command === "iptables-restore") texts.push(stdin ?? "");
    return run(command, args, stdin);
  }, "iptables");
  assert.equal(texts.length, 2);
  assert.doesNotMatch(texts.join(""), /-A (FORWARD|INPUT|OUTPUT)|ftwall_forward/);
  assert.match(texts[1]!, /-F fwtrial_forward\n[^]*-X fwtrial_forward\n/);
});

Deno.test("where nothing works the error names what was tried and what to install", async () => {
  await assert.rejects(chooseBackend(machine([]).run), (error) => {
    assert.ok(error instanceof FirewallError && error.missing);
    for (
      const word of ["nft: not found", "Debian", "Fedora", "Alpine", "kmod-nft-queue", "iptables-mod-conntrack-extra"]
    ) {
      assert.ok(error.message.includes(word), word);
    }
    return true;
  });
});

Deno.test("a back end asked for by name is not replaced by the other", async () => {
  const { run } = machine([[/^unshare -n nft -c/, NO_QUEUE], [/./, {}]]);
  await assert.rejects(chooseBackend(run, "nft"), FirewallError);
});

Deno.test("removing on a bare machine removes nothing and never asks the legacy tools", async () => {
  const { run, calls } = machine([[/^cat/, { code: 1 }]]);
  assert.deepEqual(await removeRules(run), []);
  assert.deepEqual(await inspectRules(run), []);
  assert.ok(!calls.some((call) => call.includes("legacy")));
});

Deno.test("tables that another program keeps locked are not taken for empty ones", async () => {
  const stderr = "Another app is currently holding the xtables lock. Perhaps you want to use the -w option?";
  const { run } = machine([[/^iptables -w/, { code: 4, stderr }], [/^cat/, { code: 1 }]]);
  await assert.rejects(removeRules(run), /Cannot read the rules with iptables: Another app is currently holding/);
  await assert.rejects(inspectRules(run), FirewallError);
  // Whoever waited for the lock and got it says so, too.
  const waited = machine([[/^iptables -w/, { stderr }], [/^cat/, { code: 1 }]]);
  assert.deepEqual(await inspectRules(waited.run), []);
});

Deno.test("a failed transaction is reported with the tool's own words", async () => {
  const { run } = machine([[/^unshare -n nft -c/, {}], [/^nft -f/, {
    code: 1,
    stderr: "Error: Operation not permitted",
  }], [
    /^cat/,
    { stdout: "1" },
  ], [/^nft list/, { code: 1 }]]);
  await assert.rejects(applyRules("auto", RULES_DEFAULTS, run), /Cannot put the rules.*Operation not permitted/);
});

Deno.test("offloads are found and come with advice", async () => {
  const { run } = machine([
    [/flowtables/, { stdout: "table inet fw4 {\n\tflowtable ft {\n\t\thook ingress priority filter\n\t}\n}\n" }],
    [/^nft -t list table inet fw4$/, { stdout: "\tmeta l4proto tcp flow add @ft\n" }],
    [/^iptables/, { stdout: "-A FORWARD -m conntrack --ctstate ESTABLISHED -j FLOWOFFLOAD\n" }],
    [/bridge-nf/, { stdout: "1\n" }],
    [/^sh -c/, { stdout: "/sys/class/net/br-lan/bridge\n" }],
  ]);
  const found = await findOffloads(run, RULES_DEFAULTS.mark);
  assert.deepEqual(found.map(({ name }) => name), ["flowtable", "xt-flowoffload", "bridge"]);
  assert.match(found[0]!.found, /"ft"/);
  assert.match(found[1]!.advice, /-m connmark --mark 0x1000000\/0xf000000/);
  assert.deepEqual(await findOffloads(machine([]).run, RULES_DEFAULTS.mark), []);
  const asks = "-A FORWARD -m connmark --mark 0x1000000/0xf000000 -j FLOWOFFLOAD\n";
  assert.deepEqual(await findOffloads(machine([[/^iptables/, { stdout: asks }]]).run, RULES_DEFAULTS.mark), []);
  const noBridge = machine([[/bridge-nf/, { stdout: "1\n" }], [/^sh -c/, { stdout: "" }]]);
  assert.deepEqual(
    await findOffloads(noBridge.run, RULES_DEFAULTS.mark),
    [],
    "the module is loaded, but there is no bridge",
  );
});

Deno.test("the real runner feeds standard input, reads both outputs and never throws", async () => {
  assert.deepEqual(await runCommand("cat", [], "hello"), { code: 0, stdout: "hello", stderr: "" });
  assert.deepEqual(await runCommand("sh", ["-c", "echo why >&2; exit 3"]), { code: 3, stdout: "", stderr: "why" });
  assert.equal((await runCommand("ftwall-no-such-tool", [])).code, 127);
  // A tool that ends without reading its input.
  assert.equal((await runCommand("true", [], "x".repeat(1 << 20))).code, 0);
});
