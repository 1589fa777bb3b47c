//! What a new run is started with, and where that comes from.

use std::collections::BTreeMap;

use assess::Lexicon;
use async_trait::async_trait;
use contracts::catalogue::Catalogue;
use contracts::settings::Settings;
use contracts::voice::Engine;
use contracts::{BackgroundName, Digest};

use crate::Error;

/// What a run is started with.
pub struct Material {
    /// The settings in force.
    pub settings: Settings,
    /// The approved products.
    pub catalogue: Catalogue,
    /// Digest of the phrasebook and its approvals.
    pub phrases: Digest,
    /// The bank's words.
    pub lexicon: Lexicon,
    /// Digest of the brand and of every file that it names.
    pub assets: Digest,
    /// The bank's own backgrounds.
    pub backgrounds: BTreeMap<BackgroundName, Digest>,
    /// The speech engines that there are, the one to be used first.
    pub engines: Vec<Engine>,
}

/// Where the material comes from.
#[async_trait]
pub trait Source: Send + Sync {
    /// The material as it is now: a warm function must not start runs with what was replaced.
    async fn material(&self) -> Result<Material, Error>;
}

/// The bucket's material, and the layer's assets.
#[cfg(feature = "lambda")]
pub struct OfHost {
    host: bespoke_aws::Host,
    /// Read once: a layer does not change below a function that runs.
    assets: tokio::sync::OnceCell<Digest>,
}

#[cfg(feature = "lambda")]
mod of_host {
    use bespoke_aws::{Failure, Host, host};

    use super::{Engine, Error, Lexicon, Material, OfHost, Source, async_trait};

    /// The speech engines of the deployment, the one to be used first.
    const ENGINES: [Engine; 2] = [Engine::Polly, Engine::Espeak];

    impl OfHost {
        /// The material of a function's host.
        #[must_use]
        pub const fn new(host: Host) -> Self {
            Self { host, assets: tokio::sync::OnceCell::const_new() }
        }

        /// The host.
        #[must_use]
        pub const fn host(&self) -> &Host {
            &self.host
        }

        async fn read(&self) -> Result<Material, Failure> {
            let digest = async || Ok::<_, Failure>(render::assets_digest(&host::assets(), &host::brand()?)?);
            let assets = *self.assets.get_or_try_init(digest).await?;
            let lexicon = Lexicon::from_toml(&self.host.lexicon().await?)?;
            let settings = self.host.settings().await?;
            Ok(Material {
                backgrounds: render::backgrounds(self.host.vault.store(), &settings.video).await?,
                settings,
                catalogue: self.host.catalogue().await?,
                phrases: self.host.phrases().await?.digest(),
                lexicon,
                assets,
                engines: ENGINES.to_vec(),
            })
        }
    }

    #[async_trait]
    impl Source for OfHost {
        async fn material(&self) -> Result<Material, Error> {
            let told =
                |failure: Failure| Error::Material { error: failure.name(), message: failure.message().to_owned() };
            self.read().await.map_err(told)
        }
    }
}
