/**
 * Installing with a stopwatch: in a minimal Debian with systemd, from nothing to the first line of the log that tells what
 * would have been refused, by nothing but the README's lines; and what is left after it was removed again. Long, and wants
 * Debian's and npm's registries: `deno task test:install`.
 */
import assert from "node:assert/strict";
import { bundle } from "./bundle_file.ts";
import { program } from "./everyday.ts";
import { crowd, execute, PATIENCE, Topology, until } from "./topology.ts";
import { KEPT, named, SystemdRoot } from "./systemd_root.ts";

const repository = new URL("../../", import.meta.url).pathname;
const readme = Deno.readTextFileSync(`${repository}README.md`);
/** What it may take from the first line typed to the first line read. */
const GOAL = 90_000;
const PING = "2700000029804b615a614100";

/** What root types on the router of a README's example: the part of the pattern in parentheses. */
function typed(pattern: RegExp): string {
  const found = pattern.exec(readme)?.[1];
  assert.ok(found !== undefined, `the README has nothing like ${pattern}`);
  return found;
}

interface Way {
  readonly name: string;
  /** Puts files into the root before it boots: what copying does. */
  readonly prepare: (path: string) => Promise<void>;
  readonly install: string;
  readonly uninstall: string;
}

async function ways(dir: string): Promise<Way[]> {
  const file = await bundle();
  const built = [Deno.execPath(), "run", "-A", "--no-check", `${repository}lib/bundle/deb.ts`, "--out", dir, "--fast"];
  const deb = await execute(built, { limit: 300_000 });
  assert.equal(deb.code, 0, deb.stderr);
  return [
    {
      name: "the .run file",
      prepare: async (path) => await Deno.copyFile(file, `${path}/root/ftwall.run`),
      // Copied to /tmp in the README; here that is emptied by booting.
      install: typed(/^ssh root@router (sh \/tmp\/ftwall\.run --dry-run)$/m).replace("/tmp/", ""),
      uninstall: typed(/^(sh ftwall\.run --uninstall)$/m),
    },
    {
      name: "the .deb file",
      prepare: async (path) => {
        const [{ name }] = [...Deno.readDirSync(dir)].filter(({ name }) => name.endsWith(".deb")) as [Deno.DirEntry];
        await Deno.copyFile(`${dir}/${name}`, `${path}/root/${name}`);
      },
      install: typed(/^sudo (apt install \.\/ftwall_.*\.deb)$/m).replace("apt", "apt -y"),
      uninstall: typed(/`sudo (apt purge --autoremove ftwall)`/).replace("apt", "apt -y"),
    },
    {
      name: "a clone, where npm is there",
      prepare: async (path) => {
        await Deno.mkdir(`${path}/usr/local/lib/node_modules`, { recursive: true });
        const node = (await Deno.realPath("/usr/bin/npm")).replace(/\/bin\/npm-cli\.js$/, "");
        for (
          const command of [
            ["cp", "/usr/bin/node", `${path}/usr/local/bin/node`],
            ["cp", "-r", node, `${path}/usr/local/lib/node_modules/npm`],
            ["ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", `${path}/usr/local/bin/npm`],
            ["git", "clone", "-q", "--depth", "1", `file://${repository}`, `${path}/root/ftwall`],
          ]
        ) assert.equal((await execute(command, { limit: 60_000 })).code, 0, command.join(" "));
      },
      install: `cd ftwall && ${typed(/^sudo (\.\/install\.sh --dry-run)$/m)}`,
      uninstall: `cd ftwall && ${typed(/`sudo (\.\/install\.sh --uninstall)`/)}`,
    },
  ];
}

Deno.test({
  ...named("installed in a minute by each way that the README names, and nothing is left after removing"),
  async fn(test) {
    const dir = await Deno.makeTempDir({ prefix: "ftwall-minute-" });
    try {
      for (const way of await ways(dir)) {
        await test.step(way.name, async () => {
          await using topology = await Topology.create();
          await using root = await SystemdRoot.boot(topology, way.prepare);
          const before = { changes: await root.changes(), packages: await root.packages() };
          const begun = performance.now();
          const said = await root.must(way.install);
          const installed = performance.now();
          await until("the first line about traffic", async () => {
            await topology.must("client1", program("traffic.ts", "send", 0, "198.51.100.7", 1214, PING, 50));
            const { stdout } = await root.run("journalctl --no-pager -o cat -u ftwall");
            return /^detected fasttrack: client 10\.91\.1\.11 .*\[dry run\]$/m.test(stdout);
          }, GOAL);
          const taken = performance.now() - begun;
          const kib = await root.must("du -skx / 2>/dev/null | cut -f 1");
          const added = (await root.packages()).length - before.packages.length;
          figure(way.name, installed - begun, taken, Number(kib), added);
          assert.ok(taken < GOAL * PATIENCE * crowd(), `${taken} ms\n${said}`);

          const removed = await root.must(way.uninstall);
          assert.deepEqual(await root.packages(), before.packages, removed);
          const left = (await root.changes()).filter((path) => !KEPT.test(path) && !before.changes.includes(path));
          assert.deepEqual(left, [], removed);
          assert.doesNotMatch(await root.must("iptables-save; ip6tables-save"), /ftwall/);
        });
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

function figure(name: string, install: number, taken: number, kib: number, packages: number): void {
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  Deno.stderr.writeSync(
    new TextEncoder().encode(
      `${name}: installed after ${seconds(install)} s, first line after ${seconds(taken)} s, ` +
        `${packages} packages, root ${Math.round(kib / 1024)} MiB\n`,
    ),
  );
}
