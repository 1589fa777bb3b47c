// What waits for a person: watch, read, then approve or reject.

import { call } from "./api.js";
import { announce, ask, h, refill, sentence, worker } from "./dom.js";
import { player, reading } from "./media.js";
import { short, some, when } from "./words.js";

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
  const draw = () => {
    refill(lede, items.length, () => h("p", { class: "lede" }, items.length
      ? `${some(items.length, "recommendation waits", "recommendations wait")}. Nothing of them is published before somebody has decided.`
      : "Nothing is published that a person must see first."));
    refill(list, items.map(({ run, customer_ref }) => [run, customer_ref]), () => items.length
      ? items.map((item) => one(item, decide, signal))
      : h("div", { class: "blank" }, h("p", {}, "Nothing waits for review.")));
  };
  const decide = async (item, decision, reason) => {
    const path = `reviews/${encodeURIComponent(item.run)}/${encodeURIComponent(item.customer_ref)}`;
    const stands = await call("POST", path, { body: { decision, seen: item.seen, ...(reason && { reason }) } });
    const at = items.indexOf(item);
    items = items.filter((each) => each !== item);
    draw();
    const said = { approve: "Approved", reject: "Rejected" }[stands.decision] ?? "Nothing may be sent to this customer any more";
    if (stands.decision !== decision) {
      const first = stands.decision && `Somebody else had decided before. It stands as: ${said.toLowerCase()}.`;
      await ask({ title: "Not as you decided", action: "Go on", body: first || `${said}: they objected, or withdrew their consent.` });
    }
    announce(`${said}. ${some(items.length, "recommendation waits", "recommendations wait")}.`);
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
  const { run, customer_ref, why, since, text, disclosures, links } = item;
  const title = `review-${run}-${customer_ref}`;
  const renew = async () => (await call("GET", "reviews", { signal })).items
    .find((each) => each.run === run && each.customer_ref === customer_ref).links;
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
      h("p", { class: "quiet" }, [since && `Waits since ${when(since)}`, why && sentence(why)].filter(Boolean).join(". "))),
    h("div", { class: links?.video ? "review-body" : "review-body alone" },
      links?.video && player({ links }, renew),
      text?.length > 0 && reading(text, disclosures)),
    h("div", { class: "actions" }, approve, reject));
}
