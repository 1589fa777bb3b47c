//! The parts of a recommendation that its caller may see.
//!
//! **Invariant:** text is shown only after it has passed the guard. `control/` is read for every request, and a customer's
//! result is not shown if control data forbids it.

use contracts::evidence::{Evidence, FailureRecord, HELD_OUT, Outcome};
use contracts::executions::Execution;
use contracts::facts::Skip;
use contracts::key::Artefact;
use contracts::review::PendingReview;
use contracts::script::Script;
use contracts::{CustomerRef, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control;
use policy::recall::is_recalled;
use storage::store::StoreError;
use storage::vault::{Owner, Vault, VaultError};

use crate::backend::SharedBackend;
use crate::problem::Problem;
use crate::runs::{CustomerRun, find_json};
use crate::timeline;
use crate::view::{
    OutcomeName, Recommendation, RecommendationContent, ResultLinks, RunEvent, RunEventKind, RunStatus, StatusReason,
    VideoMeasurements,
};

/// The lifetime of a result link or an upload link in seconds.
pub(crate) const LINK_SECONDS: u64 = 15 * 60;

/// The stored record of the outcome of a customer's part of a run.
enum Record {
    Ended(Box<Evidence>),
    /// A review is pending. The evidence is written after the decision.
    InReview(PendingReview),
    Failed(FailureRecord),
}

impl Record {
    async fn find(customer: &CustomerRun, vault: &Vault) -> Result<Option<Self>, Problem> {
        let store = vault.store();
        if let Some(evidence) = find_json::<Evidence>(store, &key(customer, Artefact::Evidence)).await? {
            return Ok(Some(Self::Ended(Box::new(evidence))));
        }
        if let Some(waiting) = policy::review::find_pending(vault, &customer.run, &customer.reference).await? {
            return Ok(Some(Self::InReview(waiting)));
        }
        Ok(find_json(store, &key(customer, Artefact::Failure)).await?.map(Self::Failed))
    }

    fn outcome(&self) -> OutcomeName {
        match self {
            Self::Ended(evidence) => OutcomeName::from(&evidence.outcome),
            Self::InReview(_) => OutcomeName::InReview,
            Self::Failed(_) => OutcomeName::Failed,
        }
    }

    /// Returns the reason in a few words, for a table.
    fn short_reason(&self) -> Option<String> {
        match self {
            Self::InReview(waiting) => Some(waiting.why.words()),
            Self::Failed(failure) => Some(format!("{} in {}", failure.error, failure.stage)),
            Self::Ended(evidence) => match &evidence.outcome {
                Outcome::Published { .. } | Outcome::NotStarted => None,
                Outcome::Skipped { skip } => Some(skip.because().to_owned()),
                Outcome::HeldOut => Some(HELD_OUT.to_owned()),
                Outcome::InReview { why } => Some(why.clone()),
                Outcome::Failed { error, stage } => Some(format!("{error} in {stage}")),
            },
        }
    }

    fn reason(&self) -> Option<StatusReason> {
        match self {
            Self::InReview(waiting) => Some(StatusReason::in_review(waiting.why.words())),
            Self::Failed(failure) => {
                Some(StatusReason::of_error(failure.error.as_str(), Some(failure.message.clone())))
            }
            Self::Ended(evidence) => match &evidence.outcome {
                Outcome::Published { .. } | Outcome::NotStarted => None,
                Outcome::Skipped { skip } => Some(StatusReason::of_skip(*skip)),
                Outcome::HeldOut => Some(StatusReason::held_out()),
                Outcome::InReview { why } => Some(StatusReason::in_review(why.clone())),
                Outcome::Failed { error, .. } => Some(StatusReason::of_error(error.as_str(), None)),
            },
        }
    }
}

fn key(customer: &CustomerRun, artefact: Artefact) -> ObjectKey {
    ObjectKey::Customer(customer.reference.clone(), customer.run.clone(), artefact)
}

/// Reads the evidence for one customer's part of a run. Returns `None` until that part has ended.
pub(crate) async fn evidence(
    run: &RunId,
    reference: &CustomerRef,
    backend: &SharedBackend,
) -> Result<Option<Evidence>, Problem> {
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    find_json(backend.vault().store(), &key).await
}

/// Returns a customer's outcome and a short reason for it, or `None` until there is an outcome.
pub(crate) async fn outcome(
    customer: &CustomerRun,
    backend: &SharedBackend,
) -> Result<Option<(OutcomeName, Option<String>)>, Problem> {
    let store = backend.vault().store();
    let Some(record) = Record::find(customer, backend.vault()).await? else { return Ok(None) };
    let is_published = record.outcome() == OutcomeName::Published;
    if is_published && is_recalled(store, &customer.run, &customer.reference).await? {
        return Ok(Some((OutcomeName::Recalled, Some(Skip::Recalled.because().to_owned()))));
    }
    Ok(Some((record.outcome(), record.short_reason())))
}

/// Assembles a recommendation with everything that the caller may see.
pub(crate) async fn recommendation(
    customer: &CustomerRun,
    execution: Option<&Execution>,
    events: &[RunEvent],
    backend: &SharedBackend,
) -> Result<Recommendation, Problem> {
    let store = backend.vault().store();
    let record = Record::find(customer, backend.vault()).await?;
    let mut outcome = record.as_ref().map(Record::outcome);
    let mut reason = match &record {
        Some(record) => record.reason(),
        None => execution.and_then(|execution| {
            execution.error.as_ref().map(|error| StatusReason::of_error(error, execution.message.clone()))
        }),
    };
    let mut content = RecommendationContent::default();
    let from_posts = matches!(&record, Some(Record::Ended(evidence)) if evidence.from_posts);
    let control = control::read(backend.vault(), &customer.reference, Timestamp::now()).await?;
    let is_recalled = is_recalled(store, &customer.run, &customer.reference).await?;
    match (control.forbids(from_posts), &record) {
        // A recall has moved the files, so no part of the result is shown.
        (_, Some(Record::Ended(evidence))) if is_recalled && is_published(evidence) => {
            outcome = Some(OutcomeName::Recalled);
            reason = Some(StatusReason::of_skip(Skip::Recalled));
        }
        (Some(skip), Some(_)) => {
            reason = reason.or_else(|| Some(StatusReason::of_skip(skip)));
        }
        (Some(_), None) | (None, Some(Record::InReview(_) | Record::Failed(_))) => {}
        // The run in progress may have used posts.
        (None, None) if control.withdraws_posts() => {}
        // A run that was recalled while in progress will not be published.
        (None, None) if is_recalled => {}
        (None, None) => content = content_in_progress(customer, backend).await?,
        (None, Some(Record::Ended(evidence))) => content = content_of_evidence(customer, evidence, backend).await?,
    }
    let first_stage = events.iter().find(|event| event.kind == RunEventKind::Stage);
    let is_single = customer.is_single_customer();
    // A local server does not track the stages of a campaign's customers.
    let is_untracked = first_stage.is_none() && (record.is_some() || !is_single);
    let has_started =
        first_stage.is_some() || (!is_single && timeline::has_run_started(&customer.run, backend).await?);
    Ok(Recommendation {
        id: customer.id(),
        status: RunStatus::new(execution, has_started, record.is_some()),
        outcome,
        reason,
        customer_ref: customer.reference.to_string(),
        categories: customer.request.categories.clone(),
        started_at: first_stage.map(|event| event.at),
        stages: if is_untracked { Vec::new() } else { timeline::stages(events) },
        content,
    })
}

const fn is_published(evidence: &Evidence) -> bool {
    matches!(evidence.outcome, Outcome::Published { .. })
}

/// Returns the text of a run in progress, if it has passed the guard.
async fn content_in_progress(
    customer: &CustomerRun,
    backend: &SharedBackend,
) -> Result<RecommendationContent, Problem> {
    let mut content = RecommendationContent::default();
    let owner = Owner::Customer(&customer.reference);
    let script: Script = match backend.vault().read_json(owner, &key(customer, Artefact::Script)).await {
        Ok((script, _)) => script,
        // The text has not been written yet, or the customer's key has been destroyed.
        Err(VaultError::Store(StoreError::NotFound { .. }) | VaultError::Broken { .. }) => return Ok(content),
        Err(error) => return Err(error.into()),
    };
    // Only reviewers see text that needs a review.
    if script.verdict.passed() && script.text_review.is_none() {
        content.add_text(&script);
    }
    Ok(content)
}

/// Returns the content that the evidence records, with links to the published files.
async fn content_of_evidence(
    customer: &CustomerRun,
    evidence: &Evidence,
    backend: &SharedBackend,
) -> Result<RecommendationContent, Problem> {
    let mut content = RecommendationContent::default();
    let personal = match policy::evidence::open_personal(backend.vault(), evidence).await {
        Ok(personal) => personal,
        // The customer has been erased.
        Err(VaultError::Broken { .. }) => return Ok(content),
        Err(error) => return Err(error.into()),
    };
    let Outcome::Published { video } = evidence.outcome else {
        // Only reviewers see rejected text. The names of the failed checks do not reveal its content.
        if let (Outcome::InReview { .. }, Some(script)) = (&evidence.outcome, &personal.script) {
            content.add_checks(script);
        }
        return Ok(content);
    };
    if backend.vault().store().find(&key(customer, Artefact::Text)).await?.is_none() {
        // The published files have been removed.
        return Ok(content);
    }
    if let Some(script) = &personal.script {
        content.add_text(script);
    }
    if let Some(facts) = &personal.facts {
        content.add_ranking(facts, &backend.catalogue().await?);
    }
    content.media = evidence.media.as_ref().map(VideoMeasurements::from);
    let mut files = vec![Artefact::Text];
    if video {
        files.extend([Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview]);
    }
    content.links = Some(links(&customer.run, &customer.reference, &files, backend).await?);
    Ok(content)
}

/// Issues links to a customer's result files.
pub(crate) async fn links(
    run: &RunId,
    reference: &CustomerRef,
    files: &[Artefact],
    backend: &SharedBackend,
) -> Result<ResultLinks, Problem> {
    let mut links = ResultLinks::none();
    for artefact in files {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), *artefact);
        links.add(*artefact, backend.links().link(&key, LINK_SECONDS).await?);
    }
    Ok(links)
}
