// The fields that a recommendation and a campaign have in common. Each is a row and a way to read it.

import { h, id } from "./dom.js";
import { count } from "./words.js";

/** A row: what is asked, a hint, and the control. */
export function row(label, hint, make) {
  const [control, hinted] = [id("field"), id("hint")];
  return h("div", { class: "row" },
    h("div", { class: "row-label" },
      h("label", { htmlFor: control }, label),
      hint && h("p", { class: "hint", id: hinted }, hint)),
    h("div", { class: "row-control" }, make({ id: control, "aria-describedby": hint ? hinted : undefined })));
}

/** A row of several controls under one label. */
export function group(label, hint, role, ...controls) {
  const [labelled, hinted] = [id("group"), id("hint")];
  return h("div", { class: "row", role, "aria-labelledby": labelled, "aria-describedby": hint ? hinted : undefined },
    h("div", { class: "row-label" },
      h("span", { class: "label", id: labelled }, label),
      hint && h("p", { class: "hint", id: hinted }, hint)),
    h("div", { class: "row-control" }, ...controls));
}

export function categories(options, chosen = options.default_categories) {
  const boxes = options.categories.map(({ name }) =>
    h("input", { type: "checkbox", name: "category", value: name, checked: chosen.includes(name) }));
  const checked = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const judge = () => boxes[0].setCustomValidity(checked().length ? "" : "Choose at least one line of business.");
  judge();
  const node = group("Lines of business", "Only their products are weighed.", "group",
    h("ul", { class: "choices", on: { change: judge } },
      boxes.map((box) => h("li", {}, h("label", { class: "choice" }, box, h("span", {}, box.value))))));
  return { node, read: () => checked() };
}

export function tone(options, text = options.prompt_default ?? "") {
  const longest = options.prompt_longest ?? 2_000;
  const left = h("span", { class: "quiet figures" });
  const area = h("textarea", { name: "prompt", rows: 3, maxLength: longest, value: text });
  const tell = () => { left.textContent = `${count(area.value.length)} of ${count(longest)} characters`; };
  area.addEventListener("input", tell);
  tell();
  const hint = options.model?.enabled
    ? "Your wish to the model that writes. It cannot switch off a check."
    : "No model is switched on here: a template writes, and a wish changes nothing.";
  const node = row("Tone and emphasis", hint, (props) => {
    Object.assign(area, { id: props.id });
    area.setAttribute("aria-describedby", props["aria-describedby"]);
    return [area, left];
  });
  return { node, read: () => area.value.trim() || undefined };
}

const ENGINES = {
  kokoro: "Kokoro: like a person",
  espeak: "espeak-ng: like a machine, at once",
  polly: "Amazon Polly: like a person",
  openai: "An outside service",
};

export function voice(options, chosen) {
  const engines = [...new Set(options.voices.map((voice) => voice.engine))];
  const preset = chosen ?? options.voices.filter((voice) => voice.default && voice.installed).map(({ name }) => name)[0] ?? "";
  const select = h("select", { name: "voice" },
    h("option", { value: "" }, "As the settings say"),
    engines.map((engine) => h("optgroup", { label: ENGINES[engine] ?? engine },
      options.voices.filter((voice) => voice.engine === engine).map((voice) => h("option", {
        value: voice.name, disabled: !voice.installed, selected: voice.name === preset,
      }, voice.label + (voice.installed ? "" : ", not installed"))))));
  const node = row("Voice", "Synthetic, and the video says so.", (props) => {
    select.id = props.id;
    select.setAttribute("aria-describedby", props["aria-describedby"]);
    return select;
  });
  return { node, read: () => select.value || undefined };
}

export function rate(options, chosen) {
  const { default: preset, least, most } = options.words_per_minute;
  const said = h("output", { class: "figures" });
  const range = h("input", { type: "range", name: "rate", min: least, max: most, step: 5, value: chosen ?? preset });
  const tell = () => {
    said.textContent = `${range.value} words a minute`;
    range.setAttribute("aria-valuetext", said.textContent);
  };
  range.addEventListener("input", tell);
  tell();
  const node = row("Speaking rate", null, (props) => {
    range.id = props.id;
    said.htmlFor = props.id;
    return h("div", { class: "rate" }, range, said);
  });
  return { node, read: () => Number(range.value) };
}

const SHAPES = { "16:9": "Wide, for a desk", "9:16": "Tall, for a telephone", "1:1": "Square, for a feed" };

export function shape(options, chosen = options.default_shape ?? options.shapes[0]) {
  const radios = options.shapes.map((shape) =>
    h("input", { type: "radio", name: "shape", value: shape, checked: shape === chosen }));
  const node = group("Shape", null, "radiogroup", h("div", { class: "shapes" }, radios.map((radio) =>
    h("label", { class: "shape" }, radio,
      h("span", { class: "frame", data: { shape: radio.value }, "aria-hidden": "true" }),
      h("span", {}, h("span", { class: "figures" }, radio.value), h("span", { class: "quiet" }, SHAPES[radio.value] ?? ""))))));
  return { node, read: () => radios.find((radio) => radio.checked)?.value };
}
