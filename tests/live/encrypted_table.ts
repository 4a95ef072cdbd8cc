/**
 * Real clients that require encryption, across a router with ftwall, and honest programs whose traffic looks the same: what
 * gets through of the ones, what is refused of the others. Each row has namespaces of its own.
 *
 * `deno task test:encrypted --seconds 180 --jobs 6 --rows 1-12 --only webtorrent --write`: seconds that each row is watched
 * (180), rows at once (4), which rows by number (of both tables together; all), of these the ones whose label has that word,
 * and whether to write them into the tables of docs/protocols/encrypted.md, where other rows stay as they are.
 */
import { HONEST, type HonestRow } from "./honest_ciphers.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { NPM, type Program, Share, TorrentClient } from "./support_clients_torrent.ts";
import { ADDRESSES, execute, hasTool, Topology, until } from "./topology.ts";
import { program } from "./everyday.ts";

/** A row of either table: what names it, and what to do for the rest of its cells. */
interface Line {
  readonly table: "transfers" | "honest";
  readonly label: string;
  readonly cells: readonly (string | number)[];
  readonly needs: readonly string[];
  readonly watch: () => Promise<readonly (string | number)[]>;
}

/** One row of the first table. */
interface Row {
  readonly client: Program;
  readonly peers: number;
  /** The client at home calls, is called, or has the file. */
  readonly way: "calls" | "called" | "seeds";
  readonly tracker: "http" | "https" | "udp" | "none";
  readonly utp?: boolean;
  /** The transfer runs when ftwall starts. */
  readonly before?: boolean;
  readonly plain?: boolean;
}

/** Bytes a second that a client may move, and of its file: it lasts as long as anybody watches. */
const RATE = 100_000;
const FILE = 20_000_000;
/** Seconds after which nothing should move. */
const GRACE = 30;

const options = readArguments();

function rows(): Row[] {
  const rows: Row[] = [];
  const add = (client: Program, way: Row["way"], tracker: Row["tracker"], peers: readonly number[], more = {}) => {
    for (const count of peers) rows.push({ client, way, tracker, peers: count, ...more });
  };
  for (const way of ["calls", "called", "seeds"] as const) add("libtorrent", way, "none", [1, 4, 8]);
  for (const way of ["calls", "called", "seeds"] as const) add("libtorrent", way, "none", [8], { before: true });
  add("libtorrent", "calls", "https", [1, 4, 8]);
  add("libtorrent", "calls", "http", [1, 8]);
  add("libtorrent", "calls", "udp", [1, 8]);
  add("libtorrent", "calls", "http", [1, 4], { before: true });
  add("libtorrent", "seeds", "https", [4]);
  add("libtorrent", "calls", "none", [1, 4, 8], { utp: true });
  add("libtorrent", "called", "none", [1, 4], { utp: true });
  add("libtorrent", "seeds", "https", [4], { utp: true });
  add("libtorrent", "calls", "https", [4], { utp: true, before: true });
  add("webtorrent", "calls", "none", [1, 4, 8]);
  add("webtorrent", "calls", "https", [1, 4, 8]);
  add("webtorrent", "calls", "http", [1]);
  add("webtorrent", "called", "none", [4]);
  add("webtorrent", "seeds", "none", [4]);
  add("webtorrent", "calls", "http", [4], { before: true });
  add("webtorrent", "calls", "https", [4], { utp: true });
  add("transmission", "calls", "https", [1, 4, 8]);
  add("transmission", "calls", "http", [1]);
  add("transmission", "calls", "udp", [4]);
  add("transmission", "called", "https", [4]);
  add("transmission", "seeds", "https", [4]);
  add("transmission", "calls", "https", [4], { before: true });
  add("transmission", "calls", "https", [4], { utp: true });
  add("aria2", "calls", "https", [1, 4, 8]);
  add("aria2", "calls", "udp", [4]);
  add("aria2", "called", "https", [4]);
  add("aria2", "calls", "http", [4], { before: true });
  add("lftp", "calls", "http", [4], { plain: true });
  add("ctorrent", "calls", "http", [4], { plain: true });
  return rows;
}

function labelOf({ client, way, peers, tracker, utp, before, plain }: Row): string {
  return `${client} ${plain ? "plain " : ""}${way} ${peers} ${utp ? "uTP" : "TCP"} ${tracker}${
    before ? " running" : ""
  }`;
}

function outside(number: number): string {
  return ADDRESSES.server.v4.replace(/\d+$/, String(60 + number));
}

/** What a row came to. */
interface Result {
  readonly early: number;
  readonly late: number;
  readonly evidence: readonly string[];
}

async function run(row: Row): Promise<Result> {
  await using topology = await Topology.create({ prefix: "et" });
  await using stack = new AsyncDisposableStack();
  const addresses = Array.from({ length: row.peers }, (_, i) => outside(i));
  for (const address of addresses) await topology.must("server", ["ip", "addr", "add", `${address}/32`, "dev", "eth0"]);
  const scheme = row.tracker === "https"
    ? `https://${ADDRESSES.server.v4}:6970`
    : `${row.tracker}://${ADDRESSES.server.v4}:6969`;
  const trackers = row.tracker === "none" ? [] : [`${scheme}/announce`];
  const share = stack.use(new Share("file", trackers, FILE));
  // Only the one at home knows the tracker.
  const bare = `${share.dir}/bare.torrent`;
  Deno.copyFileSync(share.torrent, bare);
  let daemon = row.before === true ? null : stack.use(await RouterDaemon.start(topology));
  const common = { encrypted: row.plain !== true, utp: row.utp === true, rate: RATE };
  const home = { ...common, program: row.client, host: "client1" } as const;
  const there = { ...common, program: "libtorrent", host: "server", addresses } as const;
  const without = Object.assign(Object.create(share) as Share, { torrent: bare });
  let received: () => number;
  const track = async (named: string) => {
    if (row.tracker === "none") return;
    const certificate = `${share.dir}/cert.pem`;
    await execute(
      ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=tracker.example"]
        .concat(["-keyout", `${share.dir}/key.pem`, "-out", certificate]),
    );
    const given = ["--peers", named, "--cert", certificate, "--key", `${share.dir}/key.pem`];
    await topology.start("server", program("../support/swarm_tracker.ts", ...given)).prints("ready");
  };
  if (row.way === "calls") {
    const seeder = stack.use(await TorrentClient.seed(topology, without, there));
    await track(addresses.map((address) => `${address}:${seeder.port}`).join(","));
    const typed = row.tracker === "none" ? { peers: addresses.map((address) => [address, seeder.port] as const) } : {};
    const leecher = stack.use(TorrentClient.leech(topology, share, { ...home, ...typed }));
    received = () => leecher.received;
  } else if (row.way === "called") {
    await track("");
    const leecher = stack.use(TorrentClient.leech(topology, share, home));
    await topology.listening("client1", row.utp ? "udp" : "tcp", leecher.port, 20_000);
    const calling = { ...there, peers: [[ADDRESSES.client1.v4, leecher.port]] as const };
    stack.use(await TorrentClient.seed(topology, without, calling));
    received = () => leecher.received;
  } else {
    await track("");
    const seeder = stack.use(await TorrentClient.seed(topology, share, home));
    const calling = { ...there, peers: [[ADDRESSES.client1.v4, seeder.port]] as const };
    const leecher = stack.use(TorrentClient.leech(topology, without, calling));
    received = () => leecher.received;
  }
  if (row.before === true) {
    await until("a running transfer", () => received() > RATE, 40_000);
    daemon = stack.use(await RouterDaemon.start(topology));
  }
  const begun = received();
  await pause(GRACE);
  const early = received();
  await pause(Math.max(0, options.seconds - GRACE));
  const late = received();
  const names = new Set<string>();
  for (const event of daemon?.seen({ event: "detected" }) ?? []) names.add(`${event["evidence"]}`);
  for (const event of daemon?.seen({ event: "refused" }) ?? []) {
    if (event["evidence"]) names.add(`${event["evidence"]}`);
  }
  return { early: early - begun, late: late - early, evidence: [...names] };
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function readArguments() {
  const args = Deno.args;
  const value = (name: string, otherwise: string) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : args[at + 1] ?? otherwise;
  };
  const [seconds, jobs] = [Number(value("seconds", "180")), Number(value("jobs", "4"))];
  if (!(seconds >= GRACE) || !(jobs >= 1)) throw new TypeError(`Cannot watch ${seconds} s, ${jobs} rows at once`);
  const [first, last] = value("rows", "1-1000").split("-").map(Number);
  if (!(first! >= 1) || !(last! >= first!)) throw new TypeError(`Cannot watch rows "${value("rows", "")}"`);
  return { seconds, jobs, first: first!, last: last!, only: value("only", ""), write: args.includes("--write") };
}

/** Does `work` on all, some at once, in order of their beginning. */
async function inParallel<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < all.length; at = next++) results[at] = await work(all[at]!);
  };
  await Promise.all(Array.from({ length: options.jobs }, worker));
  return results;
}

/** Why a program cannot be tried here, "" where it can. */
function lacking(needs: readonly string[]): string {
  for (const tool of needs) {
    if (tool.startsWith("npm:")) {
      const { success } = new Deno.Command("test", { args: ["-d", `${NPM}/node_modules/${tool.slice(4)}`] })
        .outputSync();
      if (!success) return `${tool} is not in ${NPM}`;
    } else if (!hasTool(tool)) return `no ${tool}`;
  }
  return "";
}

const TOOLS: Readonly<Record<string, readonly string[]>> = {
  webtorrent: ["node", "npm:webtorrent"],
  transmission: ["transmission-cli"],
  aria2: ["aria2c"],
  lftp: ["lftp"],
  ctorrent: ["ctorrent"],
};

/** Every row of both tables. */
function lines(): Line[] {
  const transfers = rows().map((row): Line => ({
    table: "transfers",
    label: labelOf(row),
    cells: [
      ...[row.client + (row.plain ? ", plain" : ""), row.way, row.peers, row.utp ? "uTP" : "TCP"],
      ...[row.tracker, row.before ? "running" : "later"],
    ],
    needs: TOOLS[row.client] ?? [],
    watch: async () => {
      const { early, late, evidence } = await run(row);
      return [early, late, evidence.join(", ")];
    },
  }));
  const honest = HONEST.flatMap((row) =>
    [false, true].map((beside): Line => ({
      table: "honest",
      label: `honest ${row.label}`,
      cells: [row.label, beside ? "a torrent announced" : "alone"],
      needs: row.needs,
      watch: async () => {
        const { worked, tried, refused, detected } = await runHonest(row, beside);
        return [`${worked} of ${tried}`, refused, detected];
      },
    }))
  );
  return [...transfers, ...honest];
}

/** Watches a row. Answers it as the table has it, null where that could not be. */
async function watched({ label, cells, needs, watch }: Line): Promise<string | null> {
  try {
    const lack = lacking(needs);
    if (lack !== "") throw new Error(lack);
    const line = `| ${[...cells, options.seconds, ...(await watch())].join(" | ")} |`;
    show(line);
    return line;
  } catch (error) {
    show(`${label}: not tried: ${error instanceof Error ? error.message.slice(0, 300) : error}`);
    return null;
  }
}

/** The page with these lines in the place of the ones that begin alike; new ones come last. */
function withLines(page: string, table: string, found: readonly string[]): string {
  const begin = `<!-- ${table} -->`;
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(`<!-- end of ${table} -->`);
  const named = table === "transfers" ? 6 : 2;
  const keyOf = (line: string) => line.split("|").slice(1, named + 1).map((cell) => cell.trim()).join("|");
  const lines = page.slice(from, to).trim().split("\n");
  for (const line of found) {
    const at = lines.findIndex((before) => keyOf(before) === keyOf(line));
    if (at < 0) lines.push(line);
    else lines[at] = line;
  }
  return `${page.slice(0, from)}\n\n${lines.join("\n")}\n\n${page.slice(to)}`;
}

async function runHonest(row: HonestRow, beside: boolean) {
  await using topology = await Topology.create({ prefix: "eh" });
  await using stack = new AsyncDisposableStack();
  for (let i = 0; i < 10; i++) await topology.must("server", ["ip", "addr", "add", `${outside(i)}/32`, "dev", "eth0"]);
  const dir = Deno.makeTempDirSync({ prefix: "ftwall-honest-" });
  stack.defer(() => Deno.removeSync(dir, { recursive: true }));
  const daemon = stack.use(await RouterDaemon.start(topology));
  const start = await row.prepare({ topology, dir, outside });
  const announce = async () => {
    const query = `info_hash=${"%aa".repeat(20)}&peer_id=-lt2080-abcdefghijkl&port=6881&uploaded=0&downloaded=0&left=9`;
    await topology.run("client1", ["curl", "-s", "-m", "2", `http://${ADDRESSES.server.v4}:6969/announce?${query}`]);
  };
  let announced = 0;
  if (beside) {
    await topology.start("server", program("../support/swarm_tracker.ts")).prints("ready");
    await announce();
    await daemon.sees({ event: "detected", evidence: "http-tracker" });
    // A minute ago.
    await pause(Math.min(60, options.seconds / 3));
    announced = (await daemon.status()).counters.refused;
  }
  const { worked, tried } = await start(options.seconds / 2);
  const { refused } = (await daemon.status()).counters;
  const said = new Set(
    daemon.seen({ event: "detected" }).filter((event) => event["evidence"] !== "http-tracker")
      .map((event) => `${event["evidence"]} ${event["certainty"]}`),
  );
  return { worked, tried, refused: refused - announced, detected: [...said].join(", ") };
}

function show(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

async function main(): Promise<void> {
  const wanted = lines().slice(options.first - 1, options.last).filter(({ label }) => label.includes(options.only));
  const found = await inParallel(wanted, watched);
  if (options.write) {
    const path = new URL("../../docs/protocols/encrypted.md", import.meta.url);
    let page = Deno.readTextFileSync(path);
    for (const table of ["transfers", "honest"] as const) {
      page = withLines(page, table, found.filter((line, i) => line !== null && wanted[i]!.table === table) as string[]);
    }
    Deno.writeTextFileSync(path, page);
    await execute(["deno", "fmt", "--quiet", path.pathname]);
  }
  Deno.exit(0);
}

if (import.meta.main) await main();
