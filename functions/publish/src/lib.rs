//! The publish stage: ends one customer's part of a run in exactly one outcome, and proves it.
//!
//! Text and media under their final keys count as published only once `evidence.json` says so; it is written last and
//! once. Whoever finds it adopts what it says: of two writers that disagree, the first one's record stands, and what it
//! does not call published is taken away.
//!
//! **Invariant:** knows nothing of AWS, of Lambda, of the file system or of the other stages.

mod artefacts;
mod personal;
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
use contracts::script::{Script, WrittenBy};
use contracts::stage::{Failure, PublishInput};
use contracts::store::{StoreError, Written};
use contracts::suppression::{SuppressionsError, is_suppressed};
use contracts::vault::{Owner, Vault, VaultError};
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey, ProductId, RunId};
use jiff::Timestamp;
use thiserror::Error;

pub use personal::{open_personal, personal_place};
pub use text::recommendation_text;

/// What the stage works with.
pub struct Deps<'a> {
    /// Where sealed objects lie.
    pub vault: &'a Vault,
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
    /// The list of those who must not be contacted cannot be understood. Nothing is published on a guess.
    #[error(transparent)]
    Suppressions(#[from] SuppressionsError),
    /// The catalogue is not the one that the run was started with.
    #[error("the catalogue is no longer the one with which run {run} was started")]
    CatalogueChanged {
        /// The run.
        run: RunId,
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
            Self::Changed { .. } | Self::Malformed { .. } => ErrorName::SealBroken,
            Self::OtherText { .. } => ErrorName::StoreConflict,
            Self::Unrecorded { .. } => ErrorName::StoreNotFound,
            Self::Suppressions(error) => error.name(),
            Self::CatalogueChanged { .. } | Self::OtherProduct { .. } => ErrorName::ConfigChanged,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::CatalogueChanged { .. } | Self::OtherProduct { .. } | Self::OtherText { .. } => {
                Some("start a new run".to_owned())
            }
            Self::Suppressions(error) => error.help(),
            Self::Store(_) | Self::Changed { .. } | Self::Unrecorded { .. } | Self::Malformed { .. } => None,
        }
    }
}

/// What led to an outcome, and all that the record says of it.
struct Ending {
    outcome: Outcome,
    artefacts: BTreeMap<Artefact, Digest>,
    made_by: Option<MadeBy>,
    media: Option<MediaFacts>,
    personal: PersonalEvidence,
}

/// Publishes one customer's result, or records why there is none. Doing it again gives the first outcome, unless the
/// customer must not be contacted since: then what was published is taken away.
pub async fn run(input: PublishInput, deps: &Deps<'_>) -> Result<Outcome, Error> {
    let place = Place { run: &input.run, reference: &input.reference };
    if let Some(evidence) = find_evidence(deps, place).await? {
        let outcome = still_wanted(deps, place, evidence.outcome).await?;
        return settle(deps, place, outcome).await;
    }
    if let Some(failure) = input.failure {
        return record_failure(deps, place, failure).await;
    }
    let (request, request_digest): (Request, _) =
        deps.vault.read_json(Owner::Run, &ObjectKey::Run(input.run.clone(), RunPart::Request)).await?;
    if request.catalogue != deps.catalogue.digest() {
        return Err(Error::CatalogueChanged { run: input.run });
    }
    let ending = end(deps, place, input.video).await?;
    let outcome = write_evidence(deps, place, request_digest, ending).await?;
    settle(deps, place, outcome).await
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

    const fn owner(&self) -> Owner<'_> {
        Owner::Customer(self.reference)
    }
}

async fn find_evidence(deps: &Deps<'_>, place: Place<'_>) -> Result<Option<Evidence>, Error> {
    let key = place.key(Artefact::Evidence);
    let Some(bytes) = deps.vault.store().find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

/// What was published to a customer who must not be contacted any more is taken away when the run is taken up again. The
/// record of what was said stays.
async fn still_wanted(deps: &Deps<'_>, place: Place<'_>, outcome: Outcome) -> Result<Outcome, Error> {
    match outcome {
        Outcome::Published { .. } if is_suppressed(deps.vault.store(), place.reference).await? => {
            Ok(Outcome::Skipped { skip: Skip::Suppressed })
        }
        Outcome::Published { .. } | Outcome::Skipped { .. } | Outcome::Held { .. } | Outcome::Failed { .. } => {
            Ok(outcome)
        }
    }
}

async fn record_failure(deps: &Deps<'_>, place: Place<'_>, failure: Failure) -> Result<Outcome, Error> {
    let Failure { stage, error, message } = failure;
    let record = FailureRecord { error, stage, message, at: deps.now };
    deps.vault.store().put(&place.key(Artefact::Failure), json(&record).into()).await?;
    tracing::info!(reference = %place.reference, %stage, %error, "recorded a failure");
    Ok(Outcome::Failed { error, stage })
}

/// Decides the outcome, and for one that is to be published checks and completes what belongs to it.
async fn end(deps: &Deps<'_>, place: Place<'_>, video: bool) -> Result<Ending, Error> {
    let (assessment, digest) = deps.vault.read_json(place.owner(), &place.key(Artefact::Facts)).await?;
    let artefacts = BTreeMap::from([(Artefact::Facts, digest)]);
    match assessment {
        Assessment::Skip { skip, consent } => Ok(Ending {
            outcome: Outcome::Skipped { skip },
            artefacts,
            made_by: None,
            media: None,
            personal: PersonalEvidence { consent, facts: None, script: None },
        }),
        Assessment::Proceed(facts) => proceed(deps, place, video, facts, artefacts).await,
    }
}

async fn proceed(
    deps: &Deps<'_>,
    place: Place<'_>,
    video: bool,
    facts: Facts,
    mut artefacts: BTreeMap<Artefact, Digest>,
) -> Result<Ending, Error> {
    let personal =
        |facts: Facts, script| PersonalEvidence { consent: facts.consent.clone(), facts: Some(facts), script };
    let (script, digest): (Script, _) = deps.vault.read_json(place.owner(), &place.key(Artefact::Script)).await?;
    artefacts.insert(Artefact::Script, digest);
    let mut made_by = made_by(&script.written_by);
    let verdict = &script.verdict;
    if !verdict.passed() {
        let why = format!("the text did not pass: {}", verdict.failed().join(", "));
        let outcome = Outcome::Held { why };
        let personal = personal(facts, Some(script));
        return Ok(Ending { outcome, artefacts, made_by: Some(made_by), media: None, personal });
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
    // Read as late as can be: whoever objected while the video was made gets nothing.
    if is_suppressed(deps.vault.store(), place.reference).await? {
        artefacts.retain(|artefact, _| !PUBLIC.contains(artefact));
        let outcome = Outcome::Skipped { skip: Skip::Suppressed };
        let personal = personal(facts, Some(script));
        return Ok(Ending { outcome, artefacts, made_by: Some(made_by), media: None, personal });
    }
    let text = recommendation_text(&script, deps.catalogue, deps.brand, place.run, video);
    artefacts.insert(Artefact::Text, artefacts::text(deps.vault, place, text).await?);
    let personal = personal(facts, Some(script));
    Ok(Ending { outcome: Outcome::Published { video }, artefacts, made_by: Some(made_by), media, personal })
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
    match script.offers.iter().find(|offer| !same(offer)) {
        Some(offer) => {
            let key = place.key(Artefact::Script).to_string();
            Err(Error::OtherProduct { key, product: offer.product.clone() })
        }
        None => Ok(()),
    }
}

fn made_by(written_by: &WrittenBy) -> MadeBy {
    match written_by {
        WrittenBy::Template { instead_of_model } => {
            // A service whose answer was refused was given the facts all the same.
            let given = instead_of_model.as_ref().and_then(|instead| instead.given.clone());
            let outside = given.map(|given| (given.service, given.fields)).into_iter().collect();
            MadeBy { writer: "template".to_owned(), outside, voice: None, voice_instead_of: Vec::new() }
        }
        WrittenBy::Model { model, service, fields_sent, .. } => MadeBy {
            writer: model.clone(),
            outside: BTreeMap::from([(service.clone(), fields_sent.clone())]),
            voice: None,
            voice_instead_of: Vec::new(),
        },
    }
}

/// Writes the record once, and returns the outcome that stands: this one, or that of whoever was first.
async fn write_evidence(deps: &Deps<'_>, place: Place<'_>, request: Digest, ending: Ending) -> Result<Outcome, Error> {
    let Ending { outcome, artefacts, made_by, media, personal } = ending;
    let inputs = Digest::of_json(&(request, &artefacts, env!("CARGO_PKG_VERSION")));
    let evidence = Evidence {
        run: place.run.clone(),
        reference: place.reference.clone(),
        outcome,
        written_at: deps.now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        catalogue: deps.catalogue.digest(),
        request,
        key_id: deps.vault.keys().id(),
        artefacts,
        made_by,
        media,
        personal: personal::seal(deps.vault, place.run, place.reference, &inputs, &personal).await?,
    };
    let key = place.key(Artefact::Evidence);
    match deps.vault.store().put_new(&key, json(&evidence).into()).await? {
        Written::Created => {
            tracing::info!(reference = %place.reference, outcome = evidence.outcome.word(), "recorded the outcome");
            Ok(evidence.outcome)
        }
        Written::AlreadyThere => match find_evidence(deps, place).await? {
            Some(first) => Ok(first.outcome),
            None => Err(StoreError::NotFound { key: key.to_string() }.into()),
        },
    }
}

/// What a customer may be shown; `render.json` goes with the files that it names.
const PUBLIC: [Artefact; 6] =
    [Artefact::RenderRecord, Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview, Artefact::Text];

/// Brings the store in line with the record: takes away what it does not call published, and an earlier failure. Also
/// done when the record is found again, so that a process killed in between leaves nothing behind for good.
async fn settle(deps: &Deps<'_>, place: Place<'_>, outcome: Outcome) -> Result<Outcome, Error> {
    let store = deps.vault.store();
    match outcome {
        Outcome::Published { .. } => {}
        Outcome::Skipped { .. } | Outcome::Held { .. } | Outcome::Failed { .. } => {
            for artefact in PUBLIC {
                store.delete(&place.key(artefact)).await?;
            }
        }
    }
    store.delete(&place.key(Artefact::Failure)).await?;
    Ok(outcome)
}

fn json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the types of contracts serialize to JSON");
    bytes.push(b'\n');
    bytes
}
