// The page, as a banker meets it: through the whole job, by keyboard alone, on a telephone, in the dark, for a screen
// reader, and with a server that goes away in between.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { PATIENCE, Server, ask, espeak, launch, look, open, plays, violations } from "./bespoke.mjs";

let server;
let browser;
let page;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

afterEach(async () => {
  await page?.context().close();
  page = null;
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

/** The heading that says which view is shown. */
const title = () => page.locator("h1");

test("a customer goes from the form to a video that plays, with captions, files and reasons", async () => {
  page = await open(browser, server.address);
  assert.equal(new URL(page.url()).hash, "#/", "the token does not stay in the address");
  await ask(page, "0001");

  // Live: stages go on, and the text is there as soon as it has passed, before there is a video.
  await page.locator(".stages .done").first().waitFor();
  await look(page, "under way");
  await page.locator(".reading", { hasText: "José" }).waitFor({ timeout: PATIENCE });
  await page.locator("video").waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });

  assert.ok(await plays(page) > 0.5);
  const jumped = await page.locator("video").evaluate((video) => new Promise((done) => {
    video.addEventListener("seeked", () => done(video.currentTime));
    video.currentTime = video.duration - 4;
  }));
  assert.ok(jumped > 10, "the video seeks");

  await page.getByRole("button", { name: "Captions as text" }).click();
  await page.locator(".caption-line").waitFor();
  await page.getByText("Transcript with times").click();
  const lines = page.locator(".transcript button");
  await lines.nth(1).click();
  await page.locator(".transcript button[aria-current]").waitFor();
  assert.ok(await lines.count() > 5);

  for (const file of ["Video", "Captions", "Text"]) {
    const link = page.locator(".downloads a", { hasText: file });
    const answer = await page.request.get(new URL(await link.getAttribute("href"), server.address).href);
    assert.equal(answer.status(), 200, file);
  }
  assert.equal(await page.locator(".offer").count(), 3);
  assert.match(await page.locator(".offer").first().textContent(), /Meridian Travel Rewards Card.*6\.50/s);
  await page.getByText("Every product weighed").click();
  assert.ok(await page.locator(".candidates tbody tr").count() > 3);
  assert.equal(await page.locator(".checks .refused").count(), 0);
  assert.ok(await page.locator(".checks .passed").count() > 10);

  await page.getByRole("link", { name: "History" }).click();
  await page.locator("tbody tr", { hasText: "0001" }).filter({ hasText: "Published" }).waitFor();

  assert.deepEqual(page.complaints, []);
  assert.deepEqual([...page.asked], [new URL(server.address).origin], "nobody else is asked for anything");
});

test("a customer who refused is explained, and nothing of them is shown", async () => {
  page = await open(browser, server.address);
  await ask(page, "0003");
  await page.getByText("Nothing was made for this customer").waitFor({ timeout: PATIENCE });
  assert.match(await page.locator(".note").textContent(), /did not agree to recommendations/);
  for (const absent of ["video", ".reading", ".offer"]) assert.equal(await page.locator(absent).count(), 0, absent);
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(page.complaints, []);
});

test("an unknown customer is told by the error's name, and the id is not echoed", async () => {
  page = await open(browser, server.address);
  await page.getByLabel("Customer", { exact: true }).fill("no-such-one");
  await page.getByRole("button", { name: "Make the recommendation" }).click();
  await page.locator(".note code", { hasText: "Input.UnknownCustomer" }).waitFor({ timeout: PATIENCE });
  await look(page, "unknown customer");
  assert.ok(!(await page.locator(".note").textContent()).includes("no-such-one"));
});

test("the whole job is done by keyboard alone, and the focus can be seen at every step", async () => {
  page = await open(browser, server.address);
  await page.getByLabel("Customer", { exact: true }).waitFor();
  const steps = [];
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
    const focus = await page.evaluate(() => {
      let shown = document.activeElement;
      // What is drawn for a hidden control shows its focus.
      if (getComputedStyle(shown).opacity === "0") shown = shown.nextElementSibling;
      const { outlineStyle, outlineWidth, display } = getComputedStyle(shown);
      const named = document.activeElement;
      return {
        name: named.name || named.textContent?.trim().slice(0, 40) || named.tagName,
        seen: display !== "none" && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
      };
    });
    steps.push(focus);
    return focus.name;
  };
  const tabTo = async (name) => {
    for (let at = 0; at < 40; at += 1) if ((await press("Tab")).startsWith(name)) return;
    assert.fail(`${name} is not reached: ${steps.map((step) => step.name).join(", ")}`);
  };
  await tabTo("Skip to the content");
  await page.keyboard.press("Enter");
  await tabTo("customer");
  await page.keyboard.type("0002");
  await tabTo("category");
  await tabTo("prompt");
  await tabTo("voice");
  await page.keyboard.type((await espeak(page)).slice(0, 4));
  await page.locator("select[name=voice]").selectOption({ label: await espeak(page) });
  await tabTo("rate");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("output").textContent(), "145 words a minute");
  await tabTo("shape");
  await page.keyboard.press("ArrowRight");
  await tabTo("Make the recommendation");
  await page.keyboard.press("Enter");
  await title().filter({ hasText: "Recommendation" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "a new view begins with its title");
  await page.locator("video").waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  await page.locator("video").evaluate((video) => { video.muted = true; });
  for (let at = 0; at < 40; at += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.tagName === "VIDEO")) break;
  }
  const began = page.locator("video").evaluate((video) => new Promise((done) => {
    video.addEventListener("timeupdate", () => video.currentTime > 0 && done(true));
  }));
  await page.keyboard.press("Space");
  assert.ok(await began, "the space bar plays the video");
  assert.deepEqual(steps.filter((step) => !step.seen), []);

  await tabTo("Take it back");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Take it back/, "the focus comes back");
});

test("a server that is killed in the middle of a run and started again loses nothing", async () => {
  page = await open(browser, server.address);
  await ask(page, "0010");
  await page.locator(".stages .running, .stages .done").first().waitFor({ timeout: PATIENCE });
  await server.kill();
  const lost = page.locator(".note-title", { hasText: "The server does not answer" });
  await lost.waitFor();
  await look(page, "server gone");
  await server.begin();
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  await page.locator("video").waitFor();
  assert.equal(await lost.count(), 0);
});

test("without a token nothing is shown but the way to sign in", async () => {
  page = await open(browser, new URL("/#/history", server.address).href);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Go on" }).click();
  await title().filter({ hasText: "Sign in" }).waitFor();
  await look(page, "sign in");
  await page.getByLabel("Token").fill(new URL(server.address).hash.slice("#token=".length));
  await page.getByRole("button", { name: "Go on" }).click();
  await title().filter({ hasText: "History" }).waitFor();
});
