//! The text of a recommendation, `recommendation.txt`, and the wording of counts.

use std::fmt::Display;

use textwrap::{Options, WordSplitter};

use crate::RunId;
use crate::brand::Brand;
use crate::catalogue::Catalogue;
use crate::script::{Script, WrittenBy};
use crate::words::filled;

/// The maximum line width in columns.
const COLUMNS: usize = 78;

/// Returns a count with its noun, such as `1 line` or `3 lines`.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, singular: &str, plural: &str) -> String {
    format!("{count} {}", if count == N::from(1) { singular } else { plural })
}

/// Returns the text of a recommendation: title, spoken text, rates and terms, disclosures, opt-out, and writer. Breaks
/// lines only where there is a space, so it never splits a word. `video` adds the note about the voice. All parts are
/// in the script's language.
#[must_use]
pub fn recommendation_text(script: &Script, catalogue: &Catalogue, brand: &Brand, run: &RunId, video: bool) -> String {
    let words = script.language.words();
    let catalogue = catalogue.in_language(script.language);
    let brand = brand.in_language(script.language);
    let title = filled(words.title, &[("name", &script.first_name), ("bank", &brand.name)]);
    let mut blocks = vec![heading(&title, '=')];
    blocks.extend(script.segments.iter().map(|segment| fill(&segment.text)));

    for offer in &script.offers {
        if !offer.rates_and_terms.is_empty() {
            blocks.push(heading(&filled(words.rates_and_terms, &[("product", &offer.name)]), '-'));
            blocks.extend(offer.rates_and_terms.iter().map(|block| fill(block)));
        }
    }

    let products = script.offers.iter().filter_map(|offer| catalogue.product(&offer.product));
    let of_products = products.flat_map(|product| &product.disclosures);
    let mut disclosures: Vec<&String> = Vec::new();
    for line in script.disclosures.iter().chain(of_products).chain(&brand.disclosures) {
        // The opt-out line is added separately below.
        if *line != brand.opt_out && !disclosures.contains(&line) {
            disclosures.push(line);
        }
    }
    if !disclosures.is_empty() {
        blocks.push(heading(words.please_note, '-'));
        blocks.extend(disclosures.into_iter().map(|line| fill(&script.named_disclosure(line))));
    }

    blocks.push(heading(words.about, '-'));
    blocks.extend([fill(&brand.opt_out), fill(&filled(words.more, &[("web", &brand.web)]))]);
    let mut made = Vec::new();
    if video {
        made.push(words.voice.to_owned());
    }
    made.push(match &script.written_by {
        WrittenBy::Phrases { .. } => words.from_phrases.to_owned(),
        WrittenBy::Template { .. } => words.by_template.to_owned(),
        WrittenBy::Model { model, .. } => fill(&filled(words.by_model, &[("model", model)])),
    });
    made.push(filled(words.reference, &[("run", run.as_str())]));
    blocks.push(made.join("\n"));

    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

fn fill(text: &str) -> String {
    let options = Options::new(COLUMNS).break_words(false).word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text.trim(), options)
}

fn heading(text: &str, line: char) -> String {
    let text = fill(text);
    let width = text.lines().map(textwrap::core::display_width).max().unwrap_or_default();
    format!("{text}\n{}", line.to_string().repeat(width))
}
