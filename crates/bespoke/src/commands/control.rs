//! `bespoke suppress`, `bespoke consent` and `bespoke hold`: the lists under `control/`, which a run and an erasure read
//! afresh. They may be changed while a run is under way; each change is one atomic write.

use std::fmt::Write;
use std::path::Path;

use anstyle::Style;
use contracts::key::Prefix;
use contracts::{CustomerRef, ErrorName, ObjectKey};
use csv::StringRecord;
use jiff::{Timestamp, Unit, Zoned};
use policy::control;
use policy::control::{SuppressedBy, Suppression};
use serde::Serialize;
use serde_json::json;
use storage::store::ObjectStore;
use storage::vault::Keys;

use super::{Shared, reference};
use crate::cli::delivery::Hold;
use crate::cli::{Answer, Consent, Suppress};
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::secrets::LocalSecrets;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// One line of the list of suppressions.
#[derive(Serialize)]
struct Listed {
    reference: String,
    reason: String,
    since: String,
}

pub(super) async fn suppress(asked: Suppress, shared: Shared) -> Result<u8, Failure> {
    let Some(customer) = asked.customer else { return show(&asked.artifacts, shared).await };
    let reason = asked.reason.unwrap_or_default();
    if reason.chars().count() > LONGEST_REASON
        || reason.contains(char::is_control)
        || reason.starts_with(['=', '+', '-', '@'])
    {
        let message = "the reason is longer than 200 characters, or begins or holds what a spreadsheet would act on";
        return Err(Failure::told(ErrorName::InputInvalidRequest, message, "say it in a few plain words"));
    }
    let reference = known_reference(customer, &asked.artifacts).await?;
    let mut list = List::open(&asked.artifacts, ObjectKey::Suppressions, &["reference", "reason", "since"]).await?;
    let own = ObjectKey::Suppression(reference.clone());
    if asked.remove && list.store.find(&ObjectKey::Forgotten(reference.clone())).await?.is_some() {
        let message = format!("{reference} was forgotten, and is never taken in again");
        return Err(Failure::told(ErrorName::InputInvalidRequest, message, "that cannot be undone"));
    }
    let known = list.store.find(&ObjectKey::CustomerKey(reference.clone())).await?.is_some();
    let listed = list.rows.iter().any(|row| list.is_of(row, &reference)) || list.store.find(&own).await?.is_some();
    let changed = listed == asked.remove;
    if changed && asked.remove {
        list.remove(|list, row| list.is_of(row, &reference));
        list.store.delete(&own).await?;
    } else if changed {
        let since = Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        list.add(&[("reference", reference.as_str()), ("reason", &reason), ("since", &since)]);
    }
    if changed {
        list.write().await?;
    }
    let told = json!({
        "reference": reference.as_str(), "suppressed": !asked.remove, "changed": changed, "known": known,
    });
    shared.print(&told, || {
        let said = match (asked.remove, changed) {
            (false, true) => "is never contacted from now on, also by a run that is under way",
            (false, false) => "is on the list already",
            (true, true) => "is off the list",
            (true, false) => "is not on the list",
        };
        format!("{reference} {said}\n{}", if known { "" } else { UNKNOWN })
    });
    Ok(0)
}

/// What is said of an id that nobody has: a typing error would suppress nobody.
const UNKNOWN: &str =
    "No dataset of this folder has a customer with that id. Is it the right one? Ids are text: 0001 is not 1\n";

/// What an object under `control/suppressions/` is listed with.
fn of_own_object(bytes: &[u8]) -> (String, String) {
    match serde_json::from_slice::<Suppression>(bytes) {
        Ok(Suppression { by: SuppressedBy::OptOut, since }) => {
            ("opted out by their link".to_owned(), since.to_string())
        }
        Ok(Suppression { by: SuppressedBy::Erasure, since }) => ("asked to be forgotten".to_owned(), since.to_string()),
        Err(_) => (String::new(), String::new()),
    }
}

/// `bespoke hold`
pub(super) async fn hold(asked: Hold, shared: Shared) -> Result<u8, Failure> {
    let columns = ["reference", "hold", "since"];
    let Some((customer, name)) = asked.customer.zip(asked.name) else {
        let holds = List::open(&asked.artifacts, ObjectKey::Holds, &columns).await?;
        let rows: Vec<[String; 3]> =
            holds.rows.iter().map(|row| columns.map(|column| holds.cell(row, column).to_owned())).collect();
        shared.print(&rows, || {
            let mut text = String::new();
            for [who, name, since] in &rows {
                let _infallible = writeln!(text, "{who}  {since:<21} {name}");
            }
            text
        });
        return Ok(0);
    };
    if name.trim().is_empty() || name.chars().count() > LONGEST_REASON || name.contains(char::is_control) {
        let message = "the name of a hold has 1 to 200 characters, none of them a control character";
        return Err(Failure::told(ErrorName::InputInvalidRequest, message, "name the case or the audit"));
    }
    let reference = known_reference(customer, &asked.artifacts).await?;
    let mut list = List::open(&asked.artifacts, ObjectKey::Holds, &columns).await?;
    let before = list.rows.len();
    list.remove(|list, row| list.is_of(row, &reference) && list.cell(row, "hold") == name.trim());
    let there = list.rows.len() < before;
    if !asked.remove {
        let since = Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        list.add(&[("reference", reference.as_str()), ("hold", name.trim()), ("since", &since)]);
    }
    // The same hold again keeps its first day.
    let changed = there == asked.remove;
    if changed {
        list.write().await?;
    }
    let told =
        json!({ "reference": reference.as_str(), "hold": name.trim(), "held": !asked.remove, "changed": changed });
    shared.print(&told, || {
        let said = match (asked.remove, changed) {
            (false, true) => "is kept from now on, whoever asks to have it destroyed",
            (false, false) => "is kept already",
            (true, true) => "is not kept for this any more",
            (true, false) => "was not kept for this",
        };
        format!("what there is of {reference} {said}\n")
    });
    Ok(0)
}

async fn show(artifacts: &Path, shared: Shared) -> Result<u8, Failure> {
    let columns = ["reference", "reason", "since"];
    let list = List::open(artifacts, ObjectKey::Suppressions, &columns).await?;
    let mut listed: Vec<Listed> = list
        .rows
        .iter()
        .map(|row| {
            let [reference, reason, since] = columns.map(|column| list.cell(row, column).to_owned());
            Listed { reference: reference.to_ascii_lowercase(), reason, since }
        })
        .collect();
    for own in list.store.list(&Prefix::Suppressions).await? {
        let Some(reference) = ObjectKey::customer_of(&own.key) else { continue };
        let bytes = list.store.find(&ObjectKey::Suppression(reference.clone())).await?.unwrap_or_default();
        let (reason, since) = of_own_object(&bytes);
        listed.push(Listed { reference: reference.to_string(), reason, since });
    }
    shared.print(&listed, || {
        let bold = Style::new().bold();
        let mut text = String::new();
        let [reference, reason, since] = columns;
        let _infallible = writeln!(text, "{bold}{reference:<34}{since:<22}{reason}{bold:#}");
        for Listed { reference, reason, since } in &listed {
            let _infallible = writeln!(text, "{reference:<34}{since:<22}{reason}");
        }
        text
    });
    Ok(0)
}

pub(super) async fn consent(asked: Consent, shared: Shared) -> Result<u8, Failure> {
    let reference = known_reference(asked.customer, &asked.artifacts).await?;
    let today = Zoned::now().date();
    let day = asked.on.unwrap_or(today);
    // The newest answer counts, so that one of a day to come would hide every answer until then.
    if today.tomorrow().is_ok_and(|tomorrow| day > tomorrow) {
        let message = format!("{day} is a day to come");
        return Err(Failure::told(ErrorName::InputInvalidRequest, message, "give the day on which it was said"));
    }
    let day = day.to_string();
    let columns = ["reference", "consent", "consent_social_media", "as_of"];
    let mut list = List::open(&asked.artifacts, ObjectKey::Consents, &columns).await?;
    let said = |answer| if answer == Answer::Yes { "yes" } else { "no" };
    let answers = [said(asked.general), said(asked.posts)];
    let [general, posts] = answers;
    // The same answer again is one answer. Any other stays on record, and of one day a refusal wins.
    list.remove(|list, row| {
        let same = |column, value| list.cell(row, column) == value;
        let answered = same("consent", general) && same("consent_social_media", posts);
        list.is_of(row, &reference) && answered && same("as_of", &day)
    });
    list.add(&[
        ("reference", reference.as_str()),
        ("consent", general),
        ("consent_social_media", posts),
        ("as_of", &day),
    ]);
    list.write().await?;
    let told =
        json!({ "reference": reference.as_str(), "consent": general, "consent_social_media": posts, "as_of": day });
    shared.print(&told, || {
        format!("{reference}: recommendations {general}, use of posts {posts}, as of {day}\nIt narrows what the workbooks say, and never widens it.\n")
    });
    Ok(0)
}

/// The reference under which the folder knows a customer.
async fn known_reference(customer: String, artifacts: &Path) -> Result<CustomerRef, Failure> {
    reference(customer, &Keys::from_secrets(&LocalSecrets::of_folder(artifacts)).await?)
}

/// A list under `control/`, held by this process alone until it is dropped. Columns that are not ours stay as they are.
struct List {
    store: FolderStore,
    key: ObjectKey,
    header: StringRecord,
    rows: Vec<StringRecord>,
    _lock: std::fs::File,
}

impl List {
    async fn open(artifacts: &Path, key: ObjectKey, columns: &[&str]) -> Result<Self, Failure> {
        let store = FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?;
        let path = store.path(&key);
        let lock = lock(&path).map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
        // A list that a run could not read is not written over.
        let nobody = CustomerRef::parse("0".repeat(32)).expect("32 hex digits");
        control::read(&store, &nobody, Timestamp::now()).await?;
        control::holds(&store).await?;
        let bytes = store.find(&key).await?.unwrap_or_default();
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text);
        let unreadable =
            |error: csv::Error| Failure::told(ErrorName::ConfigInvalid, format!("{key}: {error}"), "make it CSV");
        let mut header = reader.headers().map_err(unreadable)?.clone();
        let rows = reader.records().collect::<Result<_, _>>().map_err(unreadable)?;
        for column in columns {
            if !header.iter().any(|name| name.eq_ignore_ascii_case(column)) {
                header.push_field(column);
            }
        }
        Ok(Self { store, key, header, rows, _lock: lock })
    }

    fn cell<'r>(&self, row: &'r StringRecord, column: &str) -> &'r str {
        let place = self.header.iter().position(|name| name.eq_ignore_ascii_case(column));
        place.and_then(|place| row.get(place)).unwrap_or_default()
    }

    fn is_of(&self, row: &StringRecord, reference: &CustomerRef) -> bool {
        self.cell(row, "reference").eq_ignore_ascii_case(reference.as_str())
    }

    fn remove(&mut self, goes: impl Fn(&Self, &StringRecord) -> bool) {
        let rows = std::mem::take(&mut self.rows);
        self.rows = rows.into_iter().filter(|row| !goes(self, row)).collect();
    }

    fn add(&mut self, cells: &[(&str, &str)]) {
        let cell = |name: &str| {
            cells.iter().find(|(column, _)| column.eq_ignore_ascii_case(name)).map_or("", |(_, cell)| *cell)
        };
        self.rows.push(self.header.iter().map(cell).collect());
    }

    async fn write(self) -> Result<(), Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header).expect("memory takes all writes");
        for row in &self.rows {
            let cells = (0..self.header.len()).map(|place| row.get(place).unwrap_or_default());
            writer.write_record(cells).expect("memory takes all writes");
        }
        let bytes = writer.into_inner().expect("memory takes all writes");
        Ok(self.store.put(&self.key, bytes.into()).await?)
    }
}

/// Waits until no other process changes the list.
fn lock(list: &Path) -> std::io::Result<std::fs::File> {
    let folder = list.parent().unwrap_or(Path::new("."));
    crate::folder::create_private(folder)?;
    let file = std::fs::File::options().create(true).append(true).open(list.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}
