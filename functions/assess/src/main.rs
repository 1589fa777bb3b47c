//! The Lambda of the assess stage.

use assess::Lexicon;
use bespoke_aws::Host;
use contracts::stage::{AssessInput, Stage};
use jiff::Timestamp;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve_stage(Stage::Assess, async |input: AssessInput| {
        let settings = host.settings().await?;
        let catalogue = host.catalogue().await?;
        let lexicon = Lexicon::from_toml(&host.lexicon().await?)?;
        let now = Timestamp::now();
        let deps =
            assess::Deps { vault: &host.vault, settings: &settings, catalogue: &catalogue, lexicon: &lexicon, now };
        Ok(assess::run(input, &deps).await?)
    })
    .await
}
