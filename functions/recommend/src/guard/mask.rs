//! Takes out of a text what no writer wrote: the catalogue's sentences where they were placed, and names.

use contracts::catalogue::Product;
use contracts::script::{Segment, SegmentKind};

use super::GuardContext;
use super::normal::{APPROVED, NAME};

/// A part of a text, and the sentences of the catalogue that may stand in it.
#[derive(Clone, Debug)]
pub struct Part {
    text: String,
    approved: Vec<String>,
}

impl Part {
    /// A segment of a script: the sentences of its own product, or the disclosures that must be heard; none elsewhere.
    #[must_use]
    pub fn of_segment(segment: &Segment, offered: &[&Product]) -> Self {
        let approved = match segment.kind {
            SegmentKind::Offer => {
                let own = offered.iter().find(|product| segment.product.as_ref() == Some(&product.id));
                own.map(|product| spoken(product)).unwrap_or_default()
            }
            SegmentKind::Disclosure => offered.iter().flat_map(|product| product.spoken_disclosures.clone()).collect(),
            SegmentKind::Greeting | SegmentKind::Service | SegmentKind::Closing => Vec::new(),
        };
        Self::new(segment.text.clone(), approved)
    }

    /// The paragraphs of a text that somebody wrote in one piece, each of which may hold the sentences and the whole
    /// blocks of terms of any product that is offered. Lines that go on are joined.
    #[must_use]
    pub fn of_text(text: &str, offered: &[&Product]) -> Vec<Self> {
        let shown = |product: &&Product| [&product.rates_and_terms, &product.disclosures].map(Clone::clone).concat();
        let approved: Vec<String> = offered
            .iter()
            .flat_map(|product| [spoken(product), product.spoken_disclosures.clone(), shown(product)].concat())
            .collect();
        let text = text.replace("\r\n", "\n");
        let paragraph = |text: &str| Self::new(unwrapped(text), approved.clone());
        text.split("\n\n").filter(|text| !text.trim().is_empty()).map(paragraph).collect()
    }

    fn new(text: String, mut approved: Vec<String>) -> Self {
        approved.retain(|sentence| !sentence.trim().is_empty());
        // The longest first, so that none is cut by one that it holds.
        approved.sort_by_key(|sentence| std::cmp::Reverse(sentence.len()));
        Self { text, approved }
    }

    /// The text as it stands.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text with a sign for each sentence of the catalogue. Only a whole sentence is one: what goes before it must
    /// have ended, and what follows must begin anew, so that nobody's words lean on the bank's.
    pub(super) fn without_approved(&self) -> String {
        self.approved.iter().fold(self.text.clone(), |text, sentence| replace_sentence(&text, sentence.trim()))
    }
}

/// What may be spoken of a product in its own segment.
fn spoken(product: &Product) -> Vec<String> {
    std::iter::once(product.summary.clone()).chain(product.approved_claims.iter().cloned()).collect()
}

/// A paragraph on one line, unless its lines are a list.
fn unwrapped(text: &str) -> String {
    let list = |line: &str| line.trim_start().starts_with(['-', '*', '•', '#', '–', '—']);
    if text.lines().any(list) { text.to_owned() } else { text.split_whitespace().collect::<Vec<_>>().join(" ") }
}

fn replace_sentence(text: &str, sentence: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(sentence) {
        let (before, after) = (&rest[..at], &rest[at + sentence.len()..]);
        masked.push_str(before);
        // The catalogue's sentence may lack the full stop that the text has.
        let after_stop = if ends_sentence(sentence) { after } else { after.strip_prefix('.').unwrap_or(after) };
        let ended = ends_sentence(sentence) || after_stop.len() < after.len();
        let begins =
            masked.trim_end().is_empty() || masked.ends_with(char::is_whitespace) && ends_sentence(masked.trim_end());
        let is_whole = begins && ended && (after_stop.is_empty() || after_stop.starts_with(char::is_whitespace));
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

/// A sign for each name, and for each name of an offered product.
pub(super) fn without_names(text: &str, context: &GuardContext<'_>) -> String {
    let offered = context.offered.iter().map(|product| product.name.as_str());
    let mut names: Vec<&str> = offered.chain(context.names.iter().map(|name| name.place)).map(str::trim).collect();
    names.retain(|name| !name.is_empty());
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, name| replace_words(&text, name, NAME))
}

/// Puts `sign` in the place of each `part` that stands as words of its own.
pub(super) fn replace_words(text: &str, part: &str, sign: char) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(part) {
        let (before, after) = (&rest[..at], &rest[at + part.len()..]);
        // A place in braces will be a word, whatever it is called.
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '{' | '}'));
        let previous = before.chars().next_back().or_else(|| masked.chars().next_back());
        let cuts_a_word = joined(previous) && joined(part.chars().next())
            || joined(after.chars().next()) && joined(part.chars().next_back());
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
        Part::new(text.to_owned(), approved).without_approved().replace(APPROVED, "#")
    }

    #[test]
    fn only_a_whole_sentence_is_the_catalogues() {
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
    fn a_name_hides_no_other_word() {
        assert_eq!(replace_words("Bo said Boast to Bo", "Bo", NAME), "\u{e001} said Boast to \u{e001}");
        assert_eq!(replace_words("Bobo Bo", "Bo", NAME), "Bobo \u{e001}");
        assert_eq!(replace_words("{{bo}}s {{bo}}'s x{{bo}}", "{{bo}}", NAME), "{{bo}}s \u{e001}'s x{{bo}}");
    }

    #[test]
    fn lines_that_go_on_are_joined_and_lists_are_left() {
        assert_eq!(unwrapped("one\ntwo"), "one two");
        assert_eq!(unwrapped("- one\n- two"), "- one\n- two");
    }
}
