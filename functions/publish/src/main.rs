//! The Lambda of the publish stage. The workflow calls it for each customer, and an S3 event calls it when a review
//! ends.

use bespoke_aws::{Failure, Host, host};
use contracts::brand::Brand;
use contracts::stage::{PublishInput, Stage, Subject};
use contracts::{CustomerRef, ObjectKey, RunId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// The payload: a task from the workflow, or an S3 event about an object that ends a review.
#[derive(Deserialize)]
#[serde(untagged)]
enum Payload {
    Task(PublishInput),
    #[serde(deserialize_with = "decided")]
    Decided(CustomerRun),
}

struct CustomerRun {
    run: RunId,
    reference: CustomerRef,
}

/// Reads an `Object Created` event: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.
fn decided<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<CustomerRun, D::Error> {
    let event = Value::deserialize(deserializer)?;
    let key = event["detail"]["object"]["key"].as_str().and_then(ObjectKey::decided_of);
    let (run, reference) =
        key.ok_or_else(|| serde::de::Error::custom("neither a task nor an event that ends a review"))?;
    Ok(CustomerRun { run, reference })
}

impl Subject for Payload {
    fn run(&self) -> &RunId {
        match self {
            Self::Task(input) => &input.run,
            Self::Decided(part) => &part.run,
        }
    }

    fn reference(&self) -> Option<&CustomerRef> {
        match self {
            Self::Task(input) => Some(&input.reference),
            Self::Decided(part) => Some(&part.reference),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    host.serve_stage(Stage::Publish, async |payload: Payload| Box::pin(answer(payload, &brand, &host)).await).await
}

async fn answer(payload: Payload, brand: &Brand, host: &Host) -> Result<Value, Failure> {
    let settings = host.settings_of(payload.run()).await?;
    let catalogue = host.catalogue().await?;
    let deps = publish::Deps {
        vault: &host.vault,
        settings: &settings,
        catalogue: &catalogue,
        phrases: host.phrases(&catalogue, &settings).await?.digest(),
        brand,
        now: Timestamp::now(),
    };
    let (run, reference, is_decided) = match &payload {
        Payload::Task(input) => (input.run.clone(), input.reference.clone(), false),
        Payload::Decided(part) => (part.run.clone(), part.reference.clone(), true),
    };
    let outcome = match payload {
        Payload::Task(input) => Some(publish::run(input, &deps).await?),
        Payload::Decided(_) => publish::complete_review(&run, &reference, &deps).await?,
    };
    if let Some(outcome) = &outcome {
        // The campaign page counts these objects while the run is in progress.
        let key = ObjectKey::Ended(run.clone(), reference, outcome.word());
        host.vault.store().put(&key, "".into()).await?;
    }
    if is_decided {
        // Do this even if an earlier delivery of the event completed the review, because it may have failed right here.
        host.refreshes()?.start(&run, Timestamp::now()).await?;
    }
    Ok(json!({ "outcome": outcome.map(|outcome| outcome.word()) }))
}
