//! `bespoke sample`

use serde_json::json;

use super::Shared;
use crate::cli::Sample;
use crate::failure::Failure;
use crate::sample::{SAMPLE_PASSWORD, write_sample};

pub(super) fn execute(sample: &Sample, shared: Shared) -> Result<u8, Failure> {
    let written = write_sample(&sample.out, sample.customers, sample.transactions.unwrap_or(0), sample.seed)?;
    let report = json!({
        "files": written.files,
        "customers": written.customers,
        "transactions": written.transactions,
        "tweets": written.tweets,
        "seed": sample.seed,
        "password": SAMPLE_PASSWORD,
    });
    shared.print(&report, || {
        let out = sample.out.display();
        format!(
            "{} customers, {} transactions and {} posts in {out}\n\
             Next: EXCEL_PASSWORD={SAMPLE_PASSWORD} bespoke run --data {out} --customer 0001\n",
            written.customers, written.transactions, written.tweets,
        )
    });
    Ok(0)
}
