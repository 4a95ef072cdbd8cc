/**
 * Everyday traffic through the router, as it is seen by those who surf while ftwall is at work.
 */
import assert from "node:assert/strict";
import { ADDRESSES, type Background, type Host, type Topology } from "./topology.ts";

/** Runs a program of this folder or of tests/support. */
export function program(path: string, ...args: readonly (string | number)[]): string[] {
  const file = new URL(path, import.meta.url).pathname;
  return [Deno.execPath(), "run", "-A", "--no-check", "--cached-only", "--no-config", file, ...args.map(String)];
}

/** A line of traffic.ts. */
export interface TrafficLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly [field: string]: unknown;
}

/** The complete JSON lines that a program has told. */
export function told(background: Background): TrafficLine[] {
  const text = background.stdout;
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as TrafficLine);
}

/** Starts the everyday servers on the server and waits for them. */
export async function serve(topology: Topology): Promise<Background> {
  const server = topology.start("server", program("traffic.ts", "serve", ADDRESSES.server.v4, ADDRESSES.server.v6));
  await server.prints('"ready"');
  return server;
}

/** A machine that surfs over IPv4 or IPv6, about ten times a second. */
export class Surfer {
  readonly #background: Background;

  constructor(topology: Topology, host: Host, family: 4 | 6, bytes = 20_000, patience = 2000) {
    const address = family === 4 ? ADDRESSES.server.v4 : `[${ADDRESSES.server.v6}]`;
    this.#background = topology.start(
      host,
      program("traffic.ts", "surf", `http://${address}/${bytes}`, 100, patience),
    );
  }

  /** How many pages came, and how many did not, of those begun between two times. */
  count(from = 0, to = Infinity): { ok: number; failed: number; hashes: number } {
    const lines = told(this.#background).filter((line) => {
      const begun = line["begun"] as number;
      return begun >= from && begun <= to;
    });
    return {
      ok: lines.filter((line) => line["ok"] === true).length,
      failed: lines.filter((line) => line["ok"] === false).length,
      hashes: new Set(lines.filter((line) => line["ok"] === true).map((line) => line["hash"])).size,
    };
  }

  /** When the first page came that was begun after a time. */
  firstAfter(time: number): number | null {
    const line = told(this.#background).find((line) => line["ok"] === true && (line["begun"] as number) >= time);
    return line === undefined ? null : line.at;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#background.stop("SIGKILL");
  }
}

/** Somebody who surfs over both families, resolves names and is logged in, all the time. */
export class Bystander {
  readonly #surfers: readonly [Surfer, Surfer];
  readonly #streams: readonly Background[];
  readonly #resolver: Background | null;

  private constructor(surfers: readonly [Surfer, Surfer], streams: readonly Background[], resolver: Background | null) {
    this.#surfers = surfers;
    this.#streams = streams;
    this.#resolver = resolver;
  }

  /** Begins, and waits until both logins stand. `name` is resolved at the server, where one is given. */
  static async start(topology: Topology, host: Host, name: string | null = null): Promise<Bystander> {
    const { server } = ADDRESSES;
    const surfers = [new Surfer(topology, host, 4), new Surfer(topology, host, 6)] as const;
    const streams = [server.v4, server.v6].map((address) =>
      topology.start(host, program("traffic.ts", "stream", address, 50))
    );
    const resolver = name === null
      ? null
      : topology.start(host, program("traffic.ts", "resolve", server.v4, name, "A", 200));
    for (const stream of streams) await stream.prints('"ready"');
    return new Bystander(surfers, streams, resolver);
  }

  /** Fails unless nothing at all was lost. */
  check(least: number): string {
    const found: string[] = [];
    for (const [at, surfer] of this.#surfers.entries()) {
      const { ok, failed, hashes } = surfer.count();
      assert.equal(failed, 0, `IPv${at === 0 ? 4 : 6}: ${failed} of ${ok + failed} pages did not come`);
      assert.equal(hashes, 1, "pages differ");
      assert.ok(ok >= least, `only ${ok} pages`);
      found.push(`${ok} pages`);
    }
    for (const stream of this.#streams) {
      const lines = told(stream);
      assert.deepEqual(lines.filter((line) => line["error"] !== undefined || line["event"] === "closed"), []);
      const echoes = lines.filter((line) => line["echoed"] !== undefined);
      echoes.forEach((line, at) => assert.equal(line["echoed"], at, "an echo is missing"));
      const last = echoes.at(-1);
      assert.ok(last !== undefined && echoes.length >= least, `only ${echoes.length} echoes`);
      // Twenty a second are sent: what is under way is a fraction of a second old.
      assert.ok(Date.now() - last.at < 2000, `the login is stuck since ${Date.now() - last.at} ms`);
      found.push(`${echoes.length} echoes`);
    }
    if (this.#resolver !== null) {
      const lines = told(this.#resolver);
      assert.deepEqual(lines.filter((line) => line["ok"] !== true), [], "a name was not resolved");
      assert.ok(lines.length >= least / 2, `only ${lines.length} names`);
      found.push(`${lines.length} names`);
    }
    return found.join(", ");
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const all = [...this.#streams, ...(this.#resolver === null ? [] : [this.#resolver])];
    await Promise.all([...this.#surfers.map((one) => one.stop()), ...all.map((one) => one.stop("SIGKILL"))]);
  }
}
