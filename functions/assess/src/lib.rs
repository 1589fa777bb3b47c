//! The assess stage: decides what later stages may know of a customer, and what the bank would offer, or that it sells
//! nothing. Writes an [`Assessment`] to `facts.json`, sealed with the customer's key.
//!
//! **Invariant:** knows no AWS, no network and no other stage. Nothing reaches [`Facts`] but what this table
//! lists, and nothing of a post without [`policy::consent::SocialConsent`], which only the gate makes.
//!
//! | Fact | From | Used for | Why it is no proxy for a protected class |
//! |---|---|---|---|
//! | `first_name` | profile | the greeting, by code; no model sees it, no rule reads it | no choice depends on it, so what a name suggests changes nothing |
//! | `adviser` | profile | the closing, by code | says who at the bank answers, nothing of the customer |
//! | `spending` | payments of 180 days, by the lexicon's words for the bank's own category | scores, and grounds that may be told | closed list without health, childcare, giving, religion, politics, remittances; unlisted words count nowhere, not even in the total |
//! | `recurring` | payments of 180 days of the same closed list, to the same payee in a steady rhythm | scores | names a category of the list above and nobody who was paid: payees are compared, and not kept |
//! | `signs` | the same payments, and the mortgages that the bank itself granted | scores; which products are for businesses | follows from `spending` and `products_held` only |
//! | `products_held` | profile, only what the catalogue lists | never to offer what is held; what goes with it | the bank's own contracts with the customer |
//! | `income` | profile, one of four bands, only if a chosen product asks | the catalogue's eligibility; never a score, never told | Reg B (12 CFR 1002.6) allows income; its source, which may be public assistance, is never read |
//! | `balance` | profile, one of four bands, only if a chosen product asks | as `income` | an amount held, not who holds it |
//! | `tenure` | profile, one of three bands, only if a chosen product asks | as `income` | the last band begins at five years, which a customer of any age may reach, so that it does not stand for age |
//! | `mood.sentiment` | consented posts, VADER | evidence, and tone of voice | a label of three; no word of a post |
//! | `mood.topics` | consented posts, the lexicon's words | to stop selling; to weigh products of that topic | closed list; hardship only stops selling, whatever its cause, and never chooses a product |
//! | `mood.five_word_runs` | consented posts, keyed digests | the guard's search for an echo | cannot be read back; compared, never scored |
//! | `stance`, `candidates` | the facts above and the catalogue | what is said; the evidence of why | follows from the rows above only |
//! | `consent` | the workbooks' consent cells, and `control/consents.csv` | the evidence | decides whether anything is done, not what |
//!
//! `docs/facts.md` has the same table; a test holds the two, and the fields of [`Facts`], together.
//!
//! Age, sex, marital status, race, religion, national origin, address and zip code are in no type that this stage reads.

pub mod features;
pub mod lexicon;
pub mod mood;
pub mod rank;
pub mod stance;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use contracts::catalogue::{Catalogue, Category, Eligibility};
use contracts::consent::ConsentAsRead;
use contracts::facts::{Assessment, Facts, Skip, Stance};
use contracts::key::{Artefact, DatasetPart, RunPart};
use contracts::request::Request;
use contracts::settings::Settings;
use contracts::stage::{AssessInput, AssessOutput, IndexRow};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy::consent::{Permission, gate};
use policy::contact_cap::heard_lately;
use policy::control::{self, Control, ControlError};
use policy::customer::{Customer, CustomerRecord, open_record};
use storage::store::StoreError;
use storage::vault::{Keys, Owner, Vault, VaultError};
use thiserror::Error;

pub use crate::lexicon::{Lexicon, LexiconError};
use crate::rank::Known;

/// What the stage works with.
pub struct Deps<'a> {
    /// Where the dataset and the request lie, and where the facts go.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The words for spending and topics.
    pub lexicon: &'a Lexicon,
    /// The time: what a product's dates and the frequency cap are counted by.
    pub now: Timestamp,
}

/// By what a customer is judged. Holds no customer's data.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The words for spending and topics.
    pub lexicon: &'a Lexicon,
    /// For the keyed digests of posts.
    pub keys: &'a Keys,
    /// The lines of business to recommend from.
    pub categories: &'a [Category],
    /// The most offers.
    pub at_most: usize,
    /// The day on which a product must be valid.
    pub today: Date,
}

/// What the stage can fail with.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `control/` cannot be read, so that nobody may be contacted.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// What the run was started with is no longer there.
    #[error("the {what} changed since the run {run} was started")]
    Changed {
        /// `catalogue`, `lexicon` or `settings`.
        what: &'static str,
        /// The run.
        run: RunId,
    },
    /// The request names no line of business.
    #[error("the request of the run {run} names no category")]
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
            Self::NoCategory { .. } => Some("name at least one of the five categories".to_owned()),
        }
    }
}

/// Decides for one customer. A result that lies there from the same inputs stands: `control/` and what the customer heard
/// before may change at any time and are no part of the inputs, because `publish` asks for both again.
pub async fn run(input: AssessInput, deps: &Deps<'_>) -> Result<AssessOutput, Error> {
    let request = read_request(&input.run, deps).await?;
    let AssessInput { run, dataset, row } = input;
    let key = ObjectKey::Customer(row.reference.clone(), run.clone(), Artefact::Facts);
    let inputs = inputs(&row.digest, &request);
    let owner = Owner::Customer(&row.reference);
    let control = control::read(deps.vault.store(), &row.reference, deps.now).await?;
    if control.forgotten {
        // The line does not open any more, and nothing may be sealed for them again.
        return Ok(AssessOutput { run, reference: row.reference, proceed: false });
    }
    if let Some(found) = deps.vault.find_json(owner, &key, &inputs).await? {
        return Ok(output(run, &row.reference, &found, &control));
    }

    let record = read_record(&dataset, &row, deps).await?;
    let rules = Rules {
        catalogue: deps.catalogue,
        lexicon: deps.lexicon,
        keys: deps.vault.keys(),
        categories: &request.categories,
        at_most: deps.settings.offers.at_most,
        today: deps.now.to_zoned(TimeZone::UTC).date(),
    };
    let days = deps.settings.offers.at_most_every_days;
    let assessment = match assess(record, &control, &rules) {
        Assessment::Proceed(facts)
            if heard_lately(deps.vault.store(), &row.reference, &run, days, deps.now).await? =>
        {
            Assessment::Skip { skip: Skip::HeardLately, consent: facts.consent }
        }
        decided => decided,
    };
    let stands = deps.vault.write_json(owner, &key, &inputs, assessment).await?;
    let output = output(run, &row.reference, &stands, &control);
    tracing::info!(run = %output.run, customer = %output.reference, proceed = output.proceed, "assessed");
    Ok(output)
}

async fn read_request(run: &RunId, deps: &Deps<'_>) -> Result<Request, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    let (request, _) = deps.vault.read_json::<Request>(Owner::Run, &key).await?;
    let started_with = [
        ("catalogue", request.catalogue, deps.catalogue.digest()),
        ("lexicon", request.lexicon, deps.lexicon.digest()),
        ("settings", request.settings, deps.settings.digest()),
    ];
    if let Some((what, ..)) = started_with.into_iter().find(|(_, then, now)| then != now) {
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

/// The digest of all that determines the result. Catalogue, lexicon and settings are in it through the request.
fn inputs(line: &Digest, request: &Request) -> Digest {
    let request = Digest::of_json(request);
    Digest::of_parts([line.as_bytes(), request.as_bytes().as_slice(), env!("CARGO_PKG_VERSION").as_bytes()])
}

/// Of a result that was found again, nothing is made that could not be published.
fn output(run: RunId, reference: &CustomerRef, assessment: &Assessment, control: &Control) -> AssessOutput {
    let proceed = match assessment {
        Assessment::Proceed(facts) => control.forbids(facts.mood.is_some()).is_none(),
        Assessment::Skip { .. } => false,
    };
    AssessOutput { run, reference: reference.clone(), proceed }
}

/// Decides from the record and from what `control/` says now. The gate is asked again, so that a record that an older or a
/// faulty `merge` wrote gives no more than its consent allows.
#[must_use]
pub fn assess(record: CustomerRecord, control: &Control, rules: &Rules<'_>) -> Assessment {
    let with_control = |consent| ConsentAsRead { control: Some(control.as_read.clone()), ..consent };
    let mut customer = match record {
        CustomerRecord::Refused { refusal, as_read, .. } => {
            return Assessment::Skip { skip: Skip::NoConsent(refusal), consent: with_control(as_read) };
        }
        CustomerRecord::Given(customer) => *customer,
    };
    customer.consent = with_control(customer.consent);
    let permitted = gate(&customer.consent.readings).map_err(Skip::NoConsent);
    let skip = match permitted.and_then(|permission| control.narrow(permission)) {
        Err(skip) => skip,
        Ok(permission) => match facts(&customer, permission, rules) {
            Some(facts) => return Assessment::Proceed(facts),
            None => Skip::NoSuitableOffer,
        },
    };
    Assessment::Skip { skip, consent: customer.consent }
}

/// The facts and the stance; nothing if there is neither trouble to answer to nor an offer that fits.
fn facts(customer: &Customer, permission: Permission, rules: &Rules<'_>) -> Option<Facts> {
    let Rules { catalogue, lexicon, keys, categories, at_most, today } = *rules;
    let mood = permission.social.ok().and_then(|proof| mood::mood(&proof, customer, lexicon, keys));
    let payments = features::Payments::of(&customer.transactions, customer.as_of, lexicon);
    // What is no product of the catalogue is a cell of the workbook, and no fact.
    let mut products_held = customer.profile.products_held.clone();
    products_held.retain(|id| catalogue.product(id).is_some());
    products_held.sort_unstable();
    products_held.dedup();
    let asked = |of: fn(&Eligibility) -> bool| {
        let mut chosen = catalogue.products().iter().filter(|product| categories.contains(&product.category));
        chosen.any(|product| of(&product.eligibility))
    };
    let income = customer.profile.income.filter(|_| asked(|rule| rule.min_income.or(rule.max_income).is_some()));
    let balance = customer.profile.account_balance.filter(|_| asked(|rule| rule.min_balance.is_some()));
    let since = customer.profile.customer_since.filter(|_| asked(|rule| rule.min_tenure.is_some()));

    let spending = payments.spending();
    let recurring = payments.recurring();
    let signs = payments.signs(products_held.iter().filter_map(|id| catalogue.product(id)));
    let known = Known {
        spending: &spending,
        recurring: &recurring,
        signs: &signs,
        held: &products_held,
        income: income.map(features::income_band),
        balance: balance.map(features::balance_band),
        tenure: since.map(|since| features::tenure(since, customer.as_of)),
        mood: mood.as_ref(),
    };
    let ranked = rank::rank(catalogue, categories, known, today);
    let stance = if let Some(topic) = stance::trouble(mood.as_ref()) {
        Stance::Service { topic }
    } else {
        let offers = rank::choose(&ranked, at_most);
        (!offers.is_empty()).then_some(Stance::Recommend { offers })?
    };
    let Known { income, balance, tenure, .. } = known;
    Some(Facts {
        reference: customer.reference.clone(),
        first_name: customer.profile.first_name.clone(),
        adviser: customer.profile.adviser.clone(),
        candidates: ranked.into_iter().map(|ranked| ranked.candidate).collect(),
        spending,
        products_held,
        income,
        balance,
        recurring,
        signs,
        tenure,
        mood,
        stance,
        consent: customer.consent.clone(),
    })
}
