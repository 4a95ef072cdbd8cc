/**
 * What is done about each protocol where the config is silent. Unless a protocol says otherwise the flow is dropped, on
 * strong evidence or better.
 * @module
 */
import type { Protocol } from "../protocol/classifier.ts";
import type { ProtocolDefaults } from "./config.ts";

/** Where names are looked for unless the config says otherwise; those that are not there are passed by. */
export const NAME_FILES: readonly string[] = [
  // What an administrator wrote comes first.
  "/etc/hosts",
  "/etc/ethers",
  // dnsmasq: OpenWrt, Debian, Fedora and Alpine; odhcpd writes hosts.
  "/tmp/dhcp.leases",
  "/var/lib/misc/dnsmasq.leases",
  "/var/lib/dnsmasq/dnsmasq.leases",
  "/tmp/hosts/odhcpd",
  // Kea and ISC dhcpd.
  "/var/lib/kea/kea-leases4.csv",
  "/var/lib/kea/kea-leases6.csv",
  "/var/lib/dhcp/dhcpd.leases",
  "/var/lib/dhcpd/dhcpd.leases",
];

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

/** Public name servers: Google, Cloudflare, Quad9, OpenDNS, AdGuard. */
export const RESOLVERS: readonly string[] = [
  ...["8.8.8.8/32", "8.8.4.4/32", "2001:4860:4860::8888/128", "2001:4860:4860::8844/128"],
  ...["1.1.1.1/32", "1.0.0.1/32", "2606:4700:4700::1111/128", "2606:4700:4700::1001/128"],
  ...["9.9.9.9/32", "149.112.112.112/32", "2620:fe::fe/128", "2620:fe::9/128"],
  ...["208.67.222.222/32", "208.67.220.220/32", "2620:119:35::35/128", "2620:119:53::53/128"],
  ...["94.140.14.14/32", "94.140.15.15/32", "2a10:50c0::ad1:ff/128", "2a10:50c0::ad2:ff/128"],
];

/** Defaults of these protocols, in this order: a protocol's place is its number. */
export function protocolDefaults(protocols: readonly Protocol[]): readonly ProtocolDefaults[] {
  return protocols.map(({ name, action, require, names, hints, showsInfoHashes, questions, call }) => ({
    name,
    action: action ?? "drop",
    require: require ?? "strong",
    names: names ?? [],
    hints: hints ?? [],
    allowInfoHashes: showsInfoHashes === true ? [] : null,
    probe: questions === undefined && call === undefined ? null : true,
  }));
}
