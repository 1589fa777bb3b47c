// One campaign: what a dry run found, how far it is, and every customer's outcome.

import { call, newKey, pause } from "./api.js";
import { announce, h, part, refill, sentence, trouble, worker } from "./dom.js";
import { capital, count, duration, money, outcome, short, some, when } from "./words.js";

const ENDED = new Set(["done", "failed"]);
const OUTCOMES = ["published", "skipped", "held", "failed"];
const PARTS = [...OUTCOMES, "running", "waiting"];

export async function campaign([id], context) {
  const { signal } = context;
  const path = `campaigns/${encodeURIComponent(id)}`;
  let shown = await call("GET", path, { signal });
  const places = Object.fromEntries(["head", "notice", "figures", "acts", "detail"].map((name) => [name, h("div", { class: `place-${name}` })]));
  const table = customers(path, shown.dry_run ? ["told", "skipped"] : OUTCOMES, signal);
  let lost = false;

  const draw = () => {
    refill(places.head, [shown.state, shown.started_at], () => head(shown));
    refill(places.notice, [lost, shown.reason, shown.stopped], () => notice(shown, lost));
    refill(places.figures, shown, () => shown.dry_run ? found(shown) : progress(shown));
    refill(places.detail, shown.forecast ?? null, () => shown.dry_run && report(shown));
    refill(places.acts, shown.state, () => acts(shown, id));
  };
  draw();

  return {
    title: shown.dry_run ? "Dry run" : "Campaign",
    head: places.head,
    body: h("div", {}, places.notice, places.figures, places.acts, places.detail, table.node),
    async start() {
      await table.load();
      const mark = () => JSON.stringify([shown.counts, shown.state]);
      let before = mark();
      while (!signal.aborted && !ENDED.has(shown.state)) {
        await pause(1_500, signal);
        try {
          shown = await call("GET", path, { signal });
          lost = false;
        } catch (problem) {
          if (signal.aborted) return;
          if (!problem.passing) throw problem;
          lost = true;
        }
        draw();
        const now = mark();
        if (!lost && now !== before) await table.renew();
        before = now;
        if (ENDED.has(shown.state)) announce(`The ${shown.dry_run ? "dry run" : "campaign"} has ended: ${outcome(shown.state)[0]}.`);
      }
    },
  };
}

function head({ state, dry_run, started_at }) {
  const [word, tone] = outcome(state);
  return h("p", { class: "lede" }, h("span", { class: `pill ${tone}` }, word),
    started_at && h("span", {}, when(started_at)), dry_run && h("span", {}, "Nothing is made and nobody is written to."));
}

function notice({ reason, stopped }, lost) {
  if (lost) {
    return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "The server does not answer"),
      h("p", {}, "What was done is kept. This page goes on by itself as soon as the server is back."));
  }
  if (stopped) {
    return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "It began with no further customer"), h("p", {}, sentence(stopped)));
  }
  return reason && trouble({ title: "The campaign failed", ...reason, error: reason.code });
}

/** How far it is: a bar of outcomes, with each part's number in words. */
function progress({ counts = {}, rate_per_minute, seconds_left, spent_usd, skipped_because = {}, failed_with = {}, state }) {
  const all = PARTS.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  const bar = h("div", { class: "bar", "aria-hidden": "true" }, PARTS.map((name) => {
    const piece = h("span", { class: name });
    piece.style.setProperty("flex-grow", counts[name] ?? 0);
    return piece;
  }));
  const figure = (label, value, key) => h("div", { class: key }, h("dt", {}, label), h("dd", { class: "figures" }, value));
  return part(some(all, "customer"), { class: "progress" }, bar,
    h("dl", { class: "counts" },
      PARTS.filter((name) => counts[name] || OUTCOMES.includes(name)).map((name) => figure(outcome(name)[0], count(counts[name] ?? 0), name))),
    h("dl", { class: "counts small" },
      rate_per_minute > 0 && !ENDED.has(state) && figure("A minute", rate_per_minute.toFixed(1)),
      seconds_left > 0 && figure("Left, about", duration(seconds_left)),
      spent_usd !== undefined && spent_usd !== null && figure("Spent", money(spent_usd))),
    [["Why nothing was made for some", skipped_because], ["What failed", failed_with]].map(([title, why]) =>
      Object.keys(why).length > 0 && h("details", { class: "more" }, h("summary", {}, title), statement(Object.entries(why), count))));
}

/** What a dry run found, in a line of figures. */
function found({ forecast, state }) {
  if (!forecast) {
    return ENDED.has(state) ? null : h("div", { class: "blank" }, h("p", {}, "The workbooks are being read."), h("progress", { "aria-label": "Dry run" }));
  }
  const { customers, told, videos, here, aws } = forecast;
  const figures = [[customers, "customers", count], [told, "would be told something", count], [videos, "videos to make", count],
    [here.seconds, "on this machine", duration], [aws.usd, "on AWS", money]];
  return h("dl", { class: "counts" }, figures.map(([value, label, write]) =>
    h("div", {}, h("dt", {}, label), h("dd", {}, write(value)))));
}

/** What a dry run found, in full. */
function report({ forecast }) {
  if (!forecast) return null;
  const { skipped_because: skipped, here, aws, model, too_large: tooLarge = [] } = forecast;
  return h("div", { class: "columns even" },
    h("div", {},
      Object.keys(skipped).length > 0 && part("Who would be told nothing", {}, statement(Object.entries(skipped), count)),
      part("On this machine", {}, statement([
        ["Time", duration(here.seconds)], ["Length of all videos", duration(forecast.video_seconds)],
        ["Kept on disk", size(here.bytes)], ["Cores", count(here.cores)],
        ...here.cpu_seconds.map(([stage, seconds]) => [`CPU time to ${VERBS[stage] ?? stage}`, duration(seconds)]),
      ])),
      part("The model", {}, model.calls === 0 ? h("p", { class: "lead" }, "No model is asked.") : statement([
        ["Calls", count(model.calls)], ["Tokens read", count(model.tokens_read)], ["Tokens written", count(model.tokens_written)],
        ["Cost", money(model.usd)],
      ]))),
    part("On AWS", {},
      tooLarge.length > 0 && h("div", { class: "note warn" }, tooLarge.map((what) => h("p", {}, sentence(what)))),
      statement([...aws.components.map(({ component, usd }) => [capital(component), money(usd)]), ["Together", money(aws.usd)],
        ["Time", duration(aws.hours * 3_600)], aws.batches > 1 && ["Batches, each a run", count(aws.batches)]]),
      h("h3", { class: "above" }, "What bounds it, the narrowest first"),
      h("ol", { class: "bounds" }, aws.bounds.map(({ what, limit, hours, raise }) => h("li", {},
        h("p", {}, `${capital(what)}: ${limit}`), h("p", { class: "figures" }, duration(hours * 3_600)),
        h("p", { class: "quiet" }, sentence(capital(raise))))))));
}

const VERBS = { "merge": "read", "assess, recommend, publish": "weigh, write and publish", "narrate": "speak", "render": "make the videos" };

/** Figures as a statement has them: what on the left, how much on the right. */
function statement(lines, write = String) {
  return h("dl", { class: "facts" }, lines.filter(Boolean).map(([what, value]) =>
    h("div", {}, h("dt", {}, capital(what)), h("dd", { class: "figures" }, write(value)))));
}

const size = (bytes) => bytes < 1e9 ? `${count(Math.round(bytes / 1e6))} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

function acts({ dry_run, state }, id) {
  if (!dry_run || state !== "done") return null;
  const asked = sessionStorage.getItem(`bespoke.campaign.${id}`);
  if (!asked) return h("div", { class: "actions" }, h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign"));
  const key = newKey();
  return h("div", { class: "actions" }, worker("Start this campaign", { class: "primary" }, async () => {
    const { id: started } = await call("POST", "campaigns", { body: { ...JSON.parse(asked), dry_run: false }, key });
    location.hash = `#/campaigns/${started}`;
  }), h("a", { class: "button plain", href: "#/campaigns/new" }, "Ask for another"));
}

/** The table of customers, by outcome, a page at a time. */
function customers(path, outcomes, signal) {
  const rows = h("tbody", { role: "rowgroup" });
  const more = h("div", { class: "actions" });
  const empty = h("p", { class: "quiet empty-row" });
  let chosen = "";
  let pages = 1;
  const page = async (after) => {
    const query = new URLSearchParams({ limit: "50", ...(chosen && { outcome: chosen }), ...(after && { after }) });
    return call("GET", `${path}/customers?${query}`, { signal });
  };
  const tell = (next) => {
    empty.textContent = rows.childElementCount ? "" : "Nobody here so far.";
    more.replaceChildren(...(next ? worker("Show more", { class: "plain" }, async () => {
      pages += 1;
      const { items, next: further } = await page(next);
      rows.append(...items.map(line));
      tell(further);
    }).flat() : []));
  };
  const load = async () => {
    const found = [];
    let next;
    for (let at = 0; at < pages && (at === 0 || next); at += 1) {
      const answer = await page(next);
      found.push(...answer.items);
      next = answer.next;
    }
    // A row that has the focus keeps it.
    const focused = document.activeElement?.closest?.("tr")?.dataset.customer;
    rows.replaceChildren(...found.map(line));
    if (focused) rows.querySelector(`tr[data-customer="${CSS.escape(focused)}"] a`)?.focus();
    tell(next);
  };
  const radios = ["", ...outcomes].map((value) => h("label", {},
    h("input", { type: "radio", name: "outcome", value, checked: value === "" }), h("span", {}, value ? outcome(value)[0] : "All")));
  const filter = h("div", { class: "filter", role: "radiogroup", "aria-label": "Show by outcome", on: { change: (event) => {
    chosen = event.target.value;
    pages = 1;
    load().then(() => announce(some(rows.childElementCount, "customer")));
  } } }, radios);
  return {
    load,
    // While a campaign runs, what the reader looks at is brought up to date, and no more.
    renew: () => (pages <= 4 ? load() : undefined),
    node: part("Customers", { class: "customers" }, filter, h("div", { class: "sheet flush" },
      h("table", { role: "table", class: "list stacked" },
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
          ["Customer", "Outcome", "Why"].map((name) => h("th", { role: "columnheader", scope: "col" }, name)))),
        rows), empty, more)),
  };
}

function line({ customer_ref, outcome: how, reason, recommendation }) {
  const [word, tone] = outcome(how);
  const shown = h("code", {}, short(customer_ref));
  const run = recommendation?.split("/").pop();
  return h("tr", { role: "row", data: { customer: customer_ref } },
    h("th", { role: "rowheader", scope: "row" }, run ? h("a", { href: `#/recommendations/${run}` }, shown) : shown),
    h("td", { role: "cell" }, h("span", { class: `pill ${tone}` }, word)),
    h("td", { role: "cell", class: "quiet" }, reason ?? ""));
}
