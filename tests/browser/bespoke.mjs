// The real server on the sample workbooks, and a real browser.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const ROOT = resolve(import.meta.dirname, "../..");
const COMMAND = process.env.BESPOKE ?? join(ROOT, "target/ci/bespoke");
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What the tests change of the settings: videos that are made in a moment. */
const SETTINGS = "[video]\nresolution = 180\npreset = \"ultrafast\"\n";

/** How long anything may take on a machine that is busy. */
export const PATIENCE = 180_000;

/** How a view is looked at. */
export const LOOKS = [
  ["wide and light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["wide and dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["narrow and light", { viewport: { width: 320, height: 720 }, colorScheme: "light" }],
  ["narrow and dark", { viewport: { width: 320, height: 720 }, colorScheme: "dark" }],
];

/** A folder of its own with a server on it, which can be stopped and started again. */
export class Server {
  /** `more` are settings besides, in which PORT stands for the server's. */
  static async start(more = "") {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "bespoke-browser-"));
    server.port = await freePort();
    writeFileSync(join(server.folder, "bespoke.toml"), SETTINGS + more.replaceAll("PORT", server.port));
    await server.begin();
    return server;
  }

  /** Starts the process and waits for the address that it prints. */
  async begin() {
    this.process = spawn(COMMAND, ["serve", "--port", this.port], { ...this.surroundings, stdio: ["ignore", "pipe", "pipe"] });
    this.said = "";
    this.address = await new Promise((found, missed) => {
      const look = (chunk) => {
        this.said += chunk;
        const address = /http:\/\/127\.0\.0\.1:\d+\/#token=\S+/.exec(this.said);
        if (address) found(address[0]);
      };
      this.process.stdout.on("data", look);
      this.process.stderr.on("data", look);
      this.process.on("exit", (code) => missed(new Error(`the server ended with ${code}: ${this.said}`)));
    });
  }

  get surroundings() {
    const { folder } = this;
    return { cwd: folder, env: {
      ...process.env, EXCEL_PASSWORD: "meridian-demo", XDG_DATA_HOME: join(folder, "keys"), BROWSER: "true", NO_COLOR: "1",
      BESPOKE_DATA: join(ROOT, "data"), BESPOKE_ASSETS: join(ROOT, "assets"),
    } };
  }

  /** Another command in the same folder, and what it reports. */
  async command(...words) {
    const { stdout } = await promisify(execFile)(COMMAND, [...words, "--json"], this.surroundings);
    return JSON.parse(stdout);
  }

  /** The rows of a run's table for the bank, links included. */
  async delivered(run) {
    const { files } = await this.command("deliver", run, "--out", "delivered");
    return JSON.parse(readFileSync(join(this.folder, files.find((file) => file.endsWith(".json")))));
  }

  /** Ends the process at once, as a crash would. */
  async kill() {
    const ended = new Promise((done) => { this.process.on("exit", done); });
    this.process.kill("SIGKILL");
    await ended;
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((found) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => found(String(port)));
    });
  });
}

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});

/** A page of its own, which remembers what the console says and whom it asks. */
export async function open(browser, address, { axe = true, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
  // By the browser's own hand: the page's policy lets no script of others in.
  if (axe) await context.addInitScript({ path: AXE });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.complaints = [];
  page.asked = new Set();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("request", (request) => page.asked.add(new URL(request.url()).origin));
  await page.goto(address);
  return page;
}

/** What axe-core finds against WCAG 2.2 A and AA and its own best practices, in words. */
export async function violations(page) {
  await page.evaluate(() => document.fonts.ready);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  return found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

/** By how many px the page can be moved sideways. */
export const overhang = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** Looks at a view in every look: nothing that axe-core objects to, nothing to be moved sideways. With SHOTS=FOLDER in the
 *  environment a picture of each is left there. */
export async function look(page, name, looks = LOOKS) {
  const wrong = [];
  for (const [seen, { viewport, colorScheme }] of looks) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    wrong.push(...(await violations(page)).map((each) => `${name}, ${seen}: ${each}`));
    const over = await overhang(page);
    if (over > 0) wrong.push(`${name}, ${seen}: ${over} px too wide`);
    await shoot(page, `${name}, ${seen}`);
  }
  await page.setViewportSize(LOOKS[0][1].viewport);
  assert.deepEqual(wrong, []);
}

export async function shoot(page, name) {
  if (!process.env.SHOTS) return;
  mkdirSync(process.env.SHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.SHOTS, `${name.replaceAll(/\W+/g, "-")}.png`), fullPage: true });
}

/** Plays the video of a page, without its sound, until it has moved. */
export const plays = (page) => page.locator("video").evaluate((video) => new Promise((done, failed) => {
  video.addEventListener("timeupdate", () => video.currentTime > 0.5 && done(video.currentTime));
  video.addEventListener("error", () => failed(new Error(video.error.message)));
  video.muted = true;
  video.play();
}));

/** Asks for a recommendation by the form, with the voice that is there at once. */
export async function ask(page, customer) {
  await page.getByLabel("Customer", { exact: true }).fill(customer);
  await page.getByLabel("Voice").selectOption({ label: await espeak(page) });
  await page.getByRole("button", { name: "Make the recommendation" }).click();
  await page.locator("h1", { hasText: "Recommendation" }).waitFor();
}

export const espeak = (page) => page.locator("select[name=voice] option[value^='espeak:']").first().textContent();
