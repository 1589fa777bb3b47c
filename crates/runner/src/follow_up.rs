//! The steps after a run, a decision or a recall: publishing, the manifest, and notifications to the bank's system.

use contracts::evidence::Outcome;
use contracts::key::RunPart;
use contracts::request::Request;
use contracts::review::{PendingReview, ReviewChoice};
use contracts::settings::Settings;
use contracts::stage::PublishInput;
use contracts::text::counted;
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use deliver::webhook::{self, Backoff, Deps, NotifySummary};
use jiff::Timestamp;
use policy::review::find_decision;
use storage::secret::Secrets;
use storage::vault::{Owner, Vault};
use transparency::signer::Signer;

use crate::failure::Failure;
use crate::project::Project;

/// Fails if the workbooks are no longer the ones that the run used, because the new ones may contain a reason not to
/// contact the customer.
pub async fn ensure_newest_workbooks(run: &RunId, project: &Project, vault: &Vault) -> Result<(), Failure> {
    let (request, _): (Request, _) =
        vault.read_json(Owner::Run, &ObjectKey::Run(run.clone(), RunPart::Request)).await?;
    match merge::upload_digest(&project.store()?, &request.batch).await {
        Ok(current) if current != request.upload => {
            let message = format!("the workbooks changed since {run} started, so its results must not be approved");
            Err(Failure::new(ErrorName::ConfigChanged, message, "start a new run with the current workbooks"))
        }
        // A reviewer's machine may have no workbooks. The datasets still show newer data.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Publishes an approved result or records a rejected one. If publishing fails, the decision is kept for the next
/// attempt.
pub async fn publish_decision(
    waiting: &PendingReview,
    project: &Project,
    settings: &Settings,
    vault: &Vault,
) -> Result<Outcome, Failure> {
    let input = PublishInput {
        run: waiting.run.clone(),
        reference: waiting.reference.clone(),
        video: waiting.video,
        failure: None,
    };
    let decision = find_decision(vault, &waiting.run, &waiting.reference).await?;
    if decision.is_some_and(|(decision, _)| decision.choice == ReviewChoice::Approve) {
        ensure_newest_workbooks(&waiting.run, project, vault).await?;
    }
    let deps = publish::Deps {
        vault,
        settings,
        catalogue: &project.catalogue,
        phrases: project.current_phrases(),
        brand: &project.brand,
        now: Timestamp::now(),
    };
    Ok(publish::run(input, &deps).await?)
}

/// Rewrites the manifest of a run that has ended, and signs its new head.
pub async fn rewrite_manifest(run: &RunId, vault: &Vault, signer: &dyn Signer) -> Result<(), Failure> {
    finalize::refresh(run.clone(), &finalize::Deps { vault, signer, now: Timestamp::now() }).await?;
    Ok(())
}

/// Sends the undelivered notifications of one customer's answers. Sends none if no address is set.
pub async fn send_answers(
    run: &RunId,
    reference: &CustomerRef,
    settings: &Settings,
    vault: &Vault,
    secrets: &dyn Secrets,
) -> Result<NotifySummary, Failure> {
    let deps = Deps { vault, secrets, settings: &settings.delivery.webhook, backoff: Backoff::default() };
    Ok(webhook::notify_answers(run, reference, &deps).await?)
}

/// Sends a run's undelivered notifications, including dead letters.
pub async fn send_notifications(
    run: &RunId,
    settings: &Settings,
    vault: &Vault,
    secrets: &dyn Secrets,
) -> Result<NotifySummary, Failure> {
    let deps = Deps { vault, secrets, settings: &settings.delivery.webhook, backoff: Backoff::default() };
    Ok(webhook::notify(run, &deps).await?)
}

/// A warning that some of a run's notifications did not arrive.
pub struct NotificationWarning {
    /// The error's name.
    pub name: ErrorName,
    /// The message, with the command that sends the notifications again.
    pub message: String,
}

/// Notifies the bank's system about a run or a decision, if the settings contain its address. Undelivered notifications
/// become dead letters and cause a warning, but never fail the run or the decision.
pub async fn notify_if_configured(
    run: &RunId,
    settings: &Settings,
    vault: &Vault,
    secrets: &dyn Secrets,
) -> Option<NotificationWarning> {
    if settings.delivery.webhook.url.is_empty() {
        return None;
    }
    match send_notifications(run, settings, vault, secrets).await {
        Ok(NotifySummary { dead_letters, .. }) if dead_letters > 0 => Some(NotificationWarning {
            name: ErrorName::DeliveryFailed,
            message: format!(
                "could not deliver {}; to send again: bespoke notify {run}",
                counted(dead_letters, "notification", "notifications")
            ),
        }),
        Ok(_) => None,
        // A run that has not ended sends its notifications when it ends.
        Err(Failure::Named(error)) if error.name() == ErrorName::InputInvalidRequest => None,
        Err(failure) => Some(NotificationWarning {
            name: failure.name(),
            message: format!("no notification was sent: {failure}; to send them later: bespoke notify {run}"),
        }),
    }
}
