//! The closed list of facts that stages after `assess` may know about a customer, and the offers that follow from them.

use serde::{Deserialize, Serialize};

use crate::choice::Choice;
use crate::consent::{ConsentAsRead, Refusal};
use crate::language::{self, Language};
pub use crate::reason::ReasonFact;
pub use crate::vocabulary::{Band, Need, Share, Sign, SpendingCategory, Stop, StopScope, Tenure, Topic, Trend};
use crate::{CustomerRef, Digest, ProductId};

/// The facts about spending in one category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// The category.
    pub category: SpendingCategory,
    /// The category's share of spending in the last 90 days.
    pub share: Share,
    /// The direction.
    pub trend: Trend,
}

/// A sentiment, by VADER's compound score (thresholds ±0.05, Hutto and Gilbert 2014).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sentiment {
    /// Compound ≤ −0.05.
    Negative,
    /// Compound between the two.
    Neutral,
    /// Compound ≥ 0.05.
    Positive,
}

impl Sentiment {
    /// Returns the value as a word for reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }
}

/// The tone of the posts on one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicTone {
    /// The topic.
    pub topic: Topic,
    /// The tone.
    pub sentiment: Sentiment,
}

/// The mood in a customer's posts. Exists only with social consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mood {
    /// The tone of all posts; newer ones weigh more.
    pub sentiment: Sentiment,
    /// The tone by topic, sorted by topic.
    pub topics: Vec<TopicTone>,
    /// Keyed digests of all sequences of five words in the posts. With them, the guard detects quotes without needing
    /// the posts.
    pub five_word_runs: Vec<Digest>,
}

/// A reason for or against a product, with its weight in the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreReason {
    /// The fact. `None` in facts from older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<ReasonFact>,
    /// The reason as a short phrase, for the compliance officer.
    pub text: String,
    /// The weight in the score.
    pub weight: f64,
}

/// A product that was considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The product.
    pub product: ProductId,
    /// The sum of the weights; higher is better.
    pub score: f64,
    /// The reasons for and against it.
    pub reasons: Vec<ScoreReason>,
    /// The reason why the product cannot be offered. `None` if it can.
    pub excluded: Option<String>,
}

/// A ground: a fact that an offer may mention to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ground", rename_all = "kebab-case")]
pub enum Ground {
    /// Spending in a category.
    Spending {
        /// The category.
        category: SpendingCategory,
        /// The direction.
        trend: Trend,
    },
    /// The product complements one that the customer holds.
    Holds {
        /// The product that the customer holds.
        product: ProductId,
    },
    /// The need that the product serves, if no closer ground exists.
    Need {
        /// The need.
        need: Need,
    },
}

/// A product chosen for a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The product.
    pub product: ProductId,
    /// The score.
    pub score: f64,
    /// The need that the product serves for this customer.
    pub need: Need,
    /// The grounds that the text may mention.
    pub grounds: Vec<Ground>,
}

/// The offers after one more choice, with everything else unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterfactual {
    /// The choice.
    pub without: Choice,
    /// The offers, best first. Empty if there would be no offer.
    pub offers: Vec<ProductId>,
}

/// The bank's course of action for a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stance", rename_all = "kebab-case")]
pub enum Stance {
    /// Recommend one to three offers, best first.
    Recommend {
        /// The offers.
        offers: Vec<Offer>,
    },
    /// Make no offer. Instead, acknowledge a problem and explain how to get help.
    Service {
        /// The topic of the problem.
        topic: Topic,
    },
}

impl Stance {
    /// Returns the offers, best first. A service message has none.
    #[must_use]
    pub fn offers(&self) -> &[Offer] {
        match self {
            Self::Recommend { offers } => offers,
            Self::Service { .. } => &[],
        }
    }

    /// Returns the offered products, best first.
    pub fn offered(&self) -> impl Iterator<Item = &ProductId> {
        self.offers().iter().map(|offer| &offer.product)
    }
}

/// The facts: everything that later stages may know about the customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The customer.
    pub reference: CustomerRef,
    /// The first name. Code inserts it into the text; models never see it.
    pub first_name: String,
    /// The adviser's name, also inserted by code.
    pub adviser: Option<String>,
    /// The language of the message. It never affects a score.
    #[serde(default, skip_serializing_if = "language::is_default")]
    pub language: Language,
    /// The spending in each category, largest share first.
    pub spending: Vec<Spending>,
    /// The products that the customer holds.
    pub products_held: Vec<ProductId>,
    /// The income band, if it is known and a product in the chosen categories requires it.
    pub income: Option<Band>,
    /// The balance band, if it is known and a product in the chosen categories requires it.
    pub balance: Option<Band>,
    /// Categories with regular payments, sorted.
    #[serde(default)]
    pub recurring: Vec<SpendingCategory>,
    /// The signs in payments and products held, sorted.
    #[serde(default)]
    pub signs: Vec<Sign>,
    /// The time with the bank, if a product in the chosen categories requires it.
    #[serde(default)]
    pub tenure: Option<Tenure>,
    /// Facts that stop offers of credit, sorted. A fact that stops every message becomes the reason for a [`Skip`].
    #[serde(default)]
    pub stops: Vec<Stop>,
    /// The mood in the posts. `None` without social consent.
    pub mood: Option<Mood>,
    /// The bank's course of action.
    pub stance: Stance,
    /// All products in the chosen categories with scores and reasons, best first.
    pub candidates: Vec<Candidate>,
    /// The offers after each choice that the customer could make, for the customer's page. Empty for a service message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counterfactuals: Vec<Counterfactual>,
    /// The consent answers, for the evidence.
    pub consent: ConsentAsRead,
}

impl Facts {
    /// Returns whether payments contributed to the offers.
    #[must_use]
    pub const fn uses_payments(&self) -> bool {
        !self.spending.is_empty() || !self.recurring.is_empty()
    }
}

/// The reason why a customer gets no recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", content = "because", rename_all = "kebab-case")]
pub enum Skip {
    /// There is no general consent.
    NoConsent(Refusal),
    /// The customer is suppressed.
    Suppressed,
    /// The result used posts, and the customer has since withdrawn consent to their use.
    PostsWithdrawn(Refusal),
    /// The contact cap applies: the customer heard from the bank too recently.
    HeardLately,
    /// A stop rules out every message.
    Stopped(Stop),
    /// A stop that an unsealed record must not reveal. `publish` records every [`Self::Stopped`] as this, and keeps the
    /// stop itself sealed.
    Withheld,
    /// Newer data about the customer arrived while the result was in review, so a stop may have been added.
    Outdated,
    /// The customer is outside the segment of the run's schedule.
    OutsideSegment,
    /// No product in the chosen categories fits.
    NoSuitableOffer,
    /// The customer has since declined an offered product, or made another choice that rules the result out.
    ChoicesChanged,
    /// A reviewer rejected the result.
    Rejected,
    /// The result was recalled.
    Recalled,
}

impl Skip {
    /// Returns the reason in the form that may be recorded unsealed.
    #[must_use]
    pub const fn plain(self) -> Self {
        match self {
            Self::Stopped(_) => Self::Withheld,
            Self::NoConsent(_)
            | Self::Suppressed
            | Self::PostsWithdrawn(_)
            | Self::HeardLately
            | Self::Withheld
            | Self::Outdated
            | Self::OutsideSegment
            | Self::NoSuitableOffer
            | Self::ChoicesChanged
            | Self::Rejected
            | Self::Recalled => self,
        }
    }

    /// Returns the reason as a short phrase that reveals no stop, for records, summaries and the API.
    #[must_use]
    pub fn because(self) -> &'static str {
        self.plain().internal_reason()
    }

    /// Returns the reason as a short phrase that may reveal a stop, and therefore the content of a post or of the
    /// bank's records. Show it only to people who have opened the customer's sealed data.
    #[must_use]
    pub fn internal_reason(self) -> &'static str {
        match self {
            Self::NoConsent(refusal) => refusal.because(),
            Self::Suppressed => "the customer must not be contacted",
            Self::PostsWithdrawn(_) => "the customer withdrew consent to the use of posts",
            Self::HeardLately => "the customer heard from the bank too recently",
            Self::Stopped(stop) => stop.words(),
            Self::Withheld => "the bank's records say not to write to the customer now",
            Self::Outdated => "newer data about the customer arrived during the review",
            Self::OutsideSegment => "the customer is outside the campaign's segment",
            Self::NoSuitableOffer => "no product of the chosen categories fits",
            Self::ChoicesChanged => "the customer's newer choices rule it out",
            Self::Rejected => "a reviewer rejected it",
            Self::Recalled => "it was recalled",
        }
    }
}

/// The result of `assess`: `facts.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "assessment", rename_all = "kebab-case")]
pub enum Assessment {
    /// The run continues with these facts.
    Proceed(Facts),
    /// The customer is in the control group: they were ranked like the others, and the run ends for them here.
    HeldOut(Facts),
    /// The customer gets no recommendation.
    Skip {
        /// The reason.
        skip: Skip,
        /// The consent answers.
        consent: ConsentAsRead,
    },
}

/// Splits `text` into lowercase words: sequences of letters and digits in any script. Drops apostrophes and invisible
/// joiners, so `don’t`, `don't` and `dont` are the same word. The caller must normalize `text` to Unicode form NFKC
/// first.
#[must_use]
pub fn plain_words(text: &str) -> Vec<String> {
    let kept = text.chars().filter(|c| !matches!(c, '\'' | '‘' | '’' | 'ʼ' | '\u{ad}' | '\u{200b}'..='\u{200d}'));
    let lower: String = kept.flat_map(char::to_lowercase).collect();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The domain for the keyed digests of [`five_word_runs`] (see `storage::vault::Keys::keyed_digest`).
pub const FIVE_WORD_RUN: &str = "tweet-run";

/// Returns all sequences of five [`plain_words`], joined by spaces. The script must not repeat such a sequence from a
/// post. Posts are kept only as keyed digests of these sequences. To compare, the guard applies this function to the
/// written text.
#[must_use]
pub fn five_word_runs(text: &str) -> Vec<String> {
    plain_words(text).windows(5).map(|run| run.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_word_runs_ignore_case_punctuation_and_spacing() {
        let runs = ["i dont trust this bank", "dont trust this bank anymore"];
        assert_eq!(five_word_runs("I don’t TRUST this bank, anymore!!"), runs);
        assert_eq!(five_word_runs("i dont\u{200b} trust\nthis…bank #anymore"), runs);
    }

    #[test]
    fn fewer_than_five_words_have_no_run() {
        assert!(five_word_runs("My bank is great").is_empty());
        assert!(five_word_runs("").is_empty());
    }

    #[test]
    fn words_in_other_scripts_count() {
        assert_eq!(five_word_runs("Żółć gęślą JAŹŃ ñandú 李").len(), 1);
    }
}
