/**
 * Membership in multicast groups, for the kernel to hand their packets to INPUT, where the queue sees them. Nothing is
 * received by these sockets, and nothing is ever answered.
 * @module
 */
import { HOST_LITTLE } from "../lib/wire/nfqueue.ts";
import type { Libc } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_ADD_MEMBERSHIP = 35;
const IPV6_JOIN_GROUP = 20;
const EADDRINUSE = 98;
/** Interfaces joined at most: the kernel's own limit is 20 for IPv4 (net.ipv4.igmp_max_memberships). */
const MOST = 20;

/** A group of each family: the bytes of its address. */
export interface Groups {
  readonly ipv4: readonly number[];
  readonly ipv6: readonly number[];
}

/** A member of multicast groups, on some interfaces. */
export class GroupMember implements Disposable {
  readonly #libc: Libc;
  readonly #groups: readonly Groups[];
  readonly #fd4: number;
  readonly #fd6: number;
  /** Interface indexes that were joined. The kernel ends a membership with its interface. */
  readonly #joined: Set<number> = new Set();
  #closed = false;

  /** Opens the sockets; a family that this machine lacks is left out. */
  constructor(libc: Libc, groups: readonly Groups[]) {
    this.#libc = libc;
    this.#groups = groups;
    this.#fd4 = libc.symbols.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    this.#fd6 = libc.symbols.socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  }

  /** Joins on these interfaces where that was not done; answers those on which it is a member of a group. */
  join(names: readonly string[]): string[] {
    const present = new Map(names.map((name) => [this.#libc.interfaceIndex(name), name]));
    present.delete(0);
    for (const index of this.#joined) if (!present.has(index)) this.#joined.delete(index);
    if (this.#closed) return [];
    return [...present].filter(([index]) => this.#joined.has(index) || this.#joinOne(index)).map(([, name]) => name);
  }

  #joinOne(index: number): boolean {
    if (this.#joined.size >= MOST) return false;
    const joined = this.#groups.filter((groups) => this.#joinGroups(groups, index)).length > 0;
    if (joined) this.#joined.add(index);
    return joined;
  }

  #joinGroups({ ipv4, ipv6 }: Groups, index: number): boolean {
    // struct ip_mreqn: group, own address (any), index. struct ipv6_mreq: group, index.
    const four = new Uint8Array(new ArrayBuffer(12));
    four.set(ipv4);
    new DataView(four.buffer).setInt32(8, index, HOST_LITTLE);
    const six = new Uint8Array(new ArrayBuffer(20));
    six.set(ipv6);
    new DataView(six.buffer).setInt32(16, index, HOST_LITTLE);
    const joined4 = this.#set(this.#fd4, IPPROTO_IP, IP_ADD_MEMBERSHIP, four);
    const joined6 = this.#set(this.#fd6, IPPROTO_IPV6, IPV6_JOIN_GROUP, six);
    return joined4 || joined6;
  }

  #set(fd: number, level: number, option: number, value: Uint8Array<ArrayBuffer>): boolean {
    if (fd < 0) return false;
    return this.#libc.symbols.setsockopt(fd, level, option, value, value.length) === 0 ||
      this.#libc.errno() === EADDRINUSE;
  }

  /** Leaves all groups; can be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#fd4 >= 0) this.#libc.symbols.close(this.#fd4);
    if (this.#fd6 >= 0) this.#libc.symbols.close(this.#fd6);
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
