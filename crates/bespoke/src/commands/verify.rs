//! `bespoke verify`: whether a run is as it was written.

use std::fmt::Write as _;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use contracts::error::EXIT_REFUSED;
use contracts::{ErrorName, RunId};
use storage::secret::SecretError;
use storage::vault::{Keys, Vault};

use super::Shared;
use crate::cli;
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::secrets::LocalSecrets;
use crate::verify::{Verified, verify};

pub(super) async fn execute(asked: cli::Verify, shared: Shared) -> Result<u8, Failure> {
    let run = RunId::parse(asked.run)
        .map_err(|error| Failure::told(ErrorName::InputInvalidRequest, error.to_string(), "see artifacts/runs"))?;
    if !asked.artifacts.is_dir() {
        let message = format!("{}: not found", asked.artifacts.display());
        return Err(Failure::told(ErrorName::EvidenceMissing, message, "name the folder with --artifacts"));
    }
    let store =
        FolderStore::open(&asked.artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, &asked.artifacts))?;
    let keys = match Keys::from_secrets(&LocalSecrets::of_folder(&asked.artifacts)).await {
        // Keys that open nothing, so that nobody can have sealed anything with them.
        Err(SecretError::Missing(_)) => Keys::new(rand::random(), rand::random()),
        keys => keys?,
    };
    let verified = verify(&Vault::new(Arc::new(store), keys), &run).await?;
    shared.print(&verified, || for_people(&verified));
    Ok(if verified.findings.is_empty() && verified.with_keys { 0 } else { EXIT_REFUSED })
}

fn for_people(verified: &Verified) -> String {
    let Verified { run, customers, files, with_keys, findings } = verified;
    let (good, bad) = (
        Style::new().fg_color(Some(AnsiColor::Green.into())),
        Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
    );
    let mut text = String::new();
    for finding in findings {
        let _infallible = writeln!(text, "{bad}{}{bad:#}  {}: {}", finding.error, finding.object, finding.what);
    }
    let looked = format!("{run}: {customers} customers, {files} files compared");
    let _infallible = match findings.len() {
        0 if *with_keys => writeln!(text, "{good}verified{good:#}  {looked}, all as they were written"),
        0 => writeln!(text, "{bad}not proved{bad:#}  {looked}, all fit together"),
        count => writeln!(text, "{looked}, {count} not as they were written"),
    };
    if !with_keys {
        let _infallible = writeln!(
            text,
            "note: the run's keys are not at hand, so that its seals could not be tried: whoever wrote all of it anew would pass"
        );
    }
    text
}
