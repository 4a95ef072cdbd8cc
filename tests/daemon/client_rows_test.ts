import assert from "node:assert/strict";
import { clientPieces, MOST_ROWS, type RowSources } from "../../lib/daemon/client_rows.ts";
import type { ClientRow } from "../../lib/report/control_protocol.ts";
import type { Remembered } from "../../lib/report/history.ts";

const LOCK = {
  client: "10.0.0.5",
  mac: "02:00:00:00:00:05",
  protocol: "fasttrack",
  evidence: "udp-ping",
  since: 1000,
  until: 121_000,
  renewals: 0,
  by: "detector",
};

function detected(client: string, protocol: string, second: number, suppressed?: number): Remembered {
  const time = new Date(second * 1000).toISOString();
  const rest = { peer: "192.0.2.1", peer_port: 1, transport: "udp", certainty: "strong", action: "drop" } as const;
  const more = suppressed === undefined ? {} : { suppressed };
  return { time, event: { event: "detected", protocol, client, evidence: `${protocol}-x`, ...rest, ...more } };
}

function clientRows(sources: RowSources): ClientRow[] {
  return JSON.parse([...clientPieces(sources)].join("")).clients;
}

Deno.test("each client is one row: of its lock, else of what was seen last, with what was counted", () => {
  const rows = clientRows({
    locks: [LOCK],
    allowed: [{ client: "10.0.0.6", until: 60_000 }],
    events: [
      detected("10.0.0.5", "bittorrent", 2),
      detected("10.0.0.7", "gnutella", 3, 4),
      detected("10.0.0.7", "bittorrent", 4),
      {
        time: new Date(5000).toISOString(),
        event: {
          event: "refused",
          client: "10.0.0.7",
          peer: "192.0.2.1",
          peer_port: 1,
          transport: "tcp",
          reason: "recognised",
          suppressed: 0,
        },
      },
      {
        time: new Date(6000).toISOString(),
        event: { event: "audit", action: "lock", who: {}, client: "10.0.0.9", outcome: "refused" },
      },
    ],
    nameOf: (client) => client === "10.0.0.7" ? "kitchen" : "",
    scoreOf: (client) => client === "10.0.0.7" ? 3 : 0,
  });
  const [five, six, seven] = rows;
  assert.equal(rows.length, 3, "nobody is listed for an operator's request alone");
  assert.deepEqual(five, {
    client: "10.0.0.5",
    state: "locked",
    protocol: "fasttrack",
    evidence: "udp-ping",
    detected: 1,
    refused: 0,
    score: 0,
    by: "detector",
    until: "1970-01-01T00:02:01.000Z",
    last: "1970-01-01T00:00:02.000Z",
    mac: "02:00:00:00:00:05",
  });
  assert.deepEqual([six!.client, six!.state, six!.until], ["10.0.0.6", "allowed", "1970-01-01T00:01:00.000Z"]);
  assert.deepEqual([seven!.client_name, seven!.protocol, seven!.evidence], ["kitchen", "bittorrent", "bittorrent-x"]);
  assert.deepEqual([seven!.detected, seven!.refused, seven!.score], [6, 1, 3]);
});

Deno.test("the rows are bounded, however many clients are locked", () => {
  const locks = function* () {
    for (let i = 0;; i++) yield { ...LOCK, client: `client ${i}` };
  };
  const rows = clientRows({ locks: locks(), allowed: [], events: [], nameOf: () => "", scoreOf: () => 0 });
  assert.equal(rows.length, MOST_ROWS);
  assert.deepEqual(clientRows({ locks: [], allowed: [], events: [], nameOf: () => "", scoreOf: () => 0 }), []);
});
