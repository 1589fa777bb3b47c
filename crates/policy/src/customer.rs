//! A customer's joined rows, sealed as a line of `customers.jsonl`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::consent::SocialConsent;
use contracts::consent::{ConsentAsRead, Refusal};
use contracts::facts::Stop;
use contracts::stage::IndexRow;
use contracts::{CustomerId, CustomerRef, Digest, Language, ProductId};
use storage::vault::{Owner, Vault, VaultError};

/// An amount of money, in hundredths of the unit of the bank's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(pub i64);

/// The customer's profile. The workbook's other columns are not kept (data minimization).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name in the greeting.
    pub first_name: String,
    /// The annual income.
    pub income: Option<Cents>,
    /// The total balance across all accounts.
    pub account_balance: Option<Cents>,
    /// The products that the customer holds.
    pub products_held: Vec<ProductId>,
    /// The name of the customer's adviser at the bank.
    pub adviser: Option<String>,
    /// The date on which the customer joined the bank.
    #[serde(default)]
    pub customer_since: Option<Date>,
    /// The language that the customer prefers. `None` if the profile names none that Bespoke supports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The stops derived from the profile's stop columns, sorted. The cells are not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<Stop>,
    /// The products that unrecognized entries in `products_held` probably refer to. They are not offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probably_held: Vec<ProductId>,
}

/// A payment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Transaction {
    /// The date.
    pub date: Date,
    /// The bank's category.
    pub category: String,
    /// The payee.
    pub merchant: String,
    /// The amount spent. Negative for incoming money.
    pub amount: Cents,
}

/// A post.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tweet {
    /// The date, if the workbook has it.
    pub created_on: Option<Date>,
    /// The text.
    pub text: String,
}

/// The customer's posts, or the reason why there are none. Only [`Customer::tweets`] can read them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Posts(PostsState);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PostsState {
    Refused(Refusal),
    Granted(Vec<Tweet>),
}

impl Posts {
    /// Stores the posts. The caller must present the proof of consent.
    #[must_use]
    pub fn granted(_proof: SocialConsent, tweets: Vec<Tweet>) -> Self {
        Self(PostsState::Granted(tweets))
    }

    /// Stores only the reason for the refusal.
    #[must_use]
    pub const fn refused(refusal: Refusal) -> Self {
        Self(PostsState::Refused(refusal))
    }
}

/// A customer who consented.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The customer reference.
    pub reference: CustomerRef,
    /// The customer id.
    pub id: CustomerId,
    /// The consent answers.
    pub consent: ConsentAsRead,
    /// The profile.
    pub profile: Profile,
    /// The payments, sorted.
    pub transactions: Vec<Transaction>,
    /// The date of the newest payment in the batch. "The last 90 days" end on this date, so the same workbooks produce
    /// the same facts on any day.
    pub as_of: Date,
    /// The posts, or the reason why there are none.
    pub posts: Posts,
}

impl Customer {
    /// Returns the posts. The caller must present the proof of consent.
    #[must_use]
    pub fn tweets(&self, _proof: &SocialConsent) -> &[Tweet] {
        match &self.posts.0 {
            PostsState::Granted(tweets) => tweets,
            PostsState::Refused(_) => &[],
        }
    }
}

/// An opened line of `customers.jsonl`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "general_consent", rename_all = "kebab-case")]
pub enum CustomerRecord {
    /// The customer refused general consent, so only the reference and the refusal are kept.
    Refused {
        /// The customer reference.
        reference: CustomerRef,
        /// The reason.
        refusal: Refusal,
        /// The consent answers.
        as_read: Box<ConsentAsRead>,
    },
    /// The customer consented.
    Given(Box<Customer>),
}

impl CustomerRecord {
    /// Returns the customer reference.
    #[must_use]
    pub fn reference(&self) -> &CustomerRef {
        match self {
            Self::Refused { reference, .. } => reference,
            Self::Given(customer) => &customer.reference,
        }
    }
}

/// Returns the location that authenticates a customer's sealed line in `customers.jsonl`.
#[must_use]
pub fn record_place(reference: &CustomerRef) -> String {
    format!("{reference}/customers.jsonl")
}

/// Opens a line of `customers.jsonl` without its newline: a sealed object in standard base64. Fails unless the line is
/// the one that `row` refers to.
pub async fn open_record(vault: &Vault, row: &IndexRow, line: &[u8]) -> Result<CustomerRecord, VaultError> {
    let place = record_place(&row.reference);
    let broken = |reason| VaultError::Broken { place: place.clone(), reason };
    if Digest::of(line) != row.digest {
        return Err(broken("not the line that the index refers to"));
    }
    let sealed = BASE64.decode(line).map_err(|_| broken("not base64"))?;
    let (plain, _) = vault.open(Owner::Customer(&row.reference), &place, &sealed).await?;
    let record: CustomerRecord =
        serde_json::from_slice(&plain).map_err(|error| VaultError::malformed(&place, &error))?;
    if *record.reference() != row.reference {
        return Err(broken("another customer's record"));
    }
    Ok(record)
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer").field("reference", &self.reference).finish_non_exhaustive()
    }
}

impl fmt::Debug for CustomerRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerRecord").field("reference", self.reference()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use storage::store::MemoryStore;
    use storage::vault::Keys;

    #[tokio::test]
    async fn line_opens_only_with_its_index_row() {
        let vault = Vault::new(Arc::new(MemoryStore::default()), Keys::new([1; 32], [2; 32]));
        let reference = vault.keys().reference(&CustomerId::parse("0001").unwrap());
        let as_read = ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None };
        let as_read = Box::new(as_read);
        let record = CustomerRecord::Refused { reference: reference.clone(), refusal: Refusal::Blank, as_read };
        let plain = serde_json::to_vec(&record).unwrap();
        let owner = Owner::Customer(&reference);
        let sealed = vault.seal(owner, &record_place(&reference), &Digest::of(b"dataset"), &plain).await.unwrap();
        let line = BASE64.encode(sealed);
        let row = IndexRow { reference, offset: 0, length: line.len() as u64, digest: Digest::of(line.as_bytes()) };
        assert!(open_record(&vault, &row, line.as_bytes()).await.unwrap() == record);

        let other = IndexRow { digest: Digest::of(b"other"), ..row.clone() };
        assert!(open_record(&vault, &other, line.as_bytes()).await.is_err());
        let other_customer = vault.keys().reference(&CustomerId::parse("0002").unwrap());
        let moved = IndexRow { reference: other_customer, ..row };
        assert!(open_record(&vault, &moved, line.as_bytes()).await.is_err());
    }
}
