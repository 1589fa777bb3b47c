//! Checks whether anything may be published to the customer now.

use contracts::facts::{Facts, Skip};
use policy::contact_cap::heard_lately;
use policy::control;
use policy::recall::is_recalled;

use crate::Deps;
use crate::error::Error;
use crate::place::Place;

/// A reason why nothing may be published to the customer.
pub struct Blocked {
    pub skip: Skip,
    /// Whether the customer's posts contributed to the result, and the customer has since withdrawn their use.
    pub posts_withdrawn: bool,
}

impl Blocked {
    pub const fn because(skip: Skip) -> Self {
        Self { skip, posts_withdrawn: false }
    }
}

/// Returns the reason why nothing may be published to the customer, or `None` if publishing is allowed. Records in the
/// facts which version of `control/` was read.
pub async fn find_block(deps: &Deps<'_>, place: Place<'_>, facts: &mut Facts) -> Result<Option<Blocked>, Error> {
    let store = deps.vault.store();
    let from_posts = facts.mood.is_some();
    let control = control::read(store, place.reference, deps.now).await?;
    let skip = control.forbids(from_posts);
    let posts_withdrawn = from_posts && control.withdraws_posts();
    facts.consent.control = Some(control.as_read);
    if let Some(skip) = skip {
        return Ok(Some(Blocked { skip, posts_withdrawn }));
    }
    if is_recalled(store, place.run, place.reference).await? {
        return Ok(Some(Blocked::because(Skip::Recalled)));
    }
    let days = deps.settings.offers.at_most_every_days;
    if heard_lately(store, place.reference, place.run, days, deps.now).await? {
        return Ok(Some(Blocked::because(Skip::HeardLately)));
    }
    Ok(None)
}
