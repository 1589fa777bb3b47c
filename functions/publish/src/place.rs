//! The keys of one customer's part of a run.

use contracts::key::Artefact;
use contracts::{CustomerRef, ObjectKey, RunId};
use storage::vault::Owner;

/// One customer's part of one run.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub run: &'a RunId,
    pub reference: &'a CustomerRef,
}

impl Place<'_> {
    pub fn key(self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(self.reference.clone(), self.run.clone(), artefact)
    }

    pub fn recalled(self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Recalled(self.reference.clone(), self.run.clone(), artefact)
    }

    pub fn review(self) -> ObjectKey {
        ObjectKey::Review(self.run.clone(), self.reference.clone())
    }

    pub fn review_ended(self) -> ObjectKey {
        ObjectKey::ReviewEnded(self.run.clone(), self.reference.clone())
    }

    pub fn decision(self) -> ObjectKey {
        ObjectKey::Decision(self.run.clone(), self.reference.clone())
    }

    pub const fn owner(&self) -> Owner<'_> {
        Owner::Customer(self.reference)
    }
}

/// Formats a record as JSON with a final newline.
pub fn json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("every type in the contracts crate serializes to JSON");
    bytes.push(b'\n');
    bytes
}
