/**
 * More clients on the LAN of a topology: each with a namespace and an address of its own, so that what is learned of one
 * says nothing of another.
 */
import { ADDRESSES, execute, type Host, LAN, type Topology } from "./topology.ts";

/** One more client. */
export interface Home {
  /** Stands wherever a host of the topology is asked for. */
  readonly name: Host;
  readonly v4: string;
}

/** See the module's text. Dispose of it before the topology. */
export class Homes implements AsyncDisposable {
  readonly #topology: Topology;
  readonly #homes: Home[] = [];

  /** On the LAN of this topology. */
  constructor(topology: Topology) {
    this.#topology = topology;
  }

  /** Adds a client at 10.91.1.20 and above. */
  async add(): Promise<Home> {
    const number = this.#homes.length;
    const name = `home${number}` as Host;
    const v4 = `10.91.1.${20 + number}`;
    const namespace = this.#topology.netns(name);
    const mac = `02:91:01:00:00:${(0x20 + number).toString(16)}`;
    const home = { name, v4 };
    this.#homes.push(home);
    await must(["ip", "netns", "add", namespace]);
    const router = this.#topology.netns("router");
    await batch(
      router,
      `link add home${number} type veth peer name eth0 netns ${namespace}`,
      `link set home${number} master ${LAN}`,
      `link set home${number} up`,
    );
    await batch(
      namespace,
      "link set lo up",
      `link set eth0 address ${mac}`,
      "link set eth0 up",
      `addr add ${v4}/24 dev eth0`,
      `route add default via ${ADDRESSES.router.v4}`,
    );
    return home;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name } of this.#homes) {
      const namespace = this.#topology.netns(name);
      const { stdout } = await execute(["ip", "netns", "pids", namespace]);
      for (const pid of stdout.split("\n").filter((line) => line !== "")) {
        try {
          Deno.kill(Number(pid), "SIGKILL");
        } catch {
          // It was quicker.
        }
      }
      await execute(["ip", "netns", "del", namespace]);
    }
  }
}

async function batch(namespace: string, ...commands: string[]): Promise<void> {
  await must(["ip", "-n", namespace, "-batch", "-"], commands.join("\n") + "\n");
}

async function must(command: readonly string[], stdin?: string): Promise<void> {
  const answer = await execute(command, stdin === undefined ? {} : { stdin });
  if (answer.code !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${answer.stderr}`);
}
