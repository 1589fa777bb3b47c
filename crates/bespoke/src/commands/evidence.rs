//! `bespoke evidence`: what the compliance officer asks for.

use std::path::Path;
use std::sync::Arc;

use contracts::evidence::{Evidence, PersonalEvidence};
use contracts::key::Artefact;
use contracts::{CustomerId, CustomerRef, ErrorName, ObjectKey, RunId};
use serde::Serialize;

use super::Shared;
use crate::cli;
use crate::failure::Failure;
use crate::project::{Project, vault};
use crate::report::read_evidence;
use crate::secrets::LocalSecrets;

#[derive(Serialize)]
struct Opened {
    #[serde(flatten)]
    evidence: Evidence,
    opened: PersonalEvidence,
}

pub(super) async fn execute(asked: cli::Evidence, shared: Shared) -> Result<u8, Failure> {
    let project = Project::load(asked.folders)?;
    let secrets = LocalSecrets::of_folder(&project.folders.artifacts);
    let store = Arc::new(project.store()?);
    let vault = vault(store, &secrets).await?;
    let id = CustomerId::parse(asked.customer)
        .map_err(|error| Failure::told(ErrorName::InputUnknownCustomer, error.to_string(), "check the id"))?;
    let reference = vault.keys().reference(&id);
    let run = match asked.run {
        Some(run) => RunId::parse(run)
            .map_err(|error| Failure::told(ErrorName::InputInvalidRequest, error.to_string(), "see artifacts/runs"))?,
        None => newest(&project.folders.artifacts, &reference).ok_or_else(nothing)?,
    };
    let key = ObjectKey::Customer(reference, run, Artefact::Evidence);
    let evidence = read_evidence(&vault, &key).await?.ok_or_else(nothing)?;
    let opened = policy::evidence::open_personal(&vault, &evidence).await?;
    let opened = Opened { evidence, opened };
    // The record is JSON, for people too.
    shared.print(&opened, || serde_json::to_string_pretty(&opened).expect("evidence serializes to JSON") + "\n");
    Ok(0)
}

fn nothing() -> Failure {
    Failure::told(
        ErrorName::InputUnknownCustomer,
        "no run has left evidence for that customer",
        "check the id, --run and --artifacts",
    )
}

/// The customer's run whose evidence was written last.
fn newest(artifacts: &Path, reference: &CustomerRef) -> Option<RunId> {
    let runs = std::fs::read_dir(artifacts.join("customers").join(reference.as_str())).ok()?;
    runs.filter_map(Result::ok)
        .filter_map(|run| {
            let written = run.path().join(Artefact::Evidence.file_name()).metadata().ok()?.modified().ok()?;
            Some((written, RunId::parse(run.file_name().into_string().ok()?).ok()?))
        })
        .max_by_key(|(written, _)| *written)
        .map(|(_, run)| run)
}
