// One campaign: what a dry run found, how far it is, and every customer's outcome.

import { call, newKey, pause } from "./api.js";
import { announce, h, part, refill, sentence, trouble, worker } from "./dom.js";
import { capital, count, duration, money, outcome, plain, short, some, when } from "./words.js";

const ENDED = new Set(["done", "failed", "stopped"]);
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
      Object.keys(why).length > 0 && h("details", { class: "more" }, h("summary", {}, title), facts(why))));
}

/** What a dry run found, in a line of figures. */
function found({ forecast, state }) {
  if (!forecast) {
    return ENDED.has(state) ? null : h("div", { class: "blank" }, h("p", {}, "The workbooks are being read."), h("progress", { "aria-label": "Dry run" }));
  }
  const { customers, told, videos, here, aws } = forecast;
  const figures = [[customers, "customers", count], [told, "would be told something", count], [videos, "videos to make", count],
    [here?.seconds, "on this machine", duration], [aws?.usd, "on AWS", money]];
  return h("dl", { class: "counts" }, figures.filter(([value]) => value !== undefined).map(([value, label, write]) =>
    h("div", {}, h("dt", {}, label), h("dd", {}, write(value)))));
}

/** What a dry run found, in full. */
function report({ forecast, skipped_because: skipped = forecast?.skipped_because ?? {} }) {
  if (!forecast) return null;
  const { aws } = forecast;
  return h("div", { class: "columns even" },
    h("div", {}, Object.keys(skipped).length > 0 && part("Who would be told nothing", {}, facts(skipped)),
      aws && part("On AWS", {}, facts(aws))),
    part("In detail", {}, facts(without(forecast, ["each", "run", "skipped_because", "aws", "customers", "told", "videos"]))));
}

const without = (given, names) => Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)));

/** Figures as a statement has them: what on the left, how much on the right, what belongs together beneath its heading. */
function facts(given) {
  return h("dl", { class: "facts" }, Object.entries(given).map(([name, value]) => {
    if (value === null || value === undefined || value.length === 0) return null;
    const label = labelled(name);
    if (typeof value !== "object") return h("div", {}, h("dt", {}, label), h("dd", { class: "figures" }, figure(name, value)));
    return h("div", { class: "nested" }, h("dt", {}, label), h("dd", {}, Array.isArray(value) ? several(name, value) : facts(value)));
  }));
}

/** A list: of pairs and of named sums as a statement; of anything else as it is. */
function several(name, values) {
  const pairs = values.map((each) => Array.isArray(each) ? each : typeof each === "object" && Object.values(each));
  if (pairs.every((pair) => pair && pair.length === 2)) {
    const unit = Array.isArray(values[0]) ? name : Object.keys(values[0])[1];
    return h("dl", { class: "facts" }, pairs.map(([label, value]) =>
      h("div", {}, h("dt", {}, capital(String(label))), h("dd", { class: "figures" }, figure(unit, value)))));
  }
  return h("ul", {}, values.map((each) => h("li", {}, typeof each === "object" ? facts(each) : String(each))));
}

const LABELS = {
  here: "On this machine", usd: "Together", seconds: "Time", bytes: "Kept on disk", cpu_seconds: "CPU time, by stage",
  encoding_cpu_seconds: "CPU time to encode a second", video_seconds: "Length of all videos", model: "The model",
  ended_before: "Ended in an earlier attempt", service_messages: "Of those, a service message",
};
const labelled = (name) => LABELS[name] ?? capital(plain(name).replace(/ (usd|seconds)$/, ""));

function figure(name, value) {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value !== "number") return String(value);
  if (/usd/.test(name)) return money(value);
  if (/seconds/.test(name)) return duration(value);
  if (/bytes/.test(name)) return value < 1e9 ? `${count(Math.round(value / 1e6))} MB` : `${(value / 1e9).toFixed(1)} GB`;
  return count(Math.round(value * 100) / 100);
}

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
