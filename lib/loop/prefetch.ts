/**
 * Prefetches the flows of a burst into the processor's cache before its packets are judged one by one.
 *
 * With a million flows nearly every packet's flow is in no cache, and each search waits for memory. The addresses of a
 * whole burst are known before its first packet is judged: when all its flows are read at once, the waits overlap.
 * What is read here is only a hint; nothing is decided by it.
 * @module
 */
import type { FlowTable } from "../state/flow_table.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/transport.ts";

/** Flows from which on the table is larger than a core's own caches (96 bytes a flow). */
const MANY = 8192;
/** Most packets of a burst whose flows are prefetched. */
const MOST = 64;
/** Bytes of the longest headers read here: IPv6 without extensions, and ports. */
const HEADERS = 44;

/** See the module's text. */
export class Prefetcher {
  /** Result of the last reads. It means nothing, see {@link FlowTable.warm}. */
  kept = 0;
  readonly #flows: FlowTable;
  readonly #hashes: Int32Array = new Int32Array(MOST);
  /** Which packet of the burst each hash is of. */
  readonly #packets: Int32Array = new Int32Array(MOST);
  readonly #rows: Int32Array = new Int32Array(MOST);
  #count = 0;

  /** Prefetches from this table. */
  constructor(flows: FlowTable) {
    this.#flows = flows;
  }

  /** False where the flows are so few that the caches hold them. */
  get useful(): boolean {
    return this.#flows.count > MANY;
  }

  /** Adds packet `number` of the burst (0 … {@link MOST} - 1), whose IP header is expected at `at`. */
  add(number: number, view: DataView, at: number): void {
    if (at + HEADERS > view.byteLength) return;
    this.#packets[this.#count] = number;
    const first = view.getUint8(at);
    if (first === 0x45) {
      const transport = view.getUint8(at + 9);
      if (transport !== PROTOCOL_TCP && transport !== PROTOCOL_UDP) return;
      this.#hashes[this.#count++] = this.#flows.hash(
        transport === PROTOCOL_TCP ? 1 : 0,
        0,
        0,
        0xffff,
        view.getInt32(at + 12),
        0,
        0,
        0xffff,
        view.getInt32(at + 16),
        view.getUint16(at + 20),
        view.getUint16(at + 22),
      );
    } else if (first >>> 4 === 6) {
      const transport = view.getUint8(at + 6);
      if (transport !== PROTOCOL_TCP && transport !== PROTOCOL_UDP) return;
      this.#hashes[this.#count++] = this.#flows.hash(
        transport === PROTOCOL_TCP ? 1 : 0,
        view.getInt32(at + 8),
        view.getInt32(at + 12),
        view.getInt32(at + 16),
        view.getInt32(at + 20),
        view.getInt32(at + 24),
        view.getInt32(at + 28),
        view.getInt32(at + 32),
        view.getInt32(at + 36),
        view.getUint16(at + 40),
        view.getUint16(at + 42),
      );
    }
  }

  /** Reads the flows of all packets added, for each of which {@link hint} answers then. */
  fetch(): void {
    this.#rows.fill(-1);
    if (this.#count > 0) this.kept = this.#flows.warm(this.#hashes, this.#count);
    for (let i = 0; i < this.#count; i++) this.#rows[this.#packets[i]!] = this.#hashes[i]!;
    this.#count = 0;
  }

  /** Where the flow of packet `number` most likely is, see {@link FlowTable.hint}. */
  hint(number: number): number {
    return this.#rows[number]!;
  }
}
