//! The script: what one customer hears and sees. It has passed the guard.

use serde::{Deserialize, Serialize};

use crate::{Digest, ProductId};

/// The purpose of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentKind {
    /// The greeting, with the customer's name and the subject.
    Greeting,
    /// One product; `product` is set. The video shows the product's lower third during this segment.
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
}

/// The reason why the template wrote the text even though the model was enabled.
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

/// The writer of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "writer", rename_all = "kebab-case")]
pub enum WrittenBy {
    /// The template writer.
    Template {
        /// Why the template replaced the model. `None` if the model was disabled.
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
        /// The tokens and cost, including those of a text that the guard returned.
        #[serde(default)]
        usage: Usage,
    },
}

/// One check of the guard, with its violations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardCheck {
    /// The check's name, in kebab-case.
    pub name: String,
    /// The violations. Empty if the check passed. They quote the rule and the writer's words, never the customer's.
    pub violations: Vec<String>,
}

/// The guard's verdict on a text.
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

/// The reason why a reviewer must approve the template's text. Holds the model's refused text for the reviewer. The
/// refused text is never spoken or published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextReview {
    /// The problem with the model service or its answer.
    pub why: String,
    /// The model's refused text. `None` if the model was not called, did not answer, or answered in the wrong format.
    pub refused: Option<RefusedText>,
}

/// A text that the guard refused twice.
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
}

/// The script: `script.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// The first name on the title card.
    pub first_name: String,
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
    /// Set if a reviewer must approve the text, because the template wrote it instead of the model.
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
}
