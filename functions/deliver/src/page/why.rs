//! Explains an offer to the customer in plain words, from the facts that ranked it.

use contracts::ProductId;
use contracts::choice::Choice;
use contracts::customer_page::{CustomerPage, PageOffer};
use contracts::facts::{Counterfactual, ReasonFact};

use super::words::{Words, fill};

/// Returns a fact as a sentence.
pub(crate) fn reason(fact: &ReasonFact, page: &CustomerPage, words: &Words) -> String {
    let name = |id: &ProductId| page.names.get(id).map_or_else(|| id.to_string(), Clone::clone);
    match fact {
        ReasonFact::Spending { category, share, trend } => {
            fill((words.spending)(*share, *trend), &[("category", (words.category)(*category))])
        }
        ReasonFact::Recurring { category } => fill(words.recurring, &[("category", (words.category)(*category))]),
        ReasonFact::Sign { sign } => (words.sign)(*sign).to_owned(),
        ReasonFact::GoesWith { product } => fill(words.goes_with, &[("product", &name(product))]),
        ReasonFact::OpenNeed { need } => fill(words.open_need, &[("need", (words.need)(*need))]),
        ReasonFact::ServedNeed { need, product } => {
            fill(words.served_need, &[("need", (words.need)(*need)), ("product", &name(product))])
        }
        ReasonFact::Posts { topic, liked } => fill((words.posts)(*liked), &[("topic", (words.topic)(*topic))]),
    }
}

/// Returns a sentence for each source, about the offer if the source is switched off, such as "Without your posts, this
/// offer would not be here."
pub(crate) fn depends_on(offer: &PageOffer, page: &CustomerPage, words: &Words) -> Vec<String> {
    let sentence = |Counterfactual { without, offers }: &Counterfactual| match without {
        Choice::Source(source) => {
            let sentence = if offers.contains(&offer.product) { words.offer_stays } else { words.offer_gone };
            Some(fill(sentence, &[("without", (words.without_source)(*source))]))
        }
        Choice::Kind(_) | Choice::Topic(_) | Choice::Product(_) => None,
    };
    page.counterfactuals.iter().filter_map(sentence).collect()
}

/// Returns the effect of a choice on the offers as a sentence. `None` if the page has no counterfactual for the choice.
pub(crate) fn effect(without: &Choice, page: &CustomerPage, words: &Words) -> Option<String> {
    let after = page.counterfactuals.iter().find(|each| each.without == *without)?;
    let now = || page.offers.iter().map(|offer| &offer.product);
    Some(if after.offers.is_empty() {
        words.no_offers.to_owned()
    } else if after.offers.iter().eq(now()) {
        words.same_offers.to_owned()
    } else {
        let names: Vec<&str> = after.offers.iter().filter_map(|id| page.names.get(id)).map(String::as_str).collect();
        fill(words.other_offers, &[("offers", &list(&names, words))])
    })
}

/// Returns the label of a choice's checkbox. `None` for a product, which is declined below its offer.
pub(crate) fn label(choice: &Choice, words: &Words) -> Option<String> {
    match choice {
        Choice::Source(source) => Some((words.source_off)(*source).to_owned()),
        Choice::Kind(kind) => Some(fill(words.off_kind, &[("kind", (words.kind)(*kind))])),
        Choice::Topic(need) => Some(fill(words.off_topic, &[("topic", (words.need)(*need))])),
        Choice::Product(_) => None,
    }
}

/// Joins names as a list in a sentence: "A, B and C".
pub(crate) fn list(names: &[&str], words: &Words) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {} {last}", first.join(", "), words.and),
    }
}
