//! Verifies the source of every published sentence in a run: an approved line, the catalog, or free text that a person
//! approved. Also verifies that the published text consists of these sentences.

use contracts::evidence::{Evidence, Manifest, Outcome};
use contracts::key::{Artefact, RunPart};
use contracts::request::Request;
use contracts::script::Script;
use contracts::text::recommendation_text;
use contracts::{CustomerRef, Digest, ErrorName, ObjectKey, RunId};
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
    /// The reason that no sentence could be verified, such as a phrasebook that has changed since the run.
    pub not_checked: Option<String>,
    /// The number of scripts whose sentences were checked.
    pub texts: usize,
    /// The number of scripts that the current keys cannot open.
    pub sealed: usize,
    /// The number of scripts for customers who have since been erased.
    pub erased: usize,
    /// Sentences that are approved lines with filled slots.
    pub lines: usize,
    /// Sentences from the catalog.
    pub catalogue: usize,
    /// Parts of free text that a person approved.
    pub free_approved: usize,
    /// Parts of free text without an approval, as `writer.free_without_review` allows.
    pub free_unapproved: usize,
    /// Sentences whose source could not be verified.
    pub unproved: Vec<UnprovedSentence>,
}

impl SentenceReport {
    /// Returns whether the source of every published sentence that still exists was verified.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.not_checked.is_none() && self.sealed == 0 && self.unproved.is_empty()
    }
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
            add(vault, &evidence, project, &mut report).await?;
        }
    }
    Ok(report)
}

/// Adds the sentences of one published text.
async fn add(
    vault: &Vault,
    evidence: &Evidence,
    project: &Project,
    report: &mut SentenceReport,
) -> Result<(), Failure> {
    let opened = policy::evidence::open_personal(vault, evidence).await;
    let script_and_facts = opened.map(|personal| personal.script.zip(personal.facts));
    let Ok(Some((script, facts))) = script_and_facts else {
        match vault.store().find(&ObjectKey::Forgotten(evidence.reference.clone())).await? {
            Some(_) => report.erased += 1,
            None => report.sealed += 1,
        }
        return Ok(());
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
    report.unproved.extend(text_problem(&script, evidence, project).map(unproved));
    Ok(())
}

/// Rebuilds the published text from its sentences. Returns the problem if its digest is not the recorded one.
fn text_problem(script: &Script, evidence: &Evidence, project: &Project) -> Option<String> {
    let video = matches!(evidence.outcome, Outcome::Published { video: true });
    let text = recommendation_text(script, &project.catalogue, &project.brand, &evidence.run, video);
    if evidence.artefacts.get(&Artefact::Text) == Some(&Digest::of(text.as_bytes())) {
        return None;
    }
    let version = env!("CARGO_PKG_VERSION");
    Some(if evidence.program == version {
        "the published text does not consist of the script's sentences".to_owned()
    } else {
        format!("version {} formatted the published text; verify it with that version", evidence.program)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchecked_or_sealed_sentences_do_not_count_as_proved() {
        assert!(SentenceReport::default().is_complete());
        assert!(SentenceReport { erased: 1, ..SentenceReport::default() }.is_complete());
        let not_checked = Some("the phrasebook has changed since the run".to_owned());
        assert!(!SentenceReport { not_checked, ..SentenceReport::default() }.is_complete());
        assert!(!SentenceReport { sealed: 1, ..SentenceReport::default() }.is_complete());
    }
}
