//! Puts the bank's words beside the writer's: summaries, claims and disclosures come from the catalogue as they stand and
//! are placed here, never by a writer.

use contracts::catalogue::Product;
use contracts::script::{OfferShown, Script, Segment, SegmentKind, Verdict, WrittenBy};
use storage::vault::Keys;

use crate::brief::Brief;
use crate::guard::{self, Part};
use crate::words::en;

/// Three offers are filled up with approved claims to about this many words. A video of three offers aims at 60 to 100 s,
/// of which the title takes 2.5 s and the end card about 18 s: at 140 words a minute that leaves 185 words, and some of
/// it is for pauses.
const WANTED_WORDS: usize = 155;
/// No claim is added that takes the text beyond this, well below [`guard::MAX_WORDS`].
const MOST_WORDS: usize = 172;
/// Claims an offer at most, so that one offer alone does not turn into a leaflet.
const MOST_CLAIMS: usize = 2;

/// What a writer writes, with places for the names. Those of persons are filled in once the text is judged, so that none of
/// them can hide what a writer wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub opening: String,
    /// For each offer its place in the brief and the reason, one or two sentences.
    pub reasons: Vec<(usize, String)>,
    /// The service message, where nothing is offered.
    pub service: Option<String>,
    pub closing: String,
}

impl Draft {
    fn with_bank(&self, bank: &str) -> Self {
        let put = |text: &String| text.replace(en::BANK, bank);
        Self {
            opening: put(&self.opening),
            reasons: self.reasons.iter().map(|(at, reason)| (*at, put(reason))).collect(),
            service: self.service.as_ref().map(put),
            closing: put(&self.closing),
        }
    }
}

/// The script of a draft, judged by the guard.
pub(crate) fn compose(
    brief: &Brief<'_>,
    draft: &Draft,
    keys: &Keys,
    instructions: Vec<&str>,
    written_by: WrittenBy,
) -> Script {
    let draft = draft.with_bank(&brief.brand.name);
    let products: Vec<(&str, &Product)> =
        draft.reasons.iter().map(|(at, reason)| (reason.as_str(), brief.offers()[*at].1)).collect();
    let segments = segments(brief, &draft, &products);
    let offered: Vec<&Product> = products.iter().map(|(_, product)| *product).collect();
    let disclosures = disclosures(brief, &offered);

    let mut script = Script {
        first_name: brief.name.clone().unwrap_or_else(|| en::NAMELESS_CARD.to_owned()),
        segments,
        offers: offered.iter().map(|product| shown(product)).collect(),
        disclosures,
        written_by,
        verdict: Verdict { checks: Vec::new() },
        text_review: None,
    };
    let parts: Vec<Part> = script.segments.iter().map(|segment| Part::of_segment(segment, &offered)).collect();
    script.verdict = guard::check(&parts, &brief.guard_context(offered.clone(), keys, instructions));
    for segment in &mut script.segments {
        segment.text = brief.with_names(&segment.text);
    }
    script.verdict.checks.push(guard::check_disclosures(&script.disclosures, &offered));
    script
}

fn segments(brief: &Brief<'_>, draft: &Draft, products: &[(&str, &Product)]) -> Vec<Segment> {
    let plain = |kind: SegmentKind, text: &str| Segment { kind, text: text.to_owned(), product: None };
    let mut spoken = Vec::new();
    for line in products.iter().flat_map(|(_, product)| &product.spoken_disclosures) {
        if !spoken.contains(line) {
            spoken.push(line.clone());
        }
    }
    let around = [Some(&draft.opening), draft.service.as_ref(), Some(&draft.closing)];
    let words = |text: &str| guard::word_count(&brief.with_names(text));
    let fixed: usize = around.into_iter().flatten().chain(&spoken).map(|text| words(text)).sum();
    let reasons: usize = products.iter().map(|(reason, product)| words(&offer_text(reason, product, 0))).sum();
    let claims = claims(products, fixed + reasons);

    let mut segments = vec![plain(SegmentKind::Greeting, &draft.opening)];
    for ((reason, product), claims) in products.iter().zip(claims) {
        let text = offer_text(reason, product, claims);
        segments.push(Segment { kind: SegmentKind::Offer, text, product: Some(product.id.clone()) });
    }
    segments.extend(draft.service.iter().map(|text| plain(SegmentKind::Service, text)));
    segments.extend(spoken.iter().map(|text| plain(SegmentKind::Disclosure, text)));
    segments.push(plain(SegmentKind::Closing, &draft.closing));
    segments
}

/// How many approved claims each offer gets: one each in turn while there is room, a second only to reach the length that
/// is wanted. `words` are there without any.
fn claims(products: &[(&str, &Product)], mut words: usize) -> Vec<usize> {
    let mut claims = vec![0; products.len()];
    for round in 0..MOST_CLAIMS {
        for (count, (_, product)) in claims.iter_mut().zip(products) {
            let Some(claim) = product.approved_claims.get(round).filter(|_| *count == round) else { continue };
            let longer = words + guard::word_count(claim);
            if longer <= MOST_WORDS && (round == 0 || words < WANTED_WORDS) {
                *count += 1;
                words = longer;
            }
        }
    }
    claims
}

fn offer_text(reason: &str, product: &Product, claims: usize) -> String {
    let named = [reason, &product.summary].iter().any(|text| text.contains(&product.name));
    let naming = (!named).then(|| name_product(en::NAMES_IT, product));
    let sentences = [Some(reason.to_owned()), naming, Some(sentence(&product.summary))].into_iter().flatten();
    let claims = product.approved_claims.iter().take(claims).map(|claim| sentence(claim));
    sentences.chain(claims).collect::<Vec<_>>().join(" ")
}

/// Puts the product's name into a text of ours. `our The Card` is not English.
pub(crate) fn name_product(text: &str, product: &Product) -> String {
    if product.name.starts_with("The ") {
        text.replace(&format!("our {}", en::PRODUCT), &product.name).replace(en::PRODUCT, &product.name)
    } else {
        text.replace(en::PRODUCT, &product.name)
    }
}

/// The catalogue's text, unchanged but for a full stop where it has no end.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let ends = text.trim_end_matches(['"', '”', '’', ')']).ends_with(['.', '!', '?']);
    if ends { text.to_owned() } else { format!("{text}.") }
}

/// The lines of the offered products and of the brand, none twice. A line of the brand that belongs to deposits or to
/// mortgages stays only where one is offered.
fn disclosures(brief: &Brief<'_>, offered: &[&Product]) -> Vec<String> {
    let of_products = offered.iter().flat_map(|product| &product.disclosures);
    let bound = ["Member FDIC", "Equal Housing Lender"];
    let brought = |line: &str| offered.iter().any(|product| product.disclosures.iter().any(|text| text.contains(line)));
    let fits = |line: &&String| bound.iter().all(|bound| !line.contains(bound) || brought(bound));
    let mut lines: Vec<String> = Vec::new();
    for line in of_products.chain(brief.brand.disclosures.iter().filter(fits)) {
        if !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    lines
}

fn shown(product: &Product) -> OfferShown {
    OfferShown {
        product: product.id.clone(),
        name: product.name.clone(),
        category: product.category.name().to_owned(),
        rates_and_terms: product.rates_and_terms.clone(),
    }
}
