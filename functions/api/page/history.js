// The list of recommendations, newest first.

import { call } from "./api.js";
import { actionButton, h } from "./dom.js";
import { label, plural, short, when } from "./words.js";

export async function history(_, context) {
  const { signal } = context;
  const rows = h("tbody", { role: "rowgroup" });
  const more = h("div", { class: "actions" });
  const load = async (after) => {
    const query = new URLSearchParams({ limit: "25", ...(after && { after }) });
    const { items, next } = await call("GET", `recommendations?${query}`, { signal });
    rows.append(...items.map((item) => recommendationRow(item, context.nameOf(item.id))));
    more.replaceChildren(...(next ? actionButton("Show older recommendations", { class: "plain" }, () => load(next)).flat() : []));
  };
  await load();
  return {
    title: "History",
    lede: "Your recommendations, newest first. Customers are listed by reference.",
    body: rows.childElementCount === 0
      ? h("div", { class: "blank" }, h("p", {}, "There are no recommendations yet."), h("p", {}, h("a", { href: "#/" }, "Create the first recommendation")))
      : h("div", { class: "sheet flush" },
        h("table", { role: "table", class: "list stacked" },
          h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
            ["Customer", "Outcome", "Started", "Lines of business"].map((name) => h("th", { role: "columnheader", scope: "col" }, name)))),
          rows), more),
  };
}

function recommendationRow({ id, started_at, status, outcome, customer_ref, categories = [] }, customerId) {
  const [word, tone] = label(outcome ?? status);
  return h("tr", { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, h("a", { href: `#/recommendations/${id}` },
      customerId ?? h("code", {}, customer_ref ? short(customer_ref) : short(id)))),
    h("td", { role: "cell" }, h("span", { class: `pill ${tone}` }, word)),
    h("td", { role: "cell", class: "figures" }, when(started_at)),
    h("td", { role: "cell", class: "quiet" }, categories.length > 2 ? plural(categories.length, "line") : categories.join(", ")));
}
