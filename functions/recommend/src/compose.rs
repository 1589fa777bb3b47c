//! Combines a writer's sentences with the bank's own words. Code, not a writer, places the summaries, claims and
//! disclosures, verbatim from the catalog, and records the source of every sentence.

use contracts::catalogue::Product;
use contracts::script::{
    CatalogueField, GuardCheck, OfferShown, Script, Segment, SegmentKind, SentencePart, SentenceSource, Verdict,
    WrittenBy,
};
use phrases::{Phrasebook, Template};
use storage::vault::Keys;

use crate::brief::Brief;
use crate::guard::{self, GuardContext, NameSlot, TextPart};
use crate::slot_values::{neutral_names, neutral_text};

/// The length, in words, below which an offer may get a second approved claim. A video with three offers should take 60
/// to 100 s. The title takes 2.5 s and the end card about 18 s. At 140 words per minute, that leaves at most 185 words
/// including pauses.
const TARGET_WORDS: usize = 155;
/// The maximum length, in words, of a script with added claims. It is well below [`guard::MAX_WORDS`].
const MAX_WORDS_WITH_CLAIMS: usize = 172;
/// The maximum number of claims in an offer, so that no offer becomes a list of claims.
const MAX_CLAIMS: usize = 2;

/// A sentence, or a line of a few sentences, with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// The text as the guard checks it. Placeholders replace personal names, so a name cannot hide a writer's words.
    pub masked: String,
    /// The text as spoken.
    pub said: String,
    pub source: SentenceSource,
}

impl Sentence {
    /// Returns an approved line with placeholders in its slots, or `None` for any other sentence.
    fn neutral(&self, segment: &DraftSegment, offered: &[&Product]) -> Option<Self> {
        let SentenceSource::Line { template, .. } = &self.source else { return None };
        let product = offered.iter().find(|product| segment.product.as_ref() == Some(&product.id));
        let text = neutral_text(&Template::parse(template).ok()?, product.copied());
        Some(Self { masked: text.clone(), said: text, source: self.source.clone() })
    }
}

/// A writer's sentences. [`compose`] adds the bank's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub opening: Sentence,
    pub offers: Vec<OfferDraft>,
    /// The service message, if the text offers no product.
    pub service: Option<Sentence>,
    pub closing: Sentence,
    /// Whether to leave out the approved claims.
    pub is_brief: bool,
}

/// A writer's sentences about one offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfferDraft {
    /// The offer's position in the brief.
    pub position: usize,
    /// A transition from the previous offer.
    pub link: Option<Sentence>,
    /// The reason for the offer. `None` if the phrasebook has none for the product.
    pub reason: Option<Sentence>,
}

/// Turns a draft into a script with the guard's verdict.
pub(crate) fn compose(
    brief: &Brief<'_>,
    draft: &Draft,
    keys: &Keys,
    instructions: Vec<&str>,
    written_by: WrittenBy,
) -> Script {
    let offered: Vec<&Product> = draft.offers.iter().map(|offer| brief.offers()[offer.position].1).collect();
    let segments = segments(brief, draft, &offered);
    let masked = segments.iter().map(DraftSegment::masked);
    let parts: Vec<TextPart> = masked.map(|segment| TextPart::of_segment(&segment, &offered)).collect();
    let mut context = brief.guard_context(offered.clone(), keys, instructions);
    if matches!(draft.closing.source, SentenceSource::Line { .. }) {
        // Only approved lines may contain the bank's web address.
        context.names.push(NameSlot::from(brief.brand.spoken_web()));
    }
    let mut verdict = guard::check(&parts, &context);
    context.posts = None;
    accept_approved(&mut verdict, &segments, &offered, &context);
    let mut script = assemble(brief, segments, &offered, written_by);
    verdict.checks.push(guard::check_disclosures(&script.disclosures, &offered, brief.brand));
    script.verdict = verdict;
    script
}

/// Turns a draft into a script without a verdict.
#[cfg(test)]
pub(crate) fn unjudged(brief: &Brief<'_>, draft: &Draft, written_by: WrittenBy) -> Script {
    let offered: Vec<&Product> = draft.offers.iter().map(|offer| brief.offers()[offer.position].1).collect();
    assemble(brief, segments(brief, draft, &offered), &offered, written_by)
}

fn assemble(brief: &Brief<'_>, segments: Vec<DraftSegment>, offered: &[&Product], written_by: WrittenBy) -> Script {
    Script {
        language: brief.facts.language,
        first_name: brief.name.clone().unwrap_or_else(|| brief.phrases.no_name_on_card().to_owned()),
        adviser: brief.adviser.clone(),
        segments: segments.into_iter().map(DraftSegment::said).collect(),
        offers: offered.iter().map(|product| offer_shown(product, brief.catalogue.bank())).collect(),
        disclosures: disclosures(brief, offered),
        written_by,
        verdict: Verdict { checks: Vec::new() },
        text_review: None,
        from_posts: brief.is_from_posts(),
    }
}

/// Removes the violations that an approved line causes by its own words. The line is checked with placeholders in its
/// slots, so no customer's name can excuse a violation. A violation remains if only the whole text causes it, or if a
/// sentence that is not an approved line causes it too.
fn accept_approved(verdict: &mut Verdict, segments: &[DraftSegment], offered: &[&Product], context: &GuardContext<'_>) {
    let may_accept = |check: &GuardCheck| !check.violations.is_empty() && guard::is_about_words(&check.name);
    if !verdict.checks.iter().any(may_accept) {
        return;
    }
    let neutral = GuardContext {
        language: context.language,
        offered: context.offered.clone(),
        held: context.held.clone(),
        catalogue: context.catalogue,
        names: neutral_names(),
        posts: None,
        instructions: context.instructions.clone(),
    };
    let unapproved = segments.iter().map(|segment| {
        let is_line = |sentence: &Sentence| matches!(sentence.source, SentenceSource::Line { .. });
        segment.with(segment.sentences.iter().filter(|sentence| !is_line(sentence)).cloned().collect()).masked()
    });
    let unapproved: Vec<TextPart> = unapproved.map(|segment| TextPart::of_segment(&segment, offered)).collect();
    let unapproved = guard::check(&unapproved, context);
    let lines = segments.iter().flat_map(|segment| {
        segment.sentences.iter().filter_map(|sentence| Some(segment.with(vec![sentence.neutral(segment, offered)?])))
    });
    for line in lines {
        let alone = guard::check(&[TextPart::of_segment(&line.masked(), offered)], &neutral);
        let has = |verdict: &Verdict, check: &str, violation: &String| {
            verdict.checks.iter().any(|other| other.name == check && other.violations.contains(violation))
        };
        for check in verdict.checks.iter_mut().filter(|check| may_accept(check)) {
            let name = check.name.clone();
            check.violations.retain(|violation| !has(&alone, &name, violation) || has(&unapproved, &name, violation));
        }
    }
}

/// A segment of a draft. Its sentences have both a masked and a spoken form.
struct DraftSegment {
    kind: SegmentKind,
    product: Option<contracts::ProductId>,
    sentences: Vec<Sentence>,
}

impl DraftSegment {
    fn new(kind: SegmentKind, sentences: Vec<Sentence>) -> Self {
        Self { kind, product: None, sentences }
    }

    /// Returns the segment with other sentences.
    fn with(&self, sentences: Vec<Sentence>) -> Self {
        Self { kind: self.kind, product: self.product.clone(), sentences }
    }

    /// Returns the segment as the guard checks it.
    fn masked(&self) -> Segment {
        let text = self.sentences.iter().map(|sentence| sentence.masked.as_str()).collect::<Vec<_>>().join(" ");
        Segment { kind: self.kind, text, product: self.product.clone(), parts: Vec::new() }
    }

    /// Returns the segment as spoken.
    fn said(self) -> Segment {
        let part = |sentence: Sentence| SentencePart { text: sentence.said, source: sentence.source };
        let parts: Vec<SentencePart> = self.sentences.into_iter().map(part).collect();
        let text = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ");
        Segment { kind: self.kind, text, product: self.product, parts }
    }
}

fn words(sentences: &[Sentence]) -> usize {
    sentences.iter().map(|sentence| guard::word_count(&sentence.said)).sum()
}

fn segments(brief: &Brief<'_>, draft: &Draft, offered: &[&Product]) -> Vec<DraftSegment> {
    let frame: Vec<Sentence> =
        [Some(&draft.opening), draft.service.as_ref(), Some(&draft.closing)].into_iter().flatten().cloned().collect();
    let mut offers: Vec<Vec<Sentence>> =
        draft.offers.iter().zip(offered).map(|(offer, product)| offer_sentences(brief, offer, product)).collect();
    let disclosures: Vec<Vec<Sentence>> = offered.iter().map(|product| spoken_disclosures(product)).collect();
    let length = [&frame].into_iter().chain(&offers).chain(&disclosures).map(|sentences| words(sentences)).sum();
    let claims = if draft.is_brief { vec![0; offered.len()] } else { claim_counts(offered, length) };
    for (((sentences, product), claims), disclosures) in offers.iter_mut().zip(offered).zip(claims).zip(disclosures) {
        sentences.extend((0..claims).filter_map(|index| of_catalogue(product, CatalogueField::ApprovedClaim(index))));
        // A disclosure follows its own product, so that no customer takes it for one about another product.
        sentences.extend(disclosures);
    }

    let mut segments = vec![DraftSegment::new(SegmentKind::Greeting, vec![draft.opening.clone()])];
    for (sentences, product) in offers.into_iter().zip(offered) {
        segments.push(DraftSegment { kind: SegmentKind::Offer, product: Some(product.id.clone()), sentences });
    }
    segments.extend(draft.service.iter().map(|service| DraftSegment::new(SegmentKind::Service, vec![service.clone()])));
    segments.push(DraftSegment::new(SegmentKind::Closing, vec![draft.closing.clone()]));
    segments
}

/// Returns an offer's sentences without claims: link, reason and summary. The product's name comes before the summary
/// if neither the reason nor the summary has it. After a reason that names the product, the summary begins with "It".
fn offer_sentences(brief: &Brief<'_>, offer: &OfferDraft, product: &Product) -> Vec<Sentence> {
    let in_reason = offer.reason.as_ref().is_some_and(|reason| is_named_in(&reason.said, product, brief));
    let is_named = in_reason || product.summary.contains(&product.name);
    let name = (!is_named).then(|| of_catalogue(product, CatalogueField::Name)).flatten();
    let mut summary = of_catalogue(product, CatalogueField::Summary);
    // "It" would be ambiguous after free text, but approved lines are written to precede the summary.
    let is_line = |reason: &Sentence| matches!(reason.source, SentenceSource::Line { .. });
    if in_reason
        && offer.reason.as_ref().is_some_and(is_line)
        && let Some(summary) = &mut summary
        && let Some(text) = continued_summary(product, brief.phrases)
    {
        // The guard still sees the masked form: the catalog's own sentence, which it recognizes.
        summary.said = text;
    }
    [offer.link.clone(), offer.reason.clone(), name, summary].into_iter().flatten().collect()
}

/// Returns whether a text contains the product's name, in full or in the short form that the video shows.
fn is_named_in(text: &str, product: &Product, brief: &Brief<'_>) -> bool {
    text.contains(&product.name) || text.contains(&product.picture(brief.catalogue.bank()).customer_name)
}

/// Returns the form of a summary that follows a sentence that names the product: the phrasebook's word, such as "It",
/// replaces the name at the start, together with an article before it. `None` if the phrasebook has no such approved
/// word, or if the summary does not start with the name.
pub(crate) fn continued_summary(product: &Product, book: &Phrasebook) -> Option<String> {
    let (article, rest) = product.summary.split_once(&product.name)?;
    let starts = article.split_whitespace().count() <= 1 && rest.starts_with(' ');
    starts.then_some(ensure_period(&format!("{}{rest}", book.it()?)))
}

/// Returns the text of a catalog field as a sentence. `None` if the product does not have the field.
fn of_catalogue(product: &Product, field: CatalogueField) -> Option<Sentence> {
    let text = ensure_period(field.of(product)?);
    let source = SentenceSource::Catalogue { product: product.id.clone(), field };
    Some(Sentence { masked: text.clone(), said: text, source })
}

/// Returns the product's spoken disclosures.
fn spoken_disclosures(product: &Product) -> Vec<Sentence> {
    let fields = (0..product.spoken_disclosures.len()).map(CatalogueField::SpokenDisclosure);
    fields.filter_map(|field| of_catalogue(product, field)).collect()
}

/// Returns the number of approved claims for each offer. While there is room, each offer in turn gets one. An offer
/// gets a second one only if the text needs it to reach [`TARGET_WORDS`]. `words` is the length of the text without
/// claims.
fn claim_counts(products: &[&Product], mut words: usize) -> Vec<usize> {
    let mut counts = vec![0; products.len()];
    for round in 0..MAX_CLAIMS {
        for (count, product) in counts.iter_mut().zip(products) {
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

/// Adds a period to catalog text that ends without punctuation.
pub(crate) fn ensure_period(text: &str) -> String {
    let text = text.trim();
    let has_end = text.trim_end_matches(['"', '”', '’', ')']).ends_with(['.', '!', '?']);
    if has_end { text.to_owned() } else { format!("{text}.") }
}

/// Returns the disclosures for the offered products and from the brand, without duplicates. Drops a brand line
/// that applies only to kinds of products that are not offered.
fn disclosures(brief: &Brief<'_>, offered: &[&Product]) -> Vec<String> {
    let of_products = offered.iter().flat_map(|product| &product.disclosures);
    let rules = brief.brand.institution.rules();
    let applies = |line: &&String| !rules.is_out_of_place(line, offered, &brief.brand.name);
    let mut lines: Vec<String> = Vec::new();
    for line in of_products.chain(brief.brand.disclosures.iter().filter(applies)) {
        if !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    lines
}

fn offer_shown(product: &Product, bank: &str) -> OfferShown {
    OfferShown {
        product: product.id.clone(),
        name: product.name.clone(),
        category: product.category.name().to_owned(),
        rates_and_terms: product.rates_and_terms.clone(),
        picture: Some(product.picture(bank)),
    }
}
