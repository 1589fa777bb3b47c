// The form: one customer.

import { Problem, call, newKey } from "./api.js";
import { h, part, trouble } from "./dom.js";
import * as fields from "./fields.js";
import { STAGES } from "./words.js";

/** What was last typed, so that the way back from a result leads to the same form. Never kept beyond the page. */
let draft = {};

export function recommend(_, { options, name }) {
  const customer = fields.row("Customer", "The id as the workbooks have it, leading zeros too.", (props) =>
    h("input", {
      ...props, type: "text", name: "customer", required: true, maxLength: 64, autocomplete: "off", spellcheck: false,
      autocapitalize: "none", class: "id", value: draft.customer ?? "",
    }));
  const batch = options.local ? null : fields.row("Batch", "The upload to read. The newest if left empty.", (props) =>
    h("input", { ...props, type: "text", name: "batch", maxLength: 128, autocomplete: "off", spellcheck: false }));
  const categories = fields.categories(options, draft.categories);
  const tone = fields.tone(options, draft.prompt);
  const voice = fields.voice(options, draft.voice);
  const rate = fields.rate(options, draft.words_per_minute);
  const shape = fields.shape(options, draft.shape);

  const film = h("input", { type: "checkbox", name: "video", checked: draft.video ?? true });
  const spoken = h("fieldset", { class: "bare", disabled: !film.checked }, h("legend", { class: "unseen" }, "The video"),
    voice.node, rate.node, shape.node);
  film.addEventListener("change", () => { spoken.disabled = !film.checked; });

  const wrong = h("div", { class: "wrong" });
  const send = h("button", { class: "primary" }, "Make the recommendation");
  // The same wish sent twice, because an answer got lost or a finger slipped, is one run.
  let sent = {};
  const submit = async (event) => {
    event.preventDefault();
    if (send.getAttribute("aria-disabled")) return;
    const typed = event.target.elements;
    draft = {
      customer: typed.customer.value.trim(), categories: categories.read(), prompt: tone.read(),
      video: film.checked, voice: voice.read(), words_per_minute: rate.read(), shape: shape.read(),
    };
    const { customer: customer_id, video, voice: spoke, words_per_minute, shape: frame, ...rest } = draft;
    const speech = video ? { voice: spoke, words_per_minute, shape: frame } : {};
    const body = { customer_id, ...rest, ...speech, batch: typed.batch?.value.trim() || undefined, video };
    const mark = JSON.stringify(body);
    if (sent.mark !== mark) sent = { mark, key: newKey() };
    wrong.replaceChildren();
    send.setAttribute("aria-disabled", "true");
    try {
      const { id } = await call("POST", "recommendations", { body, key: sent.key });
      name(id, customer_id);
      location.hash = `#/recommendations/${id}`;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      wrong.replaceChildren(trouble(problem));
    } finally {
      send.removeAttribute("aria-disabled");
    }
  };

  const form = h("form", { class: "sheet", on: { submit } },
    customer, batch, categories.node, tone.node,
    fields.group("Video", null, "group", h("label", { class: "choice" }, film, h("span", {}, "Speak the text and make a video of it"))),
    spoken, wrong, h("div", { class: "actions" }, send));

  return {
    title: "One customer",
    lede: "A text, a narrated video and the record of why, for a customer who agreed to it.",
    body: h("div", { class: "columns" }, form, aside(options)),
  };
}

function aside(options) {
  const outside = options.model?.enabled
    ? `The model ${options.model.name} is switched on. It is sent the facts that the settings list, and never a name.`
    : options.local ? "No model is switched on. Nothing leaves this machine." : "No model is switched on.";
  return h("aside", { "aria-label": "What will happen" },
    part("What will happen", {},
      h("ol", { class: "plan" }, Object.values(STAGES).slice(1).map(([stage, note]) =>
        h("li", {}, h("span", { class: "strong" }, stage), h("span", { class: "quiet" }, note))))),
    part("What will not", {},
      h("p", {}, "A customer who did not agree gets nothing, and the record says so. Posts are read only of those who agreed to that too."),
      h("p", {}, outside)));
}
