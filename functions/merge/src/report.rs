//! `report.json`: counts of rows and customers, and the problems found. It contains neither cell contents nor customer
//! ids.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use contracts::consent::Refusal;
use contracts::key::Workbook;
use jiff::Timestamp;
use serde::Serialize;

use crate::cell_rule::CellRule;

/// The maximum number of problems in each of a report's lists.
const MAX_LISTED: usize = 10_000;

/// The maximum number of rows that a group of problems lists.
const MAX_GROUP_ROWS: usize = 5;

/// A row that was set aside or a cell that was ignored, with the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// The workbook.
    pub file: Workbook,
    /// The sheet's name.
    pub sheet: String,
    /// The row, counted from 1 as in a spreadsheet.
    pub row: u32,
    /// The column, by Bespoke's name.
    pub column: &'static str,
    /// The rule, as a phrase that ends with the remedy.
    pub rule: CellRule,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, column {}: {}", self.row, self.column, self.rule)
    }
}

/// The rows in one sheet that have the same problem in the same column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemGroup {
    /// The first problem.
    pub first: RowProblem,
    /// The rows.
    pub rows: Vec<u32>,
}

impl ProblemGroup {
    /// Groups problems by workbook, most frequent first.
    #[must_use]
    pub fn of(problems: &[RowProblem]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        let mut known: HashMap<(Workbook, &str, &str, &str), usize> = HashMap::new();
        for problem in problems {
            let key = (problem.file, problem.sheet.as_str(), problem.column, problem.rule);
            let at = *known.entry(key).or_insert(groups.len());
            match groups.get_mut(at) {
                Some(group) => group.rows.push(problem.row),
                None => groups.push(Self { first: problem.clone(), rows: vec![problem.row] }),
            }
        }
        groups.sort_by_key(|group| (group.first.file, std::cmp::Reverse(group.rows.len())));
        groups
    }
}

impl fmt::Display for ProblemGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowProblem { column, rule, .. } = &self.first;
        let count = self.rows.len();
        if count == 1 {
            return write!(f, "{}", self.first);
        }
        let first: Vec<String> = self.rows.iter().take(MAX_GROUP_ROWS).map(u32::to_string).collect();
        write!(f, "column {column}: {rule} ({count} rows: {}", first.join(", "))?;
        if count > MAX_GROUP_ROWS {
            write!(f, " and {} more", count - MAX_GROUP_ROWS)?;
        }
        f.write_str(")")
    }
}

/// A doubt about a whole column, which does not stop a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnWarning {
    /// The workbook.
    pub file: Workbook,
    /// The sheet's name.
    pub sheet: String,
    /// The column, by Bespoke's name.
    pub column: &'static str,
    /// The doubt and the remedy, as a phrase.
    pub warning: String,
}

impl fmt::Display for ColumnWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, sheet {:?}, column {}: {}", self.file, self.sheet, self.column, self.warning)
    }
}

/// A cell's text that Bespoke does not recognize: a consent answer, status, product or language. It is shown in a
/// terminal and never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownAnswer {
    /// The workbook.
    pub file: Workbook,
    /// The column.
    pub column: &'static str,
    /// The text. A consent answer has at most 32 characters, and any other text at most 40.
    pub answer: String,
    /// The number of rows with this answer.
    pub rows: u32,
}

impl fmt::Display for UnknownAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, column {}: {:?} (rows: {})", self.file, self.column, self.answer, self.rows)
    }
}

/// Row counts of one workbook. `read` is the sum of `kept`, `set_aside` and `withheld`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileCount {
    /// The workbook.
    pub file: Workbook,
    /// The names of the sheets that were read, separated by commas.
    pub sheet: String,
    /// The number of rows that are not empty.
    pub read: usize,
    /// The number of rows that were joined.
    pub kept: usize,
    /// The number of rows that cannot be used.
    pub set_aside: usize,
    /// The number of rows that were not used because the customer did not consent. They are never written.
    pub withheld: usize,
}

/// Customer counts by consent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CustomerCount {
    /// The number of customers with a usable profile. Includes erased customers, whom the dataset omits.
    pub all: usize,
    /// The number of customers who consented to a recommendation.
    pub consented: usize,
    /// The number of customers who also consented to the use of their posts.
    pub consented_to_posts: usize,
    /// The number of customers who did not consent to a recommendation, by reason.
    pub refused: BTreeMap<Refusal, usize>,
    /// The number of customers who consented to a recommendation but not to the use of their posts, by reason.
    pub posts_refused: BTreeMap<Refusal, usize>,
    /// The number of customers who lack data that a recommendation would use, by profile column or `transactions`.
    pub without: BTreeMap<&'static str, usize>,
}

/// The result of reading the three workbooks: counts and problems.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IntakeReport {
    /// The version of Bespoke.
    pub program: &'static str,
    /// The time at which the workbooks were read.
    pub read_at: Timestamp,
    /// Row counts of each workbook.
    pub files: Vec<FileCount>,
    /// Customer counts.
    pub customers: CustomerCount,
    /// The first 10,000 rows that were set aside.
    pub set_aside: Vec<RowProblem>,
    /// The first 10,000 ignored or unclear cells, and rows that repeat another.
    pub remarks: Vec<RowProblem>,
    /// Doubts about whole columns.
    pub warnings: Vec<ColumnWarning>,
}

impl IntakeReport {
    /// Adds a row that was set aside.
    pub fn set_aside(&mut self, problem: RowProblem) {
        if self.set_aside.len() < MAX_LISTED {
            self.set_aside.push(problem);
        }
    }

    /// Adds a remark.
    pub fn remark(&mut self, problem: RowProblem) {
        if self.remarks.len() < MAX_LISTED {
            self.remarks.push(problem);
        }
    }
}
