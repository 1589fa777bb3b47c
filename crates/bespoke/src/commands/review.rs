//! `bespoke review`: lists the results in review, and records decisions.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anstyle::Style;
use contracts::error::{EXIT_NOTHING_TO_DO, chain};
use contracts::evidence::{HELD_OUT, Outcome};
use contracts::facts::Skip;
use contracts::review::{PendingReview, ReviewChoice};
use contracts::script::RefusedText;
use contracts::terminal::printable;
use contracts::{CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use lifecycle::ReviewError;
use lifecycle::review::{self, NewDecision, Reviewer};
use runner::config::Config;
use runner::failure::Failure;
use runner::folder::FolderStore;
use runner::follow_up::{ensure_newest_workbooks, notify_if_configured, publish_decision, rewrite_manifest};
use runner::os_user::OsUser;
use runner::project::Project;
use runner::signing::LocalSigner;
use serde::Serialize;
use serde_json::json;
use storage::vault::Vault;

use super::context::{Context, open_artifacts, person, print_warning, reference, run_id};
use crate::cli::control::ReviewArgs;
use crate::paths::relative;

/// One result in review, as the list shows it.
#[derive(Serialize)]
struct ListedItem {
    #[serde(flatten)]
    waiting: PendingReview,
    /// The digest of the text and the media. An approval must state it.
    #[serde(rename = "content_digest")]
    seen: Digest,
    /// The text to publish, or `None` if it cannot be published now.
    text: Option<String>,
    /// The reason why it cannot be published now.
    problem: Option<String>,
    /// The model's text that the guard rejected.
    refused: Option<RefusedText>,
    /// The files that the reviewer should look at.
    files: Vec<PathBuf>,
}

pub(super) async fn execute(args: ReviewArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let project = Project::load(args.folders.into(), config.settings.language)?;
    let (store, vault, secrets) = open_artifacts(&project.folders.artifacts).await?;
    let run = args.run.map(run_id).transpose()?;
    let customer = args.customer.map(|customer| id_or_reference(customer, &vault)).transpose()?;
    let mut waiting = review::list_pending(&vault, run.as_ref()).await?;
    waiting.retain(|waiting| customer.as_ref().is_none_or(|customer| waiting.reference == *customer));
    let choice = match (args.approve, args.reject) {
        (true, _) => ReviewChoice::Approve,
        (_, true) => ReviewChoice::Reject,
        (false, false) => {
            let mut items = Vec::new();
            for waiting in waiting {
                let shown = review::load(waiting.clone(), &vault, &project.catalogue, &project.brand).await;
                items.push(item(waiting, shown, &store));
            }
            context.print(&items, || to_text(&items));
            return Ok(0);
        }
    };
    let run = run.ok_or_else(|| not_one(0))?;
    let [waiting] = <[PendingReview; 1]>::try_from(waiting).map_err(|waiting| not_one(waiting.len()))?;
    let by = person(args.by.as_deref())?;
    if choice == ReviewChoice::Approve {
        ensure_newest_workbooks(&run, &project, &vault).await?;
    }
    let reviewed = match (choice, args.seen) {
        // Nothing is published, so it does not matter what the reviewer saw.
        (ReviewChoice::Reject, _) => review::digest(&waiting),
        (ReviewChoice::Approve, Some(seen)) => seen.parse().map_err(|_| not_a_digest())?,
        (ReviewChoice::Approve, None) => {
            let shown = review::load(waiting.clone(), &vault, &project.catalogue, &project.brand).await;
            show_and_ask(item(waiting.clone(), shown, &store))?
        }
    };
    let reason = args.reason.as_deref();
    let by = Reviewer {
        name: &by,
        subject: vault.keys().staff(&OsUser::current()?.subject()),
        may_approve_own: config.settings.local.approve_own,
    };
    let decision = Decision { run: &run, waiting: &waiting, reviewed, choice, by, reason };
    let decided_by = decision.record(&vault).await?;
    let outcome = publish_decision(&waiting, &project, &config.settings, &vault).await?;
    rewrite_manifest(&run, &vault, &LocalSigner::of_folder(&project.folders.artifacts)).await?;
    print_warning(notify_if_configured(&run, &config.settings, &vault, &secrets).await);
    let reference = &waiting.reference;
    let report = json!({ "run": run, "reference": reference, "result": outcome, "decided_by": decided_by });
    context.print(&report, || format!("{reference}: {}\n", words(&outcome)));
    let as_decided = match (choice, &outcome) {
        (ReviewChoice::Approve, Outcome::Published { .. })
        | (ReviewChoice::Reject, Outcome::Skipped { skip: Skip::Rejected }) => true,
        (ReviewChoice::Approve | ReviewChoice::Reject, _) => false,
    };
    if as_decided {
        return Ok(0);
    }
    if !context.json {
        anstream::eprintln!("note: another reviewer decided first, or the customer must no longer be contacted");
    }
    Ok(EXIT_NOTHING_TO_DO)
}

/// A decision from the command line.
struct Decision<'a> {
    run: &'a RunId,
    waiting: &'a PendingReview,
    /// The digest of the text and media that the reviewer saw.
    reviewed: Digest,
    choice: ReviewChoice,
    by: Reviewer<'a>,
    reason: Option<&'a str>,
}

impl Decision<'_> {
    /// Records the decision. Returns the reviewer whose decision is in effect.
    async fn record(&self, vault: &Vault) -> Result<Option<String>, Failure> {
        let decision = NewDecision { reviewed: &self.reviewed, choice: self.choice, by: self.by, reason: self.reason };
        let reference = &self.waiting.reference;
        let decision = review::decide(self.run, reference, decision, vault, Timestamp::now()).await?;
        Ok(decision.as_ref().ok().map(|decision| decision.by.clone()))
    }
}

/// Shows a result in the terminal and asks the reviewer to confirm. Returns the digest of the result if they do.
fn show_and_ask(item: ListedItem) -> Result<Digest, Failure> {
    let seen = item.seen;
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let message = "--approve needs the digest of the result that you reviewed";
        let help = "give --seen DIGEST, with the digest that `bespoke review` shows";
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, help));
    }
    if let Some(problem) = &item.problem {
        let message = format!("the result cannot be published now: {problem}");
        return Err(Failure::new(ErrorName::ReviewNotWaiting, message, "reject it"));
    }
    anstream::eprintln!("{}", printable(&to_text(&[item])));
    anstream::eprint!("Publish exactly this? Type yes: ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(Failure::file(ErrorName::InputInvalidRequest, Path::new("the terminal")))?;
    if answer.trim() == "yes" {
        return Ok(seen);
    }
    Err(Failure::new(
        ErrorName::InputInvalidRequest,
        "the result was not approved",
        "type yes to approve it; until then, it stays in review",
    ))
}

fn not_a_digest() -> Failure {
    let help = "give the 64 hex digits that `bespoke review` shows";
    Failure::new(ErrorName::InputInvalidRequest, "--seen is not a digest", help)
}

/// Returns the customer for a reference from the list, or for a customer id.
fn id_or_reference(customer: String, vault: &Vault) -> Result<CustomerRef, Failure> {
    CustomerRef::parse(customer.clone()).or_else(|_| reference(customer, vault.keys()))
}

fn not_one(waiting: usize) -> Failure {
    let (message, help) = match waiting {
        0 => (
            "the run has no result in review for this customer".to_owned(),
            "list the results in review: bespoke review",
        ),
        some => (format!("{some} results in the run are in review, and each needs its own decision"), "use --customer"),
    };
    Failure::new(ErrorName::ReviewNotWaiting, message, help)
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Published { .. } => "approved and published".to_owned(),
        Outcome::Skipped { skip } => format!("not published: {}", skip.because()),
        Outcome::HeldOut => format!("not published: {HELD_OUT}"),
        Outcome::InReview { why } => format!("still in review: {why}"),
        Outcome::NotStarted => "not started".to_owned(),
        Outcome::Failed { error, stage } => format!("{error} in {stage}"),
    }
}

/// Returns an item for the list. For a result that cannot be shown, the item contains the problem instead of the text.
fn item(waiting: PendingReview, shown: Result<review::ReviewItem, ReviewError>, store: &FolderStore) -> ListedItem {
    let (text, refused, problem) = match shown {
        Ok(shown) => (Some(shown.text.clone()), shown.refused().cloned(), None),
        Err(error) => (None, None, Some(chain(&error))),
    };
    let key = |artefact| ObjectKey::Customer(waiting.reference.clone(), waiting.run.clone(), artefact);
    let files = waiting.seen.artefacts.keys().map(|artefact| store.path(&key(*artefact))).collect();
    let seen = review::digest(&waiting);
    ListedItem { waiting, seen, text, problem, refused, files }
}

fn to_text(items: &[ListedItem]) -> String {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let mut text = String::new();
    for ListedItem { waiting, seen, text: spoken, problem, refused, files } in items {
        let PendingReview { run, reference, why, since, .. } = waiting;
        let _infallible =
            writeln!(text, "{bold}{reference}{bold:#} {dim}{run}, since {since}{dim:#}\n  {}", why.words());
        let _infallible = writeln!(text, "  {dim}digest {seen}{dim:#}");
        for file in files {
            let _infallible = writeln!(text, "  {}", relative(file).display());
        }
        if let Some(spoken) = spoken {
            let _infallible = writeln!(text, "\n{}", textwrap::indent(spoken, "    "));
        }
        if let Some(problem) = problem {
            let _infallible = writeln!(text, "  cannot be published now: {problem}");
        }
        if let Some(RefusedText { segments, verdict }) = refused {
            let written: Vec<&str> = segments.iter().map(|segment| segment.text.as_str()).collect();
            let _infallible = writeln!(text, "  {bold}The model's rejected text, which is never published:{bold:#}\n");
            let _infallible = writeln!(text, "{}\n", textwrap::indent(&written.join("\n"), "    "));
            for check in verdict.checks.iter().filter(|check| !check.violations.is_empty()) {
                let _infallible = writeln!(text, "  {}: {}", check.name, check.violations.join("; "));
            }
        }
    }
    match items {
        [] => text.push_str("no results are in review\n"),
        [.., last] => {
            let ListedItem { waiting: PendingReview { run, reference, .. }, seen, .. } = last;
            let command = format!("bespoke review {run} --customer {reference}");
            let _infallible = writeln!(text, "Next: {command} --approve --seen {seen}, or {command} --reject");
        }
    }
    text
}
