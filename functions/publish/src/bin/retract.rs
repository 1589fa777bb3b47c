//! The Lambda that takes back what a run published, or forgets a customer. No workflow and no web address leads to it: a
//! person with the right to invoke it does. Both can be done again, and go on where they were stopped.

use bespoke_aws::Host;
use contracts::{CustomerId, RunId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// What it is called with.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Called {
    /// Take back a run, or one customer's part of it.
    Recall(Recall),
    /// Forget a customer.
    Forget(Forget),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recall {
    run: RunId,
    customer: Option<CustomerId>,
    by: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    customer: CustomerId,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let (vault, keys) = (&host.vault, host.vault.keys());
    host.serve(async |called: Called| -> Result<Value, bespoke_aws::Failure> {
        match called {
            Called::Recall(Recall { run, customer, by, reason }) => {
                let only = customer.map(|customer| keys.reference(&customer));
                let (only, reason) = (only.as_ref(), reason.as_deref());
                let recalled = publish::recall::recall(&run, only, &by, reason, vault, Timestamp::now()).await?;
                let files: usize = recalled.iter().map(|recalled| recalled.files).sum();
                Ok(json!({ "run": run, "customers": recalled.len(), "files": files }))
            }
            Called::Forget(Forget { customer }) => {
                let erased = publish::forget::forget(&keys.reference(&customer), vault, Timestamp::now()).await?;
                Ok(json!(erased))
            }
        }
    })
    .await
}
