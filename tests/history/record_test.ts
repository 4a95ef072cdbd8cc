import assert from "node:assert/strict";
import fc from "fast-check";
import { type HistoryRecord, LONGEST_LINE, readRecord, writeRecord } from "../../lib/history/record.ts";

const TIME = Date.UTC(2026, 0, 5, 12);
const RECORDS: readonly HistoryRecord[] = [
  {
    kind: "detected",
    ...{ first: TIME, last: TIME + 5, count: 3, bytes: 0, dryRun: true, client: "fd00::5", peer: "2001:db8::7" },
    ...{ port: 6881, transport: "udp", protocol: "bittorrent", why: "dht-query", certainty: "strong", action: "drop" },
    because: 'a "quoted" <name>\u0007',
  },
  {
    kind: "counters",
    ...{ hour: TIME, packets: 10, accepted: 9, refused: 1, missed: 0, times: [0, 7, 0, 3], sum: 21, max: 6.5 },
  },
  { kind: "named", time: TIME, client: "10.0.0.5", mac: "02:00:00:00:00:05", name: "anna-laptop", group: "staff" },
  { kind: "event", time: TIME, dryRun: false, event: { event: "reloaded", hash: "ab", changes: ["lock.seconds"] } },
];

Deno.test("what is written as a line is read as the same record", () => {
  for (const record of RECORDS) {
    const line = writeRecord(record);
    assert.ok(line.endsWith("\n") && !line.slice(0, -1).includes("\n"));
    assert.deepEqual(readRecord(line.slice(0, -1)), record);
  }
});

Deno.test("no part of a line is taken for a record", () => {
  for (const record of RECORDS) {
    const line = writeRecord(record);
    for (let end = 0; end < line.length - 1; end++) assert.equal(readRecord(line.slice(0, end)), null);
    for (let from = 1; from < line.length; from++) assert.equal(readRecord(line.slice(from)), null);
  }
});

Deno.test("any line is read or refused without an error", () => {
  const piece = fc.oneof(fc.constantFrom("d", "r", "w", "c", "n", "e"), fc.double(), fc.integer(), fc.jsonValue());
  fc.assert(fc.property(fc.array(piece, { maxLength: 18 }), (fields) => void readRecord(JSON.stringify(fields))));
  fc.assert(fc.property(fc.string(), (text) => void readRecord(text)));
  assert.equal(readRecord(`["e",${TIME},0,{"event":"x"},"${"y".repeat(LONGEST_LINE)}"]`), null);
  assert.equal(readRecord(`["c",${TIME},1,1,0,0,[99999999,1],1,1]`), null);
  assert.equal(readRecord(`["r",-1,1,1,1,0,"","",0,"","","","","",""]`), null);
});
