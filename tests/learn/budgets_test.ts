import assert from "node:assert/strict";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT, Packet } from "../../lib/wire/packet.ts";
import { Desk } from "../support/desk.ts";
import { decode, readEnd, udpPacket } from "../support/packets.ts";

/** An engine that is told of packets above budgets. */
class Scene {
  readonly desk = new Desk(CLASSIFIERS, '[network]\nhome = ["10.0.0.0/8"]\n[queue]\nclient_rate = 300\n');

  /** Packets from one end to another, with a MAC by its last bytes: 0 is none. */
  above(from: string, to: string, mac = 0, hook = HOOK_FORWARD): void {
    const packet = new Packet();
    decode(packet, udpPacket(readEnd(from), readEnd(to), Uint8Array.of(1)));
    [packet.hook, packet.macHigh, packet.macLow] = [hook, mac === 0 ? 0 : 0x0291, mac];
    this.desk.engine.budgets.above(packet);
  }

  wait(seconds: number): void {
    this.desk.engine.tick(this.desk.now += 1000 * seconds, 1_800_000_000_000);
  }

  get told(): unknown[] {
    return this.desk.events.splice(0).map(({ event, ...rest }) => {
      assert.equal(event, "over-budget");
      return rest;
    });
  }

  get seconds(): number {
    return this.desk.engine.budgets.seconds;
  }
}

Deno.test("who is above its budget is told once a minute, with the seconds, and each of them is counted", () => {
  const scene = new Scene();
  const client_rate = 300;
  for (let second = 0; second < 63; second++) {
    for (let packet = 0; packet < 10; packet++) scene.above("10.0.0.5:1", "192.0.2.1:2");
    scene.wait(1);
  }
  const told = { client: "10.0.0.5", direction: "from", client_rate };
  assert.deepEqual(scene.told, [{ ...told, seconds: 1 }, { ...told, seconds: 60 }]);
  assert.equal(scene.seconds, 63);
});

Deno.test("a machine with many addresses is one client, told by the last of them and its MAC", () => {
  const scene = new Scene();
  for (let name = 1; name < 255; name++) scene.above(`10.0.7.${name}:1`, "192.0.2.1:2", 0x11);
  // In a name from outside, and to the router itself.
  scene.above("192.0.2.9:1", "192.0.2.1:2", 0x11);
  scene.above("10.0.7.1:1", "10.0.0.1:53", 0x11, HOOK_INPUT);
  scene.above("10.0.7.1:1", "192.0.2.1:2", 0x12);
  const mac = (last: number) => ({ mac: `02:91:00:00:00:${last}`, direction: "from", client_rate: 300, seconds: 1 });
  assert.deepEqual(scene.told, [{ client: "10.0.7.1", ...mac(11) }, { client: "10.0.7.1", ...mac(12) }]);
  assert.equal(scene.seconds, 2);
});

Deno.test("what comes from outside, or from the router's own DNS, is told of the client that it goes to", () => {
  const scene = new Scene();
  scene.above("192.0.2.1:2", "10.0.0.5:1");
  scene.above("10.0.0.1:53", "10.0.0.6:1", 0, HOOK_OUTPUT);
  const rest = { direction: "to", client_rate: 300, seconds: 1 };
  assert.deepEqual(scene.told, [{ client: "10.0.0.5", ...rest }, { client: "10.0.0.6", ...rest }]);
});
