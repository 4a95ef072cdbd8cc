/**
 * The pages in a real browser: `deno test -A tests/web/browser_check.ts`. Not among the tests of every day, as it takes chromium.
 */
import assert from "node:assert/strict";
import { hasTool } from "../live/topology.ts";
import { Browser } from "../support/browser.ts";
import { Gallery } from "../support/gallery.ts";

const missing = hasTool("chromium") ? "" : " (skipped: no chromium)";
const test = (name: string, body: (browser: Browser, gallery: Gallery) => Promise<void>) =>
  Deno.test({
    name: `${name}${missing}`,
    ignore: missing !== "",
    async fn() {
      await using gallery = await Gallery.open();
      await using browser = await Browser.open();
      await body(browser, gallery);
    },
  });

const PHONE = { width: 320, height: 640, mobile: true };

test(
  "no page is wider than a phone of 320 pixels, and the browser finds nothing that the policy forbids",
  async (browser, gallery) => {
    for (const [name, url] of Object.entries(gallery.pages)) {
      await browser.load(url, PHONE);
      const wide = await browser.value(`[...document.querySelectorAll("body *")]
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("section, pre, .skip, #now"))
      .map((e) => e.outerHTML.slice(0, 80))`);
      assert.deepEqual(wide, [], name);
      assert.equal(await browser.value("document.documentElement.scrollWidth"), PHONE.width, name);
      const small = await browser.value(`[...document.querySelectorAll("button, input, select, nav a")]
      .filter((e) => e.type !== "hidden" && !e.hidden && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)`);
      assert.deepEqual(small, [], `${name}: targets of less than 24 pixels`);
    }
    assert.deepEqual(browser.complaints, []);
  },
);

test("tables that do not fit a phone can be scrolled, few do not", async (browser, gallery) => {
  for (const [name, url] of Object.entries(gallery.pages)) {
    await browser.load(url, { ...PHONE, width: 390 });
    const cut = await browser.value(`[...document.querySelectorAll("section")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.querySelector("h2").textContent + " " + (e.scrollWidth - e.clientWidth))`);
    assert.deepEqual(cut, [], name);
  }
});

test("without scripts every page says the same, and forms work", async (browser, gallery) => {
  await browser.scripts(false);
  await browser.load(gallery.pages["overview"]!, { width: 900, height: 700 });
  await browser.scripts(true);
  assert.equal(await browser.value(`document.querySelector("h1").textContent`), "Overview");
  assert.equal(await browser.value(`document.getElementById("pause").hidden`), true);
  assert.equal(await browser.value(`getComputedStyle(document.getElementById("pause")).display`), "none");
});

test("the page brings itself up to date until it is paused", async (browser, gallery) => {
  await browser.load(gallery.pages["dry"]!, { width: 900, height: 700 });
  assert.equal(await browser.value(`document.getElementById("pause").hidden`), false);
  const asOf = `document.getElementById("as-of").dateTime`;
  const first = await browser.value(asOf);
  gallery.now += 61_000;
  await browser.value(`new Promise((done) => {
    const timer = setInterval(() => ${asOf} !== "${first}" && done(clearInterval(timer)), 100);
  })`);
  assert.equal(await browser.value(asOf), new Date(gallery.now).toISOString());
  gallery.away = true;
  const late = `document.getElementById("late").textContent`;
  const says = (text: string) =>
    browser.value(`new Promise((done) => {
      const timer = setInterval(() => ${late} === "${text}" && done(clearInterval(timer)), 100);
    })`);
  await says("No answer since.");
  gallery.away = false;
  await says("");
  const asked = gallery.asked;
  await browser.value(`document.getElementById("pause").click()`);
  await new Promise((resolve) => setTimeout(resolve, 6000));
  assert.equal(gallery.asked, asked);
  assert.equal(await browser.value(`document.getElementById("pause").textContent`), "Go on");
});

test(
  "by keyboard one comes to the content first, then to every place; what has the focus shows it",
  async (browser, gallery) => {
    await browser.load(gallery.pages["overview"]!, { width: 900, height: 700 });
    const seen: string[] = [];
    for (let i = 0; i < 7; i++) {
      await browser.press("Tab");
      seen.push(String(await browser.value("document.activeElement.textContent")));
      assert.notEqual(
        await browser.value("getComputedStyle(document.activeElement).outlineStyle"),
        "none",
        seen.at(-1),
      );
    }
    assert.deepEqual(seen.slice(0, 6), ["Skip to the content", "Overview", "Clients", "Events", "Report", "Sign out"]);
  },
);

test("by keyboard alone one signs in, locks a client and signs out", async (browser, gallery) => {
  await browser.load(gallery.pages["login"]!, { width: 900, height: 700 });
  const focus = async (selector: string) =>
    await browser.value(`document.querySelector(${JSON.stringify(selector)}).focus()`);
  await focus("#token");
  await browser.type(gallery.token);
  await browser.enter();
  assert.equal(await browser.value("document.title"), "Overview, ftwall on router");
  await browser.load(gallery.pages["remembered"]!, { width: 900, height: 700 });
  await focus("#lock-reason");
  await browser.type("asked for");
  await browser.enter();
  const said = await browser.value(`document.querySelector("[role=status].said").textContent`);
  assert.equal(said, "lock of 192.168.1.34: done");
  await focus("nav button");
  await browser.enter();
  assert.equal(await browser.value(`document.querySelector("nav li:last-child").textContent`), "Sign in");
  assert.deepEqual(browser.complaints, []);
});
