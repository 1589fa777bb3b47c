//! The rule that a cell breaks, which parsers return and the report lists.

/// The rule that a cell breaks, as a phrase that ends with the remedy.
pub type CellRule = &'static str;
