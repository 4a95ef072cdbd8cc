import assert from "node:assert/strict";
import { memoryLimit, memoryProblem, Surroundings } from "../../lib/daemon/surroundings.ts";

/** Files, and what is told of them. */
class Scene {
  readonly files = new Map<string, string>();
  readonly notes: string[] = [];
  readonly read = (path: string): string => {
    const text = this.files.get(path);
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
  readonly surroundings = new Surroundings({
    read: this.read,
    note: (level, text) => this.notes.push(`${level} ${text}`),
  });

  connections(count: number, most = 1000): void {
    this.files.set("/proc/sys/net/netfilter/nf_conntrack_count", `${count}\n`);
    this.files.set("/proc/sys/net/netfilter/nf_conntrack_max", `${most}\n`);
  }
}

const TEN_YEARS = 3650 * 86_400_000;

Deno.test("a clock that is set is told once, in which direction and how far; what NTP does is not", () => {
  const { surroundings, notes } = new Scene();
  let wall = 1_800_000_000_000;
  let now = 1000;
  const beat = (jump: number) => surroundings.beat(now += 1000, wall += 1000 + jump);
  for (const drift of [0, 400, -400, 4000, -4000]) beat(drift);
  assert.deepEqual(notes, []);
  for (const jump of [TEN_YEARS, -2 * TEN_YEARS, 7000, 0, 600_000, -3 * 3_600_000]) beat(jump);
  assert.deepEqual(notes.map((text) => /^warning The clock was set (.*?):/.exec(text)?.[1]), [
    "forward by 3650 days",
    "back by 7300 days",
    "forward by 7 seconds",
    "forward by 10 minutes",
    "back by 3 hours",
  ]);
});

Deno.test("a full table of connections is told when it fills and when it has room again, and no oftener", () => {
  const scene = new Scene();
  let now = 0;
  const beat = () => scene.surroundings.beat(now += 5000, now);
  beat();
  for (const count of [100, 949, 950, 1000, 900, 960, 801, 799, 100]) {
    scene.connections(count);
    beat();
  }
  scene.connections(5, 0);
  beat();
  scene.connections(NaN);
  beat();
  assert.deepEqual(scene.notes, [
    "warning The kernel's table of connections is full, 950 of 1000: it drops what is new before ftwall sees it; " +
    "raise it: sysctl net.netfilter.nf_conntrack_max",
    "info The kernel's table of connections has room again: 799 of 1000",
  ]);
});

Deno.test("a limit of memory is found in either kind of control groups, and too small a one is told", () => {
  const { files, read } = new Scene();
  assert.equal(memoryLimit(read), null);
  files.set("/proc/self/cgroup", "0::/system.slice/ftwall.service\n");
  assert.equal(memoryLimit(read), null);
  const folder = "/sys/fs/cgroup/system.slice/ftwall.service";
  files.set(`${folder}/memory.max`, "max\n");
  files.set(`${folder}/memory.events`, "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n");
  assert.equal(memoryLimit(read), null);
  files.set(`${folder}/memory.max`, `${64 << 20}\n`);
  assert.deepEqual(memoryLimit(read), { bytes: 64 << 20, kills: 2 });
  files.set("/proc/self/cgroup", "4:cpu,memory:/a\n0::/\n");
  files.set("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  files.set("/sys/fs/cgroup/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
  assert.equal(memoryLimit(read), null);
  files.set("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", `${100 << 20}\n`);
  assert.deepEqual(memoryLimit(read), { bytes: 100 << 20, kills: 5 });
  assert.equal(memoryProblem(null, 32 << 20, 1), "");
  assert.equal(memoryProblem({ bytes: 88 << 20, kills: 0 }, 32 << 20, 1), "");
  assert.match(
    memoryProblem({ bytes: 88 << 20, kills: 1 }, 32 << 20, 1),
    /is 88 MiB; for reaching it processes were killed 1/,
  );
  assert.equal(
    memoryProblem({ bytes: 64 << 20, kills: 0 }, 32 << 20, 2),
    "The limit of memory of this service is 64 MiB. With memory = 32 MiB ftwall may take 108 MiB: " +
      "lower memory in the config, or raise the limit",
  );
});
