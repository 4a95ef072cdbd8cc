import assert from "node:assert/strict";
import { RulesGuard } from "../../lib/daemon/rules_guard.ts";
import { RulesNote } from "../../lib/daemon/rules_note.ts";
import { type Checked, RULES_DEFAULTS, type Runner } from "../../lib/firewall/mod.ts";
import type { NoteEvent, RulesEvent } from "../../lib/report/report_event.ts";

const GONE: Checked = {
  backend: null,
  present: false,
  differs: [],
  whole: false,
  legacy: false,
  sets: false,
  stamp: "",
};
const THERE: Checked = { ...GONE, backend: "nft", present: true, whole: true, sets: true, stamp: "12345678" };

/** A kernel whose rules come with `nft -f -` and go when somebody says so. */
class Scene implements Disposable {
  readonly dir = Deno.makeTempDirSync();
  readonly events: (RulesEvent | NoteEvent)[] = [];
  readonly note = new RulesNote(this.dir);
  /** What the tools would find. */
  found = GONE;
  /** What the tools answer; they fail where it is not 0. */
  code = 0;
  applied = 0;
  refilled = 0;
  sets = true;
  /** Rules of others. */
  others = "";
  news = false;
  keep = true;
  readonly guard: RulesGuard;

  constructor({ make = true, found = GONE }: { readonly make?: boolean; readonly found?: Checked } = {}) {
    this.found = found;
    const run: Runner = (command, args, stdin = "") => {
      const answer = { code: this.code, stdout: "", stderr: this.code === 0 ? "" : "Operation not permitted" };
      if (command === "nft" && args.join(" ") === "-f -" && this.code === 0) {
        const removal = stdin.includes("delete table");
        this.found = removal ? GONE : THERE;
        if (!removal) this.applied++;
      }
      if (command === "iptables-save") return Promise.resolve({ ...answer, stdout: this.others });
      const table = command === "nft" && args[0] === "list" && !this.found.present;
      return Promise.resolve(table || /iptables|ipset/.test(command) ? { ...answer, code: 1 } : answer);
    };
    this.guard = new RulesGuard({
      run,
      options: () => ({ ...RULES_DEFAULTS, lan: [] }),
      look: () => Promise.resolve(this.found),
      refill: () => Promise.resolve(void this.refilled++),
      setsWhole: () => Promise.resolve(this.sets),
      present: () => this.found.present,
      news: () => {
        const { news } = this;
        this.news = false;
        return news;
      },
      note: this.note,
      emit: (event) => this.events.push(event),
      make,
      keep: () => this.keep,
    });
  }

  async start(): Promise<this> {
    await this.guard.make();
    await this.guard.begin();
    return this;
  }

  /** Another program takes the rules away, and a second passes. */
  async loses(now: number): Promise<void> {
    this.found = GONE;
    this.news = true;
    await this.beat(now);
  }

  async beat(now: number): Promise<void> {
    this.guard.beat(now);
    await this.guard.settled();
  }

  get said(): string[] {
    return this.events.splice(0).map(({ event }) => event);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

Deno.test("rules are made where there are none, said in one line, and taken away at a clean stop", async () => {
  using scene = await new Scene().start();
  assert.equal(scene.events.length, 1);
  assert.match(
    scene.events[0]!.message,
    /^There were no rules of ftwall: made them with nft.*rules --apply.*--no-rules$/,
  );
  assert.deepEqual(scene.said, ["rules-made"]);
  assert.equal(scene.guard.facts.made, true);
  await scene.guard.end();
  assert.deepEqual(scene.said, ["rules-removed"]);
  assert.equal(scene.found, GONE);
  assert.equal(scene.note.read(), null);
});

Deno.test("rules that are there are left alone, also at the stop; with rules = manual none are made", async () => {
  using there = await new Scene({ found: THERE }).start();
  await there.guard.end();
  assert.deepEqual([there.said, there.found, there.applied], [[], THERE, 0]);
  using manual = await new Scene({ make: false }).start();
  await manual.guard.end();
  assert.deepEqual([manual.said, manual.applied], [[], 0]);
});

Deno.test("rules of somebody else that bring packets to the queue are enough; those to other queues are not", async () => {
  using scene = new Scene();
  scene.others = "-A FORWARD -p tcp -j NFQUEUE --queue-num 0 --queue-bypass\n";
  await scene.start();
  assert.match(
    (scene.events[0] as NoteEvent).message,
    /^A rule of yours brings packets, so none were made: -A FORWARD -p tcp/,
  );
  assert.deepEqual([scene.said, scene.applied], [["note"], 0]);
  await scene.guard.end();
  assert.deepEqual(scene.said, []);
  using other = new Scene();
  other.others = "-A FORWARD -j NFQUEUE --queue-balance 4:7\n";
  await other.start();
  assert.equal(other.applied, 1);
});

Deno.test("after a kill the next run knows the rules that the last one made; an operator who applied them keeps them", async () => {
  using scene = await new Scene().start();
  const next = new Scene({ found: THERE });
  using _ = next;
  next.note.write("made");
  await next.start();
  await next.guard.end();
  assert.deepEqual(next.said, ["rules-removed"]);
  scene.note.write(null);
  await scene.guard.end();
  assert.deepEqual(scene.said, ["rules-made"]);
  assert.equal(scene.found, THERE);
});

Deno.test("rules of another config are made to fit where run made them, else left and told", async () => {
  const other: Checked = { ...THERE, differs: ["nft: made from other options"] };
  using own = new Scene({ found: other });
  own.note.write("made");
  await own.start();
  assert.deepEqual([own.said, own.applied, own.refilled, own.found], [[], 1, 1, THERE]);
  assert.ok(await own.guard.remake({ ...RULES_DEFAULTS, lan: [], packetsTcp: 4 }));
  assert.equal(own.applied, 2);
  using theirs = await new Scene({ found: other }).start();
  assert.match(
    (theirs.events[0] as NoteEvent).message,
    /not those of this config: nft: made from other options; run: ftwall/,
  );
  assert.ok(!await theirs.guard.remake({ ...RULES_DEFAULTS, lan: [] }));
  assert.deepEqual([theirs.said, theirs.applied], [["note"], 0]);
});

Deno.test("rules that cannot be made are one sentence that says what to run", async () => {
  const scene = new Scene();
  using _ = scene;
  scene.code = 1;
  await scene.start();
  assert.equal(scene.events.length, 1);
  assert.match(scene.events[0]!.message, /^Cannot make firewall rules: .*run: ftwall rules --apply$/);
  assert.deepEqual(scene.said, ["rules-failed"]);
});

Deno.test("rules that go are told and put back, with what the sets held", async () => {
  using scene = await new Scene({ found: THERE }).start();
  await scene.loses(1000);
  assert.deepEqual(scene.said, ["rules-lost", "rules-restored"]);
  assert.deepEqual([scene.found, scene.refilled, scene.applied], [THERE, 1, 1]);
  assert.deepEqual(scene.guard.facts, { made: false, lost: 1, restored: 1 });
});

Deno.test("two programs do not fight: rest between two times, and an end after five within ten minutes", async () => {
  using scene = await new Scene({ found: THERE }).start();
  await scene.loses(1000);
  await scene.loses(2000);
  assert.equal(scene.applied, 1, "put back again within ten seconds");
  await scene.beat(10_000);
  assert.equal(scene.applied, 1);
  await scene.beat(11_000);
  assert.equal(scene.applied, 2);
  for (let i = 2; i < 9; i++) await scene.loses(i * 11_000);
  assert.equal(scene.applied, 5);
  assert.match(scene.events.at(-1)!.message, /two programs may be at it/);
  await scene.beat(700_000);
  assert.equal(scene.applied, 6);
});

Deno.test("without keep_rules, and after rules --remove, nothing is put back, but told", async () => {
  using off = await new Scene({ found: THERE }).start();
  off.keep = false;
  await off.loses(1000);
  assert.match(off.events[0]!.message, /keep_rules is off/);
  assert.deepEqual([off.said, off.applied], [["rules-lost"], 0]);
  using removed = await new Scene({ found: THERE }).start();
  removed.note.write("removed");
  await removed.loses(1000);
  assert.match(removed.events[0]!.message, /An operator did/);
  assert.deepEqual([removed.said, removed.applied], [["rules-lost"], 0]);
  removed.note.write(null);
  await removed.beat(2000);
  assert.deepEqual(removed.said, ["rules-restored"]);
});

Deno.test("sets that somebody emptied are filled again, and looked at every five seconds", async () => {
  using scene = await new Scene({ found: THERE }).start();
  await scene.beat(0);
  scene.sets = false;
  await scene.beat(1000);
  assert.equal(scene.refilled, 0);
  await scene.beat(5000);
  assert.deepEqual([scene.said, scene.refilled], [["rules-lost", "rules-restored"], 1]);
});

Deno.test("the note follows no link, and what it does not know it does not say", () => {
  const dir = Deno.makeTempDirSync();
  const note = new RulesNote(dir);
  note.write("made");
  const [file] = [...Deno.readDirSync(dir)].map(({ name }) => `${dir}/${name}`);
  assert.equal(note.read(), "made");
  Deno.writeTextFileSync(file!, "anything");
  assert.equal(note.read(), null);
  Deno.removeSync(file!);
  Deno.writeTextFileSync(`${dir}/other`, "made");
  Deno.symlinkSync(`${dir}/other`, file!);
  assert.equal(note.read(), null);
  note.write("removed");
  assert.equal(Deno.readTextFileSync(`${dir}/other`), "made");
  assert.equal(new RulesNote("/proc/no/such").read(), null);
  new RulesNote("/proc/no/such").write("made");
  Deno.removeSync(dir, { recursive: true });
});
