//! The consent gate. Any doubt is a refusal: a question is answered yes only if every cell that answers it says yes.

use contracts::consent::{Question, Reading, Refusal};

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
    decide_answers(readings.iter().filter(|reading| reading.question == question).map(|reading| reading.value.as_str()))
}

/// Whether the answers to one question, all of them, say yes.
pub(crate) fn decide_answers<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut answers = values.into_iter().map(answer);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use contracts::key::Workbook;

    use super::*;

    fn reading(question: Question, value: &str) -> Reading {
        Reading { question, value: value.to_owned(), file: Workbook::Transactions, row: 2, rows: 1 }
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
