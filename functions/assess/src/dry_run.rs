//! Records the assessment for the forecast of a dry run, which assesses its customers and makes no results.

use contracts::evidence::HELD_OUT;
use contracts::facts::{Assessment, Stance};
use contracts::key::Artefact;
use contracts::stage::DryRunDecision;
use contracts::{CustomerRef, ObjectKey, RunId};
use storage::vault::{Owner, Vault, VaultError};

/// Stores the assessment of a customer in the form that the forecast reads. The public reason for a skip replaces the
/// internal one.
pub async fn record_dry_run(run: &RunId, reference: &CustomerRef, vault: &Vault) -> Result<(), VaultError> {
    let facts = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
    let (assessment, digest): (Assessment, _) = vault.read_json(Owner::Customer(reference), &facts).await?;
    let decision = match assessment {
        Assessment::HeldOut(_) => DryRunDecision { offers: None, because: Some(HELD_OUT.to_owned()) },
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contracts::Digest;
    use contracts::consent::ConsentAsRead;
    use contracts::facts::{Skip, Stop};
    use jiff::Timestamp;
    use storage::store::MemoryStore;

    use super::*;
    use crate::testing::keys;

    #[tokio::test]
    async fn forecast_reveals_no_stop() {
        let vault = Vault::new(Arc::new(MemoryStore::default()), keys());
        let run = RunId::parse("run-1").unwrap();
        let reference = CustomerRef::parse("0".repeat(32)).unwrap();
        let skip = Skip::Stopped(Stop::Deceased);
        let consent = ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None };
        let assessment = Assessment::Skip { skip, consent };
        let facts = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
        vault.write_json(Owner::Customer(&reference), &facts, &Digest::of(b""), assessment).await.unwrap();
        record_dry_run(&run, &reference, &vault).await.unwrap();
        let key = ObjectKey::DryRun(run, reference);
        let (decision, _): (DryRunDecision, _) = vault.read_json(Owner::Run, &key).await.unwrap();
        assert_eq!(decision.because.as_deref(), Some(Skip::Withheld.because()));
        assert_ne!(Skip::Withheld.because(), skip.internal_reason());
    }
}
