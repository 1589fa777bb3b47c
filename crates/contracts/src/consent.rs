//! What consent means. Refusal on any doubt: consent stands only if every cell that answers the question says yes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::control::ControlAsRead;
use crate::key::Workbook;

/// What the customer was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// May the bank make a recommendation from the customer's own data? Column `consent`.
    General,
    /// May the bank also read the customer's posts? Column `consent_social_media`.
    SocialMedia,
}

/// One distinct answer as it stood in a workbook, and where it stood first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reading {
    /// What it answers.
    pub question: Question,
    /// The cell's content, trimmed and cut to 32 characters; empty for a blank cell.
    pub value: String,
    /// The workbook.
    pub file: Workbook,
    /// The first row that says so, counted from 1 as a spreadsheet counts.
    pub row: u32,
    /// How many rows say so.
    pub rows: u32,
    /// The meaning that intake gave the answer; `None` if the built-in words decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
}

/// The meaning of an answer in the bank's own words, or in a column of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// The customer consents.
    Yes,
    /// The customer refuses.
    No,
    /// The answer is neither, which is a refusal.
    Unclear,
}

/// Returns the meaning of an answer by the built-in words; `None` if the answer is blank.
#[must_use]
pub fn built_in_meaning(value: &str) -> Option<Meaning> {
    match answer(value) {
        Answer::Yes => Some(Meaning::Yes),
        Answer::No => Some(Meaning::No),
        Answer::Unclear => Some(Meaning::Unclear),
        Answer::Blank => None,
    }
}

/// Why consent does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The answer is no.
    SaidNo,
    /// No row answers, or a cell is blank.
    Blank,
    /// A cell says neither yes nor no.
    Unclear,
    /// Some rows say yes and others do not.
    Contradictory,
}

impl Refusal {
    /// The refusal as a phrase after "because".
    #[must_use]
    pub const fn because(self) -> &'static str {
        match self {
            Self::SaidNo => "the customer said no",
            Self::Blank => "the answer is blank",
            Self::Unclear => "the answer is neither yes nor no",
            Self::Contradictory => "the rows contradict each other",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Blank,
    Unclear,
}

/// Reads one cell. Only what plainly says yes is a yes.
fn answer(value: &str) -> Answer {
    match value.trim().to_ascii_lowercase().as_str() {
        "" => Answer::Blank,
        "true" | "yes" | "y" | "1" | "1.0" => Answer::Yes,
        "false" | "no" | "n" | "0" | "0.0" => Answer::No,
        _ => Answer::Unclear,
    }
}

fn decide(readings: &[Reading], question: Question) -> Result<(), Refusal> {
    let own = readings.iter().filter(|reading| reading.question == question);
    decide_all(own.map(|reading| match reading.meaning {
        Some(Meaning::Yes) => Answer::Yes,
        Some(Meaning::No) => Answer::No,
        Some(Meaning::Unclear) => Answer::Unclear,
        None => answer(&reading.value),
    }))
}

/// Whether the answers to one question, all of them, say yes.
pub(crate) fn decide_answers<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    decide_all(values.into_iter().map(answer))
}

fn decide_all(mut answers: impl Iterator<Item = Answer>) -> Result<(), Refusal> {
    let Some(first) = answers.next() else { return Err(Refusal::Blank) };
    if !answers.all(|next| next == first) {
        return Err(Refusal::Contradictory);
    }
    match first {
        Answer::Yes => Ok(()),
        Answer::No => Err(Refusal::SaidNo),
        Answer::Blank => Err(Refusal::Blank),
        Answer::Unclear => Err(Refusal::Unclear),
    }
}

/// Proof that the customer consented. Only [`gate`] makes it.
#[derive(Clone, Copy, Debug)]
pub struct GeneralConsent(());

/// Proof that the customer also consented to the use of their posts. Only [`gate`] makes it, and the posts of a
/// [`crate::customer::Customer`] are reachable only through it.
#[derive(Clone, Copy, Debug)]
pub struct SocialConsent(());

/// What a customer's readings permit.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// The consent without which nothing is done.
    pub general: GeneralConsent,
    /// The consent to read posts, or why it is refused.
    pub social: Result<SocialConsent, Refusal>,
}

/// Decides what `readings` permit. Without general consent there is no social consent.
pub fn gate(readings: &[Reading]) -> Result<Permission, Refusal> {
    decide(readings, Question::General)?;
    let social = decide(readings, Question::SocialMedia).map(|()| SocialConsent(()));
    Ok(Permission { general: GeneralConsent(()), social })
}

/// Consent as the evidence keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAsRead {
    /// The distinct answers, sorted.
    pub readings: Vec<Reading>,
    /// When the workbook was read.
    pub read_at: Timestamp,
    /// What of `control/` was read last; nothing before anybody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlAsRead>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(question: Question, value: &str) -> Reading {
        Reading { question, value: value.to_owned(), file: Workbook::Transactions, row: 2, rows: 1, meaning: None }
    }

    fn both(general: &[&str], social: &[&str]) -> Result<Permission, Refusal> {
        let general = general.iter().map(|value| reading(Question::General, value));
        let social = social.iter().map(|value| reading(Question::SocialMedia, value));
        gate(&general.chain(social).collect::<Vec<_>>())
    }

    #[test]
    fn every_plain_yes_is_consent() {
        for yes in ["TRUE", "true", "Yes", "Y", "1", " yes "] {
            assert!(both(&[yes], &[yes]).unwrap().social.is_ok(), "{yes}");
        }
    }

    #[test]
    fn the_text_no_is_a_refusal() {
        for no in ["No", "no", "N", "0", "FALSE"] {
            assert_eq!(both(&[no], &["Yes"]).unwrap_err(), Refusal::SaidNo, "{no}");
        }
    }

    #[test]
    fn blank_or_missing_or_unclear_consent_is_refusal() {
        assert_eq!(both(&[""], &["Yes"]).unwrap_err(), Refusal::Blank);
        assert_eq!(both(&[], &["Yes"]).unwrap_err(), Refusal::Blank);
        assert_eq!(both(&["maybe"], &["Yes"]).unwrap_err(), Refusal::Unclear);
    }

    #[test]
    fn meaning_of_intake_overrides_the_words() {
        let with = |value: &str, meaning| Reading { meaning: Some(meaning), ..reading(Question::General, value) };
        assert!(gate(&[with("Opted in", Meaning::Yes)]).is_ok());
        assert_eq!(gate(&[with("1", Meaning::No)]).unwrap_err(), Refusal::SaidNo);
        assert_eq!(gate(&[with("1", Meaning::Unclear)]).unwrap_err(), Refusal::Unclear);
    }

    #[test]
    fn contradictory_consent_is_refusal() {
        assert_eq!(both(&["Yes", "No"], &["Yes"]).unwrap_err(), Refusal::Contradictory);
        assert_eq!(both(&["Yes", ""], &["Yes"]).unwrap_err(), Refusal::Contradictory);
    }

    #[test]
    fn blank_social_consent_is_refusal_of_posts_only() {
        assert_eq!(both(&["Yes"], &[""]).unwrap().social.unwrap_err(), Refusal::Blank);
        assert_eq!(both(&["Yes"], &[]).unwrap().social.unwrap_err(), Refusal::Blank);
    }

    proptest! {
        #[test]
        fn nothing_but_a_plain_yes_in_every_row_opens_the_gate(values in prop::collection::vec(".{0,8}", 0..6)) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let all_yes = !values.is_empty()
                && values.iter().all(|v| ["true", "yes", "y", "1", "1.0"].contains(&v.trim().to_ascii_lowercase().as_str()));
            prop_assert_eq!(both(&values, &["yes"]).is_ok(), all_yes);
        }
    }
}
