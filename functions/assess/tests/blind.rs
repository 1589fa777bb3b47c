//! Measures the stop rules on posts whose author had not seen the lexicons or the other corpus.
//!
//! `BESPOKE_CORPUS=FILE cargo test -p assess --test blind -- --nocapture` measures another file in the same format, and
//! `BESPOKE_LIST=1` also lists the misjudged posts.

#![expect(clippy::print_stdout, reason = "prints measured rates")]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "../../../tests/src/rate.rs"]
mod rate;

use std::collections::BTreeMap;
use std::path::Path;

use assess::Lexicon;
use assess::mood::{PostVerdict, ToneAnalyzer};
use assess::stop_phrases::StopPhrases;
use rate::Rate;
use serde::Deserialize;

#[derive(Deserialize)]
struct Post {
    text: String,
    kind: String,
    label: Label,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Label {
    #[serde(alias = "hostile")]
    Stop,
    #[serde(alias = "harmless")]
    Ordinary,
}

/// The share of posts that must stop selling and do, and the share of ordinary posts that also stop it.
struct Measured {
    stopped: Rate,
    ordinary_stopped: Rate,
}

fn measure(file: &Path) -> Measured {
    let lexicon = Lexicon::from_toml(include_str!("../../../data/lexicon.toml")).unwrap();
    let analyzer = ToneAnalyzer::new(&lexicon);
    let lists = std::env::var_os("BESPOKE_LIST").is_some();
    let mut measured = Measured { stopped: Rate::default(), ordinary_stopped: Rate::default() };
    let mut by_kind = BTreeMap::<String, Rate>::new();
    for line in std::fs::read_to_string(file).unwrap().lines().filter(|line| !line.trim().is_empty()) {
        let post: Post = serde_json::from_str(line).unwrap();
        let verdict = analyzer.judge(&post.text);
        let stops = verdict != PostVerdict::Ordinary;
        match post.label {
            Label::Stop => measured.stopped.add(stops),
            Label::Ordinary => measured.ordinary_stopped.add(stops),
        }
        let is_wrong = stops != (post.label == Label::Stop);
        by_kind.entry(post.kind.clone()).or_default().add(is_wrong);
        if lists && is_wrong {
            let found = StopPhrases::get().read_post(&post.text);
            println!("{} {verdict:?}: {}\n    {found:?}", post.kind, post.text);
        }
    }
    if lists {
        for (kind, rate) in by_kind.iter().filter(|(_, rate)| rate.hits > 0) {
            println!("{kind}: {rate}");
        }
    }
    let Measured { stopped, ordinary_stopped } = measured;
    println!("{}: stopped {stopped}; ordinary posts stopped {ordinary_stopped}", file.display());
    measured
}

/// Limits the rates measured on posts that were not used to tune the rules, so a change to the rules cannot make them
/// worse. `docs/concepts/consent-and-facts.md` lists the rates.
#[test]
fn blind_rates_stay_within_bounds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/blind/test.jsonl");
    let Measured { stopped, ordinary_stopped } = measure(Path::new(path));
    assert!(stopped.share() >= 0.83, "stopped {stopped}");
    assert!(ordinary_stopped.share() <= 0.15, "ordinary posts stopped {ordinary_stopped}");
}

#[test]
fn corpus_from_environment_is_measured() {
    if let Some(file) = std::env::var_os("BESPOKE_CORPUS") {
        assert!(measure(Path::new(&file)).stopped.of > 0);
    }
}
