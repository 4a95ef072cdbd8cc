/**
 * Judges golden packets until all is compiled, collects garbage once, and judges more. Run with
 * `--v8-flags=--trace-deopt,--expose-gc,--trace-gc`: V8 prints what it had to give up, and the collection between, in order. `--surprise` meets a packet of another shape of object behind the line, to show that the measure can tell.
 * @module
 */
import { OK } from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { GoldenRun } from "./golden_run.ts";

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("Cannot mark the line: run with --v8-flags=--expose-gc");

class Surprise extends Packet {
  readonly more = 1;
}

const golden = new GoldenRun();
// Long enough that what is met once in some hundred thousand packets was met, and that what is remembered of a client for ten
// minutes was forgotten once: then its flows take other ways.
golden.run(3_000_000);
collect();
if (Deno.args.includes("--surprise")) {
  const packet = new Surprise();
  const bytes = new Uint8Array(28);
  bytes.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 57, 1, 1, 1, 4, 0, 35, 0, 0, 8, 0, 0]);
  if (packet.decode(bytes, new DataView(bytes.buffer), 0, 28, 28) !== OK) throw new Error("Cannot decode the surprise");
  golden.engine.judge(packet, OK, 0);
}
golden.run(200_000);
