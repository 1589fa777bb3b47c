//! Derives a mood from the posts of a customer who consented to their use: an overall tone, a tone per topic, and keyed
//! digests that the guard uses to detect echoes.

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
use crate::post_weights::{self, PostEvidence, PostWeights};
use crate::stop_phrases::{PostStops, StopPhrases, Trouble};

/// The age, in days, at which a post has half the weight of a new one.
pub const HALF_LIFE_DAYS: f64 = 30.0;

/// The assumed age of a post without a date, in days.
pub const UNDATED_AGE_DAYS: i32 = 90;

/// The maximum age that weights take into account, in days. It keeps every weight above zero.
const MAX_AGE_DAYS: i32 = 3_650;

/// The maximum score that counts for a post that stops selling. A higher compound score is lowered to it.
const STOPPED_SCORE: f64 = -0.5;

/// The tone and topics of a piece of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    /// VADER's scores, unrounded. The compound score is 0 if the text contains no word or emoji that VADER knows, so
    /// text in another language is usually neutral.
    pub scores: Scores,
    /// The label for the compound score.
    pub sentiment: Sentiment,
    /// The topics of the text, sorted.
    pub topics: Vec<Topic>,
}

/// VADER's scores (Hutto and Gilbert 2014).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// The negative share of the text, weighted by intensity, 0 to 1.
    pub neg: f64,
    /// The neutral share of the text, 0 to 1.
    pub neu: f64,
    /// The positive share of the text, weighted by intensity, 0 to 1.
    pub pos: f64,
    /// The compound score, -1 to 1.
    pub compound: f64,
}

/// Analyzes the tone of text.
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

/// The maximum age, in days, of a post that may count in favor of an offer.
pub const RECENT_DAYS: i32 = 180;

/// The compound score at or below which a post that is not about the bank or its products is negative. It is low enough
/// that a single word such as "missed" does not stop offers.
const NEGATIVE_OFF_TOPIC: f64 = -0.3;

/// Emoji whose names VADER scores as negative, but which usually express praise or a joke.
const SLANG_EMOJI: [char; 2] = ['🔥', '💀'];

/// The minimum compound score of a cheerful post.
const CHEERFUL: f64 = 0.3;

/// The findings in a customer's posts.
#[derive(Clone, Debug, PartialEq)]
pub struct PostFindings {
    /// The mood.
    pub mood: Mood,
    /// Whether a recent post suggests danger to life. If so, the customer gets no message, and a person must look at
    /// the case.
    pub needs_person: bool,
}

/// The effect of one recent post on selling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostVerdict {
    /// The post may count in favor of an offer if it is about a listed topic.
    Ordinary,
    /// The post stops selling. A service message then addresses this topic.
    Stops(Topic),
    /// The post suggests danger to life.
    NeedsPerson,
}

impl ToneAnalyzer<'_> {
    /// Returns the effect of a recent post on selling.
    #[must_use]
    pub fn judge(&self, text: &str) -> PostVerdict {
        self.judge_tone(text, &self.analyze(text))
    }

    /// Returns the features of a post, from which [`PostWeights`] judges it.
    #[must_use]
    pub fn features(&self, text: &str) -> BTreeSet<String> {
        let found = StopPhrases::get().read_post(text);
        let tone = self.analyze(text);
        let verdict = self.judge_phrases(text, &tone, &found);
        Self::features_of(text, &tone, &found, &verdict)
    }

    fn features_of(text: &str, tone: &Tone, found: &PostStops, verdict: &PostVerdict) -> BTreeSet<String> {
        post_weights::features(&PostEvidence {
            text,
            found,
            topics: &tone.topics,
            compound: (!StopPhrases::get().is_spanish(text)).then(|| rounded(tone.scores.compound)),
            phrases_stop: *verdict != PostVerdict::Ordinary,
        })
    }

    fn judge_tone(&self, text: &str, tone: &Tone) -> PostVerdict {
        let found = StopPhrases::get().read_post(text);
        let verdict = self.judge_phrases(text, tone, &found);
        // The weights cannot overrule danger to life, and do not know other languages.
        if verdict == PostVerdict::NeedsPerson || found.unreadable {
            return verdict;
        }
        match (PostWeights::get().stops(&Self::features_of(text, tone, &found, &verdict)), verdict) {
            (true, PostVerdict::Ordinary) => PostVerdict::Stops(complaint_topic(tone).unwrap_or(Topic::Care)),
            (true, verdict) => verdict,
            // The weights cannot overrule a complaint about the bank either.
            (false, PostVerdict::Stops(topic)) if complaint_topic(tone) == Some(topic) => PostVerdict::Stops(topic),
            (false, _) => PostVerdict::Ordinary,
        }
    }

    /// Returns the verdict of the phrases and the compound score.
    fn judge_phrases(&self, text: &str, tone: &Tone, found: &PostStops) -> PostVerdict {
        let has = |trouble| found.troubles.contains(&trouble);
        if has(Trouble::Danger) {
            return PostVerdict::NeedsPerson;
        }
        let is_about = |topic| tone.topics.contains(&topic);
        if [Trouble::Loss, Trouble::Health, Trouble::Law, Trouble::Crime, Trouble::Farewell].into_iter().any(has) {
            return PostVerdict::Stops(Topic::Care);
        }
        if has(Trouble::Fraud) {
            return PostVerdict::Stops(Topic::Fraud);
        }
        if has(Trouble::Hardship) || (is_about(Topic::Hardship) && !found.excused) {
            return PostVerdict::Stops(Topic::Hardship);
        }
        let complaint = complaint_topic(tone);
        if has(Trouble::Complaint) {
            return PostVerdict::Stops(complaint.unwrap_or(Topic::Service));
        }
        let compound = match &found.without_idioms {
            Some(words) => self.analyze(words).scores.compound,
            None if text.contains(SLANG_EMOJI) => self.analyze(&text.replace(SLANG_EMOJI, " ")).scores.compound,
            None => tone.scores.compound,
        };
        let is_about_bank =
            complaint.is_some() || is_about(Topic::Card) || is_about(Topic::Savings) || is_about(Topic::HomeLoan);
        let threshold = if is_about_bank { -0.05 } else { NEGATIVE_OFF_TOPIC };
        let is_negative = rounded(compound) <= threshold && (is_about_bank || !found.everyday) && !found.excused;
        // If a post is about money, work or a similar topic, it is safer to miss an offer. So only a cheerful post, or
        // a plan without a negative tone, passes.
        let is_planned = [Topic::Savings, Topic::HomeLoan, Topic::Travel, Topic::Investing, Topic::Business];
        let is_plan = is_planned.into_iter().any(is_about) && rounded(compound) >= 0.0;
        let is_doubtful = found.sensitive && !found.everyday && !is_plan && rounded(compound) < CHEERFUL;
        if is_negative
            || is_doubtful
            || has(Trouble::Sarcasm)
            || found.unreadable
            || (found.distress && !found.everyday)
        {
            return PostVerdict::Stops(complaint.unwrap_or(Topic::Care));
        }
        PostVerdict::Ordinary
    }
}

/// Returns the topic of a complaint about the bank.
fn complaint_topic(tone: &Tone) -> Option<Topic> {
    [Topic::Fraud, Topic::Service, Topic::Fees].into_iter().find(|topic| tone.topics.contains(topic))
}

/// Returns the findings in a customer's posts, or `None` if there are no posts. The caller must present the proof of
/// social consent.
///
/// A post can stop selling until it is more than `stop_days` old, and can count in favor of an offer until it is more
/// than [`RECENT_DAYS`] old. Older posts are used only by the guard, to detect echoes. A post without a date counts as
/// recent.
///
/// A tone is the mean compound score of the posts, weighted by age. A positive post does not count unless it is about a
/// listed topic. A post that stops selling counts as clearly negative, and makes its topic negative. VADER cannot score
/// posts in Spanish, so only their stops count.
#[must_use]
pub fn read_posts(
    proof: &SocialConsent,
    customer: &Customer,
    lexicon: &Lexicon,
    keys: &Keys,
    stop_days: i32,
) -> Option<PostFindings> {
    let posts = customer.tweets(proof);
    if posts.is_empty() {
        return None;
    }
    let analyzer = ToneAnalyzer::new(lexicon);
    let mut overall = WeightedMean::default();
    let mut by_topic = BTreeMap::<Topic, WeightedMean>::new();
    let mut stopped = BTreeSet::new();
    let mut needs_person = false;
    // A sorted set hides the order and the number of the posts.
    let mut runs = BTreeSet::new();
    for post in posts {
        let composed: String = post.text.nfkc().collect();
        runs.extend(five_word_runs(&composed).iter().map(|run| keys.keyed_digest(FIVE_WORD_RUN, run.as_bytes())));
        let is_older_than = |days| post.created_on.is_some_and(|day| days_between(day, customer.as_of) > days);
        if is_older_than(stop_days.max(RECENT_DAYS)) {
            continue;
        }
        let tone = analyzer.analyze(&post.text);
        let verdict = analyzer.judge_tone(&post.text, &tone);
        if is_older_than(if verdict == PostVerdict::Ordinary { RECENT_DAYS } else { stop_days }) {
            continue;
        }
        let weight = weight(post, customer.as_of);
        let score = rounded(tone.scores.compound);
        let score = if verdict == PostVerdict::Ordinary { score } else { score.min(STOPPED_SCORE) };
        match verdict {
            // VADER cannot score a post in Spanish, so the post does not affect the tone.
            PostVerdict::Ordinary if StopPhrases::get().is_spanish(&post.text) => continue,
            // Only a post about a listed topic may improve the tone.
            PostVerdict::Ordinary if tone.topics.is_empty() && score > 0.0 => continue,
            PostVerdict::Ordinary => {}
            PostVerdict::Stops(topic) => {
                stopped.insert(topic);
            }
            PostVerdict::NeedsPerson => needs_person = true,
        }
        overall.add(score, weight);
        for topic in tone.topics.into_iter().filter(|topic| *topic != Topic::Hardship) {
            by_topic.entry(topic).or_default().add(score, weight);
        }
    }
    let mut tones: BTreeMap<Topic, Sentiment> =
        by_topic.into_iter().map(|(topic, mean)| (topic, mean.label())).collect();
    tones.extend(stopped.into_iter().map(|topic| (topic, Sentiment::Negative)));
    let mood = Mood {
        sentiment: overall.label(),
        topics: tones.into_iter().map(|(topic, sentiment)| TopicTone { topic, sentiment }).collect(),
        five_word_runs: runs.into_iter().collect(),
    };
    Some(PostFindings { mood, needs_person })
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
        if self.weights > 0.0 { label(self.sum / self.weights) } else { Sentiment::Neutral }
    }
}

/// Rounds to four digits, as the original VADER program does. Rounding also makes the score reproducible, because the
/// crate adds some terms in hash-map order.
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
    use crate::stance::service_topic;
    use crate::testing::{CustomerBuilder, keys, lexicon, social_consent};

    fn mood_of(posts: &[(i32, &str)]) -> Option<Mood> {
        let customer =
            posts.iter().fold(CustomerBuilder::new(), |customer, (days, text)| customer.posted(*days, text)).customer();
        read_posts(&social_consent(), &customer, &lexicon(), &keys(), 180).map(|findings| findings.mood)
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
    fn recent_complaint_outweighs_praise() {
        let good = "Great customer service, thank you";
        let bad = "Terrible customer service, I am angry";
        assert_eq!(
            tone(&[(1, good), (120, bad)], Topic::Service),
            Some(Sentiment::Negative),
            "a complaint stops selling"
        );
        assert_eq!(tone(&[(120, good), (1, bad)], Topic::Service), Some(Sentiment::Negative));
        assert_eq!(tone(&[(1, good), (181, bad)], Topic::Service), Some(Sentiment::Positive), "it ages out");
    }

    #[test]
    fn grief_ages_out_unless_undated() {
        let text = "My father passed away today.";
        let topic = |days| service_topic(mood_of(&[(days, text)]).as_ref());
        assert_eq!(
            [topic(3), topic(180), topic(181), topic(1_800)],
            [Some(Topic::Care), Some(Topic::Care), None, None]
        );
        assert_eq!(topic(100_000), Some(Topic::Care), "without a date");
    }

    #[test]
    fn setting_decides_when_a_stop_ages_out() {
        let findings = |stop_days| {
            let customer = CustomerBuilder::new().posted(100, "My father passed away today.");
            let customer = customer.posted(1, "I love my vacation, wonderful hotel!").customer();
            read_posts(&social_consent(), &customer, &lexicon(), &keys(), stop_days).unwrap().mood
        };
        assert_eq!(service_topic(Some(&findings(365))), Some(Topic::Care));
        let mood = findings(90);
        assert_eq!((service_topic(Some(&mood)), mood.sentiment), (None, Sentiment::Positive));
    }

    #[test]
    fn hardship_is_negative_despite_positive_words() {
        for text in ["I can't pay my rent", "Rest in peace grandma, we love you, beautiful soul", "Got laid off today"]
        {
            assert_ne!(ToneAnalyzer::new(&lexicon()).analyze(text).sentiment, Sentiment::Negative, "{text}");
            assert!(service_topic(mood_of(&[(1, text)]).as_ref()).is_some(), "{text}");
        }
    }

    #[test]
    fn customer_without_posts_has_no_mood() {
        assert_eq!(mood_of(&[]), None);
    }

    #[test]
    fn five_word_runs_are_keyed_digests() {
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
