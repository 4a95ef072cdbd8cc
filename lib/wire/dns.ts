/**
 * DNS messages (RFC 1035), read in place: the question, and the records with the addresses they name.
 *
 * One reused {@link DnsMessage}: `read`, then `next` until it answers false, and `nextAddress` within a record. Work is
 * bounded whatever the message claims: at most 256 records, names of 255 bytes, pointers that only lead backwards.
 * @module
 */
import { DnsName, readName, skipName } from "./dns_name.ts";

/** The port of name servers. */
export const DNS = 53;
/** Port of DNS over TLS (RFC 7858). */
export const DNS_TLS = 853;

export { DnsName, NameSet } from "./dns_name.ts";

/** Record types (IANA DNS parameters). */
export const TYPE_A = 1;
/** Canonical name. */
export const TYPE_CNAME = 5;
/** IPv6 address (RFC 3596). */
const TYPE_AAAA = 28;
/** Service binding (RFC 9460). */
const TYPE_SVCB = 64;
/** Service binding for HTTPS (RFC 9460). */
export const TYPE_HTTPS = 65;

/** Sections, as {@link DnsMessage.section} has them. */
export const SECTION_ANSWER = 1;
/** Name servers. */
const SECTION_AUTHORITY = 2;
/** Further records, OPT among them. */
const SECTION_ADDITIONAL = 3;

/** No fault. */
export const DNS_SOUND = 0;
/** The bytes end before the message does. */
export const DNS_SHORT = 1;
/** The message breaks its own format. */
export const DNS_BROKEN = 2;
/** More records than are read. */
export const DNS_MANY = 3;
/** Any of the above. */
export type DnsFault = 0 | 1 | 2 | 3;

/** Bytes of the header. */
const DNS_HEADER = 12;
const MOST_RECORDS = 256;
const CLASS_INTERNET = 1;
const KEY_IPV4HINT = 4;
const KEY_IPV6HINT = 6;

/** One message and one record of it at a time. */
export class DnsMessage {
  /** Transaction number. */
  id = 0;
  /** QR: an answer, not a query. */
  response = false;
  /** 0 is a standard query. */
  opcode = 0;
  /** TC: the message was cut to fit, the client will ask again over TCP. */
  truncated = false;
  /** 0 no error, 3 no such name. */
  rcode = 0;
  /** Questions, as the header has it. */
  questions = 0;
  /** Answers, as the header has it. */
  answers = 0;
  /** Name of the first question; the root where there is no question. */
  readonly question: DnsName = new DnsName();
  /** Type asked for in the first question; 0 where there is none. */
  questionType = 0;

  /** Section of the record at hand. */
  section: 0 | 1 | 2 | 3 = 0;
  /** Name that the record at hand belongs to. */
  readonly owner: DnsName = new DnsName();
  /** Type of the record at hand. */
  type = 0;
  /** Class of the record at hand; 1 is the internet. */
  class = 0;
  /** Seconds the record may be kept; 0 where the top bit is set (RFC 2181 section 8). */
  ttl = 0;
  /** Offset of the record's data. */
  rdata = 0;
  /** One past the record's data. */
  rdataEnd = 0;
  /** Target of a CNAME, SVCB or HTTPS record; valid after {@link readTarget} answered true. */
  readonly target: DnsName = new DnsName();

  /** Address found by {@link nextAddress}, first word. */
  a0 = 0;
  /** Address found, second word. */
  a1 = 0;
  /** Address found, third word. */
  a2 = 0;
  /** Address found, last word. */
  a3 = 0;

  /** Why `read` or `next` answered false; {@link DNS_SOUND} where the message simply ended. */
  fault: DnsFault = DNS_SOUND;

  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  #end = 0;
  #at = 0;
  /** Records left in the header's three counts. */
  #left1 = 0;
  #left2 = 0;
  #left3 = 0;
  #walked = 0;
  /** Where the owner name was read last: a name that all records point to is read once. */
  #ownerAt = -1;
  /** Where the next address of this record is read, and how many bytes one has (4, 16, or 0 for none). */
  #addressAt = 0;
  #addressEnd = 0;
  #addressSize = 0;
  /** Where the next service parameter begins; 0 where there are none. */
  #paramAt = 0;

  /** Reads header and first question of `bytes[start … end)`; false where that much is not there or broken. */
  read(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#view = view;
    this.#start = start;
    this.#end = end;
    this.#ownerAt = -1;
    this.#walked = 0;
    this.#left1 = this.#left2 = this.#left3 = 0;
    this.#addressSize = this.#paramAt = 0;
    this.question.length = 0;
    this.questionType = 0;
    this.section = 0;
    this.fault = DNS_SOUND;
    if (end - start < DNS_HEADER) return this.#fail(DNS_SHORT);
    const flags = view.getUint16(start + 2);
    this.id = view.getUint16(start);
    this.response = (flags & 0x8000) !== 0;
    this.opcode = (flags >>> 11) & 15;
    this.truncated = (flags & 0x0200) !== 0;
    this.rcode = flags & 15;
    this.questions = view.getUint16(start + 4);
    this.answers = view.getUint16(start + 6);
    let at = start + DNS_HEADER;
    for (let i = 0; i < this.questions; i++) {
      const after = i === 0 ? readName(bytes, start, end, at, this.question) : skipName(bytes, end, at);
      if (after < 0) return this.#fail(after === -1 ? DNS_BROKEN : DNS_SHORT);
      if (after + 4 > end) return this.#fail(DNS_SHORT);
      if (i === 0) this.questionType = view.getUint16(after);
      at = after + 4;
    }
    this.#at = at;
    this.#left1 = this.answers;
    this.#left2 = view.getUint16(start + 8);
    this.#left3 = view.getUint16(start + 10);
    return true;
  }

  /** Goes to the next record, answers first; false at the end or at a {@link fault}. */
  next(): boolean {
    this.#addressSize = this.#paramAt = 0;
    if (this.#left1 > 0) {
      this.#left1--;
      this.section = SECTION_ANSWER;
    } else if (this.#left2 > 0) {
      this.#left2--;
      this.section = SECTION_AUTHORITY;
    } else if (this.#left3 > 0) {
      this.#left3--;
      this.section = SECTION_ADDITIONAL;
    } else {
      return false;
    }
    if (++this.#walked > MOST_RECORDS) return this.#fail(DNS_MANY);
    const after = this.#readOwner();
    if (after < 0) return this.#fail(after === -1 ? DNS_BROKEN : DNS_SHORT);
    if (after + 10 > this.#end) return this.#fail(DNS_SHORT);
    const view = this.#view;
    this.type = view.getUint16(after);
    this.class = view.getUint16(after + 2);
    const ttl = view.getInt32(after + 4);
    this.ttl = ttl < 0 ? 0 : ttl;
    this.rdata = after + 10;
    this.rdataEnd = this.rdata + view.getUint16(after + 8);
    if (this.rdataEnd > this.#end) return this.#fail(DNS_SHORT);
    this.#at = this.rdataEnd;
    if (this.class === CLASS_INTERNET) this.#openAddresses();
    return true;
  }

  /** Goes to the next address that the record at hand names: of A and AAAA the one, of SVCB and HTTPS every hint. */
  nextAddress(): boolean {
    while (this.#addressSize === 0 || this.#addressAt + this.#addressSize > this.#addressEnd) {
      this.#addressSize = 0;
      if (this.#paramAt === 0 || !this.#nextHint()) return false;
    }
    const view = this.#view;
    const at = this.#addressAt;
    if (this.#addressSize === 4) {
      this.a0 = this.a1 = 0;
      this.a2 = 0xffff;
      this.a3 = view.getInt32(at);
    } else {
      this.a0 = view.getInt32(at);
      this.a1 = view.getInt32(at + 4);
      this.a2 = view.getInt32(at + 8);
      this.a3 = view.getInt32(at + 12);
    }
    this.#addressAt = at + this.#addressSize;
    return true;
  }

  /** Reads where a CNAME, SVCB or HTTPS record leads into {@link target}; false for other types and broken names. */
  readTarget(): boolean {
    const service = this.type === TYPE_SVCB || this.type === TYPE_HTTPS;
    if (this.type !== TYPE_CNAME && !service) return false;
    const at = this.rdata + (service ? 2 : 0);
    const after = readName(this.#bytes, this.#start, this.rdataEnd, at, this.target);
    if (service) return after >= 0;
    return after === this.rdataEnd;
  }

  /** Reads the owner name; most records of an answer point to one name, which is then read once. */
  #readOwner(): number {
    const at = this.#at;
    if (at + 2 <= this.#end && this.#bytes[at]! >= 0xc0) {
      const target = this.#start + (this.#view.getUint16(at) & 0x3fff);
      if (target === this.#ownerAt && target < at) return at + 2;
      this.#ownerAt = -1;
      const after = readName(this.#bytes, this.#start, this.#end, at, this.owner);
      if (after >= 0) this.#ownerAt = target;
      return after;
    }
    this.#ownerAt = -1;
    return readName(this.#bytes, this.#start, this.#end, at, this.owner);
  }

  #openAddresses(): void {
    const size = this.rdataEnd - this.rdata;
    this.#addressAt = this.rdata;
    this.#addressEnd = this.rdataEnd;
    if (this.type === TYPE_A) {
      if (size === 4) this.#addressSize = 4;
    } else if (this.type === TYPE_AAAA) {
      if (size === 16) this.#addressSize = 16;
    } else if ((this.type === TYPE_SVCB || this.type === TYPE_HTTPS) && size > 2) {
      // The target is never compressed (RFC 9460 section 2.2), so skipping it needs no pointer.
      const params = skipName(this.#bytes, this.rdataEnd, this.rdata + 2);
      if (params > 0) this.#paramAt = params;
    }
  }

  /** Goes to the next ipv4hint or ipv6hint parameter (RFC 9460 section 7.3). */
  #nextHint(): boolean {
    const view = this.#view;
    while (this.#paramAt + 4 <= this.rdataEnd) {
      const key = view.getUint16(this.#paramAt);
      const value = this.#paramAt + 4;
      const end = value + view.getUint16(this.#paramAt + 2);
      if (end > this.rdataEnd) break;
      this.#paramAt = end;
      const size = key === KEY_IPV4HINT ? 4 : key === KEY_IPV6HINT ? 16 : 0;
      if (size === 0 || end === value || (end - value) % size !== 0) continue;
      this.#addressAt = value;
      this.#addressEnd = end;
      this.#addressSize = size;
      return true;
    }
    this.#paramAt = 0;
    return false;
  }

  #fail(fault: DnsFault): false {
    this.fault = fault;
    this.#left1 = this.#left2 = this.#left3 = 0;
    this.#addressSize = this.#paramAt = 0;
    return false;
  }
}

/**
 * End of the DNS-over-TCP message whose two-byte length (RFC 1035 section 4.2.2) stands at `at`; the message begins at
 * `at + 2`. May lie beyond `end`, where more is to come; -1 where not even the length is there.
 */
export function dnsFrameEnd(view: DataView, at: number, end: number): number {
  return at + 2 > end ? -1 : at + 2 + view.getUint16(at);
}
