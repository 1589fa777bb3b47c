//! The columns that are read from each workbook.

use contracts::key::Workbook;

use crate::sheet::{SourceColumn, optional, required};
use crate::stop_columns;

/// Returns the columns that the join reads from a workbook. It ignores all other columns.
pub const fn columns(file: Workbook) -> &'static [SourceColumn] {
    match file {
        Workbook::Profile => &PROFILE,
        Workbook::Transactions => &TRANSACTIONS,
        Workbook::Tweets => &TWEETS,
    }
}

/// The profile columns that contain facts and consent.
pub const PROFILE_FACTS: [SourceColumn; 10] = [
    required("customer_id"),
    required("first_name"),
    required("income"),
    required("account_balance"),
    required("products_held"),
    optional("investment_advisor"),
    optional("customer_since"),
    optional("language"),
    optional("consent"),
    optional("consent_social_media"),
];

/// The fact columns, followed by the stop columns.
const PROFILE: [SourceColumn; PROFILE_FACTS.len() + stop_columns::COUNT] = {
    let mut columns = [PROFILE_FACTS[0]; PROFILE_FACTS.len() + stop_columns::COUNT];
    let mut at = 0;
    while at < columns.len() {
        columns[at] =
            if at < PROFILE_FACTS.len() { PROFILE_FACTS[at] } else { stop_columns::COLUMNS[at - PROFILE_FACTS.len()] };
        at += 1;
    }
    columns
};

const TRANSACTIONS: [SourceColumn; 10] = [
    required("customer_id"),
    required("date"),
    required("category"),
    required("merchant"),
    // Either this column or both of the next two are required.
    optional("transaction_amount"),
    optional("debit_amount"),
    optional("credit_amount"),
    optional("currency"),
    // Each of these two may be in the profile workbook instead.
    optional("consent"),
    optional("consent_social_media"),
];

const TWEETS: [SourceColumn; 3] = [required("customer_id"), required("tweet"), optional("created_at")];
