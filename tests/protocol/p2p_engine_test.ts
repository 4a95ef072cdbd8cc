/**
 * The same samples as packets through the engine: dispatch by first byte, least length, reassembly and the order of asking
 * must not stand between a classifier and its bytes.
 */
import assert from "node:assert/strict";
import { applejuice } from "../../lib/protocol/applejuice/mod.ts";
import { ares } from "../../lib/protocol/ares/mod.ts";
import { CERTAINTY_NAMES, type Classifier } from "../../lib/protocol/classifier.ts";
import { directconnect } from "../../lib/protocol/directconnect/mod.ts";
import { edonkey } from "../../lib/protocol/edonkey/mod.ts";
import { gnutella } from "../../lib/protocol/gnutella/mod.ts";
import { libp2p } from "../../lib/protocol/libp2p/mod.ts";
import { manolito } from "../../lib/protocol/manolito/mod.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { openft } from "../../lib/protocol/openft/mod.ts";
import { resilio } from "../../lib/protocol/resilio/mod.ts";
import { soulseek } from "../../lib/protocol/soulseek/mod.ts";
import { winny } from "../../lib/protocol/winny/mod.ts";
import { xunlei } from "../../lib/protocol/xunlei/mod.ts";
import { Engine } from "../../lib/judge/engine.ts";
import { play, type Played } from "../../lib/replay/play.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { defaultConfig } from "../../lib/policy/load.ts";
import { compile } from "../../lib/policy/policy.ts";
import { Link } from "../../lib/replay/link.ts";
import { type Frame, MemorySource } from "../../lib/replay/memory_source.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { buildTcp, buildUdp, Ends } from "../../lib/wire/build.ts";
import { DIRECTCONNECT } from "../../lib/protocol/directconnect/samples.ts";
import { EDONKEY } from "../../lib/protocol/edonkey/samples.ts";
import { GNUTELLA } from "../../lib/protocol/gnutella/samples.ts";
import { APPLEJUICE, ARES, LIBP2P, MANOLITO, OPENFT, RESILIO, WINNY, XUNLEI } from "./rare.ts";
import { SOULSEEK } from "../../lib/protocol/soulseek/samples.ts";
import { STRANGERS } from "./strangers.ts";
import type { Sample } from "./table.ts";

const ALL: readonly (readonly [Classifier, readonly Sample[]])[] = [
  [edonkey, EDONKEY],
  [gnutella, GNUTELLA],
  [directconnect, DIRECTCONNECT],
  [soulseek, SOULSEEK],
  [ares, ARES],
  [openft, OPENFT],
  [manolito, MANOLITO],
  [applejuice, APPLEJUICE],
  [libp2p, LIBP2P],
  [resilio, RESILIO],
  [xunlei, XUNLEI],
  [winny, WINNY],
];

const SYN = 0x02;
const ACK = 0x10;
const PUSH = 0x18;
const CLIENT = 0x0a000001;
const PEER = 0xc6120001 | 0; // 198.18.0.1, for tests (RFC 2544)

/** The packets of a sample between its own client and its own peer. */
function packets(sample: Sample, number: number): Frame[] {
  const frames: Frame[] = [];
  const room = new Uint8Array(65536);
  const view = new DataView(room.buffer);
  const next = { ">": 0x1000, "<": 0x7ffffff0 };
  const send = (arrow: ">" | "<", flags: number, payload: Uint8Array) => {
    const ends = new Ends();
    const client = [0, 0, 0xffff, CLIENT + number * 256, 40000] as const;
    const peer = [0, 0, 0xffff, PEER + number * 256, 50000] as const;
    if (arrow === ">") ends.from(...client).to(...peer);
    else ends.from(...peer).to(...client);
    const other = arrow === ">" ? "<" : ">";
    const length = sample.tcp
      ? buildTcp(room, view, 0, ends, flags, next[arrow], next[other], payload)
      : buildUdp(room, view, 0, ends, payload);
    next[arrow] += payload.length + (flags & SYN) / SYN;
    frames.push({ bytes: room.slice(0, length), milliseconds: 1_000_000 + number * 100 + frames.length });
  };
  const nothing = new Uint8Array(0);
  if (sample.tcp) {
    send(">", SYN, nothing);
    send("<", SYN | ACK, nothing);
    send(">", ACK, nothing);
    // A session of which only the middle is looked at: its beginning says nothing.
    if (sample.midstream) return [];
  }
  for (const [arrow, payload] of sample.turns) send(arrow, PUSH, payload);
  return frames;
}

/** What the engine detected in each sample, by the client's number. */
function detected(samples: readonly Sample[]): { seen: Map<number, string[]>; refused: number } {
  // Those of the other families stand before them, as they do in the list.
  const classifiers = [...new Set([...CLASSIFIERS, ...ALL.map(([classifier]) => classifier)])];
  const policy = compile(defaultConfig(protocolDefaults(classifiers)));
  const seen = new Map<number, string[]>();
  const engine = new Engine({
    policy,
    state: new State(capacityFor(policy.memory), 1),
    classifiers,
    emit: (event) => {
      if (event.event !== "detected") return;
      const { protocol, evidence, certainty, client } = event as unknown as Record<string, string>;
      const [, high, low] = client!.split(".").map(Number);
      const number = high! * 256 + low!;
      seen.set(number, [...(seen.get(number) ?? []), `${protocol} ${evidence} ${certainty}`]);
    },
  });
  const played: Played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
  play(new MemorySource(samples.flatMap(packets)), new Link(), engine, played);
  assert.equal(played.undecodable, 0);
  assert.equal(engine.asker.failures, 0);
  return { seen, refused: played.refused };
}

Deno.test("the engine detects every sample by its packets", () => {
  const flat = ALL.flatMap(([classifier, samples]) => samples.map((sample) => ({ classifier, sample })));
  const { seen, refused } = detected(flat.map(({ sample }) => sample));
  for (const [number, { classifier, sample }] of flat.entries()) {
    if (sample.midstream === true) continue;
    const wanted = `${classifier.name} ${sample.evidence} ${CERTAINTY_NAMES[sample.certainty!]}`;
    const what = seen.get(number) ?? [];
    assert.ok(what.includes(wanted), `${classifier.name}: ${sample.name}: wanted ${wanted}, got [${what.join(", ")}]`);
  }
  assert.ok(refused > 0);
});

Deno.test("the engine detects nothing in any look-alike, and refuses none of its packets", () => {
  // Three of them are look-alikes only to the networks tested here: the engine rightly calls them BitTorrent.
  const strangers = STRANGERS.filter(({ name }) => !name.startsWith("BitTorrent"));
  const { seen, refused } = detected(strangers);
  const named = [...seen].map(([number, what]) => `${strangers[number]?.name}: ${what.join(", ")}`);
  assert.deepEqual(named, []);
  assert.equal(refused, 0);
});
