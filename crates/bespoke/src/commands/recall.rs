//! `bespoke recall`: withdraws a run's published results, even while another run is in progress.

use std::collections::BTreeSet;

use contracts::text::counted;
use jiff::Timestamp;
use policy::evidence;
use runner::config::Config;
use runner::copies::remove_copies_with_digests;
use runner::failure::Failure;
use runner::follow_up::notify_if_configured;
use serde_json::json;

use super::context::{Context, open_artifacts, person, print_warning, reference, run_id};
use crate::cli::control::RecallArgs;

pub(super) async fn execute(args: RecallArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let RecallArgs { run, customer, by, reason, artifacts } = args;
    let run = run_id(run)?;
    let by = person(by.as_deref())?;
    let (_, vault, secrets) = open_artifacts(&artifacts).await?;
    let customer = customer.map(|customer| reference(customer, vault.keys())).transpose()?;
    let now = Timestamp::now();
    let recalled = lifecycle::recall::recall(&run, customer.as_ref(), &by, reason.as_deref(), &vault, now).await?;
    let mut published = BTreeSet::new();
    for recalled in &recalled {
        let evidence = evidence::find(vault.store(), &recalled.reference, &run).await?;
        published.extend(evidence.into_iter().flat_map(|evidence| evidence.artefacts.into_values()));
    }
    remove_copies_with_digests(&artifacts, &published)?;
    print_warning(notify_if_configured(&run, &config.settings, &vault, &secrets).await);
    context.print(&json!({ "run": run, "recalled": recalled }), || {
        let files = counted(recalled.iter().map(|recalled| recalled.files).sum::<usize>(), "file", "files");
        let customers = counted(recalled.len(), "customer", "customers");
        format!(
            "recalled {run}: moved {files} for {customers} to recalled/; their links no longer work, and the evidence \
             stays\n"
        )
    });
    Ok(0)
}
