/**
 * Names for clients that the history does not keep by address: a hash with a secret of this machine, so that the same client
 * has the same name for weeks, and nobody who has the files without the secret can try all addresses.
 * @module
 */
import { sha256 } from "../policy/hash.ts";
import { writeAnew } from "../report/own_file.ts";

/** Bytes of the secret. */
const SECRET = 32;
/** Names that are remembered at once. */
const REMEMBERED = 4096;

/** Makes the names from the secret in `directory`, which is made where there is none. Throws where it cannot be. */
export function hashedNames(directory: string): (client: string) => string {
  const secret = readSecret(directory) ?? makeSecret(directory);
  return namesWith(secret);
}

/** The names that clients have where the history keeps them hashed; none where there is no secret, or it cannot be read. */
export function hashedNamesOf(directory: string, clients: readonly string[]): string[] {
  try {
    const secret = readSecret(directory);
    return secret === null ? [] : clients.map(namesWith(secret));
  } catch {
    return [];
  }
}

function namesWith(secret: string): (client: string) => string {
  const remembered = new Map<string, string>();
  return (client) => {
    const known = remembered.get(client);
    if (known !== undefined) return known;
    if (remembered.size >= REMEMBERED) remembered.clear();
    const name = `client-${sha256(`${secret} ${client}`).slice(0, 10)}`;
    remembered.set(client, name);
    return name;
  };
}

function readSecret(directory: string): string | null {
  try {
    const text = Deno.readTextFileSync(`${directory}/secret`).trim();
    return text.length === 2 * SECRET ? text : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function makeSecret(directory: string): string {
  const text = [...crypto.getRandomValues(new Uint8Array(SECRET))].map((b) => b.toString(16).padStart(2, "0")).join("");
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeAnew(`${directory}/secret`, `${text}\n`, 0o600);
  return text;
}
