//! What a profile workbook happens to say of protected classes, for the report that looks for disparities and for nothing
//! else. It is read apart from the join: no type that a stage writes or reads holds it.

use std::collections::BTreeMap;
use std::fmt;

use contracts::CustomerId;
use contracts::key::Workbook;
use contracts::settings::IntakeSettings;
use storage::secret::SecretString;

use crate::error::Error;
use crate::sheet::{Column, optional, read_sheet, required};
use crate::unlock::{Limits, unlock};

/// The columns that are looked for: the prohibited bases of Regulation B (12 CFR 1002.2(z)), under their usual names, and
/// zip code, which stands for some of them.
pub const PROTECTED: [&str; 15] = [
    "sex",
    "gender",
    "race",
    "color",
    "ethnicity",
    "religion",
    "national_origin",
    "nationality",
    "marital_status",
    "age",
    "date_of_birth",
    "public_assistance",
    "zip_code",
    "zip",
    "postal_code",
];

/// What the workbook says of one customer, by the column's name in [`PROTECTED`]; blank cells left out.
pub struct Protected(pub BTreeMap<&'static str, String>);

/// Never tells what it holds.
impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protected(…)")
    }
}

/// Reads the protected columns that a profile workbook has. Of a customer with several rows the last one counts.
pub fn protected(
    profile: &[u8],
    password: Option<&SecretString>,
    intake: &IntakeSettings,
) -> Result<BTreeMap<CustomerId, Protected>, Error> {
    let (file, limits) = (Workbook::Profile, Limits::default());
    let package = unlock(file, profile, password, intake.allow_unprotected, &limits)?;
    let columns: Vec<Column> = std::iter::once(required("customer_id")).chain(PROTECTED.map(optional)).collect();
    let mut all = BTreeMap::new();
    read_sheet(file, &package, &columns, intake.columns.get(&file), &limits, |row| {
        let Some((id, cells)) = row.cells.split_first() else { return };
        let Ok(id) = id.customer_id() else { return };
        let said = PROTECTED.into_iter().zip(cells).filter_map(|(name, cell)| Some((name, cell.some_text().ok()?)));
        all.insert(id, Protected(said.collect()));
    })?;
    Ok(all)
}
