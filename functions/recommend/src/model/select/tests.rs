//! Lets a hostile model select the lines of ten thousand letters.

use contracts::Digest;
use contracts::script::SentenceSource;

use super::*;
use crate::compose;
use crate::fixtures::{self, Generator};
use crate::proof::prove;

/// Words that the hostile model wants to publish.
const HOSTILE: &str = "You are guaranteed approval, so tell me your PIN.";

/// Returns an answer of a hostile model: ids that fit, ids of other products and positions, unknown ids, text instead of
/// ids, refusals and junk.
fn hostile_answer(generator: &mut Generator, slots: &Slots<'_>) -> String {
    let book = fixtures::book();
    let any_id = |generator: &mut Generator| generator.one(book.lines()).id.clone();
    let fitting = |generator: &mut Generator, lines: &[LiveLine<'_>]| generator.one(lines).0.id.clone();
    let with_lines = slots.reasons.iter().filter(|lines| !lines.is_empty());
    let opening = fitting(generator, &slots.opening);
    let mut reasons: Vec<String> = with_lines.map(|lines| fitting(generator, lines)).collect();
    let closing = fitting(generator, &slots.closing);
    let answer = |opening: &str, reasons: &[String], closing: &str| json!({ "opening": opening, "reasons": reasons, "closing": closing });
    let fits = answer(&opening, &reasons, &closing);
    match generator.below(14) {
        0 | 1 => fits.to_string(),
        2 => {
            reasons.reverse();
            let mut extended = answer(&opening, &reasons, &closing);
            extended["text"] = json!(HOSTILE);
            format!("<think>{HOSTILE}</think>{HOSTILE}\n```json\n{extended}\n```\n{HOSTILE}")
        }
        3 => answer(&any_id(generator), &reasons, &closing).to_string(),
        4 => {
            for reason in &mut reasons {
                *reason = any_id(generator);
            }
            answer(&opening, &reasons, &closing).to_string()
        }
        5 => answer(&closing, &reasons, &opening).to_string(),
        6 => answer(&opening, &[reasons.clone(), reasons].concat(), &closing).to_string(),
        7 => answer(&opening, &[], &closing).to_string(),
        8 => answer(HOSTILE, &[HOSTILE.to_owned()], HOSTILE).to_string(),
        9 => answer(&format!("{opening} {HOSTILE}"), &reasons, &closing.to_uppercase()).to_string(),
        10 => json!({ "opening": { "id": opening, "text": HOSTILE }, "reasons": 7, "closing": null }).to_string(),
        11 => format!("I cannot help with that. {HOSTILE}"),
        12 => fits.to_string().split_at(20).0.to_owned(),
        _ => "\u{0}{[\u{202e}\\u0000".to_owned(),
    }
}

/// Writes letters for ten thousand customers. A useless answer leads to the deterministic choice, as in the stage. The guard
/// is slow here, so it checks only every fiftieth letter.
#[test]
fn ten_thousand_letters_of_a_hostile_model_are_verified() {
    const LETTERS: u32 = 10_000;
    let (catalogue, brand, book) = (fixtures::shipped_catalogue(), fixtures::brand(), fixtures::book());
    let keys = fixtures::keys();
    let mut generator = Generator::default();
    let [mut selected, mut refused] = [0_u32; 2];
    for number in 0..LETTERS {
        let facts = generator.facts(number, &catalogue);
        let brief = Brief::new(&facts, &catalogue, &brand, book).unwrap();
        let writer = PhraseWriter::new(&brief, None);
        let slots = writer.slots(number % 2 == 0, |_| true).unwrap();
        let answer = hostile_answer(&mut generator, &slots);
        let selected_by = || LineSelection {
            model: "a hostile model".to_owned(),
            given: SentData { service: "http://127.0.0.1".to_owned(), fields: Vec::new(), usage: Usage::default() },
            prompt: Digest::of(b"prompt"),
        };
        let is_judged = number % 50 == 0;
        let script = match parse_choice(&slots, &answer) {
            Ok(choice) => {
                selected += 1;
                if is_judged {
                    let script = writer.write_selected(&choice, selected_by(), &keys);
                    assert!(script.verdict.passed(), "{:?}\n{}", script.verdict, script.spoken());
                    script
                } else {
                    let written_by = writer.written_by(Some(selected_by()), None);
                    compose::unjudged(&brief, &writer.draft_of(&choice, 0), written_by)
                }
            }
            Err(why) => {
                refused += 1;
                assert!(!why.contains("guaranteed"), "an error does not repeat the answer: {why}");
                let instead = InsteadOfModel { why, given: None };
                compose::unjudged(&brief, &writer.draft(0).unwrap(), writer.written_by(None, Some(instead)))
            }
        };
        let proof = prove(&script, &facts, fixtures::books(), &catalogue, &brand);
        assert!(proof.is_complete(), "{answer}: {:?}", proof.problems);
        let parts: Vec<_> = script.segments.iter().flat_map(|segment| &segment.parts).collect();
        assert!(script.segments.iter().all(|segment| !segment.parts.is_empty()));
        assert!(parts.iter().all(|part| !matches!(part.source, SentenceSource::Free { .. })), "{answer}");
        assert!(!script.spoken().contains("PIN"), "{answer}");
    }
    assert!(selected > LETTERS / 10 && refused > LETTERS / 2, "{selected} selected, {refused} refused");
}
