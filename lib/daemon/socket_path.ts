/**
 * The file of a socket, as that for control: it is taken from a daemon that is dead, and left to one that runs.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { FAILED, Failure, MISSING, USAGE } from "../report/failure.ts";

/** A socket that listens at its path. */
export interface Claimed {
  readonly listener: Deno.UnixListener;
  /** Inode of the socket file: only this file is removed later. */
  readonly inode: number | null;
}

/** What a socket is for, as its errors name it. */
export interface SocketUse {
  /** Such as "the control socket". */
  readonly called: string;
  /** The table of the config that has its path and group, such as "control". */
  readonly table: string;
  /** How to have another path. */
  readonly another: string;
}

/** The socket of {@link ControlServer}. */
export const CONTROL: SocketUse = {
  called: "the control socket",
  table: "control",
  another: "name another with --control PATH",
};

/**
 * Listens at `path`, mode 0600, or 0660 for `group`. Makes the directory and replaces the socket of a dead daemon. Where
 * another process listens, it throws a {@link Failure} that names the process.
 */
export async function claimPath(path: string, group: string, use: SocketUse): Promise<Claimed> {
  const gid = group === "" ? null : groupId(group, use);
  const directory = path.slice(0, path.lastIndexOf("/"));
  try {
    if (directory !== "") Deno.mkdirSync(directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    const found = `Cannot make the directory "${directory}" for ${use.called}: ${errorText(error)}`;
    throw new Failure(MISSING, `${found}. To use another, ${use.another}`);
  }
  await giveWay(path, use);
  // Made without permissions for others from the start: with a later chmod anybody could connect for a moment.
  const before = Deno.umask(0o177);
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw new Failure(
      error instanceof Deno.errors.PermissionDenied ? MISSING : FAILED,
      `Cannot listen on ${use.called} "${path}": ${errorText(error)}. To use another, ${use.another}`,
    );
  } finally {
    Deno.umask(before);
  }
  try {
    if (gid !== null) {
      Deno.chownSync(path, null, gid);
      Deno.chmodSync(path, 0o660);
    }
    return { listener, inode: Deno.lstatSync(path).ino };
  } catch (error) {
    listener.close();
    throw new Failure(MISSING, `Cannot hand ${use.called} "${path}" to the group "${group}": ${errorText(error)}`);
  }
}

/** Removes the socket file, if it is still the one with this inode. */
export function releasePath(path: string, inode: number | null): void {
  try {
    if (inode !== null && Deno.lstatSync(path).ino === inode) Deno.removeSync(path);
  } catch {
    // It is gone already.
  }
}

async function giveWay(path: string, use: SocketUse): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new Failure(MISSING, `Cannot look at ${use.called} "${path}": ${errorText(error)}`);
  }
  if (info.isSocket !== true) {
    throw new Failure(
      FAILED,
      `Cannot listen on ${use.called} "${path}": there is something else of that name. Remove it, or ${use.another}`,
    );
  }
  try {
    using _ = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) {
      // Only a dead daemon's file refuses connections.
      Deno.removeSync(path);
      return;
    }
    throw new Failure(MISSING, `Cannot look whether a daemon listens on "${path}": ${errorText(error)}`);
  }
  const pid = listenerPid(path);
  throw new Failure(
    FAILED,
    `Cannot listen on ${use.called} "${path}": ${pid === null ? "another process" : `process ${pid}`} ` +
      `listens there, most likely another ftwall. Stop it, or ${use.another}`,
  );
}

/** Number of a group of the system, by name or number, from /etc/group. Throws a {@link Failure}. */
function groupId(group: string, use: SocketUse): number {
  if (/^\d{1,9}$/.test(group)) return Number(group);
  let text = "";
  try {
    text = Deno.readTextFileSync("/etc/group");
  } catch {
    // Reported below as a group that does not exist.
  }
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name === group && id !== undefined && /^\d+$/.test(id)) return Number(id);
  }
  throw new Failure(
    USAGE,
    `Cannot open ${use.called} for the group "${group}": /etc/group has none of that name. ` +
      `Make it with groupadd, or change [${use.table}] group`,
  );
}

/** Lines of /proc/net/unix for a path: flags and inode. Columns: num refcount protocol flags type state inode path. */
function sockets(path: string): { readonly listening: boolean; readonly inode: string }[] {
  const found: { readonly listening: boolean; readonly inode: string }[] = [];
  for (const line of Deno.readTextFileSync("/proc/net/unix").split("\n")) {
    const match = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.*)$/.exec(line);
    // __SO_ACCEPTCON (1 << 16) in flags says that it listens.
    if (match !== null && match[3] === path) {
      found.push({ listening: (parseInt(match[1] ?? "0", 16) & 0x10000) !== 0, inode: match[2] ?? "" });
    }
  }
  return found;
}

/** The process that listens at `path`; null where that cannot be found out. */
export function listenerPid(path: string): number | null {
  try {
    const inode = sockets(path).find((socket) => socket.listening)?.inode;
    if (inode === undefined) return null;
    for (const entry of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(entry.name) && descriptorOf(entry.name, inode) !== null) return Number(entry.name);
    }
  } catch {
    // Without /proc, or without permission to read it, the error names no process.
  }
  return null;
}

/**
 * The file descriptor of the connection at `path` that was accepted since the last call, found in /proc, as the runtime does
 * not tell descriptors. `known` holds the inodes of connections that were seen before, and is brought up to date.
 */
export function peerDescriptor(path: string, known: Set<string>): number | null {
  const present = sockets(path).filter((socket) => !socket.listening && socket.inode !== "0").map((s) => s.inode);
  const fresh = present.filter((inode) => !known.has(inode));
  for (const inode of known) if (!present.includes(inode)) known.delete(inode);
  let descriptor: number | null = null;
  for (const inode of fresh) {
    known.add(inode);
    // Of several new connections it is unknown which is which: no answer is better than a wrong one.
    descriptor = fresh.length === 1 ? descriptorOf("self", inode) : null;
  }
  return descriptor;
}

/** Who is at the other end of a socket. */
export interface Peer {
  readonly uid: number;
  readonly pid: number;
}

/**
 * The same for a connection from another network namespace, which /proc/net/unix does not list: of our sockets that are new
 * since the last call it is the one at whose other end there is another process. `known` holds the inodes of all our sockets.
 */
export function foreignPeer(known: Set<string>, credentials: (descriptor: number) => Peer | null): Peer | null {
  const present = new Map<string, number>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${name}`))?.[1];
      if (inode !== undefined) present.set(inode, Number(name));
    } catch {
      // It was closed meanwhile.
    }
  }
  const peers: Peer[] = [];
  for (const [inode, descriptor] of present) {
    if (known.has(inode)) continue;
    const peer = credentials(descriptor);
    // A socket without a peer, of whatever family, has the user -1; one that listens, or a pair of our own, has our process.
    if (peer !== null && peer.uid !== -1 && peer.pid !== Deno.pid) peers.push(peer);
  }
  known.clear();
  for (const inode of present.keys()) known.add(inode);
  return peers.length === 1 ? peers[0]! : null;
}

function descriptorOf(process: string, inode: string): number | null {
  try {
    for (const entry of Deno.readDirSync(`/proc/${process}/fd`)) {
      try {
        if (Deno.readLinkSync(`/proc/${process}/fd/${entry.name}`) === `socket:[${inode}]`) return Number(entry.name);
      } catch {
        // It was closed meanwhile.
      }
    }
  } catch {
    // The process has ended, or may not be looked into.
  }
  return null;
}
