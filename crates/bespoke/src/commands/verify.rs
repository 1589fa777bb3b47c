//! `bespoke verify`: verifies that a run is unchanged.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use contracts::ErrorName;
use contracts::error::EXIT_REFUSED;
use contracts::text::counted;
use runner::config::Config;
use runner::failure::Failure;
use runner::folder::FolderStore;
use runner::project::Project;
use runner::secrets::LocalSecrets;
use runner::sentences::{self, SentenceReport};
use runner::signing::LocalSigner;
use runner::verify::{Trust, Verification, verify};
use serde::Serialize;
use storage::secret::SecretError;
use storage::vault::{Keys, Vault};
use transparency::signer::Signer as _;

use super::context::{Context, run_id};
use super::pin;
use crate::cli::campaign::VerifyArgs;

pub(super) async fn execute(args: VerifyArgs, config: &Config, context: Context) -> Result<u8, Failure> {
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
    let has_pinned_key = args.key.is_some();
    let trust = trust(args.key.as_deref(), args.head.as_deref(), &artifacts).await?;
    let verification = verify(&vault, &run, &trust).await?;
    let sentences = match Project::load(args.folders.into(), config.settings.language) {
        Ok(project) => sentences::prove(&vault, &run, &project).await?,
        Err(failure) => SentenceReport { not_checked: Some(failure.to_string()), ..SentenceReport::default() },
    };
    let report = VerifyReport { verification: &verification, sentences: &sentences };
    context.print(&report, || {
        let sentences = if verification.with_keys { sentences_to_text(&sentences) } else { String::new() };
        to_text(&verification, has_pinned_key) + &sentences
    });
    // Without the keys, the texts cannot be read, but the head still proves that they are unchanged.
    let is_proven = if verification.with_keys { sentences.is_complete() } else { has_pinned_key };
    Ok(if verification.findings.is_empty() && is_proven { 0 } else { EXIT_REFUSED })
}

/// Reads the public key and the pinned head. If no key file is given, uses this machine's own key, if it has one.
async fn trust(key: Option<&Path>, head: Option<&Path>, artifacts: &Path) -> Result<Trust, Failure> {
    let key = match key {
        Some(file) => {
            let pem = std::fs::read_to_string(file).map_err(Failure::file(ErrorName::InputInvalidRequest, file))?;
            Some(pin::key_from_pem(file, &pem)?)
        }
        None => match LocalSigner::of_folder(artifacts).find_key()? {
            Some(own) => Some(own.public_key().await?),
            None => None,
        },
    };
    let pinned = match (head, &key) {
        (Some(file), Some(key)) => {
            let bytes = std::fs::read(file).map_err(Failure::file(ErrorName::InputInvalidRequest, file))?;
            Some(pin::head_from_file(file, &bytes, key)?)
        }
        _ => None,
    };
    Ok(Trust { key, pinned })
}

/// The report of `bespoke verify`.
#[derive(Serialize)]
struct VerifyReport<'a> {
    #[serde(flatten)]
    verification: &'a Verification,
    sentences: &'a SentenceReport,
}

fn sentences_to_text(report: &SentenceReport) -> String {
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
        "sentences for {}: {}, {catalogue} from the catalog, {} unverified",
        counted(*texts, "customer", "customers"),
        counted(*lines, "approved line", "approved lines"),
        unproved.len()
    );
    if free_approved + free_unapproved > 0 {
        let _infallible = writeln!(
            text,
            "free text: {} approved by a person, {free_unapproved} without approval",
            counted(*free_approved, "passage", "passages")
        );
    }
    if *sealed > 0 {
        let sealed = counted(*sealed, "customer", "customers");
        let _infallible = writeln!(text, "not proven: the text for {sealed} could not be opened with these keys");
    }
    if *erased > 0 {
        let erased = counted(*erased, "customer", "customers");
        let _infallible = writeln!(text, "note: the text for {erased} was erased together with their data");
    }
    text
}

fn to_text(verification: &Verification, has_pinned_key: bool) -> String {
    let Verification { run, customers, files, with_keys, head, findings } = verification;
    let good = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let bad = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let mut text = String::new();
    for finding in findings {
        let _infallible = writeln!(text, "{bad}{}{bad:#}  {}: {}", finding.error, finding.object, finding.what);
    }
    let customers = counted(*customers, "customer", "customers");
    let compared = format!("{run}: {customers}, {} compared", counted(*files, "file", "files"));
    let _infallible = match findings.len() {
        0 if *with_keys || has_pinned_key => writeln!(text, "{good}verified{good:#}  {compared}, all unchanged"),
        0 => writeln!(text, "{bad}not verified{bad:#}  {compared}, all digests match"),
        count => writeln!(text, "{compared}, {}", counted(count, "discrepancy", "discrepancies")),
    };
    if let Some(index) = head.index {
        let by = head
            .key
            .as_ref()
            .map_or_else(|| "whose signature was not checked".to_owned(), |key| format!("signed with key {key}"));
        let _infallible = writeln!(text, "head: entry {index} of {} in the log, {by}", head.log_size);
    }
    if let Some(size) = head.pinned_size {
        let _infallible = writeln!(text, "the pinned head covers {}", counted(size, "entry", "entries"));
    } else if has_pinned_key {
        let _infallible =
            writeln!(text, "note: without --head, anyone with the signing key could have signed a rewritten history");
    }
    if !with_keys && !has_pinned_key {
        let _infallible = writeln!(
            text,
            "note: without the run's keys or a public key (--key), a complete forgery with new digests would pass"
        );
    } else if !with_keys {
        let _infallible = writeln!(text, "note: without the run's keys, erasures and recalls cannot be authenticated");
    }
    text
}
