import assert from "node:assert/strict";
import { loadForService } from "../../lib/daemon/load.ts";
import { type DaemonOptions, memoryOf, modeOf } from "../../lib/daemon/options.ts";
import { ServiceMemory } from "../../lib/daemon/service_memory.ts";

/** How a service is started, and where it remembers. */
class Scene implements Disposable {
  readonly dir = Deno.makeTempDirSync();
  readonly path = `${this.dir}/ftwall.toml`;

  options(given: Partial<DaemonOptions> = {}): DaemonOptions {
    return {
      config: this.path,
      dryRun: false,
      queues: undefined,
      logFormat: undefined,
      logFile: undefined,
      logLevel: undefined,
      control: undefined,
      state: `${this.dir}/below/state`,
      service: true,
      enforce: false,
      takeOver: null,
      noRules: false,
      ...given,
    };
  }

  load(text: string) {
    Deno.writeTextFileSync(this.path, text);
    return loadForService(this.path, new ServiceMemory(`${this.dir}/below/state`));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

Deno.test("a broken config leaves the last good one in force, which is said with every error", () => {
  using scene = new Scene();
  assert.equal(scene.load("[lock]\nseconds = 31\n").config.lock.seconds, 31);
  const { config, loaded, instead } = scene.load("[lock]\nsecond = 5\n");
  assert.equal(config.lock.seconds, 31);
  assert.equal(loaded.path, `${scene.dir}/below/config.good`);
  assert.match(instead[0]!, /CANNOT BE USED: the last good one.*ftwall reload$/);
  assert.match(instead[1]!, /ftwall\.toml:2: lock\.second.*nearest: seconds/);
  assert.equal(Deno.statSync(loaded.path).mode! & 0o777, 0o600);
  // A broken one is never kept.
  assert.equal(scene.load("nonsense").config.lock.seconds, 31);
  assert.deepEqual([...Deno.readDirSync(`${scene.dir}/below`)].map(({ name }) => name), ["config.good"]);
});

Deno.test("without a good one a broken config is the error that it is", () => {
  using scene = new Scene();
  assert.throws(() => scene.load("[lock]\nsecond = 5\n"), /^Failure: Cannot use the config/);
});

Deno.test("a dry run goes on until somebody ends it, whatever the service file says", () => {
  using scene = new Scene();
  const start = (given: Partial<DaemonOptions> = {}) => {
    const options = scene.options(given);
    return modeOf(options, memoryOf(options));
  };
  assert.deepEqual(start(), { mode: "enforcing", notes: [] });
  assert.equal(start({ dryRun: true }).mode, "dry-run");
  const upgraded = start();
  assert.equal(upgraded.mode, "dry-run");
  assert.match(upgraded.notes[0]!, /^The dry run goes on.*--enforce$/);
  assert.deepEqual(start({ enforce: true }), { mode: "enforcing", notes: [] });
  assert.deepEqual(start(), { mode: "enforcing", notes: [] });
});

Deno.test("a run by hand remembers nothing, and writes no file", () => {
  using scene = new Scene();
  const options = scene.options({ service: false, dryRun: true });
  assert.equal(memoryOf(options), null);
  assert.equal(modeOf(options, null).mode, "dry-run");
  assert.deepEqual([...Deno.readDirSync(scene.dir)], []);
});
