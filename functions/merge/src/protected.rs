//! Reads the attributes in a profile workbook that concern protected classes, for the disparity report only.
//!
//! They are read separately from the join, and no type that a stage reads or writes contains them.

use std::collections::BTreeMap;
use std::fmt;

use contracts::CustomerId;
use contracts::key::Workbook;
use contracts::settings::IntakeSettings;
use serde::Serialize;
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

/// A column that is not read, and whose name suggests a protected attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookalikeColumn {
    /// The column's name in the workbook.
    pub header: String,
    /// The column in [`PROTECTED_COLUMNS`] that it may be.
    pub looks_like: &'static str,
}

/// The protected attributes in a profile workbook.
#[derive(Debug)]
pub struct ProtectedProfile {
    /// The attributes of each customer.
    pub customers: BTreeMap<CustomerId, ProtectedAttributes>,
    /// The columns that are not read although they look like protected ones.
    pub lookalikes: Vec<LookalikeColumn>,
}

/// Parts of a column's name that suggest a protected attribute. A part of fewer than five letters must be a whole word.
const SUGGESTIONS: [(&str, &[&str]); 9] = [
    ("date_of_birth", &["dob", "birth", "bday", "born", "geburt", "nacimiento", "naissance"]),
    ("age", &["age", "years", "edad", "alter"]),
    ("gender", &["gender", "sex", "pronoun", "salutation", "geschlecht", "sexo", "genero"]),
    ("race", &["race", "racial", "colour", "skin"]),
    ("ethnicity", &["ethnic", "hispanic", "latino", "tribe"]),
    ("religion", &["religio", "faith", "church", "denomination"]),
    ("national_origin", &["origin", "citizen", "nationality", "immigra", "birthplace", "ancestry"]),
    ("marital_status", &["marital", "married", "spouse", "civil", "partner"]),
    ("zip_code", &["zip", "postcode", "postal", "plz"]),
];

/// Returns the protected column that a column's name suggests.
fn suggestion(header: &str) -> Option<&'static str> {
    let mut words = String::new();
    for character in header.chars() {
        if character.is_uppercase() && !words.ends_with(|last: char| last.is_uppercase()) {
            words.push(' ');
        }
        words.push(if character.is_alphanumeric() { character } else { ' ' });
    }
    let words = words.to_lowercase().replace(char::is_numeric, " ");
    let has =
        |part: &str| words.split_whitespace().any(|word| word == part || (part.len() >= 5 && word.contains(part)));
    SUGGESTIONS.into_iter().find(|(_, parts)| parts.iter().any(|part| has(part))).map(|(column, _)| column)
}

/// Reads the protected columns in a profile workbook. If a customer has several rows, the last one counts.
///
/// `names` are the workbook's own names for columns in [`PROTECTED_COLUMNS`].
pub fn read_protected_attributes(
    profile: &[u8],
    password: Option<&SecretString>,
    intake: &IntakeSettings,
    names: &[(&'static str, String)],
) -> Result<ProtectedProfile, Error> {
    let file = Workbook::Profile;
    let limits = IntakeLimits::default();
    let joined = columns::columns(file);
    let is_joined = |name: &str| joined.iter().any(|column| column.name == name);
    let protected = PROTECTED_COLUMNS.into_iter().filter(|name| !is_joined(name)).map(optional);
    // Other names for a protected attribute, such as `dob`, count as unread, so the report lists them.
    let is_other_name = |name: &str| !PROTECTED_COLUMNS.contains(&name) && suggestion(name).is_some();
    let read = joined.iter().copied().filter(|column| !is_other_name(column.name));
    let columns: Vec<SourceColumn> = read.chain(protected).collect();
    let mut intake = intake.clone();
    let own_names = intake.columns.entry(file).or_default();
    own_names.extend(names.iter().map(|(name, header)| ((*name).to_owned(), header.clone())));
    let request = SheetRequest { file, columns: &columns, intake: &intake, limits: &limits };
    let mut customers = BTreeMap::new();
    let summary = read_table(&request, profile, password, |row| {
        let Ok(id) = row.cells[0].customer_id() else { return };
        let cells = columns.iter().zip(row.cells).filter(|(column, _)| PROTECTED_COLUMNS.contains(&column.name));
        let attributes = cells.filter_map(|(column, cell)| Some((column.name, cell.some_text().ok()?)));
        customers.insert(id, ProtectedAttributes(attributes.collect()));
    })?;
    let lookalikes = summary.unread.into_iter().filter_map(|header| {
        let looks_like = suggestion(&header)?;
        Some(LookalikeColumn { header, looks_like })
    });
    Ok(ProtectedProfile { customers, lookalikes: lookalikes.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suggest_protected_attributes() {
        for (header, expected) in [
            ("DOB", Some("date_of_birth")),
            ("Birthday", Some("date_of_birth")),
            ("customer DOB", Some("date_of_birth")),
            ("customerAge", Some("age")),
            ("Sex (M/F)", Some("gender")),
            ("Ethnic group", Some("ethnicity")),
            ("Citizenship", Some("national_origin")),
            ("ZIP5", Some("zip_code")),
            ("home zip", Some("zip_code")),
            ("mortgage", None),
            ("average balance", None),
            ("last_name", None),
        ] {
            assert_eq!(suggestion(header), expected, "{header}");
        }
    }
}
