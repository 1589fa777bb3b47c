//! The decision of a dry run, which ends after this stage.

use contracts::facts::{Assessment, Stance};
use contracts::key::Artefact;
use contracts::stage::DryRunDecision;
use contracts::{CustomerRef, ObjectKey, RunId};
use storage::vault::{Owner, Vault, VaultError};

/// Stores what a run would do for a customer whom this stage has assessed. Only the forecast reads it.
pub async fn record_dry_run(run: &RunId, reference: &CustomerRef, vault: &Vault) -> Result<(), VaultError> {
    let facts = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
    let (assessment, digest): (Assessment, _) = vault.read_json(Owner::Customer(reference), &facts).await?;
    let decision = match assessment {
        Assessment::Skip { skip, .. } => DryRunDecision { offers: None, because: Some(skip.because().to_owned()) },
        Assessment::Proceed(facts) => {
            let offers = match facts.stance {
                Stance::Recommend { offers } => offers.into_iter().map(|offer| offer.product).collect(),
                Stance::Service { .. } => Vec::new(),
            };
            DryRunDecision { offers: Some(offers), because: None }
        }
    };
    let key = ObjectKey::DryRun(run.clone(), reference.clone());
    vault.write_json(Owner::Run, &key, &digest, decision).await?;
    Ok(())
}
