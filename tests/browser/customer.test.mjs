// Tests of the page behind a customer's link: it needs no sign-in or script, and has a video, a transcript and an opt-out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PATIENCE, Server, checkView, createRecommendation, launch, open, plays } from "./bespoke.mjs";

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start("[delivery]\nlink_base = \"http://127.0.0.1:PORT/l\"\n"), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

test("link shows a video that plays, and stops working after an opt-out", async () => {
  const staff = await open(browser, server.address);
  await createRecommendation(staff, "0001");
  await staff.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  const [{ link, reference }] = await server.exported(new URL(staff.url()).hash.split("/").pop());

  const page = await open(browser, link);
  assert.equal(await page.evaluate(() => document.scripts.length), 0, "the page has no script");
  assert.match(await page.title(), /José/);
  assert.ok(await plays(page) > 0.5);
  const cues = await page.locator("video").evaluate((video) => new Promise((resolve) => {
    const [track] = video.textTracks;
    const count = () => track.cues?.length && resolve(track.cues.length);
    video.querySelector("track").addEventListener("load", count);
    track.mode = "showing";
    count();
  }));
  assert.ok(cues > 5, "the captions load");
  const words = await page.locator("main").textContent();
  assert.match(words, /Meridian Travel Rewards Card/);
  assert.match(words, /Member FDIC|APR/, "the bank's own terms are included");
  await checkView(page, "customer");
  assert.deepEqual(page.complaints, []);
  assert.deepEqual([...page.origins], [new URL(server.address).origin], "no other origin is contacted");

  // Opt out with the keyboard only.
  await page.getByRole("button", { name: "Do not contact me again" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "You will not hear from us again" }).waitFor();
  await checkView(page, "opted out");
  assert.deepEqual(page.complaints, []);

  const dead = await page.goto(link);
  assert.equal(dead.status(), 404);
  await page.locator("h1", { hasText: "There is nothing to see here" }).waitFor();
  await checkView(page, "dead link");
  assert.equal((await page.request.get(`${link}/video`)).status(), 404);

  const listed = await server.command("suppress", "--list");
  const own = listed.find((entry) => entry.reference === reference);
  assert.equal(own?.reason, "opted out through their link");
  await staff.reload();
  await staff.locator(".note-title", { hasText: "The result is no longer shown" }).waitFor();
  assert.equal(await staff.locator("video").count(), 0);
  await checkView(staff, "published before the opt-out");
});
