/**
 * Builds `dist/ftwall-VERSION-linux-ARCH.run` from `dist/ftwall`: a shell script with two archives behind it. The first,
 * in gzip's form, which every busybox reads, holds a loader, a C library, xz and install.sh; the second all the rest.
 *
 *     deno run -A lib/bundle/run_file.ts [--arch aarch64] [--executable FILE | --deno FILE] [--out DIRECTORY]
 *
 * `--deno` makes a bundle, a fifth larger, for an architecture for which no executable can be made: Deno itself is
 * in it, and the program beside it.
 *
 * @module
 */
import { finished, output } from "./command.ts";
import { copy, ftwall, manPages, npmPackages, type Order, orderOf, root, version, write } from "./material.ts";
import { type Arch, debianArch, loaderOf, type Package, packagesFor, type Part, partsFor } from "./parts.ts";
import { type Component, sbom } from "./sbom.ts";

const BLOCK = 4096;

async function sha256(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The words that start a program of the bundle; `up` leads from their directory to that of the bundle. */
function launcher(program: string, up: string, args: string): string {
  return Deno.readTextFileSync(`${root}lib/bundle/launcher.sh`)
    .replaceAll("@PROGRAM@", program).replaceAll("@UP@", up).replaceAll("@ARGUMENTS@", args)
    // Deno itself keeps what it has read; an executable does not.
    .replace(
      "export PATH\n",
      args === "" ? "$&" : "DENO_DIR=$$here/cache DENO_NO_UPDATE_CHECK=1\nexport PATH DENO_DIR DENO_NO_UPDATE_CHECK\n",
    );
}

/** How Deno runs the program; what V8 is told stands in install.sh for the executable. */
const RUN = " run -A --no-prompt --quiet --no-config --v8-flags=--optimize-for-size,--max-old-space-size=128," +
  '--max-semi-space-size=2,--expose-gc "$here/bin/parts/main.js"';

/** Lays libraries and tools; answers what they are. */
async function layParts(tree: string, arch: Arch, packages: ReadonlyMap<string, Package>): Promise<Component[]> {
  const components = new Map<string, Component>();
  for (const part of partsFor(arch)) {
    const found = packages.get(part.package);
    if (found === undefined) throw new Error(`the Debian package ${part.package} cannot be had`);
    const files = [...components.get(part.package)?.files ?? []];
    for (const name of part.files) {
      const to = `${part.to}/${name}`;
      await copy(found.file(name), `${tree}/${to}`, 0o755);
      files.push({ name: to, sha256: await sha256(`${tree}/${to}`) });
    }
    await copy(found.copyright, `${tree}/licences/${part.package}.txt`, 0o644);
    const purl = `pkg:deb/debian/${part.package}@${encodeURIComponent(found.version)}?arch=${debianArch(arch)}`;
    components.set(part.package, { name: part.package, version: found.version, purl, licence: part.licence, files });
  }
  // A process has the name of the file that was executed: here the loader. head.sh makes these copies.
  for (const program of ["ftwall", "nft"]) {
    await copy(`${tree}/lib/${loaderOf(arch)}`, `${tree}/loader/${program}`, 0o755);
  }
  return [...components.values()];
}

/** Lays what ftwall brings: executable, installer, service files, example config, completions, man pages, licences. */
async function layProgram(tree: string, order: Order): Promise<Component[]> {
  await copy(order.deno ?? order.executable, `${tree}/bin/ftwall`, 0o755);
  if (order.deno !== null) {
    // In parts, as install.sh makes the executable of.
    const splitting = ["bundle", "--quiet", "--minify", "--code-splitting", "--outdir", `${tree}/bin/parts`];
    await finished(Deno.execPath(), [...splitting, `${root}main.ts`], root);
  }
  await copy(`${root}install.sh`, `${tree}/install.sh`, 0o755);
  await write(`${tree}/ftwall`, launcher("ftwall", "", order.deno === null ? "" : RUN), 0o755);
  await write(`${tree}/tools/nft`, launcher("nft", "/..", ""), 0o755);
  await copy(`${root}LICENSE`, `${tree}/licences/ftwall.txt`, 0o644);
  await copy(`${root}lib/bundle/licences/deno.txt`, `${tree}/licences/deno.txt`, 0o644);
  const empty = `${tree}/share/ftwall.toml.example`;
  await write(empty, "");
  await write(empty, await ftwall("check", "--config", empty));
  for (const shell of ["bash", "zsh", "fish"]) {
    await write(`${tree}/share/completions.${shell}`, await ftwall("completions", shell));
  }
  for (const kind of ["systemd", "procd", "openrc", "sysv"]) {
    await write(
      `${tree}/share/service.${kind}`,
      `${await output("sh", [`${root}install.sh`, "--print-service", kind])}\n`,
    );
  }
  for (const page of manPages()) await copy(page, `${tree}/share/${page.slice(page.lastIndexOf("/") + 1)}`, 0o644);
  const deno = Deno.readTextFileSync(`${root}.dvmrc`).trim();
  const components: Component[] = [
    { name: "deno", version: deno, purl: `pkg:github/denoland/deno@v${deno}`, licence: "MIT", files: [] },
  ];
  for (const { name, version, licence, text } of await npmPackages()) {
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    components.push({ name, version, purl, licence, files: [] });
    await write(`${tree}/licences/${name.replace("/", "_")}.txt`, text);
  }
  return components;
}

/** Fails where a program of the bundle would take a library from the machine. Only tried where it can run. */
async function complete(tree: string, arch: Arch): Promise<void> {
  if (arch !== Deno.build.arch) return;
  const loader = `${tree}/lib/${loaderOf(arch)}`;
  const opened = ["lib/libnetfilter_queue.so.1", "lib/libnftables.so.1"];
  for (const program of ["bin/ftwall", "bin/nft", "bin/xz", ...opened]) {
    const list = await output(loader, ["--library-path", `${tree}/lib`, "--list", `${tree}/${program}`]);
    for (const line of list.split("\n").filter((line) => line.includes("=>"))) {
      if (!line.includes(`=> ${tree}/lib/`)) throw new Error(`${program} needs what the bundle lacks: ${line.trim()}`);
    }
  }
}

function firstFiles(arch: Arch): string[] {
  const parts = partsFor(arch).filter((part: Part) => part.first === true);
  return ["install.sh", ...parts.flatMap(({ files, to }) => files.map((name) => `${to}/${name}`))];
}

async function build(order: Order): Promise<string> {
  const of = version();
  const file = `ftwall-${of}-linux-${order.arch}`;
  await Deno.mkdir(order.out, { recursive: true });
  const work = await Deno.makeTempDir({ dir: order.out, prefix: "bundle-" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      Deno.removeSync(work, { recursive: true });
      Deno.exit(1);
    });
  }
  try {
    const tree = `${work}/tree`;
    for (const dir of ["bin", "lib", "loader", "tools", "share", "licences"]) {
      await Deno.mkdir(`${tree}/${dir}`, { recursive: true });
    }
    const names = [...new Set(partsFor(order.arch).map((part) => part.package))];
    const packages = await packagesFor(order.arch, names, `${root}dist/packages`);
    const components = [...await layProgram(tree, order), ...await layParts(tree, order.arch, packages)];
    await write(`${tree}/share/sbom.cdx.json`, sbom(of, components));
    await complete(tree, order.arch);
    await write(`${tree}/complete`, `${file}\n`);

    const first = firstFiles(order.arch);
    const later = (path: string) => !first.includes(path) && !path.startsWith("loader/") && path !== "complete";
    const rest = [...filesBelow(tree)].filter(later).sort();
    await archive(tree, [...first], `${work}/first.tar`);
    await archive(tree, [...rest, "complete"], `${work}/rest.tar`);
    await finished("gzip", ["-9n", `${work}/first.tar`]);
    // The filter for machine code saves a twentieth. One thread whatever the machine has: the same file everywhere.
    const filter = order.arch === "x86_64" ? "--x86" : "--arm64";
    const known = (await output("xz", ["--long-help"])).includes(filter) ? [filter] : [];
    await finished("xz", ["-T1", ...known, "--lzma2=preset=6,dict=16MiB,lc=4", "--check=crc32", `${work}/rest.tar`]);

    const made = `${order.out}/${file}.run`;
    await assemble(made, order.arch, of, `${work}/first.tar.gz`, `${work}/rest.tar.xz`, sizeOf(tree));
    await Deno.writeTextFile(`${made}.sha256`, `${await sha256(made)}  ${file}.run\n`);
    await Deno.copyFile(`${tree}/share/sbom.cdx.json`, `${order.out}/${file}.cdx.json`);
    return made;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

function* filesBelow(tree: string, folder = ""): Generator<string> {
  for (const entry of Deno.readDirSync(`${tree}/${folder}`)) {
    if (entry.isDirectory) yield* filesBelow(tree, `${folder}${entry.name}/`);
    else yield `${folder}${entry.name}`;
  }
}

/** KiB on a disk with blocks of 4 KiB. */
function sizeOf(tree: string): number {
  let blocks = 16;
  for (const path of filesBelow(tree)) blocks += Math.ceil(Deno.statSync(`${tree}/${path}`).size / BLOCK);
  return blocks * (BLOCK / 1024);
}

/** The same files give the same archive. */
async function archive(tree: string, files: readonly string[], to: string): Promise<void> {
  const same = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--format=ustar"];
  await finished("tar", ["-cf", to, ...same, ...files], tree);
}

async function assemble(
  to: string,
  arch: Arch,
  of: string,
  firstPath: string,
  restPath: string,
  disk: number,
): Promise<void> {
  const padded = (bytes: Uint8Array, fill = 0) => {
    const whole = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK).fill(fill);
    whole.set(bytes);
    return whole;
  };
  const first = padded(await Deno.readFile(firstPath));
  const rest = await Deno.readFile(restPath);
  // Two builds of one version are told apart by what is in them.
  const content = new Uint8Array(await crypto.subtle.digest("SHA-256", rest)).toHex().slice(0, 8);
  const text = Deno.readTextFileSync(`${root}lib/bundle/head.sh`)
    .replaceAll("@VERSION@", of).replaceAll("@ARCH@", arch).replaceAll("@DISK@", String(disk))
    .replaceAll("@NAME@", `ftwall-${of}-${content}`)
    .replaceAll("@FIRST@", String(first.length / BLOCK).padEnd(7));
  // The sum has its length whatever it is, and so has the text.
  const blocks = Math.ceil((new TextEncoder().encode(text).length + 64) / BLOCK);
  const sized = text.replaceAll("@HEAD@", String(blocks));
  const [before, after] = sized.split(/^sum=@SUM@\n/m);
  if (before === undefined || after === undefined) throw new Error("head.sh has no line for its sum");
  const fill = blocks * BLOCK - new TextEncoder().encode(before + after).length - "sum=\n".length - 64;
  const end = `${after}${"\n".repeat(fill)}`;
  const summed = new Blob([before, end, first, rest]);
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await summed.arrayBuffer())).toHex();
  await Deno.writeFile(to, new Blob([before, `sum=${sum}\n`, end, first, rest]).stream(), { mode: 0o755 });
}

if (import.meta.main) {
  const made = await build(orderOf(Deno.args));
  const bytes = Deno.statSync(made).size;
  await Deno.stdout.write(new TextEncoder().encode(`ftwall: built ${made} (${(bytes / 1e6).toFixed(1)} MB)\n`));
}
