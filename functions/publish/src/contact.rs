//! Checks whether anything may be published to the customer now.

use contracts::facts::{Facts, Skip};
use contracts::key::{Area, Artefact, Prefix, RunPart};
use contracts::request::Request;
use contracts::stage::IndexRow;
use contracts::{Digest, ObjectKey};
use policy::contact_cap::heard_lately;
use policy::control;
use policy::recall::is_recalled;

use crate::Deps;
use crate::error::Error;
use crate::place::Place;

/// A reason why nothing may be published to the customer.
pub struct Blocked {
    pub skip: Skip,
    /// Whether the customer's posts contributed to the result, and the customer has since withdrawn consent to use
    /// them.
    pub posts_withdrawn: bool,
}

impl Blocked {
    pub const fn because(skip: Skip) -> Self {
        Self { skip, posts_withdrawn: false }
    }
}

/// Returns the reason why nothing may be published to the customer, or `None` if publishing is allowed. Adds the
/// control data that was read to the consent in `facts`.
pub async fn find_block(
    deps: &Deps<'_>,
    place: Place<'_>,
    request: &Request,
    facts: &mut Facts,
) -> Result<Option<Blocked>, Error> {
    let store = deps.vault.store();
    let from_posts = facts.mood.is_some();
    let control = control::read(deps.vault, place.reference, deps.now).await?;
    let skip = control.forbids(from_posts);
    let posts_withdrawn = from_posts && control.withdraws_posts();
    let offered = facts.stance.offered().filter_map(|id| deps.catalogue.product(id));
    let ruled_out = control.rules_out(offered, facts.uses_payments());
    facts.consent.control = Some(control.as_read);
    if let Some(skip) = skip {
        return Ok(Some(Blocked { skip, posts_withdrawn }));
    }
    if ruled_out {
        return Ok(Some(Blocked::because(Skip::ChoicesChanged)));
    }
    if is_recalled(store, place.run, place.reference).await? {
        return Ok(Some(Blocked::because(Skip::Recalled)));
    }
    if heard_lately(store, place.reference, place.run, request.at_most_every_days, deps.now).await? {
        return Ok(Some(Blocked::because(Skip::HeardLately)));
    }
    Ok(None)
}

/// Returns whether a dataset written since the customer's assessment contains different data about the customer, or
/// whether the assessment is gone.
pub async fn is_outdated(deps: &Deps<'_>, place: Place<'_>) -> Result<bool, Error> {
    let store = deps.vault.store();
    let facts = place.key(Artefact::Facts).to_string();
    let own = store.list(&Prefix::Customer(place.reference.clone())).await?;
    let Some(assessed) = own.iter().find(|object| object.key == facts).map(|object| object.modified) else {
        return Ok(true);
    };
    let own_index = ObjectKey::Run(place.run.clone(), RunPart::Index);
    let own_row = match store.find(&own_index).await? {
        Some(csv) => find_row(&csv, place),
        None => None,
    };
    for object in store.list(&Prefix::Area(Area::Datasets)).await? {
        let Some(index) = ObjectKey::dataset_index(&object.key).filter(|_| object.modified >= assessed) else {
            continue;
        };
        let Some(csv) = store.find(&index).await? else { continue };
        let row = find_row(&csv, place);
        if row.is_some() && row != own_row {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the digest of the customer's row in a dataset.
fn find_row(csv: &[u8], place: Place<'_>) -> Option<Digest> {
    let rows = IndexRow::read_all(csv).ok()?;
    rows.into_iter().find(|row| row.reference == *place.reference).map(|row| row.digest)
}
