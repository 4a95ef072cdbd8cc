/**
 * The token of the page, in its file.
 * @module
 */
import { errorText } from "../net/error_text.ts";

const LEAST_TOKEN = 20;
/** Most characters of a token. */
export const LONGEST_TOKEN = 1024;

/** The token as its file has it now, or why there is none. */
export type Token = { readonly token: string } | { readonly why: string; readonly missing?: true };

/** Reads the token. Never throws. */
export function readToken(path: string): Token {
  if (path === "") return { why: "[web] token_file is empty" };
  try {
    using file = Deno.openSync(path);
    const { mode, isFile } = file.statSync();
    if (!isFile) return { why: `"${path}" is no file` };
    if (((mode ?? 0) & 0o077) !== 0) return { why: `others may read "${path}"; run: chmod 600 ${path}` };
    const bytes = new Uint8Array(LONGEST_TOKEN);
    const token = new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0)).trim();
    if (token.length < LEAST_TOKEN) return { why: `the token in "${path}" is shorter than ${LEAST_TOKEN} characters` };
    return { token };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { why: `there is no "${path}"`, missing: true };
    return { why: `"${path}" cannot be read: ${errorText(error)}` };
  }
}
