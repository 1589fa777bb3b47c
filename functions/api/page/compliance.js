// Compliance: letters about a customer, recalls, objections and erasures.

import { call } from "./api.js";
import { actionButton, announce, confirmDialog, h } from "./dom.js";
import * as fields from "./fields.js";
import { short } from "./words.js";

export function compliance() {
  const customer = fields.row("Customer", "The id exactly as in the workbooks, with leading zeros.", (props) =>
    h("input", {
      ...props, type: "text", name: "customer", required: true, maxLength: 64, autocomplete: "off", spellcheck: false,
      autocapitalize: "none", class: "id",
    }));
  const run = fields.row("Run", "Only for a letter. Leave empty for the customer’s newest run.", (props) =>
    h("input", { ...props, type: "text", name: "run", maxLength: 128, autocomplete: "off", spellcheck: false }));
  const result = h("div", { role: "region", "aria-label": "Result" });
  const form = h("form", { class: "sheet narrow", on: { submit: (event) => event.preventDefault() } });
  const input = (name) => form.elements[name].value.trim();
  /** Returns a button that acts on the customer in the form. */
  const button = (label, kind, act) => actionButton(label, { class: kind }, async () => {
    if (!form.reportValidity()) return;
    result.replaceChildren();
    await act({ customer_id: input("customer") });
  });
  const show = (sentence, ...more) => {
    result.replaceChildren(h("div", { class: "note" }, h("p", {}, sentence), ...more.flat()));
    announce(sentence);
  };
  form.append(customer, run, h("div", { class: "actions" },
    button("Write a letter", "primary", async (body) => {
      const letter = await call("POST", "letters", { body: input("run") ? { ...body, run: input("run") } : body });
      show(`The letter about run ${letter.run} is ready. It contains personal data, so keep it safe.`, save(letter), recall(letter, show));
    }),
    button("Record an objection", "plain", async (body) => {
      const { known } = await call("POST", "suppressions", { body });
      show(known
        ? "The bank must no longer contact this customer. This includes runs in progress."
        : "The objection is on record, but no batch has had a customer with this id. Check the id.");
    }),
    button("Erase", "plain danger", async (body) => {
      const confirmed = await confirmDialog({
        title: "Erase this customer?", action: "Erase", danger: true,
        body: "Their key is destroyed and their results are deleted. The evidence stays, but its personal part can no longer be opened. You cannot undo this.",
      });
      if (!confirmed) return;
      const { state } = await call("POST", "erasures", { body });
      show(state === "done" ? "The customer has been erased." : "The erasure was requested. It follows within seconds; repeat it to check.");
    })));
  return {
    title: "Compliance",
    lede: "Letters for a regulator or an auditor, recalls, objections and erasures.",
    body: [form, result],
  };
}

/** Returns a link that saves the letter as a file. A browser can open the file apart from this page, and print it. */
function save({ html, run, customer_ref: reference }) {
  const address = URL.createObjectURL(new Blob([html], { type: "text/html" }));
  return h("p", {}, h("a", { href: address, download: `letter-${run}-${short(reference)}.html` }, "Save the letter"));
}

function recall({ run, customer_ref: reference }, show) {
  return actionButton("Recall this result", { class: "plain danger" }, async () => {
    const reason = await confirmDialog({
      title: "Recall this result?", danger: true, action: "Recall",
      body: "All links to the text and the video stop working. The evidence is kept. You cannot undo this.",
      reason: { label: "Reason, for the record (optional)" },
    });
    if (reason === null) return;
    await call("POST", `recommendations/${run}~${reference}/recall`, { body: reason ? { reason } : {} });
    show("Recalled.");
  });
}
