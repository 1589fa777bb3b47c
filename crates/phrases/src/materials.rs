//! Approvals of the catalog and of the market's rules. A campaign, and on AWS every run, requires that a person has
//! approved them. That person must not be the catalog's author.

use contracts::catalogue::Catalogue;
use contracts::institution::Institution;
use contracts::{Digest, ErrorName, NamedError};
use thiserror::Error;

use crate::approval::Approvals;

/// A catalog or a rule pack that needs an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// The item's id in the list of approvals: `catalogue`, or a pack such as `rules/us-bank`.
    pub item: String,
    /// The digest of the current item.
    pub digest: Digest,
    /// The author, or a blank string if the catalog does not name one. `None` for packaged rules, because their author
    /// does not work for the bank.
    pub author: Option<String>,
}

/// The materials that have no valid approval.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{}: no person other than the author has approved the current content", .0.join(", "))]
pub struct NotApproved(pub Vec<String>);

impl NamedError for NotApproved {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigNotApproved
    }

    fn help(&self) -> Option<String> {
        Some("have another person approve it: bespoke catalogue approve".to_owned())
    }
}

/// Returns the materials that a run uses and that need an approval.
#[must_use]
pub fn materials(catalogue: &Catalogue, institution: Institution) -> [Material; 2] {
    [
        Material {
            item: "catalogue".to_owned(),
            digest: catalogue.digest(),
            author: Some(catalogue.author().to_owned()),
        },
        Material { item: format!("rules/{institution}"), digest: institution.rules_digest(), author: None },
    ]
}

/// Returns the approvals of the packaged sample catalog and its rules.
///
/// # Panics
/// Never: a test parses the packaged approvals.
#[must_use]
pub fn packaged_approvals() -> Approvals {
    Approvals::parse(include_str!("../../../data/catalogue.approvals.csv")).expect("the packaged approvals are valid")
}

/// Fails unless the current catalog and rules are approved.
pub fn ensure_approved(
    catalogue: &Catalogue,
    institution: Institution,
    approvals: &Approvals,
) -> Result<(), NotApproved> {
    let is_missing = |material: &Material| {
        let Material { item, digest, author } = material;
        let names_author = author.as_ref().is_none_or(|author| !author.trim().is_empty());
        !names_author || approvals.for_item(item, digest, author.as_deref().unwrap_or_default()).is_none()
    };
    let missing: Vec<Material> = materials(catalogue, institution).into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(NotApproved(missing.into_iter().map(|material| material.item).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Approval;
    use jiff::Timestamp;

    fn sample(change: impl Fn(String) -> String) -> Catalogue {
        let text = include_str!("../../../data/catalogue.json").to_owned();
        Catalogue::from_json(change(text).as_bytes()).unwrap()
    }

    #[test]
    fn packaged_sample_is_approved_and_a_change_needs_a_new_approval() {
        let approvals = packaged_approvals();
        ensure_approved(&sample(|text| text), Institution::UsBank, &approvals).unwrap();
        let changed = sample(|text| text.replace("Everyday Checking", "Daily Checking"));
        let error = ensure_approved(&changed, Institution::UsBank, &approvals).unwrap_err();
        assert_eq!(error, NotApproved(vec!["catalogue".to_owned()]));
        assert!(error.help().unwrap().contains("bespoke catalogue approve"));
        let other_rules = ensure_approved(&sample(|text| text), Institution::Eu, &approvals).unwrap_err();
        assert_eq!(other_rules, NotApproved(vec!["rules/eu".to_owned()]));
        let mut without_author = approvals;
        let catalogue = sample(|text| text.replace("\"author\": \"products@meridian.example\",", ""));
        let [Material { item, digest, .. }, _] = materials(&catalogue, Institution::UsBank);
        without_author.record(Approval { item, digest, by: "ben".to_owned(), at: Timestamp::UNIX_EPOCH });
        ensure_approved(&catalogue, Institution::UsBank, &without_author).unwrap_err();
    }

    #[test]
    fn author_cannot_approve_their_own_catalogue() {
        let catalogue = sample(|text| text.replace("\"author\": \"", "\"author\": \"Ann"));
        for (by, approved) in [(catalogue.author(), false), ("ann on behalf of x", true), ("ben", true)] {
            let mut approvals = packaged_approvals();
            for Material { item, digest, .. } in materials(&catalogue, Institution::UsBank) {
                approvals.record(Approval { item, digest, by: by.to_owned(), at: Timestamp::UNIX_EPOCH });
            }
            assert_eq!(ensure_approved(&catalogue, Institution::UsBank, &approvals).is_ok(), approved, "{by}");
        }
    }
}
