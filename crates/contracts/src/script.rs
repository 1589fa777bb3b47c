//! What is said and shown to one customer, after the guard has passed it.

use serde::{Deserialize, Serialize};

use crate::{Digest, ProductId};

/// What a segment of the script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentKind {
    /// The customer's name, and what this is about.
    Greeting,
    /// One product; `product` is set, and its lower third is shown while the segment is spoken.
    Offer,
    /// The service message of a customer who is not sold to.
    Service,
    /// The adviser, and good-bye.
    Closing,
    /// A disclosure that must be heard.
    Disclosure,
}

/// A spoken part of the script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// What it is for.
    pub kind: SegmentKind,
    /// What is said and captioned: plain text, whole sentences.
    pub text: String,
    /// The product of an offer.
    pub product: Option<ProductId>,
}

/// Why the template wrote although the model was switched on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsteadOfModel {
    /// What was wrong with the service or with its answer.
    pub why: String,
    /// What the service was given all the same; nothing if it was never called.
    pub given: Option<Given>,
}

/// What an outside service was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// The service's base URL.
    pub service: String,
    /// Fields of the facts that were sent.
    pub fields: Vec<String>,
    /// What that cost.
    #[serde(default)]
    pub usage: Usage,
}

/// What a model used for one customer, all calls together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub tokens_read: u64,
    /// Tokens written.
    pub tokens_written: u64,
    /// US dollars, by the prices in the settings.
    pub usd: f64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.tokens_read += other.tokens_read;
        self.tokens_written += other.tokens_written;
        self.usd += other.usd;
    }
}

/// Who wrote the reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "writer", rename_all = "kebab-case")]
pub enum WrittenBy {
    /// The template writer.
    Template {
        /// Why not the model, if it was switched on and did not serve.
        instead_of_model: Option<InsteadOfModel>,
    },
    /// A model.
    Model {
        /// Its name, as the service reports it.
        model: String,
        /// The service's base URL.
        service: String,
        /// Fields of the facts that were sent.
        fields_sent: Vec<String>,
        /// Digest of the prompt files.
        prompt: Digest,
        /// Whether the guard sent it back once.
        repaired: bool,
        /// What it used, the call that the guard sent back included.
        #[serde(default)]
        usage: Usage,
    },
}

/// One check of the guard, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The check's name, kebab-case.
    pub name: String,
    /// What it found; empty when it passed. Names the rule and the words, which are the writer's, not the customer's.
    pub violations: Vec<String>,
}

/// What the guard says of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Every check that ran.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Whether every check passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.violations.is_empty())
    }

    /// The names of the checks that did not pass.
    #[must_use]
    pub fn failed(&self) -> Vec<&str> {
        self.checks.iter().filter(|check| !check.violations.is_empty()).map(|check| check.name.as_str()).collect()
    }
}

/// A text that a person must look at. What the model wrote and the guard refused is kept for them to see; it is never
/// spoken or published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldText {
    /// What was wrong with the service or with its answer.
    pub why: String,
    /// What the model wrote, unless it was not asked, did not answer, or its answer had no form.
    pub refused: Option<RefusedText>,
}

/// A text that the guard refused twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedText {
    /// Its parts.
    pub segments: Vec<Segment>,
    /// What the guard found in them.
    pub verdict: Verdict,
}

/// An offer as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferShown {
    /// Which product.
    pub product: ProductId,
    /// Its name, from the catalogue.
    pub name: String,
    /// Its line of business, from the catalogue.
    pub category: String,
    /// Rates and terms, from the catalogue, for the text only.
    pub rates_and_terms: Vec<String>,
}

/// The script: `script.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// The name on the title card.
    pub first_name: String,
    /// The spoken parts, in order.
    pub segments: Vec<Segment>,
    /// The offers, in order; empty for a service message.
    pub offers: Vec<OfferShown>,
    /// Lines for the end card and the text, from the catalogue and the brand, none twice.
    pub disclosures: Vec<String>,
    /// Who wrote it.
    pub written_by: WrittenBy,
    /// What the guard said of the segments as they stand.
    pub verdict: Verdict,
    /// Set if a person must look first because a model did not serve: then the templates wrote what stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldText>,
}

impl Script {
    /// The spoken text, a paragraph a segment.
    #[must_use]
    pub fn spoken(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join("\n\n")
    }
}
