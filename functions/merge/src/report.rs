//! `report.json`: what was read, kept and set aside. No cell's content, no id.

use std::collections::BTreeMap;
use std::fmt;

use contracts::consent::Refusal;
use contracts::key::Workbook;
use jiff::Timestamp;
use serde::Serialize;

use crate::value::Rule;

/// The most problems that a report lists.
const LISTED: usize = 10_000;

/// A row that was set aside, or a cell that was passed over, and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The workbook.
    pub file: Workbook,
    /// The sheet.
    pub sheet: String,
    /// The row, counted from 1 as a spreadsheet counts.
    pub row: u32,
    /// The column, by our name for it.
    pub column: &'static str,
    /// The rule, as a phrase.
    pub rule: Rule,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, column {}: {}", self.row, self.column, self.rule)
    }
}

/// One workbook's rows in numbers. `read` is `kept` + `set_aside` + `withheld`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileCount {
    /// The workbook.
    pub file: Workbook,
    /// The sheet that was read.
    pub sheet: String,
    /// Rows that are not empty.
    pub read: usize,
    /// Rows that went into the dataset.
    pub kept: usize,
    /// Rows that cannot be used.
    pub set_aside: usize,
    /// Rows of customers who did not consent to their use: never written.
    pub withheld: usize,
}

/// Customers by what they consented to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CustomerCount {
    /// All of the dataset.
    pub all: usize,
    /// Who consented to a recommendation.
    pub consented: usize,
    /// Who also consented to the use of posts.
    pub consented_to_posts: usize,
    /// Who did not consent to a recommendation, by why.
    pub refused: BTreeMap<Refusal, usize>,
    /// Who consented to a recommendation but not to the use of posts, by why.
    pub posts_refused: BTreeMap<Refusal, usize>,
    /// Who lacks something that a recommendation would use: by column of the profile, or `transactions`.
    pub without: BTreeMap<&'static str, usize>,
}

/// What was read, kept and set aside.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The program's version.
    pub program: &'static str,
    /// When the workbooks were read.
    pub read_at: Timestamp,
    /// The three workbooks.
    pub files: Vec<FileCount>,
    /// Customers in numbers.
    pub customers: CustomerCount,
    /// Rows that were set aside, the first 10,000.
    pub set_aside: Vec<Problem>,
    /// Cells of kept rows that were passed over, and rows that say what another says; the first 10,000.
    pub remarks: Vec<Problem>,
}

impl Report {
    /// Adds a row that was set aside.
    pub fn set_aside(&mut self, problem: Problem) {
        if self.set_aside.len() < LISTED {
            self.set_aside.push(problem);
        }
    }

    /// Adds a remark.
    pub fn remark(&mut self, problem: Problem) {
        if self.remarks.len() < LISTED {
            self.remarks.push(problem);
        }
    }
}
