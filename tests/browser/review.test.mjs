// The review, as the person meets it who decides: what waits is watched and read, then approved or rejected; what was
// published is taken back; and others decide too.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { PATIENCE, Server, ask, launch, look, open, plays } from "./bespoke.mjs";

let server;
let browser;
let page;

before(async () => {
  [server, browser] = await Promise.all([
    Server.start("[review]\nfirst = 1\n[delivery]\nlink_base = \"http://127.0.0.1:PORT/l\"\n"), launch(),
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

/** Asks for a recommendation, waits until it waits, and gives its run. */
async function held(customer) {
  await page.getByRole("link", { name: "Recommend" }).click();
  await ask(page, customer);
  await page.locator(".note-title", { hasText: "A person must look first" }).waitFor({ timeout: PATIENCE });
  return new URL(page.url()).hash.split("/").pop();
}

/** The same, and goes to where it waits. */
async function waits(customer) {
  page = await open(browser, server.address);
  const run = await held(customer);
  await page.getByRole("link", { name: "Go to the review" }).click();
  await reviews().waitFor();
  return run;
}

async function pressed(button, confirm) {
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: confirm }).click();
}

test("what waits is watched, read and approved, is published as it was shown, and is taken back", async () => {
  page = await open(browser, server.address);
  const run = await held("0001");
  for (const absent of ["video", ".reading", ".offer"]) assert.equal(await page.locator(absent).count(), 0, absent);
  await look(page, "held");

  await page.getByRole("link", { name: "Go to the review" }).click();
  await reviews().waitFor();
  assert.ok(await plays(page) > 0.5);
  const read = await page.locator(".reading").textContent();
  assert.match(read, /José/);
  assert.match(await page.locator(".review-head").textContent(), /The first of the run/);
  await page.getByRole("button", { name: "Captions as text" }).click();
  await page.locator(".caption-line").waitFor();
  await look(page, "review with one that waits");

  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByRole("dialog").waitFor();
  await look(page, "approve");
  await page.keyboard.press("Escape");
  assert.equal(await reviews().count(), 1, "who thinks better of it has decided nothing");
  await pressed("Approve", "Approve");
  await page.getByText("Nothing waits for review").waitFor();
  await page.locator(".lede", { hasText: "approved and published" }).waitFor();
  await look(page, "approved");

  await page.getByRole("link", { name: "History" }).click();
  await page.locator("tbody tr", { hasText: "Published" }).locator("a").click();
  await page.locator("video").waitFor();
  assert.ok(await plays(page) > 0.5);
  assert.equal(await page.locator(".reading").textContent(), read, "as it was shown");

  const [{ link, outcome }] = await server.delivered(run);
  assert.equal(outcome, "published");
  assert.equal((await page.request.get(link)).status(), 200);
  await page.getByRole("button", { name: "Take it back" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Why").fill("A wrong rate.");
  await look(page, "take it back");
  await dialog.getByRole("button", { name: "Take it back" }).click();
  await page.locator(".pill", { hasText: "Taken back" }).waitFor();
  for (const gone of ["video", ".reading", ".downloads"]) assert.equal(await page.locator(gone).count(), 0, gone);
  await look(page, "taken back");
  assert.equal((await page.request.get(link)).status(), 404, "the customer's link is dead");
  assert.equal((await server.delivered(run))[0].outcome, "recalled");
  assert.deepEqual(page.complaints, []);
});

test("what is rejected is published nowhere, and its page says so", async () => {
  const run = await waits("0002");
  await page.getByRole("button", { name: "Reject", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Reject" }).click();
  assert.ok(await dialog.isVisible(), "a reason is needed");
  await dialog.getByLabel("Why").fill("The tone is not ours.");
  await dialog.getByRole("button", { name: "Reject" }).click();
  await page.getByText("Nothing waits for review").waitFor();

  await page.evaluate((place) => { location.hash = place; }, `#/recommendations/${run}`);
  await page.locator(".note-title", { hasText: "Nothing was published" }).waitFor();
  assert.match(await page.locator(".note").textContent(), /A person watched and read it/);
  for (const absent of ["video", ".reading", ".downloads"]) assert.equal(await page.locator(absent).count(), 0, absent);
  await look(page, "rejected");
  const [{ link, outcome }] = await server.delivered(run);
  assert.deepEqual([outcome, link], ["skipped", ""]);
  assert.deepEqual(page.complaints, []);
});

test("whoever decides after somebody else is told so, and changes nothing", async () => {
  const run = await waits("0006");
  await server.command("review", run, "--reject", "--by", "Ben", "--reason", "Not today.");
  await pressed("Approve", "Approve");
  await page.getByRole("dialog").getByText("Somebody else decided first").waitFor();
  assert.match(await page.getByRole("dialog").textContent(), /It stands as they decided: rejected/);
  await look(page, "somebody else was first");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("Nothing waits for review").waitFor();
  assert.equal((await server.delivered(run))[0].outcome, "skipped");
  assert.deepEqual(page.complaints, []);
});

test("nobody is asked about a customer who objects meanwhile, and nothing is sent to them", async () => {
  const run = await waits("0007");
  await server.command("suppress", "--customer", "0007");
  await pressed("Approve", "Approve");
  await page.getByRole("dialog").getByText("Nothing may be sent to this customer any more").waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("Nothing waits for review").waitFor();
  assert.equal((await server.delivered(run))[0].outcome, "skipped");
});
