// Tests of reviews on the page: approval, rejection, recall, and decisions that other people make in the meantime.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { PATIENCE, Server, checkView, createRecommendation, launch, open, plays } from "./bespoke.mjs";

let server;
let browser;
let page;

before(async () => {
  [server, browser] = await Promise.all([
    Server.start("[local]\napprove_own = true\n[review]\nfirst = 1\n[delivery]\nlink_base = \"http://127.0.0.1:PORT/l\"\n"), launch(),
  ]);
});

afterEach(async () => {
  await page?.context().close();
  page = null;
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

const reviews = () => page.locator("article.review");

/** Creates a recommendation, waits until its review is pending, and returns its run. */
async function createPending(customer) {
  await page.getByRole("link", { name: "Recommend" }).click();
  await createRecommendation(page, customer);
  await page.locator(".note-title", { hasText: "Waiting for review" }).waitFor({ timeout: PATIENCE });
  return new URL(page.url()).hash.split("/").pop();
}

/** Creates a pending review and opens the list of reviews. */
async function openReview(customer) {
  page = await open(browser, server.address);
  const run = await createPending(customer);
  await page.getByRole("link", { name: "Go to reviews" }).click();
  await reviews().waitFor();
  return run;
}

async function clickAndConfirm(button, confirm) {
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: confirm }).click();
}

test("approval publishes exactly the result that was shown, and a recall withdraws it", async () => {
  page = await open(browser, server.address);
  const run = await createPending("0001");
  for (const absent of ["video", ".reading", ".offer"]) assert.equal(await page.locator(absent).count(), 0, absent);
  await checkView(page, "in review");

  await page.getByRole("link", { name: "Go to reviews" }).click();
  await reviews().waitFor();
  assert.ok(await plays(page) > 0.5);
  const read = await page.locator(".reading").textContent();
  assert.match(read, /José/);
  assert.match(await page.locator(".review-head").textContent(), /Reason: The first of the run/);
  await page.getByRole("button", { name: "Captions as text" }).click();
  await page.locator(".caption-line").waitFor();
  await checkView(page, "pending review");

  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByRole("dialog").waitFor();
  await checkView(page, "approve");
  await page.keyboard.press("Escape");
  assert.equal(await reviews().count(), 1, "canceling the dialog must not record a decision");
  await clickAndConfirm("Approve", "Approve");
  await page.getByText("No recommendations are waiting for review").waitFor();
  await page.locator(".lede", { hasText: "approved and published" }).waitFor();
  await checkView(page, "approved");

  await page.getByRole("link", { name: "History" }).click();
  await page.locator("tbody tr", { hasText: "Published" }).locator("a").click();
  await page.locator("video").waitFor();
  assert.ok(await plays(page) > 0.5);
  assert.equal(await page.locator(".reading").textContent(), read, "the published text must be the text that was reviewed");

  const [{ link, outcome }] = await server.exported(run);
  assert.equal(outcome, "published");
  assert.equal((await page.request.get(link)).status(), 200);
  await page.getByRole("button", { name: "Recall" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("A wrong rate.");
  await checkView(page, "recall");
  await dialog.getByRole("button", { name: "Recall" }).click();
  await page.locator(".pill", { hasText: "Recalled" }).waitFor();
  for (const absent of ["video", ".reading", ".downloads"]) assert.equal(await page.locator(absent).count(), 0, absent);
  await checkView(page, "recalled");
  assert.equal((await page.request.get(link)).status(), 404, "the customer's link is dead");
  assert.equal((await server.exported(run))[0].outcome, "recalled");
  assert.deepEqual(page.complaints, []);
});

test("rejected result is not published, and the page says so", async () => {
  const run = await openReview("0002");
  await page.getByRole("button", { name: "Reject", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Reject" }).click();
  assert.ok(await dialog.isVisible(), "a reason is required");
  await dialog.getByLabel("Reason").fill("The tone is not ours.");
  await dialog.getByRole("button", { name: "Reject" }).click();
  await page.getByText("No recommendations are waiting for review").waitFor();

  await page.evaluate((place) => { location.hash = place; }, `#/recommendations/${run}`);
  await page.locator(".note-title", { hasText: "The result was not published" }).waitFor();
  assert.match(await page.locator(".note").textContent(), /A reviewer rejected the result/);
  for (const absent of ["video", ".reading", ".downloads"]) assert.equal(await page.locator(absent).count(), 0, absent);
  await checkView(page, "rejected");
  const [{ link, outcome }] = await server.exported(run);
  assert.deepEqual([outcome, link], ["skipped", ""]);
  assert.deepEqual(page.complaints, []);
});

test("late decision has no effect, and the page says so", async () => {
  const run = await openReview("0006");
  await server.command("review", run, "--reject", "--by", "Ben", "--reason", "Not today.");
  await clickAndConfirm("Approve", "Approve");
  await page.getByRole("dialog").getByText("Another reviewer decided first").waitFor();
  assert.match(await page.getByRole("dialog").textContent(), /Their decision is in effect: rejected/);
  await checkView(page, "late decision");
  await page.getByRole("button", { name: "OK" }).click();
  await page.getByText("No recommendations are waiting for review").waitFor();
  assert.equal((await server.exported(run))[0].outcome, "skipped");
  assert.deepEqual(page.complaints, []);
});

test("suppression during review prevents publication", async () => {
  const run = await openReview("0007");
  await server.command("suppress", "--customer", "0007");
  await clickAndConfirm("Approve", "Approve");
  await page.getByRole("dialog").getByText("Your decision has no effect").waitFor();
  await page.getByRole("button", { name: "OK" }).click();
  await page.getByText("No recommendations are waiting for review").waitFor();
  assert.equal((await server.exported(run))[0].outcome, "skipped");
});
