//! Reads the bank's inputs to a new run.

use std::collections::BTreeMap;

use assess::Lexicon;
use async_trait::async_trait;
use contracts::catalogue::Catalogue;
use contracts::institution::Institution;
use contracts::settings::Settings;
use contracts::voice::Engine;
use contracts::{BackgroundName, Digest, Languages};
use phrases::Approvals;

use crate::Error;

/// The bank's inputs to a run, apart from the workbooks.
pub struct Material {
    /// The settings in effect.
    pub settings: Settings,
    /// The approved products.
    pub catalogue: Catalogue,
    /// The kind of institution, which selects the market's rules.
    pub institution: Institution,
    /// The approvals of the catalog and the rules.
    pub approvals: Approvals,
    /// The digest of the phrasebooks and their approvals.
    pub phrases: Digest,
    /// The languages in which the bank addresses customers.
    pub languages: Languages,
    /// The words for spending categories and for the topics of posts.
    pub lexicon: Lexicon,
    /// The digest of the brand and of every file that it refers to.
    pub assets: Digest,
    /// The bank's own backgrounds with their digests.
    pub backgrounds: BTreeMap<BackgroundName, Digest>,
    /// The available voice engines, in order of preference.
    pub engines: Vec<Engine>,
}

/// A source of the bank's inputs.
#[async_trait]
pub trait Source: Send + Sync {
    /// Reads the current inputs. Implementations must not cache them, or a warm function would start runs with outdated
    /// inputs.
    async fn material(&self) -> Result<Material, Error>;
}

/// The source on AWS: the bucket, and the layer that contains the assets.
#[cfg(feature = "lambda")]
pub struct BucketSource {
    host: bespoke_aws::Host,
    /// The digest of the assets. It is computed once, because a layer never changes while a function is running.
    assets: tokio::sync::OnceCell<Digest>,
}

#[cfg(feature = "lambda")]
mod bucket_source {
    use bespoke_aws::{Failure, Host, host};
    use contracts::brand::ensure_rules;

    use super::{BucketSource, Digest, Engine, Error, Lexicon, Material, Source, async_trait};

    /// The voice engines in the deployment, in order of preference.
    const ENGINES: [Engine; 2] = [Engine::Polly, Engine::Espeak];

    impl BucketSource {
        /// Returns the source for a function's host.
        #[must_use]
        pub const fn new(host: Host) -> Self {
            Self { host, assets: tokio::sync::OnceCell::const_new() }
        }

        /// Returns the host.
        #[must_use]
        pub const fn host(&self) -> &Host {
            &self.host
        }

        async fn read(&self) -> Result<Material, Failure> {
            let settings = self.host.settings().await?;
            let catalogue = self.host.catalogue().await?;
            let brand = host::brand()?;
            ensure_rules(&catalogue, &brand)?;
            let phrases = self.host.phrases(&catalogue, &settings).await?;
            Ok(Material {
                languages: phrases.languages(settings.language, &brand),
                institution: brand.institution,
                approvals: self.host.catalogue_approvals().await?,
                phrases: phrases.digest(),
                catalogue,
                lexicon: Lexicon::from_toml(&self.host.lexicon().await?)?,
                assets: self.assets_digest().await?,
                backgrounds: render::background_digests(self.host.vault.store(), &settings.video).await?,
                engines: ENGINES.to_vec(),
                settings,
            })
        }

        async fn assets_digest(&self) -> Result<Digest, Failure> {
            let digest = async || Ok::<_, Failure>(render::assets_digest(&host::assets(), &host::brand()?)?);
            Ok(*self.assets.get_or_try_init(digest).await?)
        }
    }

    #[async_trait]
    impl Source for BucketSource {
        async fn material(&self) -> Result<Material, Error> {
            let material = self.read().await;
            material.map_err(|failure| Error::Material { error: failure.name(), message: failure.message().to_owned() })
        }
    }
}
