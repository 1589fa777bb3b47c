// The reasons for a recommendation: the offers, all products considered, and the guard's checks.

import { h, icon, section } from "./dom.js";
import { CHECKS, capital, plain, plural, score, weight } from "./words.js";

/** Returns a list item for a reason. The reason's text ends with its contribution to the score. */
function reasonItem(reason) {
  const [, text, contribution] = /^(.*?)(?: ([+-][\d.]+))?$/s.exec(reason);
  return h("li", {}, h("span", {}, capital(text)), contribution && h("span", { class: "figures weight" }, weight(Number(contribution))));
}

function offerItem({ name, category, score: points, reasons }) {
  return h("li", { class: "offer" },
    h("div", { class: "offer-head" },
      h("h3", {}, name),
      h("p", { class: "score figures" }, h("span", { class: "unseen" }, "Score "), score(points))),
    category && h("p", { class: "quiet" }, category),
    h("ul", { class: "reasons" }, reasons.map(reasonItem)));
}

function candidateRow({ name, score: points, offered, eligible, explanation }) {
  return h("tr", { role: "row", class: offered ? "chosen" : undefined },
    h("th", { role: "rowheader", scope: "row" }, name),
    h("td", { role: "cell", class: "figures score-cell" }, score(points)),
    h("td", { role: "cell" }, offered ? "Offered" : eligible ? "Not chosen" : "Not eligible"),
    h("td", { role: "cell", class: "quiet" }, explanation));
}

function candidateTable(candidates) {
  const head = ["Product", "Score", "", "Reason"];
  return h("div", { class: "scroll", role: "region", "aria-label": "All products considered", tabIndex: 0 },
    h("table", { role: "table", class: "candidates" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        head.map((name, at) => h("th", { role: "columnheader", scope: "col", class: at === 1 ? "score-cell" : undefined },
          name || h("span", { class: "unseen" }, "Result"))))),
      h("tbody", { role: "rowgroup" }, candidates.map(candidateRow))));
}

function checkItem({ name, passed }) {
  return h("li", { class: passed ? "passed" : "refused" }, icon(passed ? "tick" : "cross"),
    h("span", {}, h("span", { class: "unseen" }, passed ? "Passed: " : "Failed: "), CHECKS[name] ?? capital(plain(name))));
}

const authorship = ({ writer, model, fallback_reason: reason }) => writer === "model"
  ? `The model ${model ?? ""} wrote the reasons for the products ranked here. Names, rates and disclosures come from the catalog.`
  : writer === "phrases"
  ? `Every sentence is one that the bank approved${model ? `; the model ${model} selected from them` : ""}${reason ? `. No model was used: ${reason}` : ""}. Names, rates and disclosures come from the catalog.`
  : `The template wrote the text${reason ? ` instead of the model: ${reason}` : ""}. Names, rates and disclosures come from the catalog.`;

/** Returns the sections that explain the result. Leaves out sections that have no data yet. */
export function why({ offers = [], candidates = [], checks = [], written_by: writtenBy, outcome }) {
  const ranked = [...candidates].sort((a, b) => (b.offered - a.offered) || (b.score - a.score));
  const failed = checks.filter((each) => !each.passed).length;
  return [
    offers.length > 0 && section("Why these offers", { class: "why" },
      h("p", { class: "lead" }, "Each reason adds to or subtracts from the score. Bespoke offers the best product for each of several needs."),
      h("ol", { class: "offers" }, offers.map(offerItem))),
    offers.length === 0 && candidates.length > 0 && section("Why there is no offer", { class: "why" },
      h("p", { class: "lead" }, outcome === "skipped"
        ? "No product was offered. These products were considered:"
        : "The customer’s recent posts or current products rule out an offer now. The text is a service message.")),
    candidates.length > 0 && h("details", { class: "more", open: offers.length === 0 },
      h("summary", {}, `All products considered: ${candidates.length}`), candidateTable(ranked)),
    checks.length > 0 && section("Checks", { class: "checked" },
      h("p", { class: "lead" }, [writtenBy && authorship(writtenBy), failed
        ? `${plural(failed, "check")} of ${checks.length} failed.`
        : `All ${checks.length} checks passed.`].filter(Boolean).join(" ")),
      h("ul", { class: "checks" }, checks.map(checkItem))),
  ];
}
