/**
 * Messages of the kernel's connection table (linux/netfilter/nfnetlink_conntrack.h): requests as bytes, entries as fields.
 * Pure: no socket here.
 * @module
 */
import { HOST_LITTLE } from "../lib/wire/nfqueue.ts";

/** Answers of {@link Entry.parse}: an entry of the table. */
export const ENTRY = 1;
/** The end of a listing. */
export const DONE = 2;
/** An error or acknowledgement, see {@link Entry.errno}. */
export const ANSWER = 3;
/** A message of another kind. */
const UNKNOWN = 0;
/** No whole message at this offset: stop reading this buffer. */
export const BROKEN = -1;

/** The client opened the flow. */
export const ORIGINAL = 1;
/** The client answers the flow: it receives what the opener sends, also behind destination NAT. */
export const REPLYING = 2;
/** Which side of a flow a listing filters by. */
export type Side = 1 | 2;

/** Bytes that any request of this file needs at most. */
export const MOST_REQUEST = 512;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const CT_NEW = 0x100;
const CT_GET = 0x101;
const CT_DELETE = 0x102;
const CT_GET_STATS = 0x105;
const REQUEST = 1;
const DUMP = 0x300;
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;
const DUMP_INTERRUPTED = 0x10;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_MARK = 8;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_MARK_MASK = 21;
const CTA_FILTER = 25;
const CTA_TUPLE_IP = 1;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V6_SRC = 3;
const AF_INET = 2;
const AF_INET6 = 10;
const MAPPED = 0xffff;
const MOST_TUPLE = 256;

/** One entry of a listing; reused, nothing is allocated. */
export class Entry {
  /** Offset of the next message in the buffer. */
  next = 0;
  /** AF_INET or AF_INET6. */
  family = 0;
  /** Connection mark (int32). */
  mark = 0;
  /** Sequence number of the request that this message belongs to. */
  sequence = 0;
  /** Of an {@link ANSWER} or {@link DONE}: 0, or the positive error number. */
  errno = 0;
  /** The table changed while it was listed: entries may be left out. */
  interrupted = false;
  /** Source address of the opener's direction, four words (IPv4 mapped). */
  readonly origin: Int32Array = new Int32Array(4);
  /** Source address of the answering direction. */
  readonly responder: Int32Array = new Int32Array(4);
  /** Where the attribute with the opener's tuple begins; 0 where there is none. */
  tuple = 0;
  /** Length of that attribute, its header included. */
  tupleLength = 0;
  /** Offset of the attribute with the entry's number; 0 where there is none. */
  id = 0;
  /** Offset of the attribute with the zone; 0 where there is none. */
  zone = 0;

  /** Reads the message at `start`; never reads at or behind `end`, never throws. */
  parse(view: DataView, start: number, end: number): number {
    if (end - start < 16) return BROKEN;
    const length = view.getUint32(start, HOST_LITTLE);
    if (length < 16 || length > end - start) return BROKEN;
    const limit = start + length;
    this.next = start + ((length + 3) & ~3);
    const type = view.getUint16(start + 4, HOST_LITTLE);
    this.interrupted = (view.getUint16(start + 6, HOST_LITTLE) & DUMP_INTERRUPTED) !== 0;
    this.sequence = view.getInt32(start + 8, HOST_LITTLE);
    this.errno = 0;
    if (type === NLMSG_ERROR || type === NLMSG_DONE) {
      if (length >= 20) this.errno = -view.getInt32(start + 16, HOST_LITTLE) | 0;
      return type === NLMSG_ERROR ? ANSWER : DONE;
    }
    if (type !== CT_NEW || length < 20) return UNKNOWN;
    this.family = view.getUint8(start + 16);
    this.mark = 0;
    this.tuple = 0;
    this.tupleLength = 0;
    this.id = 0;
    this.zone = 0;
    this.origin.fill(0);
    this.responder.fill(0);
    for (let at = start + 20; limit - at >= 4;) {
      const size = view.getUint16(at, HOST_LITTLE);
      if (size < 4 || size > limit - at) break;
      switch (view.getUint16(at + 2, HOST_LITTLE) & TYPE_MASK) {
        case CTA_TUPLE_ORIG:
          this.tuple = at;
          this.tupleLength = size;
          readSource(view, at + 4, at + size, this.origin);
          break;
        case CTA_TUPLE_REPLY:
          readSource(view, at + 4, at + size, this.responder);
          break;
        case CTA_MARK:
          if (size >= 8) this.mark = view.getInt32(at + 4);
          break;
        case CTA_ID:
          if (size === 8) this.id = at;
          break;
        case CTA_ZONE:
          if (size === 6) this.zone = at;
          break;
      }
      at += (size + 3) & ~3;
    }
    return this.tuple !== 0 && this.tupleLength <= MOST_TUPLE ? ENTRY : UNKNOWN;
  }

  /** True where this address opened the flow or answers it. */
  concerns(w0: number, w1: number, w2: number, w3: number): boolean {
    return same(this.origin, w0, w1, w2, w3) || same(this.responder, w0, w1, w2, w3);
  }
}

function same(words: Int32Array, w0: number, w1: number, w2: number, w3: number): boolean {
  return words[3] === w3 && words[2] === w2 && words[1] === w1 && words[0] === w0;
}

function readSource(view: DataView, start: number, end: number, words: Int32Array): void {
  for (let at = start; end - at >= 4;) {
    const size = view.getUint16(at, HOST_LITTLE);
    if (size < 4 || size > end - at) return;
    if ((view.getUint16(at + 2, HOST_LITTLE) & TYPE_MASK) === CTA_TUPLE_IP) readAddress(view, at + 4, at + size, words);
    at += (size + 3) & ~3;
  }
}

function readAddress(view: DataView, start: number, end: number, words: Int32Array): void {
  for (let at = start; end - at >= 4;) {
    const size = view.getUint16(at, HOST_LITTLE);
    if (size < 4 || size > end - at) return;
    const type = view.getUint16(at + 2, HOST_LITTLE) & TYPE_MASK;
    if (type === CTA_IP_V4_SRC && size >= 8) {
      words[2] = MAPPED;
      words[3] = view.getInt32(at + 4);
    } else if (type === CTA_IP_V6_SRC && size >= 20) {
      for (let i = 0; i < 4; i++) words[i] = view.getInt32(at + 4 + 4 * i);
    }
    at += (size + 3) & ~3;
  }
}

function writeHeader(view: DataView, at: number, type: number, flags: number, sequence: number, family: number): void {
  view.setUint16(at + 4, type, HOST_LITTLE);
  view.setUint16(at + 6, REQUEST | flags, HOST_LITTLE);
  view.setInt32(at + 8, sequence, HOST_LITTLE);
  view.setInt32(at + 12, 0, HOST_LITTLE);
  view.setUint32(at + 16, 0);
  view.setUint8(at + 16, family);
}

function writeAttribute(view: DataView, at: number, type: number, length: number): void {
  view.setUint16(at, length, HOST_LITTLE);
  view.setUint16(at + 2, type, HOST_LITTLE);
}

/** Writes the request for the number of entries. Answers its length. */
export function writeStatistics(view: DataView, at: number, sequence: number): number {
  writeHeader(view, at, CT_GET_STATS, 0, sequence, 0);
  view.setUint32(at, 20, HOST_LITTLE);
  return 20;
}

/** Writes the request for a listing of one family (2 or 10, 0 for both). Answers its length. */
export function writeListing(view: DataView, at: number, sequence: number, family: number): number {
  writeHeader(view, at, CT_GET, DUMP, sequence, family);
  view.setUint32(at, 20, HOST_LITTLE);
  return 20;
}

/**
 * Writes the request for the entries whose source on one side is this address. Linux 5.8 filters so; an older kernel
 * lists all, or refuses the request. Answers its length.
 */
export function writeFilteredListing(
  view: DataView,
  at: number,
  sequence: number,
  side: Side,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  const four = w0 === 0 && w1 === 0 && w2 === MAPPED;
  writeHeader(view, at, CT_GET, DUMP, sequence, four ? AF_INET : AF_INET6);
  const address = four ? 4 : 16;
  let to = at + 20;
  writeAttribute(view, to, (side === ORIGINAL ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY) | NESTED, 12 + address);
  writeAttribute(view, to + 4, CTA_TUPLE_IP | NESTED, 8 + address);
  writeAttribute(view, to + 8, four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, 4 + address);
  if (four) view.setInt32(to + 12, w3);
  else {
    view.setInt32(to + 12, w0);
    view.setInt32(to + 16, w1);
    view.setInt32(to + 20, w2);
    view.setInt32(to + 24, w3);
  }
  to += 12 + address;
  // CTA_FILTER { ORIG_FLAGS, REPLY_FLAGS }, u32 in host order: bit 0 is CTA_FILTER_F_CTA_IP_SRC.
  writeAttribute(view, to, CTA_FILTER | NESTED, 20);
  writeAttribute(view, to + 4, 1, 8);
  view.setUint32(to + 8, side === ORIGINAL ? 1 : 0, HOST_LITTLE);
  writeAttribute(view, to + 12, 2, 8);
  view.setUint32(to + 16, side === REPLYING ? 1 : 0, HOST_LITTLE);
  to += 20;
  view.setUint32(at, to - at, HOST_LITTLE);
  return to - at;
}

function copyKey(entry: Entry, from: DataView, view: DataView, at: number): number {
  let to = copyAttribute(from, entry.tuple, entry.tupleLength, view, at);
  if (entry.zone !== 0) to = copyAttribute(from, entry.zone, 6, view, to);
  return to;
}

function copyAttribute(from: DataView, start: number, length: number, view: DataView, to: number): number {
  const padded = (length + 3) & ~3;
  for (let i = 0; i < padded; i++) view.setUint8(to + i, i < length ? from.getUint8(start + i) : 0);
  return to + padded;
}

/** Writes the request to delete an entry that was read from `from`. Answers its length. */
export function writeDeletion(entry: Entry, from: DataView, view: DataView, at: number, sequence: number): number {
  writeHeader(view, at, CT_DELETE, 0, sequence, entry.family);
  let to = copyKey(entry, from, view, at + 20);
  // With its number, so that a new flow of the same addresses and ports is not deleted in its place.
  if (entry.id !== 0) to = copyAttribute(from, entry.id, 8, view, to);
  view.setUint32(at, to - at, HOST_LITTLE);
  return to - at;
}

/** Writes the request to set the bits of `mask` in an entry's mark to `value`, and no others. Answers its length. */
export function writeMarking(
  entry: Entry,
  from: DataView,
  view: DataView,
  at: number,
  sequence: number,
  mask: number,
  value: number,
): number {
  writeHeader(view, at, CT_NEW, 0, sequence, entry.family);
  const to = copyKey(entry, from, view, at + 20);
  writeAttribute(view, to, CTA_MARK, 8);
  // The kernel takes mark = (mark & ~mask) ^ value.
  view.setInt32(to + 4, value & mask);
  writeAttribute(view, to + 8, CTA_MARK_MASK, 8);
  view.setInt32(to + 12, mask);
  view.setUint32(at, to + 16 - at, HOST_LITTLE);
  return to + 16 - at;
}
