// The form for a recommendation.

import { Problem, call, newKey } from "./api.js";
import { h, problemNote, section } from "./dom.js";
import * as fields from "./fields.js";
import { STAGES } from "./words.js";

/** The last input, which fills the form when the user returns to it. It is lost when the page closes. */
let draft = {};

export function recommend(_, { options, storeName }) {
  const customer = fields.row("Customer", "The id exactly as in the workbooks, with leading zeros.", (props) =>
    h("input", {
      ...props, type: "text", name: "customer", required: true, maxLength: 64, autocomplete: "off", spellcheck: false,
      autocapitalize: "none", class: "id", value: draft.customer ?? "",
    }));
  const batch = options.local ? null : fields.row("Batch", "Leave empty for the newest batch.", (props) =>
    h("input", { ...props, type: "text", name: "batch", maxLength: 128, autocomplete: "off", spellcheck: false }));
  const categories = fields.categories(options, draft.categories);
  const tone = fields.tone(options, draft.prompt);
  const writer = fields.writer(options, draft.writer);
  const voice = fields.voice(options, draft.voice);
  const rate = fields.rate(options, draft.words_per_minute);
  const shape = fields.shape(options, draft.shape);

  const videoBox = h("input", { type: "checkbox", name: "video", checked: draft.video ?? true });
  const videoFields = h("fieldset", { class: "bare", disabled: !videoBox.checked }, h("legend", { class: "unseen" }, "The video"),
    voice.node, rate.node, shape.node);
  videoBox.addEventListener("change", () => { videoFields.disabled = !videoBox.checked; });

  const problemPlace = h("div", { class: "wrong" });
  const button = h("button", { class: "primary" }, "Create recommendation");
  // A retry or a double click keeps the key, so it starts only one run.
  let sent = {};
  const submit = async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled")) return;
    const inputs = event.target.elements;
    draft = {
      customer: inputs.customer.value.trim(), categories: categories.read(), prompt: tone.read(), writer: writer.read(),
      video: videoBox.checked, voice: voice.read(), words_per_minute: rate.read(), shape: shape.read(),
    };
    const { customer: customer_id, categories: chosen, prompt, writer: by, video, ...speech } = draft;
    const body = { customer_id, categories: chosen, prompt, writer: by, ...(video && speech), batch: inputs.batch?.value.trim() || undefined, video };
    const json = JSON.stringify(body);
    if (sent.json !== json) sent = { json, key: newKey() };
    problemPlace.replaceChildren();
    button.setAttribute("aria-disabled", "true");
    try {
      const { id } = await call("POST", "recommendations", { body, key: sent.key });
      storeName(id, customer_id);
      location.hash = `#/recommendations/${id}`;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      problemPlace.replaceChildren(problemNote(problem));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };

  const form = h("form", { class: "sheet", on: { submit } },
    customer, batch, categories.node, tone.node, writer.node,
    fields.group("Video", null, "group", h("label", { class: "choice" }, videoBox, h("span", {}, "Narrate the text in a video"))),
    videoFields, problemPlace, h("div", { class: "actions" }, button));

  return {
    title: "One customer",
    lede: "A written recommendation, a narrated video and the reasons for both, for a customer who consented.",
    body: h("div", { class: "columns" }, form, aside(options)),
  };
}

function aside(options) {
  const model = options.model?.enabled
    ? `The model ${options.model.name} is enabled. It gets only the facts that the settings allow, never a name.`
    : options.local ? "The language model is disabled. Nothing leaves this machine." : "The language model is disabled.";
  return h("aside", { "aria-label": "Steps and safeguards" },
    section("Steps", {},
      h("ol", { class: "plan" }, Object.values(STAGES).slice(1).map(([stage, note]) =>
        h("li", {}, h("span", { class: "strong" }, stage), h("span", { class: "quiet" }, note))))),
    section("Safeguards", {},
      h("p", {}, "A customer who did not consent gets nothing, and the evidence says so. Posts are read only with a separate consent."),
      h("p", {}, model)));
}
