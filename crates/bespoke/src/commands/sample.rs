//! `bespoke sample`: writes sample workbooks.

use runner::failure::Failure;
use serde_json::json;

use super::context::Context;
use crate::cli::tools::SampleArgs;
use crate::sample::{SAMPLE_PASSWORD, write_sample};

pub(super) fn execute(args: &SampleArgs, context: Context) -> Result<u8, Failure> {
    let written = write_sample(&args.out, args.customers, args.transactions.unwrap_or(0), args.seed)?;
    let report = json!({
        "files": written.files,
        "customers": written.customers,
        "transactions": written.transactions,
        "tweets": written.tweets,
        "seed": args.seed,
        "password": SAMPLE_PASSWORD,
    });
    context.print(&report, || {
        let out = args.out.display();
        format!(
            "{} customers, {} transactions and {} posts in {out}\n\
             Next: EXCEL_PASSWORD={SAMPLE_PASSWORD} bespoke run --data {out} --customer 0001\n",
            written.customers, written.transactions, written.tweets,
        )
    });
    Ok(0)
}
