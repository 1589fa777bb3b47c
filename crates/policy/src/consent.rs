//! The consent gate. Any doubt counts as a refusal: the answer to a question is yes only if every cell says yes.

use contracts::consent::{ConsentReading, Meaning, Question, Refusal};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Blank,
    Unclear,
}

/// Parses one cell, ignoring case and surrounding space. An unlisted word is unclear.
fn answer(value: &str) -> Answer {
    match value.trim().to_ascii_lowercase().as_str() {
        "" => Answer::Blank,
        "true" | "yes" | "y" | "1" | "1.0" => Answer::Yes,
        "false" | "no" | "n" | "0" | "0.0" => Answer::No,
        _ => Answer::Unclear,
    }
}

fn decide(readings: &[ConsentReading], question: Question) -> Result<(), Refusal> {
    let own = readings.iter().filter(|reading| reading.question == question);
    decide_all(own.map(|reading| match reading.meaning {
        Some(Meaning::Yes) => Answer::Yes,
        Some(Meaning::No) => Answer::No,
        Some(Meaning::Unclear) => Answer::Unclear,
        None => answer(&reading.value),
    }))
}

/// Returns the meaning of an answer according to the built-in words, or `None` if the answer is blank.
#[must_use]
pub fn built_in_meaning(value: &str) -> Option<Meaning> {
    match answer(value) {
        Answer::Yes => Some(Meaning::Yes),
        Answer::No => Some(Meaning::No),
        Answer::Unclear => Some(Meaning::Unclear),
        Answer::Blank => None,
    }
}

/// Fails unless all answers to one question say yes.
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

/// Proof of general consent. Only [`gate`] creates it.
#[derive(Clone, Copy, Debug)]
pub struct GeneralConsent(());

/// Proof of consent to the use of posts. Only [`gate`] creates it. Code cannot read the posts of a
/// [`crate::customer::Customer`] without it.
#[derive(Clone, Copy, Debug)]
pub struct SocialConsent(());

/// The permission that follows from a customer's answers.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// The general consent, required for everything.
    pub general: GeneralConsent,
    /// The consent to use posts, or the reason for the refusal.
    pub social: Result<SocialConsent, Refusal>,
}

/// Returns the permission that the answers give. Fails if there is no general consent, because social consent requires
/// it.
pub fn gate(readings: &[ConsentReading]) -> Result<Permission, Refusal> {
    decide(readings, Question::General)?;
    let social = decide(readings, Question::SocialMedia).map(|()| SocialConsent(()));
    Ok(Permission { general: GeneralConsent(()), social })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use contracts::key::Workbook;

    use super::*;

    fn reading(question: Question, value: &str) -> ConsentReading {
        ConsentReading {
            question,
            value: value.to_owned(),
            file: Workbook::Transactions,
            row: 2,
            rows: 1,
            meaning: None,
        }
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
    fn every_plain_no_is_refusal() {
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
    fn intake_meaning_overrides_built_in_words() {
        let with =
            |value: &str, meaning| ConsentReading { meaning: Some(meaning), ..reading(Question::General, value) };
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
    fn blank_social_consent_refuses_only_posts() {
        assert_eq!(both(&["Yes"], &[""]).unwrap().social.unwrap_err(), Refusal::Blank);
        assert_eq!(both(&["Yes"], &[]).unwrap().social.unwrap_err(), Refusal::Blank);
    }

    proptest! {
        #[test]
        fn only_yes_in_every_row_is_consent(values in prop::collection::vec(".{0,8}", 0..6)) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let all_yes = !values.is_empty()
                && values.iter().all(|v| ["true", "yes", "y", "1", "1.0"].contains(&v.trim().to_ascii_lowercase().as_str()));
            prop_assert_eq!(both(&values, &["yes"]).is_ok(), all_yes);
        }
    }
}
