// What a run made: the text, the video with its captions, and the files.

import { h, icon, refill } from "./dom.js";
import { duration } from "./words.js";

/** A text that passed the guard, in parts, with rates, terms and disclosures. */
export function reading(text, disclosures = []) {
  const fine = (line) => h("p", { class: "fine" }, line);
  return h("div", { class: "reading" },
    text.map(({ heading, body, terms = [] }) => [
      heading && h("h3", {}, heading),
      body.split(/\n\s*\n/).map((paragraph) => h("p", {}, paragraph)),
      terms.map(fine),
    ]),
    disclosures.length > 0 && [h("h4", {}, "Please note"), disclosures.map(fine)]);
}

/** The video. `renew` gives fresh links when those it has have expired. */
export function player({ links, media, shape = "16:9" }, renew) {
  const elsewhere = links.captions && new URL(links.captions, document.baseURI).origin !== location.origin;
  const video = h("video", {
    controls: true, playsInline: true, preload: "metadata", poster: links.poster, src: links.video,
    crossOrigin: elsewhere ? "anonymous" : undefined, "aria-label": "The recommendation, spoken",
    width: media?.width ?? 1920, height: media?.height ?? 1080,
  });
  let renewed = false;
  video.addEventListener("error", async () => {
    if (renewed) return;
    renewed = true;
    const [at, fresh] = [video.currentTime, await renew()];
    // Nothing of it may be shown any more.
    if (!fresh?.video) return;
    video.src = fresh.video;
    video.currentTime = at;
  });
  video.addEventListener("playing", () => { renewed = false; });
  const parts = h("div", { class: "player" }, h("div", { class: "screen", data: { shape } }, video));
  if (links.captions) parts.append(...captions(video, links.captions));
  return parts;
}

/** The captions as text: the line that is spoken, below the picture and as large as the reader's letters; and all of
 *  them with their times, each of which leads to its place. */
function captions(video, source) {
  const track = h("track", { kind: "captions", srclang: "en", label: "English", src: source });
  const line = h("p", { class: "caption-line", hidden: true });
  const toggle = h("button", { type: "button", class: "plain", "aria-pressed": "false", on: { click: () => {
    line.hidden = !line.hidden;
    toggle.setAttribute("aria-pressed", String(!line.hidden));
  } } }, "Captions as text");
  const list = h("ol", { class: "transcript" });
  const transcript = h("details", { hidden: true }, h("summary", {}, "Transcript with times"), list);
  video.append(track);
  // Read, but drawn by nobody: the picture has them already.
  track.track.mode = "hidden";
  const buttons = new Map();
  track.addEventListener("load", () => {
    transcript.hidden = false;
    refill(list, source, () => [...track.track.cues].map((cue) => {
      const button = h("button", { type: "button", on: { click: () => {
        video.currentTime = cue.startTime;
        video.play();
      } } }, h("span", { class: "figures quiet" }, position(cue.startTime)), " ", said(cue));
      buttons.set(cue, button);
      return h("li", {}, button);
    }));
  });
  track.track.addEventListener("cuechange", () => {
    const now = [...(track.track.activeCues ?? [])];
    line.textContent = now.map(said).join(" ");
    for (const [cue, button] of buttons) {
      if (now.includes(cue)) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  });
  return [line, h("div", { class: "under-screen" }, toggle), transcript];
}

const said = (cue) => cue.text.replaceAll(/<[^>]*>/g, "").replaceAll("\n", " ");
const position = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

const FILES = [
  ["video", "Video", "recommendation.mp4"],
  ["captions", "Captions", "recommendation.vtt"],
  ["text", "Text", "recommendation.txt"],
  ["poster", "Still", "poster.jpg"],
  ["preview", "Preview", "preview.gif"],
];

/** The files, to keep. */
export function downloads(links) {
  return h("ul", { class: "downloads", "aria-label": "Files" }, FILES.filter(([name]) => links[name]).map(([name, label, file]) =>
    h("li", {}, h("a", { href: links[name], download: file }, icon("down"), label,
      h("span", { class: "quiet" }, file.slice(file.lastIndexOf(".") + 1).toUpperCase())))));
}

/** What was measured of the video, in a line. */
export function measured({ seconds, width, height, loudness_lufs: loud }) {
  const facts = [duration(seconds), `${width} × ${height} px`, `${loud.toFixed(1).replace("-", "\u2212")} LUFS`];
  return h("p", { class: "quiet figures" }, `Measured: ${facts.join(", ")}.`);
}
