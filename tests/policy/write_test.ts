import assert from "node:assert/strict";
import { changeLines, differences, needsRestart } from "../../lib/policy/difference.ts";
import { formatEffective, withoutSecrets } from "../../lib/policy/write.ts";
import { hashConfig } from "../../lib/policy/hash.ts";
import { GOOD } from "./good_configs.ts";
import { configOf, problemsOf } from "./parse_config.ts";

Deno.test("the effective config reads back to the same config, without a problem", () => {
  for (const text of GOOD) {
    assert.deepEqual(problemsOf(text), []);
    const config = configOf(text);
    const written = formatEffective(config);
    assert.deepEqual(problemsOf(written), [], written);
    assert.deepEqual(configOf(written), config);
    assert.equal(hashConfig(configOf(written)), hashConfig(config));
    assert.equal(formatEffective(configOf(written)), written);
  }
});

Deno.test("values arrive in milliseconds and bytes", () => {
  const config = configOf(GOOD[2]!);
  assert.equal(config.memory, 64 * 1024 * 1024);
  assert.equal(config.lock.seconds, 5400);
  assert.deepEqual(config.queue.numbers, { first: 7, last: 7 });
  assert.equal(config.queue.mark, 0x10000);
  assert.deepEqual(config.network.home, ["10.0.0.0/8", "fd00::/8", "2001:db8::1/128"]);
  const other = configOf(GOOD[3]!);
  assert.equal(other.score.halfLife, 45_000);
  assert.deepEqual(other.network.exempt, ["192.168.1.1/32", "00:11:22:aa:bb:cc"]);
  assert.deepEqual(other.protocols[1]?.allowInfoHashes, ["0123456789abcdef0123456789abcdef01234567"]);
  assert.equal(other.protocols[1]?.lock, 0);
  assert.equal(other.protocols[2]?.lock, null);
  const last = configOf(GOOD[4]!);
  assert.deepEqual(last.schedule[0]?.days, [1, 2, 3, 4, 5]);
  assert.deepEqual(last.schedule[0]?.hours, [{ from: 480, to: 720 }, { from: 780, to: 960 }]);
  assert.deepEqual(last.clients[1]?.protocols.map(({ name, action }) => [name, action]), [["fasttrack", "off"], [
    "winmx",
    "off",
  ]]);
});

Deno.test("changeLines() names each changed key with its values, and nothing else", () => {
  const before = configOf(
    '[lock]\nseconds = 60\n[[clients]]\nname = "a"\nmacs = ["00:00:00:00:00:01"]\nprotocols.edonkey.action = "log"',
  );
  const after = configOf(
    '[lock]\nseconds = 90\n[protocols.bittorrent]\naction = "lock"\nlock = 5\n[dns]\nfloor = "1h"',
  );
  assert.deepEqual(changeLines(differences(before, before)), []);
  assert.deepEqual(changeLines(differences(before, after)), [
    "lock.seconds: 60 → 90",
    'protocols.bittorrent.action: "drop" → "lock"',
    "protocols.bittorrent.lock: (none) → 5",
    'dns.floor: "10m" → "1h"',
    'clients.a.name: "a" → (none)',
    "clients.a.addresses: [] → (none)",
    'clients.a.macs: ["00:00:00:00:00:01"] → (none)',
    'clients.a.protocols.edonkey.action: "log" → (none)',
  ]);
});

Deno.test("needsRestart() names the keys that a reload cannot apply, with the command", () => {
  const before = configOf("");
  const after = configOf(
    '[network]\nlan = ["eth1"]\nexempt = ["10.0.0.1"]\n[queue]\nnumbers = "0:1"\n[log]\nfile = "/x"',
  );
  assert.deepEqual(needsRestart(differences(before, after)), [
    { key: "network.lan", needs: "rules", command: "ftwall rules --apply, then ftwall reload" },
    { key: "queue.numbers", needs: "restart", command: "ftwall rules --apply, then restart ftwall" },
    { key: "log.file", needs: "restart", command: "restart ftwall" },
  ]);
  assert.deepEqual(needsRestart(differences(before, before)), []);
});

Deno.test("a difference of a thousand keys is cut, and says by how much", () => {
  const text = Array.from(
    { length: 40 },
    (_, i) => `[[clients]]\nname = "g${i}"\nmacs = ["00:00:00:00:01:${(i + 16).toString(16)}"]\n`,
  );
  const lines = changeLines(differences(configOf(""), configOf(text.join(""))));
  assert.equal(lines.length, 101);
  assert.equal(lines.at(-1), "and 20 more");
});

Deno.test("secrets are neither in the effective config nor in differences, which tell that they changed", () => {
  const text = (secret: string) =>
    `[[notify]]\nname = "a"\nwebhook = "https://hooks.example.org/services/${secret}"\ntoken = "${secret}"\n`;
  const [before, after] = [configOf(text("s3cret")), configOf(text("0ther"))];
  const lines = changeLines(differences(before, after));
  assert.deepEqual(lines, [
    'notify.a.webhook: "https://hooks.example.org/…" → "https://hooks.example.org/…"',
    'notify.a.token: "…" → "…"',
  ]);
  const written = formatEffective(before) + JSON.stringify(withoutSecrets(before));
  assert.match(written, /token = "…"/);
  assert.doesNotMatch(written, /s3cret/);
  assert.notEqual(hashConfig(before), hashConfig(after));
});
