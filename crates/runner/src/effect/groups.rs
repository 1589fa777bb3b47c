//! Reads the results of a run's customers, for the comparison of the groups.

use std::collections::{BTreeMap, BTreeSet};

use contracts::effect::{PageEvent, Reaction};
use contracts::evidence::{Evidence, ManifestEntry, Outcome};
use contracts::facts::{Assessment, Facts, Stance};
use contracts::key::{Artefact, Prefix};
use contracts::request::Request;
use contracts::{CustomerRef, ErrorName, NamedError as _, ObjectKey, ProductId, RunId};
use effect::{CustomerResult, Dimension};
use jiff::civil::Date;
use policy::evidence;
use policy::experiment::assign_in;
use storage::vault::{Owner, Vault, VaultError};

use super::report::Window;
use crate::failure::Failure;

/// One customer of a run who was assigned to a group.
pub(super) struct GroupMember {
    pub(super) held_out: bool,
    /// Whether the customer got the recommendation.
    pub(super) published: bool,
    /// The offers that the ranking chose.
    offers: BTreeSet<ProductId>,
    levels: BTreeMap<Dimension, String>,
    /// The events on the customer's page of this run.
    pub(super) events: BTreeSet<PageEvent>,
    /// The adoptions of all products, on any day.
    pub(super) adoptions: Vec<(ProductId, Date)>,
    /// The day on which the customer's outcome was recorded. `None` if there is no evidence.
    pub(super) ended: Option<Date>,
}

impl GroupMember {
    /// Returns the customer's result for a window.
    pub(super) fn result(&self, window: Window) -> CustomerResult {
        let adopted = self.adoptions.iter().filter(|(product, on)| self.offers.contains(product) && window.has(*on));
        CustomerResult {
            held_out: self.held_out,
            offers: self.offers.iter().map(ToString::to_string).collect(),
            adopted: adopted.map(|(product, _)| product.to_string()).collect(),
            levels: self.levels.clone(),
        }
    }
}

/// A run whose effect is measured.
#[derive(Clone, Copy)]
pub(super) struct MeasuredRun<'a> {
    pub(super) run: &'a RunId,
    pub(super) request: &'a Request,
    pub(super) vault: &'a Vault,
}

impl MeasuredRun<'_> {
    /// Returns a customer in the run as a member of their group. Returns `None` for a customer in neither group:
    /// skipped, never started, erased, or with a service message.
    pub(super) async fn member(&self, entry: &ManifestEntry) -> Result<Option<GroupMember>, Failure> {
        let reference = &entry.reference;
        if entry.outcome == Outcome::NotStarted {
            return Ok(None);
        }
        let key = ObjectKey::Customer(reference.clone(), self.run.clone(), Artefact::Facts);
        let facts = match existing(self.vault.read_json(Owner::Customer(reference), &key).await)? {
            Some((Assessment::Proceed(facts), _)) => (facts, false),
            Some((Assessment::HeldOut(facts), _)) => (facts, true),
            Some((Assessment::Skip { .. }, _)) | None => return Ok(None),
        };
        let (Facts { stance: Stance::Recommend { offers }, .. }, held_out) = facts else { return Ok(None) };
        let record = evidence::find(self.vault.store(), reference, self.run).await?;
        let mut member = GroupMember {
            held_out,
            published: record.as_ref().is_some_and(Evidence::is_published),
            offers: offers.into_iter().map(|offer| offer.product).collect(),
            levels: self.levels(reference, record.as_ref()),
            events: BTreeSet::new(),
            adoptions: Vec::new(),
            ended: record.map(|record| record.written_at.to_zoned(jiff::tz::TimeZone::UTC).date()),
        };
        self.add_reactions(reference, &mut member).await?;
        Ok(Some(member))
    }

    /// Returns the customer's level in each dimension: the one that the plan assigned, or else the one in the published
    /// result.
    fn levels(&self, reference: &CustomerRef, record: Option<&Evidence>) -> BTreeMap<Dimension, String> {
        let assigned = assign_in(self.request, self.vault.keys(), reference);
        let published = record.filter(|record| record.is_published());
        let made_by = published.and_then(|record| record.made_by.as_ref());
        let shape = assigned.shape.or(published.and_then(|record| record.media.as_ref()).map(|_| self.request.shape));
        let phrase_set = assigned.tone.map(|tone| tone.as_str().to_owned()).or_else(|| {
            let book = made_by?.phrasebook.as_ref()?;
            Some(format!("{} {}", book.language, book.version))
        });
        let voice = made_by.and_then(|made_by| made_by.voice.clone());
        let levels = [
            (Dimension::PhraseSet, phrase_set),
            (Dimension::Shape, shape.map(|shape| shape.as_str().to_owned())),
            (Dimension::Voice, voice),
        ];
        levels.into_iter().filter_map(|(dimension, level)| Some((dimension, level?))).collect()
    }

    async fn add_reactions(&self, reference: &CustomerRef, member: &mut GroupMember) -> Result<(), Failure> {
        for listed in self.vault.store().list(&Prefix::Reactions(reference.clone())).await? {
            let Some(key) = ObjectKey::reaction(&listed.key) else { continue };
            match existing(self.vault.read_json::<Reaction>(Owner::Customer(reference), &key).await)? {
                Some((Reaction::Page { run, event, .. }, _)) if run == *self.run => {
                    member.events.insert(event);
                }
                Some((Reaction::Adopted { product, on }, _)) => member.adoptions.push((product, on)),
                Some((Reaction::Page { .. }, _)) | None => {}
            }
        }
        Ok(())
    }
}

/// Returns the value, or `None` if its object does not exist or can no longer be opened, as after an erasure.
pub(super) fn existing<T>(read: Result<T, VaultError>) -> Result<Option<T>, Failure> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.name(), ErrorName::StoreNotFound | ErrorName::SealBroken) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
