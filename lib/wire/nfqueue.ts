/**
 * Netlink messages of the kernel's packet queue (linux/netfilter/nfnetlink_queue.h): packets are parsed into one reused
 * object, verdicts and settings are written as bytes. Netlink and nfnetlink headers are in host byte order, the values of
 * attributes in network byte order.
 * @module
 */

/** True where the host stores the least significant byte first. */
export const HOST_LITTLE: boolean = hostIsLittleEndian();

function hostIsLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

/** Answers of {@link QueueMessage.parse}: a packet that needs a verdict. */
export const PACKET = 1;
/** An error or acknowledgement of a message that was sent; see {@link QueueMessage.errno}. */
export const REPLY = 2;
/** A message of another kind: nothing to do. */
export const OTHER = 0;
/** Not a message, or a packet without its number: it cannot be answered. */
export const MALFORMED = 3;

/** Verdicts (linux/netfilter.h). Refuse this packet. */
export const NF_DROP = 0;
/** Accept this packet. */
export const NF_ACCEPT = 1;
/** Go through the rules of the same hook again. */
export const NF_REPEAT = 4;

/** Bytes of a verdict message without a mark. */
export const VERDICT_LENGTH = 32;
/** Bytes of a verdict message with a mark. */
export const MARKED_VERDICT_LENGTH = 40;

const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const QUEUE_PACKET = 0x300;
const QUEUE_VERDICT = 0x301;
const QUEUE_CONFIG = 0x302;
const QUEUE_VERDICT_BATCH = 0x303;

const HEADERS = 20; // nlmsghdr (16) and nfgenmsg (4)
// Nesting and byte-order bits that share the field of an attribute's type (NLA_TYPE_MASK).
const TYPE_MASK = 0x3fff;
const NFQA_PACKET_HDR = 1;
const NFQA_VERDICT_HDR = 2;
const NFQA_MARK = 3;
const NFQA_IFINDEX_INDEV = 5;
const NFQA_IFINDEX_OUTDEV = 6;
const NFQA_HWADDR = 9;
const NFQA_PAYLOAD = 10;
const NFQA_CAP_LEN = 13;
const NFQA_SKB_INFO = 14;
/** Flags of NFQA_SKB_INFO: segments merged into one, whose checksum nobody has made; nobody has verified it yet. */
const NFQA_SKB_GSO = 2;
const NFQA_SKB_CSUM_NOTVERIFIED = 4;
const NFQA_CFG_CMD = 1;
const NFQA_CFG_PARAMS = 2;
const NFQA_CFG_QUEUE_MAXLEN = 3;
const NFQA_CFG_MASK = 4;
const NFQA_CFG_FLAGS = 5;

/** Fields of one message from the kernel. One instance is parsed into again and again; nothing is allocated. */
export class QueueMessage {
  /** Netlink message type. */
  type = 0;
  /** Queue number the packet came through. */
  queue = 0;
  /** Number of the packet within its queue, to be repeated in the verdict (uint32 held as int32). */
  packetId = 0;
  /** Netfilter hook: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting. */
  hook = 0;
  /** Packet mark (uint32 held as int32). */
  mark = 0;
  /** Index of the interface it came in by; 0 where there is none. */
  indev = 0;
  /** Index of the interface it will leave by; 0 where there is none. */
  outdev = 0;
  /** First two bytes of the sender's MAC; both words are 0 where the message has none of six bytes. */
  macHigh = 0;
  /** Last four bytes of the sender's MAC, as int32. */
  macLow = 0;
  /** Offset of the packet's first byte (its IP header). */
  payload = 0;
  /** One past the last byte captured. */
  payloadEnd = 0;
  /** Length of the packet before the copy range cut it; the length of the payload where nothing was cut. */
  capLength = 0;
  /** True where neither the network card nor the kernel has verified the checksum, and it is to be verified (Linux 3.10). */
  unverified = false;
  /** Of a {@link REPLY}: 0 for done, or the positive error number. */
  errno = 0;
  /** Of a {@link REPLY}: sequence number of the message it answers. */
  sequence = 0;
  /** Of a {@link REPLY}: type of the message it answers. */
  answered = 0;
  /** The message, or an attribute in it, is longer than the bytes at hand. */
  cut = false;

  /**
   * Reads the message in `start … end` of `view`. Answers {@link PACKET}, {@link REPLY}, {@link OTHER} or
   * {@link MALFORMED}. Never throws where `0 <= start <= end <= view.byteLength`. A packet whose later attributes are
   * broken is still a packet: its number stands first, and it must get its verdict.
   */
  parse(view: DataView, start: number, end: number): number {
    this.cut = false;
    if (end - start < 16) return MALFORMED;
    const length = view.getUint32(start, HOST_LITTLE);
    this.type = view.getUint16(start + 4, HOST_LITTLE);
    if (length < 16) return MALFORMED;
    let limit = start + length;
    if (limit > end) {
      limit = end;
      this.cut = true;
    }
    if (this.type === QUEUE_PACKET) return this.#packet(view, start, limit);
    if (this.type !== NLMSG_ERROR) return OTHER;
    if (limit - start < 36) return MALFORMED;
    this.errno = -view.getInt32(start + 16, HOST_LITTLE) | 0;
    this.answered = view.getUint16(start + 24, HOST_LITTLE);
    this.sequence = view.getInt32(start + 28, HOST_LITTLE);
    return REPLY;
  }

  #packet(view: DataView, start: number, limit: number): number {
    this.mark = 0;
    this.indev = 0;
    this.outdev = 0;
    this.macHigh = 0;
    this.macLow = 0;
    this.payload = limit;
    this.payloadEnd = limit;
    this.capLength = 0;
    this.unverified = false;
    if (limit - start < HEADERS) return MALFORMED;
    this.queue = view.getUint16(start + 18);
    let numbered = false;
    let at = start + HEADERS;
    while (limit - at >= 4) {
      const length = view.getUint16(at, HOST_LITTLE);
      if (length < 4) {
        this.cut = true;
        break;
      }
      const value = at + 4;
      const size = length - 4;
      const type = view.getUint16(at + 2, HOST_LITTLE) & TYPE_MASK;
      if (size > limit - value) {
        this.cut = true;
        // The payload is the last attribute: what arrived of it is as good as a shorter copy range.
        if (type === NFQA_PAYLOAD) {
          this.payload = value;
          this.payloadEnd = limit;
          if (this.capLength === 0) this.capLength = size;
        }
        break;
      }
      switch (type) {
        case NFQA_PACKET_HDR:
          if (size < 7) break;
          this.packetId = view.getInt32(value);
          this.hook = view.getUint8(value + 6);
          numbered = true;
          break;
        case NFQA_MARK:
          if (size >= 4) this.mark = view.getInt32(value);
          break;
        case NFQA_IFINDEX_INDEV:
          if (size >= 4) this.indev = view.getInt32(value);
          break;
        case NFQA_IFINDEX_OUTDEV:
          if (size >= 4) this.outdev = view.getInt32(value);
          break;
        case NFQA_HWADDR:
          if (size < 10 || view.getUint16(value) !== 6) break;
          this.macHigh = view.getUint16(value + 4);
          this.macLow = view.getInt32(value + 6);
          break;
        case NFQA_PAYLOAD:
          this.payload = value;
          this.payloadEnd = value + size;
          break;
        case NFQA_CAP_LEN:
          if (size >= 4) this.capLength = view.getInt32(value);
          break;
        case NFQA_SKB_INFO:
          if (size < 4) break;
          this.unverified =
            (view.getInt32(value) & (NFQA_SKB_GSO | NFQA_SKB_CSUM_NOTVERIFIED)) === NFQA_SKB_CSUM_NOTVERIFIED;
          break;
      }
      at = value + ((size + 3) & ~3);
    }
    const captured = this.payloadEnd - this.payload;
    if (this.capLength < captured) this.capLength = captured;
    return numbered ? PACKET : MALFORMED;
  }
}

function writeHeaders(view: DataView, at: number, length: number, type: number, flags: number, queue: number): void {
  view.setUint32(at, length, HOST_LITTLE);
  view.setUint16(at + 4, type, HOST_LITTLE);
  view.setUint16(at + 6, flags, HOST_LITTLE);
  view.setInt32(at + 8, 0, HOST_LITTLE);
  view.setInt32(at + 12, 0, HOST_LITTLE);
  view.setUint16(at + 16, 0); // AF_UNSPEC, NFNETLINK_V0
  view.setUint16(at + 18, queue);
}

/** Writes the verdict for one packet; answers the bytes written ({@link VERDICT_LENGTH}). */
export function writeVerdict(view: DataView, at: number, queue: number, packetId: number, code: number): number {
  writeHeaders(view, at, VERDICT_LENGTH, QUEUE_VERDICT, NLM_F_REQUEST, queue);
  view.setUint16(at + 20, 12, HOST_LITTLE);
  view.setUint16(at + 22, NFQA_VERDICT_HDR, HOST_LITTLE);
  view.setInt32(at + 24, code);
  view.setInt32(at + 28, packetId);
  return VERDICT_LENGTH;
}

/** Writes a verdict that also sets the packet's mark; answers the bytes written ({@link MARKED_VERDICT_LENGTH}). */
export function writeMarkedVerdict(
  view: DataView,
  at: number,
  queue: number,
  packetId: number,
  code: number,
  mark: number,
): number {
  writeVerdict(view, at, queue, packetId, code);
  view.setUint32(at, MARKED_VERDICT_LENGTH, HOST_LITTLE);
  view.setUint16(at + 32, 8, HOST_LITTLE);
  view.setUint16(at + 34, NFQA_MARK, HOST_LITTLE);
  view.setInt32(at + 36, mark);
  return MARKED_VERDICT_LENGTH;
}

/**
 * Makes the verdict at `at` stand for every waiting packet up to and including `packetId`
 * (NFQNL_MSG_VERDICT_BATCH, Linux 3.1).
 */
export function extendVerdict(view: DataView, at: number, packetId: number): void {
  view.setUint16(at + 4, QUEUE_VERDICT_BATCH, HOST_LITTLE);
  view.setInt32(at + 28, packetId);
}

/** Writes an acknowledged request to copy up to `range` bytes of each packet: from then on packets come. 32 bytes. */
export function writeCopyMode(view: DataView, at: number, queue: number, range: number, sequence: number): number {
  writeHeaders(view, at, 32, QUEUE_CONFIG, NLM_F_REQUEST | NLM_F_ACK, queue);
  view.setInt32(at + 8, sequence, HOST_LITTLE);
  view.setUint16(at + 20, 9, HOST_LITTLE);
  view.setUint16(at + 22, NFQA_CFG_PARAMS, HOST_LITTLE);
  view.setUint32(at + 24, range);
  view.setUint32(at + 28, 0x02000000); // NFQNL_COPY_PACKET and three bytes of padding
  return 32;
}

/**
 * Writes an acknowledged request that binds the queue to this socket and has its packets copied at once, as the kernel drops
 * the packets of a queue that is bound and copies nothing. 40 bytes.
 */
export function writeBind(view: DataView, at: number, queue: number, range: number, sequence: number): number {
  writeCopyMode(view, at, queue, range, sequence);
  view.setUint32(at, 40, HOST_LITTLE);
  view.setUint16(at + 32, 8, HOST_LITTLE);
  view.setUint16(at + 34, NFQA_CFG_CMD, HOST_LITTLE);
  view.setUint32(at + 36, 0x01000000); // NFQNL_CFG_CMD_BIND, padding, and no family
  return 40;
}

/**
 * Writes a request for the number of packets that may wait in the queue, acknowledged where `sequence` is not 0. 28 bytes.
 */
export function writeQueueLength(view: DataView, at: number, queue: number, length: number, sequence: number): number {
  writeHeaders(view, at, 28, QUEUE_CONFIG, sequence === 0 ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_ACK, queue);
  view.setInt32(at + 8, sequence, HOST_LITTLE);
  view.setUint16(at + 20, 8, HOST_LITTLE);
  view.setUint16(at + 22, NFQA_CFG_QUEUE_MAXLEN, HOST_LITTLE);
  view.setUint32(at + 24, length);
  return 28;
}

/** Flags of a queue ({@link writeQueueFlag}): packets that find no room pass; packets of several segments come whole. */
export const NFQA_CFG_F_FAIL_OPEN = 1;
export const NFQA_CFG_F_GSO = 4;

/**
 * Writes an acknowledged request to set or clear one flag: the kernel refuses a message wholly for a flag that it does not
 * know. 36 bytes.
 */
export function writeQueueFlag(
  view: DataView,
  at: number,
  queue: number,
  flag: number,
  wanted: boolean,
  sequence: number,
): number {
  writeQueueLength(view, at, queue, wanted ? flag : 0, sequence);
  view.setUint32(at, 36, HOST_LITTLE);
  view.setUint16(at + 22, NFQA_CFG_FLAGS, HOST_LITTLE);
  view.setUint16(at + 28, 8, HOST_LITTLE);
  view.setUint16(at + 30, NFQA_CFG_MASK, HOST_LITTLE);
  view.setUint32(at + 32, flag);
  return 36;
}
