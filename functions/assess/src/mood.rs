//! What consented posts tell: a tone, tones by topic, and keyed digests that let the guard catch an echo.

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

/// A post of this age in days weighs half as much as one of today.
pub const HALF_LIFE_DAYS: f64 = 30.0;

/// The age at which a post without a date is weighed.
pub const UNDATED_DAYS: i32 = 90;

/// Ages above ten years weigh as ten years, so that no weight becomes nothing.
const OLDEST_DAYS: i32 = 3_650;

/// What one text tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    /// VADER's scores as its crate gives them: the shares of negative, neutral and positive words (0 to 1), and the compound
    /// score (-1 to 1). All nothing for a text without a word or sign that VADER knows, so that text in another language,
    /// or none, is neutral.
    pub scores: Scores,
    /// The label of the compound score.
    pub sentiment: Sentiment,
    /// What it is about, sorted.
    pub topics: Vec<Topic>,
}

/// VADER's scores (Hutto and Gilbert 2014).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// The share of negative words.
    pub neg: f64,
    /// The share of neutral words.
    pub neu: f64,
    /// The share of positive words.
    pub pos: f64,
    /// All in one, -1 to 1.
    pub compound: f64,
}

/// Reads texts one by one.
pub struct Reader<'a> {
    analyzer: SentimentIntensityAnalyzer<'static>,
    lexicon: &'a Lexicon,
}

impl<'a> Reader<'a> {
    /// A reader with the words of `lexicon` for topics.
    #[must_use]
    pub fn new(lexicon: &'a Lexicon) -> Self {
        Self { analyzer: SentimentIntensityAnalyzer::new(), lexicon }
    }

    /// What `text` tells.
    #[must_use]
    pub fn read(&self, text: &str) -> Tone {
        let all = self.analyzer.polarity_scores(text);
        let score = |name| all.get(name).copied().unwrap_or_default();
        let scores = Scores { neg: score("neg"), neu: score("neu"), pos: score("pos"), compound: score("compound") };
        Tone { scores, sentiment: label(rounded(scores.compound)), topics: self.lexicon.topics(text) }
    }
}

/// What the posts of a customer tell, for whoever holds the proof of consent. Nothing if there is no post.
///
/// Tones are means of the posts' compound scores, weighted by age. A post about hardship counts as negative whatever its
/// words: VADER calls "I can't pay the rent" positive, and a loving farewell is.
#[must_use]
pub fn mood(proof: &SocialConsent, customer: &Customer, lexicon: &Lexicon, keys: &Keys) -> Option<Mood> {
    let posts = customer.tweets(proof);
    if posts.is_empty() {
        return None;
    }
    let reader = Reader::new(lexicon);
    let mut overall = Mean::default();
    let mut by_topic = BTreeMap::<Topic, Mean>::new();
    // A sorted set, so that neither the order of the posts nor their number shows.
    let mut runs = BTreeSet::new();
    for post in posts {
        let Tone { scores, topics, .. } = reader.read(&post.text);
        let score = rounded(scores.compound);
        let weight = weight(post, customer.as_of);
        overall.add(score, weight);
        for topic in topics {
            by_topic.entry(topic).or_default().add(score, weight);
        }
        let normal: String = post.text.nfkc().collect();
        runs.extend(five_word_runs(&normal).iter().map(|run| keys.keyed_digest(FIVE_WORD_RUN, run.as_bytes())));
    }
    let tone = |(topic, mean): (Topic, Mean)| TopicTone {
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
struct Mean {
    sum: f64,
    weights: f64,
}

impl Mean {
    fn add(&mut self, score: f64, weight: f64) {
        self.sum += score * weight;
        self.weights += weight;
    }

    fn label(&self) -> Sentiment {
        label(self.sum / self.weights)
    }
}

/// To four digits, as the authors' own program does. This also makes the score the same in every run: the crate adds some
/// terms in the order of a hash map.
fn rounded(compound: f64) -> f64 {
    (compound * 10_000.0).round() / 10_000.0
}

fn weight(post: &Tweet, as_of: Date) -> f64 {
    let age = post.created_on.map_or(UNDATED_DAYS, |day| days_between(day, as_of)).clamp(0, OLDEST_DAYS);
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
    use crate::testing::{Person, keys, lexicon, social_consent};

    fn heard(posts: &[(i32, &str)]) -> Option<Mood> {
        let customer = posts.iter().fold(Person::new(), |person, (days, text)| person.wrote(*days, text)).customer();
        mood(&social_consent(), &customer, &lexicon(), &keys())
    }

    fn tone(posts: &[(i32, &str)], topic: Topic) -> Option<Sentiment> {
        heard(posts)?.topics.into_iter().find(|tone| tone.topic == topic).map(|tone| tone.sentiment)
    }

    #[test]
    fn the_tone_is_told_by_label_and_topic() {
        let mood = heard(&[(1, "I love my vacation, wonderful hotel!")]).unwrap();
        assert_eq!(mood.sentiment, Sentiment::Positive);
        assert_eq!(mood.topics, [TopicTone { topic: Topic::Travel, sentiment: Sentiment::Positive }]);
    }

    #[test]
    fn a_newer_post_outweighs_an_older_one() {
        let (good, bad) = ("Great customer service, thank you", "Terrible customer service, I am angry");
        assert_eq!(tone(&[(1, good), (120, bad)], Topic::Service), Some(Sentiment::Positive));
        assert_eq!(tone(&[(120, good), (1, bad)], Topic::Service), Some(Sentiment::Negative));
    }

    #[test]
    fn hardship_is_negative_even_where_the_words_sound_glad() {
        for text in ["I can't pay my rent", "Rest in peace grandma, we love you, beautiful soul", "Got laid off today"]
        {
            assert_ne!(Reader::new(&lexicon()).read(text).sentiment, Sentiment::Negative, "{text}");
            assert_eq!(tone(&[(1, text)], Topic::Hardship), Some(Sentiment::Negative), "{text}");
        }
    }

    #[test]
    fn no_posts_tell_nothing() {
        assert_eq!(heard(&[]), None);
    }

    #[test]
    fn runs_are_digests_that_need_the_key_and_never_the_words() {
        let text = "Meridian Ｂank keeps me waiting again";
        let mood = heard(&[(1, text), (2, text)]).unwrap();
        let expected = keys().keyed_digest(FIVE_WORD_RUN, b"meridian bank keeps me waiting");
        assert_eq!(mood.five_word_runs.len(), 2);
        assert!(mood.five_word_runs.contains(&expected));
        assert!(!serde_json::to_string(&mood).unwrap().contains("waiting"));
    }

    #[test]
    fn the_scores_of_a_text_are_those_of_the_crate() {
        let lexicon = lexicon();
        let crates_own = SentimentIntensityAnalyzer::new();
        for text in
            ["", "I LOVE my new card!!!", "Terrible fees, but kind people 😀", "Das ist ein schöner Tag", "not bad"]
        {
            let Scores { neg, neu, pos, compound } = Reader::new(&lexicon).read(text).scores;
            let expected = crates_own.polarity_scores(text);
            for (name, score) in [("neg", neg), ("neu", neu), ("pos", pos), ("compound", compound)] {
                assert!((score - expected[name]).abs() < 1e-12, "{text}: {name} {score} {expected:?}");
            }
        }
    }

    #[test]
    fn a_text_without_a_known_word_is_neutral_and_emoji_are_read() {
        let lexicon = lexicon();
        let reader = Reader::new(&lexicon);
        for text in ["", "   ", "明日は晴れるでしょう", "Завтра будет дождь", "1234 5678"] {
            assert_eq!(reader.read(text).sentiment, Sentiment::Neutral, "{text}");
        }
        assert_eq!(reader.read("😍😍").sentiment, Sentiment::Positive);
        assert_eq!(reader.read("😢").sentiment, Sentiment::Negative);
    }

    #[test]
    fn strange_posts_are_read_without_harm() {
        let long = "good ".repeat(6_000);
        let posts =
            ["", " ", "😀", "\u{0}", "\u{202e}abc", "but but but", "!!!???", "THE SHIT bad ass", "{\\an8}", &long];
        let posts: Vec<_> = posts.iter().map(|text| (100_000, *text)).collect();
        assert!(heard(&posts).is_some());
    }
}
