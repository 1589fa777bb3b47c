// One campaign: its progress, the forecast of a dry run, and every customer's outcome.

import { call, newKey, pause } from "./api.js";
import { actionButton, announce, h, problemNote, refill, section, sentence } from "./dom.js";
import { gallery } from "./gallery.js";
import { capital, count, duration, label, money, plural, short, when } from "./words.js";

const ENDED = new Set(["done", "failed"]);
const OUTCOMES = ["published", "skipped", "in-review", "failed"];
const STATUSES = [...OUTCOMES, "running", "waiting"];

/** Returns the number of a campaign's customers with a status. The keys of `counts` have underscores. */
export const countOf = (counts, status) => counts[status.replaceAll("-", "_")] ?? 0;

export async function campaign([id], context) {
  const { signal } = context;
  const path = `campaigns/${encodeURIComponent(id)}`;
  let shown = await call("GET", path, { signal });
  const places = Object.fromEntries(["head", "notice", "figures", "acts", "detail"].map((name) => [name, h("div", { class: `place-${name}` })]));
  const table = customerTable(path, shown.dry_run ? ["selected", "skipped"] : OUTCOMES, signal);
  const videos = shown.dry_run ? null : gallery(path, signal);
  let isServerLost = false;

  const draw = () => {
    refill(places.head, [shown.status, shown.started_at], () => head(shown));
    refill(places.notice, [isServerLost, shown.reason, shown.stop_reason], () => notice(shown, isServerLost));
    refill(places.figures, shown, () => shown.dry_run ? forecastFigures(shown) : progress(shown));
    refill(places.detail, shown.forecast ?? null, () => shown.dry_run && forecastDetails(shown));
    refill(places.acts, shown.status, () => actions(shown, id));
  };
  draw();

  return {
    title: shown.dry_run ? "Dry run" : "Campaign",
    head: places.head,
    body: h("div", {}, places.notice, places.figures, places.acts, places.detail, videos?.node, table.node),
    async start() {
      await table.load();
      if (ENDED.has(shown.status)) await videos?.load();
      const snapshot = () => JSON.stringify([shown.counts, shown.status]);
      let before = snapshot();
      while (!signal.aborted && !ENDED.has(shown.status)) {
        await pause(1_500, signal);
        try {
          shown = await call("GET", path, { signal });
          isServerLost = false;
        } catch (problem) {
          if (signal.aborted) return;
          if (!problem.isTemporary) throw problem;
          isServerLost = true;
        }
        draw();
        const now = snapshot();
        if (!isServerLost && now !== before) await table.renew();
        before = now;
        if (!ENDED.has(shown.status)) continue;
        await videos?.load();
        announce(`The ${shown.dry_run ? "dry run" : "campaign"} has ended: ${label(shown.status)[0]}.`);
      }
    },
  };
}

function head({ status, dry_run, started_at }) {
  const [word, tone] = label(status);
  return h("p", { class: "lede" }, h("span", { class: `pill ${tone}` }, word),
    started_at && h("span", {}, when(started_at)), dry_run && h("span", {}, "A forecast only. No text or videos are made."));
}

function notice({ reason, stop_reason }, isServerLost) {
  if (isServerLost) {
    return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "The server does not respond"),
      h("p", {}, "Finished work is safe. This page will continue when the server is back."));
  }
  if (stop_reason) {
    return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "The campaign stopped early"), h("p", {}, sentence(stop_reason)));
  }
  return reason && problemNote({ title: "The campaign failed", ...reason, error: reason.code });
}

/** Returns the progress: a bar of statuses, and the number of customers with each. */
function progress({ counts = {}, rate_per_minute, seconds_left, spent_usd, skipped_because = {}, failed_with = {}, status }) {
  const all = STATUSES.reduce((sum, name) => sum + countOf(counts, name), 0);
  const bar = h("div", { class: "bar", "aria-hidden": "true" }, STATUSES.map((name) => {
    const segment = h("span", { class: name });
    segment.style.setProperty("flex-grow", countOf(counts, name));
    return segment;
  }));
  const figure = (term, value, key) => h("div", { class: key }, h("dt", {}, term), h("dd", { class: "figures" }, value));
  return section(plural(all, "customer"), { class: "progress" }, bar,
    h("dl", { class: "counts" },
      STATUSES.filter((name) => countOf(counts, name) || OUTCOMES.includes(name))
        .map((name) => figure(label(name)[0], count(countOf(counts, name)), name))),
    h("dl", { class: "counts small" },
      rate_per_minute > 0 && !ENDED.has(status) && figure("Per minute", rate_per_minute.toFixed(1)),
      seconds_left > 0 && figure("Time remaining (estimate)", duration(seconds_left)),
      spent_usd !== undefined && spent_usd !== null && figure("Spent", money(spent_usd))),
    [["Reasons for skips", skipped_because], ["Failures", failed_with]].map(([title, reasons]) =>
      Object.keys(reasons).length > 0
        && h("details", { class: "more" }, h("summary", {}, title), statement(Object.entries(reasons), count))));
}

/** Returns the main figures of a forecast. */
function forecastFigures({ forecast, status }) {
  if (!forecast) {
    return ENDED.has(status) ? null : h("div", { class: "blank" }, h("p", {}, "Reading the workbooks …"), h("progress", { "aria-label": "Dry run" }));
  }
  const { customers, selected, videos, here, aws } = forecast;
  const figures = [[customers, "customers", count], [selected, "recommendations", count], [videos, "videos", count],
    here && [here.seconds, "on this machine", duration], [aws.usd, "on AWS", money]].filter(Boolean);
  return h("dl", { class: "counts" }, figures.map(([value, term, format]) =>
    h("div", {}, h("dt", {}, term), h("dd", {}, format(value)))));
}

/** Returns all figures of a forecast. */
function forecastDetails({ forecast }) {
  if (!forecast) return null;
  const { skipped_because: skipped, here, aws, model, too_large: tooLarge = [] } = forecast;
  return h("div", { class: "columns even" },
    h("div", {},
      Object.keys(skipped).length > 0 && section("Skipped customers", {}, statement(Object.entries(skipped), count)),
      here !== undefined && section("On this machine", {}, statement([
        ["Time", duration(here.seconds)], ["Total length of the videos", duration(forecast.video_seconds)],
        ["Disk space", size(here.bytes)], ["Cores", count(here.cores)],
        ...here.cpu_seconds.map(([stage, seconds]) => [`CPU time to ${VERBS[stage] ?? stage}`, duration(seconds)]),
      ])),
      section("Language model", {}, model.calls === 0 ? h("p", { class: "lead" }, "No model is used.") : statement([
        ["Calls", count(model.calls)], ["Input tokens", count(model.tokens_read)], ["Output tokens", count(model.tokens_written)],
        ["Cost", money(model.usd)],
      ]))),
    section("On AWS", {},
      tooLarge.length > 0 && h("div", { class: "note warn" }, tooLarge.map((message) => h("p", {}, sentence(message)))),
      statement([...aws.components.map(({ component, usd }) => [capital(component), money(usd)]), ["Total", money(aws.usd)],
        ["Time", duration(aws.hours * 3_600)], aws.batches > 1 && ["Batches (one run each)", count(aws.batches)]]),
      h("h3", { class: "above" }, "Bottlenecks, tightest first"),
      h("ol", { class: "bounds" }, aws.bounds.map(({ what, limit, hours, raise }) => h("li", {},
        h("p", {}, `${capital(what)}: ${limit}`), h("p", { class: "figures" }, duration(hours * 3_600)),
        h("p", { class: "quiet" }, sentence(capital(raise))))))));
}

const VERBS = {
  "merge": "read the workbooks", "assess, recommend, publish": "assess, write and publish", "narrate": "narrate", "render": "render the videos",
};

/** Returns figures in two columns: terms on the left, values on the right. */
function statement(lines, format = String) {
  return h("dl", { class: "facts" }, lines.filter(Boolean).map(([term, value]) =>
    h("div", {}, h("dt", {}, capital(term)), h("dd", { class: "figures" }, format(value)))));
}

const size = (bytes) => bytes < 1e9 ? `${count(Math.round(bytes / 1e6))} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

function actions({ dry_run, status }, id) {
  if (!dry_run || status !== "done") return null;
  const request = sessionStorage.getItem(`bespoke.campaign.${id}`);
  if (!request) return h("div", { class: "actions" }, h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign"));
  const key = newKey();
  return h("div", { class: "actions" }, actionButton("Start this campaign", { class: "primary" }, async () => {
    const { id: started } = await call("POST", "campaigns", { body: { ...JSON.parse(request), dry_run: false }, key });
    location.hash = `#/campaigns/${started}`;
  }), h("a", { class: "button plain", href: "#/campaigns/new" }, "New dry run"));
}

/** Returns the table of customers with a filter by status. It loads one page at a time. */
function customerTable(path, statuses, signal) {
  const rows = h("tbody", { role: "rowgroup" });
  const more = h("div", { class: "actions" });
  const empty = h("p", { class: "quiet empty-row" });
  let chosen = "";
  let pages = 1;
  const page = async (after) => {
    const query = new URLSearchParams({ limit: "50", ...(chosen && { status: chosen }), ...(after && { after }) });
    return call("GET", `${path}/customers?${query}`, { signal });
  };
  const showMore = (next) => {
    empty.textContent = rows.childElementCount ? "" : "No customers yet.";
    more.replaceChildren(...(next ? actionButton("Show more", { class: "plain" }, async () => {
      pages += 1;
      const { items, next: further } = await page(next);
      rows.append(...items.map(customerRow));
      showMore(further);
    }).flat() : []));
  };
  const load = async () => {
    const loaded = [];
    let next;
    for (let at = 0; at < pages && (at === 0 || next); at += 1) {
      const { items, next: further } = await page(next);
      loaded.push(...items);
      next = further;
    }
    // The focused row keeps the focus.
    const focused = document.activeElement?.closest?.("tr")?.dataset.customer;
    rows.replaceChildren(...loaded.map(customerRow));
    if (focused) rows.querySelector(`tr[data-customer="${CSS.escape(focused)}"] a`)?.focus();
    showMore(next);
  };
  const radios = ["", ...statuses].map((value) => h("label", {},
    h("input", { type: "radio", name: "status", value, checked: value === "" }), h("span", {}, value ? label(value)[0] : "All")));
  const filter = h("div", { class: "filter", role: "radiogroup", "aria-label": "Filter by status", on: { change: (event) => {
    chosen = event.target.value;
    pages = 1;
    load().then(() => announce(plural(rows.childElementCount, "customer")));
  } } }, radios);
  return {
    load,
    // Refreshes the loaded pages while the campaign runs, unless there are many.
    renew: () => (pages <= 4 ? load() : undefined),
    node: section("Customers", { class: "customers" }, filter, h("div", { class: "sheet flush" },
      h("table", { role: "table", class: "list stacked" },
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
          ["Customer", "Status", "Reason"].map((name) => h("th", { role: "columnheader", scope: "col" }, name)))),
        rows), empty, more)),
  };
}

function customerRow({ customer_ref, status, reason, recommendation }) {
  const [word, tone] = label(status);
  const reference = h("code", {}, short(customer_ref));
  const run = recommendation?.split("/").pop();
  return h("tr", { role: "row", data: { customer: customer_ref } },
    h("th", { role: "rowheader", scope: "row" }, run ? h("a", { href: `#/recommendations/${run}` }, reference) : reference),
    h("td", { role: "cell" }, h("span", { class: `pill ${tone}` }, word)),
    h("td", { role: "cell", class: "quiet" }, reason ?? ""));
}
