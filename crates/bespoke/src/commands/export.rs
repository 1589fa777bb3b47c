//! `bespoke export` and `bespoke notify`: pass a run's outcomes to the bank's systems. `bespoke deliver` is their
//! former name.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::settings::Settings;
use contracts::text::counted;
use contracts::{ErrorName, RunId};
use deliver::export::{self, ExportPage};
use deliver::webhook::NotifySummary;
use jiff::Timestamp;
use runner::config::Config;
use runner::failure::Failure;
use runner::folder::create_private;
use runner::follow_up::send_notifications;
use runner::secrets::LocalSecrets;
use serde_json::json;
use storage::vault::Vault;

use super::context::{Context, open_artifacts, run_id};
use crate::cli::control::{DeliverArgs, ExportArgs, NotifyArgs};

/// The files of an export.
#[derive(Default)]
struct Export {
    files: Vec<PathBuf>,
    links: usize,
}

pub(super) async fn export(args: ExportArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let run = run_id(args.run)?;
    let (_, vault, _) = open_artifacts(&args.artifacts).await?;
    let export = write_tables(&run, &args.out, &config.settings, &vault).await?;
    let report = json!({ "run": run, "files": export.files, "links": export.links });
    context.print(&report, || export.to_text());
    Ok(0)
}

pub(super) async fn notify(args: NotifyArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let run = run_id(args.run)?;
    let (_, vault, secrets) = open_artifacts(&args.artifacts).await?;
    let sent = send(&run, &config.settings, &vault, &secrets).await?;
    context.print(&json!({ "run": run, "notices": sent }), || summary_of_sent(sent));
    Ok(exit_code(sent))
}

pub(super) async fn deliver(args: DeliverArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let run = run_id(args.run)?;
    let (_, vault, secrets) = open_artifacts(&args.artifacts).await?;
    let export = match &args.out {
        Some(out) => write_tables(&run, out, &config.settings, &vault).await?,
        None => Export::default(),
    };
    let sent =
        if args.notify { send(&run, &config.settings, &vault, &secrets).await? } else { NotifySummary::default() };
    let report = json!({ "run": run, "files": export.files, "links": export.links, "notices": sent });
    context.print(&report, || {
        let mut text = if args.out.is_some() { export.to_text() } else { String::new() };
        if args.notify {
            text.push_str(&summary_of_sent(sent));
        }
        text
    });
    Ok(exit_code(sent))
}

/// Writes the table of a run's results and links, as CSV and as JSON, into a folder.
async fn write_tables(run: &RunId, folder: &Path, settings: &Settings, vault: &Vault) -> Result<Export, Failure> {
    let settings = &settings.delivery;
    let rows = export::export(run, ExportPage::ALL, settings, vault, Timestamp::now()).await?;
    let links = rows.iter().filter(|row| !row.link.is_empty()).count();
    let json = serde_json::to_vec_pretty(&rows).expect("a row serializes to JSON");
    let mut files = Vec::new();
    for (extension, bytes) in [("csv", export::to_csv(&rows)), ("json", json)] {
        files.push(write(folder, &format!("{run}.{extension}"), &bytes)?);
    }
    if settings.link_base.is_empty() {
        anstream::eprintln!("note: the table has no links because delivery.link_base is not set");
    }
    Ok(Export { files, links })
}

impl Export {
    fn to_text(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            let _infallible = writeln!(text, "{}", file.display());
        }
        let links = counted(self.links, "working link", "working links");
        let _infallible =
            writeln!(text, "These files identify customers and contain {links}: protect them like the workbooks.");
        text
    }
}

async fn send(
    run: &RunId,
    settings: &Settings,
    vault: &Vault,
    secrets: &LocalSecrets,
) -> Result<NotifySummary, Failure> {
    if settings.delivery.webhook.url.is_empty() {
        let message = "delivery.webhook.url is not set";
        return Err(Failure::new(ErrorName::ConfigInvalid, message, "set it in bespoke.toml"));
    }
    send_notifications(run, settings, vault, secrets).await
}

fn summary_of_sent(sent: NotifySummary) -> String {
    let NotifySummary { sent, already_sent, dead_letters, withheld } = sent;
    let withheld = if withheld == 0 { String::new() } else { format!(", {withheld} withheld") };
    format!(
        "notifications: {sent} delivered, {already_sent} delivered earlier, {dead_letters} not delivered{withheld}\n"
    )
}

fn exit_code(sent: NotifySummary) -> u8 {
    if sent.dead_letters == 0 { 0 } else { ErrorName::DeliveryFailed.exit_code() }
}

/// Writes a file that only this user can read. The file appears in full or not at all.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    let written = || {
        create_private(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    written().map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
    Ok(path)
}
