import assert from "node:assert/strict";
import { parseConfig } from "../../lib/policy/load.ts";
import { formatProblem } from "../../lib/policy/problem.ts";
import { writtenTables } from "../../lib/policy/write.ts";
import { configOf, problemsOf, PROTOCOLS } from "./parse_config.ts";

/** Config text → every problem, in the order of lines. The lines were read one by one when they were written down. */
const BAD: readonly (readonly [text: string, problems: readonly string[]])[] = [
  [
    'memmory = "32M"\n',
    [
      "f:1: memmory: found an unknown key at the top level; allowed: memory, timezone, client_files, network, queue, lock, score, encrypted, detect, probe, dns, peers, log, metrics, web, state, history, names, control, protocols, clients, schedule, notify; nearest: memory",
    ],
  ],
  [
    'memory = "3 elephants"\nmemory2 = 1\n',
    [
      'f:1: memory: found "3 elephants"; allowed: a size from "4M" to "2G" such as "4096", "64K", "32M"',
      "f:2: memory2: found an unknown key at the top level; allowed: memory, timezone, client_files, network, queue, lock, score, encrypted, detect, probe, dns, peers, log, metrics, web, state, history, names, control, protocols, clients, schedule, notify; nearest: memory",
    ],
  ],
  [
    'memory = "1M"\n',
    [
      'f:1: memory: found "1M"; allowed: a size from "4M" to "2G" such as "4096", "64K", "32M"',
    ],
  ],
  [
    'timezone = "Europe/Berln"\n',
    [
      'f:1: timezone: found "Europe/Berln"; allowed: an IANA time zone such as "Europe/Berlin", or "" for the system\'s; nearest: "Europe/Berlin"',
    ],
  ],
  [
    'client_files = "var/run"\n',
    [
      'f:1: client_files: found "var/run"; allowed: an absolute path such as "/var/lib/ftwall/state", or "" for none',
    ],
  ],
  [
    '[network\nhome = 5\n[[clients] # staff\nname = "x"\n[lock]]\nseconds = word\n',
    [
      'f:1: found "[network" (its bracket is not closed); allowed: the name of a table in brackets; nearest: [network]',
      'f:2: network.home: found 5; allowed: a list of: an IPv4 or IPv6 address or prefix such as "192.168.1.0/24", "fd00::/8"',
      'f:3: found "[[clients] # staff" (its brackets do not match); allowed: the name of a table in brackets; nearest: [[clients]]',
      'f:5: found "[lock]]" (its brackets do not match); allowed: the name of a table in brackets; nearest: [lock]',
      'f:6:11: found "seconds = word" (invalid value); allowed: TOML; nearest: seconds = "word"',
    ],
  ],
  ...([["block", "drop"], ["Deny", "drop"], ["ban", "lock"], ["alert", "log"], ["allow", "off"], [
    "lokc",
    "lock",
  ]] as const)
    .map(([found, meant]): [string, string[]] => [
      `[protocols.bittorrent]\naction = "${found}"\n`,
      [
        `f:2: protocols.bittorrent.action: found "${found}"; allowed: "off", "log", "drop", "lock"; nearest: "${meant}"`,
      ],
    ]),
  [
    "network = 5\n",
    [
      "f:1: network: found 5; allowed: a table, written as [network]",
    ],
  ],
  [
    "[[network]]\nhome = []\n",
    [
      "f:1: network: found a list of 1; allowed: a table, written as [network]",
    ],
  ],
  [
    "[netwrok]\n",
    [
      "f:1: netwrok: found an unknown table at the top level; allowed: memory, timezone, client_files, network, queue, lock, score, encrypted, detect, probe, dns, peers, log, metrics, web, state, history, names, control, protocols, clients, schedule, notify; nearest: network",
    ],
  ],
  [
    '[network]\nhome = ["10.0.0.1/8",\n  "nonsense", 5,\n  "192.168.0.0/16"]\nexempt = "10.0.0.5"\nlan = ["a b", "br-lan*"]\n',
    [
      'f:2: network.home[1]: found "10.0.0.1/8" (bits are set beyond the prefix length); allowed: an IPv4 or IPv6 address or prefix such as "192.168.1.0/24", "fd00::/8"; nearest: "10.0.0.0/8"',
      'f:3: network.home[2]: found "nonsense"; allowed: an IPv4 or IPv6 address or prefix such as "192.168.1.0/24", "fd00::/8"',
      'f:3: network.home[3]: found 5; allowed: an IPv4 or IPv6 address or prefix such as "192.168.1.0/24", "fd00::/8"',
      'f:5: network.exempt: found "10.0.0.5"; allowed: a list of: an address, prefix or MAC such as "192.168.1.5", "fd00::/8", "00:11:22:aa:bb:cc"; nearest: ["10.0.0.5/32"]',
      'f:6: network.lan[1]: found "a b"; allowed: an interface name of 1 to 15 letters, digits, ".", "_", "-", "@", such as "br-lan"; a "*" at the end matches any ending',
    ],
  ],
  [
    "[network]\nhome = []\nlan = []\n",
    [
      "f:2: warning: network.home: found no home; allowed: the prefixes of your clients: nobody is acted on",
    ],
  ],
  [
    '[network]\nhome = ["10.0.0.0/8", "10.0.0.0/8", "0.0.0.0/0"]\n',
    [
      'f:2: warning: network.home[2]: found "10.0.0.0/8" for the second time; allowed: each entry once',
      'f:2: warning: network.home[3]: found "0.0.0.0/0", everybody; allowed: only your own network: peers would be clients',
    ],
  ],
  [
    '[network]\nhome = ["10.0.0.0/8"]\nexempt = ["10.0.0.5", "11.0.0.1", "00:11:22:33:44:55", "01:00:5e:00:00:01"]\n',
    [
      'f:3: network.exempt[4]: found "01:00:5e:00:00:01" (a group address, no machine\'s own); allowed: an address, prefix or MAC such as "192.168.1.5", "fd00::/8", "00:11:22:aa:bb:cc"',
    ],
  ],
  [
    '[network]\nhome = ["10.0.0.0/8"]\nexempt = ["8.8.8.8"]\nlan = ["eth0"]\n',
    [
      'f:3: warning: network.exempt[1]: found "8.8.8.8/32", outside of home; allowed: addresses of home: others are never acted on',
    ],
  ],
  [
    '[queue]\nfail = open\nnumbers = "0-3"\ngso = "yes"\nseconds = 4\n',
    [
      'f:2:8: found "fail = open" (invalid value); allowed: TOML; nearest: fail = "open"',
      'f:3: queue.numbers: found "0-3"; allowed: a queue number from 0 to 65535, or a range of at most 64 such as "0:3"; nearest: "0:3"',
      'f:4: queue.gso: found "yes"; allowed: true, false; nearest: true',
      "f:5: queue.seconds: found an unknown key in [queue]; allowed: numbers, threads, fail, client_rate, length, copy, buffer, packets_tcp, packets_udp, settle, mask, mark, refuse_mark, gso, rules, keep_rules, offload, watchdog, priority; nearest: seconds in [lock]",
    ],
  ],
  [
    "[queue]\nmask = 0xff\nmark = 0x100\nrefuse_mark = 0x100\n",
    [
      "f:3: queue.mark: found 0x00000100, beyond the mask; allowed: bits of queue.mask 0x000000ff",
      "f:4: queue.refuse_mark: found 0x00000100, beyond the mask; allowed: bits of queue.mask 0x000000ff",
      "f:4: queue.refuse_mark: found 0x00000100, as queue.mark; allowed: another value",
    ],
  ],
  ...([
    ["mask = 0x05\nmark = 1\nrefuse_mark = 4", "5 (0x00000005)"],
    ["mask = 0xf0000000\nmark = 0x10000000\nrefuse_mark = 0x20000000", "4026531840 (0xf0000000)"],
    ["mask = 0x80000001\nmark = 1\nrefuse_mark = 2", "2147483649 (0x80000001)"],
    ["mask = 0x08\nmark = 8\nrefuse_mark = 8", "8 (0x00000008)"],
    ["mask = 0x1_0000_0003\nmark = 1\nrefuse_mark = 2", "4294967299 (0x100000003)"],
    ["mask = 0.5\nmark = 1\nrefuse_mark = 2", "0.5"],
    ['mask = "5"\nmark = 1\nrefuse_mark = 4', '"5"'],
  ] as const).map(([keys, found]) =>
    [
      `[queue]\n${keys}\n`,
      [`f:2: queue.mask: found ${found}; allowed: two or more bits side by side below bit 31, such as 0x0f000000`],
    ] as const
  ),
  [
    '[queue]\nmask = "0xff"\nmark = 1\nrefuse_mark = 0x80000000\n',
    [
      'f:2: queue.mask: found "0xff"; allowed: two or more bits side by side below bit 31, such as 0x0f000000; nearest: 0xff (without quotes)',
      "f:4: queue.refuse_mark: found 2147483648; allowed: a whole number from 0x1 to 0x7fffffff, under the mask",
    ],
  ],
  [
    '[queue]\nnumbers = "3:1"\nlength = 1.5\ncopy = "64K"\npackets_tcp = "16"\n',
    [
      'f:2: queue.numbers: found "3:1"; allowed: a queue number from 0 to 65535, or a range of at most 64 such as "0:3"; nearest: "1:3"',
      "f:3: queue.length: found 1.5; allowed: a whole number from 16 to 65535; nearest: 16",
      'f:4: queue.copy: found "64K"; allowed: a size from "256" to "65535" such as "4096", "64K", "32M"',
      'f:5: queue.packets_tcp: found "16"; allowed: a whole number from 4 to 1000; nearest: 16 (without quotes)',
    ],
  ],
  [
    'queue.fail = "opne"\nqueue.mark = -1\n',
    [
      'f:1: queue.fail: found "opne"; allowed: "open", "closed"; nearest: "open"',
      "f:2: queue.mark: found -1; allowed: a whole number from 0x1 to 0x7fffffff, under the mask",
    ],
  ],
  [
    'lock = { seconds = "2 minutes", refuse = "rejct" }\n',
    [
      'f:1: lock.seconds: found "2 minutes"; allowed: a number of seconds from 0 to 604800, or a duration such as "10m"; nearest: "2m"',
      'f:1: lock.refuse: found "rejct"; allowed: "drop", "reject"; nearest: "reject"',
    ],
  ],
  [
    "[lock]\nseconds = true\nprobe = 1\nkernel_sets = true\n",
    [
      'f:2: lock.seconds: found true; allowed: a number of seconds from 0 to 604800, or a duration such as "10m"',
      "f:3: lock.probe: found 1; allowed: true, false; nearest: true",
      'f:4: lock.kernel_sets: found true; allowed: "auto", "on", "off"',
    ],
  ],
  [
    '[protocols.bitorrent]\naction = "drop"\n',
    [
      "f:1: protocols.bitorrent: found an unknown protocol; allowed: fasttrack, bittorrent, edonkey, winmx, opennap; nearest: bittorrent",
    ],
  ],
  [
    '[protocols.bittorrent]\naction = "block"\nports = [6881]\nallow_info_hashes = ["xx"]\n[protocols.fasttrack]\nallow_info_hashes = []\nrequire = 3\n',
    [
      'f:2: protocols.bittorrent.action: found "block"; allowed: "off", "log", "drop", "lock"; nearest: "drop"',
      "f:3: protocols.bittorrent.ports: found an unknown key in [protocols.bittorrent]; allowed: no ports: they are never evidence",
      'f:4: protocols.bittorrent.allow_info_hashes[1]: found "xx"; allowed: an info-hash of 40 hexadecimal digits or 32 of base32 (version 1), or of 64 hexadecimal digits (version 2)',
      "f:6: protocols.fasttrack.allow_info_hashes: found a key that fasttrack does not have; allowed: only in [protocols.bittorrent]",
      'f:7: protocols.fasttrack.require: found 3; allowed: "certain", "strong", "weak"',
    ],
  ],
  [
    '[protocols.winmx]\nnames = ["*.com", "https://x.winmx.com/a", "*", "1.2.3.4"]\n',
    [
      'f:2: protocols.winmx.names[1]: found "*.com" (this would match a whole top-level domain); allowed: a DNS name such as "tracker.example.org", "*.example.org" for every name below it, or ".example.org" for it and those',
      'f:2: protocols.winmx.names[2]: found "https://x.winmx.com/a" (a label holds letters, digits, hyphens and underscores only); allowed: a DNS name such as "tracker.example.org", "*.example.org" for every name below it, or ".example.org" for it and those; nearest: "*.x.winmx.com"',
      'f:2: protocols.winmx.names[3]: found "*" (a wildcard stands for whole labels at the front only, as in "*.example.com"); allowed: a DNS name such as "tracker.example.org", "*.example.org" for every name below it, or ".example.org" for it and those',
      'f:2: protocols.winmx.names[4]: found "1.2.3.4" (an address, not a name); allowed: a DNS name such as "tracker.example.org", "*.example.org" for every name below it, or ".example.org" for it and those',
    ],
  ],
  [
    '[protocols]\nbittorrent = "off"\n',
    [
      'f:2: protocols.bittorrent: found "off"; allowed: a table, written as [protocols.bittorrent]',
    ],
  ],
  [
    '[score]\nthreshold = 5\nhalf-life = "5m"\n',
    [
      "f:3: score.half-life: found an unknown key in [score]; allowed: act, window, half_life, threshold, weak, strong, peers; nearest: half_life",
    ],
  ],
  [
    "[score]\npeers = 17\n[encrypted]\nfan_out_hosts = 17\n",
    [
      "f:2: score.peers: found 17; allowed: a whole number from 1 to 16; nearest: 16",
      "f:4: encrypted.fan_out_hosts: found 17; allowed: a whole number from 2 to 16; nearest: 16",
    ],
  ],
  [
    '[dns]\nfloor = "10h"\nceiling = "1h"\n',
    [
      "f:3: dns.ceiling: found a ceiling below the floor; allowed: at least dns.floor",
    ],
  ],
  [
    '[clients]\nname = "staff"\n',
    [
      "f:1: clients: found a table; allowed: a list of tables, each headed by [[clients]]; nearest: [[clients]]",
    ],
  ],
  [
    '[[clients]]\naddresses = ["192.168.2.0/24"]\n',
    [
      'f:1: clients[1].name: found a group without a name; allowed: a name of 1 to 32 letters, digits, "_", "-", other than "default"',
    ],
  ],
  [
    '[[clients]]\nname = "default"\n[[clients]]\nname = "a"\nmacs = ["00:00:00:00:00:00"]\n[[clients]]\nname = "a"\naddresses = ["10.1.0.0/16"]\nprotocols.bittorrent = { action = "log", names = [] }\n[clients.protocols.edonky]\naction = "log"\n',
    [
      'f:2: clients[1].name: found "default" (this means the clients of no group); allowed: a name of 1 to 32 letters, digits, "_", "-", other than "default"',
      'f:5: clients[2].macs[1]: found "00:00:00:00:00:00" (no machine has this address); allowed: a MAC address such as "00:11:22:aa:bb:cc"',
      'f:7: clients[3].name: found "a" for the second time; allowed: each name once',
      "f:9: clients[3].protocols.bittorrent.names: found a key that holds for everybody; allowed: only in [protocols.bittorrent]",
      "f:10: clients[3].protocols.edonky: found an unknown protocol; allowed: fasttrack, bittorrent, edonkey, winmx, opennap; nearest: edonkey",
    ],
  ],
  [
    '[[clients]]\nname = "a"\n',
    [
      "f:1: warning: clients[1]: found a group without addresses and macs; allowed: at least one: it holds nobody",
      "f:1: warning: clients[1]: found a group without protocols; allowed: [clients.protocols.NAME]: it changes nothing",
    ],
  ],
  [
    '[[schedule]]\ndays = ["monday"]\nhours = "8-16"\nclients = ["staf"]\n',
    [
      'f:2: schedule[1].days: found a list of 1 (the day "monday"); allowed: a list of "sun", "mon", "tue", "wed", "thu", "fri", "sat", or ranges such as "mon-fri"; nearest: "mon"',
      'f:3: schedule[1].hours: found "8-16"; allowed: "HH:MM-HH:MM" from 00:00 to 24:00, several with commas or as a list such as ["08:00-12:00", "13:00-16:00"]; an end before the begin crosses midnight; nearest: "08:00-16:00"',
      'f:4: schedule[1].clients[1]: found "staf", no group; allowed: default',
    ],
  ],
  [
    '[[clients]]\nname = "staff"\naddresses = ["10.0.0.0/8"]\nprotocols.edonkey.action = "log"\n[[schedule]]\nclients = ["staf"]\nprotocols.edonkey.lock = "1h"\n',
    [
      'f:6: schedule[1].clients[1]: found "staf", no group; allowed: default, staff; nearest: staff',
    ],
  ],
  [
    '[[schedule]]\nhours = "08:00-16:00"\nprotocols.edonkey.action = "log"\n[[schedule]]\nname = "late"\ndays = ["mon-wed"]\nhours = "15:00-17:00"\nprotocols.edonkey.action = "off"\n',
    [
      "f:4: warning: schedule[2]: found hours that overlap with schedule 1, which sets protocols.edonkey.action too; allowed: the first prevails",
    ],
  ],
  [
    '[[schedule]]\nhours = 08:00:00\nprotocols.edonkey.action = "log"\n',
    [
      'f:2: schedule[1].hours: found a date or time (put it in quotes); allowed: "HH:MM-HH:MM" from 00:00 to 24:00, several with commas or as a list such as ["08:00-12:00", "13:00-16:00"]; an end before the begin crosses midnight',
    ],
  ],
  [
    '[[schedule]]\nhours = ["24:00-25:00", "08:00-08:00"]\ndays = []\n',
    [
      'f:2: schedule[1].hours: found a list of 2 (the hours "24:00-25:00"); allowed: "HH:MM-HH:MM" from 00:00 to 24:00, several with commas or as a list such as ["08:00-12:00", "13:00-16:00"]; an end before the begin crosses midnight',
      'f:3: schedule[1].days: found an empty list; allowed: a list of "sun", "mon", "tue", "wed", "thu", "fri", "sat", or ranges such as "mon-fri"',
    ],
  ],
  [
    '[log]\nformat = "jsn"\nlevel = "warn"\n[metrics]\nlisten = "9477"\n[control]\npath = ""\ngroup = "a b"\n',
    [
      'f:2: log.format: found "jsn"; allowed: "text", "json", "syslog"; nearest: "json"',
      'f:3: log.level: found "warn"; allowed: "debug", "info", "warning", "error"; nearest: "warning"',
      'f:5: metrics.listen: found "9477"; allowed: an address with a port such as "127.0.0.1:9477", "[::1]:9477", or "" for off; nearest: "127.0.0.1:9477"',
      'f:7: control.path: found ""; allowed: an absolute path of at most 107 bytes such as "/run/ftwall/control.sock"',
      'f:8: control.group: found "a b"; allowed: a group of the system such as "adm", or "" for root only',
    ],
  ],
  [
    'a = 1\na = 2\n[log]\nformat = json\nlevel = "info\n',
    [
      "f:1: a: found an unknown key at the top level; allowed: memory, timezone, client_files, network, queue, lock, score, encrypted, detect, probe, dns, peers, log, metrics, web, state, history, names, control, protocols, clients, schedule, notify",
      'f:2:1: found "a = 2" (trying to redefine an already defined table or value); allowed: TOML',
      'f:4:10: found "format = json" (invalid value); allowed: TOML; nearest: format = "json"',
      'f:5:14: found "level = \\"info" (control characters are not allowed in strings); allowed: TOML',
    ],
  ],
  [
    '[log\nformat = "json"\n',
    [
      'f:1: found "[log" (its bracket is not closed); allowed: the name of a table in brackets; nearest: [log]',
    ],
  ],
  [
    '[network]\nhome = [\n  "10.0.0.0/8"\n  "fc00::/7"\n]\nnonsense = 1\n',
    [
      'f:4:3: found "\\"fc00::/7\\"" (expected comma or end of structure); allowed: TOML',
    ],
  ],
  [
    '[log]\n"form\\u0061t" = "xml"\n\'level\' = "loud"\n',
    [
      'f:2: log.format: found "xml"; allowed: "text", "json", "syslog"',
      'f:3: log.level: found "loud"; allowed: "debug", "info", "warning", "error"',
    ],
  ],
  [
    '# """ not a string\n[log] # [[x]]\nfile = """\n[queue]\nfail = 1"""\nlevel = \'\'\'info\n\'\'\'\n',
    [
      'f:3: log.file: found "[queue]\\nfail = 1"; allowed: an absolute path such as "/var/lib/ftwall/state", or "" for none',
      'f:6: log.level: found "info\\n"; allowed: "debug", "info", "warning", "error"; nearest: "info"',
    ],
  ],
  [
    'memory = "\\u001b[31m\\u202e"\n',
    [
      'f:1: memory: found "\\u001b[31m�"; allowed: a size from "4M" to "2G" such as "4096", "64K", "32M"',
    ],
  ],
  [
    "__proto__ = 1\nconstructor = 2\n[lock]\ntoString = 1\n",
    [
      "f:1: __proto__: found an unknown key at the top level; allowed: memory, timezone, client_files, network, queue, lock, score, encrypted, detect, probe, dns, peers, log, metrics, web, state, history, names, control, protocols, clients, schedule, notify",
      "f:2: constructor: found an unknown key at the top level; allowed: memory, timezone, client_files, network, queue, lock, score, encrypted, detect, probe, dns, peers, log, metrics, web, state, history, names, control, protocols, clients, schedule, notify",
      "f:4: lock.toString: found an unknown key in [lock]; allowed: seconds, probe, decoy, require_neighbour, decoy_rate, refuse, block_udp, cut, kernel_sets",
    ],
  ],
  [
    '[[clients]]\nname = "a"\nmacs = ["00:11:22:33:44:55"]\nprotocols.edonkey.action = "log"\n[[clients]]\nname = "b"\nmacs = ["00:11:22:33:44:56"]\nprotocols = { edonkey = { action = "log",\n  requires = "weak" } }\n',
    [
      "f:9: clients[2].protocols.edonkey.requires: found an unknown key in [clients[2].protocols.edonkey]; allowed: action, require, lock; nearest: require",
    ],
  ],
  [
    '[[notify]]\nmail = ["a@b.example\\nBcc: c@d.example", "-t", ""]\nuser = "root"\nwebhook = "ftp://x"\ntoken = "a b"\n',
    [
      'f:1: notify[1].name: found a target without a name; allowed: a name of 1 to 32 letters, digits, "_", "-"',
      'f:2: notify[1].mail[1]: found "a@b.example\\nBcc: c@d.example"; allowed: a mail address such as "admin@example.org"',
      'f:2: notify[1].mail[2]: found "-t"; allowed: a mail address such as "admin@example.org"',
      'f:2: notify[1].mail[3]: found ""; allowed: a mail address such as "admin@example.org"',
      'f:3: notify[1].user: found "root" (programs of notifications never run as root); allowed: a user of the system such as "nobody", other than root',
      'f:4: notify[1].webhook: found a secret, which is not shown; allowed: an address such as "https://hooks.example.org/ftwall", or "" for none',
      "f:5: notify[1].token: found a secret, which is not shown; allowed: a text of at most 2000 visible ASCII characters",
    ],
  ],
  [
    '[[notify]]\nname = "a"\n[[notify]]\nname = "a"\ncommand = ["mail"]\nwebhook = "https://u:p@x/"\n',
    [
      'f:6: notify[2].webhook: found a secret, which is not shown (a password belongs into token); allowed: an address such as "https://hooks.example.org/ftwall", or "" for none',
    ],
  ],
  [
    '[[notify]]\nname = "a"\n[[notify]]\nname = "a"\ncommand = ["mail"]\nmail = ["root"]\non = []\n' +
    '[[notify]]\nname = "m"\nform = "matrix"\nwebhook = "https://m.example/"\n' +
    '[[notify]]\nname = "n"\nform = "ntfy"\nwebhook = "https://ntfy.example/"\n',
    [
      "f:1: notify[1]: found a target without a way; allowed: one of command, webhook, mail",
      "f:3: notify[2]: found several ways to one target; allowed: one of command, webhook, mail",
      'f:4: notify[2].name: found "a" for the second time; allowed: each name once',
      'f:5: notify[2].command[1]: found "mail"; allowed: a program by its absolute path',
      "f:7: warning: notify[2].on: found an empty list; allowed: at least one: nothing is told",
      'f:11: notify[3].webhook: found "https://m.example/…"; allowed: a path that ends in /rooms/ROOM/send/m.room.message',
      'f:15: notify[4].webhook: found "https://ntfy.example/…"; allowed: an address that ends in a topic',
    ],
  ],
];

Deno.test("each bad config text gives exactly its problems", () => {
  for (const [text, problems] of BAD) assert.deepEqual(problemsOf(text), problems, text);
});

Deno.test("a table or list of tables in place of any value is a problem, never an exception", () => {
  const tables = writtenTables(configOf('[[clients]]\nname = "a"\n[[schedule]]\n'));
  assert.ok(tables.flatMap(({ entries }) => entries).length > 80);
  for (const { header, entries } of tables) {
    for (const { key } of entries) {
      for (const value of ["{ a = 1 }", "[{ a = 1 }]", "[[{}]]", "1979-05-27"]) {
        const { config } = parseConfig(`${header}\n${key} = ${value}\n`, "f", PROTOCOLS);
        assert.equal(config, null, `${header} ${key} = ${value}`);
      }
    }
  }
});

Deno.test("a secret stands in no problem, whatever is wrong with its line", () => {
  const wrong = [
    "= s3cret",
    '= "s3cret',
    '= "s3cret" x',
    '= ["s3cret"]',
    '= { a = "s3cret" }',
    '= ""\nKEY = "s3cret"',
    '= "s3cret\\u0001"',
    '= """\ns3cret\\q"""',
    '= """x\n\ns3cret""" x',
    "= '''x\nAAAA==\ns3cret'''x",
    '= """\n[s3cret',
    '=\n"s3cret"',
    '= [ # one "\n"s3cret" x',
    '= { a = 1,\n"s3cret" x',
    '= # x\n"s3cret"',
  ];
  for (const key of ["token", "webhook"]) {
    for (const line of wrong) {
      const problems = problemsOf(`[[notify]]\nname = "a"\n${key} ${line.replace("KEY", key)}\n`);
      assert.match(problems.join("\n"), /found a secret, which is not shown/, line);
      assert.doesNotMatch(problems.join("\n"), /s3cret/, line);
    }
  }
});

Deno.test("what stands behind a secret is no secret", () => {
  const text = '[[notify]\nname = "a"\nwebhook = "http://h/"\ntoken = """\na"""\ninterval = x\n';
  assert.match(problemsOf(text).join("\n"), /^f:6:\d+: found "interval = x" .*nearest: interval = "x"$/m);
});

Deno.test("a key that has no meaning beside the others is warned of", () => {
  const idle = (lines: string) =>
    problemsOf(`[[notify]]\nname = "a"\n${lines}\n`).map((text) => text.slice("f:3: ".length));
  const warning = (key: string, allowed: string) =>
    `warning: notify[1].${key}: found a key without a meaning here; allowed: ${allowed}`;
  assert.deepEqual(idle('token = "t"\nsmtp = "10.0.0.1"\nuser = "admin"\ncommand = ["/bin/true"]'), [
    warning("token", "only with webhook"),
    warning("smtp", "only with mail"),
  ]);
  assert.deepEqual(idle('user = "admin"\nform = "slack"\nwebhook = "http://x/"'), [
    warning("user", "only with a program"),
  ]);
  assert.deepEqual(idle('sendmail = "/bin/mail"\nsender = "a@b.example"\nsmtp = "10.0.0.1"\nmail = ["root"]'), [
    warning("sendmail", "only without smtp"),
  ]);
  assert.deepEqual(problemsOf('[web]\ngroup = "www-data"\nlisten = "127.0.0.1:8464"\n'), [
    "f:2: warning: web.group: found a key without a meaning here; allowed: only where listen is the path of a Unix socket",
  ]);
});

Deno.test("a page that can be reached in clear is warned of, and what is no host, address or path is an error", () => {
  const problems = (lines: string) => problemsOf(`[web]\n${lines}\n`);
  for (const listen of ["", "127.0.0.1:8464", "[::1]:8464", "/run/ftwall/web.sock"]) {
    assert.deepEqual(problems(`listen = "${listen}"`), []);
  }
  assert.deepEqual(problems('listen = "192.168.1.1:8464"'), [
    'f:2: warning: web.listen: found "192.168.1.1:8464", where the token passes the network in clear; allowed: ' +
    "127.0.0.1 with an SSH tunnel, or a Unix socket behind a web server with TLS",
  ]);
  assert.match(problems('listen = "8464"')[0]!, /nearest: "127\.0\.0\.1:8464"$/);
  assert.match(
    problems('listen = "run/web.sock"')[0]!,
    /^f:2: web\.listen: found "run\/web\.sock"; allowed: an address/,
  );
  assert.match(problems('hosts = ["https://router.lan:8464/x"]')[0]!, /nearest: "router\.lan"$/);
});

Deno.test("no more problems are kept than anybody reads, and the rest is counted", () => {
  const text = Array.from({ length: 500 }, (_, i) => `nonsense${i} = 1`).join("\n");
  const problems = problemsOf(text);
  assert.equal(problems.length, 201);
  assert.equal(problems.at(-1), "f: found 300 more errors; allowed: mend these first");
});

Deno.test("a flood of warnings neither hides an error nor becomes one", () => {
  const doubles = `[network]\nexempt = [${'"10.0.0.1", '.repeat(500)}]\n`;
  const warned = parseConfig(doubles, "f", PROTOCOLS);
  assert.notEqual(warned.config, null);
  assert.equal(warned.problems.length, 51);
  assert.equal(
    formatProblem(warned.problems.at(-1)!),
    "f: warning: found 449 more warnings; allowed: mend these first",
  );
  const lines = problemsOf(`${doubles}[lock]\nprobe = 3\n`);
  assert.ok(lines.includes("f:4: lock.probe: found 3; allowed: true, false"));
});

Deno.test("more prefixes than the limit are one clear problem", () => {
  const list = Array.from({ length: 10_001 }, (_, i) => `"10.${i >> 8}.${i & 255}.0/24"`).join(",");
  const [problem, ...others] = problemsOf(`[network]\nhome = [${list}]\n`);
  assert.match(problem ?? "", /^f:2: network\.home: found a list of 10001 \(more than 10000\); allowed: a list of: /);
  assert.deepEqual(others, []);
});

Deno.test("schedules whose slots make more than 256 tables are one clear problem", () => {
  // Each schedule is one bit: six of the half hour of the day, three of the day; each sets a key of its own.
  const keys = ["fasttrack", "bittorrent", "edonkey", "winmx", "opennap"]
    .flatMap((name) => [`${name}.lock = 7`, `${name}.require = "weak"`]);
  const clock = (half: number): string => `${String(half >> 1).padStart(2, "0")}:${half & 1 ? "30" : "00"}`;
  const halves = Array.from({ length: 48 }, (_, half) => half);
  const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
  const slots = [0, 1, 2, 3, 4, 5].map((bit) =>
    `hours = [${halves.filter((half) => (half >> bit) & 1).map((half) => `"${clock(half)}-${clock(half + 1)}"`)}]`
  );
  const byDay = [0, 1, 2].map((bit) =>
    `days = [${days.filter((_, day) => (day >> bit) & 1).map((day) => `"${day}"`)}]`
  );
  const text = [...slots, ...byDay].map((when, i) => `[[schedule]]\n${when}\nprotocols.${keys[i]}\n`).join("");
  assert.deepEqual(problemsOf(text), [
    "f:1: schedule: found 336 different sets of rules in a week; allowed: at most 256: fewer or simpler slots",
  ]);
});

Deno.test("a group without protocols is remarked on unless it names a client or says how the history keeps it", () => {
  const group = (keys: string) => problemsOf(`[[clients]]\nname = "a"\n${keys}\n`).length;
  assert.equal(group('addresses = ["192.168.1.5", "192.168.1.6"]'), 1);
  assert.equal(group('addresses = ["192.168.1.5"]'), 0);
  assert.equal(group('addresses = ["192.168.1.5", "192.168.1.6"]\nhistory = "none"'), 0);
});
