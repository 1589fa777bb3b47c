//! The answers and choices that customers send through their links. Each one is stored as an object that is written
//! only once.

use std::collections::BTreeSet;

use bytes::Bytes;
use contracts::choice::{Answer, AnswerRecord, Choice, ChoiceRecord, DeclineReason, from_word, word};
use contracts::delivery::LinkRecord;
use contracts::error::chain;
use contracts::key::Prefix;
use contracts::table::to_csv as table;
use contracts::{CustomerRef, ErrorName, NamedError as _, ObjectKey, ProductId, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use policy::control;
use serde::Serialize;
use storage::store::{ObjectStore, PutOutcome, StoreError};
use storage::vault::Vault;

use crate::Error;
use crate::customer_ids::CustomerIds;

/// The number of answers that are read concurrently.
const CONCURRENCY: usize = 16;

/// An answer to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferAnswer {
    /// The customer follows the link to the product.
    TellMeMore,
    /// The customer asks for a call.
    CallMeBack,
    /// The customer declines the product.
    NotForMe(DeclineReason),
}

/// The form below an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerForm {
    /// The product.
    pub product: ProductId,
    /// The answer.
    pub answer: OfferAnswer,
}

impl AnswerForm {
    /// Reads the form's fields: `product`, `answer` and, to decline, `because`. Returns `None` if one of them is
    /// missing or has an unknown value.
    #[must_use]
    pub fn of_fields(fields: &[(String, String)]) -> Option<Self> {
        let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let answer = match from_word(field("answer")?)? {
            Answer::TellMeMore => OfferAnswer::TellMeMore,
            Answer::CallMeBack => OfferAnswer::CallMeBack,
            Answer::NotForMe => OfferAnswer::NotForMe(from_word(field("because")?)?),
            Answer::OptedOut => return None,
        };
        Some(Self { product: ProductId::parse(field("product")?).ok()?, answer })
    }
}

/// Reads the choices in a form: the values of all `choice` fields. Returns `None` if one is unknown. The choices form
/// cannot decline a product; only an [`AnswerForm`] can.
#[must_use]
pub fn choices_of_fields(fields: &[(String, String)]) -> Option<BTreeSet<Choice>> {
    let values = fields.iter().filter(|(name, _)| name == "choice").map(|(_, value)| value);
    values.map(|value| Choice::parse(value).filter(|choice| !matches!(choice, Choice::Product(_)))).collect()
}

/// Records an answer, and the choice that declining a product implies. Returns false if the answer was recorded before.
pub(crate) async fn record(link: &LinkRecord, form: &AnswerForm, vault: &Vault, now: Timestamp) -> Result<bool, Error> {
    let (answer, because) = match form.answer {
        OfferAnswer::TellMeMore => (Answer::TellMeMore, None),
        OfferAnswer::CallMeBack => (Answer::CallMeBack, None),
        OfferAnswer::NotForMe(reason) => {
            // The choice is written first, so the bank never hears of a decline that has no effect.
            narrow(link, &BTreeSet::from([Choice::Product(form.product.clone())]), vault, now).await?;
            (Answer::NotForMe, Some(reason))
        }
    };
    Ok(put(link, Some(form.product.clone()), answer, because, vault.store(), now).await?)
}

/// Records an opt-out as an answer. Returns false if it was recorded before.
pub(crate) async fn record_opt_out(
    link: &LinkRecord,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<bool, StoreError> {
    put(link, None, Answer::OptedOut, None, store, now).await
}

/// Records choices. Leaves earlier choices unchanged.
pub(crate) async fn narrow(
    link: &LinkRecord,
    choices: &BTreeSet<Choice>,
    vault: &Vault,
    now: Timestamp,
) -> Result<(), Error> {
    let json = json(&ChoiceRecord { run: link.run.clone(), at: now });
    for choice in choices {
        let key = ObjectKey::Choice(link.reference.clone(), choice.clone());
        restrict(&link.reference, key, json.clone().into(), vault).await?;
    }
    Ok(())
}

/// Writes a record that restricts what the customer permits. A gap in the ledger does not turn the customer away: the
/// record is in effect, and the gap closes the gate anyway.
pub(crate) async fn restrict(
    reference: &CustomerRef,
    key: ObjectKey,
    bytes: Bytes,
    vault: &Vault,
) -> Result<(), Error> {
    match control::record(vault, reference, &key, bytes).await {
        Err(error) if error.name() == ErrorName::ControlIncomplete => {
            tracing::error!(%reference, error = chain(&error), "the ledger does not cover a new record");
            Ok(())
        }
        written => Ok(written.map(|_| ())?),
    }
}

async fn put(
    link: &LinkRecord,
    product: Option<ProductId>,
    answer: Answer,
    because: Option<DeclineReason>,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let LinkRecord { run, reference, .. } = link.clone();
    let key = ObjectKey::Answer(run.clone(), reference.clone(), product.clone(), answer);
    let record = AnswerRecord { run, reference, answer, product, because, at: now };
    Ok(store.put_new(&key, json(&record).into()).await? == PutOutcome::Created)
}

/// Returns the answers that a customer gave to a run's recommendation.
pub(crate) async fn given(
    run: &RunId,
    reference: &CustomerRef,
    store: &dyn ObjectStore,
) -> Result<BTreeSet<(Option<ProductId>, Answer)>, StoreError> {
    let listed = store.list(&Prefix::Answers(run.clone(), Some(reference.clone()))).await?;
    let keys = listed.iter().filter_map(|object| ObjectKey::answer_of(&object.key));
    Ok(keys
        .filter_map(|key| if let ObjectKey::Answer(.., product, answer) = key { Some((product, answer)) } else { None })
        .collect())
}

/// Returns the records of a run's answers, from one customer or from all, in order of their keys.
pub(crate) async fn records(
    run: &RunId,
    reference: Option<&CustomerRef>,
    store: &dyn ObjectStore,
) -> Result<Vec<AnswerRecord>, Error> {
    let listed = store.list(&Prefix::Answers(run.clone(), reference.cloned())).await?;
    let keys: Vec<ObjectKey> = listed.iter().filter_map(|object| ObjectKey::answer_of(&object.key)).collect();
    let read = |key: ObjectKey| async move {
        let json = store.get(&key).await?;
        serde_json::from_slice(&json).map_err(|source| Error::Malformed { key: key.to_string(), source })
    };
    stream::iter(keys).map(read).buffered(CONCURRENCY).try_collect().await
}

/// A row of a run's answer table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerRow {
    /// The bank's own customer id, as in the workbook. Empty if Bespoke has no record of it, such as after an erasure.
    pub customer_id: String,
    /// The customer reference, which notifications use instead of the id.
    pub reference: String,
    /// `tell-me-more`, `call-me-back`, `not-for-me` or `opted-out`.
    pub answer: String,
    /// The product. Empty for an opt-out.
    pub product: String,
    /// The reason for declining the product. Empty for other answers.
    pub because: String,
    /// The time of the answer, in RFC 3339.
    pub at: String,
}

/// Returns the answers to a run's recommendations, in order of customer and product.
pub async fn answers(run: &RunId, vault: &Vault) -> Result<Vec<AnswerRow>, Error> {
    let ids = CustomerIds::of(run, vault).await?;
    let mut rows = Vec::new();
    for record in records(run, None, vault.store()).await? {
        let AnswerRecord { reference, answer, product, because, at, .. } = record;
        rows.push(AnswerRow {
            customer_id: ids.find(&reference, vault).await?.unwrap_or_default(),
            reference: reference.to_string(),
            answer: word(&answer),
            product: product.map(String::from).unwrap_or_default(),
            because: because.map(|because| word(&because)).unwrap_or_default(),
            at: at.to_string(),
        });
    }
    Ok(rows)
}

/// Returns the answers as CSV with a header. A spreadsheet reads no cell as a formula.
#[must_use]
pub fn to_csv(rows: &[AnswerRow]) -> Vec<u8> {
    let cells = rows.iter().map(|row| {
        let AnswerRow { customer_id, reference, answer, product, because, at } = row;
        [customer_id, reference, answer, product, because, at]
    });
    table(&["customer_id", "reference", "answer", "product", "because", "at"], cells)
}

fn json<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("the records serialize to JSON")
}
