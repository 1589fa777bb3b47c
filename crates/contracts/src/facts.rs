//! What may be known about a customer, by allow-list, and what the bank would say to them.

use serde::{Deserialize, Serialize};

use crate::consent::{ConsentAsRead, Refusal};
use crate::{CustomerRef, Digest, ProductId};

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written in a sentence.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

closed_list!(
    /// What money was spent on. Health, religion, politics and giving are left out on purpose: they stand for what must
    /// not be known.
    SpendingCategory {
        /// Food for the home.
        Groceries => "groceries",
        /// Restaurants and cafés.
        Dining => "dining out",
        /// Flights, hotels, trips.
        Travel => "travel",
        /// Fuel, fares, parking.
        Transport => "getting around",
        /// Furniture, repairs, improvements.
        Home => "your home",
        /// Power, water, telephone.
        Utilities => "household bills",
        /// Shops.
        Shopping => "shopping",
        /// Films, music, events.
        Entertainment => "entertainment",
        /// Courses, books, tuition.
        Education => "education",
        /// Insurance premiums.
        Insurance => "insurance",
        /// Suppliers, payroll, software for a business.
        Business => "your business",
        /// Payments to funds and brokers.
        Investing => "investing",
        /// What the bank itself charged.
        Fees => "bank fees",
    }
);

closed_list!(
    /// A need that a product serves.
    Need {
        /// Paying and being paid.
        EverydayBanking => "everyday banking",
        /// Putting money aside.
        Saving => "saving",
        /// Spending abroad and on trips.
        Travel => "travel",
        /// Rewards on daily spending.
        Rewards => "everyday rewards",
        /// Buying a home.
        HomePurchase => "buying a home",
        /// Bettering a home.
        HomeImprovement => "home improvement",
        /// Larger purchases over time.
        Borrowing => "borrowing for larger plans",
        /// Bringing debts together.
        DebtConsolidation => "bringing balances together",
        /// A car.
        Vehicle => "a vehicle",
        /// Long-term investing.
        Investing => "investing",
        /// Income in later life.
        Retirement => "retirement",
        /// Advice on considerable wealth.
        WealthPlanning => "wealth planning",
        /// Running a business.
        BusinessOperations => "running a business",
        /// Money for a business to grow.
        BusinessGrowth => "growing a business",
        /// A company's cash.
        Treasury => "managing company cash",
        /// Capital markets.
        CapitalRaising => "raising capital",
        /// Trade across borders.
        InternationalTrade => "trading abroad",
    }
);

closed_list!(
    /// What a post is about, from a closed list told by a lexicon.
    Topic {
        /// Buying or owning a home.
        HomeLoan => "home loans",
        /// Cards.
        Card => "cards",
        /// Saving.
        Savings => "savings",
        /// What the bank charges.
        Fees => "fees",
        /// Theft and deception.
        Fraud => "fraud",
        /// How the bank treats its customers.
        Service => "service",
        /// Trips.
        Travel => "travel",
        /// Markets and funds.
        Investing => "investing",
        /// A business.
        Business => "business",
        /// Trouble with money or life: loss of work, debt, illness, grief.
        Hardship => "hardship",
    }
);

closed_list!(
    /// What payments and products held are signs of. What a sign takes is in `assess`.
    Sign {
        /// Trips, again and again.
        Travel => "travel",
        /// A home that is owned or bettered.
        Home => "a home",
        /// A business that is run.
        Business => "a business",
    }
);

closed_list!(
    /// How long the customer has been one of the bank's, used only where eligibility needs it. The last band begins at
    /// five years, which a customer of any age may reach.
    Tenure {
        /// Under a year.
        New => "under a year",
        /// One year to five.
        Settled => "one year to five",
        /// Five years and more.
        Long => "five years and more",
    }
);

/// A broad band of income or balance, used only where eligibility needs it. Bounds are in `assess`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// The lowest.
    Low,
    /// The middle.
    Middle,
    /// The upper.
    Upper,
    /// The highest.
    High,
}

/// Which way spending went over the last 90 days against the 90 before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// More by a fifth or above.
    Rising,
    /// About the same.
    Steady,
    /// Less by a fifth or below.
    Falling,
}

/// How large a part of all spending a category is. No amount is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// Under a tenth.
    Small,
    /// A tenth to a quarter.
    Notable,
    /// Over a quarter.
    Large,
}

/// What is known of one spending category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// Which.
    pub category: SpendingCategory,
    /// Its part of the last 90 days' spending.
    pub share: Share,
    /// Which way it went.
    pub trend: Trend,
}

/// The label that VADER's compound score gives (thresholds ±0.05, Hutto and Gilbert 2014).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sentiment {
    /// Compound ≤ −0.05.
    Negative,
    /// Between.
    Neutral,
    /// Compound ≥ 0.05.
    Positive,
}

/// The tone of the posts on one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicTone {
    /// The topic.
    pub topic: Topic,
    /// The tone.
    pub sentiment: Sentiment,
}

/// What consented posts tell. Exists only for customers who gave social consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mood {
    /// The tone over all posts, newer ones weighing more.
    pub sentiment: Sentiment,
    /// The tone by topic, sorted by topic.
    pub topics: Vec<TopicTone>,
    /// Keyed digests of every run of five words in the posts, so that the guard can catch an echo without the posts.
    pub five_word_runs: Vec<Digest>,
}

/// A reason for or against a product, with its weight in the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The reason as a short phrase for the compliance officer.
    pub text: String,
    /// What it adds to the score.
    pub weight: f64,
}

/// A product that was considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub product: ProductId,
    /// The sum of the weights; higher is better.
    pub score: f64,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Why it cannot be offered, if it cannot.
    pub excluded: Option<String>,
}

/// A fact that may be told to the customer as the ground of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ground", rename_all = "kebab-case")]
pub enum Ground {
    /// Spending in a category.
    Spending {
        /// Which.
        category: SpendingCategory,
        /// Which way it goes.
        trend: Trend,
    },
    /// The product goes with one that is held.
    Holds {
        /// Which is held.
        product: ProductId,
    },
    /// The need that the product serves, when nothing nearer speaks for it.
    Need {
        /// Which.
        need: Need,
    },
}

/// A product chosen for this customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Which.
    pub product: ProductId,
    /// Its score.
    pub score: f64,
    /// The need that it serves for this customer.
    pub need: Need,
    /// What may be said of why.
    pub grounds: Vec<Ground>,
}

/// What the bank should do for the customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stance", rename_all = "kebab-case")]
pub enum Stance {
    /// Recommend these, best first: one to three.
    Recommend {
        /// The offers.
        offers: Vec<Offer>,
    },
    /// Sell nothing: acknowledge, and name the ways to be helped.
    Service {
        /// What troubles the customer.
        topic: Topic,
    },
}

/// All that later stages may know. Nothing else of the customer passes `assess`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Whose.
    pub reference: CustomerRef,
    /// Filled into the text by code; never shown to a model.
    pub first_name: String,
    /// The adviser's name, filled in by code.
    pub adviser: Option<String>,
    /// Spending, the largest share first.
    pub spending: Vec<Spending>,
    /// Products held.
    pub products_held: Vec<ProductId>,
    /// Income, where it is known.
    pub income: Option<Band>,
    /// Balance, where it is known.
    pub balance: Option<Band>,
    /// Categories in which something is paid again and again, sorted.
    #[serde(default)]
    pub recurring: Vec<SpendingCategory>,
    /// What payments and products held are signs of, sorted.
    #[serde(default)]
    pub signs: Vec<Sign>,
    /// How long the customer has been one, where a chosen product asks.
    #[serde(default)]
    pub tenure: Option<Tenure>,
    /// What posts tell, with social consent only.
    pub mood: Option<Mood>,
    /// What to do.
    pub stance: Stance,
    /// Every product of the chosen categories, with scores and reasons, best first.
    pub candidates: Vec<Candidate>,
    /// Consent as it was read, for the evidence.
    pub consent: ConsentAsRead,
}

/// Why a customer gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", content = "because", rename_all = "kebab-case")]
pub enum Skip {
    /// General consent does not stand.
    NoConsent(Refusal),
    /// The customer is on the suppression list.
    Suppressed,
    /// Consent to the use of posts, which had a part in what was made, does not stand any more.
    PostsWithdrawn(Refusal),
    /// The customer heard from the bank not long ago.
    HeardLately,
    /// No product of the chosen categories fits.
    NoSuitableOffer,
    /// Whoever reviewed it rejected it.
    Rejected,
    /// It was taken back.
    Recalled,
}

impl Skip {
    /// The reason as a short phrase.
    #[must_use]
    pub fn because(self) -> &'static str {
        match self {
            Self::NoConsent(refusal) => refusal.because(),
            Self::Suppressed => "the customer must not be contacted",
            Self::PostsWithdrawn(_) => "posts had a part in it, and may not be used any more",
            Self::HeardLately => "the customer heard from the bank too recently",
            Self::NoSuitableOffer => "no product of the chosen categories fits",
            Self::Rejected => "whoever reviewed it rejected it",
            Self::Recalled => "it was taken back",
        }
    }
}

/// What `assess` decided: `facts.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "assessment", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one is read at a time, straight from JSON")]
pub enum Assessment {
    /// Go on.
    Proceed(Facts),
    /// Stop, and why.
    Skip {
        /// Why.
        skip: Skip,
        /// Consent as it was read.
        consent: ConsentAsRead,
    },
}

/// The words of a text, in lower case: runs of letters and digits of any script. Apostrophes and invisible joiners are
/// dropped, so that `don’t`, `don't` and `dont` are one word. The caller brings `text` into Unicode's form NFKC first.
#[must_use]
pub fn plain_words(text: &str) -> Vec<String> {
    let kept = text.chars().filter(|sign| !matches!(sign, '\'' | '‘' | '’' | 'ʼ' | '\u{ad}' | '\u{200b}'..='\u{200d}'));
    let lower: String = kept.flat_map(char::to_lowercase).collect();
    lower.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The domain of the keyed digests of [`five_word_runs`] (see [`crate::vault::Keys::keyed_digest`]): one name for those
/// who make them and those who look for them.
pub const FIVE_WORD_RUN: &str = "tweet-run";

/// Every run of five [`plain_words`], each joined by single spaces: what may never be echoed from a post. The posts' runs
/// are kept as keyed digests and the written text is cut by this same rule, so that the two can be compared.
#[must_use]
pub fn five_word_runs(text: &str) -> Vec<String> {
    plain_words(text).windows(5).map(|run| run.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_five_words_whatever_the_case_the_marks_and_the_spaces() {
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
    fn words_of_other_scripts_count_as_words() {
        assert_eq!(five_word_runs("Żółć gęślą JAŹŃ ñandú 李").len(), 1);
    }
}
