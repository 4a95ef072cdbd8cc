/**
 * dnsmasq as a resolver in a namespace.
 */
import type { Background, Host, Topology } from "./topology.ts";

/** Starts it with these settings beside the usual ones, and waits until it answers on port 53. */
export async function resolver(topology: Topology, host: Host, settings: readonly string[]): Promise<Background> {
  const running = topology.start(host, [
    "dnsmasq",
    ...[
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--no-resolv",
      "--no-hosts",
      "--no-daemon",
      "--log-facility=-",
    ],
    ...["--user=root", "--pid-file=", ...settings],
  ]);
  await topology.listening(host, "udp", 53);
  await topology.listening(host, "tcp", 53);
  return running;
}
