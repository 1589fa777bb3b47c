// Every view, wide and narrow, light and dark: nothing that axe-core objects to, nothing to be moved sideways, and no more
// weight than a page of this size may have.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LOOKS, PATIENCE, ROOT, Server, ask, launch, open, overhang, plays, shoot, violations } from "./bespoke.mjs";

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

test("a dry run tells who would be told something, who not and why, and what it would take", async () => {
  const page = await open(browser, server.address);
  await page.getByRole("link", { name: "Campaigns" }).click();
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.locator(".pill", { hasText: "Done" }).waitFor({ timeout: PATIENCE });
  views.set("dry run of all", [hash(page), ".bounds"]);
  const report = await page.locator("main").textContent();
  for (const said of [/Nothing is made and nobody is written to/, /customers12/, /The customer said no1/,
    /CPU time to make the videos/, /Lambda, render\$/, /What bounds it/]) assert.match(report, said);
  const told = Number(/would be told something(\d+)/.exec(report)[1]);
  assert.ok(told > 0 && told < 12);
  const rows = page.locator("tbody tr");
  assert.equal(await rows.count(), 12);
  for (const [name, many] of [["Would be told", told], ["Not made", 12 - told], ["All", 12]]) {
    await page.locator(".filter label", { hasText: name }).click();
    await page.waitForFunction((many) => document.querySelectorAll("tbody tr").length === many, many);
    const reasons = await rows.locator("td:last-child").allTextContents();
    if (name === "Not made") assert.ok(reasons.every((why) => why.length > 10), "each with its reason");
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a campaign goes from three dropped workbooks over a dry run to a table of outcomes, of which one is opened", async () => {
  const page = await open(browser, server.address);
  await page.getByRole("link", { name: "Campaigns" }).click();
  views.set("campaigns", ["#/campaigns", ".blank, table"]);
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.getByLabel("Upload three workbooks").check();
  // All three at once, by whatever names: each goes to its place.
  const names = ["twitter_data.xlsx", "customer_profile.xlsx", "customer_transactions.xlsx"];
  const files = names.map((name) => [name, readFileSync(join(ROOT, "data", name)).toString("base64")]);
  await page.locator(".drop").evaluate((drop, files) => {
    const dataTransfer = new DataTransfer();
    for (const [name, content] of files) {
      dataTransfer.items.add(new File([Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0))], name));
    }
    for (const kind of ["dragenter", "dragover", "drop"]) {
      drop.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    }
  }, files);
  assert.deepEqual(await page.locator(".drop li .quiet").allTextContents().then((told) => told.map((each) => each.split(",")[0])),
    ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx"]);
  await page.getByLabel("Voice").selectOption({ value: await page.locator("option[value^='espeak:']").first().getAttribute("value") });
  await page.getByText("Limits").click();
  await page.getByLabel("Customers at most").fill("1");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.locator(".facts").first().waitFor({ timeout: PATIENCE });
  await page.locator(".pill", { hasText: "Done" }).waitFor({ timeout: PATIENCE });
  views.set("dry run", [hash(page), ".facts"]);
  assert.match(await page.locator(".counts").first().textContent(), /would be told something1videos to make1/);
  const rows = page.locator("tbody tr");

  await page.getByRole("button", { name: "Start this campaign" }).click();
  await page.locator("h1", { hasText: "Campaign" }).waitFor();
  await page.locator(".pill.good", { hasText: "Done" }).first().waitFor({ timeout: PATIENCE });
  views.set("campaign", [hash(page), "tbody tr"]);
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
      await shoot(page, `${name}, ${look}`);
    }
    assert.deepEqual(wrong, []);
    await page.context().close();
  });
}
