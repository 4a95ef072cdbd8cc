/**
 * What `ftwall selftest` makes and takes away: a network namespace with a client on this side of the router and a peer on
 * the other, and the ways to both.
 * @module
 */
import type { Ran, Runner } from "../firewall/run.ts";
import { FAILED, Failure, MISSING } from "../report/failure.ts";
import { SEND } from "./selftest.ts";

/** Interface towards the peer; that towards the client has this name too unless the rules want one of theirs. */
const TO_PEER = "ftwtest-peer";
const TO_CLIENT = "ftwtest-lan";
/** Addresses for documentation (RFC 5737), of which nobody has any. */
const PEERS = "192.0.2.";
const NEEDS_IP = "ip(8) of iproute2 is needed to make the namespace of the test (Debian iproute2, OpenWrt ip-full)";

/** See the module's text. `await using` takes all of it away, whatever of it was made. */
export class SelfTestScene implements AsyncDisposable {
  /** Address of the peer. */
  readonly peer: string = `${PEERS}${1 + crypto.getRandomValues(new Uint8Array(1))[0]! % 254}`;
  /** How the ping comes in, in words. */
  way = "";
  /** What the test does not show, in words; empty for nothing. */
  limits = "";
  readonly #run: Runner;
  readonly #lan: readonly string[];
  readonly #namespace = `ftwtest-${Deno.pid}`;
  readonly #undo: (() => Promise<unknown>)[] = [];
  /** The step that is under way. */
  #step: Promise<unknown> = Promise.resolve();
  #over = false;
  #client = "";

  /** `lan` are the interfaces that the rules name. */
  constructor(run: Runner, lan: readonly string[]) {
    this.#run = run;
    this.#lan = lan;
  }

  /** Whether nobody has an address, as far as the routes and an echo tell. Throws a {@link Failure} without ip(8). */
  async isFree(address: string): Promise<boolean> {
    const route = await this.#ip("route", "get", address);
    if (route.code !== 0) return true;
    if (/^(local|broadcast|multicast)\b/.test(route.stdout)) return false;
    const gateway = / via (\S+)/.exec(route.stdout)?.[1];
    if (gateway !== undefined) {
      // Nobody here, where it goes the way of everything else; behind another router there may be somebody.
      return gateway === / via (\S+)/.exec((await this.#ip("route", "get", this.peer)).stdout)?.[1];
    }
    const ping = await this.#take("ping", ["-c", "1", "-W", "1", address]);
    // Who does not answer an echo still tells its hardware address.
    const neighbour = await this.#ip("neigh", "show", "to", address);
    return ping.code !== 0 && !/lladdr/.test(neighbour.stdout);
  }

  /** Makes all of it. Throws a {@link Failure} that says what is missing. */
  async build(client: string): Promise<void> {
    this.#client = client;
    if ((await this.#run("cat", ["/proc/sys/net/ipv4/ip_forward"])).stdout.trim() !== "1") {
      throw new Failure(MISSING, "This machine does not forward IPv4: sysctl -w net.ipv4.ip_forward=1, then ask again");
    }
    const namespace = this.#namespace;
    await this.#made(["netns", "add", namespace], ["netns", "del", namespace]);
    const entry = await this.#entry();
    await this.#made(["link", "add", entry.name, "type", "veth", "peer", "name", "client", "netns", namespace], [
      ...["link", "del", entry.name],
    ]);
    await this.#made(["link", "add", TO_PEER, "type", "veth", "peer", "name", "peer", "netns", namespace], [
      ...["link", "del", TO_PEER],
    ]);
    if (entry.bridge !== "") await this.#must("link", "set", entry.name, "master", entry.bridge);
    for (const name of [entry.name, TO_PEER]) await this.#must("link", "set", name, "up");
    // To a bridge the way is through it; where packets are redirected it is not.
    const near = entry.bridge === "" ? entry.name : entry.bridge;
    await this.#inside("addr", "add", `${client}/32`, "dev", "client");
    for (const name of ["lo", "client", "peer"]) await this.#inside("link", "set", name, "up");
    await this.#inside("route", "add", "default", "dev", "client");
    await this.#inside("neigh", "add", this.peer, "lladdr", await this.#mac(near), "dev", "client", "nud", "permanent");
    const own = await this.#mac("client", namespace);
    await this.#made(["route", "add", `${client}/32`, "dev", near], ["route", "del", `${client}/32`, "dev", near]);
    // A failed look for the address may have left an entry.
    await this.#made(["neigh", "replace", client, "lladdr", own, "dev", near, "nud", "permanent"], [
      ...["neigh", "del", client, "dev", near],
    ]);
    const far = await this.#mac("peer", namespace);
    await this.#must("route", "add", `${this.peer}/32`, "dev", TO_PEER);
    await this.#must("neigh", "add", this.peer, "lladdr", far, "dev", TO_PEER, "nud", "permanent");
    if (entry.redirect !== "") await this.#redirect(entry.name, entry.redirect);
  }

  /** Sends the ping of a protocol. Throws a {@link Failure}. */
  async send(protocol: string): Promise<void> {
    const [, ...words] = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
    const wanted = `${SEND}=${protocol} ${this.#client} ${this.peer}`;
    const command = ["netns", "exec", this.#namespace, "env", wanted, Deno.execPath(), ...words];
    const { code, stderr } = await this.#take("ip", command);
    if (code !== 0) throw new Failure(FAILED, `Cannot send the ping of the test: ${stderr}`);
  }

  /** Has something done when the rest is taken away. */
  onRemove(action: () => Promise<unknown>): void {
    this.#undo.push(action);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // After an interrupt a step may be under way, and others to follow: it is waited for, they are refused.
    this.#over = true;
    await this.#step.catch(() => {});
    for (const undo of this.#undo.splice(0).reverse()) await undo().catch(() => {});
  }

  /** Where the client is to be, so that its packets come in as those of real clients do. */
  async #entry(): Promise<{ readonly name: string; readonly bridge: string; readonly redirect: string }> {
    const there = [...(await this.#ip("-o", "link", "show")).stdout.matchAll(/^\d+: ([^:@\s]+)/gm)].map(([, name]) =>
      name!
    );
    const wildcard = this.#lan.find((name) => /[*+]$/.test(name));
    const named = this.#lan.flatMap((name) =>
      /[*+]$/.test(name)
        ? there.filter((one) => one.startsWith(name.slice(0, -1)))
        : there.filter((one) => one === name)
    );
    for (const bridge of named) {
      if (!/\bbridge forward_delay\b/.test((await this.#ip("-d", "link", "show", "dev", bridge)).stdout)) continue;
      this.way = `through the bridge "${bridge}", as a client's packets do,`;
      return { name: TO_CLIENT, bridge, redirect: "" };
    }
    if (named.length === 0) {
      // The rules go by home alone.
      this.way = "through an interface of its own";
      return { name: TO_CLIENT, bridge: "", redirect: "" };
    }
    if (wildcard !== undefined) {
      const name = `${wildcard.slice(0, -1)}ftwtest`.slice(0, 15);
      this.way = `through "${name}", which [network] lan means with "${wildcard}",`;
      return { name, bridge: "", redirect: "" };
    }
    const redirect = named[0]!;
    this.way = `as if "${redirect}" had received it`;
    this.limits =
      `Not shown: that packets arrive at "${redirect}"; it is no bridge, so the kernel was told to take the ping as coming from there`;
    return { name: TO_CLIENT, bridge: "", redirect };
  }

  async #redirect(from: string, to: string): Promise<void> {
    for (
      const words of [
        `qdisc add dev ${from} ingress`,
        `filter add dev ${from} parent ffff: protocol all u32 match u32 0 0 action mirred ingress redirect dev ${to}`,
      ]
    ) {
      const { code, stderr } = await this.#take("tc", words.split(" "));
      if (code === 0) continue;
      throw new Failure(
        MISSING,
        `Cannot have the ping come in through "${to}", which is no bridge: that takes tc(8) and the kernel's act_mirred and cls_u32 ` +
          `(Debian iproute2, OpenWrt tc-tiny and kmod-sched-core): ${stderr}`,
      );
    }
  }

  async #mac(name: string, namespace: string = ""): Promise<string> {
    const inside = namespace === "" ? [] : ["-n", namespace];
    const { stdout } = await this.#ip(...inside, "-o", "link", "show", "dev", name);
    const mac = /link\/ether ([0-9a-f:]{17})/.exec(stdout)?.[1];
    if (mac === undefined) throw new Failure(FAILED, `Cannot find the hardware address of "${name}"`);
    return mac;
  }

  async #inside(...words: readonly string[]): Promise<void> {
    await this.#must("-n", this.#namespace, ...words);
  }

  /** Does something that is undone at the end, in the reverse order; also where it was interrupted half way. */
  async #made(words: readonly string[], undo: readonly string[]): Promise<void> {
    this.#undo.push(() => this.#run("ip", undo));
    await this.#must(...words);
  }

  async #must(...words: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#ip(...words);
    if (code !== 0) {
      throw new Failure(MISSING, `Cannot make the namespace of the test: ip ${words.join(" ")}: ${stderr}`);
    }
  }

  async #take(command: string, words: readonly string[]): Promise<Ran> {
    if (this.#over) throw new Failure(FAILED, "The test is over");
    const step = this.#run(command, words);
    this.#step = step;
    return await step;
  }

  async #ip(...words: readonly string[]): Promise<Ran> {
    const ran = await this.#take("ip", words);
    if (ran.code === 127) throw new Failure(MISSING, NEEDS_IP);
    return ran;
  }
}
