import assert from "node:assert/strict";
import {
  applyRules,
  KernelSets,
  type Ran,
  removeRules,
  type Runner,
  setsHold,
  setsText,
} from "../../lib/firewall/mod.ts";
import { nftText } from "../../lib/firewall/nft.ts";
import { RULES_DEFAULTS } from "../../lib/firewall/options.ts";

const LOCK4 = { kind: "locked", address: "10.0.0.5", port: 0, seconds: 120 } as const;
const LOCK6 = { kind: "locked", address: "fd00::5", port: 0, seconds: 60.2 } as const;
const GONE = { kind: "peers", address: "198.51.100.7", port: 1214, seconds: 0 } as const;

const client = (address: string) => ({ kind: "locked", address, port: 0 }) as const;

function recorder(answer: Partial<Ran> = {}): { run: Runner; calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    run: (command, args, stdin = "") => {
      calls.push(`${command} ${args.join(" ")}\n${stdin}`);
      return Promise.resolve({ code: 0, stdout: "", stderr: "", ...answer });
    },
  };
}

Deno.test("sets hold what they were given, unless the tool says that something is missing", async () => {
  const asked: string[] = [];
  const run = (code: number, stderr: string): Runner => (command, args, stdin = "") => {
    asked.push([command, ...args, stdin.trim()].join(" "));
    return Promise.resolve({ code, stdout: "", stderr });
  };
  const samples = [client("10.0.0.5"), { kind: "peers", address: "2001:db8::1", port: 1214 }] as const;
  assert.ok(await setsHold("nft", samples, run(0, "")));
  assert.ok(!await setsHold("nft", samples, run(1, "Error: Could not process rule: No such file or directory")));
  assert.ok(await setsHold("nft", samples, run(1, "Operation not permitted")));
  assert.ok(await setsHold("iptables", samples, run(0, "")));
  assert.ok(!await setsHold("iptables", samples, run(1, "10.0.0.5 is NOT in set ftwall_locked4.")));
  assert.ok(await setsHold("iptables", samples, run(127, "ipset: not found")));
  assert.ok(await setsHold("nft", [], run(1, "No such file or directory")));
  assert.equal(
    asked[0],
    "nft -f - get element inet ftwall locked4 { 10.0.0.5 }\nget element inet ftwall peers6 { 2001:db8::1 . 1214 }",
  );
  assert.deepEqual(asked.slice(3, 5), [
    "ipset test ftwall_locked4 10.0.0.5 ",
    "ipset test ftwall_peers6 2001:db8::1,tcp:1214 ",
  ]);
});

Deno.test("set changes as an nft script renew timeouts and delete what may be absent", () => {
  assert.equal(
    setsText("nft", [LOCK4, LOCK6, GONE], ["locked"]),
    [
      "flush set inet ftwall locked4",
      "flush set inet ftwall locked6",
      "add element inet ftwall locked4 { 10.0.0.5 }",
      "delete element inet ftwall locked4 { 10.0.0.5 }",
      "add element inet ftwall locked4 { 10.0.0.5 timeout 120s }",
      "add element inet ftwall locked6 { fd00::5 }",
      "delete element inet ftwall locked6 { fd00::5 }",
      "add element inet ftwall locked6 { fd00::5 timeout 61s }",
      "add element inet ftwall peers4 { 198.51.100.7 . 1214 }",
      "delete element inet ftwall peers4 { 198.51.100.7 . 1214 }",
      "",
    ].join("\n"),
  );
});

Deno.test("set changes as an ipset script", () => {
  assert.equal(
    setsText("iptables", [LOCK4, LOCK6, GONE], ["peers"]),
    "flush ftwall_peers4\nflush ftwall_peers6\nadd ftwall_locked4 10.0.0.5 timeout 120\n" +
      "add ftwall_locked6 fd00::5 timeout 61\ndel ftwall_peers4 198.51.100.7,tcp:1214\n",
  );
  assert.match(setsText("iptables", [{ ...LOCK4, seconds: 1e12 }]), /timeout 2147483\n/);
});

Deno.test("changes of one turn go out together, the newest for an address wins", async () => {
  const { run, calls } = recorder();
  await using sets = new KernelSets("iptables", run);
  sets.put(client("10.0.0.5"), 60);
  sets.put(GONE, 60);
  sets.put(client("10.0.0.5"), 120);
  sets.remove(GONE);
  await sets.settled();
  assert.deepEqual(calls, [
    "ipset -exist restore\nadd ftwall_locked4 10.0.0.5 timeout 120\ndel ftwall_peers4 198.51.100.7,tcp:1214\n",
  ]);
  assert.deepEqual(sets.state, { pending: 0, sent: 2, failed: 0, discarded: 0, lastError: null });
});

Deno.test("clearing forgets what waits and empties the kernel's set first", async () => {
  const { run, calls } = recorder();
  await using sets = new KernelSets("iptables", run);
  sets.put(client("10.0.0.5"), 60);
  sets.clear("locked");
  sets.put(client("10.0.0.6"), 60);
  await sets.settled();
  assert.deepEqual(calls, [
    "ipset -exist restore\nflush ftwall_locked4\nflush ftwall_locked6\nadd ftwall_locked4 10.0.0.6 timeout 60\n",
  ]);
});

Deno.test("what waits is bounded, and goes out in bounded batches", async () => {
  const { run, calls } = recorder();
  await using sets = new KernelSets("iptables", run, { batch: 4, rest: 200 }, 10);
  for (let at = 0; at < 25; at++) sets.put({ ...GONE, port: 1000 + at }, 60);
  assert.equal(sets.state.pending, 10);
  await sets.settled();
  assert.deepEqual(sets.state, { pending: 0, sent: 10, failed: 0, discarded: 15, lastError: null });
  assert.deepEqual(calls.map((call) => call.match(/add /g)?.length), [4, 4, 2]);
});

Deno.test("a tool that fails costs a counter, and the next change is tried again", async () => {
  const { run, calls } = recorder({ code: 1, stderr: "The set with the given name does not exist" });
  await using sets = new KernelSets("nft", run);
  sets.put(client("10.0.0.5"), 60);
  await sets.settled();
  sets.put(client("10.0.0.5"), 60);
  await sets.settled();
  assert.equal(calls.length, 2);
  assert.deepEqual([sets.state.failed, sets.state.lastError], [2, "The set with the given name does not exist"]);
});

Deno.test("sets that an older version made go with the next rules, in the transaction that makes those", async () => {
  const options = { ...RULES_DEFAULTS, lan: [] };
  const there = nftText(options).split("\n").filter((line) => line.startsWith("add rule")).map((line) => line.slice(9));
  const listed = (sets: readonly string[]) =>
    `table inet ftwall {\n${sets.map((name) => `\tset ${name} {\n\t}\n`).join("")}\tchain forward {\n${
      there.map((rule) => `\t\t${rule}\n`).join("")
    }\t}\n}\n`;
  const own = [...nftText(options).matchAll(/^add set inet ftwall (\w+)/gm)].map((match) => match[1]!);
  for (const old of [[], ["blocked4", "blocked6"]]) {
    const scripts: string[] = [];
    const run: Runner = (command, args, stdin) => {
      const words = [command, ...args].join(" ");
      if (words === "nft -f -") scripts.push(stdin!);
      const listing = words === "nft list table inet ftwall";
      const found = listing ? listed([...own, ...old]) : words.startsWith("cat ") ? "1" : "";
      const failed = /^(iptables|ip6tables)/.test(command);
      return Promise.resolve({ code: failed ? 1 : 0, stdout: found, stderr: "" });
    };
    const { changed } = await applyRules("nft", options, run);
    assert.equal(changed, old.length > 0);
    const deleted = scripts.flatMap((text) => [...text.matchAll(/^delete set inet ftwall (\w+)$/gm)]);
    assert.deepEqual(deleted.map((match) => match[1]), old);
  }
  const destroyed: string[] = [];
  const names = ["ftwall_blocked4", "ftwall_locked4", "ftwall_peers6", "others4"];
  const run: Runner = (command, args) => {
    if (command === "ipset" && args[0] === "destroy") destroyed.push(args[1]!);
    const found = command === "ipset" && args[0] === "-n" ? names.join("\n") : "";
    return Promise.resolve({ code: command === "ipset" ? 0 : 1, stdout: found, stderr: "" });
  };
  assert.deepEqual(await removeRules(run), names.slice(0, 3).map((name) => `ipset ${name}`));
  assert.deepEqual(destroyed, names.slice(0, 3));
});
