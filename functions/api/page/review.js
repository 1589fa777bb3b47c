// Pending reviews: the reviewer watches the video, reads the text, and approves or rejects the result.

import { call } from "./api.js";
import { actionButton, alertDialog, announce, confirmDialog, h, refill, sentence } from "./dom.js";
import { player, reading } from "./media.js";
import { why } from "./why.js";
import { plural, short, when } from "./words.js";

const DECIDED = { approve: "approved and published", reject: "rejected" };

/** The messages when a review is gone or has changed, by status. */
const CHANGED = {
  404: ["The review is closed", "Another reviewer decided, or the customer may no longer be contacted."],
  409: ["The content has changed", "It differs from what you saw. The list is now up to date; please review the result again."],
};

const waiting = (items) => plural(items.length, "recommendation is waiting", "recommendations are waiting");

export async function review(_, { signal }) {
  let { items } = await call("GET", "reviews", { signal });
  const list = h("div", { class: "reviews" });
  const lede = h("div");
  let lastDecision = "";
  const draw = () => {
    refill(lede, [items.length, lastDecision], () => [
      lastDecision && h("p", { class: "lede" }, lastDecision),
      h("p", { class: "lede" }, items.length
        ? `${waiting(items)} for your decision. Nothing is published until you approve it.`
        : "Recommendations that need a review appear here."),
    ]);
    const source = items.map(({ run, customer_ref, content_digest, unavailable_reason }) =>
      [run, customer_ref, content_digest, unavailable_reason]);
    refill(list, source, () => items.length
      ? items.map((item) => reviewItem(item, decide, signal))
      : h("div", { class: "blank" }, h("p", {}, "No recommendations are waiting for review.")));
  };
  const decide = async (item, decision, reason) => {
    const path = `reviews/${encodeURIComponent(item.run)}/${encodeURIComponent(item.customer_ref)}`;
    const position = items.indexOf(item);
    try {
      const body = { decision, content_digest: item.content_digest, ...(reason && { reason }) };
      const result = await call("POST", path, { body });
      items = items.filter((each) => each !== item);
      // The server returns only the first hundred.
      if (!items.length) ({ items } = await call("GET", "reviews", { signal }));
      const inForce = DECIDED[result.decision] ?? "not published";
      lastDecision = `Customer ${short(item.customer_ref)}: ${inForce}.`;
      if (!result.decision) {
        await alertDialog("Your decision has no effect", "The customer may no longer be contacted: they objected or withdrew consent.");
      } else if (result.decision !== decision) {
        await alertDialog("Another reviewer decided first", `Their decision is in effect: ${inForce}. Yours has no effect.`);
      }
    } catch (problem) {
      const changed = CHANGED[problem.status];
      if (!changed) throw problem;
      ({ items } = await call("GET", "reviews", { signal }));
      lastDecision = "";
      await alertDialog(...changed);
    }
    draw();
    announce(`${lastDecision} ${waiting(items)}.`);
    // The focus moves to the next review, so a keyboard user can continue.
    (list.querySelectorAll("h2")[Math.min(position, items.length - 1)] ?? document.getElementById("main")).focus();
  };
  draw();
  return { title: "Review", head: lede, body: list };
}

function reviewItem(item, decide, signal) {
  const { run, customer_ref, reason, waiting_since, unavailable_reason, may_approve, text, disclosures, links } = item;
  const title = `review-${run}-${customer_ref}`;
  const renew = async () => (await call("GET", "reviews", { signal })).items
    .find((each) => each.run === run && each.customer_ref === customer_ref)?.links;
  const approve = actionButton("Approve", { class: "primary" }, async () => {
    const confirmed = await confirmDialog({
      title: "Approve this recommendation?", action: "Approve",
      body: "Bespoke rechecks consent and suppressions, and then publishes it. The evidence records your approval.",
    });
    if (confirmed) await decide(item, "approve");
  });
  const reject = actionButton("Reject", { class: "plain danger" }, async () => {
    const rejectionReason = await confirmDialog({
      title: "Reject this recommendation?", action: "Reject", danger: true,
      body: "It will not be published. The evidence records your rejection and the reason.",
      reason: { label: "Reason, for the record", required: true },
    });
    if (rejectionReason) await decide(item, "reject", rejectionReason);
  });
  return h("article", { class: "sheet review", "aria-labelledby": title },
    h("div", { class: "review-head" },
      h("h2", { id: title, tabIndex: -1 }, "Customer ", h("code", {}, short(customer_ref))),
      h("p", { class: "quiet" }, `Waiting since ${when(waiting_since)}. Reason: ${sentence(reason)}`)),
    unavailable_reason && h("div", { class: "note warn" },
      h("p", { class: "note-title" }, "The content is not available"), h("p", {}, sentence(unavailable_reason))),
    !unavailable_reason && !may_approve && h("div", { class: "note" },
      h("p", {}, "You started this run, so another person must approve the result. You may reject it.")),
    h("div", { class: links ? "review-body" : "review-body alone" },
      links && player({ links }, renew),
      text && reading(text, disclosures),
      why(item),
      h("div", { class: "actions" }, may_approve && approve, reject)));
}
