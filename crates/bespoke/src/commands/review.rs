//! `bespoke review`: what waits for a person, and what they decide.

use std::fmt::Write as _;
use std::path::PathBuf;

use anstyle::Style;
use contracts::evidence::{Manifest, Outcome};
use contracts::facts::Skip;
use contracts::key::RunPart;
use contracts::review::{Choice, Waiting};
use contracts::script::RefusedText;
use contracts::settings::Settings;
use contracts::stage::{FinalizeInput, PublishInput};
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use lifecycle::review::{DecisionOutcome, ReviewItem};
use serde::Serialize;
use serde_json::json;
use storage::vault::Vault;

use super::{Shared, deliver, here, opened, person, reference, run_id};
use crate::cli::delivery::Review;
use crate::config::Config;
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::project::Project;

/// One that waits, as `--json` prints it.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    waiting: Waiting,
    /// The text as it will be published; nothing if it cannot be published now.
    text: Option<String>,
    /// Why it cannot.
    problem: Option<String>,
    /// What the model wrote and the guard refused.
    refused: Option<RefusedText>,
    /// The files to look at.
    files: Vec<PathBuf>,
}

pub(super) async fn execute(asked: Review, config: Config, shared: Shared) -> Result<u8, Failure> {
    let Review { run, customer, approve, reject, by, reason, folders } = asked;
    let project = Project::load(folders)?;
    let (store, vault, secrets) = opened(&project.folders.artifacts).await?;
    let run = run.map(run_id).transpose()?;
    let customer = customer.map(|customer| named(customer, &vault)).transpose()?;
    let mut waiting = lifecycle::review::list_pending(&*store, run.as_ref()).await?;
    waiting.retain(|waiting| customer.as_ref().is_none_or(|customer| waiting.reference == *customer));
    let choice = match (approve, reject) {
        (true, _) => Choice::Approve,
        (_, true) => Choice::Reject,
        (false, false) => {
            let mut lines = Vec::new();
            for waiting in waiting {
                let shown = lifecycle::review::load(waiting.clone(), &vault, &project.catalogue, &project.brand).await;
                lines.push(line(waiting, shown, &store));
            }
            shared.print(&lines, || for_people(&lines));
            return Ok(0);
        }
    };
    let run = run.ok_or_else(|| one(0))?;
    let [waiting] = <[Waiting; 1]>::try_from(waiting).map_err(|waiting| one(waiting.len()))?;
    let (who, by) = (&waiting.reference, person(by)?);
    let shown = lifecycle::review::digest(&waiting);
    let verdict = lifecycle::review::NewDecision { reviewed: &shown, choice, by: &by, reason: reason.as_deref() };
    let DecisionOutcome { decision: standing, .. } =
        lifecycle::review::decide(&run, who, verdict, &vault, Timestamp::now()).await?;
    let outcome = publish(&waiting, &project, &config.settings, &vault).await?;
    finalize(&run, &vault).await?;
    deliver::tell(&run, &config.settings, &vault, &secrets).await;
    let by = standing.as_ref().ok().map(|decision| decision.by.clone());
    let told = json!({ "run": run, "reference": who, "result": outcome, "decided_by": by });
    shared.print(&told, || format!("{who}: {}\n", words(&outcome)));
    let as_asked = match (choice, &outcome) {
        (Choice::Approve, Outcome::Published { .. }) | (Choice::Reject, Outcome::Skipped { skip: Skip::Rejected }) => {
            true
        }
        (Choice::Approve | Choice::Reject, _) => false,
    };
    if as_asked {
        return Ok(0);
    }
    if !shared.json {
        anstream::eprintln!("note: somebody else had decided before, or the customer may not be contacted any more");
    }
    Ok(contracts::error::EXIT_NOTHING_TO_DO)
}

/// A customer by the reference of the list, or by id.
fn named(customer: String, vault: &Vault) -> Result<CustomerRef, Failure> {
    CustomerRef::parse(customer.clone()).or_else(|_| reference(customer, vault.keys()))
}

fn one(waiting: usize) -> Failure {
    let (message, help) = match waiting {
        0 => ("nothing waits there for review".to_owned(), "list what waits: bespoke review"),
        some => {
            (format!("{some} customers of the run wait for review, and each is decided by itself"), "give --customer")
        }
    };
    Failure::told(ErrorName::ReviewNotWaiting, message, help)
}

/// Lets the outcome follow. What keeps it from being published is told, and the decision stands for the next time.
pub(crate) async fn publish(
    waiting: &Waiting,
    project: &Project,
    settings: &Settings,
    vault: &Vault,
) -> Result<Outcome, Failure> {
    let (run, reference, video) = (waiting.run.clone(), waiting.reference.clone(), waiting.video);
    let deps =
        publish::Deps { vault, settings, catalogue: &project.catalogue, brand: &project.brand, now: Timestamp::now() };
    Ok(publish::run(PublishInput { run, reference, video, failure: None }, &deps).await?)
}

/// Writes the manifest anew, if the run has come to its end.
pub(crate) async fn finalize(run: &RunId, vault: &Vault) -> Result<(), Failure> {
    let key = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    let Some(json) = vault.store().find(&key).await? else { return Ok(()) };
    let manifest: Manifest = serde_json::from_slice(&json).map_err(|error| {
        let help = "take the run up again, which writes it anew";
        Failure::told(ErrorName::SealBroken, format!("{key}: {error}"), help)
    })?;
    let input = FinalizeInput { run: run.clone(), dataset: manifest.dataset };
    finalize::run(input, &finalize::Deps { vault }).await?;
    Ok(())
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Published { .. } => "approved and published".to_owned(),
        Outcome::Skipped { skip } => format!("not published: {}", skip.because()),
        Outcome::Held { why } => format!("still waits: {why}"),
        Outcome::Failed { error, stage } => format!("{error} in {stage}"),
    }
}

/// One that cannot be shown does not hide the others.
fn line(waiting: Waiting, shown: Result<ReviewItem, lifecycle::ReviewError>, store: &FolderStore) -> Line {
    let (text, refused, problem) = match shown {
        Ok(shown) => (Some(shown.text.clone()), shown.refused().cloned(), None),
        Err(error) => (None, None, Some(contracts::error::chain(&error))),
    };
    let key = |artefact| ObjectKey::Customer(waiting.reference.clone(), waiting.run.clone(), artefact);
    let files = waiting.seen.artefacts.keys().map(|artefact| store.path(&key(*artefact))).collect();
    Line { waiting, text, problem, refused, files }
}

fn for_people(lines: &[Line]) -> String {
    let (bold, dim, here) = (Style::new().bold(), Style::new().dimmed(), here());
    let mut text = String::new();
    for Line { waiting, text: said, problem, refused, files } in lines {
        let Waiting { run, reference, why, since, .. } = waiting;
        let _infallible =
            writeln!(text, "{bold}{reference}{bold:#} {dim}{run}, since {since}{dim:#}\n  {}", why.words());
        for file in files {
            let _infallible = writeln!(text, "  {}", file.strip_prefix(&here).unwrap_or(file).display());
        }
        if let Some(said) = said {
            let _infallible = writeln!(text, "\n{}", textwrap::indent(said, "    "));
        }
        if let Some(problem) = problem {
            let _infallible = writeln!(text, "  cannot be shown or published now: {problem}");
        }
        if let Some(RefusedText { segments, verdict }) = refused {
            let written: Vec<&str> = segments.iter().map(|segment| segment.text.as_str()).collect();
            let _infallible = writeln!(text, "  {bold}What the model wrote, which is never published:{bold:#}\n");
            let _infallible = writeln!(text, "{}\n", textwrap::indent(&written.join("\n"), "    "));
            for check in verdict.checks.iter().filter(|check| !check.violations.is_empty()) {
                let _infallible = writeln!(text, "  {}: {}", check.name, check.violations.join("; "));
            }
        }
    }
    match lines {
        [] => text.push_str("nothing waits for review\n"),
        [.., last] => {
            let Waiting { run, reference, .. } = &last.waiting;
            let _infallible =
                writeln!(text, "Next: bespoke review {run} --customer {reference} --approve, or --reject");
        }
    }
    text
}
