//! Tests which of the posts in `corpus/stops.tsv` and `corpus/posts.tsv` stop selling.

use assess::Lexicon;
use assess::mood::{PostVerdict, ToneAnalyzer};

const CORPUS: &str = concat!(include_str!("corpus/stops.tsv"), include_str!("corpus/posts.tsv"));

fn lexicon() -> Lexicon {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicon.toml"));
    Lexicon::from_toml(text).expect("the sample lexicon is valid")
}

/// Returns the misjudged posts among those labeled `expected`, and the number of all posts with that label.
fn misjudged(expected: &str, is_right: fn(&PostVerdict) -> bool) -> (Vec<String>, usize) {
    let lexicon = lexicon();
    let analyzer = ToneAnalyzer::new(&lexicon);
    let posts: Vec<&str> = CORPUS.lines().skip(1).filter(|line| line.split('\t').next() == Some(expected)).collect();
    let text = |line: &&&str| line.rsplit('\t').next().unwrap_or_default().to_owned();
    let wrong = posts.iter().filter(|line| !is_right(&analyzer.judge(&text(line))));
    (wrong.map(|line| format!("{:?}: {line}", analyzer.judge(&text(&line)))).collect(), posts.len())
}

#[test]
fn troubled_posts_stop_selling() {
    let (passed, all) = misjudged("stop", |verdict| *verdict != PostVerdict::Ordinary);
    assert!(all >= 120, "{all} posts");
    assert!(passed.is_empty(), "{} of {all}:\n{}", passed.len(), passed.join("\n"));
}

#[test]
fn danger_to_life_needs_a_person() {
    let (missed, all) = misjudged("person", |verdict| *verdict == PostVerdict::NeedsPerson);
    assert!(missed.is_empty(), "{} of {all}:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn ordinary_posts_pass() {
    let (stopped, all) = misjudged("ordinary", |verdict| *verdict == PostVerdict::Ordinary);
    assert!(all >= 60, "{all} posts");
    assert!(stopped.len() * 20 <= all, "{} of {all}:\n{}", stopped.len(), stopped.join("\n"));
}
