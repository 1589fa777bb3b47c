// The list of campaigns, and the form for a new one.

import { Problem, call, newKey, upload } from "./api.js";
import { actionButton, announce, h, icon, id, problemNote, section } from "./dom.js";
import * as fields from "./fields.js";
import { countOf } from "./campaign.js";
import { count, label, plural, short, when } from "./words.js";

export async function campaigns(_, { signal }) {
  const rows = h("tbody", { role: "rowgroup" });
  const more = h("div", { class: "actions" });
  const load = async (after) => {
    const query = new URLSearchParams({ limit: "25", ...(after && { after }) });
    const { items, next } = await call("GET", `campaigns?${query}`, { signal });
    rows.append(...items.map(campaignRow));
    more.replaceChildren(...(next ? actionButton("Show older campaigns", { class: "plain" }, () => load(next)).flat() : []));
  };
  await load();
  const newButton = h("a", { class: "button primary", href: "#/campaigns/new" }, "New campaign");
  return {
    title: "Campaigns",
    lede: "One recommendation for each customer who consented.",
    body: rows.childElementCount === 0
      ? h("div", { class: "blank" }, h("p", {}, "There are no campaigns yet. A dry run forecasts the customers, the duration and the cost of a campaign."), newButton)
      : [h("div", { class: "actions above" }, newButton),
        h("div", { class: "sheet flush" },
          h("table", { role: "table", class: "list stacked" },
            h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
              ["Campaign", "Status", "Published", "Skipped", "In review", "Failed"].map((name, at) =>
                h("th", { role: "columnheader", scope: "col", class: at > 1 ? "number" : undefined }, name)))),
            rows), more)],
  };
}

function campaignRow({ id: campaign, status, dry_run, started_at, counts = {} }) {
  const [word, tone] = label(status);
  const number = (name) => h("td", { role: "cell", class: "number figures", data: { label: label(name)[0].toLowerCase() } },
    dry_run ? "" : count(countOf(counts, name)));
  return h("tr", { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, h("a", { href: `#/campaigns/${campaign}` },
      started_at ? when(started_at) : h("code", {}, short(campaign)))),
    h("td", { role: "cell" }, h("span", { class: `pill ${dry_run ? "calm" : tone}` }, dry_run ? "Dry run" : word)),
    ["published", "skipped", "in-review", "failed"].map(number));
}

const WORKBOOKS = [
  ["customer_profile.xlsx", "Profiles", /profile/i],
  ["customer_transactions.xlsx", "Payments", /transaction|payment/i],
  ["twitter_data.xlsx", "Posts", /twitter|tweet|post/i],
];

/** Returns the inputs for the three workbooks. All three can be dropped at once; their file names determine the inputs. */
function workbookInputs() {
  const slots = WORKBOOKS.map(([name, title, pattern]) => {
    const input = h("input", { type: "file", accept: ".xlsx", id: id("file"), class: "unseen" });
    const fileLabel = h("span", { class: "quiet" }, name);
    const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": `${title}, upload progress` });
    const slot = { name, pattern, input, bar, file: null, node: null };
    slot.setFile = (file) => {
      slot.file = file;
      fileLabel.textContent = file ? `${file.name}, ${size(file.size)}` : name;
      slot.node.classList.toggle("filled", Boolean(file));
    };
    input.addEventListener("change", () => slot.setFile(input.files[0] ?? null));
    slot.node = h("li", {}, input, h("label", { htmlFor: input.id },
      h("span", { class: "strong" }, title), fileLabel, h("span", { class: "choose" }, "Choose a file")), bar);
    return slot;
  });
  const drop = h("div", { class: "drop" },
    h("p", { class: "drop-lead" }, icon("up"), "Drop the three workbooks here, or choose each file."),
    h("ul", {}, slots.map((slot) => slot.node)));
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
      const slot = slots.find(({ pattern }) => pattern.test(file.name));
      slot?.setFile(file);
      return !slot;
    });
    for (const slot of slots) if (!slot.file) slot.setFile(rest.shift() ?? null);
    announce(`${slots.filter(({ file }) => file).length} of 3 workbooks chosen.`);
  });

  /** Uploads the workbooks and returns the id of the upload. */
  const uploadAll = async (signal) => {
    const missing = slots.find(({ file }) => !file);
    if (missing) {
      missing.input.focus();
      throw new Problem({ title: "A workbook is missing", detail: `choose the file for ${missing.name}` });
    }
    const { id: uploadId, files } = await call("POST", "uploads", { body: {}, signal });
    await Promise.all(slots.map(async (slot) => {
      slot.bar.hidden = false;
      const { url } = files.find((file) => file.name === slot.name);
      await upload(url, slot.file, (fraction) => { slot.bar.value = fraction; }, signal);
      slot.bar.value = 1;
    }));
    announce("The three workbooks have been uploaded.");
    return uploadId;
  };
  return { node: drop, uploadAll };
}

const size = (bytes) => bytes < 1e6 ? `${count(Math.max(1, Math.round(bytes / 1e3)))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

export function newCampaign(_, { options, signal }) {
  const files = workbookInputs();
  const sources = [["existing", options.local ? "Use the workbooks in this project’s data folder" : "Use an earlier upload"], ["upload", "Upload three workbooks"]];
  const chosen = options.local ? "existing" : "upload";
  const radios = sources.map(([value]) => h("input", { type: "radio", name: "source", value, checked: value === chosen }));
  const source = () => radios.find((radio) => radio.checked).value;
  const batch = options.local ? null : h("input", { type: "text", name: "batch", maxLength: 128, "aria-label": "Name of the batch", autocomplete: "off" });
  const show = () => {
    files.node.hidden = source() !== "upload";
    if (batch) batch.hidden = source() !== "existing";
  };
  show();

  const categories = fields.categories(options);
  const tone = fields.tone(options);
  const writer = fields.writer(options);
  const voice = fields.voice(options);
  const rate = fields.rate(options);
  const shape = fields.shape(options);
  const number = (name, title, hint, props) => fields.row(title, hint, (attributes) =>
    h("input", { ...attributes, type: "number", name, min: 1, inputMode: "numeric", class: "short", ...props }));

  const problemPlace = h("div", { class: "wrong" });
  let uploadId = null;
  let sent = {};
  const submit = async (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (button.getAttribute("aria-disabled")) return;
    const inputs = event.target.elements;
    const value = (name) => inputs[name]?.value ? Number(inputs[name].value) : undefined;
    problemPlace.replaceChildren();
    button.setAttribute("aria-disabled", "true");
    try {
      if (source() === "upload") uploadId ??= await files.uploadAll(signal);
      const body = {
        upload: source() === "upload" ? uploadId : undefined,
        batch: source() === "existing" ? batch?.value.trim() || undefined : undefined,
        dry_run: button.value === "dry", max_customers: value("max_customers"), budget_usd: value("budget_usd"),
        max_concurrency: value("max_concurrency"), categories: categories.read(), prompt: tone.read(), writer: writer.read(),
        voice: voice.read(), words_per_minute: rate.read(), shape: shape.read(),
      };
      // Sending the same request again is a retry, so it keeps its key.
      const json = JSON.stringify(body);
      if (sent.json !== json) sent = { json, key: newKey() };
      const { id: campaign } = await call("POST", "campaigns", { body, key: sent.key, signal });
      // The dry run's page can start the campaign with this request.
      sessionStorage.setItem(`bespoke.campaign.${campaign}`, json);
      location.hash = `#/campaigns/${campaign}`;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // The user may have to correct a workbook and upload it again.
      uploadId = null;
      problemPlace.replaceChildren(problemNote(problem));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };
  files.node.addEventListener("change", () => { uploadId = null; });
  files.node.addEventListener("drop", () => { uploadId = null; });

  const form = h("form", { class: "sheet", on: { submit } },
    fields.group("Workbooks", "Encrypted with the bank’s password. The server decrypts them in memory only.", "radiogroup",
      h("ul", { class: "choices", on: { change: show } }, radios.map((radio, at) =>
        h("li", {}, h("label", { class: "choice" }, radio, h("span", {}, sources[at][1]))))),
      batch, files.node),
    categories.node, tone.node, writer.node, voice.node, rate.node, shape.node,
    h("details", { class: "more" }, h("summary", {}, "Limits"),
      options.local && number("max_customers", "Maximum customers", "Includes only the first customers who qualify. Leave empty for all."),
      options.local && number("budget_usd", "Budget, US dollars", "For models and outside voices. The campaign stops before it spends more.", { step: "0.01", min: "0", inputMode: "decimal" }),
      number("max_concurrency", "Concurrency", "The maximum number of customers in progress at the same time.", { max: 1000 })),
    problemPlace,
    h("div", { class: "actions" },
      options.local && h("button", { class: "primary", value: "dry" }, "Dry run"),
      h("button", { class: options.local ? "plain" : "primary", value: "start" }, options.local ? "Start without a dry run" : "Start campaign")));

  return {
    title: "New campaign",
    lede: options.local
      ? "A dry run forecasts the customers, the duration and the cost. It makes no text or videos."
      : "One recommendation for each customer who consented.",
    body: h("div", { class: "columns" }, form, h("aside", { "aria-label": "About the workbooks" },
      section("The three workbooks", {},
        h("dl", { class: "terms" }, [
          ["customer_profile.xlsx", "The customers: id, first name, income, balance and products."],
          ["customer_transactions.xlsx", "Their payments, and their answers to both consent questions. A blank answer is a refusal."],
          ["twitter_data.xlsx", "Their posts. Bespoke reads only those of customers with both consents."],
        ].map(([term, meaning]) => h("div", {}, h("dt", {}, h("code", {}, term)), h("dd", {}, meaning))))))),
  };
}
