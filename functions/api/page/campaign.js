// One campaign: what a dry run found, how far it is, and every customer's outcome.

import { call, newKey, pause } from "./api.js";
import { announce, h, part, refill, trouble, worker } from "./dom.js";
import { capital, count, duration, money, outcome, plain, short, some, when } from "./words.js";

const ENDED = new Set(["done", "failed", "stopped"]);
const OUTCOMES = ["published", "skipped", "held", "failed"];
const PARTS = [...OUTCOMES, "running", "waiting"];

export async function campaign([id], context) {
  const { signal } = context;
  const path = `campaigns/${encodeURIComponent(id)}`;
  let shown = await call("GET", path, { signal });
  const places = Object.fromEntries(["head", "notice", "figures", "acts"].map((name) => [name, h("div", { class: `place-${name}` })]));
  const table = shown.dry_run ? null : customers(path, signal);
  let lost = false;

  const draw = () => {
    refill(places.head, [shown.state, shown.started_at], () => head(shown));
    refill(places.notice, [lost, shown.reason], () => notice(shown, lost));
    refill(places.figures, shown, () => shown.dry_run ? report(shown) : progress(shown));
    refill(places.acts, shown.state, () => acts(shown, id));
  };
  draw();

  return {
    title: shown.dry_run ? "Dry run" : "Campaign",
    head: places.head,
    body: h("div", {}, places.notice, places.figures, places.acts, table?.node),
    async start() {
      await table?.load();
      let before = JSON.stringify(shown.counts);
      while (!signal.aborted && !ENDED.has(shown.state)) {
        await pause(1_500, signal);
        try {
          shown = await call("GET", path, { signal });
          lost = false;
        } catch (problem) {
          if (signal.aborted) return;
          if (!problem.silent && problem.status < 500) throw problem;
          lost = true;
        }
        draw();
        const now = JSON.stringify(shown.counts);
        if (!lost && now !== before) await table?.renew();
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

function notice({ reason, state }, lost) {
  if (lost) {
    return h("div", { class: "note warn" }, h("p", { class: "note-title" }, "The server does not answer"),
      h("p", {}, "What was done is kept. This page goes on by itself as soon as the server is back."));
  }
  return reason && trouble({ title: state === "failed" ? "The campaign failed" : "The campaign stopped", ...reason, error: reason.code });
}

/** How far it is: a bar of outcomes, with each part's number in words. */
function progress({ counts = {}, rate_per_minute, seconds_left, spent_usd, forecast, report: read, state }) {
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
    forecast && h("details", { class: "more" }, h("summary", {}, "What was forecast"), facts(forecast)),
    read && h("details", { class: "more" }, h("summary", {}, "What the workbooks hold"), facts(read)));
}

/** What a dry run found. */
function report({ forecast, report: read, state }) {
  if (!forecast && !read) {
    return ENDED.has(state) ? null : h("div", { class: "blank" }, h("p", {}, "The workbooks are being read."), h("progress", { "aria-label": "Dry run" }));
  }
  return h("div", { class: "columns even" },
    forecast && part("What it would make and take", { class: "sheet" }, facts(forecast)),
    read && part("What the workbooks hold", { class: "sheet" }, facts(read)));
}

/** Figures as a statement has them: what on the left, how much on the right, what belongs together beneath its heading. */
export function facts(given) {
  return h("dl", { class: "facts" }, Object.entries(given).filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => {
    const label = labelled(name);
    if (Array.isArray(value)) {
      return value.length > 0 && h("div", { class: "nested" }, h("dt", {}, label),
        h("dd", {}, h("ul", {}, value.map((each) => h("li", {}, typeof each === "object" ? facts(each) : String(each))))));
    }
    if (typeof value === "object") return h("div", { class: "nested" }, h("dt", {}, label), h("dd", {}, facts(value)));
    return h("div", {}, h("dt", {}, label), h("dd", { class: "figures" }, figure(name, value)));
  }));
}

const labelled = (name) => capital(plain(name).replace(/ (usd|seconds)$/, ""));

function figure(name, value) {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value !== "number") return String(value);
  if (/usd/.test(name)) return money(value);
  if (/seconds/.test(name)) return duration(value);
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
  }), h("a", { class: "button plain", href: "#/campaigns/new" }, "Change it"));
}

/** The table of customers, by outcome, a page at a time. */
function customers(path, signal) {
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
  const radios = ["", ...OUTCOMES].map((value) => h("label", {},
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
  const run = typeof recommendation === "string" ? recommendation.split("/").pop() : recommendation?.id;
  return h("tr", { role: "row", data: { customer: customer_ref } },
    h("th", { role: "rowheader", scope: "row" }, run ? h("a", { href: `#/recommendations/${run}` }, shown) : shown),
    h("td", { role: "cell" }, h("span", { class: `pill ${tone}` }, word)),
    h("td", { role: "cell", class: "quiet" }, (typeof reason === "string" ? reason : reason?.message) ?? ""));
}
