// The page: routes each address to a view, and handles signing in.

import { Problem, call, dropToken, hasToken, keepToken, takeToken, unreachable } from "./api.js";
import { h, id, problemNote } from "./dom.js";
import { recommend } from "./recommend.js";
import { recommendation } from "./recommendation.js";
import * as signIn from "./sign-in.js";

// A view returns its `title`, a subtitle (`lede` or `head`), its `body`, and optionally `start`, which runs while the view is
// shown. It receives the parameters of its address, and a context: the options, a signal that aborts when the view closes,
// and customers' names. Views that most visits do not need are loaded on demand.
const VIEWS = [
  [/^\/$/, recommend],
  [/^\/recommendations\/([\w.~-]+)$/, recommendation],
  [/^\/history$/, lazy(() => import("./history.js"), "history")],
  [/^\/campaigns$/, lazy(() => import("./campaigns.js"), "campaigns")],
  [/^\/campaigns\/new$/, lazy(() => import("./campaigns.js"), "newCampaign")],
  [/^\/campaigns\/([\w.-]+)$/, lazy(() => import("./campaign.js"), "campaign")],
  [/^\/compliance$/, lazy(() => import("./compliance.js"), "compliance")],
  [/^\/review$/, lazy(() => import("./review.js"), "review")],
];

function lazy(load, name) {
  return async (...parameters) => {
    const views = await load().catch(() => { throw unreachable(); });
    return views[name](...parameters);
  };
}

// The browser's own controls get the brand's color too.
document.querySelector("meta[name=theme-color]").content =
  getComputedStyle(document.documentElement).getPropertyValue("--ground").trim();

const masthead = document.getElementById("masthead");
const content = document.getElementById("content");
const main = document.getElementById("main");

/** The roles that can open each section of the page, by the section's address. */
const NEEDED = {
  "#/": ["banker"], "#/history": ["banker"], "#/campaigns": ["campaign-manager"], "#/review": ["reviewer"],
  "#/compliance": ["compliance"],
};

let options = null;
let service;
let current = new AbortController();
let isFirstView = true;

/** The customer ids that were typed in this tab, by run. The server returns only references. */
const NAMES = "bespoke.names";
const storedNames = () => JSON.parse(sessionStorage.getItem(NAMES) ?? "{}");
const nameOf = (run) => storedNames()[run];
const storeName = (run, customer) => sessionStorage.setItem(NAMES, JSON.stringify({ ...storedNames(), [run]: customer }));

async function show() {
  takeToken();
  const address = location.hash || "#/";
  if (!address.startsWith("#/")) return;
  current.abort();
  const { signal } = current = new AbortController();
  try {
    service ??= await signIn.service();
    const token = service && await signIn.complete(service);
    if (token) {
      keepToken(token);
      return show();
    }
    if (!hasToken()) throw new Problem({ status: 401 });
    await setOptions();
    const [view, parameters] = viewOf(address.slice(1));
    const shown = await view(parameters, { signal, nameOf, storeName, options });
    if (signal.aborted) return;
    sessionStorage.setItem("bespoke.address", address);
    mount(shown, address);
    await shown.start?.();
  } catch (problem) {
    if (signal.aborted || problem.name === "AbortError") return;
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401) {
      dropToken();
      return mount(service ? signInAtService(address) : signInWithToken(address), address);
    }
    const retry = h("button", { type: "button", class: "plain", on: { click: show } }, "Try again");
    mount({ title: problem.title, body: [problemNote(problem), h("p", {}, retry)] }, address);
  }
}

async function setOptions() {
  if (options) return;
  options = await call("GET", "options");
  document.getElementById("bank").textContent = options.bank;
  showCaller(options.caller);
}

/** Shows who is signed in, and hides the sections that they have no role for. */
function showCaller({ name, roles }) {
  for (const link of document.querySelectorAll("nav a")) {
    const needed = NEEDED[link.hash];
    link.hidden = Boolean(needed) && !needed.some((role) => roles.includes(role));
  }
  const text = options.local ? `Signed in as ${name}, with all roles` : `${name}: ${roles.join(", ") || "no roles"}`;
  const leave = () => {
    dropToken();
    signIn.end(service);
  };
  const out = h("button", { type: "button", class: "plain", on: { click: leave } }, "Sign out");
  document.getElementById("caller").replaceChildren(h("span", {}, text), service ? out : "");
}

/** Returns the view that leads to the bank's sign-in. */
function signInAtService(address) {
  const begin = () => signIn.begin(service, address);
  return {
    title: "Sign in",
    lede: "Sign in with your work account and a second factor.",
    body: h("div", { class: "actions" }, h("button", { type: "button", class: "primary", on: { click: begin } }, "Sign in")),
  };
}

function viewOf(path) {
  for (const [pattern, view] of VIEWS) {
    const match = pattern.exec(path);
    if (match) return [view, match.slice(1)];
  }
  throw new Problem({ status: 404, title: "Not found", detail: "there is no such page" });
}

function mount({ title, lede, head, body }, address) {
  document.title = `${title} · ${options?.bank ?? "Bespoke"}`;
  masthead.replaceChildren(h("h1", { tabIndex: -1 }, title), head ?? (lede ? h("p", { class: "lede" }, lede) : ""));
  content.replaceChildren(...[body].flat().filter(Boolean));
  const section = address.split("/")[1].replace("recommendations", "history");
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash.split("/")[1] === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  // A new view starts at the top. The focus moves to the title, so a screen reader reads it.
  if (!isFirstView) {
    scrollTo(0, 0);
    masthead.querySelector("h1").focus({ preventScroll: true });
  }
  isFirstView = false;
}

/** Returns the form for the token of a server on one machine, which is in the address that `bespoke serve` prints. */
function signInWithToken(address) {
  const field = id("token");
  const submit = (event) => {
    event.preventDefault();
    keepToken(event.target.elements.token.value.trim());
    location.hash === address ? show() : location.hash = address;
  };
  return {
    title: "Sign in",
    lede: "Open the address that bespoke serve printed, or enter its token.",
    body: h("form", { class: "sheet narrow", on: { submit } },
      h("div", { class: "row" },
        h("div", { class: "row-label" }, h("label", { htmlFor: field }, "Token"),
          h("p", { class: "hint", id: `${field}-hint` }, "The part after #token= in the address.")),
        h("div", { class: "row-control" }, h("input", {
          id: field, name: "token", type: "password", required: true, autocomplete: "off", "aria-describedby": `${field}-hint`,
        }))),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Sign in"))),
  };
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
show();
