/**
 * How the page of a report looks.
 * @module
 */

/** The style sheet. Contrasts are those of WCAG AA in both schemes. */
export const PAGE_STYLE = `:root {
  color-scheme: light dark;
  --paper: #fff; --card: #f5f7fa; --ink: #17202b; --soft: #51606f; --line: #d8dfe7; --accent: #1f5fa8; --dry: #7a4b00; --dry-back: #ffefcf;
  --h0: #edf1f5; --h1: #cfe1f2; --h2: #9fc6e6; --h3: #64a3d4; --h4: #337fbe; --h5: #145c9e; --h6: #083a70;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #10161d; --card: #19222c; --ink: #e4eaf0; --soft: #9fb0c0; --line: #2c3947; --accent: #6fb2ee; --dry: #ffd78a; --dry-back: #4a3508;
    --h0: #1b2530; --h1: #1d3a57; --h2: #23547f; --h3: #2f74ad; --h4: #4c97d4; --h5: #82bdee; --h6: #c8e4fd;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem 1rem 2rem; background: var(--paper); color: var(--ink); font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: break-word; }
nav { margin: 0 0 1rem; border-bottom: 1px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: 0 1.2rem; margin: 0; padding: 0; list-style: none; }
nav a, nav button { display: inline-block; padding: .45rem 0; color: var(--accent); }
nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; box-shadow: inset 0 -3px var(--accent); }
nav button { border: 0; background: none; font: inherit; text-decoration: underline; cursor: pointer; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; }
h1 span { font-weight: 400; color: var(--soft); }
h2 { margin: 0 0 .35rem; font-size: 1.15rem; }
.span, .note, footer, small { color: var(--soft); }
header p { margin: .35rem 0; }
.dry { display: inline-block; padding: .1rem .5rem; border-radius: .3rem; background: var(--dry-back); color: var(--dry); font-size: .9rem; vertical-align: middle; }
section { margin-top: 1.8rem; }
.note { margin: 0 0 .6rem; font-size: .9rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1.2rem 0 0; padding: 0; list-style: none; }
.tiles li { padding: .6rem .8rem; border-radius: .4rem; background: var(--card); font-size: .9rem; }
.tiles b { display: block; font-size: 1.35rem; white-space: nowrap; line-height: 1.25; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 400; vertical-align: bottom; }
tbody th { font-weight: 600; white-space: nowrap; }
tbody th small { white-space: normal; }
small { display: block; font-weight: 400; font-size: .9em; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.chip { display: inline-block; padding: 0 .4rem; border-radius: .3rem; background: var(--card); border: 1px solid var(--line); font-size: .85rem; }
.chip[aria-current] { border-color: var(--accent); font-weight: 600; }
.spans { margin: 0 0 1rem; }
a { color: var(--accent); }
.bar { display: block; width: 7rem; max-width: 100%; height: .3rem; margin: .2rem 0 0 auto; fill: var(--accent); }
.d { white-space: nowrap; font-variant-numeric: tabular-nums; }
.heat th, .heat td { border: 0; padding: .08rem .4rem; vertical-align: middle; white-space: nowrap; }
.heat th:first-child { width: 5.8rem; padding-left: 0; font-weight: 400; }
.heat .weekend th { font-weight: 700; }
.heat .n { width: 5rem; color: var(--soft); font-weight: 400; }
.heat svg { display: block; width: 100%; height: 1.35rem; }
.heat svg.axis { height: 1rem; }
.axis text { fill: var(--soft); font-size: .75rem; }
.scale { display: flex; align-items: center; gap: .2rem; margin: .4rem 0 0; color: var(--soft); font-size: .8rem; }
.scale i { display: inline-block; width: 1.2rem; height: .8rem; border-radius: 2px; }
${["0", "1", "2", "3", "4", "5", "6"].map((i) => `.h${i} { fill: var(--h${i}); background: var(--h${i}); }`).join("\n")}
.hours { display: block; width: 100%; height: 5rem; fill: var(--accent); border-bottom: 1px solid var(--line); }
.ends { display: flex; justify-content: space-between; gap: 1rem; margin: .2rem 0 0; color: var(--soft); font-size: .8rem; }
.incidents { margin: 0; padding: 0; list-style: none; font-size: .9rem; }
.incidents li { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); padding: .25rem 0; border-bottom: 1px solid var(--line); }
time { color: var(--soft); font-variant-numeric: tabular-nums; }
footer { margin-top: 2rem; font-size: .82rem; }
@media (max-width: 40rem) {
  body { padding: .8rem; }
  .wide { display: none; }
  tbody th, thead th, thead .n { white-space: normal; }
  tbody th { min-width: 6.4rem; overflow-wrap: anywhere; }
  section { overflow-x: auto; }
  nav ul { gap: 0 .6rem; justify-content: space-between; }
  .tiles { grid-template-columns: 1fr 1fr; }
  th, td { padding: .3rem .3rem; }
  .incidents li { grid-template-columns: minmax(0, 1fr); }
  .bar { width: 4rem; }
  .d { white-space: normal; }
  .heat th:first-child { min-width: 0; width: 4.6rem; font-size: .8rem; }
  .heat .n { display: none; }
}
@media print {
  nav, .spans { display: none; }
  :root {
    --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --accent: #1f5fa8; --dry: #000; --dry-back: #fff;
    --h0: #f2f2f2; --h1: #cfe1f2; --h2: #9fc6e6; --h3: #64a3d4; --h4: #337fbe; --h5: #145c9e; --h6: #083a70;
  }
  @page { margin: 14mm; }
  :root { font-size: 9.5pt; }
  body { max-width: none; padding: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr, .tiles li, .heat, .hours { break-inside: avoid; }
  h2, .note, thead { break-after: avoid; }
  thead { display: table-header-group; }
  .tiles { grid-template-columns: repeat(3, 1fr); }
  section { margin-top: 1.2rem; }
  th, td { padding: .12rem .4rem; }
  tbody th small { display: inline; margin-left: .4rem; }
  .tiles li { border: 1px solid var(--line); }
  .dry { border: 1px solid #000; }
}
`;
