// Tests of the page behind a customer's link: it needs no sign-in or script, and has a video, the offers with their reasons,
// answers, choices, a transcript and an opt-out.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { PATIENCE, Server, checkView, createRecommendation, launch, open, plays, violations } from "./bespoke.mjs";

let server;
let browser;

const SETTINGS = "[delivery]\nlink_base = \"http://127.0.0.1:PORT/l\"\n";

before(async () => {
  [server, browser] = await Promise.all([Server.start(SETTINGS), launch()]);
});

/** Creates a recommendation and returns its row in the export, with the run and the staff's page. */
async function published(server, customer) {
  const staff = await open(browser, server.address);
  await createRecommendation(staff, customer);
  await staff.locator(".pill", { hasText: "Published" }).waitFor({ timeout: PATIENCE });
  const run = new URL(staff.url()).hash.split("/").pop();
  const [row] = await server.exported(run);
  return { ...row, run, staff };
}

after(async () => {
  await browser?.close();
  await server?.remove();
});

test("link shows a video that plays, and stops working after an opt-out", async () => {
  const { link, reference, staff } = await published(server, "0001");

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

/** Moves the focus with the Tab key alone, from the start of the page, until an element matches. */
async function tabTo(page, locator) {
  await locator.waitFor();
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press("Tab");
    if (await locator.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail("the Tab key does not reach the element");
}

for (const [brand, assets] of [["meridian", "assets"], ["harbor", "assets/brands/harbor"]]) {
  test(`customer answers and chooses without a script, in the brand ${brand}`, async () => {
    const bank = assets === "assets" ? server : await Server.start(SETTINGS, assets);
    try {
      const { link, run } = await published(bank, "0006");
      const page = await open(browser, link);
      await checkView(page, `customer ${brand}`);
      for (const summary of await page.locator("summary").all()) await summary.click();
      await checkView(page, `customer ${brand} unfolded`);
      assert.deepEqual(page.complaints, []);
      assert.deepEqual([...page.origins], [new URL(bank.address).origin], "no other origin is contacted");
      assert.deepEqual(await page.context().cookies(), []);
      assert.ok(await page.locator("header svg").isVisible(), "the logo");
      const fonts = await page.evaluate(() => [...document.fonts].map((font) => font.status));
      assert.ok(fonts.length === 3 && fonts.every((status) => status === "loaded"), `${fonts}`);

      const plain = await open(browser, link, { axe: false, javaScriptEnabled: false });
      const first = plain.locator("article").first();
      await tabTo(plain, first.getByRole("button", { name: "Call me back" }));
      await plain.keyboard.press("Enter");
      await first.getByText("You asked for a call.").waitFor();
      assert.equal(await first.getByRole("button", { name: "Call me back" }).count(), 0);

      await tabTo(plain, first.locator("summary", { hasText: "Not for me" }));
      await plain.keyboard.press("Enter");
      await first.getByLabel("Because").selectOption("no-use");
      await first.getByRole("button", { name: "Do not offer this again" }).click();
      await first.getByText("We will not offer it again.").waitFor();

      const topic = plain.locator("#choices input[id^=topic]").first();
      await tabTo(plain, topic);
      await plain.keyboard.press("Space");
      await plain.getByRole("button", { name: "Save my choices" }).press("Enter");
      await plain.locator("#choices input[id^=topic][disabled]").waitFor();
      assert.deepEqual(plain.complaints, []);
      await page.reload();
      await checkView(page, `customer ${brand} answered`);

      const answers = await bank.command("answers", run);
      const given = answers.map(({ customer_id, answer, because }) => [customer_id, answer, because]).sort();
      assert.deepEqual(given, [["0006", "call-me-back", ""], ["0006", "not-for-me", "no-use"]]);
      const explained = await bank.command("explain", "--customer", "0006");
      const declined = explained.candidates.find(({ product }) => product === answers[0].product);
      assert.match(declined.excluded, /the customer declined it/);

      const posts = plain.locator("#source-posts");
      if (await posts.count() > 0) {
        await posts.check();
        await plain.getByRole("button", { name: "Save my choices" }).click();
        await plain.getByText("we no longer show it").waitFor();
        assert.equal((await plain.goto(link)).status(), 404);
      }
    } finally {
      if (bank !== server) await bank.remove();
    }
  });
}

test("e-mail is legible at 320 and 600 px, shows its picture, and unsubscribes in one click", async () => {
  const { link, run, reference } = await published(server, "0011");
  const { mail, mails } = await server.command("deliver", run, "--out", "mails");
  assert.equal(mails, 1);
  const message = readFileSync(join(server.folder, mail, `${reference}.eml`), "latin1");
  const unsubscribe = /^List-Unsubscribe: <(.+)>$/m.exec(message.replaceAll("\r", ""))[1];
  assert.match(message, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m);

  const page = await open(browser, "about:blank");
  // A mail program fetches pictures through a proxy, which sends no cookie and no referrer.
  await page.route("**/preview", async (route) => {
    const response = await page.request.get(route.request().url());
    assert.equal(response.headers()["content-type"], "image/gif");
    await route.fulfill({ status: response.status(), contentType: "image/gif", body: await response.body() });
  });
  await page.goto(pathToFileURL(join(server.folder, mail, `${reference}.html`)).href);
  const looks = [320, 600].map((width) => [`${width} px`, { viewport: { width, height: 800 }, colorScheme: "light" }]);
  await checkView(page, "e-mail", looks);
  const width = await page.locator("img").evaluate(async (image) => { await image.decode(); return image.naturalWidth; });
  assert.ok(width > 0, "the picture loads from the link");

  const confirm = await open(browser, unsubscribe);
  await confirm.getByRole("button", { name: "Do not contact me again" }).waitFor();
  assert.deepEqual(await violations(confirm), []);
  assert.equal((await confirm.goto(link)).status(), 200, "opening the address changes nothing");
  const posted = await page.request.post(unsubscribe, { form: { "List-Unsubscribe": "One-Click" }, maxRedirects: 0 });
  assert.equal(posted.status(), 200);
  assert.equal(posted.headers()["set-cookie"], undefined);
  assert.equal((await page.request.get(`${link}/preview`)).status(), 404, "the picture dies with the link");
  const listed = await server.command("suppress", "--list");
  assert.ok(listed.some((entry) => entry.reference === reference));
});
