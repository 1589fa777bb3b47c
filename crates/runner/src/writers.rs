//! Counts the results of a run by writer, and the reasons why no model was used.

use std::collections::BTreeMap;

use contracts::evidence::Outcome;
use contracts::key::Artefact;
use contracts::script::{Script, WrittenBy};
use contracts::{ObjectKey, RunId};
use serde::Serialize;
use storage::vault::{Owner, Vault};

use crate::run::CustomerReport;

/// The number of results that a run published or put in review, by writer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WriterCounts {
    /// Results by writer: `phrases`, `phrases, selected by MODEL`, `template`, or the model's name for free text.
    pub written_by: BTreeMap<String, usize>,
    /// Results that the phrasebook wrote although a model should have been used, by reason.
    pub instead_of_model: BTreeMap<String, usize>,
}

impl WriterCounts {
    /// Counts the customers' results by writer. Skips results that the keys cannot open.
    pub async fn read(vault: &Vault, run: &RunId, customers: &[CustomerReport]) -> Self {
        let mut counts = Self::default();
        for customer in customers {
            if !matches!(customer.outcome, Outcome::Published { .. } | Outcome::InReview { .. }) {
                continue;
            }
            let key = ObjectKey::Customer(customer.reference.clone(), run.clone(), Artefact::Script);
            if let Ok((script, _)) = vault.read_json::<Script>(Owner::Customer(&customer.reference), &key).await {
                counts.add(&script.written_by);
            }
        }
        counts
    }

    fn add(&mut self, written_by: &WrittenBy) {
        let writer = match written_by {
            WrittenBy::Phrases { selected_by: Some(selection), .. } => {
                format!("phrases, selected by {}", selection.model)
            }
            WrittenBy::Phrases { .. } => "phrases".to_owned(),
            WrittenBy::Template { .. } => "template".to_owned(),
            WrittenBy::Model { model, .. } => model.clone(),
        };
        *self.written_by.entry(writer).or_default() += 1;
        if let Some(instead) = written_by.instead_of_model() {
            *self.instead_of_model.entry(instead.why.clone()).or_default() += 1;
        }
    }

    /// Returns whether a model should have been used but wrote none of the results.
    #[must_use]
    pub fn model_never_served(&self) -> bool {
        let texts: usize = self.written_by.values().sum();
        texts > 0 && self.instead_of_model.values().sum::<usize>() == texts
    }
}

#[cfg(test)]
mod tests {
    use contracts::script::InsteadOfModel;

    use super::*;

    #[test]
    fn model_that_wrote_nothing_is_detected() {
        let fallback = |why: Option<&str>| WrittenBy::Template {
            instead_of_model: why.map(|why| InsteadOfModel { why: why.to_owned(), given: None }),
        };
        let mut counts = WriterCounts::default();
        assert!(!counts.model_never_served(), "without results, nothing went wrong");
        counts.add(&fallback(Some("the model service answered 401")));
        counts.add(&fallback(Some("the model service answered 401")));
        assert!(counts.model_never_served());
        assert_eq!(counts.instead_of_model["the model service answered 401"], 2);
        counts.add(&fallback(None));
        assert!(!counts.model_never_served());
    }
}
