/** `ftwall top` in a real terminal (tmux), against a running daemon. */
import assert from "node:assert/strict";
import { executable } from "./executable.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, execute, Topology, until } from "./topology.ts";

const named = missing([["tmux", "tmux"]]);

/** A terminal with one program in it. */
class Terminal implements AsyncDisposable {
  readonly #socket = `ftwtop-${Deno.pid}`;

  async start(columns: number, rows: number, command: readonly string[]): Promise<void> {
    const size = ["-x", String(columns), "-y", String(rows)];
    await this.#tmux("-f", "/dev/null", "new-session", "-d", ...size, command.join(" "));
  }

  async keys(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What stands on the screen. */
  async screen(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p")).stdout;
  }

  async shows(pattern: RegExp): Promise<string> {
    let screen = "";
    await until(`${pattern}`, async () => pattern.test(screen = await this.screen()), 10_000, () => screen);
    return screen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server");
  }

  async #tmux(...args: readonly string[]) {
    return await execute(["tmux", "-L", this.#socket, ...args], { env: { TERM: "vt100" } });
  }
}

Deno.test({
  ...named("top lists clients at 80x24 and 200x60, and locks, frees and explains them by key"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, { noRules: true });
    const { client1, client2 } = ADDRESSES;
    await daemon.must("lock", client1.v4, "--for", "5m", "--control", daemon.control);
    await daemon.must("lock", client2.v4, "--for", "9m", "--control", daemon.control);
    await using terminal = new Terminal();
    const program = [...executable().command, "top", "--control", daemon.control];
    await terminal.start(80, 24, ["ip", "netns", "exec", topology.netns("router"), ...program]);
    const small = await terminal.shows(/^10\.91\.1\.12 +locked/m);
    assert.match(small, /^2 locked, 0 allowed, 0 seen; by state/m);
    assert.match(small, /^CLIENT +STATE +LEFT PROTOCOL/m);
    assert.match(small, /q quit .* \? keys$/m);
    // Sorted by client, the first chosen: unlocked after a question.
    await terminal.keys("s", "s", "s", "s", "s", "Home", "u");
    await terminal.shows(/^Unlock 10\.91\.1\.11\? y or n:/m);
    await terminal.keys("n");
    await terminal.shows(/^Nothing was done/m);
    assert.equal((await daemon.status()).locks.length, 2);
    await terminal.keys("u", "y");
    await terminal.shows(/^1 locked/m);
    assert.deepEqual((await daemon.status()).locks.map(({ client }) => client), [client2.v4]);
    await terminal.resize(200, 60);
    const large = await terminal.shows(/^CLIENT +NAME +MAC +STATE/m);
    assert.equal(large.trimEnd().split("\n").length, 60);
    await terminal.keys("/", "1", ".", "1", "2", "Enter");
    await terminal.shows(/only "1\.12"/);
    await terminal.keys("Enter");
    await terminal.shows(/^LOCKED by operator/m);
    await terminal.keys("Escape");
    await terminal.shows(/^CLIENT/m);
    // A daemon that is away is waited for.
    await daemon.process.stop();
    await terminal.shows(/Cannot reach the daemon/);
    await daemon.launch();
    await terminal.shows(/q quit/);
    await terminal.keys("q");
    await until("the end", async () => (await terminal.screen()) === "");
  },
});
