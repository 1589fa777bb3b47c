//! Derives a mood from consented posts: a tone, tones by topic, and keyed digests with which the guard detects echoes.

use std::collections::{BTreeMap, BTreeSet};

use contracts::facts::{FIVE_WORD_RUN, Mood, Sentiment, Topic, TopicTone, five_word_runs};
use jiff::civil::Date;
use policy::consent::SocialConsent;
use policy::customer::{Customer, Tweet};
use serde::Serialize;
use storage::vault::Keys;
use unicode_normalization::UnicodeNormalization as _;
use vader_sentiment::SentimentIntensityAnalyzer;

use crate::features::days_between;
use crate::lexicon::Lexicon;

/// The age, in days, at which a post has half the weight of a new one.
pub const HALF_LIFE_DAYS: f64 = 30.0;

/// The assumed age of a post without a date, in days.
pub const UNDATED_AGE_DAYS: i32 = 90;

/// The greatest age for weights, in days, so that no weight becomes zero.
const MAX_AGE_DAYS: i32 = 3_650;

/// The tone and the topics of one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    /// VADER's scores, unrounded. All are zero for a text without a known word or emoji, so text in another language is
    /// neutral.
    pub scores: Scores,
    /// The label of the compound score.
    pub sentiment: Sentiment,
    /// The topics of the text, sorted.
    pub topics: Vec<Topic>,
}

/// VADER's scores (Hutto and Gilbert 2014).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// The share of negative words, 0 to 1.
    pub neg: f64,
    /// The share of neutral words, 0 to 1.
    pub neu: f64,
    /// The share of positive words, 0 to 1.
    pub pos: f64,
    /// The compound score, -1 to 1.
    pub compound: f64,
}

/// An analyzer of the tone of texts.
pub struct ToneAnalyzer<'a> {
    analyzer: SentimentIntensityAnalyzer<'static>,
    lexicon: &'a Lexicon,
}

impl<'a> ToneAnalyzer<'a> {
    /// Creates an analyzer with the words of `lexicon` for topics.
    #[must_use]
    pub fn new(lexicon: &'a Lexicon) -> Self {
        Self { analyzer: SentimentIntensityAnalyzer::new(), lexicon }
    }

    /// Returns the tone and the topics of `text`.
    #[must_use]
    pub fn analyze(&self, text: &str) -> Tone {
        let polarity = self.analyzer.polarity_scores(text);
        let score = |name| polarity.get(name).copied().unwrap_or_default();
        let scores = Scores { neg: score("neg"), neu: score("neu"), pos: score("pos"), compound: score("compound") };
        Tone { scores, sentiment: label(rounded(scores.compound)), topics: self.lexicon.topics(text) }
    }
}

/// Returns the mood of a customer's posts; `None` without posts. The caller needs the proof of social consent.
///
/// A tone is the mean of the posts' compound scores, weighted by age. A post about hardship always counts as negative,
/// because VADER scores "I can't pay the rent" and loving farewells as positive.
#[must_use]
pub fn mood(proof: &SocialConsent, customer: &Customer, lexicon: &Lexicon, keys: &Keys) -> Option<Mood> {
    let posts = customer.tweets(proof);
    if posts.is_empty() {
        return None;
    }
    let analyzer = ToneAnalyzer::new(lexicon);
    let mut overall = WeightedMean::default();
    let mut by_topic = BTreeMap::<Topic, WeightedMean>::new();
    // A sorted set hides the order and the number of the posts.
    let mut runs = BTreeSet::new();
    for post in posts {
        let Tone { scores, topics, .. } = analyzer.analyze(&post.text);
        let score = rounded(scores.compound);
        let weight = weight(post, customer.as_of);
        overall.add(score, weight);
        for topic in topics {
            by_topic.entry(topic).or_default().add(score, weight);
        }
        let composed: String = post.text.nfkc().collect();
        runs.extend(five_word_runs(&composed).iter().map(|run| keys.keyed_digest(FIVE_WORD_RUN, run.as_bytes())));
    }
    let tone = |(topic, mean): (Topic, WeightedMean)| TopicTone {
        topic,
        sentiment: if topic == Topic::Hardship { Sentiment::Negative } else { mean.label() },
    };
    Some(Mood {
        sentiment: overall.label(),
        topics: by_topic.into_iter().map(tone).collect(),
        five_word_runs: runs.into_iter().collect(),
    })
}

#[derive(Default)]
struct WeightedMean {
    sum: f64,
    weights: f64,
}

impl WeightedMean {
    fn add(&mut self, score: f64, weight: f64) {
        self.sum += score * weight;
        self.weights += weight;
    }

    fn label(&self) -> Sentiment {
        label(self.sum / self.weights)
    }
}

/// Rounds to four digits, as the original VADER program does. The rounding also makes the score reproducible, because
/// the crate adds some terms in the order of a hash map.
fn rounded(compound: f64) -> f64 {
    (compound * 10_000.0).round() / 10_000.0
}

fn weight(post: &Tweet, as_of: Date) -> f64 {
    let age = post.created_on.map_or(UNDATED_AGE_DAYS, |day| days_between(day, as_of)).clamp(0, MAX_AGE_DAYS);
    0.5_f64.powf(f64::from(age) / HALF_LIFE_DAYS)
}

fn label(compound: f64) -> Sentiment {
    if compound >= 0.05 {
        Sentiment::Positive
    } else if compound <= -0.05 {
        Sentiment::Negative
    } else {
        Sentiment::Neutral
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CustomerBuilder, keys, lexicon, social_consent};

    fn mood_of(posts: &[(i32, &str)]) -> Option<Mood> {
        let customer =
            posts.iter().fold(CustomerBuilder::new(), |customer, (days, text)| customer.posted(*days, text)).customer();
        mood(&social_consent(), &customer, &lexicon(), &keys())
    }

    fn tone(posts: &[(i32, &str)], topic: Topic) -> Option<Sentiment> {
        mood_of(posts)?.topics.into_iter().find(|tone| tone.topic == topic).map(|tone| tone.sentiment)
    }

    #[test]
    fn mood_has_tone_and_topics() {
        let mood = mood_of(&[(1, "I love my vacation, wonderful hotel!")]).unwrap();
        assert_eq!(mood.sentiment, Sentiment::Positive);
        assert_eq!(mood.topics, [TopicTone { topic: Topic::Travel, sentiment: Sentiment::Positive }]);
    }

    #[test]
    fn newer_post_outweighs_older_one() {
        let good = "Great customer service, thank you";
        let bad = "Terrible customer service, I am angry";
        assert_eq!(tone(&[(1, good), (120, bad)], Topic::Service), Some(Sentiment::Positive));
        assert_eq!(tone(&[(120, good), (1, bad)], Topic::Service), Some(Sentiment::Negative));
    }

    #[test]
    fn hardship_is_negative_despite_positive_words() {
        for text in ["I can't pay my rent", "Rest in peace grandma, we love you, beautiful soul", "Got laid off today"]
        {
            assert_ne!(ToneAnalyzer::new(&lexicon()).analyze(text).sentiment, Sentiment::Negative, "{text}");
            assert_eq!(tone(&[(1, text)], Topic::Hardship), Some(Sentiment::Negative), "{text}");
        }
    }

    #[test]
    fn no_posts_give_no_mood() {
        assert_eq!(mood_of(&[]), None);
    }

    #[test]
    fn runs_are_keyed_digests() {
        let text = "Meridian Ｂank keeps me waiting again";
        let mood = mood_of(&[(1, text), (2, text)]).unwrap();
        let expected = keys().keyed_digest(FIVE_WORD_RUN, b"meridian bank keeps me waiting");
        assert_eq!(mood.five_word_runs.len(), 2);
        assert!(mood.five_word_runs.contains(&expected));
        assert!(!serde_json::to_string(&mood).unwrap().contains("waiting"));
    }

    #[test]
    fn scores_match_vader_crate() {
        let lexicon = lexicon();
        let vader = SentimentIntensityAnalyzer::new();
        for text in
            ["", "I LOVE my new card!!!", "Terrible fees, but kind people 😀", "Das ist ein schöner Tag", "not bad"]
        {
            let Scores { neg, neu, pos, compound } = ToneAnalyzer::new(&lexicon).analyze(text).scores;
            let expected = vader.polarity_scores(text);
            for (name, score) in [("neg", neg), ("neu", neu), ("pos", pos), ("compound", compound)] {
                assert!((score - expected[name]).abs() < 1e-12, "{text}: {name} {score} {expected:?}");
            }
        }
    }

    #[test]
    fn unknown_words_are_neutral_and_emoji_count() {
        let lexicon = lexicon();
        let analyzer = ToneAnalyzer::new(&lexicon);
        for text in ["", "   ", "明日は晴れるでしょう", "Завтра будет дождь", "1234 5678"] {
            assert_eq!(analyzer.analyze(text).sentiment, Sentiment::Neutral, "{text}");
        }
        assert_eq!(analyzer.analyze("😍😍").sentiment, Sentiment::Positive);
        assert_eq!(analyzer.analyze("😢").sentiment, Sentiment::Negative);
    }

    #[test]
    fn strange_posts_do_not_panic() {
        let long = "good ".repeat(6_000);
        let posts =
            ["", " ", "😀", "\u{0}", "\u{202e}abc", "but but but", "!!!???", "THE SHIT bad ass", "{\\an8}", &long];
        let posts: Vec<_> = posts.iter().map(|text| (100_000, *text)).collect();
        assert!(mood_of(&posts).is_some());
    }
}
