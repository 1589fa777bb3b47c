// The page: which view an address shows, and who may look.

import { Problem, call, hasToken, keepToken, silence, takeToken } from "./api.js";
import { h, id, trouble } from "./dom.js";
import { recommend } from "./recommend.js";
import { recommendation } from "./recommendation.js";

// A view gives its title, what stands beneath it (`lede` or `head`), its `body`, and what goes on while it is shown
// (`start`). It is given what its address holds, and the context: options, a signal that ends with it, customers' names.
// What most visits do not come to is loaded when it is asked for.
const VIEWS = [
  [/^\/$/, recommend],
  [/^\/recommendations\/([\w.~-]+)$/, recommendation],
  [/^\/history$/, from(() => import("./history.js"), "history")],
  [/^\/campaigns$/, from(() => import("./campaigns.js"), "campaigns")],
  [/^\/campaigns\/new$/, from(() => import("./campaigns.js"), "newCampaign")],
  [/^\/campaigns\/([\w.-]+)$/, from(() => import("./campaign.js"), "campaign")],
  [/^\/review$/, from(() => import("./review.js"), "review")],
];

function from(load, view) {
  return async (...given) => {
    const views = await load().catch(() => { throw silence(); });
    return views[view](...given);
  };
}

const masthead = document.getElementById("masthead");
const content = document.getElementById("content");
const main = document.getElementById("main");

let options = null;
let leave = new AbortController();
let first = true;

/** The ids that were typed in this tab, by run, so that a banker finds them again. The server knows references only. */
const NAMES = "bespoke.names";
const names = () => JSON.parse(sessionStorage.getItem(NAMES) ?? "{}");
const nameOf = (run) => names()[run];
const name = (run, customer) => sessionStorage.setItem(NAMES, JSON.stringify({ ...names(), [run]: customer }));

async function show() {
  takeToken();
  const place = location.hash || "#/";
  if (!place.startsWith("#/")) return;
  leave.abort();
  const here = leave = new AbortController();
  const context = { signal: here.signal, nameOf, name };
  try {
    if (!hasToken()) throw new Problem({ status: 401 });
    await setOptions();
    const [view, given] = viewOf(place.slice(1));
    const made = await view(given, { ...context, options });
    if (here.signal.aborted) return;
    sessionStorage.setItem("bespoke.place", place);
    mount(made, place);
    await made.start?.();
  } catch (problem) {
    if (here.signal.aborted || problem.name === "AbortError") return;
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401) mount(signIn(place), place);
    else mount({ title: problem.title, body: [trouble(problem), h("p", {}, h("button", { type: "button", class: "plain", on: { click: show } }, "Try again"))] }, place);
  }
}

async function setOptions() {
  if (options) return;
  options = await call("GET", "options");
  document.getElementById("bank").textContent = options.bank;
}

function viewOf(path) {
  for (const [pattern, view] of VIEWS) {
    const found = pattern.exec(path);
    if (found) return [view, found.slice(1)];
  }
  throw new Problem({ status: 404, title: "There is nothing here", detail: "the address leads nowhere" });
}

function mount({ title, lede, head, body }, place) {
  document.title = `${title} · ${options?.bank ?? "Bespoke"}`;
  masthead.replaceChildren(h("h1", { tabIndex: -1 }, title), head ?? (lede ? h("p", { class: "lede" }, lede) : ""));
  content.replaceChildren(...[body].flat().filter(Boolean));
  const section = place.split("/")[1].replace("recommendations", "history");
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash.split("/")[1] === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  // A new view begins at its top and with its title, also for those who hear it; the first one is simply there.
  if (!first) {
    scrollTo(0, 0);
    masthead.querySelector("h1").focus({ preventScroll: true });
  }
  first = false;
}

/** Asks for the token. On one machine it stands in the address that `bespoke serve` prints. */
function signIn(place) {
  const field = id("token");
  const local = options?.local ?? ["127.0.0.1", "localhost"].includes(location.hostname);
  const submit = (event) => {
    event.preventDefault();
    keepToken(event.target.elements.token.value.trim());
    location.hash === place ? show() : location.hash = place;
  };
  return {
    title: "Sign in",
    lede: local ? "The page opens with the address that bespoke serve printed." : "The page needs an access token of the bank’s sign-in.",
    body: h("form", { class: "sheet narrow", on: { submit } },
      h("div", { class: "row" },
        h("div", { class: "row-label" }, h("label", { htmlFor: field }, "Token"),
          h("p", { class: "hint", id: `${field}-hint` }, local ? "What follows #token= in that address." : "It is kept in this tab only.")),
        h("div", { class: "row-control" }, h("input", {
          id: field, name: "token", type: "password", required: true, autocomplete: "off", "aria-describedby": `${field}-hint`,
        }))),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Go on"))),
  };
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
show();
