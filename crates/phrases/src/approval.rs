//! Approvals: of lines, and of the bank's other materials.

use std::collections::BTreeMap;

use contracts::Digest;
use contracts::table::to_csv;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::line::Line;

/// A person's approval of one item: a line of a phrasebook, a catalog, or a rule pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The item's id.
    #[serde(alias = "line")]
    pub item: String,
    /// The digest of the item as it was approved.
    pub digest: Digest,
    /// The person who approved it.
    pub by: String,
    /// The time of the approval.
    pub at: Timestamp,
}

/// Approvals in a file such as `LANGUAGE.approvals.csv`, with the columns `item,digest,by,at`. In files from version
/// 0.3, the column `item` is called `line`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals(BTreeMap<String, Approval>);

impl Approvals {
    /// Reads approvals. If an item has several approvals, the last one counts.
    pub fn parse(text: &str) -> Result<Self, csv::Error> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let mut approvals = BTreeMap::new();
        for approval in reader.deserialize::<Approval>() {
            let approval = approval?;
            approvals.insert(approval.item.clone(), approval);
        }
        Ok(Self(approvals))
    }

    /// Returns the approvals in the file format, sorted by item.
    ///
    /// # Panics
    /// Never: the cells are text.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let cells = self.0.values().map(|approval| {
            let Approval { item, digest, by, at } = approval;
            [item.clone(), digest.to_string(), by.clone(), at.to_string()]
        });
        String::from_utf8(to_csv(&["item", "digest", "by", "at"], cells)).expect("the rows are UTF-8")
    }

    /// Records an approval. It replaces an earlier approval of the same item.
    pub fn record(&mut self, approval: Approval) {
        self.0.insert(approval.item.clone(), approval);
    }

    /// Returns the approval that makes `line` usable: an approval of exactly this wording by someone other than its
    /// author.
    #[must_use]
    pub fn for_line(&self, line: &Line) -> Option<&Approval> {
        self.for_item(&line.id, &line.digest, &line.author)
    }

    /// Returns the approval of exactly this version of an item by someone other than its author.
    #[must_use]
    pub fn for_item(&self, item: &str, digest: &Digest, author: &str) -> Option<&Approval> {
        let approval = self.0.get(item).filter(|approval| approval.digest == *digest)?;
        (!approval.by.trim().is_empty() && !is_same_person(&approval.by, author)).then_some(approval)
    }

    /// Returns an item's recorded approval, whether or not it is still valid.
    #[must_use]
    pub fn recorded(&self, id: &str) -> Option<&Approval> {
        self.0.get(id)
    }
}

/// Returns whether the author is among the people in `by` who approved an item, ignoring case and extra spaces. `by`
/// may name two people, as in "alice on behalf of Ann".
pub(crate) fn is_same_person(by: &str, author: &str) -> bool {
    let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let by = plain(by);
    let author = plain(author);
    by == author || by.split(" on behalf of ").any(|person| person == author)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LineKind, Template};

    fn line(text: &str) -> Line {
        let text = Template::parse(text).unwrap();
        Line::new("en", "link-1".to_owned(), LineKind::Link { last: false }, None, text, "Ann".to_owned())
    }

    fn approval(line: &Line, by: &str) -> Approval {
        Approval { item: line.id.clone(), digest: line.digest, by: by.to_owned(), at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn approval_covers_only_the_exact_wording() {
        let mut approvals = Approvals::default();
        approvals.record(approval(&line("Here is another idea."), "Ben"));
        assert!(approvals.for_line(&line("Here is another idea.")).is_some());
        assert!(approvals.for_line(&line("Here is another idea!")).is_none());
    }

    #[test]
    fn author_cannot_approve_their_own_line() {
        let mut approvals = Approvals::default();
        approvals.record(approval(&line("Here is another idea."), " ANN "));
        assert!(approvals.for_line(&line("Here is another idea.")).is_none());
        for by in ["ann on behalf of Ben", "ben on behalf of Ann"] {
            approvals.record(approval(&line("Here is another idea."), by));
            assert!(approvals.for_line(&line("Here is another idea.")).is_none(), "{by}");
        }
    }

    #[test]
    fn csv_round_trip_keeps_approvals() {
        let mut approvals = Approvals::default();
        approvals.record(approval(&line("Here is another idea."), "Ben, \"Compliance\""));
        assert_eq!(Approvals::parse(&approvals.to_csv()).unwrap(), approvals);
        assert_eq!(Approvals::parse("line,digest,by,at\n").unwrap(), Approvals::default());
        assert!(Approvals::parse("line,digest,by,at\na,zz,b,c\n").is_err());
    }
}
