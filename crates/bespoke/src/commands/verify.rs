//! `bespoke verify`: verifies that a run is unchanged.

use std::fmt::Write as _;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use contracts::ErrorName;
use contracts::error::EXIT_REFUSED;
use runner::failure::Failure;
use runner::folder::FolderStore;
use runner::project::Project;
use runner::secrets::LocalSecrets;
use runner::sentences::{self, SentenceReport};
use runner::verify::{Verification, verify};
use serde::Serialize;
use storage::secret::SecretError;
use storage::vault::{Keys, Vault};

use super::context::{Context, run_id};
use crate::cli::campaign::VerifyArgs;

pub(super) async fn execute(args: VerifyArgs, context: Context) -> Result<u8, Failure> {
    let run = run_id(args.run)?;
    let artifacts = args.folders.artifacts.clone();
    if !artifacts.is_dir() {
        let message = format!("{}: not found", artifacts.display());
        return Err(Failure::new(ErrorName::EvidenceMissing, message, "specify the folder with --artifacts"));
    }
    let store = FolderStore::open(&artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, &artifacts))?;
    let keys = match Keys::from_secrets(&LocalSecrets::of_folder(&artifacts)).await {
        // Random keys cannot open any object, so the report says that the run was verified without its keys.
        Err(SecretError::Missing(_)) => Keys::new(rand::random(), rand::random()),
        keys => keys?,
    };
    let vault = Vault::new(Arc::new(store), keys);
    let verification = verify(&vault, &run).await?;
    let sentences = match Project::load(args.folders.into()) {
        Ok(project) => sentences::prove(&vault, &run, &project).await?,
        Err(failure) => SentenceReport { not_checked: Some(failure.to_string()), ..SentenceReport::default() },
    };
    let report = VerifyReport { verification: &verification, sentences: &sentences };
    context.print(&report, || for_people(&verification) + &sentences_for_people(&sentences));
    let is_good = verification.findings.is_empty() && verification.with_keys && sentences.is_complete();
    Ok(if is_good { 0 } else { EXIT_REFUSED })
}

/// The report of `bespoke verify`.
#[derive(Serialize)]
struct VerifyReport<'a> {
    #[serde(flatten)]
    verification: &'a Verification,
    sentences: &'a SentenceReport,
}

fn sentences_for_people(report: &SentenceReport) -> String {
    if let Some(reason) = &report.not_checked {
        return format!(
            "not proven: the sentences were not checked: {reason}\nhelp: specify the folders with the run's own phrasebook, catalog and brand\n"
        );
    }
    let mut text = String::new();
    for unproved in &report.unproved {
        let _infallible = writeln!(text, "customer {}: {}", unproved.reference.short(), unproved.reason);
    }
    let SentenceReport { texts, sealed, erased, lines, catalogue, free_approved, free_unapproved, unproved, .. } =
        report;
    let _infallible = writeln!(
        text,
        "sentences for {texts} customers: {lines} approved lines, {catalogue} from the catalog, {} unverified",
        unproved.len()
    );
    if free_approved + free_unapproved > 0 {
        let _infallible = writeln!(
            text,
            "free text: {free_approved} passages approved by a person, {free_unapproved} without approval"
        );
    }
    if *sealed > 0 {
        let _infallible =
            writeln!(text, "not proven: the text for {sealed} customers could not be opened with these keys");
    }
    if *erased > 0 {
        let _infallible = writeln!(text, "note: the text for {erased} customers was erased together with their data");
    }
    text
}

fn for_people(verification: &Verification) -> String {
    let Verification { run, customers, files, with_keys, findings } = verification;
    let good = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let bad = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let mut text = String::new();
    for finding in findings {
        let _infallible = writeln!(text, "{bad}{}{bad:#}  {}: {}", finding.error, finding.object, finding.what);
    }
    let compared = format!("{run}: {customers} customers, {files} files compared");
    let _infallible = match findings.len() {
        0 if *with_keys => writeln!(text, "{good}verified{good:#}  {compared}, all unchanged"),
        0 => writeln!(text, "{bad}not verified{bad:#}  {compared}, all digests match"),
        count => writeln!(text, "{compared}, {count} discrepancies"),
    };
    if !with_keys {
        let _infallible = writeln!(
            text,
            "note: without the run's keys its seals cannot be checked: a complete forgery with new digests would pass"
        );
    }
    text
}
