// How things are called and figures are written.

/** Each stage: what it does, what that means, and what is said while it does it. */
export const STAGES = {
  merge: ["Read the workbooks", "opened in memory, joined by customer, sorted by consent", "Reading the workbooks"],
  assess: ["Weigh the offers", "what may be known, and what fits", "Weighing the offers"],
  recommend: ["Write and check the text", "nothing is shown before every check has passed", "Writing and checking the text"],
  narrate: ["Speak it", "a synthetic voice, with the time of each word", "Speaking it"],
  render: ["Make the video", "one picture, captions, sound, then measured", "Making the video"],
  publish: ["Publish", "consent is read again first", "Publishing"],
  finalize: ["Close the record", "one outcome, proved", "Closing the record"],
};

export const stageName = (stage) => STAGES[stage]?.[0] ?? capital(plain(stage));

const OUTCOMES = {
  published: ["Published", "good"],
  skipped: ["Not made", "calm"],
  held: ["Held for review", "warn"],
  failed: ["Failed", "bad"],
  recalled: ["Taken back", "warn"],
  rejected: ["Rejected", "warn"],
  told: ["Would be told", "good"],
  waiting: ["Not begun", "calm"],
  running: ["Under way", "busy"],
  done: ["Done", "good"],
};

/** The word for an outcome or a state, and the colour that goes with it. */
export const outcome = (word) => OUTCOMES[word] ?? [capital(plain(word ?? "unknown")), "calm"];

export const CHECKS = {
  "length": "As long as it must be",
  "plain-text": "Plain text: no links, no markup",
  "contact": "No account, card, phone, e-mail or handle",
  "greeting": "The customer’s own name, and no other",
  "products": "Only products ranked for this customer",
  "amounts": "No amount that the bank did not give",
  "credit-terms": "No credit term but the bank’s own block",
  "deposit-terms": "No yield but the bank’s own words",
  "approval": "No promise of approval",
  "superlatives": "Nothing is the best, lowest or without risk",
  "urgency": "No false hurry",
  "invented-benefits": "No benefit that is not in the catalogue",
  "protected-class": "No protected class, and nothing that stands for one",
  "surveillance": "No word of what anybody saw or spent",
  "instructions": "No orders to a model",
  "post-echo": "No five words in a row from a post",
  "instruction-echo": "No echo of what the writer was told",
  "disclosures": "Each product’s own disclosures, and no others",
};

/** What a person should know of a customer for whom nothing was made. */
export const REFUSALS = {
  "no-consent": "The customer did not agree to recommendations. No offer was weighed, no post was read and no text was written. Only the refusal is on record.",
  "suppressed": "The bank’s list says that this customer must not be contacted. Nothing was published.",
  "posts-withdrawn": "The customer’s posts had a part in this, and may not be used any more. What was made from them is not kept. A new run goes without posts.",
  "heard-lately": "The customer heard from the bank not long ago. The settings say how many days must pass.",
  "rejected": "A person watched and read it, and decided that it is not published. No link to it was made. The record says who decided, when and why.",
  "recalled": "It was taken back before it was published.",
  "no-suitable-offer": "No product of the chosen categories fits what may be known of this customer. An offer that does not fit is not made.",
};

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const plain = (name) => name.replaceAll(/[-_]/g, " ");

/** A reference as people can tell two apart. */
export const short = (reference) => reference.slice(0, 8);

export function duration(seconds) {
  if (seconds < 0.05) return "< 0.1 s";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds >= 600 && seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 600) return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, "0")} min`;
}

export const count = new Intl.NumberFormat("en").format;
export const money = (usd) => new Intl.NumberFormat("en-US", {
  style: "currency", currency: "USD", maximumFractionDigits: usd !== 0 && Math.abs(usd) < 1 ? 4 : 2,
}).format(usd);
export const score = (value) => value.toFixed(2).replace("-", "\u2212");
export const weight = (value) => (value < 0 ? "" : "+") + score(value);

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const clock = (time) => second.format(new Date(time));

export function when(time) {
  const date = new Date(time);
  const today = new Date().toDateString() === date.toDateString();
  return today ? `today, ${minute.format(date)}` : `${day.format(date)}, ${minute.format(date)}`;
}

export const some = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
