// The real server on the sample workbooks, and a real browser.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

export const ROOT = resolve(import.meta.dirname, "../..");
const COMMAND = process.env.BESPOKE ?? join(ROOT, "target/ci/bespoke");
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What the tests change of the settings: videos that are made in a moment. */
const SETTINGS = "[video]\nresolution = 180\npreset = \"ultrafast\"\n";

/** A folder of its own with a server on it, which can be stopped and started again. */
export class Server {
  static async start(settings = SETTINGS) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "bespoke-browser-"));
    writeFileSync(join(server.folder, "bespoke.toml"), settings);
    server.port = await freePort();
    await server.begin();
    return server;
  }

  /** Starts the process and waits for the address that it prints. */
  async begin() {
    const { folder } = this;
    this.process = spawn(COMMAND, [
      "serve", "--port", this.port, "--data", join(ROOT, "data"), "--assets", join(ROOT, "assets"),
      "--artifacts", join(folder, "artifacts"), "--config", join(folder, "bespoke.toml"),
    ], {
      cwd: folder, stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, EXCEL_PASSWORD: "meridian-demo", XDG_DATA_HOME: join(folder, "keys"), BROWSER: "true", NO_COLOR: "1" },
    });
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
    if (["error", "warning"].includes(message.type())) page.complaints.push(message.text());
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

/** Asks for a recommendation by the form, with the voice that is there at once. */
export async function ask(page, customer) {
  await page.getByLabel("Customer", { exact: true }).fill(customer);
  await page.getByLabel("Voice").selectOption({ label: await espeak(page) });
  await page.getByRole("button", { name: "Make the recommendation" }).click();
  await page.locator("h1", { hasText: "Recommendation" }).waitFor();
}

export const espeak = (page) => page.locator("select[name=voice] option[value^='espeak:']").first().textContent();
