//! The services that all runs in a process share.

use std::path::PathBuf;
use std::sync::Arc;

use contracts::settings::Settings;
use storage::secret::Secrets;
use storage::vault::Vault;
use transparency::signer::Signer;

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
}
