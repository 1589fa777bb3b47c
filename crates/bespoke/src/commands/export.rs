//! `bespoke export`, `bespoke notify` and `bespoke deliver`: pass a run's outcomes to the bank's systems.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::settings::Settings;
use contracts::text::counted;
use contracts::{ErrorName, RunId};
use deliver::export::{self, ExportPage};
use deliver::look::Look;
use deliver::mail::mail;
use deliver::webhook::NotifySummary;
use jiff::Timestamp;
use runner::config::Config;
use runner::failure::Failure;
use runner::folder::create_private;
use runner::follow_up::send_notifications;
use runner::project;
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
    /// The folder with the e-mails.
    mail: Option<PathBuf>,
    mails: usize,
}

/// The destination of an export, and the brand of its e-mails.
struct Target<'a> {
    out: &'a Path,
    /// The assets folder. `None` if there are no e-mails to write.
    assets: Option<&'a Path>,
}

pub(super) async fn export(args: ExportArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let run = run_id(args.run)?;
    let (_, vault, _) = open_artifacts(&args.artifacts).await?;
    let target = Target { out: &args.out, assets: args.mail.then_some(args.assets.as_path()) };
    let export = write_export(&run, target, &config.settings, &vault).await?;
    let report = json!({
        "run": run, "files": export.files, "links": export.links, "mail": export.mail, "mails": export.mails,
    });
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
        Some(out) => {
            let target = Target { out, assets: Some(&args.assets) };
            write_export(&run, target, &config.settings, &vault).await?
        }
        None => Export::default(),
    };
    let sent =
        if args.notify { send(&run, &config.settings, &vault, &secrets).await? } else { NotifySummary::default() };
    let report = json!({
        "run": run, "files": export.files, "links": export.links, "mail": export.mail, "mails": export.mails,
        "notices": sent,
    });
    context.print(&report, || {
        let mut text = if args.out.is_some() { export.to_text() } else { String::new() };
        if args.notify {
            text.push_str(&summary_of_sent(sent));
        }
        text
    });
    Ok(exit_code(sent))
}

/// Writes the table of a run's results and links to a folder, as CSV and as JSON, and any e-mails.
async fn write_export(run: &RunId, target: Target<'_>, settings: &Settings, vault: &Vault) -> Result<Export, Failure> {
    let settings = &settings.delivery;
    let now = Timestamp::now();
    let rows = export::export(run, ExportPage::ALL, settings, vault, now).await?;
    let links = rows.iter().filter(|row| !row.link.is_empty()).count();
    let json = serde_json::to_vec_pretty(&rows).expect("a row serializes to JSON");
    let mut export = Export { links, ..Export::default() };
    for (extension, bytes) in [("csv", export::to_csv(&rows)), ("json", json)] {
        export.files.push(write(target.out, &format!("{run}.{extension}"), &bytes)?);
    }
    if settings.link_base.is_empty() {
        anstream::eprintln!("note: the table has no links because delivery.link_base is not set");
    }
    if let Some(assets) = target.assets.filter(|_| links > 0) {
        let folder = target.out.join(format!("{run}-mail"));
        let look = look(assets)?;
        for row in &rows {
            let Some(mail) = mail(run, row, &look, vault, now).await? else { continue };
            for (extension, content) in [("eml", &mail.message), ("html", &mail.html), ("txt", &mail.text)] {
                write(&folder, &format!("{}.{extension}", row.reference), content.as_bytes())?;
            }
            export.mails += 1;
        }
        export.mail = Some(folder);
    }
    Ok(export)
}

/// Reads the brand's look.
fn look(assets: &Path) -> Result<Look, Failure> {
    let brand = project::brand(assets)?;
    let logo = match &brand.page.logo {
        Some(logo) => {
            let path = assets.join(logo);
            Some(std::fs::read(&path).map_err(Failure::file(ErrorName::ConfigInvalid, &path))?)
        }
        None => None,
    };
    Ok(Look::new(brand, logo.as_deref()))
}

impl Export {
    fn to_text(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            let _infallible = writeln!(text, "{}", file.display());
        }
        if let Some(folder) = &self.mail {
            let _infallible = writeln!(text, "{}  {}", folder.display(), counted(self.mails, "e-mail", "e-mails"));
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
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
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
