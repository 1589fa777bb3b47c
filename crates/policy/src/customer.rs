//! One customer's joined rows, as a sealed line of `customers.jsonl` holds them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::consent::SocialConsent;
use contracts::consent::{ConsentAsRead, Refusal};
use contracts::stage::IndexRow;
use contracts::{CustomerId, CustomerRef, Digest, ProductId};
use storage::vault::{Owner, Vault, VaultError};

/// An amount of money in hundredths of the catalogue's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(pub i64);

/// What the bank's books say of the customer. Data minimisation: other columns of the workbook are never kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name by which the customer is greeted.
    pub first_name: String,
    /// A year's income.
    pub income: Option<Cents>,
    /// The balance over all accounts.
    pub account_balance: Option<Cents>,
    /// Products of the catalogue that the customer holds already.
    pub products_held: Vec<ProductId>,
    /// The name of the customer's adviser at the bank.
    pub adviser: Option<String>,
    /// Since when the customer has been one of the bank's.
    #[serde(default)]
    pub customer_since: Option<Date>,
}

/// One payment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Transaction {
    /// The day.
    pub date: Date,
    /// The bank's own word for what it was for.
    pub category: String,
    /// Who was paid.
    pub merchant: String,
    /// How much left the account; negative where money came in.
    pub amount: Cents,
}

/// One post.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tweet {
    /// When it was written, if the workbook says so.
    pub created_on: Option<Date>,
    /// Its text.
    pub text: String,
}

/// The customer's posts, or why there are none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Posts {
    Refused(Refusal),
    Granted(Vec<Tweet>),
}

/// A customer who consented.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The keyed hash of the id.
    pub reference: CustomerRef,
    /// The bank's own id.
    pub id: CustomerId,
    /// Consent as it was read.
    pub consent: ConsentAsRead,
    /// What the bank's books say.
    pub profile: Profile,
    /// Payments, sorted.
    pub transactions: Vec<Transaction>,
    /// The day of the newest payment in the whole batch: what "the last 90 days" counts back from, so that the same
    /// workbooks give the same facts on any day.
    pub as_of: Date,
    posts: Posts,
}

impl Customer {
    /// Joins a customer's rows. `tweets` come with the proof that they may be used, or are refused and dropped here.
    #[must_use]
    pub fn new(
        reference: CustomerRef,
        id: CustomerId,
        consent: ConsentAsRead,
        profile: Profile,
        transactions: Vec<Transaction>,
        as_of: Date,
        tweets: Result<(SocialConsent, Vec<Tweet>), Refusal>,
    ) -> Self {
        let posts = match tweets {
            Ok((_, tweets)) => Posts::Granted(tweets),
            Err(refusal) => Posts::Refused(refusal),
        };
        Self { reference, id, consent, profile, transactions, as_of, posts }
    }

    /// The posts, for whoever holds the proof of consent.
    #[must_use]
    pub fn tweets(&self, _proof: &SocialConsent) -> &[Tweet] {
        match &self.posts {
            Posts::Granted(tweets) => tweets,
            Posts::Refused(_) => &[],
        }
    }
}

/// A line of `customers.jsonl`, once opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "general_consent", rename_all = "kebab-case")]
pub enum CustomerRecord {
    /// General consent was refused: nothing but the reference and the refusal is kept.
    Refused {
        /// The keyed hash of the id.
        reference: CustomerRef,
        /// Why.
        refusal: Refusal,
        /// Consent as it was read.
        as_read: ConsentAsRead,
    },
    /// The customer consented.
    Given(Box<Customer>),
}

impl CustomerRecord {
    /// Whose record it is.
    #[must_use]
    pub fn reference(&self) -> &CustomerRef {
        match self {
            Self::Refused { reference, .. } => reference,
            Self::Given(customer) => &customer.reference,
        }
    }
}

/// The place with which the line of a customer in `customers.jsonl` is sealed.
#[must_use]
pub fn record_place(reference: &CustomerRef) -> String {
    format!("{reference}/customers.jsonl")
}

/// Opens one line of `customers.jsonl`: standard base64 of what [`Vault::seal`] made, without the newline. The line must
/// be the one that `row` of the index names.
pub async fn open_record(vault: &Vault, row: &IndexRow, line: &[u8]) -> Result<CustomerRecord, VaultError> {
    let place = record_place(&row.reference);
    let broken = |reason| VaultError::Broken { place: place.clone(), reason };
    if Digest::of(line) != row.digest {
        return Err(broken("not the line that the index names"));
    }
    let sealed = BASE64.decode(line).map_err(|_| broken("not base64"))?;
    let (plain, _) = vault.open(Owner::Customer(&row.reference), &place, &sealed).await?;
    let record: CustomerRecord = serde_json::from_slice(&plain).map_err(|error| VaultError::Malformed {
        place: place.clone(),
        line: error.line(),
        column: error.column(),
    })?;
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
    async fn a_line_opens_only_with_the_row_of_the_index_that_names_it() {
        let vault = Vault::new(Arc::new(MemoryStore::default()), Keys::new([1; 32], [2; 32]));
        let reference = vault.keys().reference(&CustomerId::parse("0001").unwrap());
        let as_read = ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None };
        let record = CustomerRecord::Refused { reference: reference.clone(), refusal: Refusal::Blank, as_read };
        let plain = serde_json::to_vec(&record).unwrap();
        let owner = Owner::Customer(&reference);
        let sealed = vault.seal(owner, &record_place(&reference), &Digest::of(b"dataset"), &plain).await.unwrap();
        let line = BASE64.encode(sealed);
        let row = IndexRow { reference, offset: 0, length: line.len() as u64, digest: Digest::of(line.as_bytes()) };
        assert!(open_record(&vault, &row, line.as_bytes()).await.unwrap() == record);

        let other = IndexRow { digest: Digest::of(b"other"), ..row.clone() };
        assert!(open_record(&vault, &other, line.as_bytes()).await.is_err());
        let stranger = vault.keys().reference(&CustomerId::parse("0002").unwrap());
        let moved = IndexRow { reference: stranger, ..row };
        assert!(open_record(&vault, &moved, line.as_bytes()).await.is_err());
    }
}
