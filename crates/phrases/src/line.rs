//! The lines in a phrasebook.

use std::fmt;
use std::str::FromStr;

use contracts::facts::{Ground, Need, SpendingCategory, Topic};
pub use contracts::tone::Tone;
use contracts::{Digest, ProductId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::template::Template;

/// The numbers of offers that a closing is written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferCount {
    /// Any number.
    #[default]
    Any,
    /// One offer.
    One,
    /// Two or three offers.
    Many,
}

impl OfferCount {
    /// Returns whether a closing for this number fits a text with `offers` offers.
    #[must_use]
    pub const fn fits(self, offers: usize) -> bool {
        match self {
            Self::Any => true,
            Self::One => offers == 1,
            Self::Many => offers > 1,
        }
    }
}

/// The topic of a service message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceTopic {
    /// Trouble with money or in life.
    Hardship,
    /// The bank's charges.
    Fees,
    /// Theft and deception.
    Fraud,
    /// The bank's service.
    Service,
    /// A hard time that the message does not mention.
    Care,
}

impl ServiceTopic {
    /// All topics.
    pub const ALL: [Self; 5] = [Self::Hardship, Self::Fees, Self::Fraud, Self::Service, Self::Care];
}

impl From<Topic> for ServiceTopic {
    fn from(topic: Topic) -> Self {
        match topic {
            Topic::Hardship => Self::Hardship,
            Topic::Fees => Self::Fees,
            Topic::Fraud => Self::Fraud,
            Topic::Service => Self::Service,
            Topic::HomeLoan
            | Topic::Card
            | Topic::Savings
            | Topic::Travel
            | Topic::Investing
            | Topic::Business
            | Topic::Care => Self::Care,
        }
    }
}

/// The ground of a reason, written `spending:groceries`, `need:saving` or `holds:high-yield-savings`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroundKey {
    /// Spending in a category.
    Spending(SpendingCategory),
    /// A need that the product serves.
    Need(Need),
    /// A product that the customer holds.
    Holds(ProductId),
}

impl From<&Ground> for GroundKey {
    fn from(ground: &Ground) -> Self {
        match ground {
            Ground::Spending { category, .. } => Self::Spending(*category),
            Ground::Holds { product } => Self::Holds(product.clone()),
            Ground::Need { need } => Self::Need(*need),
        }
    }
}

/// Returns the kebab-case name that a variant of a closed list in `contracts` has when it is serialized.
fn name_of<T: Serialize>(value: T) -> String {
    toml::Value::try_from(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl fmt::Display for GroundKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spending(category) => write!(f, "spending:{}", name_of(category)),
            Self::Need(need) => write!(f, "need:{}", name_of(need)),
            Self::Holds(product) => write!(f, "holds:{}", product.as_str()),
        }
    }
}

impl FromStr for GroundKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("unknown ground {text:?}; expected spending:NAME, need:NAME or holds:PRODUCT");
        let (kind, name) = text.split_once(':').ok_or_else(unknown)?;
        match kind {
            "spending" => SpendingCategory::ALL.iter().find(|c| name_of(*c) == name).map(|c| Self::Spending(*c)),
            "need" => Need::ALL.iter().find(|need| name_of(*need) == name).map(|need| Self::Need(*need)),
            "holds" => ProductId::parse(name).ok().map(Self::Holds),
            _ => None,
        }
        .ok_or_else(unknown)
    }
}

impl Serialize for GroundKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GroundKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The purpose of a line, and the conditions under which it is suitable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LineKind {
    /// Greets the customer.
    Opening {
        /// Whether it introduces a named adviser.
        adviser: bool,
        /// Whether it is suitable only for a customer whose recent posts are positive.
        bright: bool,
        /// Whether it suits only a customer whose name can be spoken: "Dear there" is not a greeting.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        named: bool,
    },
    /// Explains why a product may be suitable.
    Reason {
        /// The product.
        product: ProductId,
        /// The ground.
        ground: GroundKey,
        /// Whether it is conversational, for example with contractions. Such a line suits only a warm or lively text.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        casual: bool,
    },
    /// Leads to the next offer.
    Link {
        /// Whether it leads to the last of three offers. Any other link leads to the second offer.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        last: bool,
    },
    /// Says what the customer can do next, and where to read more.
    Closing {
        /// Whether it mentions an adviser.
        adviser: bool,
        /// The number of offers that it is written for.
        offers: OfferCount,
    },
    /// Offers help instead of a product.
    Service {
        /// The topic.
        topic: ServiceTopic,
    },
    /// Opens a service message.
    ServiceOpening,
    /// Closes a service message.
    ServiceClosing,
    /// Fills a slot or appears on the title card, depending on the id.
    Word,
}

impl LineKind {
    /// Returns the kind's name in a phrasebook.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opening { .. } => "opening",
            Self::Reason { .. } => "reason",
            Self::Link { .. } => "link",
            Self::Closing { .. } => "closing",
            Self::Service { .. } => "service",
            Self::ServiceOpening => "service-opening",
            Self::ServiceClosing => "service-closing",
            Self::Word => "word",
        }
    }

    /// Returns whether the line may have slots for a customer's data.
    #[must_use]
    pub const fn may_be_personal(&self) -> bool {
        matches!(self, Self::Opening { .. } | Self::Closing { .. } | Self::ServiceOpening | Self::ServiceClosing)
    }
}

/// A line in a phrasebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line's id, unique within its phrasebook.
    pub id: String,
    /// The purpose.
    pub kind: LineKind,
    /// The tone. `None` means that the line fits every tone.
    pub tone: Option<Tone>,
    /// The text.
    pub text: Template,
    /// The author, who cannot approve the line.
    pub author: String,
    /// The digest that an approval must refer to.
    pub digest: Digest,
}

/// The parts of a line that an approval covers. They do not include the author, because the author does not affect what
/// customers hear.
#[derive(Serialize)]
struct Approved<'a> {
    language: &'a str,
    id: &'a str,
    #[serde(flatten)]
    kind: &'a LineKind,
    tone: Option<Tone>,
    text: &'a str,
}

impl Line {
    /// Creates a line and computes its digest.
    #[must_use]
    pub fn new(language: &str, id: String, kind: LineKind, tone: Option<Tone>, text: Template, author: String) -> Self {
        let approved = Approved { language, id: &id, kind: &kind, tone, text: text.as_str() };
        let digest = Digest::of_json(&approved);
        Self { id, kind, tone, text, author, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ground_survives_a_round_trip_through_its_text_form() {
        for text in ["spending:groceries", "need:home-purchase", "holds:high-yield-savings"] {
            assert_eq!(text.parse::<GroundKey>().unwrap().to_string(), text);
        }
        for text in ["groceries", "spending:religion", "need:", "posts:travel"] {
            assert!(text.parse::<GroundKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn digest_covers_wording_and_conditions_of_a_line() {
        let line = |tone, bright, text: &str| {
            let kind = LineKind::Opening { adviser: false, bright, named: false };
            Line::new("en", "a".to_owned(), kind, tone, Template::parse(text).unwrap(), "x".to_owned()).digest
        };
        let digests = [
            line(None, false, "Hello."),
            line(Some(Tone::Warm), false, "Hello."),
            line(None, true, "Hello."),
            line(None, false, "Hello!"),
        ];
        for (at, digest) in digests.iter().enumerate() {
            assert!(digests[at + 1..].iter().all(|other| other != digest));
        }
    }
}
