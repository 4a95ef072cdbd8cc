/**
 * Taking flows back from FLOWOFFLOAD, the target of OpenWrt's iptables. It has one flowtable for the whole kernel, which no
 * rule can empty; to delete the connection of a flow takes it out, but breaks it where its addresses are translated. What takes
 * a flow out and leaves its connection alone is its timeout, which each packet sets anew: where that is 0, the kernel takes the
 * flow out when it next looks, once a second.
 * @module
 */
import { FirewallError, reason, type Runner } from "./run.ts";

const PATHS = ["tcp", "udp"].map((transport) => `/proc/sys/net/netfilter/nf_flowtable_${transport}_timeout`);
/** Seconds that the kernel has by itself; put back also where a ftwall that was killed left 0. */
const USUAL = 30;
/** Milliseconds after a timeout until the kernel has looked. */
const LOOK = 2000;

/** Why these timeouts cannot be changed here; empty where they can. Changes nothing: ftwall may be at it. */
export async function flowTimeoutsFixed(run: Runner): Promise<string> {
  if (await read(run) === null) {
    return "this kernel (before Linux 5.14) has no timeouts by which a reload could take flows back";
  }
  const { code } = await run("test", PATHS.flatMap((path, at) => [...(at === 0 ? [] : ["-a"]), "-w", path]));
  return code === 0
    ? ""
    : "the sysctls net.netfilter.nf_flowtable_*, by which a reload takes flows back, cannot be written";
}

async function read(run: Runner): Promise<number[] | null> {
  const { code, stdout } = await run("cat", PATHS);
  return code === 0 ? stdout.trim().split(/\s+/).map(Number) : null;
}

/** Keeps what the timeouts were while they are 0. */
export class FlowTimeouts {
  readonly #run: Runner;
  #were: readonly number[] | null = null;
  #used = false;

  /** Asks nothing of the kernel yet. */
  constructor(run: Runner) {
    this.#run = run;
  }

  /** Whether there may have been rules of ours that offload by iptables: flows outlast them. */
  get used(): boolean {
    return this.#used;
  }

  /** For a start: looks whether rules of ours offload, and answers whether a ftwall that was killed left the timeouts at 0. */
  async left(): Promise<boolean> {
    await this.#look();
    return this.#used && (await read(this.#run))?.includes(0) === true;
  }

  /**
   * Has every offloaded flow forwarded by the long way again, a second or two after its next packet at the latest. Answers for
   * how many milliseconds it must stay so, until {@link restore}: then flows that are silent meanwhile are out, too. 0 where
   * no rules of ours offload by iptables. Throws a FirewallError where the kernel does not let it.
   */
  async expire(): Promise<number> {
    await this.#look();
    if (!this.#used) return 0;
    this.#were ??= (await read(this.#run))?.map((seconds) => seconds || USUAL) ?? null;
    if (this.#were === null) return 0;
    await this.#write(() => 0);
    return Math.max(...this.#were) * 1000 + LOOK;
  }

  /** Puts back what there was; does nothing where nothing was changed. Throws a FirewallError. */
  async restore(): Promise<void> {
    const were = this.#were;
    this.#were = null;
    if (were !== null) await this.#write((at) => were[at]!);
  }

  async #look(): Promise<void> {
    const rules = await this.#run("iptables", ["-w", "5", "-t", "mangle", "-S"]);
    this.#used ||= rules.code !== 0 || rules.stdout.includes("ftwall_shortcut -j FLOWOFFLOAD");
  }

  async #write(seconds: (at: number) => number): Promise<void> {
    for (const [at, path] of PATHS.entries()) {
      const answer = await this.#run("tee", [path], `${seconds(at)}\n`);
      if (answer.code !== 0) throw new FirewallError(`Cannot take offloaded flows back: ${reason(answer)}`);
    }
  }
}
