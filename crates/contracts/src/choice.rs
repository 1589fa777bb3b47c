//! A customer's choices and answers, which arrive through their link.
//!
//! A choice can only narrow what the bank may use or offer. Each choice is an object of its own under
//! `control/choices/`. It is written once, and no link can remove it, so the order of the choices does not matter.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Product, ProductKind};
use crate::vocabulary::Need;
use crate::{CustomerRef, Digest, ProductId, RunId};

impl ProductKind {
    /// Returns the kind in the plural, for use within a sentence.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Deposit => "deposit accounts",
            Self::CreditCard => "credit cards",
            Self::Loan => "loans",
            Self::Mortgage => "mortgages",
            Self::Investment => "investments",
            Self::Service => "services",
        }
    }
}

/// A source of facts that a customer can switch off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The customer's posts.
    Posts,
    /// The customer's payments, as a reason for an offer. Payments can still stop offers.
    Payments,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 2] = [Self::Posts, Self::Payments];
}

/// A choice: something that the bank must not use or offer any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Choice {
    /// Do not use this source.
    Source(Source),
    /// Offer no products of this kind.
    Kind(ProductKind),
    /// Offer no products that serve this need.
    Topic(Need),
    /// Do not offer this product again, because the customer declined it.
    Product(ProductId),
}

impl Choice {
    /// Parses a choice, such as `source-posts`, `kind-credit-card`, `topic-travel` or `product-cash-back-card`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (group, word) = text.split_once('-')?;
        match group {
            "source" => from_word(word).map(Self::Source),
            "kind" => from_word(word).map(Self::Kind),
            "topic" => from_word(word).map(Self::Topic),
            "product" => ProductId::parse(word).ok().map(Self::Product),
            _ => None,
        }
    }

    /// Returns the choice as text that [`Self::parse`] reads.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Source(source) => format!("source-{}", word(source)),
            Self::Kind(kind) => format!("kind-{}", word(kind)),
            Self::Topic(need) => format!("topic-{}", word(need)),
            Self::Product(product) => format!("product-{product}"),
        }
    }

    /// Returns the reason why the choice excludes the product, or `None` if it does not.
    #[must_use]
    pub fn excludes(&self, product: &Product) -> Option<String> {
        match self {
            Self::Source(_) => None,
            Self::Kind(kind) => {
                (product.kind == *kind).then(|| format!("the customer wants no offers of {}", kind.plural()))
            }
            Self::Topic(need) => {
                product.needs.contains(need).then(|| format!("the customer wants no offers about {}", need.words()))
            }
            Self::Product(id) => (product.id == *id).then(|| "the customer declined it".to_owned()),
        }
    }
}

impl TryFrom<String> for Choice {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a choice: expected a word such as source-posts")
    }
}

impl From<Choice> for String {
    fn from(choice: Choice) -> Self {
        choice.word()
    }
}

/// The record of a choice: `control/choices/<reference>/<choice>.json`. The object's existence is what counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceRecord {
    /// The run whose link the customer used.
    pub run: RunId,
    /// The time of the choice.
    pub at: Timestamp,
}

/// A customer's answer to a recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The customer followed the link to the product.
    TellMeMore,
    /// The customer asks for a call.
    CallMeBack,
    /// The customer declined the product.
    NotForMe,
    /// The customer wants no more messages.
    OptedOut,
}

impl Answer {
    /// All answers.
    pub const ALL: [Self; 4] = [Self::TellMeMore, Self::CallMeBack, Self::NotForMe, Self::OptedOut];

    /// Returns whether the bank may contact the customer because of the answer. If so, a later withdrawal withholds it.
    #[must_use]
    pub const fn invites_contact(self) -> bool {
        match self {
            Self::TellMeMore | Self::CallMeBack => true,
            Self::NotForMe | Self::OptedOut => false,
        }
    }
}

/// A customer's reason for declining a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeclineReason {
    /// The customer has one already, here or elsewhere.
    HaveOne,
    /// The customer has no use for it.
    NoUse,
    /// The terms do not suit the customer.
    Terms,
    /// The customer prefers another bank.
    OtherBank,
    /// The customer gave no reason.
    NotSaid,
}

impl DeclineReason {
    /// All reasons, in the order in which the page lists them.
    pub const ALL: [Self; 5] = [Self::HaveOne, Self::NoUse, Self::Terms, Self::OtherBank, Self::NotSaid];
}

/// The record of an answer: `control/answers/<run>/<reference>/<product>.<answer>.json`. Written once, so the first
/// answer of each kind counts. It holds no personal data except the answer itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRecord {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// The answer.
    pub answer: Answer,
    /// The product that the answer concerns. `None` for an opt-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The reason for declining the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<DeclineReason>,
    /// The time of the answer.
    pub at: Timestamp,
}

impl AnswerRecord {
    /// Returns the digest of the record, which names its notification.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }
}

/// Returns a value of a closed list as its word, such as `credit-card`.
///
/// # Panics
/// If the type does not serialize to a string.
#[must_use]
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("a value of a closed list serializes to a string"),
    }
}

/// Parses the word of a closed list. Returns `None` for other words.
#[must_use]
pub fn from_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choice_survives_a_round_trip() {
        let choices = [
            ("source-posts", Choice::Source(Source::Posts)),
            ("source-payments", Choice::Source(Source::Payments)),
            ("kind-credit-card", Choice::Kind(ProductKind::CreditCard)),
            ("topic-home-purchase", Choice::Topic(Need::HomePurchase)),
            ("product-cash-back-card", Choice::Product(ProductId::parse("cash-back-card").unwrap())),
        ];
        for (text, choice) in choices {
            assert_eq!(Choice::parse(text), Some(choice.clone()));
            assert_eq!(choice.word(), text);
            assert_eq!(serde_json::to_value(&choice).unwrap(), text);
        }
        for text in ["", "source-", "source-income", "kind-posts", "topic-", "product-", "product-../x", "posts"] {
            assert_eq!(Choice::parse(text), None, "{text}");
        }
    }
}
