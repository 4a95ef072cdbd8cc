import assert from "node:assert/strict";
import { candidates } from "../../lib/cli/selftest.ts";
import { SelfTestScene } from "../../lib/cli/selftest_scene.ts";
import type { Ran } from "../../lib/firewall/run.ts";

Deno.test("the test client gets an address of home, never that of a network or of all its hosts", () => {
  const home = ["10.0.0.0/8", "192.168.1.0/30", "192.0.2.7/32", "fc00::/7"];
  for (const random of [0, 0.5, 0.999999999]) {
    for (const address of candidates(home, () => random)) {
      assert.match(address, /^10\.|^192\.168\.1\.[12]$/);
      assert.doesNotMatch(address, /^10\.(0\.0\.0|255\.255\.255)$/);
    }
  }
  assert.deepEqual(candidates(["192.168.1.0/30"], () => 0.99).slice(0, 1), ["192.168.1.2"]);
  assert.deepEqual(candidates(["fd00::/8", "10.0.0.1/32"], () => 0.5), []);
});

/** A machine whose tools answer as told; what was asked of it. */
function machine(answer: (line: string) => Partial<Ran>) {
  const asked: string[] = [];
  const run = (command: string, args: readonly string[]) => {
    const line = [command, ...args].join(" ");
    asked.push(line);
    return Promise.resolve({ code: 0, stdout: "", stderr: "", ...answer(line) });
  };
  return { run, asked };
}

Deno.test("whatever step fails, what was made until then is taken away in the reverse order", async () => {
  const steps = (line: string) => / add | set | replace /.test(line);
  const good = (line: string): Partial<Ran> =>
    line.startsWith("cat ")
      ? { stdout: "1\n" }
      : line.includes("link show")
      ? { stdout: "2: eth0: link/ether 02:00:00:00:00:01" }
      : {};
  const whole = machine(good);
  {
    await using scene = new SelfTestScene(whole.run, ["br-lan"]);
    await scene.build("10.0.0.5");
  }
  const many = whole.asked.filter(steps).length;
  assert.ok(many >= 14);
  for (let failing = 0; failing < many; failing++) {
    let step = 0;
    const { run, asked } = machine((line) =>
      steps(line) && step++ === failing ? { code: 2, stderr: "no" } : good(line)
    );
    const scene = new SelfTestScene(run, ["br-lan"]);
    await assert.rejects(scene.build("10.0.0.5"), /^Failure: Cannot make the namespace of the test: ip .*: no$|: no$/);
    await scene[Symbol.asyncDispose]();
    const made = asked.filter((line) => /^ip (netns|link) add /.test(line)).map((line) => line.split(" ")[3]);
    const gone = asked.filter((line) => /^ip (netns|link) del /.test(line)).map((line) => line.split(" ")[3]);
    assert.deepEqual(gone, made.reverse());
  }
});

Deno.test("an interrupt at any moment leaves nothing, also where a step was under way", async () => {
  for (let turns = 0; turns < 60; turns++) {
    const there = new Set<string>();
    const run = async (command: string, args: readonly string[]) => {
      // The tool needs its time; what it makes is there at its end.
      for (let i = 0; i < 3; i++) await Promise.resolve();
      const [kind, what, name] = args;
      if (what === "add" && kind !== "neigh") there.add(`${kind} ${name}`);
      if (what === "del") there.delete(`${kind} ${name}`);
      const stdout = command === "cat" ? "1\n" : "2: eth0: link/ether 02:00:00:00:00:01";
      return { code: 0, stdout, stderr: "" };
    };
    const scene = new SelfTestScene(run, ["br-lan"]);
    const building = scene.build("10.0.0.5").catch(() => {});
    for (let i = 0; i < turns * 2; i++) await Promise.resolve();
    await scene[Symbol.asyncDispose]();
    await building;
    // The way to the peer goes with its interface.
    assert.deepEqual([...there].filter((one) => one !== `route ${scene.peer}/32`), []);
  }
});

Deno.test("without ip(8) or forwarding one sentence says what is missing", async () => {
  const without = machine((line) => line.startsWith("ip") ? { code: 127 } : {});
  await assert.rejects(new SelfTestScene(without.run, []).isFree("10.0.0.5"), /ip\(8\) of iproute2 is needed/);
  const still = machine(() => ({ stdout: "0\n" }));
  await assert.rejects(new SelfTestScene(still.run, []).build("10.0.0.5"), /does not forward IPv4/);
});

Deno.test("an address is free where nobody answers an echo or tells a hardware address", async () => {
  const free = async (route: string, ping: number, neighbour: string) => {
    const { run } = machine((line) =>
      line.startsWith("ping") ? { code: ping } : { stdout: line.includes("neigh") ? neighbour : route }
    );
    return await new SelfTestScene(run, []).isFree("10.0.0.5");
  };
  assert.equal(await free("10.0.0.5 dev br-lan", 1, "10.0.0.5 dev br-lan FAILED"), true);
  assert.equal(await free("10.0.0.5 dev br-lan", 0, ""), false);
  assert.equal(await free("10.0.0.5 dev br-lan", 1, "10.0.0.5 dev br-lan lladdr 02:00:00:00:00:09 STALE"), false);
  assert.equal(await free("local 10.0.0.5 dev lo", 1, ""), false);
  assert.equal(await free("10.0.0.5 via 198.51.100.1 dev wan", 1, ""), true, "the way of everything else");
  const inner = machine((line) => ({
    stdout: line.endsWith("10.0.0.5") ? "10.0.0.5 via 10.9.9.9 dev br" : "x via 1.2.3.4",
  }));
  assert.equal(await new SelfTestScene(inner.run, []).isFree("10.0.0.5"), false, "behind a router within");
  assert.doesNotMatch(inner.asked.join(), /ping/);
});
