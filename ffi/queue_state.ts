/**
 * What the kernel tells of its packet queues in /proc/net/netfilter/nfnetlink_queue, and who holds a queue.
 * @module
 */

const STATES = "/proc/self/net/netfilter/nfnetlink_queue";
const SOCKETS = "/proc/self/net/netlink";
const NETLINK_NETFILTER = 12;
// More lines than this are not the file that was asked for: queue numbers are 16 bits, netlink sockets are few.
const MOST_LINES = 70_000;

/** One queue as the kernel sees it. */
export interface QueueState {
  /** Queue number. */
  readonly number: number;
  /** Netlink port of the socket that holds it: often, not always, the process id. */
  readonly port: number;
  /** Packets that wait for a verdict now. */
  readonly waiting: number;
  /** 0 nothing, 1 only facts, 2 packets are copied. */
  readonly copyMode: number;
  /** Bytes of each packet that are copied. */
  readonly copyRange: number;
  /** Packets dropped because the queue was full; stays 0 where the queue fails open. */
  readonly queueDropped: number;
  /** Packets dropped because the receive buffer was full; stays 0 where the queue fails open. */
  readonly userDropped: number;
  /** Number of the last packet. */
  readonly sequence: number;
}

/** Who holds a queue. */
export interface QueueOwner {
  /** Process id; 0 where no process that can be seen has the socket. */
  readonly pid: number;
  /** Name of the program (/proc/PID/comm); empty where unknown. */
  readonly command: string;
}

/** Reads the lines of the kernel's list of queues; lines of another form are left out. */
export function parseQueueStates(text: string): QueueState[] {
  const states: QueueState[] = [];
  for (const line of text.split("\n", MOST_LINES)) {
    const fields = numbers(line);
    if (fields === null || fields.length < 8) continue;
    const [number, port, waiting, copyMode, copyRange, queueDropped, userDropped, sequence] = fields as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    states.push({ number, port, waiting, copyMode, copyRange, queueDropped, userDropped, sequence });
  }
  return states;
}

/** Reads the kernel's list of queues of this network namespace; null where the kernel has none or does not show it. */
export function readQueueStates(): QueueState[] | null {
  const text = readText(STATES);
  return text === null ? null : parseQueueStates(text);
}

/** True where the kernel has packet queues (the list is there, readable or not). */
export function hasQueues(): boolean {
  try {
    Deno.lstatSync(STATES);
    return true;
  } catch {
    return false;
  }
}

/** Finds who holds a queue; null where nobody does, or where the list cannot be read. */
export function queueOwner(number: number): QueueOwner | null {
  const state = readQueueStates()?.find((each) => each.number === number);
  return state === undefined ? null : portOwner(state.port);
}

/**
 * Finds the process behind a netlink port. A process's first netlink socket has its pid for a port, its further ones
 * have arbitrary numbers: so the socket is looked up by port, and the process by the socket's inode.
 */
export function portOwner(port: number): QueueOwner {
  const inode = netlinkInode(readText(SOCKETS) ?? "", port);
  const pid = inode === null ? 0 : inodeOwner(inode);
  return { pid, command: pid === 0 ? "" : (readText(`/proc/${pid}/comm`) ?? "").trim() };
}

/** Finds in the text of /proc/net/netlink the inode of the netfilter socket with this port; null where there is none. */
export function netlinkInode(text: string, port: number): number | null {
  for (const line of text.split("\n", MOST_LINES)) {
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode: the first and the fourth are hexadecimal.
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10 || Number(fields[1]) !== NETLINK_NETFILTER || Number(fields[2]) !== port) continue;
    const inode = Number(fields[9]);
    if (Number.isSafeInteger(inode) && inode > 0) return inode;
  }
  return null;
}

function inodeOwner(inode: number): number {
  const wanted = `socket:[${inode}]`;
  for (const entry of list("/proc")) {
    if (!/^[1-9][0-9]*$/.test(entry)) continue;
    for (const fd of list(`/proc/${entry}/fd`)) {
      if (link(`/proc/${entry}/fd/${fd}`) === wanted) return Number(entry);
    }
  }
  return 0;
}

function numbers(line: string): number[] | null {
  const trimmed = line.trim();
  if (trimmed === "") return null;
  const fields = trimmed.split(/\s+/).map(Number);
  return fields.every(Number.isSafeInteger) ? fields : null;
}

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

function list(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), (entry) => entry.name);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}
