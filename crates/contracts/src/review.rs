//! Review: what waits for a person, and what the person decided.
//!
//! Whatever a policy by risk picks out waits under `control/reviews/` until it is decided. The decision is written once,
//! sealed with the customer's key, so that nobody without the keys can pass one off, and it is bound to the digests of what
//! the reviewer was shown: what is published is what was approved. `publish` holds the gate, whoever runs it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::Artefact;
use crate::settings::Review;
use crate::stage::IndexRow;
use crate::store::{ObjectStore, StoreError};
use crate::vault::Keys;
use crate::{CustomerRef, Digest, ObjectKey, RunId};

/// Why a result waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Why {
    /// The model's text was refused or could not be had, and the settings hold such texts. What waits is the template's.
    TextHeld {
        /// What was wrong.
        what: String,
    },
    /// The customer is among the first of the run.
    First {
        /// `review.first` of the settings.
        first: u32,
    },
    /// A sample.
    Sampled {
        /// `review.every` of the settings.
        every: u32,
    },
}

impl Why {
    /// The reason as a short phrase.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::TextHeld { what } => format!("the template wrote instead of the model: {what}"),
            Self::First { first: 1 } => "the first of the run".to_owned(),
            Self::First { first } => format!("among the first {first} of the run"),
            Self::Sampled { every } => format!("a sample, one in {every}"),
        }
    }
}

/// Digests of what a reviewer is shown, as it will be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Of the text of `recommendation.txt`.
    pub text: Digest,
    /// Of the files that were made besides; the video among them, if there is one.
    pub artefacts: BTreeMap<Artefact, Digest>,
}

/// `control/reviews/<run>/<reference>.json`. Holds nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Why it waits.
    pub why: Why,
    /// Since when.
    pub since: Timestamp,
    /// Whether it has a video.
    pub video: bool,
    /// Whether the customer's posts had a part in it.
    pub from_posts: bool,
    /// What there is to look at.
    pub seen: Seen,
}

/// What a reviewer may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Publish it as it was shown.
    Approve,
    /// Never publish it.
    Reject,
}

/// `control/decisions/<run>/<reference>.json`, sealed with the customer's key and written once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub choice: Choice,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in the reviewer's own words.
    pub reason: Option<String>,
    /// What they were shown.
    pub seen: Seen,
}

/// Who decided what and when, as the plain part of the evidence has it. The reason is in the sealed part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Why it waited.
    pub why: Why,
    /// What was decided.
    pub choice: Choice,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they were shown.
    pub seen: Seen,
}

impl Reviewed {
    /// Of a decision.
    #[must_use]
    pub fn of(why: Why, decision: &Decision) -> Self {
        let Decision { choice, by, at, seen, .. } = decision.clone();
        Self { why, choice, by, at, seen }
    }
}

/// The most bytes of a line of `runs/<run>/index.csv`: 32 + 20 + 20 + 64 signs, three commas, a line break.
const LONGEST_LINE: u64 = 141;

/// Why the settings put a customer's result before a person; nothing if they do not. One in `every` is picked by a keyed
/// digest of run and customer, so that nobody who orders a workbook can choose who is looked at.
pub async fn policy(
    settings: Review,
    run: &RunId,
    reference: &CustomerRef,
    keys: &Keys,
    store: &dyn ObjectStore,
) -> Result<Option<Why>, StoreError> {
    let Review { first, every } = settings;
    if first > 0 && is_among_first(first, run, reference, store).await? {
        return Ok(Some(Why::First { first }));
    }
    let sampled = every > 0 && {
        let digest = keys.keyed_digest("review", format!("{run}\0{reference}").as_bytes());
        let [a, b, c, d, ..] = *digest.as_bytes();
        u32::from_be_bytes([a, b, c, d]) % every == 0
    };
    Ok(sampled.then_some(Why::Sampled { every }))
}

/// Reads no more of the index than the first lines can be long.
async fn is_among_first(
    first: u32,
    run: &RunId,
    reference: &CustomerRef,
    store: &dyn ObjectStore,
) -> Result<bool, StoreError> {
    let key = ObjectKey::Run(run.clone(), crate::key::RunPart::Index);
    let head = store.get_range(&key, 0, (u64::from(first) + 1) * LONGEST_LINE).await?;
    // The last line may be cut.
    let whole = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let rows = IndexRow::read_all(&head[..whole]).map_err(|_| StoreError::Unavailable {
        key: key.to_string(),
        action: "read",
        reason: "not an index of customers".to_owned(),
    })?;
    Ok(rows.iter().take(first as usize).any(|row| row.reference == *reference))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn reference(number: u32) -> CustomerRef {
        CustomerRef::parse(format!("{number:032x}")).unwrap()
    }

    async fn picked(settings: Review, customers: u32) -> Vec<u32> {
        let (store, keys) = (MemoryStore::default(), Keys::new([1; 32], [2; 32]));
        let run = RunId::parse("run-1").unwrap();
        let mut index = "reference,offset,length,digest\n".to_owned();
        for number in 0..customers {
            let row = [reference(number).to_string(), (number * 10_000).to_string(), "9999".to_owned(), "0".repeat(64)];
            index.push_str(&row.join(","));
            index.push('\n');
        }
        let key = ObjectKey::Run(run.clone(), crate::key::RunPart::Index);
        store.put(&key, index.into()).await.unwrap();
        let mut picked = Vec::new();
        for number in 0..customers {
            if policy(settings, &run, &reference(number), &keys, &store).await.unwrap().is_some() {
                picked.push(number);
            }
        }
        picked
    }

    #[tokio::test]
    async fn the_first_of_a_run_are_looked_at() {
        assert_eq!(picked(Review { first: 3, every: 0 }, 10).await, [0, 1, 2]);
        assert_eq!(picked(Review { first: 300, every: 0 }, 10).await.len(), 10);
        assert_eq!(picked(Review::default(), 10).await, Vec::<u32>::new());
    }

    #[tokio::test]
    async fn of_the_others_one_in_so_many_is_looked_at() {
        assert_eq!(picked(Review { first: 0, every: 1 }, 10).await.len(), 10);
        let some = picked(Review { first: 0, every: 4 }, 400).await.len();
        assert!((70..=130).contains(&some), "{some} of 400");
    }
}
