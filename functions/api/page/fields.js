// Form fields for recommendations and campaigns. Each field is an object with its `node` and a function `read`.

import { h, id } from "./dom.js";
import { count } from "./words.js";

/** Returns a row with a label, a hint and a control. `build` gets the attributes for the control. */
export function row(label, hint, build) {
  const controlId = id("field");
  const hintId = id("hint");
  return h("div", { class: "row" },
    h("div", { class: "row-label" },
      h("label", { htmlFor: controlId }, label),
      hint && h("p", { class: "hint", id: hintId }, hint)),
    h("div", { class: "row-control" }, build({ id: controlId, "aria-describedby": hint ? hintId : undefined })));
}

/** Returns a row with several controls under one label. */
export function group(label, hint, role, ...controls) {
  const labelId = id("group");
  const hintId = id("hint");
  return h("div", { class: "row", role, "aria-labelledby": labelId, "aria-describedby": hint ? hintId : undefined },
    h("div", { class: "row-label" },
      h("span", { class: "label", id: labelId }, label),
      hint && h("p", { class: "hint", id: hintId }, hint)),
    h("div", { class: "row-control" }, ...controls));
}

export function categories(options, chosen = options.default_categories) {
  const boxes = options.categories.map(({ name }) =>
    h("input", { type: "checkbox", name: "category", value: name, checked: chosen.includes(name) }));
  const checked = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const validate = () => boxes[0].setCustomValidity(checked().length ? "" : "Choose at least one line of business.");
  validate();
  const node = group("Lines of business", "Only products from these lines can be offered.", "group",
    h("ul", { class: "choices", on: { change: validate } },
      boxes.map((box) => h("li", {}, h("label", { class: "choice" }, box, h("span", {}, box.value))))));
  return { node, read: () => checked() };
}

export function tone(options, text = options.suggested_prompt ?? "") {
  const maxLength = options.max_prompt_length ?? 2_000;
  const counter = h("span", { class: "quiet figures" });
  const area = h("textarea", { name: "prompt", rows: 3, maxLength, value: text });
  const update = () => { counter.textContent = `${count(area.value.length)} of ${count(maxLength)} characters`; };
  area.addEventListener("input", update);
  update();
  const hint = "Tones such as warm, formal, brief or lively, and topics such as savings or travel. It cannot disable a check.";
  const node = row("Tone and emphasis", hint, (props) => {
    Object.assign(area, { id: props.id });
    area.setAttribute("aria-describedby", props["aria-describedby"]);
    return [area, counter];
  });
  return { node, read: () => area.value.trim() || undefined };
}

const WRITERS = {
  phrases: ["Approved lines, chosen by the program", "No model is asked."],
  select: ["Approved lines, chosen by a model", "The model answers ids of lines. None of its words reaches the text."],
  free: ["Reasons written by a model", "The guard checks them, and a person approves them."],
};

export function writer(options, chosen = options.default_writer) {
  const radios = options.writers.map(({ name, available }) =>
    h("input", { type: "radio", name: "writer", value: name, checked: name === chosen, disabled: !available }));
  // A default that is not available would leave the form without a choice, and the phrasebook serves then anyway.
  if (!radios.some((radio) => radio.checked && !radio.disabled)) radios[0].checked = true;
  const node = group("Writer", options.model?.hint ?? null, "radiogroup",
    h("ul", { class: "choices" }, radios.map((radio, at) => {
      const { name, unavailable_reason: reason } = options.writers[at];
      const [title, note] = WRITERS[name] ?? [name, ""];
      return h("li", {}, h("label", { class: "choice" }, radio,
        h("span", {}, title, " ", h("span", { class: "quiet" }, reason ? `Not available: ${reason}.` : note))));
    })));
  return { node, read: () => radios.find((radio) => radio.checked && !radio.disabled)?.value };
}

const ENGINES = {
  kokoro: "Kokoro: natural",
  espeak: "espeak-ng: robotic, fast",
  polly: "Amazon Polly: natural",
  openai: "OpenAI: an outside service",
};

export function voice(options, chosen) {
  const engines = [...new Set(options.voices.map((voice) => voice.engine))];
  const preset = chosen ?? options.voices.filter((voice) => voice.default && voice.installed).map(({ name }) => name)[0] ?? "";
  const select = h("select", { name: "voice" },
    h("option", { value: "" }, "Default"),
    engines.map((engine) => h("optgroup", { label: ENGINES[engine] ?? engine },
      options.voices.filter((voice) => voice.engine === engine).map((voice) => h("option", {
        value: voice.name, disabled: !voice.installed, selected: voice.name === preset,
      }, voice.label + (voice.installed ? "" : ", not installed"))))));
  const node = row("Voice", "All voices are synthetic, and the video says so.", (props) => {
    select.id = props.id;
    select.setAttribute("aria-describedby", props["aria-describedby"]);
    return select;
  });
  return { node, read: () => select.value || undefined };
}

export function rate(options, chosen) {
  const { default: preset, min, max } = options.words_per_minute;
  const output = h("output", { class: "figures" });
  const range = h("input", { type: "range", name: "rate", min, max, step: 5, value: chosen ?? preset });
  const update = () => {
    output.textContent = `${range.value} words per minute`;
    range.setAttribute("aria-valuetext", output.textContent);
  };
  range.addEventListener("input", update);
  update();
  const node = row("Speaking rate", null, (props) => {
    range.id = props.id;
    output.htmlFor = props.id;
    return h("div", { class: "rate" }, range, output);
  });
  return { node, read: () => Number(range.value) };
}

const SHAPES = { "16:9": "Wide, for a computer", "9:16": "Tall, for a phone", "1:1": "Square, for a feed" };

export function shape(options, chosen = options.default_shape ?? options.shapes[0]) {
  const radios = options.shapes.map((shape) =>
    h("input", { type: "radio", name: "shape", value: shape, checked: shape === chosen }));
  const node = group("Shape", null, "radiogroup", h("div", { class: "shapes" }, radios.map((radio) =>
    h("label", { class: "shape" }, radio,
      h("span", { class: "frame", data: { shape: radio.value }, "aria-hidden": "true" }),
      h("span", {}, h("span", { class: "figures" }, radio.value), h("span", { class: "quiet" }, SHAPES[radio.value] ?? ""))))));
  return { node, read: () => radios.find((radio) => radio.checked)?.value };
}
