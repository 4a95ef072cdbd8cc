/**
 * Whether somebody changed the firewall's rules: the kernel's own notifications for nft, and for iptables where it is built
 * on nft. The old tables of iptables have none; their sizes are read instead, which costs one system call each.
 * @module
 */
import { HOST_LITTLE } from "../lib/wire/nfqueue.ts";
import { type Libc, SO_RCVTIMEO, SOL_SOCKET } from "./libc.ts";
import { NewsSocket } from "./news_socket.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_NETFILTER = 12;
const IPPROTO_RAW = 255;
/** Changes of nf_tables (linux/netfilter/nfnetlink.h). */
const NFNLGRP_NFTABLES = 7;
const NFNL_SUBSYS_NFTABLES = 10;
/** Bytes of struct nlmsghdr and struct nfgenmsg. */
const HEADERS = 20;
/** What goes when rules go: NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_DELRULE, NFT_MSG_DELSET. */
const GOING: readonly number[] = [2, 5, 8, 11];
/** The attribute of each of these messages that is the name of the table. */
const NAME = 1;
const LONGEST_NAME = 64;
/** The tables in which there are rules of ours. */
const OURS: readonly string[] = ["ftwall", "mangle", "filter"];
const PIECE = 32768;

/** IPT_SO_GET_INFO and IP6T_SO_GET_INFO, at the levels SOL_IP and SOL_IPV6. */
const GET_INFO = 64;
const LEVELS: readonly (readonly [family: number, level: number])[] = [[AF_INET, 0], [AF_INET6, 41]];
/** struct ipt_getinfo: name[32], valid_hooks, hook_entry[5], underflow[5], num_entries, size. */
const INFO_BYTES = 84;
const TABLES: readonly string[] = ["mangle", "filter"];

/** See the module's text. */
export class RulesetNews implements Disposable {
  readonly #libc: Libc;
  readonly #socket: NewsSocket;
  #sizes: readonly string[] = [];
  #closed = false;

  /** Begins to listen; a kernel without nf_tables tells nothing, which is no error. */
  constructor(libc: Libc) {
    this.#libc = libc;
    this.#socket = new NewsSocket(libc, NETLINK_NETFILTER, [NFNLGRP_NFTABLES]);
  }

  /**
   * Whether rules of tables that hold ours went since the last call; never waits. `legacy` asks the old tables of iptables
   * too: only where they are in use, as asking makes them.
   */
  changed(legacy: boolean): boolean {
    if (this.#closed) return false;
    const told = this.#socket.told(rulesWent);
    if (!legacy) return told;
    const sizes = this.#readSizes();
    const before = this.#sizes;
    this.#sizes = sizes;
    return told || (before.length > 0 && sizes.join() !== before.join());
  }

  #readSizes(): string[] {
    const sizes: string[] = [];
    for (const [family, level] of LEVELS) {
      const fd = this.#libc.symbols.socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
      if (fd < 0) continue;
      for (const table of TABLES) {
        const info = new Uint8Array(new ArrayBuffer(INFO_BYTES));
        info.set(new TextEncoder().encode(table));
        const length = new Uint8Array(new ArrayBuffer(4));
        new DataView(length.buffer).setUint32(0, INFO_BYTES, HOST_LITTLE);
        const answer = this.#libc.symbols.getsockopt(fd, level, GET_INFO, info, length);
        sizes.push(answer === 0 ? info.subarray(32).join(" ") : "");
      }
      this.#libc.symbols.close(fd);
    }
    return sizes;
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket[Symbol.dispose]();
  }
}

/** NFT_MSG_NEWCHAIN answers NFT_MSG_GETCHAIN. */
const NEW_CHAIN = 3;
const GET_CHAIN = 4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** NLM_F_REQUEST and NLM_F_DUMP. */
const LIST = 0x301;
/** NFTA_CHAIN_TABLE is the first attribute. */
const CHAIN_NAME = 3;
/** Answers that are read of a list at most: some thousands of chains. */
const MOST_ANSWERS = 1000;

/**
 * Whether nf_tables has a chain of ours, made by nft or by iptables: one question to the kernel, where asking the tools
 * would start a dozen programs. False where the kernel has no nf_tables.
 */
export function hasOwnChains(libc: Libc): boolean {
  const fd = libc.symbols.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return false;
  try {
    // struct timeval: the kernel answers within the call, so that this never passes.
    const second = new BigInt64Array(new ArrayBuffer(16));
    second[0] = 1n;
    libc.symbols.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(second.buffer), 16);
    const request = new Uint8Array(new ArrayBuffer(HEADERS));
    const head = new DataView(request.buffer);
    head.setUint32(0, HEADERS, HOST_LITTLE);
    head.setUint16(4, NFNL_SUBSYS_NFTABLES << 8 | GET_CHAIN, HOST_LITTLE);
    head.setUint16(6, LIST, HOST_LITTLE);
    if (libc.symbols.send(fd, request, BigInt(HEADERS), 0) < 0) return false;
    const piece = new Uint8Array(new ArrayBuffer(PIECE));
    const view = new DataView(piece.buffer);
    for (let count = 0; count < MOST_ANSWERS; count++) {
      const length = libc.symbols.recv(fd, piece, BigInt(PIECE), 0);
      if (length <= 0) return false;
      const found = ownChain(view, length);
      if (found !== null) return found;
    }
    return false;
  } finally {
    libc.symbols.close(fd);
  }
}

/** True where a piece of the list names a chain of ours, false where the list ends with it, null where more follows. */
export function ownChain(view: DataView, length: number): boolean | null {
  for (let at = 0; at + 16 <= length;) {
    const size = view.getUint32(at, HOST_LITTLE);
    if (size < 16 || at + size > length) return false;
    const type = view.getUint16(at + 4, HOST_LITTLE);
    if (type === NLMSG_DONE || type === NLMSG_ERROR) return false;
    if (type === (NFNL_SUBSYS_NFTABLES << 8 | NEW_CHAIN)) {
      if (textOf(view, at + HEADERS, at + size, NAME) === "ftwall") return true;
      if (textOf(view, at + HEADERS, at + size, CHAIN_NAME).startsWith("ftwall_")) return true;
    }
    at += size + 3 & ~3;
  }
  return null;
}

/** Whether a datagram of nf_tables notifications of so many bytes says that something went from a table that holds our rules. */
export function rulesWent(view: DataView, length: number): boolean {
  for (let at = 0; at + HEADERS <= length;) {
    const size = view.getUint32(at, HOST_LITTLE);
    if (size < HEADERS || at + size > length) return false;
    const type = view.getUint16(at + 4, HOST_LITTLE);
    if (type >>> 8 === NFNL_SUBSYS_NFTABLES && GOING.includes(type & 0xff)) {
      if (OURS.includes(textOf(view, at + HEADERS, at + size, NAME))) return true;
    }
    at += size + 3 & ~3;
  }
  return false;
}

/** The text of the attribute of this kind, empty where there is none. */
function textOf(view: DataView, from: number, end: number, kind: number): string {
  for (let at = from; at + 4 <= end;) {
    const size = view.getUint16(at, HOST_LITTLE);
    if (size < 4 || at + size > end) return "";
    if (view.getUint16(at + 2, HOST_LITTLE) === kind) return cText(view, at + 4, at + Math.min(size, 4 + LONGEST_NAME));
    at += size + 3 & ~3;
  }
  return "";
}

function cText(view: DataView, at: number, end: number): string {
  let text = "";
  for (; at < end && view.getUint8(at) !== 0; at++) text += String.fromCharCode(view.getUint8(at));
  return text;
}
