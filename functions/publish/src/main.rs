//! The Lambda of the publish stage.

use bespoke_aws::{Host, host};
use contracts::executions::Tasks as _;
use contracts::stage::{PublishInput, Stage, Subject};
use contracts::{CustomerRef, RunId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// The payload from the workflow: publishes a result, or registers the token of a task that is waiting for a reviewer.
#[derive(Deserialize)]
struct Payload {
    #[serde(flatten)]
    input: PublishInput,
    task_token: Option<String>,
}

impl Subject for Payload {
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
    host.serve_stage(Stage::Publish, async |Payload { input, task_token }: Payload| {
        if let Some(token) = task_token {
            // A decision made before the registration could not use the token, so the task continues here.
            if publish::register_review_task(&input.run, &input.reference, &token, &host.vault).await? {
                host.tasks().succeed(&token).await?;
            }
            return Ok(json!({}));
        }
        let settings = host.settings().await?;
        let catalogue = host.catalogue().await?;
        let deps = publish::Deps {
            vault: &host.vault,
            settings: &settings,
            catalogue: &catalogue,
            phrases: host.phrases(&catalogue).await?.digest(),
            brand: &brand,
            now: Timestamp::now(),
        };
        let outcome = publish::run(input, &deps).await?;
        Ok(json!({ "outcome": outcome.word() }))
    })
    .await
}
