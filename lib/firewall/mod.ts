/**
 * Firewall rules for nft and iptables: made as text, applied, removed, checked. See README.md in this folder.
 * @module
 */

export { checkOptions, type Marks, RULES_DEFAULTS, type RulesOptions, sortAddresses, type Sorted } from "./options.ts";
export { rulesText } from "./rules.ts";
export { type Applied, applyRules, type Checked, checkRules, removeRules, renewOffload } from "./apply.ts";
export { foreignQueueRule, type Inspected, inspectRules } from "./inspect.ts";
export { type Choice, chooseBackend, INSTALL_HINT } from "./backend.ts";
export type { IptablesFeatures } from "./iptables.ts";
export { SET_SIZE } from "./nft.ts";
export {
  ipsetCreateText,
  KernelSets,
  LIBRARY_PACE,
  type SetChange,
  type SetEntry,
  setsHold,
  type SetsPace,
  type SetsState,
  setsText,
  TOOL_PACE,
} from "./sets.ts";
export { FlowTimeouts } from "./flow_timeouts.ts";
export { findOffloads, type Offload } from "./offload.ts";
export { type Backend, FirewallError, type Ran, runCommand, type Runner } from "./run.ts";
export { flowDevices, listInterfaces, presentLan } from "./tools.ts";
