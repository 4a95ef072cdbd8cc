/** What the live tests of the rules share: the consumer, the echo server, the back ends that work here. */
import assert from "node:assert/strict";
import {
  applyRules,
  type Backend,
  type Checked,
  chooseBackend,
  RULES_DEFAULTS,
  type RulesOptions,
  runCommand,
} from "../../lib/firewall/mod.ts";
import { ADDRESSES, type Background, execute, hasTool, type Host, LAN, skipReason, Topology } from "./topology.ts";

/** Rules for the topology's LAN, without the sample, so that packets can be counted. */
export const OPTIONS: RulesOptions = { ...RULES_DEFAULTS, lan: [LAN], sample: 0 };
const { mask } = OPTIONS.mark;
/** The program that talks over sockets. */
export const TALK = new URL("talk.ts", import.meta.url).pathname;

/** Why nothing here can run, or null. */
export const cannot = skipReason(["ip", "iptables", "ipset", "conntrack"]);
const cannotJudge = cannot ?? (hasTool("gcc") ? null : "no gcc");
/** Back ends that work on this kernel, by trial. */
export const backends: Backend[] = [];
if (cannot === null) {
  for (const backend of ["nft", "iptables"] as const) {
    try {
      await chooseBackend(runCommand, backend);
      backends.push(backend);
    } catch {
      // This kernel or machine cannot: the test names then say which back end they ran with.
    }
  }
}
/** Why tests with a consumer cannot run, or null. */
export const noBackend = cannotJudge ?? (backends.length > 0 ? null : "no back end works");

/** A test's name, with the reason where it is skipped. */
export function named(text: string, reason: string | null): { name: string; ignore: boolean } {
  return { name: reason === null ? text : `${text} (skipped: ${reason})`, ignore: reason !== null };
}

/** The compiled consumer; built once for all tests of a run, removed with the directory it is in. */
let judgeDir: string | null = null;

/** Removes what the scenes built. */
export function clearScenes(): void {
  if (judgeDir !== null) Deno.removeSync(judgeDir, { recursive: true });
  judgeDir = null;
}

async function judgePath(): Promise<string> {
  if (judgeDir === null) {
    judgeDir = Deno.makeTempDirSync({ prefix: "ftwall-judge-" });
    const source = new URL("judge.c", import.meta.url).pathname;
    const built = await execute(["gcc", "-O2", "-w", "-o", `${judgeDir}/judge`, source, "-lnetfilter_queue"]);
    assert.equal(built.code, 0, built.stderr);
  }
  return `${judgeDir}/judge`;
}

/** What {@link scene} makes. */
export interface Scene {
  readonly topology: Topology;
  readonly judge: Background;
  readonly echo: Background;
  /** Packets that were forwarded by way of the queue, once all that were sent until now have been judged. */
  readonly forwarded: () => Promise<number>;
  /** The same as the consumer's lines, of every hook. */
  readonly lines: () => Promise<string[]>;
}

/** A topology with an echo server outside, the rules in force and, unless told otherwise, the consumer listening. */
export async function scene(
  backend: Backend,
  options: RulesOptions,
  { masquerade = false, listen = true }: { masquerade?: boolean; listen?: boolean } = {},
): Promise<Scene & AsyncDisposable> {
  const path = await judgePath();
  const topology = await Topology.create({ masquerade });
  const dispose = () => topology[Symbol.asyncDispose]();
  try {
    const echo = topology.start("server", [Deno.execPath(), "run", "-A", "--no-check", TALK, "echo", "4000"]);
    await applyRules(backend, options, topology.runner("router"));
    const words = [
      String(options.queues[0]),
      String(mask),
      String(options.mark.accepted),
      String(options.mark.refused),
    ];
    const judge = topology.start("router", listen ? [path, ...words] : ["true"]);
    if (listen) await judge.prints("ready");
    await echo.prints("ready");
    let fences = 0;
    const lines = async () => {
      // The queue is in order: what client2 sends now is judged after everything else.
      const fence = `fence${++fences}.`;
      await topology.must("client2", ["bash", "-c", `printf ${fence} >/dev/udp/${ADDRESSES.server.v6}/4000`]);
      await judge.prints(fence);
      return judge.stdout.split("\n").filter((line) => line.startsWith("hook="));
    };
    const forwarded = async () => (await lines()).filter((line) => line.startsWith("hook=2 ")).length;
    return { topology, judge, echo, forwarded, lines, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Runs the talker in a host; resolves to the number of answers and the error that ended it. */
export async function talk(
  topology: Topology,
  host: Host,
  ...words: (string | number)[]
): Promise<[number, string | null]> {
  const command = [Deno.execPath(), "run", "-A", "--no-check", TALK, ...words.map(String)];
  const { answers, error } = JSON.parse(await topology.must(host, command)) as {
    answers: number;
    error: string | null;
  };
  return [answers, error];
}

/** Of what was checked, the part that does not depend on the options. */
export function inShort({ backend, present, differs }: Checked): Pick<Checked, "backend" | "present" | "differs"> {
  return { backend, present, differs };
}
