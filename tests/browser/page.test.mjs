// Tests of the staff page: a complete job, keyboard-only use, every theme, accessibility, and recovery from a server crash.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { PATIENCE, Server, checkView, createRecommendation, espeak, launch, open, plays, violations } from "./bespoke.mjs";

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

/** The heading of the current view. */
const title = () => page.locator("h1");

test("form creates a result with a video, captions, files and reasons", async () => {
  page = await open(browser, server.address);
  assert.equal(new URL(page.url()).hash, "#/", "the token is removed from the address");
  await createRecommendation(page, "0001");

  // The stages are updated live. The text appears after it has been checked and before the video is ready.
  await page.locator(".stages .done").first().waitFor();
  await checkView(page, "in progress");
  await page.locator(".reading", { hasText: "José" }).waitFor({ timeout: PATIENCE });
  await page.locator("video").waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });

  assert.ok(await plays(page) > 0.5);
  const jumped = await page.locator("video").evaluate((video) => new Promise((resolve) => {
    video.addEventListener("seeked", () => resolve(video.currentTime));
    video.currentTime = video.duration - 4;
  }));
  assert.ok(jumped > 10, "the video seeks");

  await page.getByRole("button", { name: "Captions as text" }).click();
  await page.locator(".caption-line").waitFor();
  await page.getByText("Timed transcript").click();
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
  await page.getByText("All products considered").click();
  assert.ok(await page.locator(".candidates tbody tr").count() > 3);
  assert.equal(await page.locator(".checks .refused").count(), 0);
  assert.ok(await page.locator(".checks .passed").count() > 10);

  await page.getByRole("link", { name: "History" }).click();
  await page.locator("tbody tr", { hasText: "0001" }).filter({ hasText: "Published" }).waitFor();

  assert.deepEqual(page.complaints, []);
  assert.deepEqual([...page.origins], [new URL(server.address).origin], "no other origin is contacted");
});

test("page explains why a customer was skipped, and shows no result", async () => {
  page = await open(browser, server.address);
  await createRecommendation(page, "0003");
  await page.getByText("This customer was skipped").waitFor({ timeout: PATIENCE });
  assert.match(await page.locator(".note").textContent(), /did not consent to recommendations/);
  for (const absent of ["video", ".reading", ".offer"]) assert.equal(await page.locator(absent).count(), 0, absent);
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(page.complaints, []);
});

test("for an unknown customer, the page shows the error's name but not the id", async () => {
  page = await open(browser, server.address);
  await page.getByLabel("Customer", { exact: true }).fill("no-such-one");
  await page.getByRole("button", { name: "Create recommendation" }).click();
  await page.locator(".note code", { hasText: "Input.UnknownCustomer" }).waitFor({ timeout: PATIENCE });
  await checkView(page, "unknown customer");
  assert.ok(!(await page.locator(".note").textContent()).includes("no-such-one"));
});

test("the whole job can be done with the keyboard, and the focus is always visible", async () => {
  page = await open(browser, server.address);
  await page.getByLabel("Customer", { exact: true }).waitFor();
  const steps = [];
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
    const focus = await page.evaluate(() => {
      const active = document.activeElement;
      // If a control is transparent, the element after it shows the focus.
      const styled = getComputedStyle(active).opacity === "0" ? active.nextElementSibling : active;
      const { outlineStyle, outlineWidth, display } = getComputedStyle(styled);
      return {
        name: active.name || active.textContent?.trim().slice(0, 40) || active.tagName,
        isVisible: display !== "none" && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
      };
    });
    steps.push(focus);
    return focus.name;
  };
  const tabTo = async (name) => {
    for (let at = 0; at < 40; at += 1) if ((await press("Tab")).startsWith(name)) return;
    assert.fail(`Tab does not reach ${name}: ${steps.map((step) => step.name).join(", ")}`);
  };
  await tabTo("Skip to content");
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
  assert.equal(await page.locator("output").textContent(), "145 words per minute");
  await tabTo("shape");
  await page.keyboard.press("ArrowRight");
  await tabTo("Create recommendation");
  await page.keyboard.press("Enter");
  await title().filter({ hasText: "Recommendation" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "the focus moves to the title of a new view");
  await page.locator("video").waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  await page.locator("video").evaluate((video) => { video.muted = true; });
  for (let at = 0; at < 40; at += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.tagName === "VIDEO")) break;
  }
  const playing = page.locator("video").evaluate((video) => new Promise((resolve) => {
    video.addEventListener("timeupdate", () => video.currentTime > 0 && resolve(true));
  }));
  await page.keyboard.press("Space");
  assert.ok(await playing, "the space bar plays the video");
  assert.deepEqual(steps.filter((step) => !step.isVisible), []);

  await tabTo("Recall");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Recall/, "the focus returns to the button");
});

test("page recovers when the server is killed and restarted, and the run finishes", async () => {
  page = await open(browser, server.address);
  await createRecommendation(page, "0010");
  await page.locator(".stages .running, .stages .done").first().waitFor({ timeout: PATIENCE });
  await server.kill();
  const note = page.locator(".note-title", { hasText: "The server does not respond" });
  await note.waitFor();
  await checkView(page, "server down");
  await server.startProcess();
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  await page.locator("video").waitFor();
  assert.equal(await note.count(), 0);
});

test("without a token, the page shows only the sign-in form", async () => {
  page = await open(browser, new URL("/#/history", server.address).href);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await title().filter({ hasText: "Sign in" }).waitFor();
  await checkView(page, "sign in");
  await page.getByLabel("Token").fill(new URL(server.address).hash.slice("#token=".length));
  await page.getByRole("button", { name: "Sign in" }).click();
  await title().filter({ hasText: "History" }).waitFor();
});
