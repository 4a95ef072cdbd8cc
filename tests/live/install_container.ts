/** The recipe of docs/routers/container.md, built and run by podman: `deno task test:life`. */
import assert from "node:assert/strict";
import { bundle } from "./bundle_file.ts";
import { program, serve } from "./everyday.ts";
import { named } from "./systemd_root.ts";
import { ADDRESSES, execute, hasTool, Topology, until } from "./topology.ts";

const page = Deno.readTextFileSync(new URL("../../docs/routers/container.md", import.meta.url));
const BASE = "docker.io/library/busybox:stable";
const absent = ["podman", "runc"].find((tool) => !hasTool(tool));

/** podman with images and containers of its own, in the network of the router where that is asked for. */
class Podman implements AsyncDisposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "ftwall-podman-" });
  readonly topology: Topology;

  constructor(topology: Topology) {
    this.topology = topology;
  }

  async must(...args: string[]): Promise<string> {
    const own = ["--root", `${this.dir}/images`, "--runroot", `${this.dir}/run`, "--runtime", "runc"];
    // Not by ip netns exec, which hides the control groups.
    const inside = ["nsenter", `--net=/run/netns/${this.topology.netns("router")}`];
    const answer = await execute([...inside, "podman", ...own, ...args], { limit: 120_000 });
    assert.equal(answer.code, 0, `podman ${args.join(" ")}: ${answer.stdout}${answer.stderr}`);
    return answer.stdout + answer.stderr;
  }

  /** An image of busybox alone, as the one that the recipe begins with. */
  async base(): Promise<void> {
    await Deno.mkdir(`${this.dir}/base/bin`, { recursive: true });
    await execute(["cp", "/bin/busybox", `${this.dir}/base/bin/busybox`]);
    await execute(["chroot", `${this.dir}/base`, "/bin/busybox", "--install", "-s", "/bin"]);
    await execute(["tar", "-C", `${this.dir}/base`, "-cf", `${this.dir}/base.tar`, "."]);
    await this.must("import", "-q", `${this.dir}/base.tar`, BASE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.must("rm", "-f", "-a").catch(() => {});
    await execute(["sh", "-c", `umount -R ${this.dir}/images/overlay; rm -rf ${this.dir}`]);
  }
}

Deno.test({
  ...named("the container of the docs judges a real queue with two rights", absent ? `no ${absent}` : null),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await using podman = new Podman(topology);
    await podman.base();
    await Deno.mkdir(`${podman.dir}/context`);
    await Deno.copyFile(await bundle(), `${podman.dir}/context/ftwall-3.0.0-linux-${Deno.build.arch}.run`);
    const recipe = /```Dockerfile\n([^]*?)```/.exec(page)![1]!.replaceAll("x86_64", Deno.build.arch);
    assert.ok(recipe.includes(`FROM ${BASE}`));
    await Deno.writeTextFile(`${podman.dir}/Dockerfile`, recipe);
    // Not as the docs have it: neither a registry to ask nor the control groups that a build in a container wants.
    const here = ["--isolation", "chroot", "--pull=never"];
    await podman.must("build", ...here, "-t", "ftwall", "-f", `${podman.dir}/Dockerfile`, `${podman.dir}/context`);
    // The image has no iptables, and this kernel may have no queue for nft.
    for (const tool of ["iptables", "ip6tables"]) {
      await topology.must("router", [tool, ..."-t mangle -A FORWARD -j NFQUEUE --queue-num 0".split(" ")]);
    }
    const line = /podman run -d ([^]*?)\n(?=podman)/.exec(page)![1]!.replaceAll(/\\\n/g, " ").trim().split(/\s+/);
    const [at, limits] = [line.indexOf("ftwall", line.indexOf("-v")), ["--ulimit", "nofile=1024:1024"]];
    await Deno.mkdir(`${podman.dir}/etc`);
    const words = line.map((word) => word.replace(/^\/etc\/ftwall:/, `${podman.dir}/etc:`));
    const more = [...limits, "--ulimit", "nproc=4000:4000"];
    await podman.must("run", "-d", ...words.slice(0, at), ...more, "localhost/ftwall", ...words.slice(at + 1));
    const log = () => podman.must("logs", "ftwall");
    await until("a daemon that is ready", async () => /ready on queue 0.*dry run/.test(await log()));
    const ping = "2700000029804b615a614100";
    await topology.must("client1", program("traffic.ts", "send", 0, ADDRESSES.server.v4, 1214, ping, 50));
    await until("what was recognised", async () => /detected fasttrack: client .*\[dry run\]/.test(await log()));
    assert.match(await podman.must("exec", "ftwall", "/ftwall/ftwall", "status"), /DRY RUN/);
  },
});
