/**
 * From the config to what the firewall rules are made from.
 * @module
 */
import { RULES_DEFAULTS, type RulesOptions } from "../firewall/options.ts";
import type { Config } from "../policy/config.ts";
import type { QueueNumbers } from "../policy/config.ts";

/** Options for the rules of this config; `queues` overrides its queue numbers. */
export function rulesOptions(config: Config, queues?: QueueNumbers): RulesOptions {
  const { queue, network, lock } = config;
  const numbers = queues ?? queue.numbers;
  return {
    ...RULES_DEFAULTS,
    lan: network.lan,
    home: network.home,
    exempt: network.exempt,
    queues: [numbers.first, numbers.last],
    failOpen: queue.fail === "open",
    packetsTcp: queue.packetsTcp,
    packetsUdp: queue.packetsUdp,
    mark: {
      mask: queue.mask,
      accepted: queue.mark,
      refused: queue.refuseMark,
      own: freeMark(queue.mask, queue.mark, queue.refuseMark),
    },
    refuse: lock.refuse,
    sets: lock.kernelSets !== "off",
    cut: lock.cut,
  };
}

/** The least value under the mask that the config gives no other meaning: marks what ftwall sends itself. */
function freeMark(mask: number, accepted: number, refused: number): number {
  const unit = mask & -mask;
  for (let value = unit; value <= mask; value += unit) {
    if (value !== accepted && value !== refused) return value;
  }
  return mask;
}

/** Whether both configs make the same rules. */
export function sameRules(before: Config, after: Config): boolean {
  return JSON.stringify(rulesOptions(before)) === JSON.stringify(rulesOptions(after));
}
