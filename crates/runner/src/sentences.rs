//! Verifies the source of every published sentence in a run: an approved line, a catalog text, or free text that a
//! person approved.

use contracts::evidence::{Evidence, Manifest, Outcome};
use contracts::key::{Artefact, RunPart};
use contracts::request::Request;
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use recommend::Proof;
use serde::Serialize;
use storage::vault::{Owner, Vault};

use crate::failure::Failure;
use crate::project::Project;

/// A sentence whose source could not be verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnprovedSentence {
    /// The customer.
    pub reference: CustomerRef,
    /// The reason.
    pub reason: String,
}

/// The result of verifying a run's published sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SentenceReport {
    /// The reason why no sentence could be verified, such as a phrasebook that has changed since the run.
    pub not_checked: Option<String>,
    /// Texts whose sentences were checked.
    pub texts: usize,
    /// Texts that the current keys cannot open.
    pub sealed: usize,
    /// Sentences that are approved lines with filled slots.
    pub lines: usize,
    /// Sentences that are catalog texts.
    pub catalogue: usize,
    /// Parts of free text that a person approved.
    pub free_approved: usize,
    /// Parts of free text without an approval, as `writer.free_without_review` allows.
    pub free_unapproved: usize,
    /// Sentences whose source could not be verified.
    pub unproved: Vec<UnprovedSentence>,
}

/// Verifies the sentences in a run against the project's phrasebook, catalog and brand.
pub async fn prove(vault: &Vault, run: &RunId, project: &Project) -> Result<SentenceReport, Failure> {
    let mut report = SentenceReport::default();
    let request = ObjectKey::Run(run.clone(), RunPart::Request);
    let Ok((request, _)) = vault.read_json::<Request>(Owner::Run, &request).await else {
        report.not_checked = Some("the keys cannot open the run's request".to_owned());
        return Ok(report);
    };
    let material = [
        ("phrasebook", request.phrases == project.phrases.digest()),
        ("catalog", request.catalogue == project.catalogue.digest()),
        ("brand", request.assets == project.assets),
    ];
    if let Some((what, _)) = material.into_iter().find(|(_, is_of_run)| !is_of_run) {
        report.not_checked = Some(format!("the {what} has changed since the run"));
        return Ok(report);
    }
    let manifest = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    let Some(json) = vault.store().find(&manifest).await? else { return Ok(report) };
    let manifest: Manifest = serde_json::from_slice(&json).map_err(|_| {
        Failure::new(ErrorName::EvidenceChanged, format!("{manifest}: not a manifest"), "restore the file")
    })?;
    for entry in &manifest.entries {
        let key = ObjectKey::Customer(entry.reference.clone(), run.clone(), Artefact::Evidence);
        let Some(bytes) = vault.store().find(&key).await? else { continue };
        let Ok(evidence) = serde_json::from_slice::<Evidence>(&bytes) else { continue };
        if matches!(evidence.outcome, Outcome::Published { .. }) {
            add(vault, &evidence, project, &mut report).await;
        }
    }
    Ok(report)
}

/// Adds the sentences of one published text.
async fn add(vault: &Vault, evidence: &Evidence, project: &Project, report: &mut SentenceReport) {
    let opened = policy::evidence::open_personal(vault, evidence).await;
    let script_and_facts = opened.map(|personal| personal.script.zip(personal.facts));
    let Ok(Some((script, facts))) = script_and_facts else {
        report.sealed += 1;
        return;
    };
    let proof = recommend::prove(&script, &facts, &project.phrases, &project.catalogue, &project.brand);
    let Proof { lines, catalogue, free, problems } = proof;
    report.texts += 1;
    report.lines += lines;
    report.catalogue += catalogue;
    if evidence.review.is_some() {
        report.free_approved += free;
    } else {
        report.free_unapproved += free;
    }
    let unproved = |reason| UnprovedSentence { reference: evidence.reference.clone(), reason };
    report.unproved.extend(problems.into_iter().map(unproved));
}
