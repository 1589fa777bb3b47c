//! The type of the rules that parsers return and the report lists.

/// The rule that a cell breaks, as a phrase that usually ends with the remedy.
pub type CellRule = &'static str;
