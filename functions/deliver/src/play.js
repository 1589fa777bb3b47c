"use strict";
(() => {
  const events = `${location.pathname.replace(/\/$/, "")}/events`;
  const sent = new Set();
  const send = (event) => {
    if (sent.has(event)) return;
    sent.add(event);
    navigator.sendBeacon(events, new URLSearchParams({ event }));
  };
  const video = document.querySelector("video");
  let played = 0;
  let last = null;
  const quarters = ["played-quarter", "played-half", "played-three-quarters"];
  if (video) {
    // Only playing counts: a jump to another place adds nothing.
    video.addEventListener("timeupdate", () => {
      const step = last === null ? 0 : video.currentTime - last;
      last = video.currentTime;
      if (step > 0 && step < 2) played += step;
      const share = played / video.duration;
      quarters.slice(0, Math.floor(share * 4)).forEach(send);
      if (share > 0.97) send("played-whole");
    });
    video.addEventListener("seeking", () => { last = null; });
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href^='http']");
    if (link && event.isTrusted) send("clicked");
  });
})();
