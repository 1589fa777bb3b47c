//! The Lambda function that returns a run's export, with customer ids and links, to authorized operators. It does not
//! store the export.

use bespoke_aws::Host;
use contracts::{CustomerRef, RunId};
use deliver::export::{ExportPage, ExportRow, export};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The maximum number of rows in a response. A response with this many rows stays far below Lambda's size limit of 6 MB
/// and its time limit.
const MAX_ROWS: usize = 5_000;

/// A request for a page of the export.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportRequest {
    run: RunId,
    /// The cursor: the value of `next` in the previous page.
    after: Option<CustomerRef>,
}

/// A page of the export.
#[derive(Serialize)]
struct ExportResponse {
    rows: Vec<ExportRow>,
    /// The cursor for the next page. `None` if this page has fewer than [`MAX_ROWS`] rows, and so is the last one.
    next: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |ExportRequest { run, after }: ExportRequest| -> Result<ExportResponse, bespoke_aws::Failure> {
        let settings = host.settings().await?;
        let page = ExportPage { after: after.as_ref(), limit: MAX_ROWS };
        let rows = export(&run, page, &settings.delivery, &host.vault, Timestamp::now()).await?;
        let next = rows.last().filter(|_| rows.len() == MAX_ROWS).map(|row| row.reference.clone());
        Ok(ExportResponse { rows, next })
    })
    .await
}
