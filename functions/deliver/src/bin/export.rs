//! The Lambda that makes a run's table for the bank's mail or CRM system, with customer ids and links, and hands it to whoever
//! may invoke it. Nothing of it is kept.

use bespoke_aws::Host;
use contracts::{CustomerRef, RunId};
use deliver::manifest::{Page, Row, table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Customers of one answer, which stays far below the 6 MB that Lambda lets one have, and is made within its time-out.
const MOST: usize = 5_000;

/// What it is called with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    run: RunId,
    /// Goes on after this customer.
    after: Option<CustomerRef>,
}

/// A part of the table.
#[derive(Serialize)]
struct Answer {
    rows: Vec<Row>,
    /// What to call with as `after` for the next part, if there is one.
    next: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |Called { run, after }: Called| -> Result<Answer, bespoke_aws::Failure> {
        let settings = host.settings().await?;
        let page = Page { after: after.as_ref(), most: MOST };
        let rows = table(&run, page, &settings.delivery, &host.vault, Timestamp::now()).await?;
        let next = rows.last().filter(|_| rows.len() == MOST).map(|row| row.reference.clone());
        Ok(Answer { rows, next })
    })
    .await
}
