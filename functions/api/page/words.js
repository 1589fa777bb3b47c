// The labels that people see, and the formatting of numbers and times.

/** Each stage: its name, a short description, and the text while it runs. */
export const STAGES = {
  merge: ["Read the workbooks", "decrypted in memory, joined by customer, filtered by consent", "Reading the workbooks"],
  assess: ["Choose the offers", "products ranked by the permitted facts", "Choosing the offers"],
  recommend: ["Write and check the text", "nothing is shown before every check has passed", "Writing and checking the text"],
  narrate: ["Narrate the text", "a synthetic voice, with word timings", "Narrating the text"],
  render: ["Render the video", "picture, captions and audio, then measured", "Rendering the video"],
  publish: ["Publish", "after another check of consent", "Publishing"],
  finalize: ["Close the record", "one outcome for each customer", "Closing the record"],
};

export const stageName = (stage) => STAGES[stage]?.[0] ?? capital(plain(stage));

const LABELS = {
  "published": ["Published", "good"],
  "skipped": ["Skipped", "calm"],
  "in-review": ["In review", "warn"],
  "failed": ["Failed", "bad"],
  "recalled": ["Recalled", "warn"],
  "rejected": ["Rejected", "warn"],
  "selected": ["Selected", "good"],
  "waiting": ["Waiting", "calm"],
  "running": ["In progress", "busy"],
  "done": ["Done", "good"],
};

/** Returns the label of an outcome or a status, and its color class. */
export const label = (word) => LABELS[word] ?? [capital(plain(word ?? "unknown")), "calm"];

export const CHECKS = {
  "length": "Length within the limits",
  "plain-text": "Plain text without links or markup",
  "contact": "No account, card or phone numbers, email addresses or handles",
  "greeting": "The customer’s own name, and no other",
  "products": "Only products that were ranked for this customer",
  "amounts": "No amounts other than the bank’s",
  "credit-terms": "Credit terms only in the bank’s own words",
  "deposit-terms": "Deposit yields only in the bank’s own words",
  "approval": "No promise of approval",
  "superlatives": "No claims such as best, lowest or risk-free",
  "urgency": "No false urgency",
  "invented-benefits": "No benefits that are not in the catalog",
  "protected-class": "No protected class, and nothing that implies one",
  "surveillance": "No mention of observed behavior or spending",
  "instructions": "No instructions meant for a model",
  "secrets": "No request for a password, a PIN or a code",
  "money-transfer": "No instruction to move money",
  "threats": "No threats",
  "shame": "No shaming, and no pressure from what others do",
  "politics": "No politics",
  "advice": "No tax, legal or investment advice",
  "abuse": "No insults, profanity or violence",
  "gambling": "No gambling or speculation",
  "crime": "No help with evasion or deception",
  "debt": "No encouragement of debt",
  "authority": "No false authority, and no made-up statistics",
  "health": "No health or medical advice",
  "third-parties": "Nothing about other people",
  "harsh-words": "No harsh words",
  "proper-names": "No names that are not in the catalog",
  "language": "Plain sentences in the phrasebook’s language",
  "reason": "Each reason is about its own product",
  "post-echo": "No five consecutive words from a post",
  "instruction-echo": "No echo of the writer’s instructions",
  "disclosures": "The disclosures for the offered products, and no others",
};

/** Explanations of skips, by the code of the reason. */
export const SKIP_EXPLANATIONS = {
  "no-consent": "The customer did not consent to recommendations. Bespoke ranked no offers, read no posts and wrote no text. It recorded only the refusal.",
  "suppressed": "The customer is on the bank’s suppression list. Nothing was published.",
  "posts-withdrawn": "The customer’s posts were used, but the customer has since withdrawn that consent. The result was deleted. A new recommendation will not use posts.",
  "heard-lately": "The customer heard from the bank recently. The settings define the minimum number of days between contacts.",
  "rejected": "A reviewer rejected the result, so it was not published. The evidence records who decided, when and why.",
  "recalled": "The result was recalled before it was published.",
  "outside-segment": "The campaign is for a segment of customers, and this customer is outside it.",
  "no-suitable-offer": "No product in the chosen lines of business fits this customer. Bespoke does not offer products that do not fit.",
};

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const plain = (name) => name.replaceAll(/[-_]/g, " ");

/** Returns the first eight characters of a reference. They are enough for people to tell customers apart. */
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

/** Returns a number with its noun, in the singular or the plural. */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
