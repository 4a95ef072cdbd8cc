/**
 * What the bundle holds besides ftwall: files of Debian packages, taken from this machine where it has the wanted
 * architecture, else fetched with apt.
 * @module
 */
import { finished, output } from "./command.ts";

/** The architectures that there are bundles for, as `uname -m` says them. */
export type Arch = "x86_64" | "aarch64";

/** A file of the bundle and where it lies there. */
export interface Part {
  /** Debian package. */
  readonly package: string;
  /** Names of the files in that package, without their directories. */
  readonly files: readonly string[];
  /** Directory in the bundle. */
  readonly to: "lib" | "bin";
  /** Unpacked first: with it the rest is unpacked. */
  readonly first?: boolean;
  /** SPDX expression of what is taken from the package. */
  readonly licence: string;
}

/** Name of the dynamic linker. */
export function loaderOf(arch: Arch): string {
  return arch === "x86_64" ? "ld-linux-x86-64.so.2" : "ld-linux-aarch64.so.1";
}

/**
 * The parts for an architecture: what `deno` itself is linked to, the libraries that ftwall opens, the nft tool for
 * routers without one, and xz. The build checks that no other file is needed.
 */
export function partsFor(arch: Arch): readonly Part[] {
  const libc = ["libc.so.6"];
  const rest = ["libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"];
  const gpl = "GPL-2.0-or-later";
  return [
    { package: "libc6", files: [loaderOf(arch), ...libc], to: "lib", first: true, licence: "LGPL-2.1-or-later" },
    { package: "libc6", files: rest, to: "lib", licence: "LGPL-2.1-or-later" },
    { package: "xz-utils", files: ["xz"], to: "bin", first: true, licence: "GPL-2.0-or-later" },
    { package: "liblzma5", files: ["liblzma.so.5"], to: "lib", first: true, licence: "0BSD" },
    { package: "libgcc-s1", files: ["libgcc_s.so.1"], to: "lib", licence: "GPL-3.0-or-later WITH GCC-exception-3.1" },
    { package: "libnetfilter-queue1", files: ["libnetfilter_queue.so.1"], to: "lib", licence: gpl },
    { package: "libmnl0", files: ["libmnl.so.0"], to: "lib", licence: "LGPL-2.1-or-later" },
    { package: "libnfnetlink0", files: ["libnfnetlink.so.0"], to: "lib", licence: "GPL-2.0-only" },
    { package: "nftables", files: ["nft"], to: "bin", licence: "GPL-2.0-only" },
    { package: "libnftables1", files: ["libnftables.so.1"], to: "lib", licence: "GPL-2.0-only" },
    { package: "libnftnl11", files: ["libnftnl.so.11"], to: "lib", licence: gpl },
    { package: "libxtables12", files: ["libxtables.so.12"], to: "lib", licence: gpl },
    { package: "libjansson4", files: ["libjansson.so.4"], to: "lib", licence: "MIT" },
    { package: "libgmp10", files: ["libgmp.so.10"], to: "lib", licence: "LGPL-3.0-or-later OR GPL-2.0-or-later" },
    { package: "libedit2", files: ["libedit.so.2"], to: "lib", licence: "BSD-3-Clause" },
    { package: "libbsd0", files: ["libbsd.so.0"], to: "lib", licence: "BSD-3-Clause" },
    { package: "libmd0", files: ["libmd.so.0"], to: "lib", licence: "BSD-3-Clause" },
    { package: "libtinfo6", files: ["libtinfo.so.6"], to: "lib", licence: "X11" },
  ];
}

/** A Debian package whose files can be read. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** The file of that name in the package, followed to the end of its links. Throws where the package has none. */
  readonly file: (name: string) => string;
  readonly copyright: string;
}

/** Debian's name of an architecture. */
export function debianArch(arch: Arch): string {
  return arch === "x86_64" ? "amd64" : "arm64";
}

/** The packages of these names, installed here or fetched below `cache`. Throws where one cannot be had. */
export async function packagesFor(arch: Arch, names: readonly string[], cache: string): Promise<Map<string, Package>> {
  return arch === Deno.build.arch ? await installed(names) : await fetched(arch, names, cache);
}

async function installed(names: readonly string[]): Promise<Map<string, Package>> {
  const packages = new Map<string, Package>();
  for (const name of names) {
    const version = await output("dpkg-query", ["-W", "-f", "${Version}", name]);
    const paths = (await output("dpkg-query", ["-L", name])).split("\n");
    packages.set(name, packageOf(name, version, paths, `/usr/share/doc/${name}/copyright`));
  }
  return packages;
}

/** With state and lists of its own, so that this machine's package manager learns nothing of another architecture. */
export async function fetched(arch: Arch, names: readonly string[], cache: string): Promise<Map<string, Package>> {
  const debian = debianArch(arch);
  for (const dir of ["lists/partial", "archives/partial", debian]) {
    await Deno.mkdir(`${cache}/${dir}`, { recursive: true });
  }
  await Deno.writeTextFile(`${cache}/status`, "");
  const options = [
    ["APT::Architecture", debian],
    ["APT::Architectures", debian],
    ["Dir::State", cache],
    ["Dir::State::status", `${cache}/status`],
    ["Dir::Cache", cache],
    ["APT::Sandbox::User", "root"],
  ].flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  await finished("apt-get", ["-q", ...options, "update"]);
  await finished("apt-get", ["-q", ...options, "download", ...names], `${cache}/${debian}`);
  const packages = new Map<string, Package>();
  for (const entry of [...Deno.readDirSync(`${cache}/${debian}`)].filter(({ name }) => name.endsWith(".deb"))) {
    const file = `${cache}/${debian}/${entry.name}`;
    const [name, version] = (await output("dpkg-deb", ["-W", "--showformat", "${Package} ${Version}", file])).split(
      " ",
    );
    if (name === undefined || version === undefined || !names.includes(name)) continue;
    const root = `${cache}/${debian}/${name}`;
    await finished("dpkg-deb", ["-x", file, root]);
    packages.set(name, packageOf(name, version, [...pathsBelow(root)], `${await documents(root, name)}/copyright`));
  }
  return packages;

  /** The directory of a package's documents, which may be that of another package. */
  async function documents(root: string, name: string): Promise<string> {
    const own = `${root}/usr/share/doc/${name}`;
    if (!(await Deno.lstat(own)).isSymlink) return own;
    const other = await Deno.readLink(own);
    await finished("apt-get", ["-q", ...options, "download", other], `${cache}/${debian}`);
    await finished("sh", ["-c", `dpkg-deb -x ${other}_*.deb ${other}`], `${cache}/${debian}`);
    return `${cache}/${debian}/${other}/usr/share/doc/${other}`;
  }
}

function packageOf(name: string, version: string, paths: readonly string[], copyright: string): Package {
  return {
    name,
    version,
    copyright,
    file: (wanted) => {
      const path = paths.find((path) => path.endsWith(`/${wanted}`) && !path.includes("/share/"));
      if (path === undefined) throw new Error(`the package ${name} ${version} has no file ${wanted}`);
      return Deno.realPathSync(path);
    },
  };
}

function* pathsBelow(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* pathsBelow(path);
    else yield path;
  }
}
