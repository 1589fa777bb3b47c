//! Imports the bank's table of adoptions: which customer took which product on which day.

use std::collections::BTreeSet;

use contracts::catalogue::Catalogue;
use contracts::effect::Reaction;
use contracts::{CustomerId, CustomerRef, ErrorName, ObjectKey, ProductId};
use deliver::page_events;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::civil::Date;
use serde::Serialize;
use storage::store::PutOutcome;
use storage::vault::Vault;

use crate::failure::Failure;

/// The columns that the table must have, each with its accepted names.
const COLUMNS: [(&str, [&str; 2]); 3] = [
    ("customer", ["customer", "customer_id"]),
    ("product", ["product", "product_id"]),
    ("date", ["date", "adopted_on"]),
];

/// The maximum number of problems that a message lists.
const LISTED: usize = 20;

/// The number of adoptions that are written concurrently.
const CONCURRENCY: usize = 16;

/// The result of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The rows in the table.
    pub rows: usize,
    /// The adoptions that this import added.
    pub added: usize,
    /// The adoptions that an earlier import, or an earlier row, had added.
    pub known: usize,
    /// The rows about people who are not among the customers of any run here, or who were erased. Nothing about them is
    /// stored.
    pub others: usize,
}

/// An adoption in the table.
struct Adoption {
    customer: CustomerId,
    product: ProductId,
    on: Date,
}

/// Imports a CSV table with the columns customer, product and date. Skips rows about people who are not customers here.
/// If any row is bad, nothing is imported, and the error lists the first problems by row. An import can be repeated.
pub async fn import(csv: &[u8], catalogue: &Catalogue, today: Date, vault: &Vault) -> Result<ImportReport, Failure> {
    let adoptions = parse(csv, catalogue, today)?;
    let rows = adoptions.len();
    let keys = vault.keys();
    let adopted = adoptions
        .into_iter()
        .map(|Adoption { customer, product, on }| (keys.reference(&customer), Reaction::Adopted { product, on }));
    let adopted: Vec<(CustomerRef, Reaction)> = adopted.collect();
    let mut customers = BTreeSet::new();
    for reference in adopted.iter().map(|(reference, _)| reference).collect::<BTreeSet<_>>() {
        if is_customer(reference, vault).await? {
            customers.insert(reference.clone());
        }
    }
    if customers.is_empty() {
        let message = "no row of the table names a customer of a run in this folder";
        return Err(Failure::new(ErrorName::InputUnknownCustomer, message, "ids are text: 0001 is not 1"));
    }
    let of_customers = adopted.iter().filter(|(reference, _)| customers.contains(reference));
    let written: Vec<PutOutcome> = stream::iter(of_customers)
        .map(|(reference, reaction)| page_events::write(reference, reaction, vault))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let added = written.iter().filter(|outcome| **outcome == PutOutcome::Created).count();
    Ok(ImportReport { rows, added, known: written.len() - added, others: rows - written.len() })
}

/// Returns whether the customer has a key and was not erased.
async fn is_customer(reference: &CustomerRef, vault: &Vault) -> Result<bool, Failure> {
    let store = vault.store();
    Ok(store.exists(&ObjectKey::CustomerKey(reference.clone())).await?
        && !store.exists(&ObjectKey::Forgotten(reference.clone())).await?)
}

/// Parses the table. If a row is bad, fails with the first [`LISTED`] problems. Rows are counted as in a spreadsheet:
/// the header is row 1. Messages never quote a cell, because cells hold personal data.
fn parse(csv: &[u8], catalogue: &Catalogue, today: Date) -> Result<Vec<Adoption>, Failure> {
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(csv);
    let header = reader.headers().map_err(|_| bad_rows(1, &["row 1: not UTF-8 text".to_owned()]))?.clone();
    let mut places = Vec::new();
    for (column, names) in COLUMNS {
        places.push(find_column(&header, column, &names)?);
    }
    let [customer, product, date] = places[..] else { unreachable!("there are three columns") };
    let mut adoptions = Vec::new();
    let mut problems = Vec::new();
    for (index, row) in reader.records().enumerate() {
        let number = index + 2;
        let mut problem = |what: &str| problems.push(format!("row {number}: {what}"));
        let Ok(row) = row else {
            problem("not UTF-8 text");
            continue;
        };
        if row.len() != header.len() {
            problem("the number of cells differs from the header's");
            continue;
        }
        let customer = CustomerId::parse(&row[customer]).ok();
        let product = ProductId::parse(&row[product]).ok().filter(|id| catalogue.product(id).is_some());
        let on: Option<Date> = row[date].parse().ok().filter(|_| row[date].len() == "2026-11-30".len());
        if customer.is_none() {
            problem("the customer is not an id");
        }
        if product.is_none() {
            problem("the product is not an id in the catalog");
        }
        match on {
            None => problem("the date is not of the form 2026-11-30"),
            Some(on) if on > today => problem("the date is in the future"),
            Some(_) => {}
        }
        if let (Some(customer), Some(product), Some(on)) = (customer, product, on) {
            adoptions.push(Adoption { customer, product, on });
        }
    }
    if !problems.is_empty() {
        return Err(bad_rows(problems.len(), &problems));
    }
    if adoptions.is_empty() {
        let message = "the table has no rows";
        return Err(Failure::new(ErrorName::InputBadRow, message, "export the adoptions again"));
    }
    Ok(adoptions)
}

/// Returns the index of a column. Its name may differ in case, and may have spaces instead of underscores.
fn find_column(header: &csv::StringRecord, column: &str, names: &[&str]) -> Result<usize, Failure> {
    let is_named = |cell: &str| names.contains(&cell.to_lowercase().replace(' ', "_").as_str());
    let places: Vec<usize> = header.iter().enumerate().filter(|(_, cell)| is_named(cell)).map(|(at, _)| at).collect();
    let help = "use a CSV file with the header customer, product, date";
    match places[..] {
        [place] => Ok(place),
        [] => {
            let message = format!("the table has no column {column:?}");
            Err(Failure::new(ErrorName::InputMissingColumn, message, help))
        }
        _ => {
            let message = format!("the table has more than one column {column:?}");
            Err(Failure::new(ErrorName::InputAmbiguous, message, help))
        }
    }
}

fn bad_rows(number: usize, problems: &[String]) -> Failure {
    let listed = problems.iter().take(LISTED).flat_map(|problem| ["\n  ", problem]).collect::<String>();
    let more = problems.len().saturating_sub(LISTED);
    let more = if more == 0 { String::new() } else { format!("\n  and {more} more") };
    let message = format!("nothing was imported, because the table has {number} problems:{listed}{more}");
    Failure::new(ErrorName::InputBadRow, message, "correct these rows, and import the table again")
}
