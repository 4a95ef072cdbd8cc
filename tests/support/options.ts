/**
 * Options of the stand-alone programs that live tests start.
 * @module
 */

/** Reads `--name value` pairs; a name that is not in `known` is an error. */
export function readOptions(args: readonly string[], known: Readonly<Record<string, string>>): Record<string, string> {
  const options: Record<string, string> = { ...known };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]!.replace(/^--/, "");
    const value = args[i + 1];
    if (!(name in known) || value === undefined) throw new TypeError(`Cannot read option "${args[i]}": value ${value}`);
    options[name] = value;
  }
  return options;
}

/** An address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Reads `a.b.c.d:port,[v6]:port,…`; a last part `.10-19` stands for ten addresses. */
export function readEndpoints(text: string): Endpoint[] {
  return text.split(",").filter((part) => part !== "").flatMap((part) => {
    const match = /^\[?([^\]]*?)\]?:(\d+)$/.exec(part);
    if (match === null) throw new TypeError(`Cannot read endpoint "${part}": no port`);
    const [, address, port] = match;
    const range = /^(.*\.)(\d+)-(\d+)$/.exec(address!);
    if (range === null) return [{ address: address!, port: Number(port) }];
    const [, net, first, last] = range;
    const endpoints: Endpoint[] = [];
    for (let host = Number(first); host <= Number(last); host++) {
      endpoints.push({ address: `${net}${host}`, port: Number(port) });
    }
    return endpoints;
  });
}

/** One JSON line on stdout, with the milliseconds since the program began. */
export function tell(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  const line = JSON.stringify({ ms: Math.round(performance.now()), event, ...fields });
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}
