//! Consent answers: the columns that contain them, and how the other answers in a column affect their meaning.

use contracts::consent::{Meaning, Question};
use contracts::key::Workbook;
use contracts::settings::{IntakeSettings, plain_answer};
use policy::consent::built_in_meaning;
use unicode_normalization::UnicodeNormalization as _;

use crate::columns::columns;
use crate::sheet::SheetRow;

/// The consent questions with their columns.
pub const QUESTIONS: [(Question, &str); 2] =
    [(Question::General, "consent"), (Question::SocialMedia, "consent_social_media")];

/// One distinct answer to a consent question.
#[derive(Clone)]
pub struct ConsentAnswer {
    /// The question.
    pub question: Question,
    /// The workbook.
    pub file: Workbook,
    /// The answer as read.
    pub value: String,
    /// The meaning, if the settings or the column determine it.
    pub meaning: Option<Meaning>,
    /// The first row with this answer.
    pub row: u32,
    /// The number of rows with this answer.
    pub rows: u32,
}

/// Statistics about a consent column's answers, which determine the meaning of numeric codes.
pub struct ConsentColumn {
    /// Whether all answers that are not blank are whole numbers.
    pub only_integers: bool,
    /// Whether all answers that are not blank are 0 or 1.
    pub only_binary: bool,
    /// Whether some answer is a whole number other than 0 and 1 to which the settings assign no meaning.
    pub has_unknown_code: bool,
}

impl Default for ConsentColumn {
    fn default() -> Self {
        Self { only_integers: true, only_binary: true, has_unknown_code: false }
    }
}

impl ConsentColumn {
    /// Adds an answer. Ignores a blank one.
    pub fn add(&mut self, intake: &IntakeSettings, value: &str) {
        let value = plain_answer(value);
        if value.is_empty() {
            return;
        }
        let is_integer = value.parse::<i64>().is_ok();
        let is_binary = value == "0" || value == "1";
        self.only_integers &= is_integer;
        self.only_binary &= is_binary;
        self.has_unknown_code |= is_integer && !is_binary && own_meaning(intake, &value).is_none();
    }
}

/// Returns a row's answers to the consent questions for which the sheet has a column.
pub fn answers(file: Workbook, row: &SheetRow<'_>) -> impl Iterator<Item = ConsentAnswer> {
    let number = row.number;
    QUESTIONS.into_iter().filter_map(move |(question, column)| {
        let at = columns(file).iter().position(|known| known.name == column)?;
        let has_column = *row.present.get(at)?;
        let value = row.cells.get(at)?.answer().into_owned();
        has_column.then_some(ConsentAnswer { question, file, value, meaning: None, row: number, rows: 1 })
    })
}

/// Returns the name of the column with the answers to a question.
pub const fn column_of(question: Question) -> &'static str {
    match question {
        Question::General => "consent",
        Question::SocialMedia => "consent_social_media",
    }
}

/// Returns whether an answer is a refusal, regardless of the other answers in its column. Anything but a yes is a
/// refusal, including a blank answer.
pub fn is_refusal(intake: &IntakeSettings, answer: &ConsentAnswer) -> bool {
    own_meaning(intake, &answer.value).or_else(|| built_in_meaning(&answer.value)) != Some(Meaning::Yes)
}

/// Returns the meaning that the settings assign to an answer.
pub fn own_meaning(intake: &IntakeSettings, value: &str) -> Option<Meaning> {
    let words = &intake.consent;
    if words.yes.is_empty() && words.no.is_empty() {
        return None;
    }
    let plain = |word: &str| plain_answer(&word.nfkc().collect::<String>());
    let value = plain(value);
    let is_among = |words: &[String]| words.iter().any(|word| plain(word) == value);
    if is_among(&words.no) { Some(Meaning::No) } else { is_among(&words.yes).then_some(Meaning::Yes) }
}
