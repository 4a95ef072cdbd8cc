/**
 * How the pages look beyond the report, and the script that brings them up to date. Colours are those of the report.
 * @module
 */

/** The rest of the style sheet. */
export const WEB_STYLE =
  `a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, summary:focus-visible, pre:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; z-index: 1; padding: .4rem .8rem; background: var(--paper); }
.top { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .2rem 1.5rem; margin-bottom: 1.4rem; border-bottom: 1px solid var(--line); }
.top p { margin: .3rem 0; color: var(--soft); }
.top p > b:first-child { color: var(--ink); font-size: 1.15rem; }
.top nav { margin: 0; border: 0; }
main h1 { margin-bottom: .8rem; }
button { min-height: 2rem; padding: .25rem .9rem; border: 1px solid var(--accent); border-radius: .3rem; background: var(--accent); color: var(--paper); font: inherit; cursor: pointer; }
td button { min-height: 1.6rem; padding: 0 .6rem; background: transparent; color: var(--accent); }
.top nav button, footer button { min-height: 1.5rem; border: 0; background: none; color: var(--accent); text-decoration: underline; }
input, select { min-height: 2rem; max-width: 100%; padding: .2rem .5rem; border: 1px solid var(--soft); border-radius: .3rem; background: var(--paper); color: var(--ink); font: inherit; }
form { margin: 0; }
main > form.row { margin-bottom: 1rem; }
.row, .row fieldset { display: flex; flex-wrap: wrap; align-items: end; gap: .5rem .9rem; }
.row p { margin: 0; }
.row label { display: block; color: var(--soft); font-size: .9rem; }
.forms { align-items: start; display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .8rem; }
fieldset { width: 100%; margin: 0; padding: .6rem .8rem .8rem; border: 1px solid var(--line); border-radius: .4rem; }
legend { padding: 0 .3rem; font-weight: 600; }
.said, .wrong, .trouble { margin: 0 0 1rem; padding: .6rem .9rem; border-radius: .4rem; border-left: .3rem solid var(--accent); background: var(--card); }
.wrong, .trouble { border-color: var(--dry); background: var(--dry-back); color: var(--dry); }
.trouble ul { margin: 0; padding-left: 1.1rem; }
.trouble h2 { font-size: 1rem; }
.chip.locked { border-color: var(--dry); background: var(--dry-back); color: var(--dry); }
main > .note { margin-top: 1rem; }
.facts { margin: 0; padding: 0; list-style: none; }
.facts li { margin: .25rem 0; }
.log { margin: 0; padding: 0; list-style: none; font-size: .9rem; }
.log li { padding: .25rem 0; border-bottom: 1px solid var(--line); }
code { overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: .85rem; }
pre { margin: .6rem 0 0; padding: .8rem; overflow-x: auto; border-radius: .4rem; background: var(--card); }
details { margin-top: 1.8rem; }
summary { cursor: pointer; min-height: 1.5rem; }
@media (max-width: 40rem) { #now { overflow-x: auto; } }
main > #now > section:first-child { margin-top: 0; }
`;

/** Loads the page anew every few seconds and takes over what has changed, unless somebody is busy there or has it paused. */
export const LIVE_SCRIPT = `"use strict";
const EVERY = 5000;
const pause = document.getElementById("pause");
const late = document.getElementById("late");
let paused = false;
pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
});
async function look() {
  if (paused || document.hidden) return;
  const answer = await fetch(location.href, { cache: "no-store", redirect: "error" });
  if (!answer.ok) throw new Error(answer.statusText);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live], #as-of")) {
    const next = fresh.getElementById(part.id);
    if (next !== null && !paused && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(next));
  }
}
setInterval(() => look().then(() => late.textContent = "", () => late.textContent = "No answer since."), EVERY);
`;

/** The icon: a wall with a gap. */
export const ICON =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#1f5fa8" d="M1 2h6v3H1zm8 0h6v3H9zM1 6h3v4H1zm11 0h3v4h-3zM1 11h6v3H1zm8 0h6v3H9z"/></svg>`;
