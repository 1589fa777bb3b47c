// The result of a run: the text, the video with its captions, and the files.

import { h, icon, refill } from "./dom.js";
import { duration } from "./words.js";

/** Returns the text with rates, terms and disclosures. */
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

/** Returns the video player. `renew` returns new links when the current ones have expired. */
export function player({ links, media, shape = "16:9" }, renew) {
  const isOtherOrigin = links.captions && new URL(links.captions, document.baseURI).origin !== location.origin;
  const video = h("video", {
    controls: true, playsInline: true, preload: "metadata", poster: links.poster, src: links.video,
    crossOrigin: isOtherOrigin ? "anonymous" : undefined, "aria-label": "The narrated recommendation",
    width: media?.width ?? 1920, height: media?.height ?? 1080,
  });
  let hasRenewed = false;
  video.addEventListener("error", async () => {
    if (hasRenewed) return;
    hasRenewed = true;
    const time = video.currentTime;
    const newLinks = await renew();
    // No link means that the result may no longer be shown.
    if (!newLinks?.video) return;
    video.src = newLinks.video;
    video.currentTime = time;
  });
  video.addEventListener("playing", () => { hasRenewed = false; });
  const node = h("div", { class: "player" }, h("div", { class: "screen", data: { shape } }, video));
  if (links.captions) node.append(...captions(video, links.captions));
  return node;
}

/** Returns the captions as text: the current caption below the video in the reader's font size, and a transcript whose
 *  lines seek to their times. */
function captions(video, source) {
  const track = h("track", { kind: "captions", srclang: "en", label: "English", src: source });
  const line = h("p", { class: "caption-line", hidden: true });
  const toggle = h("button", { type: "button", class: "plain", "aria-pressed": "false", on: { click: () => {
    line.hidden = !line.hidden;
    toggle.setAttribute("aria-pressed", String(!line.hidden));
  } } }, "Captions as text");
  const list = h("ol", { class: "transcript" });
  const transcript = h("details", { hidden: true }, h("summary", {}, "Timed transcript"), list);
  video.append(track);
  // The track is loaded but hidden, because the video already shows the captions.
  track.track.mode = "hidden";
  const buttons = new Map();
  track.addEventListener("load", () => {
    transcript.hidden = false;
    refill(list, source, () => [...track.track.cues].map((cue) => {
      const button = h("button", { type: "button", on: { click: () => {
        video.currentTime = cue.startTime;
        video.play();
      } } }, h("span", { class: "figures quiet" }, position(cue.startTime)), " ", cueText(cue));
      buttons.set(cue, button);
      return h("li", {}, button);
    }));
  });
  track.track.addEventListener("cuechange", () => {
    const active = [...(track.track.activeCues ?? [])];
    line.textContent = active.map(cueText).join(" ");
    for (const [cue, button] of buttons) {
      if (active.includes(cue)) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  });
  return [line, h("div", { class: "under-screen" }, toggle), transcript];
}

const cueText = (cue) => cue.text.replaceAll(/<[^>]*>/g, "").replaceAll("\n", " ");
const position = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

const FILES = [
  ["video", "Video", "recommendation.mp4"],
  ["captions", "Captions", "recommendation.vtt"],
  ["text", "Text", "recommendation.txt"],
  ["poster", "Still", "poster.jpg"],
  ["preview", "Preview", "preview.gif"],
];

/** Returns the download links. */
export function downloads(links) {
  return h("ul", { class: "downloads", "aria-label": "Files" }, FILES.filter(([name]) => links[name]).map(([name, label, file]) =>
    h("li", {}, h("a", { href: links[name], download: file }, icon("down"), label,
      h("span", { class: "quiet" }, file.slice(file.lastIndexOf(".") + 1).toUpperCase())))));
}

/** Returns the video's measurements on one line. */
export function measurements({ duration_seconds, width, height, loudness_lufs }) {
  const facts = [duration(duration_seconds), `${width} × ${height} px`, `${loudness_lufs.toFixed(1).replace("-", "\u2212")} LUFS`];
  return h("p", { class: "quiet figures" }, `Measured: ${facts.join(", ")}.`);
}
