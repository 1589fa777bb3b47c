//! The words of the customer's page and e-mail, in one table for each language. A word in braces is a slot.

use contracts::catalogue::ProductKind;
use contracts::choice::{DeclineReason, Source};
use contracts::facts::{Need, Share, Sign, SpendingCategory, Topic, Trend};

/// The words in one language.
pub(crate) struct Words {
    /// The language, a BCP 47 tag.
    pub lang: &'static str,
    /// The language's own name, for the caption track.
    pub language: &'static str,
    pub card_title: &'static str,
    pub card_text: &'static str,
    pub title: &'static str,
    pub no_video: &'static str,
    pub voice_note: &'static str,
    pub chapters: &'static str,
    pub your_offers: &'static str,
    pub why_this: &'static str,
    pub why_not: &'static str,
    pub tell_me_more: &'static str,
    pub call_me_back: &'static str,
    pub call_asked: &'static str,
    pub not_for_me: &'static str,
    pub because: &'static str,
    pub decline: &'static str,
    pub declined: &'static str,
    pub terms: &'static str,
    pub transcript: &'static str,
    pub choices: &'static str,
    pub choices_text: &'static str,
    pub choices_hint: &'static str,
    pub choices_save: &'static str,
    pub choices_saved: &'static str,
    pub choices_saved_gone: &'static str,
    pub sources: &'static str,
    pub kinds: &'static str,
    pub topics: &'static str,
    pub is_off: &'static str,
    pub off_kind: &'static str,
    pub off_topic: &'static str,
    pub same_offers: &'static str,
    pub other_offers: &'static str,
    pub no_offers: &'static str,
    pub offer_gone: &'static str,
    pub offer_stays: &'static str,
    pub how: &'static str,
    pub how_text: &'static [&'static str],
    pub notes: &'static str,
    pub stop: &'static str,
    pub stop_text: &'static str,
    pub stop_button: &'static str,
    pub stopped: &'static str,
    pub stopped_text: &'static str,
    pub dead: &'static str,
    pub dead_text: &'static str,
    pub mail_subject: &'static str,
    pub mail_preheader: &'static str,
    pub mail_hello: &'static str,
    pub mail_text: &'static str,
    pub mail_service_text: &'static str,
    pub mail_button: &'static str,
    pub mail_picture: &'static str,
    pub mail_expires: &'static str,
    pub mail_stop: &'static str,
    pub and: &'static str,
    pub source_off: fn(Source) -> &'static str,
    pub without_source: fn(Source) -> &'static str,
    pub spending: fn(Share, Trend) -> &'static str,
    pub recurring: &'static str,
    pub sign: fn(Sign) -> &'static str,
    pub goes_with: &'static str,
    pub open_need: &'static str,
    pub served_need: &'static str,
    pub posts: fn(bool) -> &'static str,
    pub category: fn(SpendingCategory) -> &'static str,
    pub need: fn(Need) -> &'static str,
    pub topic: fn(Topic) -> &'static str,
    pub kind: fn(ProductKind) -> &'static str,
    pub decline_reason: fn(DeclineReason) -> &'static str,
}

impl Words {
    /// Returns the words in a language. Falls back to English.
    pub fn of(language: &str) -> &'static Self {
        let language = language.split('-').next().unwrap_or_default();
        ALL.into_iter().find(|words| words.lang == language).unwrap_or(&ENGLISH)
    }
}

/// All languages.
const ALL: [&Words; 1] = [&ENGLISH];

static ENGLISH: Words = Words {
    lang: "en",
    language: "English",
    card_title: "A message from {bank}",
    card_text: "A personal recommendation. Only the person who received this link should open it.",
    title: "For {name}, from {bank}",
    no_video: "Your browser cannot play this video. The transcript below has every word.",
    voice_note: "{notice}. The transcript below has every word.",
    chapters: "In this video",
    your_offers: "What we suggest",
    why_this: "Why this is here",
    why_not: "What spoke against it",
    tell_me_more: "Tell me more",
    call_me_back: "Call me back",
    call_asked: "You asked for a call. We will be in touch.",
    not_for_me: "Not for me",
    because: "Because",
    decline: "Do not offer this again",
    declined: "You said that this is not for you. We will not offer it again.",
    terms: "Rates and terms",
    transcript: "Transcript",
    choices: "My choices",
    choices_text: "Decide what we may use and suggest. Each line says what would change.",
    choices_hint: "A choice holds for all later recommendations. To switch something on again, ask {bank}.",
    choices_save: "Save my choices",
    choices_saved: "Your choices are saved. They hold from now on.",
    choices_saved_gone: "Your choices are saved. This recommendation used something that you have now switched off, so we no longer show it.",
    sources: "What we may use",
    kinds: "Products",
    topics: "Subjects",
    is_off: "Switched off",
    off_kind: "Do not offer me {kind}",
    off_topic: "Do not suggest anything about {topic}",
    same_offers: "You would still see the same offers.",
    other_offers: "You would see {offers}.",
    no_offers: "You would see no offer.",
    offer_gone: "{without}, this offer would not be here.",
    offer_stays: "{without}, this offer would still be here.",
    how: "How we choose",
    how_text: &[
        "A computer program chose these offers from facts about you. It adds up a few fixed points for each product, and offers those with the most points. No person decided, and no model learned from other customers.",
        "It used the products you hold and, unless you switch them off, the categories of your payments. It used your public posts only if you allowed that. It also checked each product's own conditions, such as a broad band of income or balance.",
        "It never used your age, sex, origin, religion, health, family or address. The result changes nothing about the products you already have, and every offer still depends on its terms.",
        "You can object at any time: switch off a source above, stop all messages below, or ask {bank} for a person who explains or reviews this.",
    ],
    notes: "Please note",
    stop: "No more messages",
    stop_text: "Press the button to stop all recommendations. This page will then show nothing.",
    stop_button: "Do not contact me again",
    stopped: "You will not hear from us again",
    stopped_text: "{bank} makes no more recommendations for you. You need not do anything else.",
    dead: "There is nothing to see here",
    dead_text: "This link has ended or was withdrawn. If you expected something, ask {bank}: {web}",
    mail_subject: "A personal recommendation from {bank}",
    mail_preheader: "A short video, made for you from what you let us use.",
    mail_hello: "Hello {name},",
    mail_text: "We made a short video for you about {offers}. It takes about a minute, and it says why we chose this.",
    mail_service_text: "We made a short video for you about how we can help. It takes about a minute.",
    mail_button: "Watch your video",
    mail_picture: "Preview of your video. It has captions.",
    mail_expires: "The link is personal and works until {date}.",
    mail_stop: "Stop these messages",
    and: "and",
    source_off: |source| match source {
        Source::Posts => "Do not use my posts",
        Source::Payments => "Do not use my payments to choose offers",
    },
    without_source: |source| match source {
        Source::Posts => "Without your posts",
        Source::Payments => "Without your payments",
    },
    spending: |share, trend| match (share, trend) {
        (_, Trend::Rising) => "You spend more on {category} than before.",
        (Share::Large, Trend::Steady | Trend::Falling) => "You spend a large part on {category}.",
        (Share::Notable, Trend::Steady | Trend::Falling) => "You often spend on {category}.",
        (Share::Small, Trend::Steady | Trend::Falling) => "You sometimes spend on {category}.",
    },
    recurring: "You make regular payments for {category}.",
    sign: |sign| match sign {
        Sign::Travel => "Your payments suggest that you travel.",
        Sign::Home => "You seem to own or improve a home.",
        Sign::Business => "Your payments suggest that you run a business.",
    },
    goes_with: "It goes with your {product}.",
    open_need: "You hold no product of ours for {need}.",
    served_need: "You already hold {product}, which also serves {need}.",
    posts: |liked| {
        if liked { "Your posts speak well of {topic}." } else { "Your posts speak badly of {topic}." }
    },
    category: SpendingCategory::words,
    need: Need::words,
    topic: Topic::words,
    kind: ProductKind::plural,
    decline_reason: |reason| match reason {
        DeclineReason::HaveOne => "I have one already",
        DeclineReason::NoUse => "I have no use for it",
        DeclineReason::Terms => "the terms do not suit me",
        DeclineReason::OtherBank => "I prefer another bank",
        DeclineReason::NotSaid => "I would rather not say",
    },
};

/// Fills the slots of a sentence. Every slot of the sentence must have a value.
pub(crate) fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    // One pass, so a value that contains a slot's name is not filled again.
    let mut out = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (slot, after) = after.split_once('}').unwrap_or((after, ""));
        out += before;
        let value = values.iter().find(|(name, _)| *name == slot).map_or("", |(_, value)| *value);
        debug_assert!(values.iter().any(|(name, _)| *name == slot), "no value for the slot {slot}");
        out += value;
        rest = after;
    }
    out + rest
}
