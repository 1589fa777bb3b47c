//! Verifies that every sentence in a script comes from its recorded source.

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::facts::Facts;
use contracts::script::{CatalogueField, Script, Segment, SentencePart, SentenceSource};
use phrases::{LineKind, Phrasebooks};

use crate::brief::Brief;
use crate::compose::{continued_summary, ensure_period};
use crate::slot_values::slot_values;

/// The result of verifying a script's sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The number of approved lines, with their slots filled.
    pub lines: usize,
    /// The number of sentences from the catalog.
    pub catalogue: usize,
    /// The number of parts that are free text.
    pub free: usize,
    /// The sentences whose source could not be verified, each with the reason.
    pub problems: Vec<String>,
}

impl Proof {
    /// Returns whether every sentence was verified as an approved line or catalog text, and none is free text.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.free == 0
    }
}

/// Verifies the sentences in a script against the run's materials: the phrasebooks, the catalog and the brand. Free
/// text has no source to verify, so it is only counted.
#[must_use]
pub fn prove(script: &Script, facts: &Facts, books: &Phrasebooks, catalogue: &Catalogue, brand: &Brand) -> Proof {
    let mut proof = Proof::default();
    let language = facts.language;
    if script.language != language {
        proof.problems.push(format!("the script is in {}, not in {}", script.language.name(), language.name()));
        return proof;
    }
    let Some(book) = books.get(language) else {
        proof.problems.push(format!("the bank has no phrasebook in {}", language.name()));
        return proof;
    };
    let catalogue = catalogue.in_language(language);
    let brand = brand.in_language(language);
    let brief = match Brief::new(facts, &catalogue, &brand, book) {
        Ok(brief) => brief,
        Err(product) => {
            proof.problems.push(format!("the catalog has no product {product}"));
            return proof;
        }
    };
    for (index, segment) in script.segments.iter().enumerate() {
        let parts: Vec<&str> = segment.parts.iter().map(|part| part.text.as_str()).collect();
        if segment.text != parts.join(" ") {
            proof.problems.push(format!("segment {index}: the text does not equal its joined parts"));
        }
        for part in &segment.parts {
            match prove_part(part, segment, &brief) {
                Ok(()) => match part.source {
                    SentenceSource::Line { .. } => proof.lines += 1,
                    SentenceSource::Catalogue { .. } | SentenceSource::Brand { .. } => proof.catalogue += 1,
                    SentenceSource::Free { .. } => proof.free += 1,
                },
                Err(reason) => proof.problems.push(format!("segment {index}: {reason}")),
            }
        }
    }
    proof
}

fn prove_part(part: &SentencePart, segment: &Segment, brief: &Brief<'_>) -> Result<(), String> {
    match &part.source {
        SentenceSource::Line { id, digest, approved_by, approved_at, template } => {
            let line = brief.phrases.line(id).ok_or_else(|| format!("the phrasebook has no line {id}"))?;
            if line.digest != *digest || line.text.as_str() != template {
                return Err(format!("line {id} differs from the phrasebook's line"));
            }
            let approval = brief.phrases.live_approval(id).ok_or_else(|| format!("line {id} is not approved"))?;
            if approval.by != *approved_by || approval.at != *approved_at {
                return Err(format!("line {id} has a different approval from the one in the phrasebook"));
            }
            let product = match &line.kind {
                LineKind::Reason { product, .. } if segment.product.as_ref() != Some(product) => {
                    return Err(format!("line {id} is about a different product"));
                }
                LineKind::Reason { product, .. } => brief.catalogue.product(product),
                _ => None,
            };
            let filled = line.text.fill(&slot_values(brief, product));
            if filled == part.text {
                Ok(())
            } else {
                Err(format!("line {id} is not filled with the values of its slots"))
            }
        }
        SentenceSource::Catalogue { product: id, field } => {
            let product = brief.offers().iter().map(|(_, product)| *product).find(|product| product.id == *id);
            let text = product.and_then(|product| field.of(product));
            let text = text.ok_or_else(|| format!("the catalog has no {field} for the offered product {id}"))?;
            let continued = product.filter(|_| *field == CatalogueField::Summary);
            let continued = continued.and_then(|product| continued_summary(product, brief.phrases));
            if part.text == text || part.text == ensure_period(text) || Some(&part.text) == continued.as_ref() {
                Ok(())
            } else {
                Err(format!("the text is not the {field} of {id}"))
            }
        }
        SentenceSource::Brand { field } => Err(format!("no sentence may come from the brand's {field}")),
        SentenceSource::Free { .. } => Ok(()),
    }
}
