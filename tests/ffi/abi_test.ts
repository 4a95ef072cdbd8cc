/**
 * What ffi/ and the netlink codecs take C to be: constants, sizes, offsets and prototypes, asked of each architecture's own
 * compiler and headers. Nothing is run: an assertion that does not hold is an error of the compiler.
 */
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url).pathname;
const FILES = [...Deno.readDirSync(`${root}ffi`)].map(({ name }) => `ffi/${name}`).filter((path) =>
  path.endsWith(".ts")
)
  .concat("lib/wire/nfqueue.ts").sort();

const COMPILERS = [["x86_64", "x86_64-linux-gnu-gcc"], ["aarch64", "aarch64-linux-gnu-gcc"]] as const;

const HEADERS = `#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
`;

/** Constants of ours that have another name in C, or are made of several. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  CT_NEW: "NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW",
  CT_GET: "NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET",
  CT_DELETE: "NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE",
  CT_GET_STATS: "NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS",
  REQUEST: "NLM_F_REQUEST",
  DUMP: "NLM_F_DUMP",
  NESTED: "NLA_F_NESTED",
  TYPE_MASK: "(uint16_t)NLA_TYPE_MASK",
  DUMP_INTERRUPTED: "NLM_F_DUMP_INTR",
  CTA_TUPLE_IP: "CTA_TUPLE_IP",
  FAIL_OPEN: "NFQA_CFG_F_FAIL_OPEN",
  GSO: "NFQA_CFG_F_GSO",
  MMSGHDR: "sizeof(struct mmsghdr)",
  FLAGS_WORD: "offsetof(struct mmsghdr, msg_hdr.msg_flags) / 4",
  LENGTH_WORD: "offsetof(struct mmsghdr, msg_len) / 4",
  IOVEC: "sizeof(struct iovec)",
  MEMINFO_WORDS: "SK_MEMINFO_VARS",
  POLLFD_WORDS: "sizeof(struct pollfd) / 4",
  SIGEVENT_BYTES: "sizeof(struct sigevent)",
  SIGNO_AT: "offsetof(struct sigevent, sigev_signo)",
  CAPABILITY_VERSION: "_LINUX_CAPABILITY_VERSION_3",
  GET_INFO: "IPT_SO_GET_INFO",
  INFO_BYTES: "sizeof(struct ipt_getinfo)",
  HEADERS: "sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg)",
  NDMSG_END: "sizeof(struct nlmsghdr) + sizeof(struct ndmsg)",
  ANSWERED: "NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT",
  NEW_CHAIN: "NFT_MSG_NEWCHAIN",
  GET_CHAIN: "NFT_MSG_GETCHAIN",
  CHAIN_NAME: "NFTA_CHAIN_NAME",
  LIST: "NLM_F_REQUEST | NLM_F_DUMP",
  LONGEST_PATH: "sizeof(((struct sockaddr_un *)0)->sun_path) - 1",
  QUEUE_PACKET: "NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET",
  QUEUE_VERDICT: "NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT",
  QUEUE_CONFIG: "NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG",
  QUEUE_VERDICT_BATCH: "NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH",
  SKB_CHECKSUM_NOT_READY: "NFQA_SKB_CSUMNOTREADY",
  SKB_GSO: "NFQA_SKB_GSO",
  VERDICT_LENGTH: "NLMSG_HDRLEN + 4 + NLA_HDRLEN + sizeof(struct nfqnl_msg_verdict_hdr)",
  MARKED_VERDICT_LENGTH: "NLMSG_HDRLEN + 4 + NLA_HDRLEN + sizeof(struct nfqnl_msg_verdict_hdr) + NLA_HDRLEN + 4",
};

/** Names that C must know, by what they begin with. */
const OF_C = new RegExp(
  "^(?:E[A-Z]{3,}|(?:AF|SO|SOL|SOCK|MSG|NETLINK|NFNL|NFNLGRP|NLM|NLMSG|NF|NFQA|NFQNL|CTA|IPPROTO|IP|IPV6|EFD|O|LOCK|PR|CAP|" +
    "RLIMIT|PRIO|SCHED|CLOCK|MADV)_\\w+|SIG[A-Z]+|POLL[A-Z]+)$",
);
/** These are ours in spite of it. */
const OURS = ["EXEMPT", "ENTRY", "ECHO"];

/** Sizes and offsets that the code writes as numbers: `[what C says, what the code has, where]`. */
const LAYOUT: readonly (readonly [string, number, string])[] = [
  ["sizeof(void *)", 8, "pointers are u64"],
  ["sizeof(size_t)", 8, "usize"],
  ["sizeof(long)", 8, "the arguments of syscall and prctl"],
  ["sizeof(socklen_t)", 4, "libc.ts"],
  ["sizeof(pid_t)", 4, "libc.ts"],
  ["sizeof(nfds_t)", 8, "libc.ts, poll"],
  ["sizeof(timer_t)", 8, "deadline.ts"],
  ["sizeof(struct timespec)", 16, "libc.ts"],
  ["offsetof(struct timespec, tv_nsec)", 8, "libc.ts"],
  ["sizeof(struct timeval)", 16, "SO_RCVTIMEO"],
  ["sizeof(struct itimerspec)", 32, "deadline.ts"],
  ["offsetof(struct itimerspec, it_value)", 16, "deadline.ts"],
  ["offsetof(struct sigevent, sigev_notify)", 12, "deadline.ts"],
  ["SIGEV_SIGNAL", 0, "deadline.ts"],
  ["sizeof(struct pollfd)", 8, "queues.ts"],
  ["offsetof(struct pollfd, events)", 4, "queues.ts"],
  ["offsetof(struct pollfd, revents)", 6, "queues.ts"],
  ["sizeof(struct msghdr)", 56, "packet_queue.ts"],
  ["offsetof(struct msghdr, msg_iov)", 16, "packet_queue.ts"],
  ["offsetof(struct msghdr, msg_iovlen)", 24, "packet_queue.ts"],
  ["offsetof(struct iovec, iov_len)", 8, "packet_queue.ts"],
  ["sizeof(struct ucred)", 12, "libc.ts, SO_PEERCRED"],
  ["offsetof(struct ucred, uid)", 4, "libc.ts, SO_PEERCRED"],
  ["sizeof(struct sockaddr_in)", 16, "raw_socket.ts"],
  ["offsetof(struct sockaddr_in, sin_addr)", 4, "raw_socket.ts"],
  ["sizeof(struct sockaddr_in6)", 28, "raw_socket.ts"],
  ["offsetof(struct sockaddr_in6, sin6_addr)", 8, "raw_socket.ts"],
  ["offsetof(struct sockaddr_in6, sin6_port)", 2, "raw_socket.ts"],
  ["sizeof(struct sockaddr_nl)", 12, "ruleset_news.ts"],
  ["sizeof(struct ip_mreqn)", 12, "group_member.ts"],
  ["offsetof(struct ip_mreqn, imr_ifindex)", 8, "group_member.ts"],
  ["sizeof(struct ipv6_mreq)", 20, "group_member.ts"],
  ["offsetof(struct ipv6_mreq, ipv6mr_interface)", 16, "group_member.ts"],
  ["sizeof(struct rlimit)", 16, "own_process.ts"],
  ["sizeof(struct sched_param)", 4, "own_process.ts"],
  ["sizeof(struct __user_cap_header_struct)", 8, "own_process.ts"],
  ["sizeof(struct __user_cap_data_struct)", 12, "own_process.ts"],
  ["sizeof(struct nlmsghdr)", 16, "ctnetlink.ts"],
  ["offsetof(struct nlmsghdr, nlmsg_type)", 4, "ctnetlink.ts"],
  ["offsetof(struct nlmsghdr, nlmsg_flags)", 6, "ctnetlink.ts"],
  ["offsetof(struct nlmsghdr, nlmsg_seq)", 8, "ctnetlink.ts"],
  ["sizeof(struct nlattr)", 4, "ctnetlink.ts"],
  ["offsetof(struct nlmsgerr, error) + sizeof(struct nlmsghdr)", 16, "ctnetlink.ts"],
  ["sizeof(struct nfqnl_msg_packet_hdr)", 7, "lib/wire/nfqueue.ts"],
  ["offsetof(struct ipt_getinfo, num_entries)", 76, "ruleset_news.ts"],
  ["MADV_DONTNEED", 4, "start_pages.ts"],
];

/** Numbers of system calls, which no two architectures share. */
function systemCalls(arch: string): [string, number, string][] {
  const text = Deno.readTextFileSync(`${root}ffi/own_process.ts`);
  const line = new RegExp(`^ +${arch}: \\{(.*)\\},$`, "m").exec(text)?.[1] ?? "";
  return [...line.matchAll(/(\w+): (\d+)n/g)].map((match) => [`SYS_${match[1]}`, Number(match[2]), "own_process.ts"]);
}

/** Constants with a plain number; one that differs between architectures says so in its own line. */
function constants(arch: string): [string, number, string][] {
  const found: [string, number, string][] = [];
  for (const path of FILES) {
    const text = Deno.readTextFileSync(root + path);
    for (const [, name, value] of text.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*)(?:: number)? = ([^;]+);/gm)) {
      const chosen = /^Deno\.build\.arch === "(\w+)" \? (\w+) : (\w+)$/.exec(value!);
      const number = Number(chosen === null ? value : chosen[1] === arch ? chosen[2] : chosen[3]);
      if (Number.isNaN(number)) continue;
      const own = OTHER_NAMES[name!];
      if (own !== undefined) found.push([own, number, `${path}: ${name}`]);
      else if (OF_C.test(name!) && !OURS.includes(name!)) found.push([name!, number, path]);
    }
  }
  return found;
}

/** Prototypes as they stand beside the symbols, and what is said of their parameters there. */
function prototypes(): [string, string, readonly string[], string][] {
  const found: [string, string, readonly string[], string][] = [];
  for (const path of FILES) {
    const text = Deno.readTextFileSync(root + path);
    const each = /^ +\/\/ ([\w *]+?[ *](\w+)\([^)]*\);).*\n +(\w+): \{\s*parameters: \[([^\]]*)\], result: "\w+"/gm;
    for (const [, prototype, name, key, parameters] of text.matchAll(each)) {
      assert.equal(key, name, path);
      found.push([
        prototype!,
        name!,
        parameters!.split(",").map((word) => word.trim()).filter((word) => word !== ""),
        path,
      ]);
    }
  }
  return found;
}

/** Declared with "..." or with an enum by glibc; on both architectures they are called as the prototype beside them says. */
const LOOSER: readonly string[] = ["open", "fcntl", "prctl", "getrlimit", "setrlimit", "setpriority"];

/** Bytes of a parameter of each kind. */
const BYTES: Readonly<Record<string, number>> = {
  '"i32"': 4,
  '"u32"': 4,
  '"u16"': 2,
  '"i64"': 8,
  '"usize"': 8,
  '"pointer"': 8,
  '"buffer"': 8,
};

function program(arch: string): string {
  const facts = [...constants(arch), ...systemCalls(arch), ...LAYOUT];
  assert.ok(facts.length > 120, `${facts.length} facts`);
  const lines = facts.map(([what, value, where]) =>
    `_Static_assert((long)(${what}) == ${value}, ${JSON.stringify(`${where}: ${what} is not ${value}`)});`
  );
  const declared = prototypes();
  assert.ok(declared.length > 25, `${declared.length} prototypes`);
  for (const [prototype, name, kinds] of declared.filter(([, name]) => !/^nf[qt]_/.test(name))) {
    // A second declaration that says something else is an error.
    if (!LOOSER.includes(name)) lines.push(`extern ${prototype}`);
    const types = /\((.*)\)/.exec(prototype)![1]!;
    if (types === "void" || types.includes("...")) continue;
    const parameters = types.split(",").map((word) => word.trim().replace(/\w+(?:\[\])?$/, "").replace(/\*$/, "*"));
    assert.equal(parameters.length, kinds.length, name);
    parameters.forEach((type, i) => {
      const size = type.includes("*") ? "sizeof(void *)" : `sizeof(${type})`;
      lines.push(`_Static_assert(${size} == ${BYTES[kinds[i]!]}, "${name}: parameter ${i + 1} has another size");`);
    });
  }
  return `${HEADERS}${lines.join("\n")}\n`;
}

function runs(compiler: string): boolean {
  try {
    return new Deno.Command(compiler, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

for (const [arch, compiler] of COMPILERS) {
  const reason = runs(compiler) ? "" : ` (skipped: no ${compiler})`;
  Deno.test({
    name: `constants, sizes, offsets and prototypes are those of C on ${arch}${reason}`,
    ignore: reason !== "",
    async fn() {
      const child = new Deno.Command(compiler, {
        args: ["-xc", "-std=gnu11", "-fsyntax-only", "-w", "-"],
        stdin: "piped",
        stderr: "piped",
        stdout: "null",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(program(arch)));
      await writer.close();
      const { code, stderr } = await child.output();
      const said = new TextDecoder().decode(stderr).split("\n").filter((line) => line.includes("error"));
      assert.deepEqual([code, said], [0, []]);
    },
  });
}
