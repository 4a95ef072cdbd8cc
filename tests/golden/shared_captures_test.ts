/**
 * Recall and precision on captures of real traffic, which are not the project's to ship: of every flow that is labelled as
 * sure, what is recognised; of everything else that crosses a router, that nothing is acted on.
 */
import assert from "node:assert/strict";
import { openCapture } from "../../lib/replay/capture.ts";
import { replay } from "../support/replay.ts";
import { policyOf } from "../support/story.ts";

function captures(): string | null {
  const beside = new URL("../../../shared", import.meta.url).pathname;
  const folder = `${Deno.env.get("FTWALL_SHARED") ?? beside}/captures`;
  try {
    return Deno.statSync(`${folder}/labels.csv`).isFile ? folder : null;
  } catch {
    return null;
  }
}

const folder = captures();
const skipped = folder === null ? " (skipped: no captures found, set FTWALL_SHARED)" : "";
/** Weak hints act on nobody here; everything else is as the defaults have it. */
const policy = policyOf("");

/** One labelled flow. */
interface Label {
  readonly file: string;
  readonly transport: string;
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
}

function labels(): Label[] {
  const [head, ...rows] = Deno.readTextFileSync(`${folder}/labels.csv`).trim().split(/\r?\n/);
  const columns = head!.split(",");
  return rows.flatMap((row) => {
    const values = row.split(",");
    const value = (name: string) => values[columns.indexOf(name)] ?? "";
    const sure = value("certainty") === "high" || value("certainty") === "by-construction";
    if (!sure || value("protocol") === "" || Number(value("payload_packets")) === 0) return [];
    return [{
      file: value("file"),
      transport: value("transport"),
      from: `${value("src")} ${value("sport")}`,
      to: `${value("dst")} ${value("dport")}`,
      protocol: value("protocol"),
    }];
  });
}

/** Flows that are not recognised, and why that is right or cannot be helped: `file transport from to` begins with this. */
const MISSES: readonly (readonly [begins: string, why: string])[] = [];

function missed(label: Label): boolean {
  const line = `${label.file} ${label.transport} ${label.from} ${label.to}`;
  return MISSES.some(([begins]) => line.startsWith(begins));
}

Deno.test({
  name: `every flow labelled as sure is recognised, but for the misses that are explained${skipped}`,
  ignore: folder === null,
  fn() {
    const byFile = Map.groupBy(labels(), (label) => label.file);
    const unexplained: string[] = [];
    let found = 0;
    let all = 0;
    for (const [file, expected] of byFile) {
      using source = openCapture(`${folder}/${file}`);
      const { flows } = replay(source, policy, true);
      const called = new Map<string, string | null>();
      for (const { flow, protocol, refused_because } of flows) {
        const [from, to] = [`${flow.client} ${flow.client_port}`, `${flow.peer} ${flow.peer_port}`];
        for (const key of [`${flow.transport} ${from} ${to}`, `${flow.transport} ${to} ${from}`]) {
          if ((called.get(key) ?? null) === null) called.set(key, protocol ?? refused_because ?? null);
        }
      }
      for (const label of expected) {
        all++;
        const answer = called.get(`${label.transport} ${label.from} ${label.to}`) ?? null;
        if (answer === label.protocol) found++;
        else if (!missed(label)) {
          unexplained.push(`${file} ${label.transport} ${label.from} ${label.to}: ${label.protocol}, called ${answer}`);
        }
      }
    }
    assert.ok(all > 100);
    say(`${found} of ${all} labelled flows recognised`);
    assert.deepEqual(unexplained, [], `${found} of ${all} recognised`);
  },
});

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function* files(path: string): Generator<string> {
  for (const entry of Deno.readDirSync(path)) {
    if (entry.isDirectory) yield* files(`${path}/${entry.name}`);
    else yield `${path}/${entry.name}`;
  }
}

Deno.test({
  name: `of benign traffic nothing is acted on${skipped}`,
  ignore: folder === null,
  fn() {
    const acted: string[] = [];
    const weak = new Map<string, number>();
    let count = 0;
    for (const file of files(`${folder}/benign`)) {
      let source;
      try {
        source = openCapture(file);
      } catch {
        continue; // not a capture, or one that is broken in its first bytes: see the test of sources
      }
      using open = source;
      const { flows, events } = replay(open, policy, true);
      count += flows.length;
      for (const flow of flows) {
        if (flow.refused === 0 && flow.certainty !== "certain" && flow.certainty !== "strong") continue;
        const { transport, client, client_port, peer, peer_port } = flow.flow;
        const ends = `${transport} ${client} ${client_port} ${peer} ${peer_port}`;
        acted.push(
          `${file.slice(folder!.length + 8)} ${ends}: ${flow.protocol} ${flow.evidence} ${flow.refused_because}`,
        );
      }
      for (const event of events) {
        if (event.event !== "detected" || event.certainty !== "weak") continue;
        const kind = `${event.protocol} ${event.evidence}`;
        weak.set(kind, (weak.get(kind) ?? 0) + 1);
      }
    }
    assert.ok(count > 500);
    const mentions = [...weak].sort((a, b) => b[1] - a[1]).map(([kind, times]) => `${kind}: ${times}`).join(", ");
    say(`weak mentions in ${count} benign flows: ${mentions || "none"}`);
    assert.deepEqual(acted, []);
  },
});

Deno.test({
  name: `one ping locks who sent it and nobody who visits another port of that address${skipped}`,
  ignore: folder === null,
  fn() {
    using source = openCapture(`${folder}/faults/poison-ping.pcap`);
    const { flows } = replay(source, policyOf('[network]\nhome = ["10.77.1.0/24"]\n'), false);
    const pinged = flows.filter(({ protocol }) => protocol !== null);
    assert.deepEqual(pinged.map(({ protocol, evidence }) => [protocol, evidence]), [["fasttrack", "udp-ping"]]);
    assert.deepEqual(flows.filter(({ refused, protocol }) => protocol === null && refused > 0), []);
  },
});
