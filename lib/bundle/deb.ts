/**
 * Builds `dist/ftwall_VERSION_ARCH.deb` from `dist/ftwall`.
 *
 *     deno run -A lib/bundle/deb.ts [--arch aarch64] [--executable FILE] [--out DIRECTORY] [--version V] [--fast]
 *
 * `--fast` packs quickly rather than small.
 *
 * @module
 */
import { finished, output } from "./command.ts";
import {
  copy,
  type Npm,
  npmPackages,
  type Order,
  orderOf,
  root,
  RUN_FROM_SOURCE,
  valueOf,
  version,
  write,
} from "./material.ts";
import { debianArch } from "./parts.ts";

/** Words that the package's service takes from /etc/default/ftwall. */
const OPTIONS = `# How the service runs ftwall. Take --dry-run away to refuse in earnest, then: systemctl restart ftwall
FTWALL_OPTIONS="--dry-run"
`;

/** What lintian says and why it is so. */
const OVERRIDES = `# A compiled Deno program: stripping it would cut off the program.
ftwall: unstripped-binary-or-object
# Deno brings libraries of its own, at versions that belong to it.
ftwall: embedded-library
`;

function control(of: string, architecture: string, kib: number, maintainer: string): string {
  return `Package: ftwall
Version: ${of}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${kib}
Depends: libc6 (>= 2.31), libgcc-s1, libnetfilter-queue1, nftables | iptables
Recommends: libnftables1
Suggests: ipset
Section: net
Priority: optional
Description: stop peer-to-peer file sharing on a Linux router
 ftwall looks at the first packets of each connection in the kernel's queue
 (NFQUEUE), recognises file sharing by what is said, never by ports, and tells
 the kernel what to do with the rest. Everything else goes on.
 .
 The service starts in dry-run: it says what it would refuse, and refuses
 nothing. See /etc/default/ftwall.
`;
}

function copyright(npm: readonly Npm[]): string {
  const indented = (text: string) =>
    text.trim().split("\n").map((line) => line.trim() === "" ? " ." : ` ${line.trimEnd()}`).join("\n");
  const parts = npm.map(({ name, version, licence, text }) =>
    `Files: usr/sbin/ftwall\nCopyright: the authors of ${name} ${version}\nLicense: ${licence}-${
      name.replace(/\W+/g, "-")
    }\n${indented(text)}\n`
  );
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ftwall

Files: *
Copyright: the authors of ftwall
License: GPL-2+
 This package is free software; you can redistribute it and/or modify it under
 the terms of the GNU General Public License as published by the Free Software
 Foundation; either version 2 of the License, or (at your option) any later
 version.
 .
 On Debian systems, the complete text of the GNU General Public License version
 2 can be found in /usr/share/common-licenses/GPL-2.

Files: usr/sbin/ftwall
Copyright: 2018-2026 the Deno authors
License: MIT-deno
${indented(Deno.readTextFileSync(`${root}lib/bundle/licences/deno.txt`))}

${parts.join("\n")}`;
}

/** Lays all that install.sh lays for packages below `work`, with a program of the same answers as the executable. */
async function lay(work: string): Promise<void> {
  const stand = `${work}.ftwall`;
  await write(stand, `#!/bin/sh\nexec '${Deno.execPath()}' ${RUN_FROM_SOURCE.join(" ")} "$@"\n`, 0o755);
  try {
    await finished("sh", [`${root}install.sh`, "--destdir", work, "--prefix", "/usr", "--binary", stand]);
  } finally {
    await Deno.remove(stand);
  }
}

async function build(order: Order, of: string, fast: boolean): Promise<string> {
  const architecture = debianArch(order.arch);
  const work = await Deno.makeTempDir({ dir: order.out, prefix: "deb-" });
  try {
    const put = async (path: string, text: string, mode = 0o644) => {
      await Deno.mkdir(`${work}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true, mode: 0o755 });
      await write(`${work}${path}`, text, mode);
    };
    await lay(work);
    // Of another architecture, it could not have been asked.
    await copy(order.executable, `${work}/usr/sbin/ftwall`, 0o755);
    await put("/etc/default/ftwall", OPTIONS);
    await put("/usr/share/doc/ftwall/copyright", copyright(await npmPackages()));
    await put("/usr/share/lintian/overrides/ftwall", OVERRIDES);
    const maintainer = await output("git", ["-C", root, "log", "-1", "--format=%an <%ae>"]);
    const date = await output("git", ["-C", root, "log", "-1", "--date=rfc", "--format=%cd"]);
    const changes =
      `ftwall (${of}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the source.\n\n -- ${maintainer}  ${date}\n`;
    await put("/usr/share/doc/ftwall/changelog", changes);
    await finished("sh", ["-c", "gzip -9n usr/share/doc/ftwall/changelog $(find usr/share/man -type f)"], work);
    const sizes = await output("du", ["-sk", "--apparent-size", work]);
    await put("/DEBIAN/control", control(of, architecture, Number.parseInt(sizes), maintainer));
    await put("/DEBIAN/conffiles", "/etc/default/ftwall\n/etc/ftwall/ftwall.toml\n");
    for (const script of ["postinst", "prerm", "postrm"]) {
      await put(`/DEBIAN/${script}`, Deno.readTextFileSync(`${root}lib/bundle/debian/${script}`), 0o755);
    }
    await finished("chmod", ["-R", "u=rwX,go=rX", work]);
    const sums = await output("sh", ["-c", "find usr lib -type f | sort | xargs md5sum"], work);
    await put("/DEBIAN/md5sums", `${sums}\n`);
    const made = `${order.out}/ftwall_${of}_${architecture}.deb`;
    await finished("dpkg-deb", ["--root-owner-group", ...(fast ? ["-Zgzip", "-z1"] : ["-Zxz"]), "-b", work, made]);
    return made;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

if (import.meta.main) {
  const order = orderOf(Deno.args);
  const of = valueOf(Deno.args, "--version") ?? version();
  const made = await build(order, of, Deno.args.includes("--fast"));
  const bytes = Deno.statSync(made).size;
  await Deno.stdout.write(new TextEncoder().encode(`ftwall: built ${made} (${(bytes / 1e6).toFixed(1)} MB)\n`));
}
