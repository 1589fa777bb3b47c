// Every view, wide and narrow, light and dark: nothing that axe-core objects to, nothing to be moved sideways, and no more
// weight than a page of this size may have.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { ROOT, Server, ask, launch, open, overhang, violations } from "./bespoke.mjs";

// How long anything may take on a machine that is busy.
const PATIENCE = 180_000;
const LOOKS = [
  ["wide and light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["wide and dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["narrow and light", { viewport: { width: 320, height: 720 }, colorScheme: "light" }],
  ["narrow and dark", { viewport: { width: 320, height: 720 }, colorScheme: "dark" }],
];

let server;
let browser;
/** Each view by its name: its address and what is there once it is drawn. */
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

test("the page weighs less than 150 KB, and says when it first painted", async (context) => {
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

test("one customer's result, a refusal and the history are there to be looked at", async () => {
  const page = await open(browser, server.address);
  await ask(page, "0001");
  await page.locator("video").waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  views.set("result", [hash(page), "video"]);
  await page.getByRole("link", { name: "Recommend" }).click();
  await ask(page, "0003");
  await page.locator(".note").waitFor({ timeout: PATIENCE });
  views.set("refusal", [hash(page), ".note"]);
  views.set("history", ["#/history", "tbody tr"]);
  await page.context().close();
});

test("a campaign goes from three dropped workbooks over a dry run to a table of outcomes, of which one is opened", async () => {
  const page = await open(browser, server.address);
  await page.getByRole("link", { name: "Campaigns" }).click();
  views.set("campaigns", ["#/campaigns", ".blank, table"]);
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.getByLabel("Upload three workbooks").check();
  const names = ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx"];
  const inputs = page.locator(".drop input[type=file]");
  for (const [at, name] of names.entries()) await inputs.nth(at).setInputFiles(join(ROOT, "data", name));
  await page.getByLabel("Voice").selectOption({ value: await page.locator("option[value^='espeak:']").first().getAttribute("value") });
  await page.getByText("Limits").click();
  await page.getByLabel("Customers at most").fill("1");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.locator(".facts").first().waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Done" }).waitFor({ timeout: PATIENCE });
  views.set("dry run", [hash(page), ".facts"]);
  assert.match(await page.locator("main").textContent(), /Nothing is made/);

  await page.getByRole("button", { name: "Start this campaign" }).click();
  await page.locator("h1", { hasText: "Campaign" }).waitFor();
  await page.locator(".pill.good", { hasText: "Done" }).first().waitFor({ timeout: PATIENCE });
  views.set("campaign", [hash(page), "tbody tr"]);
  await page.locator(".filter label", { hasText: "Published" }).click();
  await page.locator("tbody tr", { hasText: "Published" }).first().waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  await page.locator("tbody tr a").first().click();
  await page.locator("video").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

for (const [look, options] of LOOKS) {
  test(`every view is sound, ${look}`, async () => {
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
    }
    assert.deepEqual(wrong, []);
    await page.context().close();
  });
}
