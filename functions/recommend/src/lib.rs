//! The recommend stage: writes the script for one customer.
//!
//! 1. A writer, either a model or the templates, gives a reason for each offer.
//! 2. `compose` adds the bank's own words verbatim from the catalog.
//! 3. [`guard`] judges the whole text.
//!
//! The stage returns a model's text to the model once if the guard refuses it. After a second refusal the templates
//! write, so a faulty model does not fail the stage.
//!
//! **Invariant:** the stage depends on no AWS crate, on no Lambda crate and on no other stage. A model never sees a
//! name, an amount or a post. The stage calls a model only if the settings enable it.

mod brief;
mod compose;
#[cfg(test)]
mod fixtures;
pub mod guard;
mod model;
mod template;
#[cfg(test)]
mod tests;
mod words;

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::facts::{Assessment, Facts};
use contracts::key::{Artefact, RunPart};
use contracts::model::Fallback;
use contracts::request::{ChangedInput, CurrentInput, Request};
use contracts::script::{InsteadOfModel, RefusedText, Script, TextReview, Usage};
use contracts::settings::Settings;
use contracts::stage::{RecommendInput, RecommendOutput};
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey, ProductId};
use storage::secret::{SecretError, Secrets};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;

use brief::Brief;
use model::{ModelOutcome, ModelRequest, RetryPolicy};

pub use model::{Limiter, PROMPTS, needs_key};

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The store of sealed objects.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The bank's name, default adviser and disclosures.
    pub brand: &'a Brand,
    /// The secrets, for the model service's key.
    pub secrets: &'a dyn Secrets,
    /// The HTTP client for the model service. It should have a connect timeout of about 3 s.
    pub http: &'a reqwest::Client,
    /// The process-wide limiter, so that all customers together respect the model service's limits.
    pub limiter: &'a Limiter,
}

/// An error of the stage.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object could not be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The model service's key could not be read.
    #[error("failed to read the model service's key")]
    Secret(#[from] SecretError),
    /// The model service throttles requests. A later retry or a call without the model may succeed.
    #[error("customer {reference}: the model service is throttling requests")]
    Throttled {
        /// The customer.
        reference: CustomerRef,
    },
    /// The assess stage skipped the customer.
    #[error("customer {reference}: cannot write a script, because assess skipped the customer")]
    Skipped {
        /// The customer.
        reference: CustomerRef,
    },
    /// The facts offer a product that the catalog does not have.
    #[error("customer {reference}: the facts offer product {product}, which the catalog does not have")]
    UnknownProduct {
        /// The customer.
        reference: CustomerRef,
        /// The product's id.
        product: ProductId,
    },
    /// The facts recommend without naming a product.
    #[error("customer {reference}: the facts recommend no product")]
    NoOffer {
        /// The customer.
        reference: CustomerRef,
    },
    /// The catalog or the settings differ from those at the start of the run.
    #[error("the {what} changed since the run started")]
    Changed {
        /// `catalog` or `settings`.
        what: &'static str,
    },
    /// The guard refuses even the text of the templates.
    #[error("customer {reference}: no text passes the guard; failed checks: {checks}")]
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
            Self::Throttled { .. } => ErrorName::WriterThrottled,
            Self::Skipped { .. } | Self::NoOffer { .. } => ErrorName::InputInvalidRequest,
            Self::UnknownProduct { .. } | Self::Changed { .. } => ErrorName::ConfigChanged,
            Self::Guard { .. } => ErrorName::ConfigInvalid,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Secret(error) => error.help(),
            Self::Throttled { .. } | Self::Skipped { .. } | Self::NoOffer { .. } => None,
            Self::UnknownProduct { .. } | Self::Changed { .. } => Some("start a new run".to_owned()),
            Self::Guard { .. } => {
                Some("check the wording of the catalog's texts and the names in the brand file".to_owned())
            }
        }
    }
}

/// Writes and seals the script of one customer. Adds a model's token usage to `usage`, even on failure.
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
        Assessment::Skip { .. } => return Err(Error::Skipped { reference: reference.clone() }),
    };
    let script = write(&facts, &request, input.without_model, usage, deps).await?;
    deps.vault.write_json(owner, &key, &inputs, script).await?;
    Ok(output())
}

/// Ensures that the catalog and the settings are those of the run's start, so that every customer gets the same.
fn ensure_unchanged(request: &Request, deps: &Deps<'_>) -> Result<(), Error> {
    let current = [CurrentInput::Catalogue(deps.catalogue.digest()), CurrentInput::Settings(deps.settings.digest())];
    request.ensure_unchanged(current).map_err(|ChangedInput(what)| Error::Changed { what })
}

/// Returns the digest of everything that determines the script.
fn inputs_digest(request: Digest, facts: Digest, deps: &Deps<'_>) -> Digest {
    let digests = [
        request,
        facts,
        deps.catalogue.digest(),
        deps.brand.digest(),
        deps.settings.digest(),
        model::prompt_digest(),
        guard::rules_digest(),
        Digest::of(words::SOURCE.as_bytes()),
        Digest::of(env!("CARGO_PKG_VERSION").as_bytes()),
    ];
    Digest::of_parts(digests.iter().map(|digest| digest.as_bytes().as_slice()))
}

/// Writes with the model if the settings enable it. Falls back to the templates as the settings say.
async fn write(
    facts: &Facts,
    request: &Request,
    without_model: bool,
    usage: &mut Usage,
    deps: &Deps<'_>,
) -> Result<Script, Error> {
    let reference = || facts.reference.clone();
    let brief = Brief::new(facts, deps.catalogue, deps.brand)
        .map_err(|product| Error::UnknownProduct { reference: reference(), product })?;
    if brief.lacks_offers() {
        return Err(Error::NoOffer { reference: reference() });
    }
    let writer = &deps.settings.writer;
    let model_request = ModelRequest {
        settings: writer,
        categories: &request.categories,
        secrets: deps.secrets,
        http: deps.http,
        limiter: deps.limiter,
        keys: deps.vault.keys(),
        wish: request.prompt.as_deref(),
        skip: without_model,
        retries: RetryPolicy::default(),
    };
    let (instead, refused, fallback) = match model::write(&brief, &model_request, usage).await? {
        ModelOutcome::Written(script) => return Ok(*script),
        ModelOutcome::Throttled => return Err(Error::Throttled { reference: reference() }),
        ModelOutcome::NotCalled => (None, None, Fallback::Template),
        ModelOutcome::Unavailable(instead) => (Some(instead), None, writer.when_unavailable),
        ModelOutcome::Refused(instead, script) => (Some(instead), script, writer.when_refused),
    };
    if let Some(InsteadOfModel { why, .. }) = &instead {
        tracing::warn!(
            customer = reference().short(),
            why,
            ?fallback,
            "no usable text from the model; using the fallback"
        );
    }
    let mut script = template::write(&brief, deps.vault.keys(), instead.as_ref());
    if !script.verdict.passed() {
        return Err(Error::Guard { reference: reference(), checks: script.verdict.failed().join(", ") });
    }
    // A reviewer sees both texts, but only the templates' text can be published.
    if let (Fallback::Review, Some(InsteadOfModel { why, .. })) = (fallback, instead) {
        let refused = refused.map(|script| RefusedText { segments: script.segments, verdict: script.verdict });
        script.text_review = Some(TextReview { why, refused });
    }
    Ok(script)
}
