// Tests that no view has axe-core violations or horizontal scrolling, whatever the window size and color scheme, and that the
// page stays within a size limit.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LOOKS, PATIENCE, ROOT, Server, createRecommendation, launch, open, overhang, plays, screenshot, violations } from "./bespoke.mjs";

let server;
let browser;
/** All views by name, each with its address and a selector for its content. */
const views = new Map([
  ["form", ["#/", "form"]],
  ["new campaign", ["#/campaigns/new", "form"]],
  ["review", ["#/review", ".blank"]],
  ["no such view", ["#/nowhere", ".note"]],
]);

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

const hash = (page) => new URL(page.url()).hash;

test("page is smaller than 150 KB", async (context) => {
  const page = await open(browser, server.address, { axe: false });
  await page.locator("form").waitFor();
  await page.evaluate(() => document.fonts.ready);
  const [paint, weight] = await page.evaluate(() => [
    performance.getEntriesByName("first-contentful-paint")[0].startTime,
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .reduce((sum, entry) => sum + entry.decodedBodySize, 0),
  ]);
  context.diagnostic(`first paint after ${Math.round(paint)} ms, ${weight} bytes`);
  assert.ok(weight < 150_000, `${weight} bytes`);
  const policy = (await page.request.get(new URL("/", server.address).href)).headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|data:/);
  await page.context().close();
});

test("result, skip and history views have content", async () => {
  const page = await open(browser, server.address);
  await createRecommendation(page, "0001");
  await page.locator("video").waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  views.set("result", [hash(page), "video"]);
  await page.getByRole("link", { name: "Recommend" }).click();
  await createRecommendation(page, "0003");
  await page.locator(".note").waitFor({ timeout: PATIENCE });
  views.set("refusal", [hash(page), ".note"]);
  views.set("history", ["#/history", "tbody tr"]);
  await page.context().close();
});

test("dry run forecasts customers, skips and cost", async () => {
  const page = await open(browser, server.address);
  await page.getByRole("link", { name: "Campaigns" }).click();
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.getByRole("button", { name: "Dry run", exact: true }).click();
  await page.locator(".pill", { hasText: "Done" }).waitFor({ timeout: PATIENCE });
  views.set("dry run of all", [hash(page), ".bounds"]);
  const report = await page.locator("main").textContent();
  for (const text of [/A forecast only/, /customers12/, /The customer said no1/,
    /CPU time to render the videos/, /Lambda, render\$/, /Bottlenecks/]) assert.match(report, text);
  const selected = Number(/recommendations(\d+)videos/.exec(report)[1]);
  assert.ok(selected > 0 && selected < 12);
  const rows = page.locator("tbody tr");
  assert.equal(await rows.count(), 12);
  for (const [name, many] of [["Selected", selected], ["Skipped", 12 - selected], ["All", 12]]) {
    await page.locator(".filter label", { hasText: name }).click();
    await page.waitForFunction((many) => document.querySelectorAll("tbody tr").length === many, many);
    const reasons = await rows.locator("td:last-child").allTextContents();
    if (name === "Skipped") assert.ok(reasons.every((reason) => reason.length > 10), "every skip has a reason");
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("dropped workbooks can be used for a dry run and then for a campaign with a video", async () => {
  const page = await open(browser, server.address);
  await page.getByRole("link", { name: "Campaigns" }).click();
  views.set("campaigns", ["#/campaigns", ".blank, table"]);
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.getByLabel("Upload three workbooks").check();
  // Drop all three workbooks at once. Their file names determine the inputs.
  const names = ["twitter_data.xlsx", "customer_profile.xlsx", "customer_transactions.xlsx"];
  const files = names.map((name) => [name, readFileSync(join(ROOT, "data", name)).toString("base64")]);
  await page.locator(".drop").evaluate((drop, files) => {
    const dataTransfer = new DataTransfer();
    for (const [name, content] of files) {
      dataTransfer.items.add(new File([Uint8Array.from(atob(content), (character) => character.charCodeAt(0))], name));
    }
    for (const kind of ["dragenter", "dragover", "drop"]) {
      drop.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    }
  }, files);
  assert.deepEqual(await page.locator(".drop li .quiet").allTextContents().then((labels) => labels.map((each) => each.split(",")[0])),
    ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx"]);
  await page.getByLabel("Voice").selectOption({ value: await page.locator("option[value^='espeak:']").first().getAttribute("value") });
  await page.getByText("Limits").click();
  await page.getByLabel("Maximum customers").fill("1");
  await page.getByRole("button", { name: "Dry run", exact: true }).click();
  await page.locator(".facts").first().waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Done" }).waitFor({ timeout: PATIENCE });
  views.set("dry run", [hash(page), ".facts"]);
  assert.match(await page.locator(".counts").first().textContent(), /recommendations1videos1/);
  const rows = page.locator("tbody tr");

  await page.getByRole("button", { name: "Start this campaign" }).click();
  await page.locator("h1", { hasText: "Campaign" }).waitFor();
  await page.locator(".pill.good", { hasText: "Done" }).first().waitFor({ timeout: PATIENCE });
  views.set("campaign", [hash(page), ".gallery img"]);
  // The gallery shows the poster of each video and leads to it.
  const poster = page.locator(".gallery a[href^='#/recommendations/'] img");
  await poster.first().scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelector(".gallery img")?.naturalWidth > 0);
  assert.equal(await poster.count(), 1);
  await page.locator(".filter label", { hasText: "Published" }).click();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  await rows.locator("a").first().click();
  await page.locator("video").waitFor();
  assert.ok(await plays(page) > 0.5);
  views.set("campaign's customer", [hash(page), "video"]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

for (const [look, options] of LOOKS) {
  test(`every view is accessible, ${look}`, async () => {
    const page = await open(browser, server.address, options);
    await page.locator("form").waitFor();
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(dark === "rgb(8, 20, 32)", options.colorScheme === "dark");
    const wrong = [];
    for (const [name, [place, there]] of views) {
      await page.evaluate((to) => { location.hash = to; }, place);
      await page.locator(there).first().waitFor();
      if (name === "new campaign") await page.getByLabel("Upload three workbooks").check();
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
      wrong.push(...(await violations(page)).map((each) => `${name}: ${each}`));
      const over = await overhang(page);
      if (over > 0) wrong.push(`${name}: ${over} px too wide`);
      await screenshot(page, `${name}, ${look}`);
    }
    assert.deepEqual(wrong, []);
    await page.context().close();
  });
}
