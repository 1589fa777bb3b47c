// Tests of the page for compliance: a letter about a customer, a recall, an objection and an erasure.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { PATIENCE, Server, checkView, launch, open } from "./bespoke.mjs";

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start("[review]\nfirst = 1\n"), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

test("a reviewer sees why the offers were chosen, and compliance gets a letter and erases the customer", async () => {
  const page = await open(browser, server.address);
  await page.getByLabel("Customer", { exact: true }).fill("0001");
  await page.getByLabel("Narrate the text in a video").uncheck();
  await page.getByRole("button", { name: "Create recommendation" }).click();
  await page.locator(".note-title", { hasText: "Waiting for review" }).waitFor({ timeout: PATIENCE });
  await page.getByRole("link", { name: "Go to reviews" }).click();
  const review = page.locator("article.review");
  await review.getByRole("heading", { name: "Why these offers" }).waitFor();
  assert.ok(await review.locator(".reasons li").count() > 0);

  await page.getByRole("link", { name: "Compliance" }).click();
  const customer = page.getByLabel("Customer", { exact: true });
  await customer.fill("0001");
  await page.getByRole("button", { name: "Write a letter" }).click();
  const link = page.getByRole("link", { name: "Save the letter" });
  await link.waitFor();
  await checkView(page, "letter");
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  assert.match(download.suggestedFilename(), /^letter-.*\.html$/);
  const letter = readFileSync(await download.path(), "utf8");
  assert.match(letter, /^<!doctype html>[\s\S]*0001/);

  await page.getByRole("button", { name: "Record an objection" }).click();
  await page.getByRole("region", { name: "Result" }).getByText("The bank must no longer contact this customer").waitFor();
  await page.getByRole("button", { name: "Erase" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Erase" }).click();
  await page.getByRole("region", { name: "Result" }).getByText("The customer has been erased").waitFor();
  await customer.fill("9999");
  await page.getByRole("button", { name: "Write a letter" }).click();
  await page.locator(".note.bad").waitFor();
});
