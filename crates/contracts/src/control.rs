//! What may change at any time and is read afresh wherever it counts: who must not be contacted
//! (`control/suppressions.csv`, and an object for each who opted out or was forgotten), and the newest answers to the consent
//! questions (`control/consents.csv`). They only ever narrow what a workbook permits, and what cannot be read is an error,
//! never an empty list.
//!
//! Whoever is about to show, approve or hand out what was made for a customer asks [`read`] and [`Control::forbids`]; whoever
//! is about to destroy something asks [`holds`].

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::consent::{Permission, Question, Refusal, decide_answers};
use crate::facts::Skip;
use crate::store::{ObjectStore, StoreError};
use crate::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey};

/// The columns of `control/consents.csv`.
const CONSENTS: [&str; 4] = ["reference", "consent", "consent_social_media", "as_of"];

/// The column of `control/suppressions.csv` that counts.
const SUPPRESSIONS: [&str; 1] = ["reference"];

/// The columns of `control/holds.csv` that count.
const HOLDS: [&str; 2] = ["reference", "hold"];

/// Why `control/` cannot be used. Names the place, never what stands there.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A column is missing.
    #[error("{file}: there is no column \"{column}\"")]
    NoColumn {
        /// The file's key.
        file: String,
        /// The column.
        column: &'static str,
    },
    /// A row cannot be understood, and may be about any customer.
    #[error("{file}: row {row}: {rule}")]
    Row {
        /// The file's key.
        file: String,
        /// Counted from 1, the header included.
        row: u32,
        /// What it must be.
        rule: &'static str,
    },
}

impl NamedError for ControlError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::NoColumn { .. } | Self::Row { .. } => ErrorName::ConfigInvalid,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::NoColumn { .. } | Self::Row { .. } => Some(
                "suppressions.csv has a column reference; holds.csv has reference, hold; consents.csv has reference, consent, consent_social_media, as_of"
                    .to_owned(),
            ),
        }
    }
}

/// A newer answer to a consent question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestAnswer {
    /// What it answers.
    pub question: Question,
    /// The cell's content, trimmed and cut to 32 characters; empty for a blank cell.
    pub value: String,
    /// The row of `control/consents.csv`, counted from 1, the header included.
    pub row: u32,
    /// The day on which it was given.
    pub as_of: Date,
}

/// What of `control/` was read, for the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlAsRead {
    /// Digest of `control/suppressions.csv`; nothing if there was none.
    pub suppressions: Option<Digest>,
    /// Digest of the customer's own object under `control/suppressions/`; nothing if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Digest>,
    /// Digest of `control/consents.csv`; nothing if there was none.
    pub consents: Option<Digest>,
    /// The customer's answers of the newest day in `control/consents.csv`.
    pub answers: Vec<NewestAnswer>,
}

/// Why a customer has an object under `control/suppressions/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressedBy {
    /// The customer opted out, by their link.
    OptOut,
    /// The customer was forgotten.
    Erasure,
}

/// `control/suppressions/<reference>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Why.
    pub by: SuppressedBy,
    /// Since when.
    pub since: Timestamp,
}

/// `control/forgotten/<reference>.json`: the record of an erasure. Nothing personal: whoever holds the reference key and
/// the id finds it, and nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// When it was begun. Written before anything is destroyed.
    pub at: Timestamp,
    /// The version of the program.
    pub program: String,
}

/// What `control/` says of one customer. By default nothing: what a look at a dataset alone goes by.
#[derive(Clone, Debug, Default)]
pub struct Control {
    suppressed: bool,
    /// Whether the customer was forgotten: then there is nothing left to work on.
    pub forgotten: bool,
    /// What was read.
    pub as_read: ControlAsRead,
}

/// Reads all that counts for one customer afresh. `now` tells which answers are of a day to come.
pub async fn read(store: &dyn ObjectStore, reference: &CustomerRef, now: Timestamp) -> Result<Control, ControlError> {
    let suppressions = store.find(&ObjectKey::Suppressions).await?;
    let suppression = store.find(&ObjectKey::Suppression(reference.clone())).await?;
    let consents = store.find(&ObjectKey::Consents).await?;
    let listed = match &suppressions {
        Some(list) => names(list, reference)?,
        None => false,
    };
    // That the object lies there is enough, whatever is in it.
    let suppressed = listed || suppression.is_some();
    let forgotten = suppression.is_some() && store.find(&ObjectKey::Forgotten(reference.clone())).await?.is_some();
    let answers = match &consents {
        Some(list) => newest_answers(list, reference, now)?,
        None => Vec::new(),
    };
    let digest = |list: Option<bytes::Bytes>| list.map(|list| Digest::of(&list));
    let as_read = ControlAsRead {
        suppressions: digest(suppressions),
        suppression: digest(suppression),
        consents: digest(consents),
        answers,
    };
    Ok(Control { suppressed, forgotten, as_read })
}

/// Whose data must be kept, and the names of the holds under which it must, from `control/holds.csv`.
pub async fn holds(store: &dyn ObjectStore) -> Result<BTreeMap<CustomerRef, Vec<String>>, ControlError> {
    let mut holds: BTreeMap<CustomerRef, Vec<String>> = BTreeMap::new();
    let Some(list) = store.find(&ObjectKey::Holds).await? else { return Ok(holds) };
    for row in rows(&ObjectKey::Holds, &list, &HOLDS)? {
        let Row { reference, rest, .. } = row?;
        holds.entry(reference).or_default().extend(rest);
    }
    Ok(holds)
}

impl Control {
    /// What is left of a workbook's `permission`.
    pub fn narrow(&self, permission: Permission) -> Result<Permission, Skip> {
        self.contact()?;
        let social = permission.social.and_then(|proof| self.answered(Question::SocialMedia).map(|()| proof));
        Ok(Permission { social, ..permission })
    }

    /// Why what was made for the customer must not be shown any more; nothing if it may. `from_posts` tells whether posts
    /// had a part in it.
    #[must_use]
    pub fn forbids(&self, from_posts: bool) -> Option<Skip> {
        match self.contact() {
            Err(skip) => Some(skip),
            Ok(()) if from_posts => self.answered(Question::SocialMedia).err().map(Skip::PostsWithdrawn),
            Ok(()) => None,
        }
    }

    /// Whether the newest answers refuse the use of posts, by themselves or with everything else.
    #[must_use]
    pub fn withdraws_posts(&self) -> bool {
        [Question::General, Question::SocialMedia].into_iter().any(|question| self.answered(question).is_err())
    }

    fn contact(&self) -> Result<(), Skip> {
        if self.suppressed {
            return Err(Skip::Suppressed);
        }
        self.answered(Question::General).map_err(Skip::NoConsent)
    }

    /// Whether the newest answers leave consent standing. Who is not in the list has not changed their mind.
    fn answered(&self, question: Question) -> Result<(), Refusal> {
        let answers = self.as_read.answers.iter().filter(|answer| answer.question == question);
        let values: Vec<&str> = answers.map(|answer| answer.value.as_str()).collect();
        if values.is_empty() { Ok(()) } else { decide_answers(values) }
    }
}

/// Whether the list of suppressions names the customer.
fn names(list: &[u8], reference: &CustomerRef) -> Result<bool, ControlError> {
    let mut found = false;
    // Every row is read: one that cannot be understood may name the very customer.
    for row in rows(&ObjectKey::Suppressions, list, &SUPPRESSIONS)? {
        found |= row?.reference == *reference;
    }
    Ok(found)
}

/// The customer's answers of the newest day that the list has for them. Of one day all count, so that a refusal wins. An
/// answer of a day to come counts beside them if it refuses, and is passed over if it does not: no typing error hides what
/// stands today. Tomorrow is no day to come, because it has begun somewhere.
fn newest_answers(list: &[u8], reference: &CustomerRef, now: Timestamp) -> Result<Vec<NewestAnswer>, ControlError> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let tomorrow = today.checked_add(1.day()).unwrap_or(today);
    let mut answers = Vec::new();
    for row in rows(&ObjectKey::Consents, list, &CONSENTS)? {
        let Row { number: row, reference: whose, rest } = row?;
        // A time of day is passed over: two answers of one day contradict each other.
        let day = rest[2].split(['T', ' ']).next().unwrap_or_default();
        let rule = "as_of is not a day such as 2026-10-31";
        let as_of: Date =
            day.parse().map_err(|_| ControlError::Row { file: ObjectKey::Consents.to_string(), row, rule })?;
        if whose == *reference {
            let questions = [Question::General, Question::SocialMedia].into_iter().zip(rest);
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

const LINE_BREAK: &str = "a cell with a line break: a quotation mark may not be closed";

fn holds_line_break(record: &csv::StringRecord) -> bool {
    record.iter().any(|cell| cell.contains(['\n', '\r']))
}

struct Row {
    number: u32,
    reference: CustomerRef,
    /// The other columns that were asked for.
    rest: Vec<String>,
}

/// The rows of a list whose first column of `columns` is the reference. Further columns are allowed. A file without a header
/// is an export that failed and no list, and a cell with a line break may have swallowed the rows that follow it.
fn rows<'l>(
    key: &ObjectKey,
    list: &'l [u8],
    columns: &'static [&'static str],
) -> Result<impl Iterator<Item = Result<Row, ControlError>> + 'l, ControlError> {
    let file = key.to_string();
    // Spreadsheet programs put a byte order mark before UTF-8.
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list).trim_ascii();
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(list);
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let no_column = || ControlError::NoColumn { file: file.clone(), column };
        let headers = reader.headers().map_err(|_| no_column())?;
        if holds_line_break(headers) {
            return Err(ControlError::Row { file: file.clone(), row: 1, rule: LINE_BREAK });
        }
        let place = headers.iter().position(|header| header.eq_ignore_ascii_case(column));
        places.push(place.ok_or_else(no_column)?);
    }
    Ok(reader.into_records().zip(2_u32..).map(move |(record, number)| {
        let bad = |rule| ControlError::Row { file: file.clone(), row: number, rule };
        let record = record.map_err(|_| bad("not CSV in UTF-8"))?;
        if holds_line_break(&record) {
            return Err(bad(LINE_BREAK));
        }
        let mut cells = places.iter().map(|place| record.get(*place).unwrap_or_default());
        let reference = cells.next().and_then(|cell| CustomerRef::parse(cell.to_ascii_lowercase()).ok());
        let reference = reference.ok_or_else(|| bad("not a customer reference of 32 hex digits"))?;
        Ok(Row { number, reference, rest: cells.map(str::to_owned).collect() })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::gate;
    use crate::store::MemoryStore;

    const REFERENCE: &str = "00112233445566778899aabbccddeeff";
    const OTHER: &str = "ffffffffffffffffffffffffffffffff";

    fn who() -> CustomerRef {
        CustomerRef::parse(REFERENCE).unwrap()
    }

    fn listed(list: &str) -> Result<bool, ControlError> {
        names(list.as_bytes(), &who())
    }

    async fn read_with(suppressions: &str, consents: &str) -> Result<Control, ControlError> {
        let store = MemoryStore::default();
        for (key, list) in [(ObjectKey::Suppressions, suppressions), (ObjectKey::Consents, consents)] {
            if !list.is_empty() {
                store.put(&key, list.to_owned().into()).await.unwrap();
            }
        }
        read(&store, &who(), "2026-11-24T12:00:00Z".parse().unwrap()).await
    }

    async fn answered(rows: &[(&str, &str, &str)]) -> Control {
        let line = |(general, social, day): &(&str, &str, &str)| format!("{REFERENCE},{general},{social},{day}");
        let rows = rows.iter().map(line).collect::<Vec<_>>().join("\n");
        read_with("", &format!("reference,consent,consent_social_media,as_of\n{rows}")).await.unwrap()
    }

    /// What is left of a consent to everything: whether the customer may be contacted, and whether posts may be used.
    fn left(control: &Control) -> Result<Result<(), Refusal>, Skip> {
        let all = [(Question::General, "yes"), (Question::SocialMedia, "yes")].map(|(question, value)| {
            let file = crate::key::Workbook::Transactions;
            crate::consent::Reading { question, value: value.to_owned(), file, row: 2, rows: 1, meaning: None }
        });
        let permission = control.narrow(gate(&all).unwrap())?;
        Ok(permission.social.map(|_| ()))
    }

    #[test]
    fn a_listed_customer_is_found_as_spreadsheets_write_it() {
        for list in [
            format!("reference\n{REFERENCE}\n"),
            format!("\u{feff}Reference,why\r\n{},\"asked, twice\"\r\n", REFERENCE.to_uppercase()),
            format!("why, reference\nasked, {REFERENCE}"),
        ] {
            assert!(listed(&list).unwrap(), "{list}");
        }
    }

    #[test]
    fn others_are_not_found() {
        for list in [format!("reference\n{OTHER}\n").as_str(), "reference\n"] {
            assert!(!listed(list).unwrap(), "{list:?}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error_that_names_the_row_and_not_the_cell() {
        let said = |list: &str| listed(list).unwrap_err().to_string();
        assert!(said("id\n1\n").contains("no column"));
        assert!(said(&format!("{REFERENCE}\n")).contains("no column"));
        assert!(said("").contains("no column") && said("\n").contains("no column"), "a failed export");
        let after_the_customers_own = format!("reference\n{REFERENCE}\nMaria\n");
        assert_eq!(
            said(&after_the_customers_own),
            "control/suppressions.csv: row 3: not a customer reference of 32 hex digits"
        );
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_hides_no_row() {
        let row = format!("reference,reason\n{OTHER},\"asked twice\n{REFERENCE},\n");
        let header = format!("reference,\"reason\n{REFERENCE},asked\n");
        for list in [row, header] {
            assert!(listed(&list).unwrap_err().to_string().contains("a quotation mark may not be closed"), "{list}");
        }
    }

    #[tokio::test]
    async fn without_lists_all_that_the_workbook_permits_stands() {
        let control = read_with("", "").await.unwrap();
        assert_eq!(left(&control), Ok(Ok(())));
        assert_eq!((control.forbids(true), control.as_read.consents), (None, None));
    }

    #[tokio::test]
    async fn whatever_is_no_plain_yes_refuses() {
        for (cell, refusal) in
            [("no", Refusal::SaidNo), ("", Refusal::Blank), ("later", Refusal::Unclear), ("FALSE", Refusal::SaidNo)]
        {
            let general = answered(&[(cell, "yes", "2026-11-01")]).await;
            assert_eq!(left(&general), Err(Skip::NoConsent(refusal)), "{cell}");
            assert_eq!(general.forbids(false), Some(Skip::NoConsent(refusal)), "{cell}");
            let social = answered(&[("yes", cell, "2026-11-01")]).await;
            assert_eq!(left(&social), Ok(Err(refusal)), "{cell}");
            assert_eq!(social.forbids(true), Some(Skip::PostsWithdrawn(refusal)), "{cell}");
            assert_eq!(social.forbids(false), None, "what was made without posts may be shown");
        }
    }

    #[tokio::test]
    async fn the_newest_day_counts_and_on_one_day_refusal_wins() {
        let again = answered(&[("yes", "yes", "2026-11-03"), ("no", "no", "2026-11-02")]).await;
        assert_eq!(left(&again), Ok(Ok(())));
        let withdrawn = answered(&[("yes", "no", "2026-11-03T08:00:00Z"), ("yes", "yes", "2026-11-02")]).await;
        assert_eq!(left(&withdrawn), Ok(Err(Refusal::SaidNo)));
        let of_one_day = answered(&[("no", "yes", "2026-11-03"), ("yes", "yes", "2026-11-03 18:00")]).await;
        assert_eq!(left(&of_one_day), Err(Skip::NoConsent(Refusal::Contradictory)));
    }

    #[tokio::test]
    async fn an_answer_of_a_day_to_come_hides_no_refusal_and_a_refusal_of_one_counts_now() {
        let hidden = answered(&[("no", "no", "2026-11-03"), ("yes", "yes", "2062-11-03")]).await;
        assert_eq!(left(&hidden), Err(Skip::NoConsent(Refusal::SaidNo)));
        let announced = answered(&[("yes", "yes", "2026-11-03"), ("yes", "no", "2062-11-03")]).await;
        assert_eq!(left(&announced), Ok(Err(Refusal::Contradictory)));
        let only = answered(&[("yes", "yes", "2062-11-03")]).await;
        assert_eq!(left(&only), Ok(Ok(())), "what the workbook says stands");
        let begun_elsewhere = answered(&[("no", "no", "2026-11-25"), ("yes", "yes", "2026-11-24")]).await;
        assert_eq!(left(&begun_elsewhere), Err(Skip::NoConsent(Refusal::SaidNo)));
    }

    #[tokio::test]
    async fn who_opted_out_or_was_forgotten_is_suppressed_by_an_object_of_their_own() {
        let (store, now) = (MemoryStore::default(), Timestamp::UNIX_EPOCH);
        store.put(&ObjectKey::Suppression(who()), "{}".into()).await.unwrap();
        let control = read(&store, &who(), now).await.unwrap();
        assert_eq!((control.forbids(false), control.forgotten), (Some(Skip::Suppressed), false));
        assert_eq!(control.as_read.suppression, Some(Digest::of(b"{}")));
        store.put(&ObjectKey::Forgotten(who()), "{}".into()).await.unwrap();
        assert!(read(&store, &who(), now).await.unwrap().forgotten);
        let other = CustomerRef::parse(OTHER).unwrap();
        assert_eq!(read(&store, &other, now).await.unwrap().forbids(false), None);
    }

    #[tokio::test]
    async fn holds_are_told_by_name_and_a_list_that_cannot_be_read_holds_everybody() {
        let store = MemoryStore::default();
        assert!(holds(&store).await.unwrap().is_empty());
        let list = format!("reference,hold,since\n{REFERENCE},Case 2026-7,2026-11-01\n{OTHER},Audit,2026-11-01\n");
        store.put(&ObjectKey::Holds, list.into()).await.unwrap();
        assert_eq!(holds(&store).await.unwrap()[&who()], ["Case 2026-7"]);
        store.put(&ObjectKey::Holds, "".into()).await.unwrap();
        assert_eq!(holds(&store).await.unwrap_err().name(), ErrorName::ConfigInvalid);
    }

    #[tokio::test]
    async fn a_newer_yes_never_widens_what_the_workbook_refuses() {
        let control = answered(&[("yes", "yes", "2026-11-03")]).await;
        let reading = |question, value: &str| crate::consent::Reading {
            question,
            value: value.to_owned(),
            file: crate::key::Workbook::Transactions,
            row: 2,
            rows: 1,
            meaning: None,
        };
        let readings = [reading(Question::General, "yes"), reading(Question::SocialMedia, "no")];
        let permission = control.narrow(gate(&readings).unwrap()).unwrap();
        assert_eq!(permission.social.unwrap_err(), Refusal::SaidNo);
    }

    #[tokio::test]
    async fn suppression_comes_before_consent_and_the_evidence_says_what_was_read() {
        let suppressions = format!("reference\n{REFERENCE}\n");
        let consents = format!("reference,consent,consent_social_media,as_of\n{OTHER},no,no,2026-11-01\n");
        let control = read_with(&suppressions, &consents).await.unwrap();
        assert_eq!(control.forbids(false), Some(Skip::Suppressed));
        assert_eq!(control.as_read.suppressions, Some(Digest::of(suppressions.as_bytes())));
        assert_eq!(control.as_read.consents, Some(Digest::of(consents.as_bytes())));
        assert_eq!(control.as_read.answers, []);
    }

    #[tokio::test]
    async fn consents_that_cannot_be_read_let_nobody_pass() {
        let head = "reference,consent,consent_social_media,as_of\n";
        for (consents, said) in [
            ("reference,consent,as_of\n".to_owned(), "there is no column \"consent_social_media\""),
            (format!("{head}{OTHER},yes,yes,soon\n"), "row 2: as_of is not a day such as 2026-10-31"),
            (format!("{head}{OTHER},yes,yes,2026-11-01\nMaria,no,no,2026-11-01\n"), "row 3: not a customer reference"),
        ] {
            let error = read_with("", &consents).await.unwrap_err();
            assert_eq!(error.name(), ErrorName::ConfigInvalid);
            assert!(error.to_string().contains(said) && !error.to_string().contains("Maria"), "{error}");
        }
    }
}
