// Why these offers: every product that was weighed, and every check that the text passed.

import { h, icon, part } from "./dom.js";
import { CHECKS, capital, plain, score, some, weight } from "./words.js";

/** A reason, at whose end stands what it adds to the score. */
function reason(given) {
  const [, text, added] = /^(.*?)(?: ([+-][\d.]+))?$/s.exec(given);
  return h("li", {}, h("span", {}, capital(text)), added && h("span", { class: "figures weight" }, weight(Number(added))));
}

function offer({ name, category, score: points, reasons }) {
  return h("li", { class: "offer" },
    h("div", { class: "offer-head" },
      h("h3", {}, name),
      h("p", { class: "score figures" }, h("span", { class: "unseen" }, "Score "), score(points))),
    category && h("p", { class: "quiet" }, category),
    h("ul", { class: "reasons" }, reasons.map(reason)));
}

function candidate({ name, score: points, offered, eligible, why: because }) {
  return h("tr", { role: "row", class: offered ? "chosen" : undefined },
    h("th", { role: "rowheader", scope: "row" }, name),
    h("td", { role: "cell", class: "figures score-cell" }, score(points)),
    h("td", { role: "cell" }, offered ? "Offered" : eligible ? "Not chosen" : "Not eligible"),
    h("td", { role: "cell", class: "quiet" }, because));
}

function candidates(all) {
  const head = ["Product", "Score", "", "Why"];
  return h("div", { class: "scroll", role: "region", "aria-label": "Every product weighed", tabIndex: 0 },
    h("table", { role: "table", class: "candidates" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        head.map((name, at) => h("th", { role: "columnheader", scope: "col", class: at === 1 ? "score-cell" : undefined },
          name || h("span", { class: "unseen" }, "Outcome"))))),
      h("tbody", { role: "rowgroup" }, all.map(candidate))));
}

function check({ check: name, passed }) {
  return h("li", { class: passed ? "passed" : "refused" }, icon(passed ? "tick" : "cross"),
    h("span", {}, h("span", { class: "unseen" }, passed ? "Passed: " : "Refused: "), CHECKS[name] ?? capital(plain(name))));
}

const wrote = ({ by, model, instead_of_model: instead }) => by === "model"
  ? `The model ${model ?? ""} wrote the reasons, of the products ranked here. Names, rates and disclosures are the catalogue’s.`
  : by === "phrases"
  ? `Every sentence is one that the bank approved${model ? `; the model ${model} selected among them` : ""}${instead ? `. No model served: ${instead}` : ""}. Names, rates and disclosures are the catalogue’s.`
  : `The template wrote it${instead ? `, in place of the model: ${instead}` : "; no model was asked"}. Names, rates and disclosures are the catalogue’s.`;

/** The whole of it; nothing if nothing is known. */
export function why({ offers = [], candidates: all = [], checks = [], wrote: writer, outcome }) {
  const ranked = [...all].sort((a, b) => (b.offered - a.offered) || (b.score - a.score));
  const refused = checks.filter((each) => !each.passed).length;
  return [
    offers.length > 0 && part("Why these offers", { class: "why" },
      h("p", { class: "lead" }, "Each reason adds to the score. The best that serve different needs are offered."),
      h("ol", { class: "offers" }, offers.map(offer))),
    offers.length === 0 && all.length > 0 && part("Why nothing is sold", { class: "why" },
      h("p", { class: "lead" }, outcome === "skipped"
        ? "No product was offered. Below is what was weighed."
        : "Posts or products speak against selling anything now. The text is a service message.")),
    all.length > 0 && h("details", { class: "more", open: offers.length === 0 },
      h("summary", {}, `Every product weighed: ${some(all.length, "product")}`), candidates(ranked)),
    checks.length > 0 && part("What was checked", { class: "checked" },
      h("p", { class: "lead" }, [writer && wrote(writer), refused
        ? `${some(refused, "check")} of ${checks.length} refused the text.`
        : `All ${checks.length} checks passed.`].filter(Boolean).join(" ")),
      h("ul", { class: "checks" }, checks.map(check))),
  ];
}
