//! Counts who wrote the texts of a run, and why no model did.

use std::collections::BTreeMap;

use contracts::evidence::Outcome;
use contracts::key::Artefact;
use contracts::script::{Script, WrittenBy};
use contracts::{ObjectKey, RunId};
use serde::Serialize;
use storage::vault::{Owner, Vault};

use crate::run::CustomerReport;

/// The writers of the texts that a run published or put in review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WriterCounts {
    /// Texts by writer: `phrases`, `phrases, selected by MODEL`, or the model's name for free text.
    pub written_by: BTreeMap<String, usize>,
    /// Texts that the phrasebook wrote although a model should have been asked, by reason.
    pub instead_of_model: BTreeMap<String, usize>,
}

impl WriterCounts {
    /// Counts the writers of the customers' texts. Skips texts that the keys do not open.
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

    /// Returns whether a model should have been asked for the texts but served for none.
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
    fn model_that_never_served_is_no_success() {
        let fallback = |why: Option<&str>| WrittenBy::Template {
            instead_of_model: why.map(|why| InsteadOfModel { why: why.to_owned(), given: None }),
        };
        let mut counts = WriterCounts::default();
        assert!(!counts.model_never_served(), "no text, no fault");
        counts.add(&fallback(Some("the model service answered 401")));
        counts.add(&fallback(Some("the model service answered 401")));
        assert!(counts.model_never_served());
        assert_eq!(counts.instead_of_model["the model service answered 401"], 2);
        counts.add(&fallback(None));
        assert!(!counts.model_never_served());
    }
}
