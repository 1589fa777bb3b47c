//! `bespoke suppress` and `bespoke consent`: the two lists under `control/`, which a run reads afresh. Both may be changed
//! while a run is under way; each change is one atomic write.

use std::fmt::Write;
use std::path::Path;

use anstyle::Style;
use contracts::secret::Secrets;
use contracts::store::ObjectStore;
use contracts::vault::Keys;
use contracts::{CustomerId, CustomerRef, ErrorName, ObjectKey, control};
use csv::StringRecord;
use jiff::{Timestamp, Unit, Zoned};
use serde::Serialize;
use serde_json::json;

use super::Shared;
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
    let reference = reference(customer, &LocalSecrets::new(LocalSecrets::default_key_file())).await?;
    let mut list = List::open(&asked.artifacts, ObjectKey::Suppressions, &["reference", "reason", "since"]).await?;
    let listed = list.rows.iter().any(|row| list.is_of(row, &reference));
    let changed = listed == asked.remove;
    if changed && asked.remove {
        list.remove(|list, row| list.is_of(row, &reference));
    } else if changed {
        let since = Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        list.add(&[("reference", reference.as_str()), ("reason", &reason), ("since", &since)]);
    }
    if changed {
        list.write().await?;
    }
    let told = json!({ "reference": reference.as_str(), "suppressed": !asked.remove, "changed": changed });
    shared.print(&told, || {
        let said = match (asked.remove, changed) {
            (false, true) => "is never contacted from now on, also by a run that is under way",
            (false, false) => "is on the list already",
            (true, true) => "is off the list",
            (true, false) => "is not on the list",
        };
        format!("{reference} {said}\n")
    });
    Ok(0)
}

async fn show(artifacts: &Path, shared: Shared) -> Result<u8, Failure> {
    let columns = ["reference", "reason", "since"];
    let list = List::open(artifacts, ObjectKey::Suppressions, &columns).await?;
    let listed: Vec<Listed> = list
        .rows
        .iter()
        .map(|row| {
            let [reference, reason, since] = columns.map(|column| list.cell(row, column).to_owned());
            Listed { reference: reference.to_ascii_lowercase(), reason, since }
        })
        .collect();
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
    let reference = reference(asked.customer, &LocalSecrets::new(LocalSecrets::default_key_file())).await?;
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

async fn reference(customer: String, secrets: &dyn Secrets) -> Result<CustomerRef, Failure> {
    let id = CustomerId::parse(customer).map_err(|error| {
        Failure::told(ErrorName::InputInvalidRequest, error.to_string(), "ids are text: 0001 is not 1")
    })?;
    Ok(Keys::from_secrets(secrets).await?.reference(&id))
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
        control::read(&store, &nobody).await?;
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
