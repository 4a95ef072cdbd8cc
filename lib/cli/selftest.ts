/**
 * `ftwall selftest`: a harmless ping through the real rules, and the lines that came of it.
 * @module
 */
import { pause } from "../net/timer.ts";
import { loadAny } from "../daemon/load.ts";
import { formatAddress, parseAddress } from "../net/address.ts";
import type { Config } from "../policy/config.ts";
import { zoneClock } from "../policy/week.ts";
import { PROTOCOLS } from "../protocol/mod.ts";
import type { Remembered } from "../report/history.ts";
import { formatText } from "../report/event_format.ts";
import { DONE, FAILED, Failure, MISSING } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONTROL } from "./options.ts";
import { mayAdministrate } from "./permission.ts";
import type { SelfTestScene } from "./selftest_scene.ts";

/** Milliseconds to wait for what comes of the ping, and between two pings. */
const PATIENCE = 5000;
const AGAIN = 1000;
/** Milliseconds for which what follows the first event is waited for. */
const FOLLOWS = 300;

/** The command. */
export const selftest: Command = command({
  text: "send a harmless ping of file sharing through the rules in force, and show what the running ftwall logs of it",
  options: { control: CONTROL },
  after:
    `The ping comes from a network namespace that is made for it, with an address of [network] home that nobody has, and goes
to another one, where it ends: nothing leaves this machine. All of it is taken away again, and the lock released.
Needs root and ip(8) of iproute2. Exit codes: 0 recognised, 1 not recognised, 3 something needed is missing.`,
  async run({ control }) {
    // The child that sends, within the namespace.
    const wanted = Deno.env.get(SEND);
    if (wanted !== undefined) {
      const { sendPing } = await import("./selftest_ping.ts");
      sendPing(wanted);
      return DONE;
    }
    return await test(control);
  },
});

/** Tells the child what to send. */
export const SEND = "FTWALL_SELFTEST_SEND";

async function test(control: string): Promise<number> {
  const status = await ask(control, { command: "status" });
  if (!mayAdministrate()) throw new Failure(MISSING, "Cannot make a network namespace: no permission. Run as root");
  const { config } = loadAny(status.config.path ?? undefined);
  if (config === null) {
    throw new Failure(MISSING, "Cannot tell what is home: the config has errors. ftwall check lists them");
  }
  const { SelfTestScene } = await import("./selftest_scene.ts");
  const { runCommand } = await import("../firewall/mod.ts");
  const interrupt = Promise.withResolvers<never>();
  // Awaited in the race below alone.
  interrupt.promise.catch(() => {});
  const stop = () => interrupt.reject(new Failure(FAILED, "Interrupted: what was made for the test is taken away"));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  try {
    const scene = new SelfTestScene(runCommand, config.network.lan);
    await using _ = scene;
    return await Promise.race([interrupt.promise, pass(scene, config, control)]);
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
  }
}

async function pass(
  scene: SelfTestScene,
  config: Config,
  control: string,
): Promise<number> {
  // Of what is switched off nothing would be told.
  const on = new Set(config.protocols.filter(({ action }) => action !== "off").map(({ name }) => name));
  const protocol = PROTOCOLS.find(({ name, probe }) => probe !== undefined && on.has(name));
  if (protocol === undefined) {
    throw new Failure(
      FAILED,
      "Nothing can be shown: the protocols whose ping the test has are switched off in the config",
    );
  }
  const client = await findClient(scene, config, control);
  const before = await ask(control, { command: "status" });
  await scene.build(client);
  scene.onRemove(async () => {
    // What the last ping leads to comes before.
    await pause(FOLLOWS);
    // A lock that was left would meet whoever gets this address next. That there is none is as good.
    await ask(control, { command: "unlock", client, reason: "selftest" }).catch(() => {});
  });
  const seen = await pings(() => scene.send(protocol.name), client, control);
  print(
    `A ping of ${protocol.title} from ${client}, an address that nobody has, to ${scene.peer} came in ${scene.way} and met the rules.`,
  );
  if (seen.length === 0) {
    const after = await ask(control, { command: "status" });
    const came = after.counters.packets > before.counters.packets;
    throw new Failure(
      FAILED,
      "Nothing came of it within 5 s: " +
        (came
          ? "ftwall judged packets: is the protocol off at this hour, by [[schedule]], or for this client, by [[clients]]?"
          : "no packet reached ftwall, so look at what ftwall doctor says of the rules, and at other firewall rules"),
    );
  }
  const clock = zoneClock(config.timezone);
  print(
    "The log has:",
    ...seen.map(({ time, event }) => `  ${formatText(event, Date.parse(time), before.dry_run, clock)}`),
  );
  print(
    before.dry_run
      ? "It was recognised; as this is a dry run it was let through, and nobody was refused anything"
      : "It was recognised, and done with as the config says; the lock, if any, is released now",
  );
  if (scene.limits !== "") print(scene.limits);
  return DONE;
}

/** Pings until something is told of the client, at most {@link PATIENCE}; answers all that was told. */
async function pings(
  send: () => Promise<void>,
  client: string,
  control: string,
): Promise<readonly Remembered[]> {
  const told = async () => (await ask(control, { command: "explain", client })).history;
  const end = performance.now() + PATIENCE;
  while (performance.now() < end) {
    await send();
    const next = performance.now() + AGAIN;
    while (performance.now() < next) {
      await pause(100);
      if ((await told()).length > 0) {
        await pause(FOLLOWS);
        return await told();
      }
    }
  }
  return [];
}

/** An address of home that nobody has, and of which ftwall knows nothing. Throws a {@link Failure}. */
async function findClient(
  scene: SelfTestScene,
  config: Config,
  control: string,
): Promise<string> {
  for (const candidate of candidates(config.network.home, Math.random)) {
    const { home, exempt, allowed_until, lock, history } = await ask(control, {
      command: "explain",
      client: candidate,
    });
    const known = lock !== null || history.length > 0 || allowed_until !== undefined;
    if (home && !exempt && !known && await scene.isFree(candidate)) return candidate;
  }
  throw new Failure(
    FAILED,
    "Cannot find an IPv4 address of [network] home that nobody has and that is not exempt; the test needs one",
  );
}

/** Up to 32 addresses out of the IPv4 prefixes of home, drawn by `random` (0 to 1), no network or broadcast address. */
export function candidates(home: readonly string[], random: () => number): string[] {
  const found: string[] = [];
  for (const prefix of home) {
    const [address = "", length = "32"] = prefix.split("/");
    const words = parseAddress(address);
    const bits = Number(length);
    if (words === null || address.includes(":") || bits > 30) continue;
    const size = 2 ** (32 - bits);
    for (let i = 0; i < 8 && found.length < 32; i++) {
      const host = 1 + Math.floor(random() * (size - 2));
      found.push(formatAddress(0, 0, 0xffff, (words[3] + host) | 0));
    }
  }
  return found;
}
