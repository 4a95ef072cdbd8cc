/** Writes to the history in the folder of the first argument until it is killed, and prints what is written for certain. */
import { HistoryStore } from "../../lib/history/history_store.ts";

const [directory = "", seed = "1"] = Deno.args;
const store = new HistoryStore(directory, { keep: 14 * 86_400_000, size: 480 << 20 });
// Like the files' own time, so that the next run goes on with the file.
const START = Date.now();
let random = Number(seed);
const next = (below: number) => (random = (random * 48271) % 2147483647) % below;

let tallied = 0;
let events = 0;
for (let turn = 0;; turn++) {
  const time = START + turn * 10;
  for (let i = next(400); i >= 0; i--) {
    store.add({
      kind: "refused",
      ...{ time, count: 1, bytes: 100, dryRun: false, client: `10.0.0.${next(40)}`, peer: `198.51.100.${next(6)}` },
      ...{ port: 6881, transport: "tcp", protocol: "bittorrent", why: "recognised" },
      ...{ certainty: "", action: "", because: "x".repeat(60) },
    });
    tallied++;
  }
  store.write({ kind: "event", time, dryRun: false, event: { event: "locked", client: "10.0.0.1", number: events++ } });
  await store.beat(time);
  if (store.failure !== "") throw new Error(store.failure);
  // What is printed here came to the file: a kill from now on must not cost it.
  Deno.stdout.writeSync(new TextEncoder().encode(`${tallied} ${events}\n`));
}
