//! The Lambda of the assess stage.

use assess::Lexicon;
use bespoke_aws::Host;
use contracts::stage::{AssessInput, Stage, Subject};
use contracts::{CustomerRef, RunId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// The payload that the workflow sends.
#[derive(Deserialize)]
struct Payload {
    #[serde(flatten)]
    input: AssessInput,
    /// The maximum number of customers who get a recommendation. `None` if there is no limit.
    #[serde(default)]
    limit: Option<usize>,
    /// Whether this is a dry run, which only assesses its customers.
    #[serde(default)]
    dry_run: bool,
}

impl Subject for Payload {
    fn run(&self) -> &RunId {
        &self.input.run
    }

    fn reference(&self) -> Option<&CustomerRef> {
        Some(&self.input.row.reference)
    }
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve_stage(Stage::Assess, async |Payload { input, limit, dry_run }: Payload| {
        let settings = host.settings_of(&input.run).await?;
        let catalogue = host.catalogue().await?;
        let lexicon = Lexicon::from_toml(&host.lexicon().await?)?;
        let now = Timestamp::now();
        let deps =
            assess::Deps { vault: &host.vault, settings: &settings, catalogue: &catalogue, lexicon: &lexicon, now };
        let output = assess::run(input, &deps).await?;
        if dry_run {
            assess::record_dry_run(&output.run, &output.reference, &host.vault).await?;
        }
        let next = match output.proceed {
            _ if dry_run => "end",
            false => "publish",
            true if assess::admit(&output.run, &output.reference, limit, host.vault.store()).await? => "recommend",
            true => "end",
        };
        Ok(json!({ "next": next }))
    })
    .await
}
