// Elements, and what is said to those who do not see them. Text always goes in as text: nothing from a server is ever
// read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props`: `class`, `on` (event: listener), `data`; `aria-*`, `role` and the like as attributes; what else an
 *  element has as a property, as that. Children: nodes, text, lists of both; nothing for null, undefined and false. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name in element && !name.startsWith("aria-") && name !== "list") element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child);
  }
}

/** A picture of icons.svg, which says nothing of its own. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

const marks = new WeakMap();

/** Gives an element new children, unless they would be made from the same as those it has: what is being read, has the
 *  focus or plays stays as it is. */
export function refill(element, from, make) {
  const mark = JSON.stringify(from) ?? "";
  if (marks.get(element) === mark) return;
  marks.set(element, mark);
  element.replaceChildren();
  append(element, [make()]);
}

/** Says a sentence to a screen reader, when it has time. */
export function announce(sentence) {
  const status = document.getElementById("status");
  // The same sentence twice is said twice.
  status.textContent = status.textContent === sentence ? `${sentence}\u00a0` : sentence;
}

let ids = 0;
/** An id that no other element has. */
export const id = (stem) => `${stem}-${++ids}`;

/** A part of the page with a heading of its own. */
export function part(title, props, ...children) {
  const heading = id("h");
  return h("section", { ...props, "aria-labelledby": heading }, h("h2", { id: heading }, title), ...children);
}

/** A problem as the reader can act on it. */
export function trouble(problem, ...more) {
  return h("div", { class: "note bad", role: "alert" },
    h("p", { class: "note-title" }, problem.title ?? "That did not work"),
    problem.message && h("p", {}, sentence(problem.message)),
    problem.help && h("p", {}, sentence(problem.help)),
    problem.error && h("p", { class: "quiet" }, "The error’s name is ", h("code", {}, problem.error), "."),
    ...more);
}

/** A fragment as a sentence: a capital first, a full stop last. */
export function sentence(text) {
  // What begins with a file's or a setting's name keeps it as it is.
  const first = /^[a-z]+[ ,:]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** Says something that must not be missed. */
export const tell = (title, body) => ask({ title, body, action: "Go on", cancel: false });

/** Asks before something that cannot be taken back. Gives the reason that was typed (or true), or null. */
export function ask({ title, body, action, danger = false, cancel = true, reason }) {
  return new Promise((resolve) => {
    const field = id("reason");
    const input = reason && h("textarea", { id: field, rows: 3, maxLength: 500, required: reason.required });
    const dialog = h("dialog", { "aria-labelledby": `${field}-title` },
      h("form", { method: "dialog" },
        h("h2", { id: `${field}-title` }, title),
        h("p", {}, body),
        reason && h("p", { class: "field" }, h("label", { htmlFor: field }, reason.label), input),
        h("div", { class: "actions" },
          h("button", { class: danger ? "primary danger" : "primary", value: "yes" }, action),
          cancel && h("button", { class: "plain", value: "no", type: "button", on: { click: () => dialog.close("no") } }, "Cancel"))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? (input ? input.value.trim().replaceAll(/\s+/g, " ") : true) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A button that cannot be pressed twice while its work is under way, and shows what went wrong beside it. */
export function worker(label, props, work) {
  const wrong = h("div", { class: "wrong" });
  const button = h("button", { type: "button", ...props, on: { click: async () => {
    if (button.getAttribute("aria-disabled")) return;
    wrong.replaceChildren();
    button.setAttribute("aria-disabled", "true");
    try {
      await work();
    } catch (problem) {
      wrong.replaceChildren(trouble(problem));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  } } }, label);
  return [button, wrong];
}
