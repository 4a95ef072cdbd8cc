/**
 * Who is meant: clients by address, MAC or name, as they are now and as the history knows them.
 * @module
 */
import { hashedNamesOf } from "../history/hashed.ts";
import { readNamed } from "../history/read_history.ts";
import { formatAddress, formatMac, parseAddress, parseMac } from "../net/address.ts";
import { addConfigNames } from "../names/known_names.ts";
import { readNamesNow } from "../names/name_files.ts";
import { Names } from "../names/names.ts";
import { nearest } from "../policy/nearest.ts";
import { Failure, USAGE } from "../report/failure.ts";
import { loadAny } from "../daemon/load.ts";

/** The names that this machine knows now: those of the files and of the config. Where the config is wrong there are none. */
export function namesNow(config: string | undefined): Names {
  const loaded = loadAny(config);
  if (loaded.config === null) return new Names();
  const { names } = readNamesNow(loaded.config.names.files, Date.now());
  addConfigNames(names, loaded.config);
  return names;
}

/** An address or MAC in canonical form; null for anything else. */
function canonical(text: string): string | null {
  const words = parseAddress(text);
  if (words !== null) return formatAddress(...words);
  const mac = parseMac(text);
  return mac === null ? null : formatMac(...mac);
}

/**
 * The one client that is meant, by address, MAC or name. Throws a {@link Failure} where that is nobody, or where a name is
 * that of several: a client may call itself like another one.
 */
export function oneClient(text: string): string {
  const known = canonical(text);
  if (known !== null) return known;
  const names = namesNow(undefined);
  const found = names.find(text);
  if (found.length === 1) return found[0]!;
  throw new Failure(USAGE, found.length > 1 ? several(text, found) : nobody(text, names));
}

/** The clients that are meant, as the history in `directory` has them. Throws a {@link Failure} where that is nobody. */
export function clientsInHistory(text: string, directory: string, config: string | undefined): string[] {
  const known = canonical(text);
  const names = known === null ? namesNow(config) : new Names();
  const clients = new Set(known === null ? names.find(text) : [known]);
  for (const { client, name, mac } of readNamed(directory)) {
    if (mac !== "" && mac === known) clients.add(client);
    if (known !== null || name === "") continue;
    // One table for the names of now and of then, so that both are compared alike.
    const then = new Names();
    then.add({ name, address: client, mac: "" });
    if (then.find(text).length > 0) clients.add(client);
  }
  if (clients.size === 0) throw new Failure(USAGE, nobody(text, names));
  return [...clients, ...hashedNamesOf(directory, [...clients])];
}

function several(text: string, found: readonly string[]): string {
  return `Cannot tell which client "${text}" is: ${found.join(", ")} are called so. Name the address`;
}

function nobody(text: string, names: Names): string {
  const near = nearest(text, names.all());
  return `Cannot name the client "${
    text.slice(0, 64)
  }": expected an IPv4 or IPv6 address, a MAC, or a name that a lease ` +
    `or the config gives${near === undefined ? "" : `; did you mean "${near}"?`}`;
}
