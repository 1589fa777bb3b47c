// What waits for a person: watch, read, then approve or reject.

import { call } from "./api.js";
import { announce, ask, h, refill, sentence, tell, worker } from "./dom.js";
import { player, reading } from "./media.js";
import { short, some, when } from "./words.js";

const DECIDED = { approve: "approved and published", reject: "rejected" };

/** What is said when it is not there any more as it was shown. */
const CHANGED = {
  404: ["It waits no more", "Somebody else decided, or the customer may not be contacted any more."],
  409: ["It is not what you looked at", "It changed since it was shown here. The list is fresh now: look at it again."],
};

const waiting = (items) => some(items.length, "recommendation waits", "recommendations wait");

export async function review(_, { signal }) {
  let { items } = await call("GET", "reviews", { signal }).catch(elsewhere);
  if (!items) {
    return {
      title: "Review",
      body: h("div", { class: "blank" }, h("p", {}, "This server shows no reviews. The command ", h("code", {}, "bespoke review"), " does.")),
    };
  }
  const list = h("div", { class: "reviews" });
  const lede = h("div");
  let said = "";
  const draw = () => {
    refill(lede, [items.length, said], () => [
      said && h("p", { class: "lede" }, said),
      h("p", { class: "lede" }, items.length
        ? `${waiting(items)}. Nothing of ${items.length === 1 ? "it" : "them"} is published before somebody has decided.`
        : "Nothing is published that a person must see first."),
    ]);
    refill(list, items.map(({ run, customer_ref, seen, problem }) => [run, customer_ref, seen, problem]), () => items.length
      ? items.map((item) => one(item, decide, signal))
      : h("div", { class: "blank" }, h("p", {}, "Nothing waits for review.")));
  };
  const decide = async (item, decision, reason) => {
    const path = `reviews/${encodeURIComponent(item.run)}/${encodeURIComponent(item.customer_ref)}`;
    const at = items.indexOf(item);
    try {
      const stands = await call("POST", path, { body: { decision, seen: item.seen, ...(reason && { reason }) } });
      items = items.filter((each) => each !== item);
      const how = DECIDED[stands.decision] ?? "not published";
      said = `Customer ${short(item.customer_ref)}: ${how}.`;
      if (!stands.decision) {
        await tell("Not as you decided", "Nothing may be sent to this customer any more: they objected, or withdrew their consent.");
      } else if (stands.decision !== decision) {
        await tell("Somebody else decided first", `It stands as they decided: ${how}. Yours changes nothing.`);
      }
    } catch (problem) {
      const changed = CHANGED[problem.status];
      if (!changed) throw problem;
      ({ items } = await call("GET", "reviews", { signal }));
      said = "";
      await tell(...changed);
    }
    draw();
    announce(`${said} ${waiting(items)}.`);
    // Whoever works through the list by keyboard goes on with the next.
    (list.querySelectorAll("h2")[Math.min(at, items.length - 1)] ?? document.getElementById("main")).focus();
  };
  draw();
  return { title: "Review", head: lede, body: list };
}

/** A server that has no reviews is no error. */
function elsewhere(problem) {
  if (problem.status !== 404) throw problem;
  return {};
}

function one(item, decide, signal) {
  const { run, customer_ref, why, since, problem, text, disclosures, links } = item;
  const title = `review-${run}-${customer_ref}`;
  const renew = async () => (await call("GET", "reviews", { signal })).items
    .find((each) => each.run === run && each.customer_ref === customer_ref)?.links;
  const approve = worker("Approve", { class: "primary" }, async () => {
    const sure = await ask({
      title: "Approve it?", action: "Approve",
      body: "Consent and the bank’s lists are read again first. Then it is published, and your approval stands in the record.",
    });
    if (sure) await decide(item, "approve");
  });
  const reject = worker("Reject", { class: "plain danger" }, async () => {
    const reason = await ask({
      title: "Reject it?", action: "Reject", danger: true,
      body: "It is not published. The record says that a person rejected it, and why.",
      reason: { label: "Why, for the record", required: true },
    });
    if (reason) await decide(item, "reject", reason);
  });
  return h("article", { class: "sheet review", "aria-labelledby": title },
    h("div", { class: "review-head" },
      h("h2", { id: title, tabIndex: -1 }, "Customer ", h("code", {}, short(customer_ref))),
      h("p", { class: "quiet" }, `Waits since ${when(since)}. ${sentence(why)}`)),
    problem && h("div", { class: "note warn" }, h("p", { class: "note-title" }, "It cannot be looked at"), h("p", {}, sentence(problem))),
    h("div", { class: links ? "review-body" : "review-body alone" },
      links && player({ links }, renew),
      text && reading(text, disclosures),
      h("div", { class: "actions" }, !problem && approve, reject)));
}
