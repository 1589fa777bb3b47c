//! Computes `data/lexicons/post-weights.tsv` from the labeled posts in `corpus`, and checks that it is up to date.
//!
//! `BESPOKE_WRITE=1 cargo test -p assess --test weights` rewrites the file.

#![expect(clippy::print_stdout, reason = "prints measured rates")]
#![expect(clippy::cast_precision_loss, reason = "the corpus is small")]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "../../../tests/src/rate.rs"]
mod rate;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use assess::Lexicon;
use assess::mood::ToneAnalyzer;
use assess::post_weights::{BIAS, PostWeights, feature_scale};
use rate::Rate;
use serde::Deserialize;

const TABLES: [&str; 2] = [include_str!("corpus/stops.tsv"), include_str!("corpus/posts.tsv")];
const LINES: [&str; 2] = [include_str!("corpus/blind/dev.jsonl"), include_str!("corpus/blind/test.jsonl")];

/// The number of passes over the posts.
const EPOCHS: u32 = 30;

/// The pull toward zero of each weight.
const DECAY: f64 = 0.02;

/// The size of a correction in the first pass.
const FIRST_STEP: f64 = 0.3;

/// A feature of fewer posts has no weight.
const MIN_POSTS: usize = 2;

/// A smaller weight is left out of the file.
const MIN_WEIGHT: f64 = 0.03;

/// The number of parts for cross-validation.
const FOLDS: usize = 5;

struct Post {
    features: BTreeSet<String>,
    stops: bool,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    label: String,
}

/// Returns the labeled posts: first those in [`TABLES`], then those in [`LINES`].
fn posts() -> [Vec<Post>; 4] {
    let lexicon = Lexicon::from_toml(include_str!("../../../data/lexicon.toml")).unwrap();
    let analyzer = ToneAnalyzer::new(&lexicon);
    let post = |label: &str, text: &str| Post { features: analyzer.features(text), stops: label != "ordinary" };
    let [stops, own] = TABLES.map(|table| {
        let lines = table.lines().skip(1);
        lines.map(|line| post(line.split('\t').next().unwrap(), line.rsplit('\t').next().unwrap())).collect()
    });
    let [dev, test] = LINES.map(|lines| {
        let lines = lines.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
        lines.map(|line| post(&line.label, &line.text)).collect()
    });
    [stops, own, dev, test]
}

/// Fits a logistic regression by stochastic gradient descent. Posts of both labels count equally in total. The order of
/// the posts depends on a fixed seed, so the same posts give the same weights.
fn weights(posts: &[&Post]) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::<&str, usize>::new();
    posts.iter().flat_map(|post| &post.features).for_each(|feature| *counts.entry(feature).or_default() += 1);
    let kept: Vec<&str> = counts.into_iter().filter(|(_, count)| *count >= MIN_POSTS).map(|(name, _)| name).collect();
    let index: BTreeMap<&str, usize> = kept.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let rows: Vec<(Vec<usize>, f64, bool)> = posts
        .iter()
        .map(|post| {
            let known = post.features.iter().filter_map(|feature| index.get(feature.as_str()).copied());
            (known.collect(), feature_scale(post.features.len()), post.stops)
        })
        .collect();
    let half = rows.len() as f64 / 2.0;
    let stops = rows.iter().filter(|(_, _, stops)| *stops).count() as f64;
    let shares = [half / (rows.len() as f64 - stops), half / stops];
    let mut weights = vec![0.0_f64; kept.len()];
    let mut bias = 0.0;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut random = 1_u64;
    for epoch in 0..EPOCHS {
        for last in (1..order.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(last, (random >> 33) as usize % (last + 1));
        }
        let step = FIRST_STEP / (1.0 + 0.3 * f64::from(epoch));
        for (known, scale, stops) in order.iter().map(|at| &rows[*at]) {
            let score = bias + scale * known.iter().map(|at| weights[*at]).sum::<f64>();
            let target = if *stops { 1.0 } else { 0.0 };
            let error = (1.0 / (1.0 + (-score).exp()) - target) * shares[usize::from(*stops)];
            bias -= step * error * 0.1;
            for at in known {
                weights[*at] -= step * (error * scale + DECAY * weights[*at]);
            }
        }
    }
    let named = kept.iter().map(|name| (*name).to_owned()).zip(weights);
    named.chain([(BIAS.to_owned(), bias)]).map(|(name, weight)| (name, (weight * 100.0).round() / 100.0)).collect()
}

fn file(weights: &BTreeMap<String, f64>) -> String {
    let mut text =
        "# The weights of the features of a post. The test `weights` of the crate `assess` computes them.\n".to_owned();
    for (feature, weight) in weights.iter().filter(|(name, weight)| weight.abs() >= MIN_WEIGHT || *name == BIAS) {
        writeln!(text, "{weight:.2}\t{feature}").unwrap();
    }
    text
}

#[test]
fn weights_match_posts() {
    let posts = posts();
    let expected = file(&weights(&posts.iter().flatten().collect::<Vec<_>>()));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/lexicons/post-weights.tsv");
    if std::env::var_os("BESPOKE_WRITE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let actual = std::fs::read_to_string(path).unwrap();
    assert!(actual == expected, "post-weights.tsv is out of date; run this test with BESPOKE_WRITE=1");
}

/// Judges each post with weights that were computed without it.
#[test]
fn rates_on_unseen_posts_stay_within_bounds() {
    let posts: Vec<(usize, Post)> = posts().into_iter().flatten().enumerate().collect();
    let mut rates = [Rate::default(), Rate::default()];
    for fold in 0..FOLDS {
        let (unseen, known): (Vec<_>, Vec<_>) = posts.iter().partition(|(at, _)| at % FOLDS == fold);
        let weights = PostWeights::new(weights(&known.into_iter().map(|(_, post)| post).collect::<Vec<_>>()));
        for (_, post) in unseen {
            rates[usize::from(post.stops)].add(weights.stops(&post.features));
        }
    }
    let [ordinary, stopped] = rates;
    println!("stopped {stopped}; ordinary posts stopped {ordinary}");
    assert!(stopped.share() >= 0.85, "stopped {stopped}");
    assert!(ordinary.share() <= 0.14, "ordinary posts stopped {ordinary}");
}
