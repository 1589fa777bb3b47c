//! Masks the parts of the text that no writer wrote: approved catalog sentences and names.

use contracts::ProductId;
use contracts::catalogue::Product;
use contracts::script::{Segment, SegmentKind};

use super::GuardContext;
use super::normal::{APPROVED, NAME};

/// A part of the text, with the catalog sentences that are approved in it.
#[derive(Clone, Debug)]
pub struct TextPart {
    text: String,
    approved: Vec<String>,
    /// The products that the part is about.
    products: Vec<ProductId>,
    /// The product of an offer segment.
    only_product: Option<ProductId>,
}

impl TextPart {
    /// Creates a part from a script's segment. An offer may contain its own product's sentences and spoken disclosures.
    /// A disclosure segment, as in older scripts, may contain those of every product. Other segments have no approved
    /// sentences.
    #[must_use]
    pub fn of_segment(segment: &Segment, offered: &[&Product]) -> Self {
        let approved = match segment.kind {
            SegmentKind::Offer => {
                let own = offered.iter().find(|product| segment.product.as_ref() == Some(&product.id));
                own.map(|product| [spoken_sentences(product), product.spoken_disclosures.clone()].concat())
                    .unwrap_or_default()
            }
            SegmentKind::Disclosure => offered.iter().flat_map(|product| product.spoken_disclosures.clone()).collect(),
            SegmentKind::Greeting | SegmentKind::Service | SegmentKind::Closing => Vec::new(),
        };
        Self {
            products: segment.product.iter().cloned().collect(),
            only_product: segment.product.clone(),
            ..Self::new(segment.text.clone(), approved)
        }
    }

    /// Splits the text into its paragraphs and joins wrapped lines. Each paragraph may contain the sentences and the
    /// whole blocks of terms of any offered product.
    #[must_use]
    pub fn split(text: &str, offered: &[&Product]) -> Vec<Self> {
        let shown = |product: &&Product| [&product.rates_and_terms, &product.disclosures].map(Clone::clone).concat();
        let approved: Vec<String> = offered
            .iter()
            .flat_map(|product| {
                [spoken_sentences(product), product.spoken_disclosures.clone(), shown(product)].concat()
            })
            .collect();
        let text = text.replace("\r\n", "\n");
        let products: Vec<ProductId> = offered.iter().map(|product| product.id.clone()).collect();
        let paragraph =
            |text: &str| Self { products: products.clone(), ..Self::new(unwrap_lines(text), approved.clone()) };
        text.split("\n\n").filter(|text| !text.trim().is_empty()).map(paragraph).collect()
    }

    fn new(text: String, mut approved: Vec<String>) -> Self {
        approved.retain(|sentence| !sentence.trim().is_empty());
        // Longest first, so a sentence inside another one does not split it.
        approved.sort_by_key(|sentence| std::cmp::Reverse(sentence.len()));
        Self { text, approved, products: Vec::new(), only_product: None }
    }

    /// Returns the product of an offer segment, or `None` for any other text.
    pub(super) const fn only_product(&self) -> Option<&ProductId> {
        self.only_product.as_ref()
    }

    /// Returns whether the part is about the product.
    pub(super) fn is_about(&self, product: &ProductId) -> bool {
        self.products.contains(product)
    }

    /// Returns the unmasked text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text with [`APPROVED`] in place of each approved sentence. Only a whole sentence counts: the
    /// sentence before it must have ended, and it must end the text or be followed by a space. So a writer's words
    /// cannot extend the bank's.
    pub(super) fn without_approved(&self) -> String {
        self.approved.iter().fold(self.text.clone(), |text, sentence| mask_sentence(&text, sentence.trim()))
    }
}

/// Returns the product's summary and approved claims, which its own segment may contain.
fn spoken_sentences(product: &Product) -> Vec<String> {
    std::iter::once(product.summary.clone()).chain(product.approved_claims.iter().cloned()).collect()
}

/// Joins the lines of a paragraph unless they are a list.
fn unwrap_lines(text: &str) -> String {
    let is_list_item = |line: &str| line.trim_start().starts_with(['-', '*', '•', '#', '–', '—']);
    if text.lines().any(is_list_item) { text.to_owned() } else { text.split_whitespace().collect::<Vec<_>>().join(" ") }
}

fn mask_sentence(text: &str, sentence: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(sentence) {
        let before = &rest[..at];
        let after = &rest[at + sentence.len()..];
        masked.push_str(before);
        // The text may have a period that the catalog's sentence lacks.
        let after_stop = if ends_sentence(sentence) { after } else { after.strip_prefix('.').unwrap_or(after) };
        let ends = ends_sentence(sentence) || after_stop.len() < after.len();
        let begins =
            masked.trim_end().is_empty() || masked.ends_with(char::is_whitespace) && ends_sentence(masked.trim_end());
        let is_whole = begins && ends && (after_stop.is_empty() || after_stop.starts_with(char::is_whitespace));
        if is_whole {
            masked.push(APPROVED);
            rest = after_stop;
        } else {
            masked.push_str(sentence);
            rest = after;
        }
    }
    masked.push_str(rest);
    masked
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '’', ')']).ends_with(['.', '!', '?', APPROVED])
}

/// Returns a product's name without the bank's, such as `Cash Back Card`, or `None` if that leaves a single word.
pub(super) fn short_name<'a>(product: &'a Product, bank: &str) -> Option<&'a str> {
    let bank: Vec<&str> = bank.split_whitespace().collect();
    let mut rest = product.name.as_str();
    while let Some((_, after)) = rest.split_once(' ').filter(|(word, _)| bank.contains(word)) {
        rest = after;
    }
    (rest.len() < product.name.len() && rest.contains([' ', '-'])).then_some(rest)
}

/// Returns the text with [`NAME`] in place of each name in the context and each offered product's name, with or without
/// the bank's name.
pub(super) fn without_names(text: &str, context: &GuardContext<'_>) -> String {
    let bank = context.catalogue.bank();
    let offered = context
        .offered
        .iter()
        .flat_map(|product| std::iter::once(product.name.as_str()).chain(short_name(product, bank)));
    let mut names: Vec<&str> =
        offered.chain(context.names.iter().map(|slot| slot.placeholder)).map(str::trim).collect();
    names.retain(|name| !name.is_empty());
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, name| replace_words(&text, name, NAME))
}

/// Replaces each `part` that consists of whole words with `sign`.
pub(super) fn replace_words(text: &str, part: &str, sign: char) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(part) {
        let before = &rest[..at];
        let after = &rest[at + part.len()..];
        // A placeholder in braces becomes a word, so a brace counts as a letter.
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '{' | '}'));
        let previous = before.chars().next_back().or_else(|| masked.chars().next_back());
        let cuts_a_word = is_letter(previous) && is_letter(part.chars().next())
            || is_letter(after.chars().next()) && is_letter(part.chars().next_back());
        masked.push_str(before);
        if cuts_a_word {
            masked.push_str(part);
        } else {
            masked.push(sign);
        }
        rest = after;
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let approved = vec!["It is free.".to_owned(), "A fixed rate".to_owned()];
        TextPart::new(text.to_owned(), approved).without_approved().replace(APPROVED, "#")
    }

    #[test]
    fn catalogue_sentence_is_masked_only_as_a_whole_sentence() {
        assert_eq!(masked("Yes. It is free. Call us."), "Yes. # Call us.");
        assert_eq!(masked("A fixed rate. It is free."), "# #");
        for glued in
            ["Yes: It is free.", "Yes.It is free.", "It is free.It is free.", "It is free. \u{200b}x".trim_end()]
        {
            assert!(masked(glued).contains("free") || glued.ends_with('x'), "{glued}");
        }
        assert_eq!(masked("We say that It is free."), "We say that It is free.");
        assert_eq!(masked("A fixed rate of four."), "A fixed rate of four.");
    }

    #[test]
    fn name_is_masked_only_as_whole_words() {
        assert_eq!(replace_words("Bo said Boast to Bo", "Bo", NAME), "\u{e001} said Boast to \u{e001}");
        assert_eq!(replace_words("Bobo Bo", "Bo", NAME), "Bobo \u{e001}");
        assert_eq!(replace_words("{{bo}}s {{bo}}'s x{{bo}}", "{{bo}}", NAME), "{{bo}}s \u{e001}'s x{{bo}}");
    }

    #[test]
    fn wrapped_lines_are_joined_but_lists_are_not() {
        assert_eq!(unwrap_lines("one\ntwo"), "one two");
        assert_eq!(unwrap_lines("- one\n- two"), "- one\n- two");
    }
}
