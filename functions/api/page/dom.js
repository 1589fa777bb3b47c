// Elements and announcements. All text is inserted as text: no server response is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Creates an element. `props` may have `class`, `on` (event: listener) and `data`. Other names are set as properties if the
 *  element has them, or else as attributes. Children are nodes, strings and lists of both; null, undefined and false are
 *  left out. */
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

/** Returns an icon from icons.svg. Screen readers skip it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

const lastSources = new WeakMap();

/** Replaces an element's children with those that `build` returns, but only if `source` has changed since the last call.
 *  This avoids interrupting a reader, the focus or a playing video. */
export function refill(element, source, build) {
  const json = JSON.stringify(source) ?? "";
  if (lastSources.get(element) === json) return;
  lastSources.set(element, json);
  element.replaceChildren();
  append(element, [build()]);
}

/** Announces a sentence politely to screen readers. */
export function announce(sentence) {
  const status = document.getElementById("status");
  // A screen reader announces a sentence again only if the text changes.
  status.textContent = status.textContent === sentence ? `${sentence}\u00a0` : sentence;
}

let ids = 0;
/** Returns a unique element id. */
export const id = (stem) => `${stem}-${++ids}`;

/** Returns a section with a heading. */
export function section(title, props, ...children) {
  const heading = id("h");
  return h("section", { ...props, "aria-labelledby": heading }, h("h2", { id: heading }, title), ...children);
}

/** Returns a note that explains a problem and its remedy. */
export function problemNote(problem, ...more) {
  return h("div", { class: "note bad", role: "alert" },
    h("p", { class: "note-title" }, problem.title ?? "The request failed"),
    problem.message && h("p", {}, sentence(problem.message)),
    problem.help && h("p", {}, sentence(problem.help)),
    problem.error && h("p", { class: "quiet" }, "Error name: ", h("code", {}, problem.error), "."),
    ...more);
}

/** Turns a fragment into a sentence with a capital letter and a period. */
export function sentence(text) {
  // The name of a file or a setting at the start is not capitalized.
  const first = /^[a-z]+[ ,:]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** Shows a message that the reader must dismiss. */
export const alertDialog = (title, body) => confirmDialog({ title, body, action: "OK", cancel: false });

/** Asks for confirmation. Resolves to the typed reason (or true), or to null if the reader cancels. */
export function confirmDialog({ title, body, action, danger = false, cancel = true, reason }) {
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

/** Returns a button that runs an action, and an element that shows an error from it. Clicks are ignored while it runs. */
export function actionButton(label, props, action) {
  const problemPlace = h("div", { class: "wrong" });
  const button = h("button", { type: "button", ...props, on: { click: async () => {
    if (button.getAttribute("aria-disabled")) return;
    problemPlace.replaceChildren();
    button.setAttribute("aria-disabled", "true");
    try {
      await action();
    } catch (problem) {
      problemPlace.replaceChildren(problemNote(problem));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  } } }, label);
  return [button, problemPlace];
}
