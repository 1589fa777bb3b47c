//! The recommend stage: writes the script for one customer.
//!
//! 1. A writer provides an opening, a reason for each offer and a closing. By default, the program selects approved
//!    lines from the phrasebook (`phrases`). A model may select among them instead (`select`) or write free text
//!    (`free`).
//! 2. `compose` adds the bank's own words verbatim from the catalog and records the source of every sentence.
//! 3. [`guard`] checks the complete script.
//!
//! If the model fails, the stage uses the phrasebook instead, so a faulty model never makes the stage fail. There is
//! one exception: if the service throttles all calls, the stage fails, so that the caller can retry it and finally run
//! it without the model. Free text waits for a reviewer unless the settings specify otherwise.
//!
//! **Invariant:** the stage does not depend on any AWS crate, any Lambda crate or any other stage. A model never sees a
//! name, an amount or a post. The stage calls a model only if the settings enable it, and asks the gate
//! ([`policy::disclosure`]) before every call. The customer's text never contains any output from a model that selects
//! lines. Free text never repeats seven consecutive words from the caller's prompt.

mod brief;
mod compose;
#[cfg(test)]
mod fixtures;
pub mod guard;
mod model;
mod phrasing;
mod proof;
mod slot_values;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::facts::{Assessment, Facts};
use contracts::key::{Artefact, RunPart};
use contracts::model::{Fallback, WriterMode};
use contracts::request::{ChangedInput, CurrentInput, Request};
use contracts::script::{FREE_TEXT, InsteadOfModel, RefusedText, Script, TextReview, Usage};
use contracts::settings::{Settings, WriterSettings};
use contracts::stage::{RecommendInput, RecommendOutput};
use contracts::{CustomerRef, Digest, ErrorName, Language, NamedError, ObjectKey, ProductId};
use phrases::Phrasebooks;
use policy::disclosure::{Gate, Withheld};
use policy::experiment::assign_in;
use storage::secret::{ExposeSecret as _, SecretError, SecretName, Secrets};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;

use brief::Brief;
use model::{ModelOutcome, ModelRequest, RetryPolicy, SelectOutcome};
use phrasing::{NoLine, PhraseWriter};

pub use model::{Limiter, PROMPTS, Proposal, ProposalError, ProposalRequest, needs_key, propose};
pub use proof::{Proof, prove};

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The vault with the request and the customer's facts; the stage writes the script to it.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The approved phrases, by language.
    pub phrases: &'a Phrasebooks,
    /// The bank's name, default adviser and disclosures.
    pub brand: &'a Brand,
    /// The secrets, for the model service's key.
    pub secrets: &'a dyn Secrets,
    /// The HTTP client for the model service.
    pub http: &'a outbound::Client,
    /// The process-wide limiter, which keeps the combined calls for all customers within the model service's limits.
    pub limiter: &'a Limiter,
}

/// An error from the stage.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object could not be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The model service's key could not be read.
    #[error("failed to read the model service's key")]
    Secret(#[from] SecretError),
    /// The customer withdrew consent, or the control data is unreadable, so nothing may be sent to the model.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The model service throttles requests. A later retry or a call without the model may succeed.
    #[error("customer {reference}: the model service is throttling requests")]
    Throttled {
        /// The customer.
        reference: CustomerRef,
    },
    /// The assess stage skipped the customer, or put them in the control group.
    #[error("customer {reference}: cannot write a script, because assess skipped or held out the customer")]
    Skipped {
        /// The customer.
        reference: CustomerRef,
    },
    /// The facts list a product as an offer, but it is not in the catalog.
    #[error("customer {reference}: the facts list product {product} as an offer, but it is not in the catalog")]
    UnknownProduct {
        /// The customer.
        reference: CustomerRef,
        /// The product's id.
        product: ProductId,
    },
    /// The facts call for a recommendation but list no product to offer.
    #[error("customer {reference}: the facts call for a recommendation but list no product to offer")]
    NoOffer {
        /// The customer.
        reference: CustomerRef,
    },
    /// The catalog, the phrasebook or the settings differ from those at the start of the run.
    #[error("the {what} changed since the run started")]
    Changed {
        /// `catalog`, `phrasebook` or `settings`.
        what: &'static str,
    },
    /// The bank has no phrasebook in the customer's language.
    #[error("customer {reference}: the bank has no phrasebook phrases/{language}.toml")]
    NoBook {
        /// The customer.
        reference: CustomerRef,
        /// The language.
        language: Language,
    },
    /// The phrasebook has no suitable approved line of a kind that every script needs.
    #[error("the phrasebook has no suitable approved {kind} line")]
    NoLine {
        /// The kind, such as `opening`.
        kind: &'static str,
    },
    /// The guard rejects every draft from the phrasebook.
    #[error("customer {reference}: the guard rejected every draft; failed checks: {checks}")]
    Guard {
        /// The customer.
        reference: CustomerRef,
        /// The names of the failed checks, separated by commas.
        checks: String,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Secret(error) => error.name(),
            Self::Withheld(error) => error.name(),
            Self::Throttled { .. } => ErrorName::WriterThrottled,
            Self::Skipped { .. } | Self::NoOffer { .. } => ErrorName::InputInvalidRequest,
            Self::UnknownProduct { .. } | Self::Changed { .. } | Self::NoBook { .. } => ErrorName::ConfigChanged,
            Self::Guard { .. } | Self::NoLine { .. } => ErrorName::ConfigInvalid,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Secret(error) => error.help(),
            Self::Withheld(error) => error.help(),
            Self::Throttled { .. } | Self::Skipped { .. } | Self::NoOffer { .. } => None,
            Self::UnknownProduct { .. } | Self::Changed { .. } | Self::NoBook { .. } => {
                Some("start a new run".to_owned())
            }
            Self::NoLine { .. } => Some("run `bespoke phrases check`, and have the lines approved".to_owned()),
            Self::Guard { .. } => Some("check the wording in the catalog and the names in the brand file".to_owned()),
        }
    }
}

/// Writes and seals the script for one customer. Does nothing if a script for the same inputs exists. Adds a model's
/// token usage to `usage`, even on failure.
pub async fn run(input: RecommendInput, usage: &mut Usage, deps: &Deps<'_>) -> Result<RecommendOutput, Error> {
    let reference = &input.reference;
    let output = || RecommendOutput { run: input.run.clone(), reference: reference.clone() };
    let owner = Owner::Customer(reference);
    let (request, request_digest): (Request, Digest) =
        deps.vault.read_json(Owner::Run, &ObjectKey::Run(input.run.clone(), RunPart::Request)).await?;
    let facts_key = ObjectKey::Customer(reference.clone(), input.run.clone(), Artefact::Facts);
    let (assessment, facts_digest): (Assessment, Digest) = deps.vault.read_json(owner, &facts_key).await?;
    ensure_unchanged(&request, deps)?;

    let inputs = inputs_digest(request_digest, facts_digest, deps);
    let key = ObjectKey::Customer(reference.clone(), input.run.clone(), Artefact::Script);
    if deps.vault.find_json::<Script>(owner, &key, &inputs).await?.is_some() {
        return Ok(output());
    }
    let facts = match assessment {
        Assessment::Proceed(facts) => facts,
        Assessment::HeldOut(_) | Assessment::Skip { .. } => {
            return Err(Error::Skipped { reference: reference.clone() });
        }
    };
    let script = write(&facts, &request, input.without_model, usage, deps).await?;
    deps.vault.write_json(owner, &key, &inputs, script).await?;
    Ok(output())
}

/// Fails if the catalog, the phrasebook or the settings have changed since the run started. All customers in a run must
/// be treated alike.
fn ensure_unchanged(request: &Request, deps: &Deps<'_>) -> Result<(), Error> {
    let current = [
        CurrentInput::Catalogue(deps.catalogue.digest()),
        CurrentInput::Phrases(deps.phrases.digest()),
        CurrentInput::Settings(deps.settings.digest()),
    ];
    request.ensure_unchanged(current).map_err(|ChangedInput(what)| Error::Changed { what })
}

/// Returns the digest of everything that determines the script.
fn inputs_digest(request: Digest, facts: Digest, deps: &Deps<'_>) -> Digest {
    let digests = [
        request,
        facts,
        deps.catalogue.digest(),
        deps.phrases.digest(),
        deps.brand.digest(),
        deps.settings.digest(),
        model::prompt_digest(),
        guard::rules_digest(),
        Digest::of(env!("CARGO_PKG_VERSION").as_bytes()),
    ];
    Digest::of_parts(digests.iter().map(|digest| digest.as_bytes().as_slice()))
}

/// Writes the script with the writer that the request specifies. Falls back to the phrasebook as the settings specify.
async fn write(
    facts: &Facts,
    request: &Request,
    without_model: bool,
    usage: &mut Usage,
    deps: &Deps<'_>,
) -> Result<Script, Error> {
    let reference = || facts.reference.clone();
    let language = facts.language;
    let book = deps.phrases.get(language).ok_or_else(|| Error::NoBook { reference: reference(), language })?;
    let catalogue = deps.catalogue.in_language(language);
    let brand = deps.brand.in_language(language);
    let brief = Brief::new(facts, &catalogue, &brand, book)
        .map_err(|product| Error::UnknownProduct { reference: reference(), product })?;
    if brief.lacks_offers() {
        return Err(Error::NoOffer { reference: reference() });
    }
    hint_at_model(request.writer, deps).await;
    let mut phrases = PhraseWriter::new(&brief, request.prompt.as_deref());
    if let Some(tone) = assign_in(request, deps.vault.keys(), &facts.reference).tone {
        phrases = phrases.in_tone(tone);
    }
    let outcome = match request.writer {
        WriterMode::Phrases => Outcome::Phrases(None),
        // A model never writes a service message.
        WriterMode::Select | WriterMode::Free if brief.offers().is_empty() => Outcome::Phrases(None),
        // The guard can check free text only in English.
        WriterMode::Free if language != Language::English => Outcome::Phrases(Some(Replacement {
            instead: InsteadOfModel {
                why: format!("the guard cannot check free text in {}", language.name()),
                given: None,
            },
            refused: None,
            fallback: Fallback::Template,
        })),
        WriterMode::Select | WriterMode::Free => {
            let gate = Gate::new(deps.vault, &facts.reference, facts.mood.is_some());
            let model_request = ModelRequest {
                settings: &deps.settings.writer,
                categories: &request.categories,
                secrets: deps.secrets,
                http: deps.http,
                gate: &gate,
                limiter: deps.limiter,
                keys: deps.vault.keys(),
                wish: request.prompt.as_deref(),
                skip: without_model,
                retries: RetryPolicy::default(),
            };
            ask_model(request.writer, &brief, &phrases, &model_request, usage).await?
        }
    };
    match outcome {
        Outcome::Script(script) => Ok(*script),
        Outcome::Throttled => Err(Error::Throttled { reference: reference() }),
        Outcome::Phrases(replacement) => write_phrases(&phrases, &reference(), replacement, deps),
    }
}

/// The outcome of asking a model.
enum Outcome {
    /// The model's text or selection.
    Script(Box<Script>),
    /// The service is throttling requests; a later call may succeed.
    Throttled,
    /// The text must come from the phrasebook. If the request asked for a model, says why it is replaced.
    Phrases(Option<Replacement>),
}

/// The reason why the phrasebook replaces the model, and how the text is then treated.
struct Replacement {
    instead: InsteadOfModel,
    /// The model's text that the guard rejected, if there is one.
    refused: Option<Box<Script>>,
    fallback: Fallback,
}

async fn ask_model<'a>(
    mode: WriterMode,
    brief: &'a Brief<'a>,
    phrases: &PhraseWriter<'a>,
    request: &ModelRequest<'_>,
    usage: &mut Usage,
) -> Result<Outcome, Error> {
    let writer = request.settings;
    let replaced = |instead, refused, fallback| Outcome::Phrases(Some(Replacement { instead, refused, fallback }));
    if mode == WriterMode::Select {
        return Ok(match model::select(brief, phrases, request, usage).await? {
            SelectOutcome::Selected(script) => Outcome::Script(script),
            SelectOutcome::Throttled => Outcome::Throttled,
            // The program selects only approved lines too, so its text needs no review.
            SelectOutcome::Failed(instead) => replaced(instead, None, Fallback::Template),
            SelectOutcome::Withheld(withheld) => return Err(withheld.into()),
        });
    }
    Ok(match model::write(brief, request, usage).await? {
        ModelOutcome::Written(mut script) => {
            if !writer.free_without_review {
                script.text_review = Some(TextReview { why: FREE_TEXT.to_owned(), refused: None });
            }
            Outcome::Script(script)
        }
        ModelOutcome::Throttled => Outcome::Throttled,
        ModelOutcome::Withheld(withheld) => return Err(withheld.into()),
        ModelOutcome::Unavailable(instead) => replaced(instead, None, writer.when_unavailable),
        ModelOutcome::Refused(instead, script) => replaced(instead, script, writer.when_refused),
    })
}

/// Writes the script from the phrasebook. If it replaces a model, puts it in review where the settings say so.
fn write_phrases(
    phrases: &PhraseWriter<'_>,
    reference: &CustomerRef,
    replacement: Option<Replacement>,
    deps: &Deps<'_>,
) -> Result<Script, Error> {
    if let Some(Replacement { instead, fallback, .. }) = &replacement {
        tracing::warn!(
            customer = reference.short(),
            why = instead.why,
            ?fallback,
            "no usable answer from the model; using the phrasebook"
        );
    }
    let instead = replacement.as_ref().map(|replacement| &replacement.instead);
    let mut script = phrases.write(deps.vault.keys(), instead).map_err(|NoLine { kind }| Error::NoLine { kind })?;
    if !script.verdict.passed() {
        return Err(Error::Guard { reference: reference.clone(), checks: script.verdict.failed().join(", ") });
    }
    // A reviewer sees both versions, but only the phrasebook's can be published.
    if let Some(Replacement { instead, refused, fallback: Fallback::Review }) = replacement {
        let refused = refused.map(|script| RefusedText { segments: script.segments, verdict: script.verdict });
        script.text_review = Some(TextReview { why: instead.why, refused });
    }
    Ok(script)
}

/// Returns a hint on how to enable the model if its key is set but no model is in use.
#[must_use]
pub fn model_hint(writer: &WriterSettings, mode: WriterMode, has_key: bool) -> Option<String> {
    if !has_key || (mode.asks_a_model() && writer.model.enabled) {
        return None;
    }
    let mut missing = Vec::new();
    if !mode.asks_a_model() {
        missing.push("writer.mode = \"select\" (a model selects approved lines) or \"free\" (a model writes)");
    }
    if !writer.model.enabled {
        missing.push("writer.model.enabled = true");
    }
    let key = SecretName::ModelKey.variable();
    Some(format!("{key} is set, but no model is in use; to enable one, set {}", missing.join(" and ")))
}

/// Logs, once per process, how to enable the model.
async fn hint_at_model(mode: WriterMode, deps: &Deps<'_>) {
    static HINTED: AtomicBool = AtomicBool::new(false);
    let writer = &deps.settings.writer;
    if model_hint(writer, mode, true).is_none() || HINTED.swap(true, Ordering::Relaxed) {
        return;
    }
    // Only a key leads to a hint, so an error from the secret store does not matter here.
    let key = deps.secrets.find(SecretName::ModelKey).await.ok().flatten();
    let has_key = key.is_some_and(|key| !key.expose_secret().trim().is_empty());
    if let Some(hint) = model_hint(writer, mode, has_key) {
        tracing::warn!("{hint}");
    }
}
