/**
 * Several engines over the same tables, as the daemon's threads have them, in one thread: packets go to the engine that their
 * address pair belongs to, as the kernel's queue balance has it.
 * @module
 */
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { Engine } from "../../lib/judge/engine.ts";
import type { TrafficEvent } from "../../lib/learn/event.ts";
import { TABLE_LOCK_BYTES, TableLock } from "../../lib/state/table_lock.ts";
import type { Policy } from "../../lib/policy/policy.ts";
import { SharedTableMemory } from "../../lib/state/table_memory.ts";
import { hashEndpoint } from "../../lib/state/hash.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import type { Outcome } from "../../lib/wire/outcome.ts";
import type { Packet } from "../../lib/wire/packet.ts";

/** See the module's text. The first engine is the one that owns the shared tables. */
export class EngineGroup {
  /** Events of all, as they come. */
  readonly events: TrafficEvent[] = [];
  /** The engines. */
  readonly engines: readonly Engine[];
  /** Packets that each was given. */
  readonly given: number[];

  constructor(policy: Policy, size: number, memory = 4 << 20) {
    const ground = new SharedTableMemory();
    const lockMemory = new SharedArrayBuffer(TABLE_LOCK_BYTES);
    const capacity = capacityFor(memory);
    const engines: Engine[] = [];
    for (let i = 0; i < size; i++) {
      const state = new State(capacity, 0x5eed, i === 0 ? ground : new SharedTableMemory(ground.blocks));
      engines.push(
        new Engine({
          policy,
          state,
          classifiers: CLASSIFIERS,
          emit: (event) => this.events.push(event),
          tableLock: new TableLock(lockMemory),
          ownsSharedTables: i === 0,
        }),
      );
    }
    this.engines = engines;
    this.given = engines.map(() => 0);
  }

  /** Lets time pass for all; ticks of the clock begin for all when they do for the first. */
  tick(now: number, wall: number): void {
    for (const engine of this.engines) {
      engine.hold(() => engine.tick(now, wall));
      engine.clock.origin = this.engines[0]!.clock.origin;
    }
  }

  /** Judges a packet on its engine. */
  judge(packet: Packet, outcome: Outcome, now: number): number {
    const { s0, s1, s2, s3, d0, d1, d2, d3 } = packet;
    const pair = hashEndpoint(s0, s1, s2, s3, 0, 7) ^ hashEndpoint(d0, d1, d2, d3, 0, 7);
    const i = (pair >>> 8) % this.engines.length;
    this.given[i]!++;
    return this.engines[i]!.hold(() => this.engines[i]!.judge(packet, outcome, now));
  }

  /** Puts a policy in force on all. */
  adopt(policy: Policy): void {
    for (const engine of this.engines) engine.hold(() => engine.adopt(policy));
  }
}
