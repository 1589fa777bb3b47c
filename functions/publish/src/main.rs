//! The Lambda of the publish stage.

use bespoke_aws::{Host, host};
use contracts::executions::Tasks as _;
use contracts::stage::{PublishInput, Stage, Subject};
use contracts::{CustomerRef, RunId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// What the workflow calls it with: to publish, or to remember the token of a task that waits for a person.
#[derive(Deserialize)]
struct Called {
    #[serde(flatten)]
    input: PublishInput,
    task_token: Option<String>,
}

impl Subject for Called {
    fn run(&self) -> &RunId {
        &self.input.run
    }
    fn reference(&self) -> Option<&CustomerRef> {
        Some(&self.input.reference)
    }
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    host.serve_stage(Stage::Publish, async |Called { input, task_token }: Called| {
        if let Some(token) = task_token {
            // A decision that was made before the token lay there has told nobody.
            if publish::review::await_decision(&input.run, &input.reference, &token, &host.vault).await? {
                host.tasks().succeed(&token).await?;
            }
            return Ok(json!({}));
        }
        let (settings, catalogue) = (host.settings().await?, host.catalogue().await?);
        let (vault, now) = (&host.vault, Timestamp::now());
        let deps = publish::Deps { vault, settings: &settings, catalogue: &catalogue, brand: &brand, now };
        let outcome = publish::run(input, &deps).await?;
        Ok(json!({ "outcome": outcome.word() }))
    })
    .await
}
