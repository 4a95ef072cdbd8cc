/**
 * A filter that refuses this process, and all that it starts, the system calls that no router needs of ftwall: those by which a
 * program that was taken over takes over the machine. In force on every thread (SECCOMP_FILTER_FLAG_TSYNC), for good.
 * @module
 */

/** Numbers of the calls that are refused (asm/unistd.h): x86_64, aarch64; null where an architecture has none. */
const REFUSED: readonly (readonly [name: string, x86_64: number, aarch64: number | null])[] = [
  ["ptrace", 101, 117],
  ["process_vm_readv", 310, 270],
  ["process_vm_writev", 311, 271],
  ["init_module", 175, 105],
  ["finit_module", 313, 273],
  ["delete_module", 176, 106],
  ["kexec_load", 246, 104],
  ["kexec_file_load", 320, 294],
  ["reboot", 169, 142],
  ["mount", 165, 40],
  ["umount2", 166, 39],
  ["pivot_root", 155, 41],
  ["chroot", 161, 51],
  ["open_tree", 428, 428],
  ["move_mount", 429, 429],
  ["fsopen", 430, 430],
  ["fsmount", 432, 432],
  ["mount_setattr", 442, 442],
  ["unshare", 272, 97],
  ["setns", 308, 268],
  ["swapon", 167, 224],
  ["swapoff", 168, 225],
  ["bpf", 321, 280],
  ["perf_event_open", 298, 241],
  ["userfaultfd", 323, 282],
  ["io_uring_setup", 425, 425],
  ["add_key", 248, 217],
  ["request_key", 249, 218],
  ["keyctl", 250, 219],
  ["open_by_handle_at", 304, 265],
  ["settimeofday", 164, 170],
  ["clock_settime", 227, 112],
  ["clock_adjtime", 305, 266],
  ["sethostname", 170, 161],
  ["setdomainname", 171, 162],
  ["acct", 163, 89],
  ["quotactl", 179, 60],
  ["syslog", 103, 116],
  ["iopl", 172, null],
  ["ioperm", 173, null],
  ["modify_ldt", 154, null],
];

/** Where struct seccomp_data has the call's number, and the architecture. */
const NUMBER_AT = 0;
const ARCH_AT = 4;
/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 (linux/audit.h). */
const ARCHITECTURES = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
/** Calls of the x32 interface have this bit: another way to the same. */
const X32 = 0x40000000;
/** BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K (linux/bpf_common.h). */
const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
/** SECCOMP_RET_ERRNO with EPERM. */
const REFUSE = 0x00050001;
/** Bytes of struct sock_filter: code, two jumps, a constant. */
const INSTRUCTION = 8;

/** The architectures that there is a filter for. */
export type FilteredArch = keyof typeof ARCHITECTURES;

/** The filter as the kernel takes it: an array of struct sock_filter. */
export function filterProgram(arch: FilteredArch): Uint8Array<ArrayBuffer> {
  const numbers = REFUSED.map(([, x86, arm]) => arch === "x86_64" ? x86 : arm).filter((number) => number !== null);
  const last = numbers.length + 5;
  const program: (readonly [code: number, yes: number, no: number, constant: number])[] = [
    [LOAD, 0, 0, ARCH_AT],
    // Of another architecture, as 32-bit programs are: refused, as their numbers mean other calls.
    [IF_EQUAL, 0, last - 2, ARCHITECTURES[arch]],
    [LOAD, 0, 0, NUMBER_AT],
    [IF_AT_LEAST, last - 4, 0, X32],
    ...numbers.map((number, i) => [IF_EQUAL, last - 5 - i, 0, number] as const),
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, REFUSE],
  ];
  const bytes = new Uint8Array(new ArrayBuffer(program.length * INSTRUCTION));
  const view = new DataView(bytes.buffer);
  program.forEach(([code, yes, no, constant], i) => {
    view.setUint16(i * INSTRUCTION, code, true);
    view.setUint8(i * INSTRUCTION + 2, yes);
    view.setUint8(i * INSTRUCTION + 3, no);
    view.setUint32(i * INSTRUCTION + 4, constant, true);
  });
  return bytes;
}
