import assert from "node:assert/strict";
import fc from "fast-check";
import { netlinkInode, parseQueueStates, portOwner } from "../../ffi/queue_state.ts";
import { Libc } from "../../ffi/libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const ELSEWHERE = Deno.build.os !== "linux";

Deno.test("the kernel's list of queues gives every column", () => {
  const text =
    "    0  13808    17 2   256     3     4   400000  1\n    1 2416643225     0 2  4096     0     0        0  1\n";
  assert.deepEqual(parseQueueStates(text), [
    {
      number: 0,
      port: 13808,
      waiting: 17,
      copyMode: 2,
      copyRange: 256,
      queueDropped: 3,
      userDropped: 4,
      sequence: 400000,
    },
    {
      number: 1,
      port: 2416643225,
      waiting: 0,
      copyMode: 2,
      copyRange: 4096,
      queueDropped: 0,
      userDropped: 0,
      sequence: 0,
    },
  ]);
});

Deno.test("lines of another form are left out", () => {
  assert.deepEqual(parseQueueStates("\n1 2 3\na b c d e f g h i\n1 2 3 4 5 6 7 1e400 1\n"), []);
});

Deno.test("a netlink port leads to its socket, of netfilter alone", () => {
  const text = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n" +
    "0000000000000000 0   77         00000000 0        0        0     2        0        101\n" +
    "0000000000000000 12  77         00000000 0        0        0     2        0        102\n" +
    "0000000000000000 12  2416643225 00000000 0        0        0     2        0        103\n";
  assert.equal(netlinkInode(text, 77), 102);
  assert.equal(netlinkInode(text, 2416643225), 103);
  assert.equal(netlinkInode(text, 78), null);
});

Deno.test("any text is read without an error", () => {
  fc.assert(fc.property(fc.string(), fc.integer(), (text, port) => {
    parseQueueStates(text);
    netlinkInode(text, port);
  }));
});

Deno.test(
  { name: "the owner of a socket of this process is this process, whatever its port", ignore: ELSEWHERE },
  () => {
    using libc = Libc.open();
    const open = () => {
      const fd = libc.symbols.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
      const address = new Uint8Array(new ArrayBuffer(12));
      address[0] = AF_NETLINK;
      assert.equal(libc.symbols.bind(fd, address, 12), 0);
      return fd;
    };
    // The second of two has an arbitrary port: both inodes are looked up, each by its own.
    const fds = [open(), open()];
    try {
      const lines = Deno.readTextFileSync("/proc/self/net/netlink").split("\n").map((line) => line.trim().split(/\s+/));
      for (const fd of fds) {
        const inode = /\d+/.exec(Deno.readLinkSync(`/proc/self/fd/${fd}`))![0];
        const port = Number(lines.find((fields) => fields[9] === inode)![2]);
        assert.equal(portOwner(port).pid, Deno.pid);
      }
    } finally {
      for (const fd of fds) libc.symbols.close(fd);
    }
  },
);
