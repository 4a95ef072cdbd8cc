import assert from "node:assert/strict";
import { PAGE_STYLE } from "../../lib/history/report_style.ts";
import { LIVE_SCRIPT, WEB_STYLE } from "../../lib/web/looks.ts";

/** Colours of a block of the style sheet by name, with what an earlier block has. */
function coloursIn(block: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    ...before,
    ...Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]+)/g)].map(([, name, value]) => [name!, value!])),
  };
}

const [, light, dark, print] =
  /^:root \{([^}]*)\}[\s\S]*?dark\) \{\s*:root \{([^}]*)\}[\s\S]*@media print[\s\S]*?:root \{([^}]*)\}/.exec(
    PAGE_STYLE,
  )!;
const SCHEMES = { light: coloursIn(light!), dark: coloursIn(dark!), print: coloursIn(print!) };

/** Relative luminance (WCAG 2.2). */
function luminance(colour: string): number {
  const digits = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(digits.slice(at, at + 2), 16) / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter! + 0.05) / (darker! + 0.05);
}

Deno.test("contrast: black on white is 21, and the same is 1", () => {
  assert.equal(Math.round(contrast("#000", "#ffffff") * 100) / 100, 21);
  assert.equal(contrast("#123456", "#123456"), 1);
});

/** What stands on what: 4.5 for text (WCAG 2.2, 1.4.3), 3 for edges of fields, bars and the focus (1.4.11). */
const PAIRS: readonly (readonly [front: string, back: string, least: number])[] = [
  ...["ink", "soft", "accent"].flatMap((front) => ["paper", "card"].map((back) => [front, back, 4.5] as const)),
  ["dry", "dry-back", 4.5],
  // On buttons; the second is the border of a field.
  ["paper", "accent", 4.5],
  ["soft", "paper", 3],
  ["dry", "paper", 3],
];

for (const [scheme, colours] of Object.entries(SCHEMES)) {
  Deno.test(`contrasts of the ${scheme} scheme are those of WCAG AA`, () => {
    for (const [front, back, least] of PAIRS) {
      const found = contrast(colours[front]!, colours[back]!);
      assert.ok(found >= least, `${front} on ${back}: ${found.toFixed(2)}`);
    }
    // The darkest hour of the heat map against none.
    assert.ok(contrast(colours["h6"]!, colours["h0"]!) >= 3);
  });
}

Deno.test("the style names only colours that there are, and loads nothing", () => {
  for (const [, name] of (PAGE_STYLE + WEB_STYLE).matchAll(/var\(--([\w-]+)\)/g)) {
    assert.ok(name! in SCHEMES.light, name);
  }
  assert.doesNotMatch(PAGE_STYLE + WEB_STYLE, /url\(|@import|<\//);
});

Deno.test("the script takes over text alone, and asks for nothing but the page itself", () => {
  new Function(LIVE_SCRIPT);
  assert.doesNotMatch(LIVE_SCRIPT, /innerHTML|insertAdjacentHTML|document\.write|eval\(/);
  assert.deepEqual([...LIVE_SCRIPT.matchAll(/fetch\(([^,]+),/g)].map(([, what]) => what), ["location.href"]);
});
