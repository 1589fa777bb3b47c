// All campaigns, and the form of a new one: three workbooks, what to recommend, and what it may cost.

import { Problem, call, newKey, put } from "./api.js";
import { announce, h, icon, id, part, trouble, worker } from "./dom.js";
import * as fields from "./fields.js";
import { count, outcome, short, some, when } from "./words.js";

export async function campaigns(_, { signal }) {
  const rows = h("tbody", { role: "rowgroup" });
  const more = h("div", { class: "actions" });
  const load = async (after) => {
    const query = new URLSearchParams({ limit: "25", ...(after && { after }) });
    const { items, next } = await call("GET", `campaigns?${query}`, { signal });
    rows.append(...items.map(line));
    more.replaceChildren(...(next ? worker("Show older campaigns", { class: "plain" }, () => load(next)).flat() : []));
  };
  await load();
  const begin = h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign");
  return {
    title: "Campaigns",
    lede: "One recommendation for each customer of three workbooks who agreed to it.",
    body: rows.childElementCount === 0
      ? h("div", { class: "blank" }, h("p", {}, "There are no campaigns yet. A dry run says what one would make, take and cost, and makes nothing."), begin)
      : [h("div", { class: "actions above" }, begin),
        h("div", { class: "sheet flush" },
          h("table", { role: "table", class: "list stacked" },
            h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
              ["Campaign", "State", "Published", "Not made", "Held", "Failed"].map((name, at) =>
                h("th", { role: "columnheader", scope: "col", class: at > 1 ? "number" : undefined }, name)))),
            rows), more)],
  };
}

function line({ id: campaign, state, dry_run, started_at, counts = {} }) {
  const [word, tone] = outcome(state);
  const number = (name, label) => h("td", { role: "cell", class: "number figures", data: { label } }, dry_run ? "" : count(counts[name] ?? 0));
  return h("tr", { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, h("a", { href: `#/campaigns/${campaign}` },
      started_at ? when(started_at) : h("code", {}, short(campaign)))),
    h("td", { role: "cell" }, h("span", { class: `pill ${dry_run ? "calm" : tone}` }, dry_run ? "Dry run" : word)),
    number("published", "published"), number("skipped", "not made"), number("held", "held"), number("failed", "failed"));
}

const WORKBOOKS = [
  ["customer_profile.xlsx", "Profiles", /profile/i],
  ["customer_transactions.xlsx", "Payments", /transaction|payment/i],
  ["twitter_data.xlsx", "Posts", /twitter|tweet|post/i],
];

/** Three places for three workbooks. All may be dropped at once: each goes by its name. */
function workbooks() {
  const places = WORKBOOKS.map(([name, label, likely]) => {
    const input = h("input", { type: "file", accept: ".xlsx", id: id("file"), class: "unseen" });
    const told = h("span", { class: "quiet" }, name);
    const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": `${label}, share uploaded` });
    const place = { name, likely, input, bar, told, file: null, node: null };
    const take = (file) => {
      place.file = file;
      told.textContent = file ? `${file.name}, ${size(file.size)}` : name;
      place.node.classList.toggle("filled", Boolean(file));
    };
    input.addEventListener("change", () => take(input.files[0] ?? null));
    place.take = take;
    place.node = h("li", {}, input, h("label", { htmlFor: input.id },
      h("span", { class: "strong" }, label), told, h("span", { class: "choose" }, "Choose a file")), bar);
    return place;
  });
  const drop = h("div", { class: "drop" },
    h("p", { class: "drop-lead" }, icon("up"), "Drop the three workbooks here, or choose each."),
    h("ul", {}, places.map((place) => place.node)));
  for (const event of ["dragenter", "dragover"]) {
    drop.addEventListener(event, (drag) => {
      drag.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", (drag) => {
    if (!drop.contains(drag.relatedTarget)) drop.classList.remove("over");
  });
  drop.addEventListener("drop", (dropped) => {
    dropped.preventDefault();
    drop.classList.remove("over");
    const rest = [...dropped.dataTransfer.files].filter((file) => {
      const place = places.find(({ likely }) => likely.test(file.name));
      place?.take(file);
      return !place;
    });
    for (const place of places) if (!place.file) place.take(rest.shift() ?? null);
    announce(`${some(places.filter(({ file }) => file).length, "workbook")} of 3 chosen.`);
  });

  /** Uploads the three and gives the upload's name. */
  const upload = async (signal) => {
    const missing = places.find(({ file }) => !file);
    if (missing) {
      missing.input.focus();
      throw new Problem({ title: "A workbook is missing", detail: `${missing.name} has not been chosen` });
    }
    const { upload: name, files } = await call("POST", "uploads", { body: {}, signal });
    await Promise.all(places.map(async (place) => {
      place.bar.hidden = false;
      await put(files.find((file) => file.name === place.name).put, place.file, (share) => { place.bar.value = share; }, signal);
      place.bar.value = 1;
    }));
    announce("The three workbooks are uploaded.");
    return name;
  };
  return { node: drop, upload };
}

const size = (bytes) => bytes < 1e6 ? `${count(Math.max(1, Math.round(bytes / 1e3)))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

export function newCampaign(_, { options, signal }) {
  const files = workbooks();
  const sources = [["here", options.local ? "Those of this project’s data folder" : "Those of an earlier upload"], ["upload", "Upload three workbooks"]];
  const chosen = options.local ? "here" : "upload";
  const radios = sources.map(([value]) => h("input", { type: "radio", name: "source", value, checked: value === chosen }));
  const source = () => radios.find((radio) => radio.checked).value;
  const batch = options.local ? null : h("input", { type: "text", name: "batch", maxLength: 128, "aria-label": "Name of the earlier upload", autocomplete: "off" });
  const show = () => {
    files.node.hidden = source() !== "upload";
    if (batch) batch.hidden = source() !== "here";
  };
  show();

  const categories = fields.categories(options);
  const tone = fields.tone(options);
  const voice = fields.voice(options);
  const rate = fields.rate(options);
  const shape = fields.shape(options);
  const number = (name, label, hint, props) => fields.row(label, hint, (given) =>
    h("input", { ...given, type: "number", name, min: 1, inputMode: "numeric", class: "short", ...props }));

  const wrong = h("div", { class: "wrong" });
  let uploaded = null;
  let sent = {};
  const submit = async (event) => {
    event.preventDefault();
    const pressed = event.submitter;
    if (pressed.getAttribute("aria-disabled")) return;
    const typed = event.target.elements;
    const value = (name) => typed[name]?.value ? Number(typed[name].value) : undefined;
    wrong.replaceChildren();
    pressed.setAttribute("aria-disabled", "true");
    try {
      if (source() === "upload") uploaded ??= await files.upload(signal);
      const body = {
        upload: source() === "upload" ? uploaded : undefined,
        batch: source() === "here" ? batch?.value.trim() || undefined : undefined,
        dry_run: pressed.value === "dry", limit: value("limit"), budget_usd: value("budget_usd"),
        max_concurrency: value("max_concurrency"), categories: categories.read(), prompt: tone.read(),
        voice: voice.read(), words_per_minute: rate.read(), shape: shape.read(),
      };
      const mark = JSON.stringify(body);
      if (sent.mark !== mark) sent = { mark, key: newKey() };
      const { id: campaign } = await call("POST", "campaigns", { body, key: sent.key, signal });
      // What a dry run was asked, so that its page can start the same in earnest.
      sessionStorage.setItem(`bespoke.campaign.${campaign}`, mark);
      location.hash = `#/campaigns/${campaign}`;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // An upload that a check refused is mended and uploaded anew.
      uploaded = null;
      wrong.replaceChildren(trouble(problem));
    } finally {
      pressed.removeAttribute("aria-disabled");
    }
  };
  files.node.addEventListener("change", () => { uploaded = null; });
  files.node.addEventListener("drop", () => { uploaded = null; });

  const form = h("form", { class: "sheet", on: { submit } },
    fields.group("Workbooks", "Protected by the bank’s password. They are opened in memory only.", "radiogroup",
      h("ul", { class: "choices", on: { change: show } }, radios.map((radio, at) =>
        h("li", {}, h("label", { class: "choice" }, radio, h("span", {}, sources[at][1]))))),
      batch, files.node),
    categories.node, tone.node, voice.node, rate.node, shape.node,
    h("details", { class: "more" }, h("summary", {}, "Limits"),
      options.local && number("limit", "Customers at most", "The first who have something to be told; all if left empty."),
      options.local && number("budget_usd", "Budget, US dollars", "For models and outside voices. The campaign stops before it spends more.", { step: "0.01", min: "0", inputMode: "decimal" }),
      number("max_concurrency", "At once at most", "Customers worked on at the same time.", { max: 1000 })),
    wrong,
    h("div", { class: "actions" },
      options.local && h("button", { class: "primary", value: "dry" }, "Dry run"),
      h("button", { class: options.local ? "plain" : "primary", value: "start" }, options.local ? "Start without one" : "Start the campaign")));

  return {
    title: "New campaign",
    lede: options.local
      ? "A dry run reads the workbooks, weighs the offers, and says what the campaign would take. It makes nothing."
      : "One recommendation for each customer who agreed to it.",
    body: h("div", { class: "columns" }, form, h("aside", { "aria-label": "Columns" },
      part("The three workbooks", {},
        h("dl", { class: "terms" }, [
          ["customer_profile.xlsx", "Who the customers are: id, first name, income, balance, products held."],
          ["customer_transactions.xlsx", "What they paid for, and their two answers about consent. A blank answer is a refusal."],
          ["twitter_data.xlsx", "Their posts. Only those of customers who agreed to both are read."],
        ].map(([term, meaning]) => h("div", {}, h("dt", {}, h("code", {}, term)), h("dd", {}, meaning))))))),
  };
}
