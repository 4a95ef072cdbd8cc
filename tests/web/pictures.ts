/**
 * Pictures of the page and of the report as a browser shows them: light, dark, on a phone, on paper. Needs chromium.
 * `deno run -A tests/web/pictures.ts FOLDER [NAME …]`
 */
import { Browser, type Look } from "../support/browser.ts";
import { Gallery } from "../support/gallery.ts";

const [folder = "pictures", ...only] = Deno.args;
Deno.mkdirSync(folder, { recursive: true });
await using gallery = await Gallery.open();
await using browser = await Browser.open();

const LOOKS: Readonly<Record<string, Look>> = {
  light: { width: 1100, height: 1500 },
  dark: { width: 1100, height: 1500, dark: true },
  phone: { width: 390, height: 1600, mobile: true },
};
const { overview, client, clients, report } = gallery.pages;
/** Those that docs/web.md shows. */
const SHOWN: Readonly<Record<string, readonly [url: string, look: Look]>> = {
  "web-overview": [overview!, { width: 900, height: 760 }],
  "web-client-dark": [client!, { width: 720, height: 640, dark: true }],
  "web-clients-phone": [clients!, { width: 360, height: 640, mobile: true }],
};

async function take(name: string, url: string, look: Look): Promise<void> {
  if (only.length > 0 && !only.some((one) => name === one || name.startsWith(`${one}-`))) return;
  await browser.load(url, look);
  Deno.writeFileSync(`${folder}/${name}.png`, await browser.picture());
}

for (const [name, url] of Object.entries(gallery.pages)) {
  for (const [look, how] of Object.entries(LOOKS)) await take(`${name}-${look}`, url, how);
}
for (const [name, [url, look]] of Object.entries(SHOWN)) await take(name, url, look);
if (only.length === 0 || only.includes("paper")) {
  await browser.load(report!, LOOKS["light"]!);
  Deno.writeFileSync(`${folder}/report.pdf`, await browser.paper());
}
