//! The Lambda of the merge stage.

use bespoke_aws::{Host, environment, secrets};
use contracts::stage::{MergeInput, Stage, Subject, tolerated_failures};
use contracts::{Batch, CustomerRef, ErrorName, NamedError as _, RunId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use storage::secret::SecretName;

/// The payload that the workflow sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    run: RunId,
    batch: Batch,
    tolerated_failure_percentage: u32,
}

impl Subject for Payload {
    fn run(&self) -> &RunId {
        &self.run
    }

    fn reference(&self) -> Option<&CustomerRef> {
        None
    }
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    environment::required(secrets::variable(SecretName::WorkbookPassword))?;
    host.serve_stage(Stage::Merge, async |Payload { run, batch, tolerated_failure_percentage }: Payload| {
        let input = MergeInput { run, batch };
        let settings = host.settings_of(&input.run).await?;
        let catalogue = host.catalogue().await?;
        let deps = merge::Deps {
            vault: &host.vault,
            secrets: &host.secrets,
            settings: &settings,
            catalogue: &catalogue,
            now: Timestamp::now(),
        };
        let mut merged = merge::run(input.clone(), &deps).await;
        // The password may have been rotated since this process fetched it.
        let wrong_password = merged.as_ref().is_err_and(|error| error.name() == ErrorName::InputWrongPassword);
        if wrong_password && host.secrets.renew(SecretName::WorkbookPassword).await? {
            merged = merge::run(input, &deps).await;
        }
        let merged = merged?;
        let tolerated_failures = tolerated_failures(merged.customers, tolerated_failure_percentage);
        Ok(json!({ "dataset": merged.dataset, "tolerated_failures": tolerated_failures }))
    })
    .await
}
