//! The script: what one customer hears and sees. It has passed the guard.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Product, ProductPicture};
use crate::language::{self, Language};
use crate::{Digest, ProductId};

/// The purpose of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentKind {
    /// The greeting, with the customer's name and the subject.
    Greeting,
    /// One product; `product` is set. The video shows the product during this segment.
    Offer,
    /// A service message, for a customer who gets no offer.
    Service,
    /// The closing, with the adviser.
    Closing,
    /// A disclosure that must be spoken.
    Disclosure,
}

/// A spoken segment of the script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The purpose.
    pub kind: SegmentKind,
    /// The spoken and captioned words: plain text, whole sentences.
    pub text: String,
    /// The offered product.
    pub product: Option<ProductId>,
    /// The parts of the text with their sources. Joined by single spaces, they form the text. Empty in scripts from
    /// older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SentencePart>,
}

/// A part of a segment's text that has one source: one or more whole sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentencePart {
    /// The text as spoken.
    pub text: String,
    /// The source.
    #[serde(flatten)]
    pub source: SentenceSource,
}

/// The source of a part, with its approval if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum SentenceSource {
    /// An approved line from the phrasebook.
    Line {
        /// The line's id.
        id: String,
        /// The digest that the approval covers.
        digest: Digest,
        /// The person who approved it.
        approved_by: String,
        /// The time of the approval.
        approved_at: Timestamp,
        /// The line's text with its slots unfilled.
        template: String,
    },
    /// Text from the catalog.
    Catalogue {
        /// The product.
        product: ProductId,
        /// The field.
        field: CatalogueField,
    },
    /// Text from the brand file.
    Brand {
        /// The field's name.
        field: String,
    },
    /// Free text, which is not an approved line.
    Free {
        /// The model's name, as the service reports it.
        by: String,
    },
}

/// A field of a product that can be spoken: `summary`, `name`, or an item such as `approved_claims[0]` or
/// `spoken_disclosures[0]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CatalogueField {
    /// The name, as a separate sentence.
    Name,
    /// The summary.
    Summary,
    /// The approved claim at this index.
    ApprovedClaim(usize),
    /// The spoken disclosure at this index.
    SpokenDisclosure(usize),
}

impl CatalogueField {
    /// Returns the field's text, or `None` if the product does not have that field.
    #[must_use]
    pub fn of(self, product: &Product) -> Option<&str> {
        match self {
            Self::Name => Some(&product.name),
            Self::Summary => Some(&product.summary),
            Self::ApprovedClaim(index) => product.approved_claims.get(index).map(String::as_str),
            Self::SpokenDisclosure(index) => product.spoken_disclosures.get(index).map(String::as_str),
        }
    }
}

impl fmt::Display for CatalogueField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("name"),
            Self::Summary => f.write_str("summary"),
            Self::ApprovedClaim(index) => write!(f, "approved_claims[{index}]"),
            Self::SpokenDisclosure(index) => write!(f, "spoken_disclosures[{index}]"),
        }
    }
}

impl FromStr for CatalogueField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let index = |list: &str| text.strip_prefix(list)?.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
        match text {
            "name" => Some(Self::Name),
            "summary" => Some(Self::Summary),
            _ => index("approved_claims")
                .map(Self::ApprovedClaim)
                .or_else(|| index("spoken_disclosures").map(Self::SpokenDisclosure)),
        }
        .ok_or_else(|| format!("unknown field of a product: {text:?}"))
    }
}

impl From<CatalogueField> for String {
    fn from(field: CatalogueField) -> Self {
        field.to_string()
    }
}

impl TryFrom<String> for CatalogueField {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The reason why the phrasebook was used even though the settings request a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsteadOfModel {
    /// The problem with the service or its answer.
    pub why: String,
    /// The data that the service received anyway. `None` if it was never called.
    pub given: Option<SentData>,
}

/// The data that an outside service received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SentData {
    /// The service's base URL.
    pub service: String,
    /// The names of the fields in the facts.
    pub fields: Vec<String>,
    /// The tokens and cost.
    #[serde(default)]
    pub usage: Usage,
}

/// A model's tokens and cost for one customer, over all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The input tokens.
    pub tokens_read: u64,
    /// The output tokens.
    pub tokens_written: u64,
    /// The cost in US dollars, at the prices in the settings.
    pub usd: f64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.tokens_read += other.tokens_read;
        self.tokens_written += other.tokens_written;
        self.usd += other.usd;
    }
}

/// The caller's preferences for tone and emphasis, as interpreted by the phrasebook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishAsUnderstood {
    /// The tones, such as `warm`.
    pub tones: Vec<String>,
    /// The grounds to prefer, such as `need:saving`.
    pub emphases: Vec<String>,
    /// The number of words that were not understood. The words are not kept.
    #[serde(default)]
    pub unread: usize,
}

/// A model that selected among approved lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineSelection {
    /// The model's name, as the service reports it.
    pub model: String,
    /// The data that the service received, and the cost.
    pub given: SentData,
    /// The digest of the prompt files.
    pub prompt: Digest,
}

/// The writer of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "writer", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "a script holds one")]
pub enum WrittenBy {
    /// The phrasebook: every sentence is an approved line, or comes from the catalog or the brand file.
    Phrases {
        /// The digest of the phrasebook and its approvals.
        book: Digest,
        /// The phrasebook's language, a BCP 47 tag.
        language: String,
        /// The phrasebook's version, as its owners number it.
        version: String,
        /// The caller's preferences.
        wish: WishAsUnderstood,
        /// The model that selected the lines; `None` if Bespoke did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selected_by: Option<LineSelection>,
        /// The reason why no model was used, if the settings request one.
        instead_of_model: Option<InsteadOfModel>,
    },
    /// The template writer in older versions.
    Template {
        /// The reason why the template replaced the model. `None` if the model was disabled.
        instead_of_model: Option<InsteadOfModel>,
    },
    /// A model.
    Model {
        /// The model's name, as the service reports it.
        model: String,
        /// The service's base URL.
        service: String,
        /// The names of the fields in the facts that were sent.
        fields_sent: Vec<String>,
        /// The digest of the prompt files.
        prompt: Digest,
        /// Whether the guard returned the text to the model once for repair.
        repaired: bool,
        /// The tokens and cost, including those for text that the guard sent back.
        #[serde(default)]
        usage: Usage,
    },
}

impl WrittenBy {
    /// Returns the reason why no model was used even though the settings request one.
    #[must_use]
    pub const fn instead_of_model(&self) -> Option<&InsteadOfModel> {
        match self {
            Self::Phrases { instead_of_model, .. } | Self::Template { instead_of_model } => instead_of_model.as_ref(),
            Self::Model { .. } => None,
        }
    }

    /// Returns the data that a model service received, whether or not its answer was used.
    #[must_use]
    pub fn given(&self) -> Option<SentData> {
        match self {
            Self::Phrases { selected_by: Some(selection), .. } => Some(selection.given.clone()),
            Self::Phrases { .. } | Self::Template { .. } => {
                self.instead_of_model().and_then(|instead| instead.given.clone())
            }
            Self::Model { service, fields_sent, usage, .. } => {
                Some(SentData { service: service.clone(), fields: fields_sent.clone(), usage: *usage })
            }
        }
    }
}

/// One check of the guard, with its violations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardCheck {
    /// The check's name, in kebab-case.
    pub name: String,
    /// The violations. Empty if the check passed. They quote the rule and the writer's words, never the customer's.
    pub violations: Vec<String>,
}

/// The guard's verdict on the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The checks that ran.
    pub checks: Vec<GuardCheck>,
}

impl Verdict {
    /// Returns whether every check passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.violations.is_empty())
    }

    /// Returns the names of the failed checks.
    #[must_use]
    pub fn failed(&self) -> Vec<&str> {
        self.checks.iter().filter(|check| !check.violations.is_empty()).map(|check| check.name.as_str()).collect()
    }
}

/// The review reason for free text.
pub const FREE_TEXT: &str = "free text";

/// The reason why a reviewer must approve the text. Keeps the model's rejected text for the reviewer. That text is
/// never spoken or published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextReview {
    /// [`FREE_TEXT`], or the problem with the model service or its answer.
    pub why: String,
    /// The model's rejected text. `None` if the model was not called, did not answer, or answered in the wrong format.
    pub refused: Option<RefusedText>,
}

/// Text that the guard rejected twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedText {
    /// The segments.
    pub segments: Vec<Segment>,
    /// The guard's verdict.
    pub verdict: Verdict,
}

/// An offer as shown to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferShown {
    /// The product.
    pub product: ProductId,
    /// The product's name, from the catalog.
    pub name: String,
    /// The line of business, from the catalog.
    pub category: String,
    /// The rates and terms, from the catalog. Used in the text only.
    pub rates_and_terms: Vec<String>,
    /// The product as the video shows it. `None` in scripts from older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<ProductPicture>,
}

/// The script: `script.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// The language.
    #[serde(default, skip_serializing_if = "language::is_default")]
    pub language: Language,
    /// The first name, for the greeting and the video's opening.
    pub first_name: String,
    /// The name of the customer's adviser; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser: Option<String>,
    /// The spoken segments, in order.
    pub segments: Vec<Segment>,
    /// The offers, in order. Empty for a service message.
    pub offers: Vec<OfferShown>,
    /// The lines for the end card and the text, from the catalog and the brand, without duplicates.
    pub disclosures: Vec<String>,
    /// The writer.
    pub written_by: WrittenBy,
    /// The guard's verdict on the segments.
    pub verdict: Verdict,
    /// Whether posts contributed to the facts behind the script.
    #[serde(default)]
    pub from_posts: bool,
    /// Set if a reviewer must approve the text, because it is free text, or because the phrasebook wrote it instead of the
    /// model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "held")]
    pub text_review: Option<TextReview>,
}

impl Script {
    /// Returns the spoken text, one paragraph per segment.
    #[must_use]
    pub fn spoken(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join("\n\n")
    }

    /// Returns a disclosure as a reader sees it. A line that certain products require starts with their names, so that
    /// it cannot be mistaken for a line about another product.
    #[must_use]
    pub fn named_disclosure(&self, line: &str) -> String {
        let pictures = self.offers.iter().filter_map(|offer| offer.picture.as_ref());
        let owners = pictures.filter(|picture| picture.disclosures.iter().any(|own| own == line));
        let names: Vec<&str> = owners.map(|picture| picture.customer_name.as_str()).collect();
        if names.is_empty() { line.to_owned() } else { format!("{}: {line}", names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_field_survives_a_round_trip() {
        for text in ["name", "summary", "approved_claims[1]", "spoken_disclosures[0]"] {
            assert_eq!(text.parse::<CatalogueField>().unwrap().to_string(), text);
        }
        for text in ["disclosures[0]", "approved_claims", "approved_claims[-1]", "approved_claims[1"] {
            assert!(text.parse::<CatalogueField>().is_err(), "{text}");
        }
    }

    #[test]
    fn part_keeps_its_source_in_json() {
        let part = SentencePart {
            text: "Hello Ana.".to_owned(),
            source: SentenceSource::Line {
                id: "opening.01".to_owned(),
                digest: Digest::of(b"line"),
                approved_by: "compliance@bank.example".to_owned(),
                approved_at: Timestamp::UNIX_EPOCH,
                template: "Hello {first_name}.".to_owned(),
            },
        };
        let json = serde_json::to_value(&part).unwrap();
        assert_eq!((&json["source"], &json["id"]), (&"line".into(), &"opening.01".into()));
        assert_eq!(serde_json::from_value::<SentencePart>(json).unwrap(), part);
    }

    #[test]
    fn segment_from_an_older_version_has_no_parts() {
        let json = r#"{"kind": "greeting", "text": "Hello.", "product": null}"#;
        let segment: Segment = serde_json::from_str(json).unwrap();
        assert_eq!(segment.parts, []);
        assert!(!serde_json::to_string(&segment).unwrap().contains("parts"));
    }
}
