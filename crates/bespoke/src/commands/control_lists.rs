//! `bespoke suppress`, `bespoke consent` and `bespoke legal-hold`: maintain the lists under `control/`. Each list is
//! replaced atomically, and a run in progress reads the latest list for each customer.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use anstyle::Style;
use contracts::key::Prefix;
use contracts::table::{is_formula, to_csv};
use contracts::text::counted;
use contracts::{CustomerRef, ErrorName, ObjectKey};
use csv::StringRecord;
use jiff::{Timestamp, Unit, Zoned};
use policy::control::{self, ControlError, SuppressedBy, Suppression};
use policy::ledger::{self, Audit};
use runner::failure::Failure;
use runner::folder::{FolderStore, create_private};
use runner::secrets::LocalSecrets;
use runner::verify::newest_marks;
use serde::Serialize;
use serde_json::json;
use storage::store::ObjectStore;
use storage::vault::{Keys, Vault};

use super::context::{Context, open_artifacts, reference};
use crate::cli::control::{ControlArgs, LegalHoldArgs};
use crate::cli::offers::{ConsentAnswer, ConsentArgs, SuppressArgs};

/// The maximum length of a reason, in characters.
const MAX_REASON: usize = 200;

/// One suppression in the list.
#[derive(Serialize)]
struct ListedSuppression {
    reference: String,
    reason: String,
    since: String,
}

pub(super) async fn suppress(args: SuppressArgs, context: Context) -> Result<u8, Failure> {
    let Some(customer) = args.customer else { return show(&args.artifacts, context).await };
    let reason = args.reason.unwrap_or_default();
    if reason.chars().count() > MAX_REASON || reason.contains(char::is_control) || is_formula(&reason) {
        let message = "the reason has more than 200 characters, a control character, or a first character that a spreadsheet would execute";
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "use a few plain words"));
    }
    let reference = reference_in(customer, &args.artifacts).await?;
    let mut list = List::open(&args.artifacts, ObjectKey::Suppressions, &["reference", "reason", "since"]).await?;
    let own = ObjectKey::Suppression(reference.clone());
    if args.remove && list.store.find(&ObjectKey::Forgotten(reference.clone())).await?.is_some() {
        let message = format!("{reference} has been erased and stays suppressed");
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "an erasure cannot be undone"));
    }
    let known = list.store.find(&ObjectKey::CustomerKey(reference.clone())).await?.is_some();
    let listed = list.rows.iter().any(|row| list.is_about(row, &reference)) || list.store.find(&own).await?.is_some();
    let changed = listed == args.remove;
    if changed && args.remove {
        list.remove(|list, row| list.is_about(row, &reference));
        ledger::remove(&list.vault, &reference, &[own.to_string()]).await.map_err(ControlError::from)?;
        list.store.delete(&own).await?;
    } else if changed {
        let since = Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        list.add(&[("reference", reference.as_str()), ("reason", &reason), ("since", &since)]);
    }
    if changed {
        list.write().await?;
    }
    let report = json!({
        "reference": reference.as_str(), "suppressed": !args.remove, "changed": changed, "known": known,
    });
    context.print(&report, || {
        let state = match (args.remove, changed) {
            (false, true) => "is suppressed from now on, even in a run in progress",
            (false, false) => "is already suppressed",
            (true, true) => "is no longer suppressed",
            (true, false) => "is not suppressed",
        };
        format!("{reference} {state}\n{}", if known { "" } else { UNKNOWN })
    });
    Ok(0)
}

/// The note about an unknown id. If the id is a typo, the suppression has no effect.
const UNKNOWN: &str =
    "No dataset in this folder has a customer with that id. Check it: ids are text, and 0001 is not 1.\n";

/// Returns the reason and the date of an object under `control/suppressions/`.
fn reason_and_date(bytes: &[u8]) -> (String, String) {
    match serde_json::from_slice::<Suppression>(bytes) {
        Ok(Suppression { by: SuppressedBy::OptOut, since }) => {
            ("opted out through their link".to_owned(), since.to_string())
        }
        Ok(Suppression { by: SuppressedBy::Staff, since }) => ("recorded by staff".to_owned(), since.to_string()),
        Ok(Suppression { by: SuppressedBy::Erasure, since }) => ("asked to be forgotten".to_owned(), since.to_string()),
        Err(_) => (String::new(), String::new()),
    }
}

/// Adds or removes a legal hold, or lists them.
pub(super) async fn legal_hold(args: LegalHoldArgs, context: Context) -> Result<u8, Failure> {
    let columns = ["reference", "hold", "since"];
    let Some((customer, name)) = args.customer.zip(args.name) else {
        let holds = List::open(&args.artifacts, ObjectKey::Holds, &columns).await?;
        let rows: Vec<[String; 3]> =
            holds.rows.iter().map(|row| columns.map(|column| holds.cell(row, column).to_owned())).collect();
        context.print(&rows, || {
            let mut text = String::new();
            for [reference, name, since] in &rows {
                let _infallible = writeln!(text, "{reference}  {since:<21} {name}");
            }
            text
        });
        return Ok(0);
    };
    let is_valid = !name.trim().is_empty() && name.chars().count() <= MAX_REASON && !name.contains(char::is_control);
    if !is_valid || is_formula(name.trim()) {
        let message = "the name of a legal hold must have 1 to 200 characters, no control characters, and must not \
                       start like a formula";
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "name the case or the audit"));
    }
    let reference = reference_in(customer, &args.artifacts).await?;
    let mut list = List::open(&args.artifacts, ObjectKey::Holds, &columns).await?;
    let before = list.rows.len();
    list.remove(|list, row| list.is_about(row, &reference) && list.cell(row, "hold") == name.trim());
    let existed = list.rows.len() < before;
    if !args.remove {
        let since = Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        list.add(&[("reference", reference.as_str()), ("hold", name.trim()), ("since", &since)]);
    }
    // A hold that is added again keeps its first date.
    let changed = existed == args.remove;
    if changed {
        list.write().await?;
    }
    let report =
        json!({ "reference": reference.as_str(), "hold": name.trim(), "held": !args.remove, "changed": changed });
    context.print(&report, || {
        let state = match (args.remove, changed) {
            (false, true) => "is under this legal hold from now on: erasure and expiry will not delete it",
            (false, false) => "is already under this legal hold",
            (true, true) => "is no longer under this legal hold",
            (true, false) => "was not under this legal hold",
        };
        format!("the data of {reference} {state}\n")
    });
    Ok(0)
}

async fn show(artifacts: &Path, context: Context) -> Result<u8, Failure> {
    let columns = ["reference", "reason", "since"];
    let list = List::open(artifacts, ObjectKey::Suppressions, &columns).await?;
    let mut listed: Vec<ListedSuppression> = list
        .rows
        .iter()
        .map(|row| {
            let [reference, reason, since] = columns.map(|column| list.cell(row, column).to_owned());
            ListedSuppression { reference: reference.to_ascii_lowercase(), reason, since }
        })
        .collect();
    for own in list.store.list(&Prefix::Suppressions).await? {
        let Some(reference) = ObjectKey::customer_of(&own.key) else { continue };
        let bytes = list.store.find(&ObjectKey::Suppression(reference.clone())).await?.unwrap_or_default();
        let (reason, since) = reason_and_date(&bytes);
        listed.push(ListedSuppression { reference: reference.to_string(), reason, since });
    }
    context.print(&listed, || {
        let bold = Style::new().bold();
        let mut text = String::new();
        let [reference, reason, since] = columns;
        let _infallible = writeln!(text, "{bold}{reference:<34}{since:<22}{reason}{bold:#}");
        for ListedSuppression { reference, reason, since } in &listed {
            let _infallible = writeln!(text, "{reference:<34}{since:<22}{reason}");
        }
        text
    });
    Ok(0)
}

pub(super) async fn consent(args: ConsentArgs, context: Context) -> Result<u8, Failure> {
    let reference = reference_in(args.customer, &args.artifacts).await?;
    let today = Zoned::now().date();
    let day = args.on.unwrap_or(today);
    // The newest answer counts, so an answer dated in the future would hide every answer until then.
    if today.tomorrow().is_ok_and(|tomorrow| day > tomorrow) {
        let message = format!("{day} is in the future");
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "use the day of the answer"));
    }
    let day = day.to_string();
    let columns = ["reference", "consent", "consent_social_media", "as_of"];
    let mut list = List::open(&args.artifacts, ObjectKey::Consents, &columns).await?;
    let answer = |answer| if answer == ConsentAnswer::Yes { "yes" } else { "no" };
    let general = answer(args.general);
    let posts = answer(args.posts);
    // An identical answer replaces the earlier one. Other answers stay on record. If answers from the same day differ,
    // a refusal wins.
    list.remove(|list, row| {
        let same = |column, value| list.cell(row, column) == value;
        let answered = same("consent", general) && same("consent_social_media", posts);
        list.is_about(row, &reference) && answered && same("as_of", &day)
    });
    list.add(&[
        ("reference", reference.as_str()),
        ("consent", general),
        ("consent_social_media", posts),
        ("as_of", &day),
    ]);
    list.write().await?;
    let report =
        json!({ "reference": reference.as_str(), "consent": general, "consent_social_media": posts, "as_of": day });
    context.print(&report, || {
        format!("{reference}: recommendations {general}, use of posts {posts}, as of {day}\nNewer answers can only restrict what the workbooks permit.\n")
    });
    Ok(0)
}

/// Compares control data with its ledger. With `--accept`, first makes the ledger cover exactly what exists.
pub(super) async fn control(args: &ControlArgs, context: Context) -> Result<u8, Failure> {
    let (_, vault, _) = open_artifacts(&args.artifacts).await?;
    if args.accept {
        ledger::accept(&vault, Timestamp::now()).await.map_err(ControlError::from)?;
    }
    let audit = ledger::audit(&vault, &newest_marks(vault.store()).await?, true).await?;
    context.print(&audit, || audit_to_text(&audit));
    Ok(if audit.gaps.is_empty() { 0 } else { ErrorName::ControlIncomplete.exit_code() })
}

fn audit_to_text(audit: &Audit) -> String {
    let mut text = String::new();
    for gap in &audit.gaps {
        let _infallible = writeln!(text, "{}  {gap}", ErrorName::ControlIncomplete);
    }
    for key in &audit.uncovered {
        let _infallible = writeln!(text, "note: {key} is not in the ledger: no one would notice a deletion");
    }
    let covered = counted(audit.covered, "record or list", "records and lists");
    let _infallible = match audit.gaps.len() {
        0 => writeln!(text, "the ledger covers {covered}, and none is missing"),
        gaps => writeln!(
            text,
            "{}: find out who changed control/, or run bespoke control --accept if the change was intended",
            counted(gaps, "contradiction", "contradictions")
        ),
    };
    text
}

/// Returns a customer's reference under the keys of this folder.
async fn reference_in(customer: String, artifacts: &Path) -> Result<CustomerRef, Failure> {
    reference(customer, &Keys::from_secrets(&LocalSecrets::of_folder(artifacts)).await?)
}

/// A list under `control/`, locked until it is dropped. Columns that Bespoke does not know are left unchanged.
struct List {
    store: Arc<FolderStore>,
    vault: Vault,
    key: ObjectKey,
    header: StringRecord,
    rows: Vec<StringRecord>,
    _lock: std::fs::File,
}

impl List {
    async fn open(artifacts: &Path, key: ObjectKey, columns: &[&str]) -> Result<Self, Failure> {
        let (store, vault, _) = open_artifacts(artifacts).await?;
        let path = store.path(&key);
        let lock = lock(&path).map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
        // Never overwrite a list that a run could not read.
        let any = CustomerRef::parse("0".repeat(32)).expect("32 hex digits");
        control::read(&vault, &any, Timestamp::now()).await?;
        control::holds(&vault).await?;
        let bytes = store.find(&key).await?.unwrap_or_default();
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text);
        let unreadable = |error: csv::Error| {
            Failure::new(ErrorName::ConfigInvalid, format!("{key}: {error}"), "repair the CSV file")
        };
        let mut header = reader.headers().map_err(unreadable)?.clone();
        let rows = reader.records().collect::<Result<_, _>>().map_err(unreadable)?;
        for column in columns {
            if !header.iter().any(|name| name.eq_ignore_ascii_case(column)) {
                header.push_field(column);
            }
        }
        Ok(Self { store, vault, key, header, rows, _lock: lock })
    }

    fn cell<'r>(&self, row: &'r StringRecord, column: &str) -> &'r str {
        let place = self.header.iter().position(|name| name.eq_ignore_ascii_case(column));
        place.and_then(|place| row.get(place)).unwrap_or_default()
    }

    fn is_about(&self, row: &StringRecord, reference: &CustomerRef) -> bool {
        self.cell(row, "reference").eq_ignore_ascii_case(reference.as_str())
    }

    fn remove(&mut self, matches: impl Fn(&Self, &StringRecord) -> bool) {
        let rows = std::mem::take(&mut self.rows);
        self.rows = rows.into_iter().filter(|row| !matches(self, row)).collect();
    }

    fn add(&mut self, cells: &[(&str, &str)]) {
        let cell = |name: &str| {
            cells.iter().find(|(column, _)| column.eq_ignore_ascii_case(name)).map_or("", |(_, cell)| *cell)
        };
        self.rows.push(self.header.iter().map(cell).collect());
    }

    async fn write(self) -> Result<(), Failure> {
        let header: Vec<&str> = self.header.iter().collect();
        let rows = self.rows.iter().map(|row| (0..header.len()).map(|place| row.get(place).unwrap_or_default()));
        let csv = to_csv(&header, rows);
        Ok(ledger::write_list(&self.vault, &self.key, csv.into()).await.map_err(ControlError::from)?)
    }
}

/// Locks a list, so other processes cannot change it.
fn lock(list: &Path) -> std::io::Result<std::fs::File> {
    let folder = list.parent().unwrap_or(Path::new("."));
    create_private(folder)?;
    let file = std::fs::File::options().create(true).append(true).open(list.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}
