/**
 * Names that BitTorrent clients ask for: a hint for trackers over HTTPS and WebTorrent, of which nothing else can be read.
 * Weak by nature: a name says who is asked, not what for.
 *
 * Sources: the bootstrap lists of libtorrent, Transmission, µTorrent and Vuze; the public tracker list
 * github.com/ngosang/trackerslist (long-lived entries only); the default trackers of WebTorrent's clients.
 * @module
 */
import { type DnsName, NameSet } from "../../wire/dns_name.ts";
import { type Evidence, evidence } from "../classifier.ts";
import { isHexDigit } from "../literal.ts";

/** A tracker's or bootstrap node's name was asked for. */
export const TRACKER_NAME: Evidence = evidence(
  "tracker-name",
  1,
  "the server name of a TLS hello (or a DNS question) is a public tracker's or DHT bootstrap node's",
);

/** A peer of a torrent over TLS was called. */
export const HASH_NAME: Evidence = evidence(
  "tls-info-hash",
  2,
  "the server name of a TLS hello is 40 hex digits without a dot: an info-hash (libtorrent's torrents over TLS); odds 2^-80",
);

/** Patterns as `NameSet` reads them: `.x` is x and all below it, `x` is x alone. */
export const BITTORRENT_NAMES: readonly string[] = [
  // Where the DHT begins
  "router.bittorrent.com",
  "router.utorrent.com",
  "dht.transmissionbt.com",
  "dht.libtorrent.org",
  "dht.aelitis.com",
  // WebTorrent, all over secure WebSocket
  "tracker.openwebtorrent.com",
  "tracker.webtorrent.dev",
  "tracker.btorrent.xyz",
  "tracker.fastcast.nz",
  "tracker.files.fm",
  // Public trackers
  ".opentrackr.org",
  ".openbittorrent.com",
  ".publicbt.com",
  ".torrent.eu.org",
  ".coppersurfer.tk",
  ".leechers-paradise.org",
  ".popcorn-tracker.org",
  ".acgnxtracker.com",
  ".nyaatracker.com",
  ".kickasstracker.com",
  ".demonii.com",
  "tracker.cyberia.is",
  "tracker.tiny-vps.com",
  "tracker.dler.org",
  "tracker.moeking.me",
  "tracker.gbitt.info",
  "tracker.tamersunion.org",
  "tracker2.itzmx.com",
  "tracker4.itzmx.com",
  "open.stealth.si",
  "exodus.desync.com",
  "explodie.org",
  "retracker.lanta-net.ru",
  "p4p.arenabg.com",
];

const NAMES: NameSet = NameSet.from(BITTORRENT_NAMES);

/** True where this name (from a TLS hello or a DNS question) is in the list. */
export function isBittorrentName(name: DnsName): boolean {
  return NAMES.match(name.bytes, name.length) >= 0;
}

/** True where the name is an info-hash in hex, all of it. */
export function isHashName(name: DnsName): boolean {
  if (name.length !== 40) return false;
  for (let i = 0; i < 40; i++) if (!isHexDigit(name.bytes[i]!)) return false;
  return true;
}
