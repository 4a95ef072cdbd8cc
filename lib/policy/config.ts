/**
 * The configuration as data: what the loader makes of `ftwall.toml`. Every key is present, defaults are filled in. What the
 * keys mean, and the units of their values, stands in `schema.ts`, from which these types follow.
 * @module
 */
import type { Values } from "./field.ts";
import type { CLIENTS, NOTIFY, OVERRIDE, PROTOCOL, SCHEDULE, SectionName, SECTIONS, TOP } from "./schema.ts";

export type { QueueNumbers, Slot } from "./spelling.ts";

/** What is done about a protocol. */
export type ActionName = ProtocolConfig["action"];
/** The least certainty that acts. */
export type RequireName = ProtocolConfig["require"];

/** The tables with fixed keys. */
export type SectionConfigs = { readonly [K in SectionName]: Values<(typeof SECTIONS)[K]["fields"]> };

/** `[protocols.NAME]` */
export interface ProtocolConfig extends Values<typeof PROTOCOL> {
  /** Name of the protocol. */
  readonly name: string;
}

/** What a group or a schedule may override of a protocol; `null` where it is silent. */
export interface ProtocolOverride extends Values<typeof OVERRIDE> {
  /** Name of the protocol. */
  readonly name: string;
}

/** `[[clients]]` */
export interface ClientsConfig extends Values<typeof CLIENTS> {
  /** What is overridden, in protocol order. */
  readonly protocols: readonly ProtocolOverride[];
}

/** `[[schedule]]` */
export interface ScheduleConfig extends Values<typeof SCHEDULE> {
  /** What is overridden, in protocol order. */
  readonly protocols: readonly ProtocolOverride[];
}

/** `[[notify]]` */
export type NotifyConfig = Values<typeof NOTIFY>;

/** The whole configuration. Deeply frozen by the loader. */
export interface Config extends Values<typeof TOP>, SectionConfigs {
  /** In the order that the caller gave; the index is the protocol number of a Policy. */
  readonly protocols: readonly ProtocolConfig[];
  /** `[[clients]]`, in the order of matching. */
  readonly clients: readonly ClientsConfig[];
  /** `[[schedule]]`, the first prevails. */
  readonly schedule: readonly ScheduleConfig[];
  /** `[[notify]]` */
  readonly notify: readonly NotifyConfig[];
}

/** The defaults of a protocol. The loader takes a list of them, whose order gives the protocol numbers. */
export type ProtocolDefaults = Omit<ProtocolConfig, "lock">;
