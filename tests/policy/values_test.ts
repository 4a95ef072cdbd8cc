import assert from "node:assert/strict";
import fc from "fast-check";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { PROTOCOLS } from "../../lib/protocol/mod.ts";
import { distance, nearest } from "../../lib/policy/nearest.ts";
import { parseConfig } from "../../lib/policy/load.ts";
import { quote } from "../../lib/policy/problem.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../lib/policy/units.ts";
import { capacityFor } from "../../lib/state/state.ts";
import { NameSet } from "../../lib/wire/dns_name.ts";
import { configOf } from "./parse_config.ts";

Deno.test("durations: units in falling order, whole seconds, nothing else", () => {
  const good: [unknown, number][] = [[90, 90_000], ["90s", 90_000], ["10m", 600_000], ["1h30m", 5_400_000], [
    "2d1s",
    172_801_000,
  ], [0, 0]];
  for (const [value, ms] of good) assert.equal(parseDuration(value), ms, String(value));
  for (
    const value of [
      "",
      "10",
      "1m1h",
      "1.5h",
      "-1s",
      " 1s",
      "1 s",
      "1S",
      -1,
      1.5,
      NaN,
      Infinity,
      true,
      null,
      [],
      "1000000000s",
    ]
  ) {
    assert.equal(parseDuration(value), null, String(value));
  }
});

Deno.test("durations and sizes are read back as they are written", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e9 }), (n) => {
    assert.equal(parseDuration(formatDuration(n * 1000)), n * 1000);
    assert.equal(parseSize(formatSize(n)), n);
    assert.equal(parseSize(formatSize(n * 1024)), n * 1024);
  }));
});

Deno.test("sizes: powers of 1024, nothing else", () => {
  const good: [unknown, number][] = [[4096, 4096], ["4096", 4096], ["4K", 4096], ["32M", 33_554_432], ["1g", 2 ** 30], [
    "8MiB",
    2 ** 23,
  ]];
  for (const [value, bytes] of good) assert.equal(parseSize(value), bytes, String(value));
  for (const value of ["", "K", "1.5M", "-1", "1T", "1 M", -1, 1.5, NaN, "999999999999G", true, null]) {
    assert.equal(parseSize(value), null, String(value));
  }
});

Deno.test("the most memory makes the tables of flows and peers as large as they can be", () => {
  const { memory } = configOf('memory = "2G"');
  const { flows, peers } = capacityFor(memory);
  assert.deepEqual([flows, peers], [8_388_608, 4_194_304]);
  assert.ok(capacityFor(memory * 0.8).flows < flows, "most of it has an effect");
  const { config } = parseConfig('memory = "3G"', "f", []);
  assert.equal(config, null, "more would have none");
});

Deno.test("distance() counts a swap of neighbours as one edit and is symmetric", () => {
  assert.equal(distance("opne", "open"), 1);
  assert.equal(distance("", "abc"), 3);
  assert.equal(distance("kitten", "sitting"), 3);
  fc.assert(fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
    assert.equal(distance(a, b), distance(b, a));
    assert.equal(distance(a, b) === 0, a === b);
  }));
});

Deno.test("distance() gives up beyond a limit, and only there; so nearest() is as if it never did", () => {
  const few = fc.string({ maxLength: 9, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(fc.property(few, few, fc.integer({ min: 0, max: 9 }), (a, b, most) => {
    const whole = distance(a, b);
    assert.equal(distance(a, b, most), whole <= most ? whole : Infinity);
  }));
  fc.assert(fc.property(few, fc.array(few, { maxLength: 12 }), (text, words) => {
    const near = words.map((word) => {
      const limit = Math.max(1, Math.floor(Math.max(text.length, word.length) / 3));
      const begins = text.length >= 3 && (word.startsWith(text) || text.startsWith(word));
      return begins || distance(text, word) <= limit ? distance(text, word) : Infinity;
    });
    const least = Math.min(...near);
    assert.equal(nearest(text, words), text === "" || least === Infinity ? undefined : words[near.indexOf(least)]);
  }));
});

Deno.test("nearest() offers what is near, and nothing where nothing is", () => {
  const words = ["bittorrent", "fasttrack", "half_life", "seconds"];
  assert.equal(nearest("bitorrent", words), "bittorrent");
  assert.equal(nearest("Half-Life", words), "half_life");
  assert.equal(nearest("sec", words), "seconds");
  assert.equal(nearest("zzz", words), undefined);
  const commands = ["run", "check", "status", "top"];
  assert.equal(nearest("stauts", commands), "status");
  assert.equal(nearest("chek", commands), "check");
  assert.equal(nearest("nonsense", commands), undefined);
  assert.equal(nearest("x".repeat(10_000), words), undefined);
});

Deno.test("what is offered in place of a value is a value that is taken", () => {
  const offered: readonly (readonly [key: string, value: string, nearest: string | undefined])[] = [
    ["state.interval", '"1s"', '"10s"'],
    ["state.interval", "3", '"10s"'],
    ["state.interval", '"2d"', '"1d"'],
    ["state.interval", '"36 hours"', '"1d"'],
    ["log.refused", '"1h30m"', '"1h"'],
    ["lock.seconds", '"8d"', '"7d"'],
    ["lock.seconds", "700000", "604800"],
    ["metrics.listen", '"0.0.0.0:0"', undefined],
    ["metrics.listen", '"localhost:0"', undefined],
    ["metrics.listen", '"localhost:9477"', '"127.0.0.1:9477"'],
    ["metrics.listen", '"99999"', undefined],
    ["queue.numbers", '"0:100"', undefined],
    ["queue.numbers", '"0-70000"', undefined],
    ["queue.threads", '"65"', undefined],
  ];
  for (const [key, value, nearest] of offered) {
    const { problems } = parseConfig(`${key} = ${value}`, "f", []);
    assert.deepEqual(problems.map((problem) => problem.nearest), [nearest], `${key} = ${value}`);
    if (nearest !== undefined) configOf(`${key} = ${nearest}`);
  }
});

Deno.test("nothing that is quoted from a file can steer a terminal", () => {
  const text = quote("\u001b[31m\u202e\u009b\u200b\u007f\ud800\n");
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
  assert.ok(quote("x".repeat(1000)).length < 80);
});

Deno.test("the default names and popular names are patterns that the name sets take", () => {
  const config = configOf("");
  const names = protocolDefaults(PROTOCOLS).flatMap((
    { names, hints },
  ) => [...names, ...hints]);
  assert.ok(names.length > 10);
  assert.equal(NameSet.from([...names, ...config.dns.popular]).size, names.length + config.dns.popular.length);
});

Deno.test("a protocol that says nothing of itself is dropped on strong evidence, and has no names", () => {
  const [defaults] = protocolDefaults([{ name: "hotline", title: "Hotline" }]);
  assert.deepEqual(defaults, {
    name: "hotline",
    action: "drop",
    require: "strong",
    names: [],
    hints: [],
    allowInfoHashes: null,
    probe: null,
  });
});
