//! The assess stage: decides which facts later stages may use, and which products to offer, if any. Writes an
//! [`Assessment`] to `facts.json`, sealed with the customer's key.
//!
//! **Invariant:** the stage does not depend on AWS, the network or another stage. [`Facts`] contains only the facts in
//! the table in `docs/concepts/consent-and-facts.md`, which lists the source and use of each fact. A test compares that
//! table with `Facts`. Facts from posts require a [`policy::consent::SocialConsent`], which only the consent gate
//! creates.
//!
//! Before ranking, the stage ends the assessment if a post suggests danger to life, or if the profile or the payments
//! contain a fact that stops every message.
//!
//! No type that this stage reads contains age, sex, marital status, race, religion, national origin, address or zip
//! code.

mod admission;
mod decision;
mod dry_run;
pub mod features;
pub mod lexicon;
pub mod mood;
pub mod post_weights;
pub mod rank;
pub mod stance;
pub mod stop_phrases;
pub mod stops;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use contracts::catalogue::{Catalogue, Category, Eligibility};
use contracts::choice::Choice;
use contracts::consent::ConsentAsRead;
use contracts::facts::{Assessment, Facts, Skip, Stance, StopScope};
use contracts::key::{Artefact, DatasetPart, RunPart};
use contracts::request::{ChangedInput, CurrentInput, Request};
use contracts::settings::Settings;
use contracts::stage::{AssessInput, AssessOutput, IndexRow};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, Languages, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy::consent::{Permission, gate};
use policy::contact_cap::heard_lately;
use policy::control::{self, Control, ControlError};
use policy::customer::{Customer, CustomerRecord, open_record};
use policy::experiment::is_held_out;
use storage::store::StoreError;
use storage::vault::{Keys, Owner, Vault, VaultError};
use thiserror::Error;

use crate::decision::{Decision, Material, PaymentFacts};

pub use crate::admission::admit;
pub use crate::dry_run::record_dry_run;
pub use crate::lexicon::{Lexicon, LexiconError};
use crate::rank::RankingInput;

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The vault with the dataset and the request; the stage writes the facts to it.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The words for spending and topics.
    pub lexicon: &'a Lexicon,
    /// The current time, for the products' validity dates, `control/` and the contact cap.
    pub now: Timestamp,
}

/// The rules for assessing a customer. They do not contain any customer data.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The words for spending and topics.
    pub lexicon: &'a Lexicon,
    /// The keys for the keyed digests of five-word runs in posts.
    pub keys: &'a Keys,
    /// The lines of business from which products may be recommended.
    pub categories: &'a [Category],
    /// The maximum number of offers for one customer.
    pub at_most: usize,
    /// The age, in days, after which a post or a payment no longer stops offers.
    pub stop_days: i32,
    /// The day on which offered products must be valid.
    pub today: Date,
    /// The languages in which the bank addresses customers.
    pub languages: &'a Languages,
}

/// An error from the stage.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object could not be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `control/` cannot be read, so it is unknown whether the customer may be contacted.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The catalog, the lexicon or the settings differ from those at the start of the run.
    #[error("the {what} changed since run {run} started")]
    Changed {
        /// `catalog`, `lexicon` or `settings`.
        what: &'static str,
        /// The run.
        run: RunId,
    },
    /// The request lists no line of business.
    #[error("the request for run {run} lists no category")]
    NoCategory {
        /// The run.
        run: RunId,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Control(error) => error.name(),
            Self::Changed { .. } => ErrorName::ConfigChanged,
            Self::NoCategory { .. } => ErrorName::InputInvalidRequest,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Store(error) => error.help(),
            Self::Control(error) => error.help(),
            Self::Changed { .. } => Some("start a new run".to_owned()),
            Self::NoCategory { .. } => Some("list at least one of the five categories".to_owned()),
        }
    }
}

/// Assesses one customer. Reuses an existing result for the same inputs. The inputs exclude `control/` and the
/// customer's earlier contacts, which may change at any time. `publish` checks both again.
pub async fn run(input: AssessInput, deps: &Deps<'_>) -> Result<AssessOutput, Error> {
    let request = read_request(&input.run, deps).await?;
    let AssessInput { run, dataset, row } = input;
    let key = ObjectKey::Customer(row.reference.clone(), run.clone(), Artefact::Facts);
    let inputs = inputs_digest(&row.digest, &request);
    let owner = Owner::Customer(&row.reference);
    let control = control::read(deps.vault, &row.reference, deps.now).await?;
    if control.forgotten {
        // The customer was erased, so their row cannot be opened and no new object may be sealed for them.
        return Ok(AssessOutput { run, reference: row.reference, proceed: false });
    }
    if let Some(found) = deps.vault.find_json(owner, &key, &inputs).await? {
        return Ok(output(run, &row.reference, &found, &control, deps.catalogue));
    }

    let record = read_record(&dataset, &row, deps).await?;
    let rules = Rules {
        catalogue: deps.catalogue,
        lexicon: deps.lexicon,
        keys: deps.vault.keys(),
        categories: &request.categories,
        at_most: deps.settings.offers.at_most,
        stop_days: deps.settings.offers.stops_age_out_days.into(),
        today: deps.now.to_zoned(TimeZone::UTC).date(),
        languages: &request.languages,
    };
    let days = request.at_most_every_days;
    let assessment = match assess(record, &control, &rules) {
        Assessment::Proceed(facts) if !request.selects(&facts) => {
            Assessment::Skip { skip: Skip::OutsideSegment, consent: facts.consent }
        }
        Assessment::Proceed(facts)
            if heard_lately(deps.vault.store(), &row.reference, &run, days, deps.now).await? =>
        {
            Assessment::Skip { skip: Skip::HeardLately, consent: facts.consent }
        }
        Assessment::Proceed(facts) if is_held_out(&request, deps.vault.keys(), &facts) => Assessment::HeldOut(facts),
        assessment => assessment,
    };
    let written = deps.vault.write_json(owner, &key, &inputs, assessment).await?;
    let output = output(run, &row.reference, &written, &control, deps.catalogue);
    tracing::info!(run = %output.run, customer = %output.reference, proceed = output.proceed, "assessed customer");
    Ok(output)
}

async fn read_request(run: &RunId, deps: &Deps<'_>) -> Result<Request, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    let (request, _) = deps.vault.read_json::<Request>(Owner::Run, &key).await?;
    let current = [
        CurrentInput::Catalogue(deps.catalogue.digest()),
        CurrentInput::Lexicon(deps.lexicon.digest()),
        CurrentInput::Settings(deps.settings.digest()),
    ];
    if let Err(ChangedInput(what)) = request.ensure_unchanged(current) {
        return Err(Error::Changed { what, run: run.clone() });
    }
    if request.categories.is_empty() {
        return Err(Error::NoCategory { run: run.clone() });
    }
    Ok(request)
}

async fn read_record(dataset: &DatasetId, row: &IndexRow, deps: &Deps<'_>) -> Result<CustomerRecord, Error> {
    let key = ObjectKey::Dataset(dataset.clone(), DatasetPart::Customers);
    let line = deps.vault.store().get_range(&key, row.offset, row.length).await?;
    Ok(open_record(deps.vault, row, &line).await?)
}

/// Returns the digest of everything that determines the result. The request contains the digests of the catalog, the
/// lexicon and the settings.
fn inputs_digest(row: &Digest, request: &Request) -> Digest {
    let request = Digest::of_json(request);
    Digest::of_parts([row.as_bytes(), request.as_bytes().as_slice(), env!("CARGO_PKG_VERSION").as_bytes()])
}

/// Returns the stage's output. Even a positive assessment does not proceed if `control/` forbids its publication.
fn output(
    run: RunId,
    reference: &CustomerRef,
    assessment: &Assessment,
    control: &Control,
    catalogue: &Catalogue,
) -> AssessOutput {
    let proceed = match assessment {
        Assessment::Proceed(facts) => {
            let offered = facts.stance.offered().filter_map(|id| catalogue.product(id));
            control.forbids(facts.mood.is_some()).is_none() && !control.rules_out(offered, facts.uses_payments())
        }
        Assessment::HeldOut(_) | Assessment::Skip { .. } => false,
    };
    AssessOutput { run, reference: reference.clone(), proceed }
}

/// Assesses a record under the current `control/`. Leaves the contact cap and the control group to [`run`]. Applies the
/// consent gate again, so a record from an older or faulty `merge` cannot exceed the customer's consent.
#[must_use]
pub fn assess(record: CustomerRecord, control: &Control, rules: &Rules<'_>) -> Assessment {
    let with_control = |consent| ConsentAsRead { control: Some(control.as_read.clone()), ..consent };
    let mut customer = match record {
        CustomerRecord::Refused { refusal, as_read, .. } => {
            return Assessment::Skip { skip: Skip::NoConsent(refusal), consent: with_control(*as_read) };
        }
        CustomerRecord::Given(customer) => *customer,
    };
    customer.consent = with_control(customer.consent);
    let permitted = gate(&customer.consent.readings).map_err(Skip::NoConsent);
    let skip = match permitted.and_then(|permission| control.narrow(permission)) {
        Err(skip) => skip,
        Ok(permission) => match facts(&customer, permission, &control.as_read.choices, rules) {
            Ok(facts) => return Assessment::Proceed(facts),
            Err(skip) => skip,
        },
    };
    Assessment::Skip { skip, consent: customer.consent }
}

/// Returns the facts and the stance. Skips a customer if a fact stops every message, or if there is neither a suitable
/// offer nor a problem that needs a service message.
fn facts(
    customer: &Customer,
    permission: Permission,
    choices: &BTreeSet<Choice>,
    rules: &Rules<'_>,
) -> Result<Facts, Skip> {
    let Rules { catalogue, lexicon, keys, categories, at_most, stop_days, today, languages } = *rules;
    let language = languages.choose(customer.profile.language);
    let findings =
        permission.social.ok().and_then(|proof| mood::read_posts(&proof, customer, lexicon, keys, stop_days));
    let needs_person = findings.as_ref().is_some_and(|findings| findings.needs_person);
    let stops = stops::of(customer, needs_person, stop_days);
    if let Some(stop) = stops.iter().find(|stop| stop.scope() == StopScope::Everything) {
        return Err(Skip::Stopped(*stop));
    }
    let mood = findings.map(|findings| findings.mood);
    let payments = features::Payments::of(&customer.transactions, customer.as_of, lexicon);
    // An id that is not in the catalog is merely the content of a cell, not a fact.
    let mut products_held = customer.profile.products_held.clone();
    products_held.retain(|id| catalogue.product(id).is_some());
    products_held.sort_unstable();
    products_held.dedup();
    let is_needed = |condition: fn(&Eligibility) -> bool| {
        let mut chosen = catalogue.products().iter().filter(|product| categories.contains(&product.category));
        chosen.any(|product| condition(&product.eligibility))
    };
    let income = customer.profile.income.filter(|_| is_needed(|rule| rule.min_income.or(rule.max_income).is_some()));
    let balance = customer.profile.account_balance.filter(|_| is_needed(|rule| rule.min_balance.is_some()));
    let since = customer.profile.customer_since.filter(|_| is_needed(|rule| rule.min_tenure.is_some()));

    let held = || products_held.iter().filter_map(|id| catalogue.product(id));
    let with_payments =
        PaymentFacts { spending: payments.spending(), recurring: payments.recurring(), signs: payments.signs(held()) };
    let no_payments = features::Payments::of(&[], customer.as_of, lexicon);
    let without_payments = PaymentFacts { signs: no_payments.signs(held()), ..PaymentFacts::default() };
    let input = RankingInput {
        spending: &[],
        recurring: &[],
        signs: &[],
        held: &products_held,
        income: income.map(features::income_band),
        balance: balance.map(features::balance_band),
        tenure: since.map(|since| features::tenure(since, customer.as_of)),
        mood: None,
        stops: &stops,
        probably_held: &customer.profile.probably_held,
        language,
        choices,
    };
    let material = Material {
        catalogue,
        categories,
        at_most,
        today,
        input,
        with_payments: &with_payments,
        without_payments: &without_payments,
        mood: mood.as_ref(),
    };
    let Decision { ranked, stance } = material.decide(choices);
    let stance = stance.ok_or(Skip::NoSuitableOffer)?;
    let counterfactuals = match &stance {
        Stance::Recommend { offers } => material.counterfactuals(offers, choices),
        Stance::Service { .. } => Vec::new(),
    };
    let candidates = ranked.into_iter().map(|ranked| ranked.candidate).collect();
    let PaymentFacts { spending, recurring, signs } = material.payments(choices).clone();
    let RankingInput { income, balance, tenure, .. } = input;
    Ok(Facts {
        reference: customer.reference.clone(),
        first_name: customer.profile.first_name.clone(),
        adviser: customer.profile.adviser.clone(),
        language,
        candidates,
        counterfactuals,
        spending,
        products_held,
        income,
        balance,
        recurring,
        signs,
        tenure,
        stops,
        mood,
        stance,
        consent: customer.consent.clone(),
    })
}
