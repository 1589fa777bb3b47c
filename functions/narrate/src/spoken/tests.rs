use proptest::prelude::*;

use super::*;

fn text(sentence: &str) -> String {
    Utterance::of(sentence, Lexicon::default()).unwrap().unwrap().text()
}

#[test]
fn sentences_are_said_in_words() {
    for (written, expected) in [
        (
            "Earn 4.25% APY on $1,250.50.",
            "Earn four point two five percent A.P.Y on one thousand two hundred fifty dollars and fifty cents.",
        ),
        ("Your 401(k) & IRAs at AT&T.", "Your four oh one k and eye are ehs at A.T and T."),
        ("Meridian Bank, N.A. Member FDIC.", "Meridian Bank, N.A Member F.D.I.C."),
        (
            "Save $1.2 million by March 5, 2026!",
            "Save one point two million dollars by March fifth, twenty twenty-six!",
        ),
        ("Compare CDs with a HELOC, e.g. today.", "Compare see dees with a hee lock, for example today."),
        ("It fell by −0.25% (-$5).", "It fell by minus zero point two five percent minus five dollars."),
        ("At 2½% APY¹ from Jan. 5, 9 am.", "At two and one half percent A.P.Y from January fifth, nine A.M."),
        ("APR 5%, Apr 5.", "A.P.R five percent, April fifth."),
    ] {
        assert_eq!(text(written), expected, "{written}");
    }
}

#[test]
fn written_words_are_kept() {
    let utterance = Utterance::of("“Travel” — from $5, José!", Lexicon::default()).unwrap().unwrap();
    let shown: Vec<_> = utterance.words().iter().map(|word| word.shown.as_str()).collect();
    assert_eq!(shown, ["“Travel” —", "from", "$5,", "José!"]);
    assert_eq!(utterance.text(), "Travel, from five dollars, José!");
}

#[test]
fn every_written_word_keeps_its_own_part() {
    let utterance = Utterance::of("Pay $1.2 million by Dec. 31, 2026.", Lexicon::default()).unwrap().unwrap();
    let said: Vec<_> = utterance.words().iter().map(|word| (word.shown.as_str(), word.said.as_str())).collect();
    assert_eq!(
        said,
        [
            ("Pay", "Pay"),
            ("$1.2", "one point two"),
            ("million", "million dollars"),
            ("by", "by"),
            ("Dec.", "December"),
            ("31,", "thirty-first"),
            ("2026.", "twenty twenty-six"),
        ]
    );
}

#[test]
fn markup_is_read_aloud_correctly() {
    assert_eq!(
        text("[[h@'loU]] <break time=\"3s\"/> {\\an8} &lt; hello"),
        "h at loU break time equals three s an eight and lt; hello."
    );
}

#[test]
fn sign_without_a_reading_is_silent() {
    let utterance = Utterance::of("Hello \u{e000}\u{e001} there", Lexicon::default()).unwrap().unwrap();
    assert_eq!(utterance.text(), "Hello there.");
    assert_eq!(utterance.words()[0].shown, "Hello \u{e000}\u{e001}");
    assert_eq!(Utterance::of(" — … ", Lexicon::default()), Ok(None));
}

#[test]
fn spoken_words_are_counted() {
    let utterance = Utterance::of("Earn 4.25% APY.", Lexicon::default()).unwrap().unwrap();
    assert_eq!(utterance.spoken_words(), 9);
}

proptest! {
    #[test]
    fn engine_never_gets_markup_and_no_word_is_lost(sentence in "\\PC{0,60}") {
        if let Ok(Some(utterance)) = Utterance::of(&sentence, Lexicon::default()) {
            let text = utterance.text();
            prop_assert!(text.chars().all(|c| c.is_alphabetic() || " '-.,;:?!".contains(c)), "{text:?}");
            prop_assert!(text.chars().all(|c| u32::from(c) < 0x100), "beyond Latin-1: {text:?}");
            let shown: Vec<_> = utterance.words().iter().map(|word| word.shown.as_str()).collect();
            prop_assert_eq!(shown.join(" "), sentence.split_whitespace().collect::<Vec<_>>().join(" "));
            prop_assert!(utterance.words().iter().all(|word| word.said.chars().any(char::is_alphabetic)));
        }
    }
}
