//! The template writer: needs no service, and is what every failure of the model falls back to.

use contracts::catalogue::Product;
use contracts::facts::{Ground, Offer, Sentiment, Topic};
use contracts::script::{InsteadOfModel, Script, WrittenBy};
use contracts::{CustomerRef, Digest};
use storage::vault::Keys;

use crate::brief::{Brief, Purpose};
use crate::compose::{self, Draft};
use crate::words::en;

/// How many drafts are tried. A draft fails only where a variant repeats five words of a post by chance.
const TRIES: u32 = 24;

/// Writes from the templates. If no draft passes the guard, the last one is returned with its verdict.
pub(crate) fn write(brief: &Brief<'_>, keys: &Keys, instead_of_model: Option<&InsteadOfModel>) -> Script {
    let script = |attempt| {
        let written_by = WrittenBy::Template { instead_of_model: instead_of_model.cloned() };
        compose::compose(brief, &draft(brief, attempt), keys, Vec::new(), written_by)
    };
    let mut last = script(0);
    for attempt in 1..TRIES {
        if last.verdict.passed() {
            break;
        }
        last = script(attempt);
    }
    last
}

/// Picks among variants, the same for the same customer and attempt.
struct Picker<'a> {
    reference: &'a CustomerRef,
    attempt: u32,
}

impl Picker<'_> {
    fn number(&self, what: &str) -> usize {
        let parts = [self.reference.as_str().as_bytes(), what.as_bytes(), &self.attempt.to_be_bytes()];
        let digest = Digest::of_parts(parts);
        usize::from(u16::from_be_bytes([digest.as_bytes()[0], digest.as_bytes()[1]]))
    }

    /// One of `variants`; `turn` moves on through them, so that two turns never give the same one.
    fn pick<'v>(&self, what: &str, turn: usize, variants: &[&'v str]) -> &'v str {
        variants[(self.number(what) + turn) % variants.len()]
    }
}

pub(crate) fn draft(brief: &Brief<'_>, attempt: u32) -> Draft {
    let picker = Picker { reference: brief.reference(), attempt };
    match &brief.purpose {
        Purpose::Offers(offers) => recommendation(brief, &picker, offers),
        Purpose::Service(topic) => service(&picker, *topic),
    }
}

fn recommendation(brief: &Brief<'_>, picker: &Picker<'_>, offers: &[(&Offer, &Product)]) -> Draft {
    let openings = match brief.sentiment() {
        Some(Sentiment::Positive) => en::OPENINGS_BRIGHT,
        Some(Sentiment::Neutral | Sentiment::Negative) | None => en::OPENINGS_CALM,
    };
    let opening = picker.pick("opening", 0, openings).replace(en::IDEAS, en::ideas(offers.len()));
    let closings = if offers.len() == 1 { en::CLOSINGS_SINGLE } else { en::CLOSINGS };

    let mut clauses: Vec<&str> = Vec::new();
    let mut reasons = Vec::new();
    for (at, (offer, product)) in offers.iter().enumerate() {
        let clause = clause(picker, at, offer, &clauses);
        clauses.push(clause);
        let link = match (at, offers.len()) {
            (0, _) => "",
            (2.., 3..) => picker.pick("last", 0, en::LINKS_LAST),
            _ => picker.pick("next", at, en::LINKS_NEXT),
        };
        let main = if product.summary.contains(&product.name) {
            picker.pick("pointing", at, en::POINTING).to_owned()
        } else {
            compose::name_product(picker.pick("naming", at, en::NAMING), product)
        };
        reasons.push((at, format!("{}.", capital(&format!("{link}{clause}, {main}")))));
    }
    let closing = picker.pick("closing", 0, closings);
    Draft { opening, reasons, service: None, closing: closing.to_owned() }
}

/// A clause of the nearest ground that no earlier offer spoke of, or else one that was at least not said yet.
fn clause<'w>(picker: &Picker<'_>, at: usize, offer: &Offer, used: &[&str]) -> &'w str {
    let of_grounds = offer.grounds.iter().map(|ground| match ground {
        Ground::Spending { category, .. } => en::spending(*category),
        Ground::Holds { .. } => en::HOLDS,
        Ground::Need { need } => en::need(*need),
    });
    let lists: Vec<&'static [&'static str]> = of_grounds.chain([en::need(offer.need)]).collect();
    let (fresh, spoken_of): (Vec<&&[&str]>, Vec<&&[&str]>) =
        lists.iter().partition(|list| !list.iter().any(|clause| used.contains(clause)));
    let mut variants = fresh.into_iter().chain(spoken_of).flat_map(|list| {
        let start = picker.number("clause") + at;
        (0..list.len()).map(move |turn| list[(start + turn) % list.len()])
    });
    variants.find(|clause| !used.contains(clause)).unwrap_or(lists[0][0])
}

fn service(picker: &Picker<'_>, topic: Topic) -> Draft {
    Draft {
        opening: picker.pick("opening", 0, en::OPENINGS_SERVICE).to_owned(),
        reasons: Vec::new(),
        service: Some(picker.pick("service", 0, en::service(topic)).to_owned()),
        closing: picker.pick("closing", 0, en::CLOSINGS_SERVICE).to_owned(),
    }
}

/// The first letter in upper case.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
