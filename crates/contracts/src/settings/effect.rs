//! How the effect of campaigns is measured.

use std::collections::HashSet;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::effect::EffectPlan;
use crate::media::Shape;
use crate::tone::Tone;

/// How the effect of campaigns is measured: a control group, events on customers' pages, and arms to compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EffectSettings {
    /// Whether campaigns hold out a control group and record events on customers' pages. Runs for one customer and demos
    /// never do.
    pub enabled: bool,
    /// The name of the campaign. Runs with the same name, holdout and arms have the same control group and the same
    /// assignments. Change the name to get a new control group.
    pub campaign: String,
    /// The share of customers in the control group, 0 to 0.5. They are ranked and recorded, and get nothing.
    pub holdout: f64,
    /// The number of days after the start of a run in which an adoption counts, 1 to 366. It is fixed when the run
    /// starts, and no report shows an uplift before it ends.
    pub window_days: u16,
    /// The shapes to compare: two or three of `16:9`, `9:16` and `1:1`. Each customer's video has one of them. If empty,
    /// shapes are not compared.
    pub shapes: Vec<Shape>,
    /// The phrase sets to compare: two or more of `warm`, `formal`, `brief` and `lively`. Each customer's lines have one
    /// of these tones where the phrasebook allows it. If empty, phrase sets are not compared.
    pub tones: Vec<Tone>,
}

impl Default for EffectSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            campaign: "default".to_owned(),
            holdout: 0.1,
            window_days: 30,
            shapes: Vec::new(),
            tones: Vec::new(),
        }
    }
}

impl EffectSettings {
    /// Returns the plan for a new run, or `None` if the effect is not measured.
    #[must_use]
    pub fn plan(&self) -> Option<EffectPlan> {
        self.enabled.then(|| EffectPlan {
            campaign: self.campaign.clone(),
            holdout: self.holdout,
            window_days: self.window_days,
            shapes: self.shapes.clone(),
            tones: self.tones.clone(),
        })
    }

    /// Returns whether each rule holds, with the field and the allowed values.
    pub(super) fn rules(&self) -> [(bool, &'static str, &'static str); 5] {
        let name = self.campaign.trim();
        [
            (
                !name.is_empty() && name.len() <= 64 && !name.contains(char::is_control),
                "effect.campaign",
                "a name of 1 to 64 characters",
            ),
            ((0.0..=0.5).contains(&self.holdout), "effect.holdout", "a fraction from 0 to 0.5"),
            ((1..=366).contains(&self.window_days), "effect.window_days", "1 to 366"),
            (are_arms(&self.shapes), "effect.shapes", "empty, or at least two different shapes"),
            (are_arms(&self.tones), "effect.tones", "empty, or at least two different tones"),
        ]
    }
}

/// Returns whether the values can be compared: none, or at least two different ones.
fn are_arms<T: Eq + Hash>(values: &[T]) -> bool {
    values.len() != 1 && values.iter().collect::<HashSet<_>>().len() == values.len()
}
