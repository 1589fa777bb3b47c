// One recommendation: the live progress of its stages, then the result and the reasons.

import { call, events, pause } from "./api.js";
import { actionButton, announce, confirmDialog, h, icon, problemNote, refill, section, sentence } from "./dom.js";
import { downloads, measurements, player, reading } from "./media.js";
import { SKIP_EXPLANATIONS, STAGES, capital, clock, duration, label, plain, short, stageName, when } from "./words.js";
import { why } from "./why.js";

const ENDED = new Set(["done", "failed"]);

/** The reasons for skipping a customer whose result was already finished. */
const SKIPPED_AFTER_RENDERING = new Set(["rejected", "recalled"]);

export async function recommendation([id], context) {
  const path = `recommendations/${encodeURIComponent(id)}`;
  const run = { shown: await call("GET", path, { signal: context.signal }), fractions: {}, log: [], isServerLost: false };
  const isLive = !ENDED.has(run.shown.status);
  const places = Object.fromEntries(["head", "notice", "watch", "files", "text", "stages", "log", "why", "acts"]
    .map((name) => [name, h("div", { class: `place-${name}` })]));

  const refresh = async () => {
    run.shown = await call("GET", path, { signal: context.signal });
    draw();
    return run.shown;
  };
  const draw = () => {
    const { shown } = run;
    refill(places.head, [shown.status, shown.outcome, shown.customer_ref, shown.started_at], () => head(shown, context.nameOf(id)));
    refill(places.notice, [run.isServerLost, shown.outcome, shown.reason], () => notice(run));
    const watchSource = [videoSource(shown), shown.links && Object.keys(shown.links), isLive && currentStage(run)];
    refill(places.watch, watchSource, () => watch(run, refresh, places.files));
    refill(places.files, shown.links ?? null, () => shown.links && downloads(shown.links));
    refill(places.text, [shown.text, shown.disclosures], () => shown.text?.length > 0
      && section("Text", { class: "text" }, reading(shown.text, shown.disclosures)));
    refill(places.stages, [shown.status, shown.stages, run.fractions], () => stages(run));
    refill(places.log, run.log.length, () => log(run.log, isLive));
    refill(places.why, [shown.offers, shown.candidates, shown.checks, shown.written_by], () => why(shown));
    refill(places.acts, shown.outcome ?? null, () => actions(shown, path, refresh));
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
      const scheduleDraw = () => {
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(draw);
      };
      const onConnection = (isUp) => {
        run.isServerLost = !isUp;
        scheduleDraw();
        announce(isUp ? "The server is back." : "The server does not respond. Waiting for it.");
        if (isUp) refresh().catch(() => {});
      };
      // Repeats until the server responds.
      const refreshWithRetries = async () => {
        for (;;) {
          try {
            await refresh();
            if (run.isServerLost) onConnection(true);
            return;
          } catch (problem) {
            if (context.signal.aborted || !problem.isTemporary) throw problem;
            if (!run.isServerLost) onConnection(false);
            await pause(1_500, context.signal);
          }
        }
      };
      for await (const event of events(`${path}/events`, { signal: context.signal, onConnection })) {
        if (event.kind !== "end" || event.message) run.log.push(event);
        if (event.kind === "stage") applyStageEvent(run, event, isLive);
        if (event.kind === "progress" && event.stage) run.fractions[event.stage] = event.fraction;
        // These events carry no content: the recommendation itself has the text and the outcome.
        if (["text", "result", "end"].includes(event.kind)) await refreshWithRetries();
        scheduleDraw();
      }
      if (context.signal.aborted) return;
      if (isLive) announce(`${label(run.shown.outcome ?? run.shown.status)[0]}.`);
      // Replaces the links before they expire.
      while (run.shown.links) {
        await pause(Math.max(30_000, new Date(run.shown.links.expires_at) - Date.now() - 60_000), context.signal);
        await refreshWithRetries();
      }
    },
  };
}

/** Applies the event of a stage to the stages that the server returned. */
function applyStageEvent({ shown, fractions }, { stage, status, at }, isLive) {
  const stages = (shown.stages ??= []);
  let entry = stages.find((each) => each.stage === stage);
  if (!entry) stages.push(entry = { stage });
  // Events replay from the first one. The stages of an ended run include them already.
  if (ENDED.has(entry.status) && !isLive) return;
  entry.status = status;
  if (status === "running") {
    entry.started_at = at;
    delete entry.duration_seconds;
    delete fractions[stage];
  } else if (entry.started_at && ENDED.has(status)) {
    entry.duration_seconds ??= (new Date(at) - new Date(entry.started_at)) / 1_000;
  }
  if (isLive) announce(`${stageName(stage)}: ${STAGE_STATUSES[status] ?? status}.`);
}

const STAGE_STATUSES = { running: "in progress", done: "done", failed: "failed", waiting: "waiting", skipped: "not needed" };

function head(shown, customerId) {
  const [word, tone] = label(shown.reason?.code === "rejected" ? "rejected" : shown.outcome ?? shown.status);
  const customer = customerId ? `Customer ${customerId}` : shown.customer_ref && `Customer ${short(shown.customer_ref)}`;
  return h("p", { class: "lede" }, h("span", { class: `pill ${tone}` }, word),
    [customer, shown.started_at && when(shown.started_at)].filter(Boolean).map((text) => h("span", {}, text)));
}

function notice({ shown, isServerLost }) {
  if (isServerLost) {
    return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "The server does not respond"),
      h("p", {}, "Finished work is safe. This page will continue when the server is back."));
  }
  const { reason } = shown;
  const message = reason?.message && h("p", {}, sentence(reason.message));
  const help = reason?.help && h("p", {}, sentence(reason.help));
  switch (shown.outcome) {
    case "skipped": return h("div", { class: "note calm" },
      h("p", { class: "note-title" }, SKIPPED_AFTER_RENDERING.has(reason?.code) ? "The result was not published" : "This customer was skipped"),
      message, SKIP_EXPLANATIONS[reason?.code] && h("p", {}, SKIP_EXPLANATIONS[reason.code]), help);
    case "in-review": return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "Waiting for review"),
      message, h("p", {}, h("a", { href: "#/review" }, "Go to reviews")));
    case "recalled": return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "Recalled"),
      message ?? h("p", {}, "The result is no longer shown. The evidence is kept."), help);
    case "failed": return failure(reason);
    case "published": return reason && h("div", { class: "note warn" },
      h("p", { class: "note-title" }, "The result is no longer shown"), message, help);
    default: return reason && shown.status === "failed" ? failure(reason) : null;
  }
}

const failure = (reason) => problemNote({ title: "The run failed", ...reason, error: reason?.code },
  h("p", {}, h("a", { href: "#/" }, "Try again"), ". Finished work is reused."));

/** Returns the values that determine whether to rebuild the player. New links alone must not interrupt a playing video. */
const videoSource = (shown) => [Boolean(shown.links?.video), shown.media, shown.status, shown.outcome];

/** Returns the running stage and its completed fraction. */
function currentStage({ shown, fractions }) {
  if (ENDED.has(shown.status) || shown.links?.video) return null;
  const stage = shown.stages?.find((each) => each.status === "running")?.stage;
  return { stage, fraction: stage && fractions[stage] };
}

function watch(run, refresh, files) {
  const { shown } = run;
  if (shown.links?.video) {
    return section("Video", { class: "video" },
      player({ links: shown.links, media: shown.media, shape: shapeOf(shown.media) }, async () => (await refresh()).links),
      shown.media && measurements(shown.media), files);
  }
  if (ENDED.has(shown.status)) return shown.links ? section("Files", {}, files) : null;
  const { stage, fraction } = currentStage(run) ?? {};
  return section("Video", { class: "video" },
    h("div", { class: "screen empty" },
      h("p", { class: "doing" }, stage ? STAGES[stage]?.[2] ?? stageName(stage) : "Waiting to start"),
      h("p", {}, stage ? STAGES[stage]?.[1] : "other runs are ahead in the queue"),
      fraction !== undefined && h("progress", { max: 1, value: fraction, "aria-label": stageName(stage) })));
}

function shapeOf(media) {
  if (!media?.width || media.width > media.height) return "16:9";
  return media.width === media.height ? "1:1" : "9:16";
}

function stages({ shown, fractions }) {
  const hasEnded = ENDED.has(shown.status);
  // A local server keeps no events for a campaign's customers.
  if (hasEnded && !shown.stages?.some(({ status }) => status !== "waiting")) return null;
  const entries = (shown.stages?.length ? shown.stages : Object.keys(STAGES).map((stage) => ({ stage, status: "waiting" })))
    // A stage that an ended run never started was not needed.
    .map((each) => hasEnded && each.status === "waiting" ? { ...each, status: "skipped" } : each);
  const total = entries.reduce((sum, each) => sum + (each.duration_seconds ?? 0), 0);
  return section("Stages", { class: "stages" },
    h("ol", {}, entries.map(({ stage, status, duration_seconds: seconds, started_at }) => {
      const fraction = fractions[stage];
      const mark = { done: "tick", failed: "cross", skipped: "dash" }[status];
      return h("li", { class: status },
        h("span", { class: "mark" }, mark && icon(mark)),
        h("span", { class: "stage-name" }, stageName(stage), h("span", { class: "unseen" }, `, ${STAGE_STATUSES[status] ?? status}`)),
        h("span", { class: "figures", data: status === "running" && started_at ? { since: started_at } : {} },
          seconds === undefined || seconds === null ? "" : duration(seconds)),
        status === "running" && fraction !== undefined
          && h("progress", { max: 1, value: fraction, "aria-label": `${stageName(stage)}, progress` }));
    })),
    total > 0 && hasEnded && h("p", { class: "total" }, h("span", {}, "Total"), h("span", { class: "figures" }, duration(total))));
}

/** Updates the elapsed time of the running stage. Screen readers announce stage changes, but not every second. */
function tick() {
  for (const place of document.querySelectorAll("[data-since]")) {
    const seconds = (Date.now() - new Date(place.dataset.since)) / 1_000;
    if (seconds >= 0 && seconds < 86_400) place.textContent = duration(Math.max(1, Math.floor(seconds))).replace(".0", "");
  }
}

/** Returns the log of events. It leaves out finished stages, because the list of stages shows them. */
function log(all, isLive) {
  const events = all.filter(({ kind, status }) => kind !== "progress" && !(kind === "stage" && status === "done"));
  if (events.length === 0) return null;
  return h("details", { class: "log", open: isLive }, h("summary", {}, "Log"),
    h("div", { class: "log-lines", tabIndex: 0, role: "region", "aria-label": "Log" },
      h("ol", {}, events.map((event) => h("li", { class: event.kind },
        h("span", { class: "figures quiet" }, event.at ? clock(event.at) : ""), h("span", {}, logLine(event)))))));
}

function logLine({ kind, stage, status, message }) {
  if (kind === "stage" && status === "running") return STAGES[stage]?.[2] ?? stageName(stage);
  if (kind === "stage") return `${stageName(stage)}: ${STAGE_STATUSES[status] ?? status}${message ? `, ${message}` : ""}`;
  if (kind === "retry") return `${stageName(stage ?? "stage")}: retrying${message ? ` after ${message}` : ""}`;
  if (kind === "text") return "The text passed every check";
  if (kind === "result") return label(message)[0];
  return message ?? capital(plain(kind));
}

function actions(shown, path, refresh) {
  if (shown.outcome !== "published") return null;
  return h("div", { class: "acts" }, actionButton("Recall", { class: "plain danger" }, async () => {
    const reason = await confirmDialog({
      title: "Recall this recommendation?", danger: true, action: "Recall",
      body: "All links to the text and the video stop working. The evidence is kept. You cannot undo this.",
      reason: { label: "Reason, for the record (optional)" },
    });
    if (reason === null) return;
    await call("POST", `${path}/recall`, { body: reason ? { reason } : {} });
    await refresh();
    announce("Recalled.");
  }));
}
