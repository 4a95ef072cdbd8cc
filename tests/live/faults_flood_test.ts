/** What a hostile machine sends in the name of others: its neighbours go on, and are not locked for it. */
import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { figure } from "./figure.ts";
import { Flood } from "./load.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, type Host, Topology } from "./topology.ts";

const named = missing([["gcc", "gcc"]]);
const { client1, client2, server } = ADDRESSES;

/** Packets a second, where the machine can. */
const RATE = Number(Deno.env.get("FTWALL_FLOOD") ?? 50_000);

interface Answer {
  readonly result: { readonly locks: readonly unknown[] };
}

/** Milliseconds that status may take longer than a program beside it that has nothing else to do. */
const STATUS_MS = 1000;

/** What one answers who is asked for the status at a socket, and after how many ms: a program would first have to start. */
async function statusOf(path: string): Promise<{ readonly answer: Partial<Answer>; readonly took: number }> {
  const asked = performance.now();
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode('{"command":"status"}\n'));
  let text = "";
  const decoder = new TextDecoder();
  const piece = new Uint8Array(65536);
  while (!text.endsWith("\n")) {
    const count = await connection.read(piece);
    assert.ok(count !== null, `the answer ends: ${text.slice(-80)}`);
    text += decoder.decode(piece.subarray(0, count), { stream: true });
  }
  return { answer: JSON.parse(text) as Partial<Answer>, took: performance.now() - asked };
}

/**
 * The promptest of three answers. Who has no processor is late himself: an idle program is asked at the same time, and what
 * counts is how much later status comes.
 */
async function promptest(control: string, beside: string) {
  let best;
  for (let i = 0; i < 3; i++) {
    const [status, idler] = await Promise.all([statusOf(control), statusOf(beside)]);
    if (best === undefined || status.took - idler.took < best.status.took - best.idler.took) best = { status, idler };
  }
  return best!;
}

Deno.test({
  ...named("a flood of each kind costs a neighbour no answer, locks no more than 256, and status still answers"),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "fl", believing: true });
    await flood.echo(topology);
    await using daemon = await RouterDaemon.start(topology);
    const beside = `${daemon.dir}/line.sock`;
    await topology.start("router", flood.command("line", beside)).prints("ready");
    const ask = () => flood.ask(topology, 4000, 150);
    const idle = await ask();
    assert.equal(idle.answered, idle.asked);
    for (const kind of ["ping", "announce", "dht", "syn", "dns", "fragment", "flow"]) {
      const running = flood.start(topology, kind, RATE);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const asking = promptest(daemon.control, beside);
      const during = await ask();
      const { status, idler } = await asking;
      await running.status;
      figure(
        `${kind}: ${running.stdout.trim()}, neighbour's median ${during.median_us} µs, ${idle.median_us} µs without, ` +
          `${during.asked - during.answered} of ${during.asked} lost; ` +
          `status after ${status.took.toFixed(0)} ms, an idle program's line after ${idler.took.toFixed(0)}`,
      );
      // What the kernel drops for want of a processor is not ftwall's; ftwall refuses none of it.
      assert.ok(during.answered >= 0.9 * during.asked, JSON.stringify(during));
      const locks = status.answer.result!.locks.length;
      assert.ok(locks <= 256, `${locks} locks`);
      assert.ok(
        status.took - idler.took < STATUS_MS,
        `status took ${status.took} ms, ${idler.took} beside it, under ${kind}`,
      );
      await topology.run("router", ["conntrack", "-F"]);
    }
  },
});

Deno.test({
  ...named("with require_neighbour a machine is locked for what it sends, and not for what is sent in its name"),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "fl", believing: true });
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, { config: "[lock]\nrequire_neighbour = true\n" });
    const page = async (host: Host) =>
      (await topology.run(host, ["curl", "-s", "-m", "5", "-o", "/dev/null", `http://${server.v4}/500`])).code === 0;
    // Now the kernel knows both.
    assert.deepEqual([await page("client1"), await page("client2")], [true, true]);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await topology.must("client1", flood.command("send", "ping", client2.v4, server.v4, 50, 1));
    await topology.must("client1", flood.command("send", "ping", "10.91.1.99", server.v4, 50, 1));
    const detected = (await daemon.status()).counters.refused;
    assert.ok(detected > 50, `${detected} refused`);
    assert.deepEqual((await daemon.status()).locks, []);
    assert.ok(await page("client2"));
    await topology.must(
      "client1",
      program("traffic.ts", "send", 4000, server.v4, 1214, "2700000029804b615a614100", 20),
    );
    await daemon.sees({ event: "locked", client: client1.v4 });
    assert.deepEqual([await page("client1"), await page("client2")], [false, true]);
  },
});
