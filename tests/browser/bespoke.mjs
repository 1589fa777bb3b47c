// Helpers that run a real server with the sample workbooks, and a real browser.

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

/** Settings for fast videos. */
const SETTINGS = "[video]\nresolution = 180\npreset = \"ultrafast\"\n";

/** The timeout for slow steps on a busy machine, in milliseconds. */
export const PATIENCE = 180_000;

/** The combinations of window size and color scheme in which views are checked. */
export const LOOKS = [
  ["wide and light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["wide and dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["narrow and light", { viewport: { width: 320, height: 720 }, colorScheme: "light" }],
  ["narrow and dark", { viewport: { width: 320, height: 720 }, colorScheme: "dark" }],
];

/** A server in a folder of its own. Tests can kill and restart it. */
export class Server {
  /** Starts a server. `more` are additional settings; PORT in them is replaced by the server's port. `assets` is the
   *  folder of the brand, relative to the checkout. */
  static async start(more = "", assets = "assets") {
    const server = new Server();
    server.assets = assets;
    server.folder = mkdtempSync(join(tmpdir(), "bespoke-browser-"));
    server.port = await freePort();
    writeFileSync(join(server.folder, "bespoke.toml"), SETTINGS + more.replaceAll("PORT", server.port));
    await server.startProcess();
    return server;
  }

  /** Starts the process and waits for the printed address. */
  async startProcess() {
    this.process = spawn(COMMAND, ["serve", "--port", this.port], { ...this.processOptions, stdio: ["ignore", "pipe", "pipe"] });
    this.output = "";
    this.address = await new Promise((resolve, reject) => {
      const read = (chunk) => {
        this.output += chunk;
        const address = /http:\/\/127\.0\.0\.1:\d+\/#token=\S+/.exec(this.output);
        if (address) resolve(address[0]);
      };
      this.process.stdout.on("data", read);
      this.process.stderr.on("data", read);
      this.process.on("exit", (code) => reject(new Error(`the server exited with ${code}: ${this.output}`)));
    });
  }

  get processOptions() {
    const { folder } = this;
    return { cwd: folder, env: {
      ...process.env, EXCEL_PASSWORD: "meridian-demo", XDG_DATA_HOME: join(folder, "keys"), BROWSER: "true", NO_COLOR: "1",
      BESPOKE_DATA: join(ROOT, "data"), BESPOKE_ASSETS: join(ROOT, this.assets),
    } };
  }

  /** Runs another command in the same folder and returns its JSON output. */
  async command(...words) {
    const { stdout } = await promisify(execFile)(COMMAND, [...words, "--json"], this.processOptions);
    return JSON.parse(stdout);
  }

  /** Returns the rows of a run's export, with links. */
  async exported(run) {
    const { files } = await this.command("deliver", run, "--out", "delivered");
    return JSON.parse(readFileSync(join(this.folder, files.find((file) => file.endsWith(".json")))));
  }

  /** Kills the process to simulate a crash. */
  async kill() {
    const exited = new Promise((resolve) => { this.process.on("exit", resolve); });
    this.process.kill("SIGKILL");
    await exited;
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(String(port)));
    });
  });
}

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});

/** Opens a page. It collects console errors in `complaints` and the origins of its requests in `origins`. */
export async function open(browser, address, { axe = true, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
  // The browser injects axe-core, because the page's content security policy forbids other scripts.
  if (axe) await context.addInitScript({ path: AXE });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.complaints = [];
  page.origins = new Set();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("request", (request) => page.origins.add(new URL(request.url()).origin));
  await page.goto(address);
  return page;
}

/** Returns axe-core's violations of WCAG 2.2 A and AA and of its best practices. */
export async function violations(page) {
  await page.evaluate(() => document.fonts.ready);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  return found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

/** Returns the number of pixels by which the page is wider than the window. */
export const overhang = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** Checks that a view has no axe-core violations and no horizontal scrolling, for every window size and color scheme. Saves
 *  screenshots if SHOTS=FOLDER is set in the environment. */
export async function checkView(page, name, looks = LOOKS) {
  const wrong = [];
  for (const [look, { viewport, colorScheme }] of looks) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    wrong.push(...(await violations(page)).map((each) => `${name}, ${look}: ${each}`));
    const over = await overhang(page);
    if (over > 0) wrong.push(`${name}, ${look}: ${over} px too wide`);
    await screenshot(page, `${name}, ${look}`);
  }
  await page.setViewportSize(LOOKS[0][1].viewport);
  assert.deepEqual(wrong, []);
}

export async function screenshot(page, name) {
  if (!process.env.SHOTS) return;
  mkdirSync(process.env.SHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.SHOTS, `${name.replaceAll(/\W+/g, "-")}.png`), fullPage: true });
}

/** Plays the muted video of a page until its time advances. */
export const plays = (page) => page.locator("video").evaluate((video) => new Promise((resolve, reject) => {
  video.addEventListener("timeupdate", () => video.currentTime > 0.5 && resolve(video.currentTime));
  video.addEventListener("error", () => reject(new Error(video.error.message)));
  video.muted = true;
  video.play();
}));

/** Creates a recommendation through the form, with a fast voice. */
export async function createRecommendation(page, customer) {
  await page.getByLabel("Customer", { exact: true }).fill(customer);
  await page.getByLabel("Voice").selectOption({ label: await espeak(page) });
  await page.getByRole("button", { name: "Create recommendation" }).click();
  await page.locator("h1", { hasText: "Recommendation" }).waitFor();
}

export const espeak = (page) => page.locator("select[name=voice] option[value^='espeak:']").first().textContent();
