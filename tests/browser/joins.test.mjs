// A joined video in a browser: every join can be reached exactly, and playback passes it without a gap.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PATIENCE, ROOT, launch } from "./bespoke.mjs";

const COMMAND = process.env.BESPOKE ?? join(ROOT, "target/ci/bespoke");
/** The size to which frames are reduced for comparison. */
const [WIDTH, HEIGHT] = [32, 18];

let folder;
let browser;
let file;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "bespoke-joins-"));
  // At this resolution, a wrong frame is clearly another one.
  writeFileSync(join(folder, "bespoke.toml"), "[video]\nresolution = 180\n[voice]\nengine = \"espeak\"\n");
  const env = {
    ...process.env, EXCEL_PASSWORD: "meridian-demo", XDG_DATA_HOME: join(folder, "keys"),
    BESPOKE_DATA: join(ROOT, "data"), BESPOKE_ASSETS: join(ROOT, "assets"),
  };
  execFileSync(COMMAND, ["run", "--customer", "0001", "--json"], { cwd: folder, env });
  file = join(folder, "artifacts/output/recommendations_video.mp4");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Returns the numbers of the key frames: each scene starts with one. */
function keyFrames() {
  const probe = ["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", file];
  const lines = execFileSync("ffprobe", probe, { encoding: "utf8" }).trim().split("\n");
  return lines.filter((line) => line.includes("K")).map((line) => Math.round(Number(line.split(",")[0]) * 24));
}

/** Returns all frames, reduced and gray. */
function frames() {
  const scale = `scale=${WIDTH}:${HEIGHT}:flags=area,format=gray`;
  const raw = execFileSync("ffmpeg", ["-v", "error", "-i", file, "-vf", scale, "-f", "rawvideo", "-"], { maxBuffer: 1 << 28 });
  const size = WIDTH * HEIGHT;
  return Array.from({ length: raw.length / size }, (_, index) => raw.subarray(index * size, (index + 1) * size));
}

const difference = (one, other) => one.reduce((sum, value, index) => sum + Math.abs(value - other[index]), 0) / one.length;

test("browser seeks to every join and plays across it", { timeout: PATIENCE * 2 }, async () => {
  const page = await browser.newPage();
  await page.setContent("<video muted></video><canvas></canvas>");
  await page.evaluate(async (base64) => {
    const blob = await (await fetch(`data:video/mp4;base64,${base64}`)).blob();
    const video = document.querySelector("video");
    video.src = URL.createObjectURL(blob);
    await new Promise((resolve, reject) => { video.onloadeddata = resolve; video.onerror = () => reject(new Error(video.error.message)); });
  }, readFileSync(file).toString("base64"));

  const all = frames();
  const keys = keyFrames();
  assert.ok(keys.length > 6, `${keys.length} scenes`);
  const shown = (frame) => page.evaluate(async ([seconds, width, height]) => {
    const video = document.querySelector("video");
    const seeked = new Promise((resolve) => { video.onseeked = resolve; });
    video.currentTime = seconds;
    await seeked;
    const canvas = document.querySelector("canvas");
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return Array.from({ length: width * height }, (_, at) => 0.2126 * data[4 * at] + 0.7152 * data[4 * at + 1] + 0.0722 * data[4 * at + 2]);
  }, [(frame + 0.5) / 24, WIDTH, HEIGHT]);
  // Backward, so that the browser never decodes on from where it is.
  for (const key of keys.toReversed()) {
    for (const frame of [key + 1, key, key - 1].filter((frame) => frame >= 0 && frame < all.length)) {
      const found = difference(await shown(frame), all[frame]);
      assert.ok(found < 12, `frame ${frame} at the join ${key}: ${found.toFixed(1)} of 255 off`);
    }
  }

  const played = await page.evaluate(async () => {
    const video = document.querySelector("video");
    video.currentTime = 0;
    video.playbackRate = 4;
    const times = [];
    const note = (_, { mediaTime }) => { times.push(mediaTime); video.requestVideoFrameCallback(note); };
    video.requestVideoFrameCallback(note);
    const ended = new Promise((resolve, reject) => { video.onended = resolve; video.onerror = () => reject(new Error(video.error.message)); });
    await video.play();
    await ended;
    return { times, duration: video.duration, current: video.currentTime };
  });
  assert.ok(Math.abs(played.duration - all.length / 24) < 0.05, `${played.duration} s`);
  const back = played.times.slice(1).filter((time, index) => time < played.times[index]);
  assert.deepEqual(back, [], "time never goes back");
  await page.close();
});
