// The page of a customer's link, as the customer meets it: no sign-in, no script, a video, its words, and a way out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PATIENCE, Server, ask, launch, look, open, plays } from "./bespoke.mjs";

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start("[delivery]\nlink_base = \"http://127.0.0.1:PORT/l\"\n"), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

test("a link opens a video that plays, and its button ends the link and all that would come", async () => {
  const banker = await open(browser, server.address);
  await ask(banker, "0001");
  await banker.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  const [{ link, reference }] = await server.delivered(new URL(banker.url()).hash.split("/").pop());

  const page = await open(browser, link);
  assert.equal(await page.evaluate(() => document.scripts.length), 0, "the page has no script");
  assert.match(await page.title(), /José/);
  assert.ok(await plays(page) > 0.5);
  const cues = await page.locator("video").evaluate((video) => new Promise((done) => {
    const [track] = video.textTracks;
    const count = () => track.cues?.length && done(track.cues.length);
    video.querySelector("track").addEventListener("load", count);
    track.mode = "showing";
    count();
  }));
  assert.ok(cues > 5, "with its captions");
  const words = await page.locator("main").textContent();
  assert.match(words, /Meridian Travel Rewards Card/);
  assert.match(words, /Member FDIC|APR/, "and the bank's own terms");
  await look(page, "customer");
  assert.deepEqual(page.complaints, []);
  assert.deepEqual([...page.asked], [new URL(server.address).origin], "nobody else is asked for anything");

  // By keyboard, as somebody would who has no mouse.
  await page.getByRole("button", { name: "Do not contact me again" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "You will not hear from us again" }).waitFor();
  await look(page, "opted out");
  assert.deepEqual(page.complaints, []);

  const dead = await page.goto(link);
  assert.equal(dead.status(), 404);
  await page.locator("h1", { hasText: "There is nothing to see here" }).waitFor();
  await look(page, "dead link");
  assert.equal((await page.request.get(`${link}/video`)).status(), 404);

  const listed = await server.command("suppress", "--list");
  const own = listed.find((entry) => entry.reference === reference);
  assert.equal(own?.reason, "opted out by their link");
  await banker.reload();
  await banker.locator(".note-title", { hasText: "What was published is not shown any more" }).waitFor();
  assert.equal(await banker.locator("video").count(), 0);
  await look(banker, "published to somebody who opted out");
});
