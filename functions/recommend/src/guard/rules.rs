//! The phrases that no writer may use, a file a check below `rules/`. Texts of the catalogue are taken out before these
//! are looked for, so a product's own approved claim may say what a writer may not.
//!
//! A line is a phrase, as words of lower case without apostrophes. `*` at the end of a word stands for any ending, `*`
//! alone for any word, `|` between words for either of them, `~` alone for up to three words of any kind. Lines after
//! `[harmless]` are phrases that may stand although a forbidden one is in them. `#` begins a comment.

use std::sync::LazyLock;

use contracts::Digest;

use super::normal::Normal;

/// The most words that a `~` stands for.
const GAP: usize = 3;

/// The phrases of one check.
pub(super) struct Rule {
    /// The check's name.
    pub check: &'static str,
    file: &'static str,
    forbidden: Vec<Phrase>,
    harmless: Vec<Phrase>,
}

/// A phrase, ready to be looked for.
pub(super) struct Phrase {
    text: &'static str,
    parts: Vec<Part>,
}

enum Part {
    /// One of these words, or of these starts of words.
    Word(Vec<Ending>),
    /// Up to [`GAP`] words of any kind.
    Gap,
}

enum Ending {
    Exact(&'static str),
    Any(&'static str),
}

macro_rules! rules {
    ($($check:literal),* $(,)?) => {
        vec![$(Rule::read($check, include_str!(concat!("../../rules/en/", $check, ".txt")))),*]
    };
}

/// Every check that is a list of phrases.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules![
        "credit-terms",
        "deposit-terms",
        "approval",
        "superlatives",
        "urgency",
        "invented-benefits",
        "protected-class",
        "surveillance",
        "instructions",
    ]
});

/// Kinds of products, of which a text may name only those that are offered.
pub(super) static KINDS: LazyLock<Rule> = LazyLock::new(|| rules!["product-kinds"].remove(0));
/// What tells of a person or leads elsewhere, in words.
pub(super) static CONTACT: LazyLock<Rule> = LazyLock::new(|| rules!["contact"].remove(0));
/// Orders that a caller's own wish may not give.
pub(super) static PROMPT_ORDERS: LazyLock<Rule> = LazyLock::new(|| rules!["prompt-orders"].remove(0));

/// Words that are distinctive enough to be looked for in the text without its spaces, by check.
pub(super) const SQUASHED: &[(&str, &[&str])] = &[
    ("approval", &["guarantee", "preapprov", "prequalif", "youareapproved", "youreapproved"]),
    ("credit-terms", &["annualpercentagerate", "financecharge", "downpayment"]),
    ("deposit-terms", &["annualpercentageyield"]),
    ("superlatives", &["riskfree"]),
];

/// The digest of every file below `rules/`.
pub(super) fn digest() -> Digest {
    digest_of(RULES.iter().chain([&*KINDS, &*CONTACT, &*PROMPT_ORDERS]))
}

fn digest_of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Digest {
    Digest::of_parts(rules.flat_map(|rule| [rule.check.as_bytes(), rule.file.as_bytes()]))
}

impl Rule {
    fn read(check: &'static str, file: &'static str) -> Self {
        let (forbidden, harmless) = file.split_once("[harmless]").unwrap_or((file, ""));
        let phrases = |text: &'static str| {
            let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(line, _)| line).trim());
            lines.filter(|line| !line.is_empty()).map(Phrase::read).collect()
        };
        Self { check, file, forbidden: phrases(forbidden), harmless: phrases(harmless) }
    }

    /// The forbidden phrases that stand in a text, unless inside a harmless one. Those with a `~` are looked for within
    /// each sentence, which an ellipsis or a stop before a small letter does not end; all others also across sentences.
    pub(super) fn find(&self, normal: &Normal) -> Vec<&'static str> {
        let (loose, tight): (Vec<&Phrase>, Vec<&Phrase>) = self.forbidden.iter().partition(|phrase| phrase.has_gap());
        let across = normal.readings.iter().flat_map(|words| self.find_in(words, &tight));
        across.chain(normal.sentences.iter().flat_map(|words| self.find_in(words, &loose))).collect()
    }

    fn find_in(&self, words: &[String], forbidden: &[&Phrase]) -> Vec<&'static str> {
        let mut covered = vec![false; words.len()];
        for at in 0..words.len() {
            for length in self.harmless.iter().filter_map(|phrase| phrase.begins(&words[at..])) {
                covered[at..at + length].fill(true);
            }
        }
        let stands = |phrase: &&&Phrase| {
            (0..words.len()).any(|at| {
                let length = phrase.begins(&words[at..]);
                length.is_some_and(|length| !covered[at..at + length].iter().all(|covered| *covered))
            })
        };
        forbidden.iter().filter(stands).map(|phrase| phrase.text).collect()
    }
}

impl Phrase {
    fn read(text: &'static str) -> Self {
        let part = |part: &'static str| match part {
            "~" => Part::Gap,
            _ => Part::Word(part.split('|').map(Ending::read).collect()),
        };
        Self { text, parts: text.split_whitespace().map(part).collect() }
    }

    fn has_gap(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Gap))
    }

    /// How many words at the start of `words` are the phrase, the fewest that can be.
    fn begins(&self, words: &[String]) -> Option<usize> {
        begins(&self.parts, words)
    }
}

fn begins(parts: &[Part], words: &[String]) -> Option<usize> {
    let Some((part, rest)) = parts.split_first() else { return Some(0) };
    match part {
        Part::Word(endings) => {
            let (word, after) = words.split_first()?;
            endings.iter().any(|ending| ending.fits(word)).then(|| begins(rest, after).map(|length| length + 1))?
        }
        Part::Gap => {
            let gap = |skipped: usize| words.get(skipped..).and_then(|after| begins(rest, after)).map(|l| l + skipped);
            (0..=GAP).find_map(gap)
        }
    }
}

impl Ending {
    fn read(word: &'static str) -> Self {
        word.strip_suffix('*').map_or(Self::Exact(word), Self::Any)
    }

    fn fits(&self, word: &str) -> bool {
        match self {
            Self::Exact(exact) => word == *exact,
            Self::Any(start) => word.starts_with(start),
        }
    }
}

/// Whether these words stand in a row in `words`.
pub(super) fn stand(words: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(file: &'static str) -> Rule {
        Rule::read("test", file)
    }

    fn found(rule: &Rule, text: &str) -> bool {
        !rule.find(&Normal::of(text)).is_empty()
    }

    #[test]
    fn endings_choices_and_gaps_are_read() {
        let rule = rule("# why\nfree\nwont|never ~ cost|charge*\nno * fee*\n");
        for bad in ["it is free", "we never ever charge you", "it wont cost a penny", "no yearly fees"] {
            assert!(found(&rule, bad), "{bad}");
        }
        for good in ["freedom", "it wont at all in any way cost", "no fees", "never"] {
            assert!(!found(&rule, good), "{good}");
        }
    }

    #[test]
    fn what_is_inside_a_harmless_phrase_may_stand_and_beside_it_may_not() {
        let rule = rule("free\n[harmless]\nfeel free\n");
        assert!(!found(&rule, "feel free to call"));
        assert!(found(&rule, "feel free it is free"));
    }

    #[test]
    fn a_phrase_more_makes_another_digest() {
        let with_another =
            Rule::read(RULES[0].check, concat!(include_str!("../../rules/en/credit-terms.txt"), "more\n"));
        let others = || RULES.iter().skip(1);
        assert_ne!(digest_of(RULES.iter()), digest_of(std::iter::once(&with_another).chain(others())));
    }

    #[test]
    fn every_file_has_phrases_of_lower_case_words_none_twice() {
        for rule in RULES.iter().chain([&*KINDS, &*CONTACT, &*PROMPT_ORDERS]) {
            let mut forbidden: Vec<&str> = rule.forbidden.iter().map(|phrase| phrase.text).collect();
            assert!(!forbidden.is_empty(), "{}", rule.check);
            forbidden.sort_unstable();
            assert_eq!(forbidden.windows(2).find(|pair| pair[0] == pair[1]), None, "{}", rule.check);
            for Phrase { text, .. } in rule.forbidden.iter().chain(&rule.harmless) {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || " *|~".contains(c);
                assert!(text.chars().all(plain), "{}: {text}", rule.check);
            }
        }
    }
}
