/**
 * What is done about each protocol where the config is silent.
 *
 * FastTrack, WinMX and OpenNAP lock on certain evidence, as ftwall 2 did: nothing else stops their any-port TCP mode. Of
 * every other protocol the flow is dropped, on strong evidence or better. Networks that only leave hints are logged.
 * @module
 */
import { BITTORRENT_NAMES } from "../protocol/bittorrent/names.ts";
import type { ProtocolDefaults } from "./config.ts";

type Own = Partial<Omit<ProtocolDefaults, "name">>;

const LOCKING: Own = { action: "lock", require: "certain" };
const HINTS_ONLY: Own = { action: "log", require: "certain" };

const OWN: ReadonlyMap<string, Own> = new Map<string, Own>([
  ["fasttrack", LOCKING],
  ["winmx", {
    ...LOCKING,
    // The caches of the client itself, those of the community that kept it alive, and the maker's.
    names: ["*.winmx.com", "*.winmxgroup.com", "*.winmxgroup.net", "*.mxpie.com", "*.frontcode.com"],
  }],
  // The providers of server lists. Not napster.com: today that is a streaming service of the same name.
  ["opennap", { ...LOCKING, names: ["*.napigator.com", "*.gotnap.com"] }],
  // Mirrors of Linux images use some of these trackers too, so their names are hints.
  ["bittorrent", { hints: BITTORRENT_NAMES }],
  // Used for honest work as well: an administrator who wants them gone says so.
  ["resilio", { ...HINTS_ONLY, hints: ["*.resilio.com"] }],
  ["libp2p", { action: "log" }],
  ["xunlei", HINTS_ONLY],
  ["i2p", { ...HINTS_ONLY, hints: ["*.i2p-projekt.de", "reseed.i2p.net", "reseed.i2pgit.org"] }],
  ["freenet", { ...HINTS_ONLY, hints: ["*.hyphanet.org", "*.freenetproject.org"] }],
]);

/** Protocols that are known by DNS alone where no classifier of that name is built in. */
const BY_NAME: readonly string[] = ["winmx", "opennap", "i2p", "freenet"];

/** Names under which half the world lives: an address that serves one of them is no P2P host of its own. */
export const POPULAR: readonly string[] = [
  ".akamai.net",
  ".akamaiedge.net",
  ".amazon.com",
  ".amazonaws.com",
  ".apple.com",
  ".azureedge.net",
  ".bing.com",
  ".cloudflare.com",
  ".cloudfront.net",
  ".debian.org",
  ".duckduckgo.com",
  ".facebook.com",
  ".fastly.net",
  ".github.com",
  ".google.com",
  ".googleapis.com",
  ".gstatic.com",
  ".icloud.com",
  ".instagram.com",
  ".live.com",
  ".microsoft.com",
  ".mozilla.org",
  ".netflix.com",
  ".office.com",
  ".office365.com",
  ".openwrt.org",
  ".paypal.com",
  ".ubuntu.com",
  ".whatsapp.net",
  ".wikipedia.org",
  ".windowsupdate.com",
  ".wordpress.com",
  ".yahoo.com",
  ".youtube.com",
  ".zoom.us",
];

/** Defaults of one protocol. */
export function defaultsOf(name: string): ProtocolDefaults {
  return { name, action: "drop", require: "strong", names: [], hints: [], ...OWN.get(name) };
}

/**
 * Defaults of the protocols with these names, in this order, followed by those that are known by DNS alone. The names come
 * from the list of classifiers, so a classifier's number is its protocol's number.
 */
export function protocolDefaults(names: readonly string[]): readonly ProtocolDefaults[] {
  return [...names, ...BY_NAME.filter((name) => !names.includes(name))].map(defaultsOf);
}
