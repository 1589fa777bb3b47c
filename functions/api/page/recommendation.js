// One run: its stages as they go on, then what it made and why.

import { call, events, pause } from "./api.js";
import { announce, ask, h, icon, part, refill, sentence, trouble, worker } from "./dom.js";
import { downloads, measured, player, reading } from "./media.js";
import { REFUSALS, STAGES, capital, clock, duration, outcome, plain, short, stageName, when } from "./words.js";
import { why } from "./why.js";

const ENDED = new Set(["done", "failed"]);

/** Why something that was made is not published. */
const NOT_PUBLISHED = new Set(["rejected", "recalled"]);

export async function recommendation([id], context) {
  const path = `recommendations/${encodeURIComponent(id)}`;
  const run = { shown: await call("GET", path, { signal: context.signal }), shares: {}, log: [], lost: false };
  const live = !ENDED.has(run.shown.state);
  const places = Object.fromEntries(["head", "notice", "watch", "files", "text", "stages", "log", "why", "acts"]
    .map((name) => [name, h("div", { class: `place-${name}` })]));

  const refresh = async () => {
    run.shown = await call("GET", path, { signal: context.signal });
    draw();
    return run.shown;
  };
  const draw = () => {
    const { shown } = run;
    refill(places.head, [shown.state, shown.outcome, shown.customer_ref, shown.started_at], () => head(shown, context.nameOf(id)));
    refill(places.notice, [run.lost, shown.outcome, shown.reason], () => notice(run));
    refill(places.watch, [watched(shown), shown.links && Object.keys(shown.links), live && doing(run)], () => watch(run, refresh, places.files));
    refill(places.files, shown.links ?? null, () => shown.links && downloads(shown.links));
    refill(places.text, [shown.text, shown.disclosures], () => shown.text?.length > 0
      && part("The text", { class: "text" }, reading(shown.text, shown.disclosures)));
    refill(places.stages, [shown.state, shown.stages, run.shares], () => stages(run));
    refill(places.log, run.log.length, () => log(run.log, live));
    refill(places.why, [shown.offers, shown.candidates, shown.checks, shown.wrote], () => why(shown));
    refill(places.acts, shown.outcome ?? null, () => acts(shown, path, refresh));
  };
  draw();

  return {
    title: "Recommendation",
    head: places.head,
    body: h("div", {},
      h("div", { class: "columns run" }, places.notice, places.watch,
        h("div", { class: "side" }, places.stages, places.log), places.text, places.acts),
      places.why),
    async start() {
      const ticking = setInterval(tick, 500);
      context.signal.addEventListener("abort", () => clearInterval(ticking));
      let frame = 0;
      const soon = () => {
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(draw);
      };
      const link = (up) => {
        run.lost = !up;
        soon();
        announce(up ? "The server is back." : "The server does not answer. Waiting for it.");
        if (up) refresh().catch(() => {});
      };
      // A server that went away is waited for.
      const refreshed = async () => {
        for (;;) {
          try {
            await refresh();
            if (run.lost) link(true);
            return;
          } catch (problem) {
            if (context.signal.aborted || !problem.passing) throw problem;
            if (!run.lost) link(false);
            await pause(1_500, context.signal);
          }
        }
      };
      for await (const event of events(`${path}/events`, { signal: context.signal, link })) {
        if (event.kind !== "end" || event.message) run.log.push(event);
        if (event.kind === "stage") step(run, event, live);
        if (event.kind === "progress" && event.stage) run.shares[event.stage] = event.share;
        // What was made, and how it ended, is read from where it is final.
        if (["text", "result", "end"].includes(event.kind)) await refreshed();
        soon();
      }
      if (context.signal.aborted) return;
      if (live) announce(`${outcome(run.shown.outcome ?? run.shown.state)[0]}.`);
      // Addresses of files end after a while: others take their place before.
      while (run.shown.links) {
        await pause(Math.max(30_000, new Date(run.shown.links.expires_at) - Date.now() - 60_000), context.signal);
        await refreshed();
      }
    },
  };
}

/** Takes a stage's event into the list that the server gave. */
function step({ shown, shares }, { stage, state, at }, live) {
  const known = (shown.stages ??= []);
  let entry = known.find((each) => each.stage === stage);
  if (!entry) known.push(entry = { stage });
  // Events are told from the first on; what the server said last already knows of them.
  if (ENDED.has(entry.state) && !live) return;
  entry.state = state;
  if (state === "running") {
    entry.started_at = at;
    delete entry.seconds;
    delete shares[stage];
  } else if (entry.started_at && ENDED.has(state)) {
    entry.seconds ??= (new Date(at) - new Date(entry.started_at)) / 1_000;
  }
  if (live) announce(`${stageName(stage)}: ${STATES[state] ?? state}.`);
}

const STATES = { running: "under way", done: "done", failed: "failed", waiting: "waiting", skipped: "not needed" };

function head(shown, customer) {
  const [word, tone] = outcome(shown.reason?.code === "rejected" ? "rejected" : shown.outcome ?? shown.state);
  const who = customer ? `Customer ${customer}` : shown.customer_ref && `Customer ${short(shown.customer_ref)}`;
  return h("p", { class: "lede" }, h("span", { class: `pill ${tone}` }, word),
    [who, shown.started_at && when(shown.started_at)].filter(Boolean).map((text) => h("span", {}, text)));
}

function notice({ shown, lost }) {
  if (lost) {
    return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "The server does not answer"),
      h("p", {}, "What was done is kept. This page goes on by itself as soon as the server is back."));
  }
  const { reason } = shown;
  const told = reason?.message && h("p", {}, sentence(reason.message));
  const help = reason?.help && h("p", {}, sentence(reason.help));
  switch (shown.outcome) {
    case "skipped": return h("div", { class: "note calm" },
      h("p", { class: "note-title" }, NOT_PUBLISHED.has(reason?.code) ? "Nothing was published" : "Nothing was made for this customer"),
      told, REFUSALS[reason?.code] && h("p", {}, REFUSALS[reason.code]), help);
    case "held": return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "A person must look first"),
      told, h("p", {}, h("a", { href: "#/review" }, "Go to the review")));
    case "recalled": return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "Taken back"),
      told ?? h("p", {}, "What was published is not shown any more. The record of it is kept."), help);
    case "failed": return failure(reason);
    case "published": return reason && h("div", { class: "note warn" },
      h("p", { class: "note-title" }, "What was published is not shown any more"), told, help);
    default: return reason && shown.state === "failed" ? failure(reason) : null;
  }
}

const failure = (reason) => trouble({ title: "This run failed", ...reason, error: reason?.code },
  h("p", {}, h("a", { href: "#/" }, "Ask again"), ". What was done is kept, and found again."));

/** What the place of the video depends on. Links change with every answer; a video that plays is left alone. */
const watched = (shown) => [Boolean(shown.links?.video), shown.media, shown.state, shown.outcome];

/** The stage that is under way, and how far it is. */
function doing({ shown, shares }) {
  if (ENDED.has(shown.state) || shown.links?.video) return null;
  const stage = shown.stages?.find((each) => each.state === "running")?.stage;
  return { stage, share: stage && shares[stage] };
}

function watch(run, refresh, files) {
  const { shown } = run;
  if (shown.links?.video) {
    return part("The video", { class: "video" },
      player({ links: shown.links, media: shown.media, shape: shapeOf(shown.media) }, async () => (await refresh()).links),
      shown.media && measured(shown.media), files);
  }
  if (ENDED.has(shown.state)) return shown.links ? part("Files", {}, files) : null;
  const { stage, share } = doing(run) ?? {};
  return part("The video", { class: "video" },
    h("div", { class: "screen empty" },
      h("p", { class: "doing" }, stage ? STAGES[stage]?.[2] ?? stageName(stage) : "Waiting for its turn"),
      h("p", {}, stage ? STAGES[stage]?.[1] : "it begins as soon as there is room for it"),
      share !== undefined && h("progress", { max: 1, value: share, "aria-label": stageName(stage) })));
}

function shapeOf(media) {
  if (!media?.width || media.width > media.height) return "16:9";
  return media.width === media.height ? "1:1" : "9:16";
}

function stages({ shown, shares }) {
  const ended = ENDED.has(shown.state);
  // Of a campaign's customer the stages are not told one by one.
  if (ended && !shown.stages?.some(({ state }) => state !== "waiting")) return null;
  const known = (shown.stages?.length ? shown.stages : Object.keys(STAGES).map((stage) => ({ stage, state: "waiting" })))
    // What an ended run did not come to was not needed.
    .map((each) => ended && each.state === "waiting" ? { ...each, state: "skipped" } : each);
  const total = known.reduce((sum, each) => sum + (each.seconds ?? 0), 0);
  return part("Stages", { class: "stages" },
    h("ol", {}, known.map(({ stage, state, seconds, started_at }) => {
      const share = shares[stage];
      return h("li", { class: state },
        h("span", { class: "mark" }, state === "done" ? icon("tick") : state === "failed" ? icon("cross") : state === "skipped" ? icon("dash") : null),
        h("span", { class: "stage-name" }, stageName(stage), h("span", { class: "unseen" }, `, ${STATES[state] ?? state}`)),
        h("span", { class: "figures", data: state === "running" && started_at ? { since: started_at } : {} },
          seconds === undefined || seconds === null ? "" : duration(seconds)),
        state === "running" && share !== undefined
          && h("progress", { max: 1, value: share, "aria-label": `${stageName(stage)}, share done` }));
    })),
    total > 0 && ended && h("p", { class: "total" }, h("span", {}, "Together"), h("span", { class: "figures" }, duration(total))));
}

/** The seconds of what is under way. They are for the eye: a screen reader hears of stages, not of seconds. */
function tick() {
  for (const place of document.querySelectorAll("[data-since]")) {
    const seconds = (Date.now() - new Date(place.dataset.since)) / 1_000;
    if (seconds >= 0 && seconds < 86_400) place.textContent = duration(Math.max(1, Math.floor(seconds))).replace(".0", "");
  }
}

/** What happened, a line each: that a stage is done is told by the next line, and by the list of stages. */
function log(all, live) {
  const told = all.filter(({ kind, state }) => kind !== "progress" && !(kind === "stage" && state === "done"));
  if (told.length === 0) return null;
  return h("details", { class: "log", open: live }, h("summary", {}, "Log"),
    h("div", { class: "log-lines", tabIndex: 0, role: "region", "aria-label": "Log" },
      h("ol", {}, told.map((event) => h("li", { class: event.kind },
        h("span", { class: "figures quiet" }, event.at ? clock(event.at) : ""), h("span", {}, line(event)))))));
}

function line({ kind, stage, state, message }) {
  if (kind === "stage" && state === "running") return STAGES[stage]?.[2] ?? stageName(stage);
  if (kind === "stage") return `${stageName(stage)}: ${STATES[state] ?? state}${message ? `, ${message}` : ""}`;
  if (kind === "retry") return `${stageName(stage ?? "stage")}: tried again${message ? ` after ${message}` : ""}`;
  if (kind === "text") return "The text passed every check";
  if (kind === "result") return outcome(message)[0];
  return message ?? capital(plain(kind));
}

function acts(shown, path, refresh) {
  if (shown.outcome !== "published") return null;
  return h("div", { class: "acts" }, worker("Take it back", { class: "plain danger" }, async () => {
    const reason = await ask({
      title: "Take this recommendation back?", danger: true, action: "Take it back",
      body: "Links to the text and the video stop working. The record that it was published is kept. This cannot be undone.",
      reason: { label: "Why, for the record (optional)" },
    });
    if (reason === null) return;
    await call("POST", `${path}/recall`, { body: reason ? { reason } : {} });
    await refresh();
    announce("Taken back.");
  }));
}
