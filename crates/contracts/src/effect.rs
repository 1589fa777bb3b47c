//! How the effect of a campaign is measured: the plan, the events on a customer's page, and the adoptions that the bank
//! reports.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ProductId;
use crate::media::Shape;
use crate::tone::Tone;

/// The domain of the keyed hash that assigns customers (see `storage::vault::Keys::keyed_digest`).
pub const ASSIGNMENT: &str = "effect-assignment";

/// The effect plan: how a run's effect is measured. The request contains the plan, so it is fixed before the run
/// starts, and the signed head covers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectPlan {
    /// The name of the campaign. Runs with the same name, holdout and arms have the same control group and the same
    /// assignments.
    pub campaign: String,
    /// The share of customers in the control group, 0 to 0.5.
    pub holdout: f64,
    /// The number of days after the start of the run in which an adoption counts.
    pub window_days: u16,
    /// The shapes to compare. Each customer's video has one of them. If empty, the request determines the shape.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<Shape>,
    /// The phrase sets to compare, each identified by its tone. Each customer's lines come from one of them. If empty,
    /// the caller's wish determines the tone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tones: Vec<Tone>,
}

/// The groups that the plan assigns to one customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// Whether the customer is in the control group, which gets nothing.
    pub held_out: bool,
    /// The shape of the customer's video, if the plan compares shapes.
    pub shape: Option<Shape>,
    /// The tone of the customer's lines, if the plan compares phrase sets.
    pub tone: Option<Tone>,
}

/// Something that a customer did on the page behind their link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageEvent {
    /// The customer opened the page.
    Opened,
    /// The customer played a quarter of the video.
    PlayedQuarter,
    /// The customer played half of the video.
    PlayedHalf,
    /// The customer played three quarters of the video.
    PlayedThreeQuarters,
    /// The customer played the whole video.
    PlayedWhole,
    /// The customer followed a link to a product.
    Clicked,
    /// The customer answered an offer.
    Answered,
    /// The customer opted out.
    OptedOut,
}

impl PageEvent {
    /// All events.
    pub const ALL: [Self; 8] = [
        Self::Opened,
        Self::PlayedQuarter,
        Self::PlayedHalf,
        Self::PlayedThreeQuarters,
        Self::PlayedWhole,
        Self::Clicked,
        Self::Answered,
        Self::OptedOut,
    ];

    /// Returns the name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::PlayedQuarter => "played-quarter",
            Self::PlayedHalf => "played-half",
            Self::PlayedThreeQuarters => "played-three-quarters",
            Self::PlayedWhole => "played-whole",
            Self::Clicked => "clicked",
            Self::Answered => "answered",
            Self::OptedOut => "opted-out",
        }
    }

    /// Parses the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    /// Returns the fraction of the video that the customer has played, 0 to 1. `None` for other events.
    #[must_use]
    pub const fn share_played(self) -> Option<f64> {
        match self {
            Self::PlayedQuarter => Some(0.25),
            Self::PlayedHalf => Some(0.5),
            Self::PlayedThreeQuarters => Some(0.75),
            Self::PlayedWhole => Some(1.0),
            Self::Opened | Self::Clicked | Self::Answered | Self::OptedOut => None,
        }
    }
}

/// A record about one customer's reaction: an object under `effect/<ref>/`, sealed with the customer's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reaction {
    /// The first event of its kind on the page of one run.
    Page {
        /// The run.
        run: crate::RunId,
        /// The event.
        event: PageEvent,
        /// The time.
        at: Timestamp,
    },
    /// The customer took a product, as the bank reported.
    Adopted {
        /// The product.
        product: ProductId,
        /// The day.
        on: Date,
    },
}

impl Reaction {
    /// Returns the text whose keyed digest names the object, so each reaction is stored once.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Page { run, event, .. } => format!("page {run} {}", event.as_str()),
            Self::Adopted { product, on } => format!("adopted {product} {on}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_name_is_the_same_as_text_and_json() {
        for event in PageEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
            assert_eq!(PageEvent::parse(event.as_str()), Some(event));
        }
        assert_eq!(PageEvent::parse("bought"), None);
    }
}
