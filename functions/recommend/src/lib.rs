//! The recommend stage: writes what is said to one customer, and lets nothing pass that may not be said.
//!
//! A writer, a model or the templates, gives reasons; the bank's words come verbatim from the catalogue and are placed by
//! `compose`; [`guard`] judges the whole, whoever wrote it. A model's text that does not pass is sent back once and
//! then given up for the templates, so that this stage does not fail because a model did.
//!
//! **Invariant:** knows nothing of AWS, of Lambda or of other stages. The model never sees a name, an amount or a post,
//! and is not asked at all unless the settings say so.

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
use contracts::request::Request;
use contracts::script::{InsteadOfModel, RefusedText, Script, TextReview, Usage};
use contracts::settings::Settings;
use contracts::stage::{RecommendInput, RecommendOutput};
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey, ProductId};
use storage::secret::{SecretError, Secrets};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;

use brief::Brief;
use model::{Asking, Outcome, Pace};

pub use model::{Limiter, PROMPTS, needs_key};

/// What the stage needs.
pub struct Deps<'a> {
    /// Sealed objects.
    pub vault: &'a Vault,
    /// The settings in force.
    pub settings: &'a Settings,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// How the bank speaks.
    pub brand: &'a Brand,
    /// Where the model service's key is.
    pub secrets: &'a dyn Secrets,
    /// For the model service; give it a connect timeout of about 3 s.
    pub http: &'a reqwest::Client,
    /// One for the process, so that all its customers keep to the service's limits together.
    pub limiter: &'a Limiter,
}

/// Why nothing was written.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object could not be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The place of the secrets failed.
    #[error("cannot get the model service's key")]
    Secret(#[from] SecretError),
    /// The model service throttles. Call again later, or without the model.
    #[error("customer {reference}: the model service throttles")]
    Throttled {
        /// The customer.
        reference: CustomerRef,
    },
    /// The customer was skipped, so there is nothing to write.
    #[error("customer {reference}: was skipped by assess, so there is nothing to write")]
    Skipped {
        /// The customer.
        reference: CustomerRef,
    },
    /// The facts name a product that the catalogue does not have, or no product at all.
    #[error("customer {reference}: the facts offer {product}, which the catalogue does not have")]
    UnknownProduct {
        /// The customer.
        reference: CustomerRef,
        /// The product's id.
        product: ProductId,
    },
    /// The facts recommend, but no product.
    #[error("customer {reference}: the facts recommend no product")]
    NoOffer {
        /// The customer.
        reference: CustomerRef,
    },
    /// What the run was started with is not what is at hand.
    #[error("the {what} changed since the run was started")]
    Changed {
        /// `catalogue` or `settings`.
        what: &'static str,
    },
    /// Even the templates' text does not pass the guard.
    #[error("customer {reference}: no text passes the guard: {checks}")]
    Guard {
        /// The customer.
        reference: CustomerRef,
        /// The names of the checks.
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
                Some("check the wording of the catalogue's texts and of the brand's names".to_owned())
            }
        }
    }
}

/// Writes the script of one customer and seals it. What a model used is added to `usage`, also if this fails.
pub async fn run(input: RecommendInput, usage: &mut Usage, deps: &Deps<'_>) -> Result<RecommendOutput, Error> {
    let reference = &input.reference;
    let output = || RecommendOutput { run: input.run.clone(), reference: reference.clone() };
    let owner = Owner::Customer(reference);
    let (request, asked): (Request, Digest) =
        deps.vault.read_json(Owner::Run, &ObjectKey::Run(input.run.clone(), RunPart::Request)).await?;
    let facts_key = ObjectKey::Customer(reference.clone(), input.run.clone(), Artefact::Facts);
    let (assessment, assessed): (Assessment, Digest) = deps.vault.read_json(owner, &facts_key).await?;
    unchanged(&request, deps)?;

    let inputs = inputs(asked, assessed, deps);
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

/// A run speaks with the catalogue and the settings with which it was started, on its last customer as on its first.
fn unchanged(request: &Request, deps: &Deps<'_>) -> Result<(), Error> {
    if request.catalogue != deps.catalogue.digest() {
        return Err(Error::Changed { what: "catalogue" });
    }
    if request.settings != deps.settings.digest() {
        return Err(Error::Changed { what: "settings" });
    }
    Ok(())
}

/// The digest of all that determines the script.
fn inputs(asked: Digest, assessed: Digest, deps: &Deps<'_>) -> Digest {
    let digests = [
        asked,
        assessed,
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

/// Asks the model if it may be asked, and otherwise, or if it does not serve, does what the settings say.
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
    if brief.has_nothing_to_offer() {
        return Err(Error::NoOffer { reference: reference() });
    }
    let writer = &deps.settings.writer;
    let asking = Asking {
        settings: writer,
        categories: &request.categories,
        secrets: deps.secrets,
        http: deps.http,
        limiter: deps.limiter,
        keys: deps.vault.keys(),
        wish: request.prompt.as_deref(),
        given_up: without_model,
        pace: Pace::default(),
    };
    let (instead, refused, fallback) = match model::write(&brief, &asking, usage).await? {
        Outcome::Written(script) => return Ok(*script),
        Outcome::Throttled => return Err(Error::Throttled { reference: reference() }),
        Outcome::NotAsked => (None, None, Fallback::Template),
        Outcome::Unavailable(instead) => (Some(instead), None, writer.when_unavailable),
        Outcome::Refused(instead, script) => (Some(instead), script, writer.when_refused),
    };
    if let Some(InsteadOfModel { why, .. }) = &instead {
        tracing::warn!(customer = reference().short(), why, ?fallback, "the model did not serve");
    }
    let mut script = template::write(&brief, deps.vault.keys(), instead.as_ref());
    if !script.verdict.passed() {
        return Err(Error::Guard { reference: reference(), checks: script.verdict.failed().join(", ") });
    }
    // A person looks first, at both texts; only the templates' can be published.
    if let (Fallback::Review, Some(InsteadOfModel { why, .. })) = (fallback, instead) {
        let refused = refused.map(|script| RefusedText { segments: script.segments, verdict: script.verdict });
        script.text_review = Some(TextReview { why, refused });
    }
    Ok(script)
}
