/**
 * The list of what is in the bundle, in CycloneDX 1.5.
 * @module
 */

/** A program or library that somebody else made. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** Package URL: https://github.com/package-url/purl-spec */
  readonly purl: string;
  /** SPDX expression. */
  readonly licence: string;
  /** Files in the bundle with their SHA-256, where they lie there by themselves. */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** The text of a CycloneDX file: ftwall of this version, made of these. */
export function sbom(version: string, components: readonly Component[]): string {
  const root = `pkg:generic/ftwall@${version}`;
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": root,
        name: "ftwall",
        version,
        licenses: [{ expression: "GPL-2.0-or-later" }],
      },
    },
    components: components.map(({ name, version, purl, licence, files }) => ({
      type: "library",
      "bom-ref": purl,
      name,
      version,
      purl,
      licenses: [{ expression: licence }],
      components: files.map((file) => ({
        type: "file",
        "bom-ref": `${purl}#${file.name}`,
        name: file.name,
        hashes: [{ alg: "SHA-256", content: file.sha256 }],
      })),
    })),
    dependencies: [{ ref: root, dependsOn: components.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
