//! The accuracy of the spoken form, measured against phrases that other people wrote.

use crate::scoring::{Phrase, is_right, phrases, said, scores};

const TEST: &str = include_str!("../corpora/speech-test.tsv");
const DEV: &str = include_str!("../corpora/speech-dev.tsv");
const FIELD: &str = include_str!("../corpora/speech-field.tsv");

/// The minimum number of right phrases in each class of the blind set. A change may raise it, but never lower it.
const FLOORS: &[(&str, u32)] = &[
    ("abbreviation", 11),
    ("acronym", 12),
    ("address", 12),
    ("amount", 24),
    ("and_or", 12),
    ("basis_points", 12),
    ("currency", 12),
    ("date", 12),
    ("fiscal_year", 12),
    ("form", 12),
    ("fraction", 12),
    ("identifier", 12),
    ("nmls", 12),
    ("ordinal", 12),
    ("percentage", 12),
    ("phone", 12),
    ("range", 12),
    ("rate", 24),
    ("roman", 12),
    ("time", 12),
    ("unit", 11),
    ("url_email", 12),
    ("zip", 11),
];

#[test]
fn known_phrases_are_all_right() {
    for corpus in [DEV, FIELD] {
        let wrong = |phrase: &Phrase<'_>| {
            (!is_right(phrase))
                .then(|| format!("{}\n  {}\n  {:?}", phrase.written, phrase.expected, said(phrase.written)))
        };
        let wrong: Vec<String> = phrases(corpus).iter().filter_map(wrong).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn blind_phrases_keep_their_accuracy() {
    let scores = scores(TEST);
    assert_eq!(scores.len(), FLOORS.len());
    for (class, floor) in FLOORS {
        let score = scores[class];
        assert!(score.right >= *floor, "{class}: {} of {} are right, {floor} before", score.right, score.all);
    }
}
