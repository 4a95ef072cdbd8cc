/**
 * The kernel's neighbour table (ARP and IPv6 neighbour discovery): which hardware address answers for which address. One
 * question to the kernel over rtnetlink (linux/rtnetlink.h, linux/neighbour.h), where a tool would have to be started.
 * @module
 */
import { HOST_LITTLE } from "../lib/wire/nfqueue.ts";
import { type Libc, SO_RCVTIMEO, SOL_SOCKET } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_ROUTE = 0;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** NLM_F_REQUEST and NLM_F_DUMP. */
const LIST = 0x301;
/** Bytes of struct nlmsghdr, and of that with struct ndmsg. */
const NLMSG_HDRLEN = 16;
const NDMSG_END = 28;
/** NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT: the machine has answered, or somebody said that it will. */
const ANSWERED = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const PIECE = 32768;
/** Pieces of the answer that are read at most: some ten thousand neighbours. */
const MOST = 100;

/** Takes a neighbour: four words of its address, and its hardware address. */
export type VisitNeighbour = (w0: number, w1: number, w2: number, w3: number, high: number, low: number) => void;

/** Calls `visit` with every neighbour that has answered. False where the kernel does not say; never throws. */
export function eachNeighbour(libc: Libc, visit: VisitNeighbour): boolean {
  const fd = libc.symbols.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return false;
  try {
    // struct timeval: the kernel answers within the call, so that this never passes.
    const second = new BigInt64Array(new ArrayBuffer(16));
    second[0] = 1n;
    libc.symbols.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(second.buffer), 16);
    const request = new Uint8Array(new ArrayBuffer(NDMSG_END));
    const head = new DataView(request.buffer);
    head.setUint32(0, NDMSG_END, HOST_LITTLE);
    head.setUint16(4, RTM_GETNEIGH, HOST_LITTLE);
    head.setUint16(6, LIST, HOST_LITTLE);
    if (libc.symbols.send(fd, request, BigInt(NDMSG_END), 0) < 0) return false;
    const piece = new Uint8Array(new ArrayBuffer(PIECE));
    const view = new DataView(piece.buffer);
    for (let count = 0; count < MOST; count++) {
      const length = libc.symbols.recv(fd, piece, BigInt(PIECE), 0);
      if (length <= 0) return false;
      const ended = readNeighbours(view, length, visit);
      if (ended !== null) return ended;
    }
    return false;
  } finally {
    libc.symbols.close(fd);
  }
}

/** Reads a piece of the kernel's answer. True where it ends the list, false where it is an error, null where more follows. */
export function readNeighbours(view: DataView, length: number, visit: VisitNeighbour): boolean | null {
  for (let at = 0; at + NLMSG_HDRLEN <= length;) {
    const size = view.getUint32(at, HOST_LITTLE);
    if (size < NLMSG_HDRLEN || at + size > length) return false;
    const type = view.getUint16(at + 4, HOST_LITTLE);
    if (type === NLMSG_DONE) return true;
    if (type === NLMSG_ERROR) return false;
    if (type === RTM_NEWNEIGH && size >= NDMSG_END) readNeighbour(view, at + NLMSG_HDRLEN, at + size, visit);
    at += size + 3 & ~3;
  }
  return null;
}

function readNeighbour(view: DataView, at: number, end: number, visit: VisitNeighbour): void {
  const family = view.getUint8(at);
  // struct ndmsg: family, padding, index of the interface, state, flags, type.
  if ((view.getUint16(at + 8, HOST_LITTLE) & ANSWERED) === 0) return;
  const bytes = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
  let address = -1;
  let hardware = -1;
  for (let from = at + 12; from + 4 <= end;) {
    const size = view.getUint16(from, HOST_LITTLE);
    if (size < 4 || from + size > end) return;
    const kind = view.getUint16(from + 2, HOST_LITTLE);
    if (kind === NDA_DST && size === 4 + bytes) address = from + 4;
    if (kind === NDA_LLADDR && size === 10) hardware = from + 4;
    from += size + 3 & ~3;
  }
  if (bytes === 0 || address < 0 || hardware < 0) return;
  const high = view.getUint16(hardware);
  const low = view.getInt32(hardware + 2);
  if (bytes === 4) visit(0, 0, 0xffff, view.getInt32(address), high, low);
  else {
    const word = (n: number) => view.getInt32(address + 4 * n);
    visit(word(0), word(1), word(2), word(3), high, low);
  }
}
