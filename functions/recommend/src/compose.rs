//! Combines a writer's reasons with the bank's own words. Code, not a writer, places the summaries, claims and
//! disclosures, verbatim from the catalog.

use contracts::catalogue::Product;
use contracts::script::{OfferShown, Script, Segment, SegmentKind, Verdict, WrittenBy};
use storage::vault::Keys;

use crate::brief::Brief;
use crate::guard::{self, TextPart};
use crate::words::en;

/// The length up to which approved claims extend a text of three offers, in words. A video of three offers should take
/// 60 to 100 s. The title takes 2.5 s and the end card about 18 s. At 140 words a minute, that leaves at most 185 words
/// including pauses.
const TARGET_WORDS: usize = 155;
/// The length that no added claim may exceed, in words; well below [`guard::MAX_WORDS`].
const MAX_WORDS_WITH_CLAIMS: usize = 172;
/// The most claims of an offer, so that a single offer does not turn into a leaflet.
const MAX_CLAIMS: usize = 2;

/// A writer's text with placeholders for names. Code fills in personal names after the guard has judged the text, so
/// that no name can hide a writer's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub opening: String,
    /// For each offer, its position in the brief and a reason of one or two sentences.
    pub reasons: Vec<(usize, String)>,
    /// The service message, if the text offers no product.
    pub service: Option<String>,
    pub closing: String,
}

impl Draft {
    fn with_bank(&self, bank: &str) -> Self {
        let fill = |text: &String| text.replace(en::BANK, bank);
        Self {
            opening: fill(&self.opening),
            reasons: self.reasons.iter().map(|(position, reason)| (*position, fill(reason))).collect(),
            service: self.service.as_ref().map(fill),
            closing: fill(&self.closing),
        }
    }
}

/// Turns a draft into a script with the guard's verdict.
pub(crate) fn compose(
    brief: &Brief<'_>,
    draft: &Draft,
    keys: &Keys,
    instructions: Vec<&str>,
    written_by: WrittenBy,
) -> Script {
    let draft = draft.with_bank(&brief.brand.name);
    let products: Vec<(&str, &Product)> =
        draft.reasons.iter().map(|(position, reason)| (reason.as_str(), brief.offers()[*position].1)).collect();
    let segments = segments(brief, &draft, &products);
    let offered: Vec<&Product> = products.iter().map(|(_, product)| *product).collect();
    let disclosures = disclosures(brief, &offered);

    let mut script = Script {
        first_name: brief.name.clone().unwrap_or_else(|| en::NO_NAME_ON_CARD.to_owned()),
        segments,
        offers: offered.iter().map(|product| offer_shown(product)).collect(),
        disclosures,
        written_by,
        verdict: Verdict { checks: Vec::new() },
        text_review: None,
    };
    let parts: Vec<TextPart> = script.segments.iter().map(|segment| TextPart::of_segment(segment, &offered)).collect();
    script.verdict = guard::check(&parts, &brief.guard_context(offered.clone(), keys, instructions));
    for segment in &mut script.segments {
        segment.text = brief.with_personal_names(&segment.text);
    }
    script.verdict.checks.push(guard::check_disclosures(&script.disclosures, &offered));
    script
}

fn segments(brief: &Brief<'_>, draft: &Draft, products: &[(&str, &Product)]) -> Vec<Segment> {
    let segment = |kind: SegmentKind, text: &str| Segment { kind, text: text.to_owned(), product: None };
    let mut spoken_disclosures = Vec::new();
    for line in products.iter().flat_map(|(_, product)| &product.spoken_disclosures) {
        if !spoken_disclosures.contains(line) {
            spoken_disclosures.push(line.clone());
        }
    }
    let frame = [Some(&draft.opening), draft.service.as_ref(), Some(&draft.closing)];
    let words = |text: &str| guard::word_count(&brief.with_personal_names(text));
    let frame_words: usize = frame.into_iter().flatten().chain(&spoken_disclosures).map(|text| words(text)).sum();
    let offer_words: usize = products.iter().map(|(reason, product)| words(&offer_text(reason, product, 0))).sum();
    let claim_counts = claim_counts(products, frame_words + offer_words);

    let mut segments = vec![segment(SegmentKind::Greeting, &draft.opening)];
    for ((reason, product), claims) in products.iter().zip(claim_counts) {
        let text = offer_text(reason, product, claims);
        segments.push(Segment { kind: SegmentKind::Offer, text, product: Some(product.id.clone()) });
    }
    segments.extend(draft.service.iter().map(|text| segment(SegmentKind::Service, text)));
    segments.extend(spoken_disclosures.iter().map(|text| segment(SegmentKind::Disclosure, text)));
    segments.push(segment(SegmentKind::Closing, &draft.closing));
    segments
}

/// Returns the number of approved claims for each offer. Each offer gets one in turn while there is room, and a second
/// one only to reach [`TARGET_WORDS`]. `words` is the length of the text without claims.
fn claim_counts(products: &[(&str, &Product)], mut words: usize) -> Vec<usize> {
    let mut counts = vec![0; products.len()];
    for round in 0..MAX_CLAIMS {
        for (count, (_, product)) in counts.iter_mut().zip(products) {
            let Some(claim) = product.approved_claims.get(round).filter(|_| *count == round) else { continue };
            let longer = words + guard::word_count(claim);
            if longer <= MAX_WORDS_WITH_CLAIMS && (round == 0 || words < TARGET_WORDS) {
                *count += 1;
                words = longer;
            }
        }
    }
    counts
}

fn offer_text(reason: &str, product: &Product, claims: usize) -> String {
    let is_named = [reason, &product.summary].iter().any(|text| text.contains(&product.name));
    let naming = (!is_named).then(|| name_product(en::NAMING_SENTENCE, product));
    let sentences = [Some(reason.to_owned()), naming, Some(ensure_period(&product.summary))].into_iter().flatten();
    let claims = product.approved_claims.iter().take(claims).map(|claim| ensure_period(claim));
    sentences.chain(claims).collect::<Vec<_>>().join(" ")
}

/// Fills the product's name into a template. Drops `our` before a name that starts with `The`.
pub(crate) fn name_product(text: &str, product: &Product) -> String {
    if product.name.starts_with("The ") {
        text.replace(&format!("our {}", en::PRODUCT), &product.name).replace(en::PRODUCT, &product.name)
    } else {
        text.replace(en::PRODUCT, &product.name)
    }
}

/// Adds a period to a catalog text that ends without punctuation.
fn ensure_period(text: &str) -> String {
    let text = text.trim();
    let has_end = text.trim_end_matches(['"', '”', '’', ')']).ends_with(['.', '!', '?']);
    if has_end { text.to_owned() } else { format!("{text}.") }
}

/// Returns the disclosures of the offered products and of the brand without duplicates. Keeps a brand line about
/// deposits or mortgages only if an offered product has the same line.
fn disclosures(brief: &Brief<'_>, offered: &[&Product]) -> Vec<String> {
    let of_products = offered.iter().flat_map(|product| &product.disclosures);
    let product_bound = ["Member FDIC", "Equal Housing Lender"];
    let is_of_product =
        |line: &str| offered.iter().any(|product| product.disclosures.iter().any(|text| text.contains(line)));
    let applies = |line: &&String| product_bound.iter().all(|text| !line.contains(text) || is_of_product(text));
    let mut lines: Vec<String> = Vec::new();
    for line in of_products.chain(brief.brand.disclosures.iter().filter(applies)) {
        if !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    lines
}

fn offer_shown(product: &Product) -> OfferShown {
    OfferShown {
        product: product.id.clone(),
        name: product.name.clone(),
        category: product.category.name().to_owned(),
        rates_and_terms: product.rates_and_terms.clone(),
    }
}
