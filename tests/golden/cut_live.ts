/**
 * Cuts golden captures from what the live tests with real clients keep: `FTWALL_KEEP_CAPTURES=DIR` for those tests, then
 * `deno run -A tests/golden/cut_live.ts DIR`; what DIR does not hold stays as it is. The first packets of some flows, a few KiB; the addresses are those of the
 * network namespaces.
 */
const CUTS: readonly (readonly [folder: string, capture: string, packets: number, what: string, wanted: RegExp])[] = [
  ["bittorrent_live", "bittorrent", 40, "aria2, transmission, libtorrent, rtorrent and qbittorrent-nox", /./],
  ["edonkey_live", "emule", 40, "aMule 2.3.3, plain and with obfuscation required, Kad on", /./],
  [
    "edonkey_server_live",
    "emule_server",
    40,
    "aMule 2.3.3 with the tests' server, in clear, as it is set up, and with obfuscation required",
    /198\.51\.100\.2:/,
  ],
  [
    "directconnect_live",
    "directconnect",
    45,
    "ncdc 1.23.1 with uhub (ADC, in TLS too) and the tests' NMDC hub",
    /:151[123]\b/,
  ],
  ["soulseek_live", "standin", 12, "the tests' Soulseek client, with the tests' server and peer", /:(2242|2234)\b/],
  ["gnutella_live", "standin", 14, "the tests' Gnutella servent", /:6346\b/],
];
/** Payload packets of a flow that are kept, and bytes of each frame. */
const EACH = 4;
const LONGEST = 700;

function cut(dir: string): void {
  const here = new URL(".", import.meta.url).pathname;
  for (const [folder, capture, most, what, wanted] of CUTS) {
    if (![...Deno.readDirSync(dir)].some(({ name }) => name === `${capture}.pcap`)) continue;
    const file = Deno.readFileSync(`${dir}/${capture}.pcap`);
    const view = new DataView(file.buffer);
    const parts: Uint8Array[] = [file.slice(0, 24)];
    const kept = new Map<string, number>();
    for (let at = 24; at + 16 <= file.length && parts.length <= most;) {
      const size = view.getUint32(at + 8, true);
      const frame = at + 16;
      at = frame + size;
      if (at > file.length || file[frame + 12] !== 8 || file[frame + 13] !== 0) continue;
      const tcp = file[frame + 23] === 6;
      const head = frame + 14 + (file[frame + 14]! & 15) * 4;
      const ends = [26, 30].map((from, i) =>
        `${file.subarray(frame + from, frame + from + 4).join(".")}:${view.getUint16(head + i * 2)}`
      );
      if (!ends.some((end) => wanted.test(end))) continue;
      const data = frame + 14 + view.getUint16(frame + 16) - head - (tcp ? (file[head + 12]! >> 4) * 4 : 8);
      // Bare acknowledgements say nothing.
      if (tcp && data === 0 && (file[head + 13]! & 2) === 0) continue;
      const key = [...ends].sort().join(" ");
      const count = kept.get(key) ?? 0;
      if (count >= EACH + (tcp ? 2 : 0)) continue;
      kept.set(key, count + 1);
      const record = file.slice(frame - 16, Math.min(at, frame + LONGEST));
      new DataView(record.buffer).setUint32(8, record.length - 16, true);
      parts.push(record);
    }
    Deno.mkdirSync(`${here}${folder}`, { recursive: true });
    Deno.writeFileSync(`${here}${folder}/capture.pcap`, new Uint8Array(parts.flatMap((part) => [...part])));
    Deno.writeTextFileSync(
      `${here}${folder}/PROVENANCE.md`,
      `# ${folder}\n\nRecorded by the live tests (\`tests/live/clients_*_test.ts\`) between network namespaces: ${what}.\n` +
        `Cut by \`tests/golden/cut_live.ts\`: the first packets of each flow, frames cut at ${LONGEST} bytes. Files are random bytes; no\n` +
        `traffic of anybody is in it.\n`,
    );
  }
}

if (import.meta.main) cut(Deno.args[0]!);
