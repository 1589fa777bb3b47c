//! The publish stage: ends one customer's part of a run in exactly one outcome, and proves it.
//!
//! Text and media under their final keys count as published only once `evidence.json` says so; it is written last and
//! once. Whoever finds it adopts what it says: of two writers that disagree, the first one's record stands, and what it
//! does not call published is taken away.
//!
//! What the settings put before a person waits ([`contracts::review`]) and is published by nobody, here or on AWS, before a
//! decision lies there that is about this very text and video. What was taken back ([`recall`]) or belongs to somebody who
//! was forgotten ([`forget`]) is not published again.
//!
//! **Invariant:** knows nothing of AWS, of Lambda, of the file system or of the other stages.

mod artefacts;
pub mod forget;
mod personal;
pub mod recall;
pub mod review;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::evidence::{Evidence, FailureRecord, MadeBy, Outcome, PersonalEvidence};
use contracts::facts::{Assessment, Facts, Skip};
use contracts::key::{Artefact, RunPart};
use contracts::media::MediaFacts;
use contracts::request::Request;
use contracts::review::{Choice, Decision, Reviewed, Seen, Waiting, Why};
use contracts::script::{Script, WrittenBy};
use contracts::settings::Settings;
use contracts::stage::{Failure, PublishInput};
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey, ProductId, RunId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy::contact_cap;
use policy::contact_cap::heard_lately;
use policy::control::{self, ControlError};
use policy::recall::is_recalled;
use policy::review::policy;
use storage::store::{StoreError, Written};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;

pub use personal::{open_personal, personal_place};
pub use text::recommendation_text;

/// What the stage works with.
pub struct Deps<'a> {
    /// Where sealed objects lie.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// What the bank always says.
    pub brand: &'a Brand,
    /// The time that is written into the record.
    pub now: Timestamp,
}

/// Why a customer's outcome could not be recorded.
#[derive(Debug, Error)]
pub enum Error {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A published file is not the one that the stage which made it recorded.
    #[error("{key}: changed since it was made")]
    Changed {
        /// The object's key.
        key: String,
    },
    /// Under a final key lies something else than what the same script gives.
    #[error("{key}: holds another text than this script gives")]
    OtherText {
        /// The object's key.
        key: String,
    },
    /// The record of the render names no such file.
    #[error("{key}: does not name {missing}", missing = .missing.file_name())]
    Unrecorded {
        /// The key of the record.
        key: String,
        /// What it should name.
        missing: Artefact,
    },
    /// A plain JSON object cannot be read. It holds nothing personal, so that the cause may be told.
    #[error("{key}: not what this version writes")]
    Malformed {
        /// The object's key.
        key: String,
        /// Where.
        source: serde_json::Error,
    },
    /// What `control/` says cannot be understood. Nothing is published on a guess.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The catalogue or the settings are not those that the run was started with.
    #[error("the {what} changed since run {run} was started")]
    ChangedSince {
        /// `catalogue` or `settings`.
        what: &'static str,
        /// The run.
        run: RunId,
    },
    /// The text in a script did not pass the guard. What is held has the templates' text, which did.
    #[error("{key}: the guard did not pass this text")]
    NotPassed {
        /// The key of the script.
        key: String,
    },
    /// What lies there is not what the reviewer was shown.
    #[error("{key}: is about another text or video than the one that lies there")]
    NotAsReviewed {
        /// The key of the decision, or of what waits for one.
        key: String,
    },
    /// Nothing waits for a decision.
    #[error("nothing of run {run} waits for review for this customer")]
    NotWaiting {
        /// The run.
        run: RunId,
    },
    /// There is no such run.
    #[error("there is no run {run}, or it came no further than its workbooks")]
    NoSuchRun {
        /// The run.
        run: RunId,
    },
    /// A name or a reason that cannot be put on record.
    #[error("{what} must have 1 to {longest} characters, none of them a control character")]
    Words {
        /// `the name` or `the reason`.
        what: &'static str,
        /// In characters.
        longest: usize,
    },
    /// No customer of any dataset has this id.
    #[error("no dataset has a customer with that id: nothing was done")]
    UnknownCustomer,
    /// The customer must be kept.
    #[error("nothing was destroyed: the customer is under {}", holds.join(", "))]
    OnHold {
        /// The names of the holds.
        holds: Vec<String>,
    },
    /// A product may not be offered any more.
    #[error("product {product} is not offered on this day")]
    Expired {
        /// The product.
        product: ProductId,
    },
    /// The script shows a product otherwise than the catalogue has it.
    #[error("{key}: product {product} is not as the catalogue has it")]
    OtherProduct {
        /// The key of the script.
        key: String,
        /// The product.
        product: ProductId,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Changed { .. } | Self::Malformed { .. } | Self::NotAsReviewed { .. } => ErrorName::SealBroken,
            Self::NotWaiting { .. } => ErrorName::ReviewNotWaiting,
            Self::NoSuchRun { .. } | Self::Words { .. } => ErrorName::InputInvalidRequest,
            Self::OnHold { .. } => ErrorName::ForgetOnHold,
            Self::UnknownCustomer => ErrorName::InputUnknownCustomer,
            Self::OtherText { .. } => ErrorName::StoreConflict,
            Self::Unrecorded { .. } => ErrorName::StoreNotFound,
            Self::Control(error) => error.name(),
            Self::ChangedSince { .. } | Self::Expired { .. } | Self::OtherProduct { .. } | Self::NotPassed { .. } => {
                ErrorName::ConfigChanged
            }
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::ChangedSince { .. }
            | Self::Expired { .. }
            | Self::OtherProduct { .. }
            | Self::OtherText { .. }
            | Self::NotPassed { .. }
            | Self::NotAsReviewed { .. } => Some("start a new run".to_owned()),
            Self::NotWaiting { .. } => Some("list what waits: bespoke review".to_owned()),
            Self::OnHold { .. } => Some(
                "they are suppressed from now on; once the hold has ended, take it off and forget them then".to_owned(),
            ),
            Self::UnknownCustomer => {
                Some("ids are text: 0001 is not 1; to keep somebody out who was never in, suppress them".to_owned())
            }
            Self::Control(error) => error.help(),
            Self::Store(_)
            | Self::Changed { .. }
            | Self::Unrecorded { .. }
            | Self::Malformed { .. }
            | Self::NoSuchRun { .. }
            | Self::Words { .. } => None,
        }
    }
}

/// What led to an outcome, and all that the record says of it.
struct Ending {
    outcome: Outcome,
    artefacts: BTreeMap<Artefact, Digest>,
    made_by: Option<MadeBy>,
    media: Option<MediaFacts>,
    from_posts: bool,
    review: Option<Reviewed>,
    personal: PersonalEvidence,
}

/// How far a customer's part has come.
#[expect(clippy::large_enum_variant, reason = "one at a time, and at once taken apart")]
enum Reached {
    /// To its end.
    End(Ending),
    /// To where a person must look.
    Review(Waiting),
}

/// Publishes one customer's result, or records why there is none. Doing it again gives the first outcome, unless the
/// customer has objected or withdrawn consent since: then what was published is taken away. What waits for a person is
/// [`Outcome::Held`] without evidence, and doing it again once it is decided ends it.
pub async fn run(input: PublishInput, deps: &Deps<'_>) -> Result<Outcome, Error> {
    let place = Place { run: &input.run, reference: &input.reference };
    if let Some(evidence) = find_evidence(deps, place).await? {
        return settle(deps, place, evidence).await;
    }
    if deps.vault.store().find(&ObjectKey::Forgotten(input.reference.clone())).await?.is_some() {
        // A stage that was under way may have left something.
        forget::erase(deps.vault.store(), place.reference).await?;
        return Ok(Outcome::Skipped { skip: Skip::Suppressed });
    }
    if let Some(failure) = input.failure {
        return record_failure(deps, place, failure).await;
    }
    let (request, request_digest): (Request, _) =
        deps.vault.read_json(Owner::Run, &ObjectKey::Run(input.run.clone(), RunPart::Request)).await?;
    let started_with = [
        ("catalogue", request.catalogue == deps.catalogue.digest()),
        ("settings", request.settings == deps.settings.digest()),
    ];
    if let Some((what, _)) = started_with.into_iter().find(|(_, same)| !same) {
        return Err(Error::ChangedSince { what, run: input.run });
    }
    match end(deps, place, input.video).await? {
        Reached::End(ending) => {
            let evidence = write_evidence(deps, place, request_digest, ending).await?;
            settle(deps, place, evidence).await
        }
        Reached::Review(waiting) => wait(deps, place, waiting).await,
    }
}

/// Puts a result before a person.
async fn wait(deps: &Deps<'_>, place: Place<'_>, waiting: Waiting) -> Result<Outcome, Error> {
    let store = deps.vault.store();
    let before = review::find(store, place.run, place.reference).await?;
    if before.is_none_or(|before| before.seen != waiting.seen) {
        store.put(&place.review(), json(&waiting).into()).await?;
        tracing::info!(reference = %place.reference, why = waiting.why.words(), "waits for review");
    }
    store.delete(&place.key(Artefact::Failure)).await?;
    Ok(Outcome::Held { why: waiting.why.words() })
}

/// Whose part of which run.
#[derive(Clone, Copy)]
struct Place<'a> {
    run: &'a RunId,
    reference: &'a CustomerRef,
}

impl Place<'_> {
    fn key(self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(self.reference.clone(), self.run.clone(), artefact)
    }

    fn recalled(self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Recalled(self.reference.clone(), self.run.clone(), artefact)
    }

    fn review(self) -> ObjectKey {
        ObjectKey::Review(self.run.clone(), self.reference.clone())
    }

    const fn owner(&self) -> Owner<'_> {
        Owner::Customer(self.reference)
    }
}

async fn find_evidence(deps: &Deps<'_>, place: Place<'_>) -> Result<Option<Evidence>, Error> {
    let key = place.key(Artefact::Evidence);
    let Some(bytes) = deps.vault.store().find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

/// The outcome as things stand now, and whether what posts had a part in must go. What was published to a customer, or held
/// for one, who has objected since, or whose posts may not be used any more, is taken away; the record of what was said
/// stays.
async fn standing(deps: &Deps<'_>, place: Place<'_>, evidence: Evidence) -> Result<(Outcome, bool), Error> {
    match evidence.outcome {
        Outcome::Published { .. } | Outcome::Held { .. } => {
            let store = deps.vault.store();
            let control = control::read(store, place.reference, deps.now).await?;
            match control.forbids(evidence.from_posts) {
                Some(skip) => Ok((Outcome::Skipped { skip }, evidence.from_posts && control.withdraws_posts())),
                None if is_recalled(store, place.run, place.reference).await? => {
                    Ok((Outcome::Skipped { skip: Skip::Recalled }, false))
                }
                None => Ok((evidence.outcome, false)),
            }
        }
        // A record that names nothing that was made is that of a withdrawal.
        Outcome::Skipped { .. } => Ok((evidence.outcome, evidence.artefacts.is_empty())),
        Outcome::Failed { .. } => Ok((evidence.outcome, false)),
    }
}

async fn record_failure(deps: &Deps<'_>, place: Place<'_>, failure: Failure) -> Result<Outcome, Error> {
    let Failure { stage, error, message } = failure;
    let record = FailureRecord { error, stage, message, at: deps.now };
    let store = deps.vault.store();
    store.put(&place.key(Artefact::Failure), json(&record).into()).await?;
    // What could be published by another try stays for it; of anything else no video may be left that looks published.
    if !error.is_transient() {
        for artefact in PUBLIC {
            store.delete(&place.key(artefact)).await?;
        }
        // There is nothing left to look at.
        store.delete(&place.review()).await?;
        store.delete(&ObjectKey::ReviewTask(place.run.clone(), place.reference.clone())).await?;
    }
    tracing::info!(reference = %place.reference, %stage, %error, "recorded a failure");
    Ok(Outcome::Failed { error, stage })
}

/// Decides the outcome, and for one that is to be published checks and completes what belongs to it.
async fn end(deps: &Deps<'_>, place: Place<'_>, video: bool) -> Result<Reached, Error> {
    let (assessment, digest) = deps.vault.read_json(place.owner(), &place.key(Artefact::Facts)).await?;
    let artefacts = BTreeMap::from([(Artefact::Facts, digest)]);
    match assessment {
        Assessment::Skip { skip, consent } => Ok(Reached::End(Ending {
            outcome: Outcome::Skipped { skip },
            artefacts,
            made_by: None,
            media: None,
            from_posts: false,
            review: None,
            personal: PersonalEvidence { consent, facts: None, script: None, decision: None },
        })),
        Assessment::Proceed(facts) => proceed(deps, place, video, facts, artefacts).await,
    }
}

async fn proceed(
    deps: &Deps<'_>,
    place: Place<'_>,
    video: bool,
    mut facts: Facts,
    mut artefacts: BTreeMap<Artefact, Digest>,
) -> Result<Reached, Error> {
    // Asked before all else, so that nothing need be there for who objected while it was made.
    if let Some(forbidden) = forbidden(deps, place, &mut facts).await? {
        return Ok(Reached::End(forgo(deps, place, forbidden, facts, None).await?));
    }
    let from_posts = facts.mood.is_some();
    let (script, digest): (Script, _) = deps.vault.read_json(place.owner(), &place.key(Artefact::Script)).await?;
    artefacts.insert(Artefact::Script, digest);
    let mut made_by = made_by(&script.written_by);
    if !script.verdict.passed() {
        return Err(Error::NotPassed { key: place.key(Artefact::Script).to_string() });
    }
    check_products(deps, place, &script)?;
    let mut media = None;
    if video {
        let narration = artefacts::narration(deps.vault, place, &mut artefacts).await?;
        made_by.voice = Some(format!("{} {}", narration.engine, narration.voice));
        made_by.voice_instead_of = narration.instead_of;
        for (service, given) in narration.outside {
            made_by.outside.entry(service).or_default().extend(given);
        }
        media = Some(artefacts::media(deps.vault, place, &mut artefacts).await?);
    }
    let text = recommendation_text(&script, deps.catalogue, deps.brand, place.run, video);
    let mut decided = None;
    if let Some(why) = why_review(deps, place, &script).await? {
        let seen = Seen { text: Digest::of(text.as_bytes()), artefacts: shown(&artefacts) };
        let (run, reference) = (place.run.clone(), place.reference.clone());
        let Some(decision) = review::decision(deps.vault, place.run, place.reference).await? else {
            let since = deps.now;
            return Ok(Reached::Review(Waiting { run, reference, why, since, video, from_posts, seen }));
        };
        if decision.seen != seen {
            return Err(Error::NotAsReviewed { key: ObjectKey::Decision(run, reference).to_string() });
        }
        decided = Some((why, decision));
    }
    // Asked again as late as can be.
    let rejected = decided.as_ref().is_some_and(|(_, decision)| decision.choice == Choice::Reject);
    let rejected = rejected.then_some(Forbidden { skip: Skip::Rejected, posts_withdrawn: false });
    if let Some(forbidden) = forbidden(deps, place, &mut facts).await?.or(rejected) {
        return Ok(Reached::End(forgo(deps, place, forbidden, facts, decided).await?));
    }
    let days = deps.settings.offers.at_most_every_days;
    if !contact_cap::take(deps.vault.store(), place.reference, place.run, days, deps.now).await? {
        let heard = Forbidden { skip: Skip::HeardLately, posts_withdrawn: false };
        return Ok(Reached::End(forgo(deps, place, heard, facts, decided).await?));
    }
    artefacts.insert(Artefact::Text, artefacts::text(deps.vault, place, text).await?);
    let (review, decision) = on_record(decided);
    let personal =
        PersonalEvidence { consent: facts.consent.clone(), facts: Some(facts), script: Some(script), decision };
    let (outcome, made_by) = (Outcome::Published { video }, Some(made_by));
    Ok(Reached::End(Ending { outcome, artefacts, made_by, media, from_posts, review, personal }))
}

/// What a person who reviews is shown, of what was made.
fn shown(artefacts: &BTreeMap<Artefact, Digest>) -> BTreeMap<Artefact, Digest> {
    let media = [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview];
    artefacts
        .iter()
        .filter(|(artefact, _)| media.contains(artefact))
        .map(|(&artefact, &digest)| (artefact, digest))
        .collect()
}

/// Why a person must look at it first; nothing if nobody need.
async fn why_review(deps: &Deps<'_>, place: Place<'_>, script: &Script) -> Result<Option<Why>, Error> {
    if let Some(held) = &script.held {
        return Ok(Some(Why::TextHeld { what: held.why.clone() }));
    }
    let (keys, store) = (deps.vault.keys(), deps.vault.store());
    Ok(policy(deps.settings.review, place.run, place.reference, keys, store).await?)
}

/// The plain and the sealed part of a decision, as the evidence has them.
fn on_record(decided: Option<(Why, Decision)>) -> (Option<Reviewed>, Option<Decision>) {
    match decided {
        Some((why, decision)) => (Some(Reviewed::of(why, &decision)), Some(decision)),
        None => (None, None),
    }
}

/// That nothing may be published to the customer as things stand now.
struct Forbidden {
    skip: Skip,
    /// Whether posts had a part in what was made, and their use is withdrawn.
    posts_withdrawn: bool,
}

/// Whether anything may be published to the customer. What was read of `control/` goes into the facts.
async fn forbidden(deps: &Deps<'_>, place: Place<'_>, facts: &mut Facts) -> Result<Option<Forbidden>, Error> {
    let store = deps.vault.store();
    let control = control::read(store, place.reference, deps.now).await?;
    let (skip, posts_withdrawn) = (control.forbids(facts.mood.is_some()), control.withdraws_posts());
    let posts_withdrawn = facts.mood.is_some() && posts_withdrawn;
    facts.consent.control = Some(control.as_read);
    if skip.is_none() && is_recalled(store, place.run, place.reference).await? {
        return Ok(Some(Forbidden { skip: Skip::Recalled, posts_withdrawn: false }));
    }
    let days = deps.settings.offers.at_most_every_days;
    if skip.is_none() && heard_lately(store, place.reference, place.run, days, deps.now).await? {
        return Ok(Some(Forbidden { skip: Skip::HeardLately, posts_withdrawn: false }));
    }
    Ok(skip.map(|skip| Forbidden { skip, posts_withdrawn }))
}

/// The end of what may not be published, as far as it was made. Of what posts had a part in, the record keeps neither facts
/// nor text once their use was withdrawn, and [`settle`] takes the objects away.
async fn forgo(
    deps: &Deps<'_>,
    place: Place<'_>,
    forbidden: Forbidden,
    facts: Facts,
    decided: Option<(Why, Decision)>,
) -> Result<Ending, Error> {
    let Forbidden { skip, posts_withdrawn } = forbidden;
    let mut artefacts = BTreeMap::new();
    for artefact in SEALED {
        if let Some(sealed) = deps.vault.store().find(&place.key(artefact)).await? {
            artefacts.insert(artefact, Digest::of(&sealed));
        }
    }
    let mut script: Option<Script> = None;
    if artefacts.contains_key(&Artefact::Script) {
        script = Some(deps.vault.read_json(place.owner(), &place.key(Artefact::Script)).await?.0);
    }
    // Which outside service was given what stays on record in any case.
    let made_by = script.as_ref().map(|script| made_by(&script.written_by));
    let (review, decision) = on_record(decided);
    let mut personal = PersonalEvidence { consent: facts.consent.clone(), facts: Some(facts), script, decision };
    if posts_withdrawn {
        artefacts.clear();
        (personal.facts, personal.script) = (None, None);
    }
    let outcome = Outcome::Skipped { skip };
    Ok(Ending { outcome, artefacts, made_by, media: None, from_posts: false, review, personal })
}

/// The bank's words are the bank's: what the script shows of each product must stand so in the catalogue.
fn check_products(deps: &Deps<'_>, place: Place<'_>, script: &Script) -> Result<(), Error> {
    let same = |offer: &&contracts::script::OfferShown| {
        deps.catalogue.product(&offer.product).is_some_and(|product| {
            product.name == offer.name
                && product.category.name() == offer.category
                && product.rates_and_terms == offer.rates_and_terms
        })
    };
    if let Some(offer) = script.offers.iter().find(|offer| !same(offer)) {
        let key = place.key(Artefact::Script).to_string();
        return Err(Error::OtherProduct { key, product: offer.product.clone() });
    }
    let today = deps.now.to_zoned(TimeZone::UTC).date();
    let valid = |offer: &&contracts::script::OfferShown| {
        deps.catalogue.product(&offer.product).is_some_and(|product| product.is_valid_on(today))
    };
    match script.offers.iter().find(|offer| !valid(offer)) {
        Some(offer) => Err(Error::Expired { product: offer.product.clone() }),
        None => Ok(()),
    }
}

fn made_by(written_by: &WrittenBy) -> MadeBy {
    match written_by {
        WrittenBy::Template { instead_of_model } => {
            // A service whose answer was refused was given the facts all the same.
            let given = instead_of_model.as_ref().and_then(|instead| instead.given.clone());
            MadeBy {
                writer: "template".to_owned(),
                instead_of_model: instead_of_model.as_ref().map(|instead| instead.why.clone()),
                usage: given.as_ref().map(|given| given.usage),
                outside: given.map(|given| (given.service, given.fields)).into_iter().collect(),
                voice: None,
                voice_instead_of: Vec::new(),
            }
        }
        WrittenBy::Model { model, service, fields_sent, usage, .. } => MadeBy {
            writer: model.clone(),
            instead_of_model: None,
            usage: Some(*usage),
            outside: BTreeMap::from([(service.clone(), fields_sent.clone())]),
            voice: None,
            voice_instead_of: Vec::new(),
        },
    }
}

/// Writes the record once, and returns the one that stands: this one, or that of whoever was first.
async fn write_evidence(deps: &Deps<'_>, place: Place<'_>, request: Digest, ending: Ending) -> Result<Evidence, Error> {
    let Ending { outcome, artefacts, made_by, media, from_posts, review, personal } = ending;
    let inputs = Digest::of_json(&(request, &artefacts, env!("CARGO_PKG_VERSION")));
    let evidence = Evidence {
        run: place.run.clone(),
        reference: place.reference.clone(),
        outcome,
        written_at: deps.now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        catalogue: deps.catalogue.digest(),
        catalogue_version: deps.catalogue.version().to_owned(),
        request,
        key_id: deps.vault.keys().id(),
        artefacts,
        from_posts,
        made_by,
        media,
        review,
        personal: personal::seal(deps.vault, place.run, place.reference, &inputs, &personal).await?,
    };
    let key = place.key(Artefact::Evidence);
    match deps.vault.store().put_new(&key, json(&evidence).into()).await? {
        Written::Created => {
            tracing::info!(reference = %place.reference, outcome = evidence.outcome.word(), "recorded the outcome");
            Ok(evidence)
        }
        Written::AlreadyThere => match find_evidence(deps, place).await? {
            Some(first) => Ok(first),
            None => Err(StoreError::NotFound { key: key.to_string() }.into()),
        },
    }
}

/// What a customer may be shown; `render.json` goes with the files that it names.
const PUBLIC: [Artefact; 6] =
    [Artefact::RenderRecord, Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview, Artefact::Text];

/// What the stages leave for each other, sealed.
const SEALED: [Artefact; 4] = [Artefact::Facts, Artefact::Script, Artefact::NarrationAudio, Artefact::Cues];

/// Brings the store in line with the record: takes away what it does not call published, and an earlier failure. Also
/// done when the record is found again, so that a process killed in between leaves nothing behind for good.
async fn settle(deps: &Deps<'_>, place: Place<'_>, evidence: Evidence) -> Result<Outcome, Error> {
    let store = deps.vault.store();
    let was_published = matches!(evidence.outcome, Outcome::Published { .. });
    let (outcome, withdrawn) = standing(deps, place, evidence).await?;
    match outcome {
        Outcome::Published { .. } => {}
        Outcome::Skipped { skip: Skip::Recalled } if was_published => recall::move_aside(store, place).await?,
        Outcome::Skipped { .. } | Outcome::Held { .. } | Outcome::Failed { .. } => {
            for artefact in PUBLIC.into_iter().chain(SEALED.into_iter().filter(|_| withdrawn)) {
                store.delete(&place.key(artefact)).await?;
            }
            for artefact in PUBLIC.into_iter().filter(|_| withdrawn) {
                store.delete(&place.recalled(artefact)).await?;
            }
        }
    }
    store.delete(&place.key(Artefact::Failure)).await?;
    // It waits no more; the decision itself stays.
    store.delete(&place.review()).await?;
    store.delete(&ObjectKey::ReviewTask(place.run.clone(), place.reference.clone())).await?;
    Ok(outcome)
}

fn json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the types of contracts serialize to JSON");
    bytes.push(b'\n');
    bytes
}
