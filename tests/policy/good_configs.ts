/** Config texts that are right, for round trips and mutations. Between them they use every kind of key and of TOML syntax. */
export const GOOD: readonly string[] = [
  "",
  "# nothing but a comment",
  `memory = "64M"
timezone = "America/New_York"
client_files = "/var/run/ftwall clients"
network.home = ["10.0.0.0/8", 'fd00::/8', "2001:db8::1"]

[queue]
numbers = 7
fail = "closed" # not open
mask = 0xff0000
mark = 0b1_0000_0000_0000_0000
refuse_mark = 131072
copy = 2048
gso = false

[lock]
seconds = "1h30m"
refuse = "reject"
kernel_sets = "off"
`,
  `[network]
home = [ # clients
  "192.168.0.0/16",
  "fc00::/7", # unique local
]
exempt = ["192.168.1.1", "00-11-22-AA-BB-CC"]
lan = ["br-lan", "wg*"]
[protocols]
fasttrack.action = "log"
winmx = { action = "drop", require = "weak", names = [] }
[protocols."bittorrent"]
lock = 0
allow_info_hashes = ["0123456789ABCDEF0123456789abcdef01234567"]
[score]
act = false
half_life = 45
[log]
format = "json"
level = """warning"""
file = '''/var/log/ftwall.log'''
[metrics]
listen = "[::1]:9477"
[state]
path = ""
import = "/etc/ftwall.store"
[control]
group = "adm"
`,
  `[[clients]]
name = "staff"
addresses = ["192.168.2.0/24", "fc00:2::/32"]
[clients.protocols.bittorrent]
action = "log"
require = "certain"
[clients.protocols.edonkey]
lock = "2h"

[[clients]]
name = "kiosk_7"
macs = ["00:11:22:33:44:55"]
protocols = { fasttrack = { action = "off" }, winmx = {
  action = "off" } }

[[schedule]]
name = "lessons, \\"all\\" of them"
days = ["mon-fri"]
hours = "08:00-12:00,13:00-16:00"
[schedule.protocols.bittorrent]
action = "lock"

[[schedule]]
days = ["sat", "sun"]
hours = ["22:00-06:00"]
clients = ["staff", "default"]
protocols.edonkey.action = "off"
`,
  `[[notify]]
name = "hook"
command = ["/usr/local/bin/tell-admin", "--long-option-that-makes-the-line-too-long-for-one", "with, comma", "quo\\"te", "\\\\"]
on = ["lock", "start"]
interval = "10m"
[[notify]]
name = "root"
mail = ["root", "admin@example.org"]
smtp = "[::1]:2525"
sender = "ftwall@example.org"
`,
  // The example that the project gives to administrators.
  `[network]
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
`,
];
