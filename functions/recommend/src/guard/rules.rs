//! Lists of phrases that no writer may use, with one file per check in `rules/`. The guard masks approved catalog text
//! before it searches, so an approved claim may contain a phrase that a writer may not use.
//!
//! Each line of a file is a phrase in lowercase words without apostrophes:
//!
//! - `*` at the end of a word matches any ending, and `*` alone matches any word.
//! - `|` separates alternative words.
//! - `~` alone matches up to three words of any kind.
//! - Lines after `[harmless]` are phrases that are allowed even though they contain a forbidden one.
//! - `#` starts a comment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use contracts::{Digest, Language};

use super::normal::NormalizedText;
use super::own::OwnTerms;

/// The maximum number of words that a `~` matches.
const MAX_GAP: usize = 3;

/// The phrases for one check.
pub(super) struct PhraseRule {
    /// The check's name.
    pub check: &'static str,
    file: &'static str,
    forbidden: PhraseIndex,
    harmless: PhraseIndex,
}

/// Phrases, indexed by the first character of their first word.
struct PhraseIndex {
    phrases: Vec<Phrase>,
    by_first: BTreeMap<char, Vec<usize>>,
    /// The phrases whose first word can be any word.
    with_any_first: Vec<usize>,
}

/// A parsed phrase.
pub(super) struct Phrase {
    text: &'static str,
    tokens: Vec<PhraseToken>,
}

enum PhraseToken {
    /// A word that matches one of these patterns.
    Word(Vec<WordPattern>),
    /// Up to [`MAX_GAP`] words of any kind.
    Gap,
}

enum WordPattern {
    Exact(&'static str),
    Prefix(&'static str),
}

macro_rules! rules {
    ($language:literal: $($check:literal),* $(,)?) => {
        vec![$(PhraseRule::parse($check, include_str!(concat!("../../rules/", $language, "/", $check, ".txt")))),*]
    };
}

/// Returns the checks for a language that are lists of phrases.
pub(super) fn of(language: Language) -> &'static [PhraseRule] {
    match language {
        Language::English => &RULES,
        Language::Spanish => &SPANISH,
    }
}

/// The checks for Spanish that are lists of phrases. The bank writes every Spanish sentence itself, so the lists only
/// help the people who write and approve them; free text is never in Spanish.
static SPANISH: LazyLock<Vec<PhraseRule>> = LazyLock::new(|| {
    rules![
        "es": "credit-terms",
        "deposit-terms",
        "approval",
        "superlatives",
        "urgency",
        "invented-benefits",
        "protected-class",
        "surveillance",
        "instructions",
        "secrets",
        "money-transfer",
        "threats",
        "shame",
        "politics",
        "advice",
        "debt",
        "health",
        "amounts",
    ]
});

/// The checks for English that are lists of phrases.
pub(super) static RULES: LazyLock<Vec<PhraseRule>> = LazyLock::new(|| {
    rules![
        "en": "credit-terms",
        "deposit-terms",
        "approval",
        "superlatives",
        "urgency",
        "invented-benefits",
        "protected-class",
        "surveillance",
        "instructions",
        "secrets",
        "money-transfer",
        "threats",
        "shame",
        "politics",
        "advice",
        "abuse",
        "gambling",
        "crime",
        "debt",
        "authority",
        "health",
        "third-parties",
    ]
});

/// Kinds of products. Text may mention only the kinds that it offers or that the customer holds.
pub(super) static KINDS: LazyLock<PhraseRule> = LazyLock::new(|| rules!["en": "product-kinds"].remove(0));
/// Contact details that are spelled out in words.
pub(super) static CONTACT: LazyLock<PhraseRule> = LazyLock::new(|| rules!["en": "contact"].remove(0));
/// Orders that a caller's prompt must not contain.
pub(super) static PROMPT_ORDERS: LazyLock<PhraseRule> = LazyLock::new(|| rules!["en": "prompt-orders"].remove(0));

/// Word stems, by check, that are distinctive enough to search for in text from which the spaces were removed.
pub(super) const SQUASHED: &[(&str, &[&str])] = &[
    ("approval", &["guarantee", "preapprov", "prequalif", "youareapproved", "youreapproved"]),
    ("credit-terms", &["annualpercentagerate", "financecharge", "downpayment"]),
    ("deposit-terms", &["annualpercentageyield"]),
    ("superlatives", &["riskfree"]),
];

/// Returns the digest of all files in `rules/`.
pub(super) fn digest() -> Digest {
    let rules = Language::ALL.into_iter().flat_map(of);
    digest_of(rules.chain([&*KINDS, &*CONTACT, &*PROMPT_ORDERS]))
}

fn digest_of<'a>(rules: impl Iterator<Item = &'a PhraseRule>) -> Digest {
    Digest::of_parts(rules.flat_map(|rule| [rule.check.as_bytes(), rule.file.as_bytes()]))
}

impl PhraseRule {
    fn parse(check: &'static str, file: &'static str) -> Self {
        let (forbidden, harmless) = file.split_once("[harmless]").unwrap_or((file, ""));
        let phrases = |text: &'static str| {
            let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(line, _)| line).trim());
            PhraseIndex::new(lines.filter(|line| !line.is_empty()).map(Phrase::parse).collect())
        };
        Self { check, file, forbidden: phrases(forbidden), harmless: phrases(harmless) }
    }

    /// Returns the forbidden phrases in the text that are not inside harmless ones. Searches for phrases with a `~`
    /// within each sentence, and for all others in the whole text. Phrases that `own` covers are not findings.
    pub(super) fn find(&self, normal: &NormalizedText, own: &OwnTerms) -> Vec<&'static str> {
        let across_sentences = normal.readings.iter().map(|words| (words, false));
        let within_sentences = normal.sentences.iter().map(|words| (words, true));
        let found: BTreeSet<&str> = across_sentences
            .chain(within_sentences)
            .flat_map(|(words, has_gap)| self.find_in(words, has_gap, own))
            .collect();
        found.into_iter().collect()
    }

    /// Returns all words of the text joined together, so that `guar-an teed` becomes `guaranteed`. Leaves out the words
    /// in harmless phrases.
    pub(super) fn squashed(&self, normal: &NormalizedText) -> String {
        let Some(words) = normal.readings.first() else { return String::new() };
        let harmless = self.harmless_words(words);
        words.iter().zip(harmless).filter(|(_, harmless)| !harmless).map(|(word, _)| word.as_str()).collect()
    }

    /// Returns, for each word, whether it is part of a harmless phrase.
    fn harmless_words(&self, words: &[String]) -> Vec<bool> {
        let mut harmless = vec![false; words.len()];
        for at in 0..words.len() {
            for length in self.harmless.at(&words[at]).filter_map(|phrase| phrase.match_length(&words[at..])) {
                harmless[at..at + length].fill(true);
            }
        }
        harmless
    }

    fn find_in(&self, words: &[String], has_gap: bool, own: &OwnTerms) -> Vec<&'static str> {
        let harmless = self.harmless_words(words);
        let is_found = |phrase: &&Phrase, at: usize| {
            let length = phrase.match_length(&words[at..]);
            length.is_some_and(|length| {
                !harmless[at..at + length].iter().all(|harmless| *harmless) && !own.cover(words, at, length)
            })
        };
        let candidates = |at: usize| self.forbidden.at(&words[at]).filter(move |phrase| phrase.has_gap() == has_gap);
        let found = (0..words.len()).flat_map(|at| candidates(at).filter(move |phrase| is_found(phrase, at)));
        found.map(|phrase| phrase.text).collect()
    }
}

impl PhraseIndex {
    fn new(phrases: Vec<Phrase>) -> Self {
        let mut by_first = BTreeMap::<char, BTreeSet<usize>>::new();
        let mut with_any_first = Vec::new();
        for (position, phrase) in phrases.iter().enumerate() {
            let Some(PhraseToken::Word(patterns)) = phrase.tokens.first() else { continue };
            for pattern in patterns {
                if let Some(first) = pattern.first_character() {
                    by_first.entry(first).or_default().insert(position)
                } else {
                    with_any_first.push(position);
                    true
                };
            }
        }
        let by_first =
            by_first.into_iter().map(|(first, positions)| (first, positions.into_iter().collect())).collect();
        Self { phrases, by_first, with_any_first }
    }

    /// Returns the phrases that may begin with the word.
    fn at(&self, word: &str) -> impl Iterator<Item = &Phrase> {
        let with_first = word.chars().next().and_then(|first| self.by_first.get(&first)).into_iter().flatten();
        with_first.chain(&self.with_any_first).map(|position| &self.phrases[*position])
    }
}

impl Phrase {
    fn parse(text: &'static str) -> Self {
        let parse_token = |token: &'static str| match token {
            "~" => PhraseToken::Gap,
            _ => PhraseToken::Word(token.split('|').map(WordPattern::parse).collect()),
        };
        Self { text, tokens: text.split_whitespace().map(parse_token).collect() }
    }

    fn has_gap(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, PhraseToken::Gap))
    }

    /// Returns the length of the shortest match at the start of `words`.
    fn match_length(&self, words: &[String]) -> Option<usize> {
        match_length(&self.tokens, words)
    }
}

fn match_length(tokens: &[PhraseToken], words: &[String]) -> Option<usize> {
    let Some((token, rest)) = tokens.split_first() else { return Some(0) };
    match token {
        PhraseToken::Word(patterns) => {
            let (word, after) = words.split_first()?;
            let is_match = patterns.iter().any(|pattern| pattern.matches(word));
            is_match.then(|| match_length(rest, after).map(|length| length + 1))?
        }
        PhraseToken::Gap => (0..=MAX_GAP).find_map(|skipped| {
            let after = words.get(skipped..)?;
            match_length(rest, after).map(|length| length + skipped)
        }),
    }
}

impl WordPattern {
    fn parse(word: &'static str) -> Self {
        word.strip_suffix('*').map_or(Self::Exact(word), Self::Prefix)
    }

    /// Returns the first character that a matching word must have, or `None` for a lone `*`, which matches any word.
    fn first_character(&self) -> Option<char> {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text.chars().next(),
        }
    }

    fn matches(&self, word: &str) -> bool {
        match self {
            Self::Exact(exact) => word == *exact,
            Self::Prefix(prefix) => word.starts_with(prefix),
        }
    }
}

/// Returns whether `words` contains the words of `phrase` consecutively.
pub(super) fn contains_words(words: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(file: &'static str) -> PhraseRule {
        PhraseRule::parse("test", file)
    }

    fn found(rule: &PhraseRule, text: &str) -> bool {
        !rule.find(&NormalizedText::new(text), &OwnTerms::default()).is_empty()
    }

    #[test]
    fn wildcards_alternatives_and_gaps_match() {
        let rule = rule("# why\nfree\nwont|never ~ cost|charge*\nno * fee*\n");
        for bad in ["it is free", "we never ever charge you", "it wont cost a penny", "no yearly fees"] {
            assert!(found(&rule, bad), "{bad}");
        }
        for good in ["freedom", "it wont at all in any way cost", "no fees", "never"] {
            assert!(!found(&rule, good), "{good}");
        }
    }

    #[test]
    fn harmless_phrase_exempts_only_its_own_words() {
        let rule = rule("free\n[harmless]\nfeel free\n");
        assert!(!found(&rule, "feel free to call"));
        assert!(found(&rule, "feel free it is free"));
    }

    #[test]
    fn added_phrase_changes_the_digest() {
        let with_another =
            PhraseRule::parse(RULES[0].check, concat!(include_str!("../../rules/en/credit-terms.txt"), "more\n"));
        let others = || RULES.iter().skip(1);
        assert_ne!(digest_of(RULES.iter()), digest_of(std::iter::once(&with_another).chain(others())));
    }

    #[test]
    fn files_have_unique_lowercase_phrases() {
        for rule in Language::ALL.into_iter().flat_map(of).chain([&*KINDS, &*CONTACT, &*PROMPT_ORDERS]) {
            let mut forbidden: Vec<&str> = rule.forbidden.phrases.iter().map(|phrase| phrase.text).collect();
            assert!(!forbidden.is_empty(), "{}", rule.check);
            forbidden.sort_unstable();
            assert_eq!(forbidden.windows(2).find(|pair| pair[0] == pair[1]), None, "{}", rule.check);
            for Phrase { text, .. } in rule.forbidden.phrases.iter().chain(&rule.harmless.phrases) {
                let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || " *|~".contains(c);
                assert!(text.chars().all(is_allowed), "{}: {text}", rule.check);
            }
        }
    }
}
