//! `bespoke recall`: takes back what a run published. It may be called while a run is under way.

use std::collections::BTreeSet;
use std::path::Path;

use contracts::evidence::Evidence;
use contracts::key::Artefact;
use contracts::{Digest, ErrorName, ObjectKey};
use jiff::Timestamp;
use serde_json::json;

use super::{Shared, deliver, opened, person, reference, run_id};
use crate::cli::delivery::Recall;
use crate::config::Config;
use crate::failure::Failure;
use crate::report::read_evidence;

pub(super) async fn execute(asked: Recall, config: &Config, shared: Shared) -> Result<u8, Failure> {
    let Recall { run, customer, by, reason, artifacts } = asked;
    let (run, by) = (run_id(run)?, person(by)?);
    let (_, vault, secrets) = opened(&artifacts).await?;
    let customer = customer.map(|customer| reference(customer, vault.keys())).transpose()?;
    let now = Timestamp::now();
    let recalled = lifecycle::recall::recall(&run, customer.as_ref(), &by, reason.as_deref(), &vault, now).await?;
    let mut published = BTreeSet::new();
    for recalled in &recalled {
        let key = ObjectKey::Customer(recalled.reference.clone(), run.clone(), Artefact::Evidence);
        published.extend(
            read_evidence(&vault, &key)
                .await?
                .into_iter()
                .flat_map(|Evidence { artefacts, .. }| artefacts.into_values()),
        );
    }
    remove_copies(&artifacts, &published)?;
    deliver::tell(&run, &config.settings, &vault, &secrets).await;
    let told = json!({ "run": run, "recalled": recalled });
    shared.print(&told, || {
        let files: usize = recalled.iter().map(|recalled| recalled.files).sum();
        let customers = recalled.len();
        format!(
            "{run} was taken back: {files} files of {customers} customers lie under recalled/ now, their links are dead, \
             and the evidence stays\n"
        )
    });
    Ok(0)
}

/// Removes what `bespoke run` left under `output/`, if it is one of these.
pub(crate) fn remove_copies(artifacts: &Path, of: &BTreeSet<Digest>) -> Result<usize, Failure> {
    let mut removed = 0;
    for copy in super::run::outputs(artifacts) {
        let failed = |error| Failure::file(ErrorName::StoreUnavailable, &copy)(error);
        match std::fs::read(&copy) {
            Ok(bytes) if of.contains(&Digest::of(&bytes)) => {
                std::fs::remove_file(&copy).map_err(failed)?;
                removed += 1;
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(removed)
}
