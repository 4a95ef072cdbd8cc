/**
 * The one reused packet: decoded in place, so that the hot path allocates nothing.
 * @module
 */
import { decodeIPv4, decodeIPv6 } from "./ip.ts";
import { BROKEN, NOT_IP, type Outcome, WHOLE } from "./outcome.ts";

/** Netfilter's hook number of FORWARD (linux/netfilter.h). */
export const HOOK_FORWARD = 2;
/** Netfilter's hook number of INPUT. */
export const HOOK_INPUT = 1;
/** Netfilter's hook number of OUTPUT. */
export const HOOK_OUTPUT = 3;

/** `Packet.checksum`: the transport's checksum was verified, or is made later: the packet is taken as it is. */
export const CHECKSUM_GOOD = 0;
/** `Packet.checksum`: nobody has verified it. */
export const CHECKSUM_UNVERIFIED = 1;
/** `Packet.checksum`: nobody knows; where a network card makes the checksums, what was captured on the sender has wrong ones. */
export const CHECKSUM_UNKNOWN = 2;

/** A decoded packet. All numbers are small integers; offsets count from the beginning of `bytes`. */
export class Packet {
  /** The source's whole buffer; only `start … end` is this packet. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The same bytes for multi-byte reads. */
  view: DataView = new DataView(this.bytes.buffer);
  /** The first byte of the IP header. */
  start = 0;
  /** One past the last captured byte, link-layer padding included. */
  end = 0;
  /** 4 or 6; 0 where it is not IP. */
  family: 0 | 4 | 6 = 0;
  /** Source address, first word (see lib/net/address.ts). Valid where `family` is set and the fixed header was captured. */
  s0 = 0;
  /** Source address, second word. */
  s1 = 0;
  /** Source address, third word. */
  s2 = 0;
  /** Source address, last word. */
  s3 = 0;
  /** Destination address, first word. */
  d0 = 0;
  /** Destination address, second word. */
  d1 = 0;
  /** Destination address, third word. */
  d2 = 0;
  /** Destination address, last word. */
  d3 = 0;
  /** IP protocol number after all extension headers: 6, 17 or another; 0 where that was not reached. */
  transport = 0;
  /** {@link WHOLE}, {@link FIRST_FRAGMENT} or {@link FURTHER_FRAGMENT}. */
  fragment: 0 | 1 | 2 = WHOLE;
  /** The first byte of the transport's header; valid where the outcome is OK. */
  segment = 0;
  /** Source port; 0 unless the outcome is OK. */
  sport = 0;
  /** Destination port; 0 unless the outcome is OK. */
  dport = 0;
  /** TCP flags as in the header's byte 13 (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32); 0 for UDP. */
  flags = 0;
  /** TCP sequence number as a signed word; 0 for UDP. */
  seq = 0;
  /** TCP acknowledgement number as a signed word; 0 for UDP. */
  ack = 0;
  /** The first payload byte; equal to `payloadEnd` where there is none, or none was captured. */
  payload = 0;
  /** One past the last captured payload byte, padding excluded. */
  payloadEnd = 0;
  /**
   * Payload bytes as sent: at least `payloadEnd - payload`, more where the capture was cut. Of a first UDP fragment it
   * is the length of the whole datagram.
   */
  length = 0;
  /** Netfilter hook number, set by the source; 0 in a capture. */
  hook = 0;
  /** Interface index it came in by, set by the source. */
  indev = 0;
  /** Interface index it will leave by, set by the source. */
  outdev = 0;
  /** Packet mark as a signed word, set by the source. */
  mark = 0;
  /** The first packet of a connection whose SYN was let by unseen, set by the source. */
  begun = false;
  /** {@link CHECKSUM_GOOD}, {@link CHECKSUM_UNVERIFIED} or {@link CHECKSUM_UNKNOWN}, set by the source. */
  checksum: 0 | 1 | 2 = CHECKSUM_GOOD;
  /** First 16 bits of the sender's MAC address, set by the source. */
  macHigh = 0;
  /** Last 32 bits of the sender's MAC address as a signed word; both 0 where unknown. */
  macLow = 0;

  /**
   * Decodes `bytes[start … end)`, which begins with the IP header. `wireLength` is the length from there on the wire,
   * more than captured where the capture was cut. Never throws, whatever the bytes; what the source sets (hook, devices,
   * mark, checksum, MAC) stays as it is.
   */
  decode(bytes: Uint8Array, view: DataView, start: number, end: number, wireLength: number): Outcome {
    this.bytes = bytes;
    this.view = view;
    this.start = start;
    this.end = end;
    this.family = 0;
    this.s0 =
      this.s1 =
      this.s2 =
      this.s3 =
        0;
    this.d0 =
      this.d1 =
      this.d2 =
      this.d3 =
        0;
    this.transport = 0;
    this.fragment = WHOLE;
    this.sport = 0;
    this.dport = 0;
    this.flags = 0;
    this.seq = 0;
    this.ack = 0;
    this.payload = this.payloadEnd = end;
    this.length = 0;
    if (start < 0 || end > bytes.length || end > view.byteLength || start >= end) {
      this.start =
        this.end =
        this.payload =
        this.payloadEnd =
          start;
      return BROKEN;
    }
    const captured = end - start;
    const wire = wireLength < captured ? captured : wireLength;
    const version = bytes[start]! >>> 4;
    if (version === 4) return decodeIPv4(this, start, end, start + wire);
    if (version === 6) return decodeIPv6(this, start, end, start + wire);
    return NOT_IP;
  }
}
