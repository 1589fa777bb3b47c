//! `bespoke narrate --show`: lists every sentence in a file with its spoken form, for proofreading.

use std::fmt::Write as _;
use std::path::Path;

use contracts::Language;
use contracts::catalogue::{Catalogue, Product};
use contracts::error::EXIT_REFUSED;
use narrate::{Pronunciations, spoken_sentences};
use phrases::{Line, Phrasebook, Slot};
use runner::failure::Failure;
use serde::Serialize;

use super::read;
use crate::commands::context::Context;

/// A sentence with its spoken form, or with the reason why there is none.
#[derive(Serialize)]
struct Shown {
    /// The line of the phrasebook or the product of the catalog.
    source: String,
    /// The sentence as written.
    written: String,
    /// The sentence as spoken. `None` if it cannot be read.
    spoken: Option<String>,
    /// The reason why it cannot be read.
    problem: Option<String>,
}

/// A file to list.
pub(super) struct ShowFile<'a> {
    /// The file: a phrasebook, a catalog or plain text.
    pub file: &'a Path,
    /// The language. `None` for the phrasebook's or the catalog's own, and for English in plain text.
    pub language: Option<Language>,
}

impl ShowFile<'_> {
    /// Lists the file. Returns [`EXIT_REFUSED`] if a sentence cannot be read.
    pub(super) fn list(&self, pronunciations: &Pronunciations, context: Context) -> Result<u8, Failure> {
        Ok(list(texts(self.file, self.language)?, pronunciations, context))
    }
}

/// A passage to list.
struct Passage {
    source: String,
    text: String,
    language: Language,
}

fn list(passages: Vec<Passage>, pronunciations: &Pronunciations, context: Context) -> u8 {
    let mut shown: Vec<Shown> = Vec::new();
    for Passage { source, text, language } in passages {
        match spoken_sentences(&text, pronunciations, language) {
            Ok(sentences) => shown.extend(sentences.into_iter().map(|(written, spoken)| Shown {
                source: source.clone(),
                written,
                spoken: Some(spoken),
                problem: None,
            })),
            Err(error) => {
                shown.push(Shown { source, written: text, spoken: None, problem: Some(error.to_string()) });
            }
        }
    }
    let refused = shown.iter().any(|shown| shown.spoken.is_none());
    context.print(&shown, || {
        let mut text = String::new();
        for Shown { source, written, spoken, problem } in &shown {
            let label = if source.is_empty() { String::new() } else { format!("{source}: ") };
            let said = spoken.as_deref().or(problem.as_deref()).unwrap_or_default();
            let _infallible = writeln!(text, "{label}{written}\n    {said}");
        }
        text
    });
    if refused { EXIT_REFUSED } else { 0 }
}

/// Returns each passage in a file with its source.
fn texts(file: &Path, language: Option<Language>) -> Result<Vec<Passage>, Failure> {
    let content = read(file)?;
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => {
            let book = Phrasebook::parse(&content, "")?;
            let filled = |template: &str| {
                // Each slot's name takes the place of its value.
                Slot::ALL.iter().fold(template.to_owned(), |text, slot| {
                    text.replace(&format!("{{{}}}", slot.as_str()), &slot.as_str().replace('_', " "))
                })
            };
            let language = language.or_else(|| Language::from_tag(book.language())).unwrap_or_default();
            let passage = |line: &Line| Passage { source: line.id.clone(), text: filled(line.text.as_str()), language };
            Ok(book.lines().iter().map(passage).collect())
        }
        Some("json") => {
            let catalogue = Catalogue::from_json(content.as_bytes())?;
            let language = language.unwrap_or(catalogue.language());
            let passage = |(source, text)| Passage { source, text, language };
            let translated = catalogue.in_language(language);
            let products = translated.products().iter().filter(|product| catalogue.has_texts_in(product, language));
            Ok(products.flat_map(product_texts).map(passage).collect())
        }
        _ => Ok(vec![Passage { source: String::new(), text: content, language: language.unwrap_or_default() }]),
    }
}

fn product_texts(product: &Product) -> Vec<(String, String)> {
    let single = [&product.name, &product.summary].into_iter();
    let lists = [&product.approved_claims, &product.rates_and_terms, &product.disclosures, &product.spoken_disclosures];
    let texts = single.chain(lists.into_iter().flatten());
    texts.map(|text| (product.id.to_string(), text.clone())).collect()
}
