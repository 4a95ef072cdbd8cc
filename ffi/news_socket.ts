/**
 * A netlink socket on which the kernel tells of changes by itself. It is read now and then, and never waited for.
 * @module
 */
import { HOST_LITTLE } from "../lib/wire/nfqueue.ts";
import { EINTR, ENOBUFS, type Libc, MSG_DONTWAIT, SO_RCVBUF, SOL_NETLINK, SOL_SOCKET } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_ROUTE = 0;
/** Interfaces, and their addresses of both families (linux/rtnetlink.h). */
const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_IFADDR = 5;
const RTNLGRP_IPV6_IFADDR = 9;
/** Datagrams that are read at once, of a flood of them. */
const MOST = 256;
const PIECE = 32768;
/** What finds no room is known as ENOBUFS, and is news too. */
const BUFFER = 256 << 10;

/** See the module's text. */
export class NewsSocket implements Disposable {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #piece: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(PIECE));
  readonly #view: DataView<ArrayBuffer> = new DataView(this.#piece.buffer);
  #closed = false;

  /** Begins to listen to groups of a netlink protocol; a kernel without them tells nothing, which is no error. */
  constructor(libc: Libc, protocol: number, groups: readonly number[]) {
    this.#libc = libc;
    this.#fd = libc.symbols.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (this.#fd < 0) return;
    libc.setOption(this.#fd, SOL_SOCKET, SO_RCVBUF, BUFFER);
    // struct sockaddr_nl: the family; the kernel chooses the port.
    const address = new Uint8Array(new ArrayBuffer(12));
    new DataView(address.buffer).setUint16(0, AF_NETLINK, HOST_LITTLE);
    libc.symbols.bind(this.#fd, address, address.length);
    for (const group of groups) libc.setOption(this.#fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  /** Whether one of the messages since the last call is of interest, or more came than had room. */
  told(interesting: (view: DataView, length: number) => boolean): boolean {
    if (this.#closed || this.#fd < 0) return false;
    let found = false;
    for (let count = 0; count < MOST; count++) {
      const length = this.#libc.symbols.recv(this.#fd, this.#piece, BigInt(PIECE), MSG_DONTWAIT);
      if (length < 0) {
        // EAGAIN: all is read. ENOBUFS: more came than had room.
        const errno = this.#libc.errno();
        if (errno === ENOBUFS) found = true;
        if (errno !== ENOBUFS && errno !== EINTR) break;
        continue;
      }
      found ||= interesting(this.#view, length);
    }
    return found;
  }

  /** Closes the socket; can be called again. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#fd >= 0) this.#libc.symbols.close(this.#fd);
  }
}

/** News of interfaces and of their addresses: all of them are of interest. */
export function interfaceNews(libc: Libc): NewsSocket {
  return new NewsSocket(libc, NETLINK_ROUTE, [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]);
}
