//! Control data that may change at any time: suppressions (`control/suppressions.csv`, and one object per opt-out or
//! erasure), newer consent answers (`control/consents.csv`), the customers' own choices (`control/choices/`) and legal
//! holds (`control/holds.csv`).
//!
//! Control data is read again for each decision, and can only restrict the permission from a workbook. An unreadable
//! list is an error, never an empty list, and [`crate::ledger`] proves that no record is missing. Before showing,
//! approving or exporting a result, call [`read`] and [`Control::forbids`]. Before destroying a customer's data, call
//! [`holds`].

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use contracts::catalogue::Product;
use contracts::choice::{Choice, Source};
use contracts::consent::{ControlAsRead, NewestAnswer, Question, Refusal};
use contracts::facts::Skip;
use contracts::key::Prefix;
use storage::store::{ObjectStore, PutOutcome, StoreError};
use storage::vault::Vault;

use crate::consent::{Permission, decide_answers};
use crate::ledger::{self, LedgerError, Present};
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey};

/// The columns of `control/consents.csv`.
const CONSENTS: [&str; 4] = ["reference", "consent", "consent_social_media", "as_of"];

/// The required column of `control/suppressions.csv`.
const SUPPRESSIONS: [&str; 1] = ["reference"];

/// The required columns of `control/holds.csv`.
const HOLDS: [&str; 2] = ["reference", "hold"];

/// An error from reading control data. Contains the location, never the content.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger cannot confirm that the control data is complete.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file lacks a required column.
    #[error("{file}: missing column \"{column}\"")]
    NoColumn {
        /// The file's key.
        file: String,
        /// The column.
        column: &'static str,
    },
    /// An object under `control/choices/` is not a choice that this version recognizes.
    #[error("{key}: not a choice that this version recognizes")]
    Choice {
        /// The object's key.
        key: String,
    },
    /// A row is invalid, so it could refer to any customer.
    #[error("{file}: row {row}: {rule}")]
    Row {
        /// The file's key.
        file: String,
        /// The row, counted from 1 and including the header.
        row: u32,
        /// The broken rule.
        rule: &'static str,
    },
}

impl NamedError for ControlError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Ledger(error) => error.name(),
            Self::NoColumn { .. } | Self::Row { .. } | Self::Choice { .. } => ErrorName::ConfigInvalid,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::Ledger(error) => error.help(),
            Self::Choice { .. } => Some("upgrade Bespoke, or delete the object if no version wrote it".to_owned()),
            Self::NoColumn { .. } | Self::Row { .. } => Some(
                "the required columns are reference in suppressions.csv; reference and hold in holds.csv; and reference, \
                 consent, consent_social_media and as_of in consents.csv"
                    .to_owned(),
            ),
        }
    }
}

/// The reason for an object under `control/suppressions/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressedBy {
    /// The customer opted out through their link.
    OptOut,
    /// The customer was erased.
    Erasure,
    /// A member of staff recorded an objection.
    Staff,
}

/// A request to erase a customer. Stored as `control/erasures/<reference>.json`, with an authentication code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRequest {
    /// The person who requested the erasure.
    pub by: String,
    /// The time of the request.
    pub at: Timestamp,
}

/// A suppression: `control/suppressions/<reference>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// The reason.
    pub by: SuppressedBy,
    /// The time of the suppression.
    pub since: Timestamp,
}

/// The record of an erasure: `control/forgotten/<reference>.json`. Finding a customer's record requires both the
/// reference key and the customer id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRecord {
    /// The start of the erasure. The record is written before any data is destroyed.
    pub at: Timestamp,
    /// The version of Bespoke.
    pub program: String,
}

/// The control data about one customer. The default has no restrictions; forecasts use it when they have only a
/// dataset.
#[derive(Clone, Debug, Default)]
pub struct Control {
    suppressed: bool,
    /// Whether an erasure of the customer has started. Their data may already be gone.
    pub forgotten: bool,
    /// The state of `control/` when it was read.
    pub as_read: ControlAsRead,
}

/// The number of times that control data is read again because it contradicts the ledger. A change between two reads looks
/// like a contradiction, but not each time.
const REREADS: usize = 3;

/// Reads the control data about one customer, and proves with the ledger that it is complete. `now` determines which
/// answers are dated in the future.
pub async fn read(vault: &Vault, reference: &CustomerRef, now: Timestamp) -> Result<Control, ControlError> {
    let mut rereads = 0;
    loop {
        let (control, present) = read_present(vault.store(), reference, now).await?;
        match ledger::prove(vault, Some(reference), &present).await {
            Err(LedgerError::Gap(_)) if rereads < REREADS => rereads += 1,
            proved => return Ok(proved.map(|()| control)?),
        }
    }
}

/// Reads the control data about one customer without the proof that it is complete. Only for readers without the keys, who
/// decide nothing about the customer.
pub async fn read_unproved(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    now: Timestamp,
) -> Result<Control, ControlError> {
    Ok(read_present(store, reference, now).await?.0)
}

async fn read_present(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    now: Timestamp,
) -> Result<(Control, Present), ControlError> {
    let mut present = Present::default();
    let suppressions = store.find(&ObjectKey::Suppressions).await?;
    present.add_list(&ObjectKey::Suppressions, suppressions.as_ref());
    let own_key = ObjectKey::Suppression(reference.clone());
    let suppression = store.find(&own_key).await?;
    let consents = store.find(&ObjectKey::Consents).await?;
    present.add_list(&ObjectKey::Consents, consents.as_ref());
    let listed = match &suppressions {
        Some(list) => lists_customer(list, reference)?,
        None => false,
    };
    // The object's existence is enough; its content does not matter.
    let suppressed = listed || suppression.is_some();
    let forgotten_key = ObjectKey::Forgotten(reference.clone());
    let forgotten = suppression.is_some() && store.find(&forgotten_key).await?.is_some();
    present.records.extend(suppression.is_some().then(|| own_key.to_string()));
    present.records.extend(forgotten.then(|| forgotten_key.to_string()));
    let answers = match &consents {
        Some(list) => newest_answers(list, reference, now)?,
        None => Vec::new(),
    };
    let choices = read_choices(store, reference).await?;
    present
        .records
        .extend(choices.iter().map(|choice| ObjectKey::Choice(reference.clone(), choice.clone()).to_string()));
    let digest = |list: Option<Bytes>| list.map(|list| Digest::of(&list));
    let as_read = ControlAsRead {
        suppressions: digest(suppressions),
        suppression: digest(suppression),
        consents: digest(consents),
        answers,
        choices,
    };
    Ok((Control { suppressed, forgotten, as_read }, present))
}

/// Writes a record about a customer, unless it exists, and adds it to the ledger.
pub async fn record(
    vault: &Vault,
    reference: &CustomerRef,
    record: &ObjectKey,
    bytes: Bytes,
) -> Result<PutOutcome, ControlError> {
    let written = vault.store().put_new(record, bytes).await?;
    ledger::add(vault, reference, std::slice::from_ref(record)).await?;
    Ok(written)
}

/// Returns the customer's choices. An object's name states the choice, so its content does not matter.
async fn read_choices(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<BTreeSet<Choice>, ControlError> {
    let listed = store.list(&Prefix::Choices(reference.clone())).await?;
    let choice = |key: String| ObjectKey::choice_of(&key, reference).ok_or(ControlError::Choice { key });
    listed.into_iter().map(|object| choice(object.key)).collect()
}

/// Returns the customers under a legal hold, with the names of the holds. Proves with the ledger that no hold was deleted.
pub async fn holds(vault: &Vault) -> Result<BTreeMap<CustomerRef, Vec<String>>, ControlError> {
    let mut rereads = 0;
    loop {
        let list = vault.store().find(&ObjectKey::Holds).await?;
        let mut present = Present::default();
        present.add_list(&ObjectKey::Holds, list.as_ref());
        match ledger::prove(vault, None, &present).await {
            Err(LedgerError::Gap(_)) if rereads < REREADS => rereads += 1,
            proved => return proved.map_err(ControlError::from).and_then(|()| parse_holds(list.as_deref())),
        }
    }
}

fn parse_holds(list: Option<&[u8]>) -> Result<BTreeMap<CustomerRef, Vec<String>>, ControlError> {
    let mut holds: BTreeMap<CustomerRef, Vec<String>> = BTreeMap::new();
    let Some(list) = list else { return Ok(holds) };
    for row in rows(&ObjectKey::Holds, list, &HOLDS)? {
        let Row { reference, cells, .. } = row?;
        holds.entry(reference).or_default().extend(cells);
    }
    Ok(holds)
}

impl Control {
    /// Restricts the `permission` from a workbook.
    pub fn narrow(&self, permission: Permission) -> Result<Permission, Skip> {
        self.check_contact()?;
        let social = permission.social.and_then(|proof| self.check_answers(Question::SocialMedia).map(|()| proof));
        Ok(Permission { social, ..permission })
    }

    /// Returns the reason why results for the customer must not be shown now, or `None` if they may be shown.
    /// `from_posts` says whether posts contributed to the results.
    #[must_use]
    pub fn forbids(&self, from_posts: bool) -> Option<Skip> {
        match self.check_contact() {
            Err(skip) => Some(skip),
            Ok(()) if from_posts => self.check_answers(Question::SocialMedia).err().map(Skip::PostsWithdrawn),
            Ok(()) => None,
        }
    }

    /// Returns whether the customer has since refused the use of posts, specifically or by refusing everything.
    #[must_use]
    pub fn withdraws_posts(&self) -> bool {
        [Question::General, Question::SocialMedia].into_iter().any(|question| self.check_answers(question).is_err())
    }

    /// Returns whether the customer's choices rule out a result that offers these products. `from_payments` says whether
    /// payments contributed to it. Do not apply this to published results; they stay visible.
    #[must_use]
    pub fn rules_out<'p>(&self, offered: impl IntoIterator<Item = &'p Product>, from_payments: bool) -> bool {
        let choices = &self.as_read.choices;
        let mut offered = offered.into_iter();
        (from_payments && choices.contains(&Choice::Source(Source::Payments)))
            || offered.any(|product| choices.iter().any(|choice| choice.excludes(product).is_some()))
    }

    fn check_contact(&self) -> Result<(), Skip> {
        if self.suppressed {
            return Err(Skip::Suppressed);
        }
        self.check_answers(Question::General).map_err(Skip::NoConsent)
    }

    /// Fails if the newest answers or the customer's choices withdraw consent. Otherwise, the workbook's consent
    /// applies.
    fn check_answers(&self, question: Question) -> Result<(), Refusal> {
        if question == Question::SocialMedia && self.as_read.choices.contains(&Choice::Source(Source::Posts)) {
            return Err(Refusal::SaidNo);
        }
        let answers = self.as_read.answers.iter().filter(|answer| answer.question == question);
        let values: Vec<&str> = answers.map(|answer| answer.value.as_str()).collect();
        if values.is_empty() { Ok(()) } else { decide_answers(values) }
    }
}

/// Returns whether the list of suppressions contains the customer.
fn lists_customer(list: &[u8], reference: &CustomerRef) -> Result<bool, ControlError> {
    let mut found = false;
    // Read every row, because an invalid one may refer to this customer.
    for row in rows(&ObjectKey::Suppressions, list, &SUPPRESSIONS)? {
        found |= row?.reference == *reference;
    }
    Ok(found)
}

/// Returns the customer's answers from the latest day, and refusals dated in the future. All of them count, so a
/// refusal wins.
///
/// An answer dated in the future counts only if it is a refusal. Otherwise, a mistyped date could hide a current
/// refusal. Tomorrow does not count as the future, because it has already begun in some time zone.
fn newest_answers(list: &[u8], reference: &CustomerRef, now: Timestamp) -> Result<Vec<NewestAnswer>, ControlError> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let tomorrow = today.checked_add(1.day()).unwrap_or(today);
    let mut answers = Vec::new();
    for row in rows(&ObjectKey::Consents, list, &CONSENTS)? {
        let Row { number: row, reference: row_customer, cells } = row?;
        // The time of day is ignored: two different answers on the same day are a contradiction.
        let day = cells[2].split(['T', ' ']).next().unwrap_or_default();
        let rule = "as_of is not a date such as 2026-10-31";
        let as_of: Date =
            day.parse().map_err(|_| ControlError::Row { file: ObjectKey::Consents.to_string(), row, rule })?;
        if row_customer == *reference {
            let questions = [Question::General, Question::SocialMedia].into_iter().zip(cells);
            answers.extend(questions.map(|(question, value)| {
                let value = value.chars().take(32).collect();
                NewestAnswer { question, value, row, as_of }
            }));
        }
    }
    let newest = answers.iter().map(|answer| answer.as_of).filter(|day| *day <= tomorrow).max();
    answers.retain(|answer| {
        let refuses = decide_answers([answer.value.as_str()]).is_err();
        Some(answer.as_of) == newest || (answer.as_of > tomorrow && refuses)
    });
    Ok(answers)
}

const LINE_BREAK: &str = "a cell contains a line break; check for an unclosed quotation mark";

fn has_line_break(record: &csv::StringRecord) -> bool {
    record.iter().any(|cell| cell.contains(['\n', '\r']))
}

struct Row {
    number: u32,
    reference: CustomerRef,
    /// The other requested columns.
    cells: Vec<String>,
}

/// Returns the rows of a list. The first column in `columns` is the reference. Other columns in the file are ignored. A
/// file without a header indicates a failed export, and a cell with a line break may have swallowed rows. Both are
/// errors.
fn rows<'l>(
    key: &ObjectKey,
    list: &'l [u8],
    columns: &'static [&'static str],
) -> Result<impl Iterator<Item = Result<Row, ControlError>> + 'l, ControlError> {
    let file = key.to_string();
    // Spreadsheet programs write a byte order mark before UTF-8.
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list).trim_ascii();
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(list);
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let no_column = || ControlError::NoColumn { file: file.clone(), column };
        let headers = reader.headers().map_err(|_| no_column())?;
        if has_line_break(headers) {
            return Err(ControlError::Row { file: file.clone(), row: 1, rule: LINE_BREAK });
        }
        let place = headers.iter().position(|header| header.eq_ignore_ascii_case(column));
        places.push(place.ok_or_else(no_column)?);
    }
    Ok(reader.into_records().zip(2_u32..).map(move |(record, number)| {
        let bad = |rule| ControlError::Row { file: file.clone(), row: number, rule };
        let record = record.map_err(|_| bad("not valid CSV encoded in UTF-8"))?;
        if has_line_break(&record) {
            return Err(bad(LINE_BREAK));
        }
        let mut found = places.iter().map(|place| record.get(*place).unwrap_or_default());
        let reference = found.next().and_then(|cell| CustomerRef::parse(cell.to_ascii_lowercase()).ok());
        let reference = reference.ok_or_else(|| bad("not a customer reference of 32 hex digits"))?;
        Ok(Row { number, reference, cells: found.map(str::to_owned).collect() })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::gate;
    use std::sync::Arc;

    use storage::store::MemoryStore;
    use storage::vault::Keys;

    const REFERENCE: &str = "00112233445566778899aabbccddeeff";
    const OTHER: &str = "ffffffffffffffffffffffffffffffff";

    fn customer() -> CustomerRef {
        CustomerRef::parse(REFERENCE).unwrap()
    }

    fn bank() -> (Arc<MemoryStore>, Vault) {
        let store = Arc::new(MemoryStore::default());
        (store.clone(), Vault::new(store, Keys::new([1; 32], [2; 32])))
    }

    fn listed(list: &str) -> Result<bool, ControlError> {
        lists_customer(list.as_bytes(), &customer())
    }

    async fn read_with(suppressions: &str, consents: &str) -> Result<Control, ControlError> {
        let (store, vault) = bank();
        for (key, list) in [(ObjectKey::Suppressions, suppressions), (ObjectKey::Consents, consents)] {
            if !list.is_empty() {
                store.put(&key, list.to_owned().into()).await.unwrap();
            }
        }
        read(&vault, &customer(), "2026-11-24T12:00:00Z".parse().unwrap()).await
    }

    async fn answered(rows: &[(&str, &str, &str)]) -> Control {
        let line = |(general, social, day): &(&str, &str, &str)| format!("{REFERENCE},{general},{social},{day}");
        let rows = rows.iter().map(line).collect::<Vec<_>>().join("\n");
        read_with("", &format!("reference,consent,consent_social_media,as_of\n{rows}")).await.unwrap()
    }

    /// Returns whether the customer may be contacted and whether posts may be used, given full consent in the workbook.
    fn remaining(control: &Control) -> Result<Result<(), Refusal>, Skip> {
        let all = [(Question::General, "yes"), (Question::SocialMedia, "yes")].map(|(question, value)| {
            let file = contracts::key::Workbook::Transactions;
            contracts::consent::ConsentReading {
                question,
                value: value.to_owned(),
                file,
                row: 2,
                rows: 1,
                meaning: None,
            }
        });
        let permission = control.narrow(gate(&all).unwrap())?;
        Ok(permission.social.map(|_| ()))
    }

    #[test]
    fn suppression_is_found_in_spreadsheet_exports() {
        for list in [
            format!("reference\n{REFERENCE}\n"),
            format!("\u{feff}Reference,why\r\n{},\"asked, twice\"\r\n", REFERENCE.to_uppercase()),
            format!("why, reference\nasked, {REFERENCE}"),
        ] {
            assert!(listed(&list).unwrap(), "{list}");
        }
    }

    #[test]
    fn other_customers_are_not_suppressed() {
        for list in [format!("reference\n{OTHER}\n").as_str(), "reference\n"] {
            assert!(!listed(list).unwrap(), "{list:?}");
        }
    }

    #[test]
    fn invalid_list_error_names_row_and_hides_cell() {
        let message = |list: &str| listed(list).unwrap_err().to_string();
        assert!(message("id\n1\n").contains("missing column"));
        assert!(message(&format!("{REFERENCE}\n")).contains("missing column"));
        assert!(message("").contains("missing column") && message("\n").contains("missing column"), "a failed export");
        let invalid_later_row = format!("reference\n{REFERENCE}\nMaria\n");
        assert_eq!(
            message(&invalid_later_row),
            "control/suppressions.csv: row 3: not a customer reference of 32 hex digits"
        );
    }

    #[test]
    fn unclosed_quotation_mark_is_an_error() {
        let row = format!("reference,reason\n{OTHER},\"asked twice\n{REFERENCE},\n");
        let header = format!("reference,\"reason\n{REFERENCE},asked\n");
        for list in [row, header] {
            assert!(listed(&list).unwrap_err().to_string().contains("unclosed quotation mark"), "{list}");
        }
    }

    #[tokio::test]
    async fn without_lists_workbook_permission_applies() {
        let control = read_with("", "").await.unwrap();
        assert_eq!(remaining(&control), Ok(Ok(())));
        assert_eq!((control.forbids(true), control.as_read.consents), (None, None));
    }

    #[tokio::test]
    async fn anything_but_yes_is_refusal() {
        for (cell, refusal) in
            [("no", Refusal::SaidNo), ("", Refusal::Blank), ("later", Refusal::Unclear), ("FALSE", Refusal::SaidNo)]
        {
            let general = answered(&[(cell, "yes", "2026-11-01")]).await;
            assert_eq!(remaining(&general), Err(Skip::NoConsent(refusal)), "{cell}");
            assert_eq!(general.forbids(false), Some(Skip::NoConsent(refusal)), "{cell}");
            let social = answered(&[("yes", cell, "2026-11-01")]).await;
            assert_eq!(remaining(&social), Ok(Err(refusal)), "{cell}");
            assert_eq!(social.forbids(true), Some(Skip::PostsWithdrawn(refusal)), "{cell}");
            assert_eq!(social.forbids(false), None, "results made without posts may be shown");
        }
    }

    #[tokio::test]
    async fn latest_day_counts_and_refusal_wins_within_a_day() {
        let again = answered(&[("yes", "yes", "2026-11-03"), ("no", "no", "2026-11-02")]).await;
        assert_eq!(remaining(&again), Ok(Ok(())));
        let withdrawn = answered(&[("yes", "no", "2026-11-03T08:00:00Z"), ("yes", "yes", "2026-11-02")]).await;
        assert_eq!(remaining(&withdrawn), Ok(Err(Refusal::SaidNo)));
        let same_day = answered(&[("no", "yes", "2026-11-03"), ("yes", "yes", "2026-11-03 18:00")]).await;
        assert_eq!(remaining(&same_day), Err(Skip::NoConsent(Refusal::Contradictory)));
    }

    #[tokio::test]
    async fn future_answer_counts_only_as_refusal() {
        let hidden = answered(&[("no", "no", "2026-11-03"), ("yes", "yes", "2062-11-03")]).await;
        assert_eq!(remaining(&hidden), Err(Skip::NoConsent(Refusal::SaidNo)));
        let announced = answered(&[("yes", "yes", "2026-11-03"), ("yes", "no", "2062-11-03")]).await;
        assert_eq!(remaining(&announced), Ok(Err(Refusal::Contradictory)));
        let only = answered(&[("yes", "yes", "2062-11-03")]).await;
        assert_eq!(remaining(&only), Ok(Ok(())), "the workbook still counts");
        let tomorrow = answered(&[("no", "no", "2026-11-25"), ("yes", "yes", "2026-11-24")]).await;
        assert_eq!(remaining(&tomorrow), Err(Skip::NoConsent(Refusal::SaidNo)));
    }

    #[tokio::test]
    async fn opt_out_and_erasure_objects_suppress() {
        let (store, vault) = bank();
        let now = Timestamp::UNIX_EPOCH;
        store.put(&ObjectKey::Suppression(customer()), "{}".into()).await.unwrap();
        let control = read(&vault, &customer(), now).await.unwrap();
        assert_eq!((control.forbids(false), control.forgotten), (Some(Skip::Suppressed), false));
        assert_eq!(control.as_read.suppression, Some(Digest::of(b"{}")));
        store.put(&ObjectKey::Forgotten(customer()), "{}".into()).await.unwrap();
        assert!(read(&vault, &customer(), now).await.unwrap().forgotten);
        let other = CustomerRef::parse(OTHER).unwrap();
        assert_eq!(read(&vault, &other, now).await.unwrap().forbids(false), None);
    }

    #[tokio::test]
    async fn holds_have_names_and_invalid_list_is_an_error() {
        let (store, vault) = bank();
        assert!(holds(&vault).await.unwrap().is_empty());
        let list = format!("reference,hold,since\n{REFERENCE},Case 2026-7,2026-11-01\n{OTHER},Audit,2026-11-01\n");
        store.put(&ObjectKey::Holds, list.into()).await.unwrap();
        assert_eq!(holds(&vault).await.unwrap()[&customer()], ["Case 2026-7"]);
        store.put(&ObjectKey::Holds, "".into()).await.unwrap();
        assert_eq!(holds(&vault).await.unwrap_err().name(), ErrorName::ConfigInvalid);
    }

    #[tokio::test]
    async fn newer_yes_never_overrides_refusal_in_workbook() {
        let control = answered(&[("yes", "yes", "2026-11-03")]).await;
        let reading = |question, value: &str| contracts::consent::ConsentReading {
            question,
            value: value.to_owned(),
            file: contracts::key::Workbook::Transactions,
            row: 2,
            rows: 1,
            meaning: None,
        };
        let readings = [reading(Question::General, "yes"), reading(Question::SocialMedia, "no")];
        let permission = control.narrow(gate(&readings).unwrap()).unwrap();
        assert_eq!(permission.social.unwrap_err(), Refusal::SaidNo);
    }

    #[tokio::test]
    async fn suppression_precedes_consent_and_digests_are_recorded() {
        let suppressions = format!("reference\n{REFERENCE}\n");
        let consents = format!("reference,consent,consent_social_media,as_of\n{OTHER},no,no,2026-11-01\n");
        let control = read_with(&suppressions, &consents).await.unwrap();
        assert_eq!(control.forbids(false), Some(Skip::Suppressed));
        assert_eq!(control.as_read.suppressions, Some(Digest::of(suppressions.as_bytes())));
        assert_eq!(control.as_read.consents, Some(Digest::of(consents.as_bytes())));
        assert_eq!(control.as_read.answers, []);
    }

    #[tokio::test]
    async fn invalid_consents_are_an_error() {
        let head = "reference,consent,consent_social_media,as_of\n";
        for (consents, message) in [
            ("reference,consent,as_of\n".to_owned(), "missing column \"consent_social_media\""),
            (format!("{head}{OTHER},yes,yes,soon\n"), "row 2: as_of is not a date such as 2026-10-31"),
            (format!("{head}{OTHER},yes,yes,2026-11-01\nMaria,no,no,2026-11-01\n"), "row 3: not a customer reference"),
        ] {
            let error = read_with("", &consents).await.unwrap_err();
            assert_eq!(error.name(), ErrorName::ConfigInvalid);
            assert!(error.to_string().contains(message) && !error.to_string().contains("Maria"), "{error}");
        }
    }
}
