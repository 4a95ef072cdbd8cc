import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Backend,
  checkOptions,
  ipsetCreateText,
  presentLan,
  RULES_DEFAULTS,
  type RulesOptions,
  rulesText,
} from "../../lib/firewall/mod.ts";
import { rulesOptions } from "../../lib/daemon/rules.ts";
import { freeMarks } from "../../lib/policy/marks.ts";
import { parseConfig } from "../../lib/policy/load.ts";
import { iptablesText } from "../../lib/firewall/iptables.ts";

const BACKENDS: readonly Backend[] = ["nft", "iptables"];

Deno.test("rules fail open by default; with fail closed only those that listen do", () => {
  for (const [backend, bypass] of [["nft", /queue num 0 bypass/], ["iptables", /--queue-bypass/]] as const) {
    const count = (options: RulesOptions) =>
      rulesText(backend, options).split("\n").filter((line) => /queue num|NFQUEUE/.test(line)).map((line) => ({
        line,
        passes: bypass.test(line),
      }));
    for (const { line, passes } of count(RULES_DEFAULTS)) {
      // A lock outlives a restart; everything else passes.
      assert.equal(passes, !/ (ftwall_)?(locked|blocked) /.test(line), line);
    }
    for (const { line, passes } of count({ ...RULES_DEFAULTS, failOpen: false })) {
      assert.equal(passes, / (ftwall_)?(input_home|heard|output) /.test(line), line);
    }
  }
});

Deno.test("several queues are balanced by the kernel", () => {
  const options: RulesOptions = { ...RULES_DEFAULTS, queues: [4, 7] };
  assert.match(rulesText("nft", options), /queue num 4-7 bypass/);
  assert.match(rulesText("iptables", options), /--queue-balance 4:7 --queue-bypass/);
});

Deno.test("without interfaces the rules go by home prefixes, each family its own", () => {
  const options: RulesOptions = { ...RULES_DEFAULTS, lan: [], home: ["10.0.0.0/8", "fd00::/8"] };
  const nft = rulesText("nft", options);
  assert.match(nft, /sort ip saddr 10\.0\.0\.0\/8 goto lan/);
  assert.match(nft, /sort ip6 daddr fd00::\/8 goto tohome/);
  assert.doesNotMatch(nft, /br-lan/);
  const [four, six] = rulesText("iptables", options).split("ip6tables-restore");
  assert.match(four!, /-A ftwall_sort -s 10\.0\.0\.0\/8 -g ftwall_lan/);
  assert.doesNotMatch(four!, /fd00/);
  assert.match(six!, /-A ftwall_sort -d fd00::\/8 -g ftwall_tohome/);
  assert.doesNotMatch(six!, /10\.0\.0\.0/);
});

Deno.test("requests for port mappings are heard at ports from 1024 on, first packets only, unless that is switched off", () => {
  const heard = /tcp dport >= 1024[^\n]* queue num 0 bypass/;
  assert.match(rulesText("nft", RULES_DEFAULTS), heard);
  assert.match(rulesText("nft", RULES_DEFAULTS), /ct original packets <= 16 tcp dport >= 1024 update @rate_heard4/);
  assert.match(
    rulesText("iptables", RULES_DEFAULTS),
    /-A ftwall_heard [^\n]*--connbytes 0:16 [^\n]*--dport 1024:65535 /,
  );
  for (const backend of ["nft", "iptables"] as const) {
    assert.doesNotMatch(rulesText(backend, { ...RULES_DEFAULTS, mappings: false }), /1024/);
  }
});

Deno.test("interface wildcards are written as each tool wants them", () => {
  const options: RulesOptions = { ...RULES_DEFAULTS, lan: ["eth1.*", "lan+"] };
  assert.match(rulesText("nft", options), /iifname "eth1\.\*"[^]*iifname "lan\*"/);
  assert.match(rulesText("iptables", options), /-i eth1\.\+ [^]*-i lan\+ /);
});

Deno.test("home prefixes stand in where none of the interfaces exists", () => {
  assert.deepEqual(presentLan(["br-lan"], ["lo", "eth0"]), []);
  assert.deepEqual(presentLan(["br-lan", "br-guest"], ["lo", "br-lan"]), ["br-lan", "br-guest"]);
  assert.deepEqual(presentLan(["lan*"], ["lo", "lan3"]), ["lan*"]);
  assert.deepEqual(presentLan([], ["lo"]), []);
});

Deno.test("text from the config cannot smuggle anything into a rule", () => {
  const bad: Partial<RulesOptions>[] = [
    { lan: ['br"; flush ruleset; "'] },
    { lan: ["-j"] },
    { lan: ["a b"] },
    { lan: ["abcdefghijklmnopq"] },
    { home: ["10.0.0.0/8 -j ACCEPT"] },
    { home: ["02:00:00:00:00:01"] },
    { exempt: ["1.2.3.4; drop"] },
    { exempt: [""] },
    { lan: [], home: [] },
    { queues: [3, 2] },
    { queues: [0, 65536] },
    { packetsTcp: 0 },
    { packetsUdp: 1.5 },
    { sample: -1 },
    { renewRate: 0 },
    { clientRate: -1 },
    { clientRate: 1_000_001 },
  ];
  for (const change of bad) {
    for (const backend of BACKENDS) {
      assert.throws(() => rulesText(backend, { ...RULES_DEFAULTS, ...change }), RangeError, JSON.stringify(change));
    }
  }
  fc.assert(fc.property(fc.string(), (text) => {
    for (const key of ["lan", "home", "exempt"] as const) {
      let rules = "";
      try {
        rules = rulesText("nft", { ...RULES_DEFAULTS, [key]: [text] });
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
      assert.doesNotMatch(rules.replaceAll(text, ""), /undefined|NaN/);
      assert.ok(rules === "" || /^[\w.:*+@/-]+$/.test(text), text);
    }
  }));
});

Deno.test("marks must fit their mask and differ from each other", () => {
  const { mark } = RULES_DEFAULTS;
  for (
    const change of [
      { mask: 0 },
      { mask: 0x50000000 },
      { mask: 0xffffffff },
      { accepted: 0 },
      { accepted: 1 },
      { refused: mark.accepted },
      { own: mark.refused },
      { own: 0x80000000 },
    ]
  ) {
    assert.throws(() => checkOptions({ ...RULES_DEFAULTS, mark: { ...mark, ...change } }), RangeError);
  }
});

Deno.test("with whatever mask and marks a config may have, rules can be made", () => {
  const mask = fc.tuple(fc.nat(0xf), fc.nat(28)).map(([bits, shift]) => bits * 2 ** shift);
  let accepted = 0;
  fc.assert(
    fc.property(mask, fc.nat(3), fc.nat(3), (mask, mark, refuse) => {
      const unit = 2 ** Math.max(0, Math.floor(Math.log2(mask)) - 3);
      const text = `[queue]\nmask = ${mask}\nmark = ${mark * unit}\nrefuse_mark = ${refuse * unit}\n`;
      const { config } = parseConfig(text, "f", []);
      if (config === null) return;
      accepted++;
      checkOptions(rulesOptions(config));
    }),
    { numRuns: 2000 },
  );
  assert.ok(accepted > 20, `${accepted} were accepted`);
});

Deno.test("a mask with few values does without the marks that only save work", () => {
  assert.deepEqual(freeMarks(0x3, 1, 2), { own: 3, again: 0, awaiting: 0, above: 0, begun: 0 });
  assert.deepEqual(freeMarks(0x7, 7, 2), { own: 1, again: 3, awaiting: 4, above: 5, begun: 6 });
  const { mark } = RULES_DEFAULTS;
  assert.deepEqual({ ...mark, ...freeMarks(mark.mask, mark.accepted, mark.refused) }, mark);
  const narrow: RulesOptions = { ...RULES_DEFAULTS, mark: { ...mark, awaiting: 0 } };
  for (const backend of BACKENDS) {
    checkOptions(narrow);
    assert.match(rulesText(backend, RULES_DEFAULTS), /0x48545450/);
    assert.doesNotMatch(rulesText(backend, narrow), /0x48545450|0x5000000/);
  }
});

Deno.test("an ordinary answer, by whatever header length, settles what awaits one; any other is queued", () => {
  const nft = rulesText("nft", RULES_DEFAULTS).split("\n").filter((line) => line.includes(" answer "));
  const words = nft.flatMap((line) => /tcp doff (\d+) @th,(\d+),16 0x1603 goto answered/.exec(line)?.slice(1) ?? [])
    .map(
      Number,
    );
  assert.equal(words.length, 22);
  for (let at = 0; at < words.length; at += 2) assert.equal(words[at + 1], words[at]! * 32);
  assert.match(nft.at(-1)!, /goto budget$/);
  for (const family of [4, 6] as const) {
    const lines = iptablesText(RULES_DEFAULTS, family).split("\n").filter((line) =>
      line.startsWith("-A ftwall_answer ")
    );
    assert.equal(lines.length, 3);
    assert.match(lines.at(-1)!, /-g ftwall_budget$/);
    assert.doesNotMatch(
      iptablesText(RULES_DEFAULTS, family, { hashlimit: true, u32: false }),
      /-A ftwall_answer .*-g ftwall_answered/,
    );
  }
});

Deno.test("who answered in the ordinary way is noted, and the next SYN to it let by unless it has payload", () => {
  const { mark } = RULES_DEFAULTS;
  const nft = (chain: string, more: Partial<RulesOptions> = {}) =>
    chainOf("nft", chain, { ...RULES_DEFAULTS, ...more });
  assert.deepEqual(nft("answered"), [
    "add @ordinary4 { ip saddr . tcp sport }",
    "add @ordinary6 { ip6 saddr . tcp sport }",
    "ct mark set ct mark & 0xf0ffffff | 0x1000000 return",
  ]);
  assert.match(
    nft("fromhome").at(-3)!,
    /^tcp flags & \(fin \| syn \| rst \| ack\) == syn ct state new ip daddr \. tcp dport @ordinary4 goto opens$/,
  );
  const lengths = nft("opens").slice(0, -1).map((rule) => /^(ip6?) length (\d+) tcp doff (\d+) /.exec(rule)!);
  assert.equal(lengths.length, 22);
  for (const [, family, length, words] of lengths) {
    assert.equal(Number(length), (family === "ip" ? 20 : 0) + 4 * Number(words));
  }
  assert.equal(nft("opens").at(-1), "goto judge");
  assert.deepEqual(nft("begins"), [
    "ct mark set ct mark & 0xf0ffffff | 0x0",
    "meta mark set meta mark & 0xf0ffffff | 0x7000000 goto budget",
  ]);
  const iptables = chainOf("iptables", "opens", RULES_DEFAULTS);
  assert.match(iptables[0]!, /^-m u32 [^\n]* -j CONNMARK --set-xmark 0x7000000\/0xf000000$/);
  assert.deepEqual(chainOf("iptables", "answered", RULES_DEFAULTS)[0], "-j SET --add-set ftwall_ordinary4 src,src");
  // All SYNs are queued where no mark is left, or no set kept, or payload cannot be told.
  for (const more of [{ mark: { ...mark, begun: 0 } }, { mark: { ...mark, awaiting: 0 } }, { sets: false }]) {
    for (const backend of BACKENDS) {
      const text = rulesText(backend, { ...RULES_DEFAULTS, ...more }).replaceAll(/^(create|add set) .*$/gm, "");
      assert.doesNotMatch(text, /ordinary|0x7000000/);
    }
  }
  assert.doesNotMatch(iptablesText(RULES_DEFAULTS, 4, { hashlimit: true, u32: false }), /ordinary|0x7000000/);
});

/** Rules of one chain, without what names it. */
function chainOf(backend: Backend, chain: string, options: RulesOptions): string[] {
  const text = rulesText(backend, options).split("ip6tables-restore")[0]!;
  const head = backend === "nft" ? `add rule inet ftwall ${chain} ` : `-A ftwall_${chain} `;
  return text.split("\n").filter((line) => line.startsWith(head)).map((line) => line.slice(head.length));
}

Deno.test("what one client has queued is within its budget, and a few packets of what is above tell of it", () => {
  const options: RulesOptions = { ...RULES_DEFAULTS, clientRate: 300 };
  const nft = (chain: string, more: Partial<RulesOptions> = {}) => chainOf("nft", chain, { ...options, ...more });
  const limit = "limit rate over 300/second burst 300 packets } goto above";
  assert.deepEqual(nft("budget"), ['iifname "br-lan" goto sends', "goto receives"]);
  assert.deepEqual(nft("sends"), [
    `update @sendsmac { ether saddr ${limit}`,
    `meta iiftype != ether update @sends4 { ip saddr ${limit}`,
    `meta iiftype != ether update @sends6 { ip6 saddr ${limit}`,
    "queue num 0 bypass",
  ]);
  assert.deepEqual(nft("receives"), [
    `update @receives4 { ip daddr ${limit}`,
    `update @receives6 { ip6 daddr ${limit}`,
    "queue num 0 bypass",
  ]);
  assert.deepEqual(nft("above"), ["limit rate 10/second burst 10 packets goto tell", "return"]);
  assert.deepEqual(nft("tell"), ["meta mark set meta mark & 0xf0ffffff | 0x6000000 queue num 0 bypass"]);
  assert.deepEqual(nft("above", { failOpen: false }).at(-1), "drop");
  for (const set of ["sendsmac", "sends4", "sends6", "receives4", "receives6"]) {
    assert.match(rulesText("nft", options), new RegExp(`add set inet ftwall ${set} {[^}]* size 65535; }\n`));
    // Entries would keep the rate of the rules before.
    assert.match(rulesText("nft", options), new RegExp(`flush set inet ftwall ${set}\n`));
  }
  const iptables = (chain: string, more: Partial<RulesOptions> = {}) =>
    chainOf("iptables", chain, { ...options, ...more });
  const match = (end: string) =>
    `-m hashlimit --hashlimit-above 300/sec --hashlimit-burst 300 --hashlimit-mode ${end}ip ` +
    `--hashlimit-htable-max 524288 --hashlimit-name ftwall_${end}_300 -g ftwall_above`;
  const queue = "-j NFQUEUE --queue-num 0 --queue-bypass";
  assert.deepEqual(iptables("budget"), ["-i br-lan -g ftwall_sends", "-g ftwall_receives"]);
  assert.deepEqual(iptables("sends"), [match("src"), queue]);
  assert.deepEqual(iptables("receives"), [match("dst"), queue]);
  assert.deepEqual(iptables("above"), ["-m limit --limit 10/sec --limit-burst 10 -g ftwall_tell", "-j RETURN"]);
  assert.deepEqual(iptables("tell"), ["-j MARK --set-xmark 0x6000000/0xf000000", queue]);
  assert.deepEqual(iptables("above", { failOpen: false }).at(-1), "-j DROP");
  // First packets come to the queue by no other way.
  for (const backend of BACKENDS) {
    for (const chain of ["first", "answer"]) {
      assert.doesNotMatch(chainOf(backend, chain, options).join("\n"), /queue/i);
      assert.doesNotMatch(chainOf(backend, chain, { ...options, clientRate: 0 }).join("\n"), /budget/);
    }
  }
});

Deno.test("made-up addresses leave room in every table that counts clients: hashlimit drops what finds none", () => {
  const rules = rulesText("iptables", { ...RULES_DEFAULTS, sets: true }).split("\n").filter((line) =>
    line.includes("-m hashlimit")
  );
  assert.ok(rules.length > 4, `${rules.length}`);
  for (const rule of rules) assert.match(rule, /--hashlimit-htable-max 524288 /);
});

Deno.test("DNS of the router itself that is above a client's budget passes, also with fail closed", () => {
  const options: RulesOptions = { ...RULES_DEFAULTS, failOpen: false };
  for (const [backend, asks, answers] of [["nft", "input_home", "output"], ["iptables", "heard", "output"]] as const) {
    const dns = [...chainOf(backend, asks, options), ...chainOf(backend, answers, options)].filter((rule) =>
      /port 53 /.test(rule)
    );
    const above = dns.map((rule) => rule.includes("goto unheard") || rule.includes("-g ftwall_unheard"));
    // nft has rules for MAC, IPv4 and IPv6.
    const [sent, received] = backend === "nft"
      ? [[true, true, true, false], [true, true, false]]
      : [[true, false], [true, false]];
    assert.deepEqual(above, [...sent, ...sent, ...received, ...received]);
    for (const rule of dns.filter((_, at) => !above[at])) assert.match(rule, /bypass$/);
    assert.equal(chainOf(backend, "unheard", options).length, 1);
  }
});

Deno.test("no client has a budget where it is 0, where nobody could be told of it, and without hashlimit", () => {
  const { mark } = RULES_DEFAULTS;
  const budget = /sendsmac|goto (budget|unheard)|-g ftwall_(budget|unheard)|hashlimit-above/;
  for (const backend of BACKENDS) {
    assert.match(rulesText(backend, RULES_DEFAULTS), budget);
    for (const change of [{ clientRate: 0 }, { mark: { ...mark, above: 0 } }]) {
      assert.doesNotMatch(rulesText(backend, { ...RULES_DEFAULTS, ...change }), budget);
    }
  }
  assert.doesNotMatch(iptablesText(RULES_DEFAULTS, 4, { hashlimit: false, u32: true }), budget);
});

Deno.test("equal options give equal text, other options another stamp", () => {
  const stamp = (options: RulesOptions, backend: Backend) =>
    /ftwall:([0-9a-f]{8})/.exec(rulesText(backend, options))?.[1];
  for (const backend of BACKENDS) {
    assert.equal(stamp(RULES_DEFAULTS, backend), stamp({ ...RULES_DEFAULTS }, backend));
    const exempt = [{ exempt: ["192.0.2.1"] }, { exempt: ["02:91:01:00:00:11"] }];
    const refuse = "reject" as const;
    for (
      const change of [
        { packetsTcp: 20 },
        { clientRate: 5 },
        { failOpen: false },
        { sets: false },
        { refuse },
        ...exempt,
      ]
    ) {
      assert.notEqual(stamp(RULES_DEFAULTS, backend), stamp({ ...RULES_DEFAULTS, ...change }, backend));
    }
  }
});

Deno.test("without kernel sets no rule names one", () => {
  const options: RulesOptions = { ...RULES_DEFAULTS, sets: false };
  assert.doesNotMatch(rulesText("nft", options), /@locked|@blocked/);
  assert.doesNotMatch(rulesText("iptables", options), /match-set|ipset/);
  assert.equal(ipsetCreateText().split("\n").length, 7);
});

Deno.test("locks and blocks are asked before anything that was settled", () => {
  const text = rulesText("iptables", RULES_DEFAULTS);
  const at = (needle: string) => {
    const found = text.indexOf(needle);
    assert.ok(found >= 0, needle);
    return found;
  };
  assert.ok(at("--match-set ftwall_locked4 src") < at("-A ftwall_fromhome -g ftwall_judge"));
  assert.ok(
    at("-p tcp -m set --match-set ftwall_peers4 dst,dst -g ftwall_blocked") < at("-A ftwall_fromhome -g ftwall_judge"),
  );
  assert.ok(at("-A ftwall_judge -m connmark --mark 0x1000000/0xf000000 -j RETURN") < at("-m connbytes"));
});

Deno.test("what must be done with a packet in any case does not wait for its connection, which it may not have", () => {
  for (const chain of ["fromhome", "tohome", "judge", "sort"]) {
    const rules = chainOf("nft", chain, { ...RULES_DEFAULTS, exempt: ["02:00:00:00:00:01"] });
    const saves = rules.filter((rule) => rule.includes("ct mark set"));
    assert.equal(saves.length, 1, chain);
    for (const rule of saves) assert.match(rule, /ct mark set ct mark & 0xf0ffffff \| 0x[23]000000$/);
    const next = rules[rules.indexOf(saves[0]!) + 1]!;
    assert.match(next, /^(meta mark & 0xf000000 == 0x2000000 goto refuse|ether saddr @exemptmac return)$/);
  }
});

Deno.test("TCP that only acknowledges is never queued", () => {
  for (const family of [4, 6] as const) {
    const text = iptablesText(RULES_DEFAULTS, family);
    assert.match(text, /-A ftwall_forward -p tcp --tcp-flags FIN,RST,ACK ACK -m u32 [^\n]* -g ftwall_bare\n/);
    // A refused connection's and a locked client's go the long way.
    const bare = text.split("\n").filter((line) => line.startsWith("-A ftwall_bare"));
    assert.deepEqual(bare.map((line) => / -[jg] (\w+)$/.exec(line)?.[1]), Array(3).fill("ftwall_sort"));
    const without = iptablesText(RULES_DEFAULTS, family, { hashlimit: true, u32: false });
    assert.doesNotMatch(without, /u32|-A ftwall_bare/);
    assert.doesNotMatch(text, /-A ftwall_(judge|bare) .*NFQUEUE/);
  }
  const nft = rulesText("nft", RULES_DEFAULTS);
  assert.doesNotMatch(nft, /add rule inet ftwall (judge|bare\d?) .*queue/);
  // Total length of IPv4 with a header of 20 bytes, payload length of IPv6: each header length once.
  for (const [chain, ip, extra] of [["bare4", "ip", 20], ["bare6", "ip6", 0]] as const) {
    const pairs = [...nft.matchAll(new RegExp(`${chain} ${ip} length (\\d+) tcp doff (\\d+) goto bare`, "g"))];
    assert.deepEqual(pairs.map(([, length, words]) => Number(length) - 4 * Number(words)), Array(11).fill(extra));
    assert.deepEqual(new Set(pairs.map(([, , words]) => Number(words))).size, 11);
  }
});

Deno.test("a settled connection's packet leaves by the first rule, unless a lock may end it", () => {
  for (
    const [options, iptables, nft] of [
      [{ sets: true, cut: true }, "-g ftwall_settled", "goto settled"],
      [{ sets: true, cut: false }, "-j RETURN", "return"],
      [{ sets: false, cut: true }, "-j RETURN", "return"],
    ] as const
  ) {
    const first = (backend: Backend, chain: string) =>
      rulesText(backend, { ...RULES_DEFAULTS, ...options }).split("\n").find((line) => line.includes(chain)) ?? "";
    assert.ok(first("iptables", "-A ftwall_forward").endsWith(iptables), first("iptables", "-A ftwall_forward"));
    assert.match(first("nft", "rule inet ftwall forward"), new RegExp(` ${nft} comment "ftwall:`));
  }
});

Deno.test("hooked chains are never deleted, and nothing of others is touched", () => {
  for (const refuse of ["drop", "reject"] as const) {
    const nft = rulesText("nft", { ...RULES_DEFAULTS, refuse });
    assert.doesNotMatch(nft, /delete|flush (table|ruleset)/);
    for (const line of nft.split("\n").filter((line) => line !== "" && !line.startsWith("#"))) {
      assert.match(line, /^(add|flush) (table|chain|rule|set|element) inet ftwall\b/);
    }
    const iptables = rulesText("iptables", { ...RULES_DEFAULTS, refuse });
    assert.doesNotMatch(iptables, /-[FXPD] |^:(FORWARD|INPUT|OUTPUT|POSTROUTING)/m);
    for (const line of iptables.split("\n").filter((line) => line.includes("-restore"))) {
      assert.match(line, /--noflush/);
    }
  }
});

Deno.test("no rule asks for IPv4 and IPv6 at once, which nft does not load, also where clients are known by prefix", () => {
  const rules = rulesText("nft", { ...RULES_DEFAULTS, lan: [] }).split("\n").filter((line) =>
    line.startsWith("add rule")
  );
  assert.deepEqual(rules.filter((rule) => /\bip [sd]addr\b/.test(rule) && /\bip6 [sd]addr\b/.test(rule)), []);
});
