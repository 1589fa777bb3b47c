//! The services that all runs in a process share.

use std::path::PathBuf;
use std::sync::Arc;

use contracts::catalogue::Catalogue;
use contracts::key::Workbook;
use contracts::settings::Settings;
use contracts::{Batch, ObjectKey};
use storage::secret::{SecretName, Secrets};
use storage::vault::Vault;
use transparency::signer::Signer;

use crate::failure::Failure;
use crate::intake::IntakeGuard;
use crate::programs::Programs;
use crate::project::Folders;

/// The settings, the store and the clients that all runs in a process share.
#[derive(Clone)]
pub struct Services {
    /// The folders of the project.
    pub folders: Folders,
    /// The folder for temporary files.
    pub scratch: PathBuf,
    /// The settings in effect.
    pub settings: Settings,
    /// The vault.
    pub vault: Vault,
    /// The source of secrets.
    pub secrets: Arc<dyn Secrets>,
    /// The key that signs the transparency log.
    pub signer: Arc<dyn Signer>,
    /// The voice engines. Runs share them because loading a model takes a long time.
    pub engines: Arc<narrate::Engines>,
    /// The client for outside services.
    pub http: outbound::Client,
    /// The rate limiter for the model service.
    pub limiter: Arc<recommend::Limiter>,
    /// The cached facts about the brand's media files.
    pub probes: Arc<render::ProbeCache>,
    /// The programs that stages start.
    pub programs: Programs,
    /// The program that reads workbooks in a separate process: [`crate::intake::IntakeGuard::program`].
    pub reader: Option<PathBuf>,
}

impl Services {
    /// Returns the guard that reads workbooks before this process does.
    #[must_use]
    pub fn intake<'a>(&'a self, catalogue: &'a Catalogue) -> IntakeGuard<'a> {
        IntakeGuard {
            program: self.reader.as_deref(),
            artifacts: Some(&self.folders.artifacts),
            settings: &self.settings,
            catalogue,
        }
    }

    /// Reads a batch's workbooks in a separate process first. Fails with a named error if they exceed its limits. Does
    /// nothing if a workbook is missing.
    pub async fn guard_batch(&self, batch: &Batch, catalogue: &Catalogue) -> Result<(), Failure> {
        let mut files = Vec::new();
        for workbook in Workbook::ALL {
            // A missing workbook is an error of the stage that needs it.
            let Some(bytes) = self.vault.store().find(&ObjectKey::Incoming(batch.clone(), workbook)).await? else {
                return Ok(());
            };
            files.push((workbook, bytes));
        }
        let protected = files.iter().any(|(_, bytes)| merge::is_encrypted(bytes));
        let password = if protected { self.secrets.find(SecretName::WorkbookPassword).await? } else { None };
        self.intake(catalogue).read(&files, password.as_ref()).await
    }
}
