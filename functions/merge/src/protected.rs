//! Reads the attributes in a profile workbook that concern protected classes, for the disparity report only.
//!
//! They are read separately from the join. No type that a stage writes or reads contains them.

use std::collections::BTreeMap;
use std::fmt;

use contracts::CustomerId;
use contracts::key::Workbook;
use contracts::settings::IntakeSettings;
use storage::secret::SecretString;

use crate::columns;
use crate::error::Error;
use crate::read_table;
use crate::sheet::{SheetRequest, SourceColumn, optional};
use crate::unlock::IntakeLimits;

/// The columns to look for: the prohibited bases in Regulation B (12 CFR 1002.2(z)) under their usual names, and zip
/// code, which is a proxy for some of them.
pub const PROTECTED_COLUMNS: [&str; 15] = [
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

/// A customer's protected attributes, by their column name in [`PROTECTED_COLUMNS`]. Blank cells are left out.
pub struct ProtectedAttributes(pub BTreeMap<&'static str, String>);

/// Hides the values.
impl fmt::Debug for ProtectedAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProtectedAttributes(…)")
    }
}

/// Reads the protected columns in a profile workbook. If a customer has several rows, the last one counts.
pub fn read_protected_attributes(
    profile: &[u8],
    password: Option<&SecretString>,
    intake: &IntakeSettings,
) -> Result<BTreeMap<CustomerId, ProtectedAttributes>, Error> {
    let file = Workbook::Profile;
    let limits = IntakeLimits::default();
    let joined = columns::columns(file);
    let is_joined = |name: &str| joined.iter().any(|column| column.name == name);
    let protected = PROTECTED_COLUMNS.into_iter().filter(|name| !is_joined(name)).map(optional);
    let columns: Vec<SourceColumn> = joined.iter().copied().chain(protected).collect();
    let request = SheetRequest { file, columns: &columns, intake, limits: &limits };
    let mut customers = BTreeMap::new();
    read_table(&request, profile, password, |row| {
        let Ok(id) = row.cells[0].customer_id() else { return };
        let named = columns.iter().zip(row.cells).filter(|(column, _)| PROTECTED_COLUMNS.contains(&column.name));
        let attributes = named.filter_map(|(column, cell)| Some((column.name, cell.some_text().ok()?)));
        customers.insert(id, ProtectedAttributes(attributes.collect()));
    })?;
    Ok(customers)
}
