//! The template writer. It needs no service, and the stage falls back to it when the model fails.

use contracts::catalogue::Product;
use contracts::facts::{Ground, Offer, Sentiment, Topic};
use contracts::script::{InsteadOfModel, Script, WrittenBy};
use contracts::{CustomerRef, Digest};
use storage::vault::Keys;

use crate::brief::{Brief, Purpose};
use crate::compose::{self, Draft};
use crate::words::en;

/// The most drafts to try. A draft fails only if a variant happens to repeat five words of a post.
const MAX_DRAFTS: u32 = 24;

/// Writes a script from the templates. Returns the last draft with its verdict if none passes the guard.
pub(crate) fn write(brief: &Brief<'_>, keys: &Keys, instead_of_model: Option<&InsteadOfModel>) -> Script {
    let script = |attempt| {
        let written_by = WrittenBy::Template { instead_of_model: instead_of_model.cloned() };
        compose::compose(brief, &draft(brief, attempt), keys, Vec::new(), written_by)
    };
    let mut last = script(0);
    for attempt in 1..MAX_DRAFTS {
        if last.verdict.passed() {
            break;
        }
        last = script(attempt);
    }
    last
}

/// A deterministic choice among variants, by customer and attempt.
struct VariantPicker<'a> {
    reference: &'a CustomerRef,
    attempt: u32,
}

impl VariantPicker<'_> {
    fn number(&self, slot: &str) -> usize {
        let parts = [self.reference.as_str().as_bytes(), slot.as_bytes(), &self.attempt.to_be_bytes()];
        let digest = Digest::of_parts(parts);
        usize::from(u16::from_be_bytes([digest.as_bytes()[0], digest.as_bytes()[1]]))
    }

    /// Picks one of `variants` for a slot of the text. Consecutive values of `offset` give different variants.
    fn pick<'v>(&self, slot: &str, offset: usize, variants: &[&'v str]) -> &'v str {
        variants[(self.number(slot) + offset) % variants.len()]
    }
}

pub(crate) fn draft(brief: &Brief<'_>, attempt: u32) -> Draft {
    let picker = VariantPicker { reference: brief.reference(), attempt };
    match &brief.purpose {
        Purpose::Offers(offers) => recommendation(brief, &picker, offers),
        Purpose::Service(topic) => service(&picker, *topic),
    }
}

fn recommendation(brief: &Brief<'_>, picker: &VariantPicker<'_>, offers: &[(&Offer, &Product)]) -> Draft {
    let openings = match brief.sentiment() {
        Some(Sentiment::Positive) => en::OPENINGS_BRIGHT,
        Some(Sentiment::Neutral | Sentiment::Negative) | None => en::OPENINGS_CALM,
    };
    let opening = picker.pick("opening", 0, openings).replace(en::IDEAS, en::ideas(offers.len()));
    let closings = if offers.len() == 1 { en::CLOSINGS_SINGLE } else { en::CLOSINGS };

    let mut used_clauses: Vec<&str> = Vec::new();
    let mut reasons = Vec::new();
    for (at, (offer, product)) in offers.iter().enumerate() {
        let clause = clause(picker, at, offer, &used_clauses);
        used_clauses.push(clause);
        let link = match (at, offers.len()) {
            (0, _) => "",
            (2.., 3..) => picker.pick("last", 0, en::LINKS_LAST),
            _ => picker.pick("next", at, en::LINKS_NEXT),
        };
        let main_clause = if product.summary.contains(&product.name) {
            picker.pick("pointing", at, en::POINTING_CLAUSES).to_owned()
        } else {
            compose::name_product(picker.pick("naming", at, en::NAMING_CLAUSES), product)
        };
        reasons.push((at, format!("{}.", capitalize(&format!("{link}{clause}, {main_clause}")))));
    }
    let closing = picker.pick("closing", 0, closings);
    Draft { opening, reasons, service: None, closing: closing.to_owned() }
}

/// Returns a clause for the strongest ground that no earlier offer mentioned, or else any unused clause.
fn clause<'w>(picker: &VariantPicker<'_>, at: usize, offer: &Offer, used: &[&str]) -> &'w str {
    let ground_variants = offer.grounds.iter().map(|ground| match ground {
        Ground::Spending { category, .. } => en::spending(*category),
        Ground::Holds { .. } => en::HELD_PRODUCT_REASONS,
        Ground::Need { need } => en::need(*need),
    });
    let lists: Vec<&'static [&'static str]> = ground_variants.chain([en::need(offer.need)]).collect();
    let (unmentioned, mentioned): (Vec<&&[&str]>, Vec<&&[&str]>) =
        lists.iter().partition(|list| !list.iter().any(|clause| used.contains(clause)));
    let mut variants = unmentioned.into_iter().chain(mentioned).flat_map(|list| {
        let start = picker.number("clause") + at;
        (0..list.len()).map(move |offset| list[(start + offset) % list.len()])
    });
    variants.find(|clause| !used.contains(clause)).unwrap_or(lists[0][0])
}

fn service(picker: &VariantPicker<'_>, topic: Topic) -> Draft {
    Draft {
        opening: picker.pick("opening", 0, en::OPENINGS_SERVICE).to_owned(),
        reasons: Vec::new(),
        service: Some(picker.pick("service", 0, en::service(topic)).to_owned()),
        closing: picker.pick("closing", 0, en::CLOSINGS_SERVICE).to_owned(),
    }
}

/// Capitalizes the first letter.
fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
