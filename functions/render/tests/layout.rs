//! Nothing covers anything else, and all stays away from the edges, whatever the words.

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "what a test is made of is made by helpers")]

#[path = "common/mod.rs"]
mod common;

use common::{assets, brand, narration, script};
use contracts::NamedError;
use contracts::media::Shape;
use contracts::narration::Timing;
use contracts::script::Script;
use render::captions::cues;
use render::font::Fonts;
use render::layout::Frame;
use render::scene::{Content, Scene, check_glyphs, compose};

const SHAPES: [Shape; 3] = [Shape::Wide, Shape::Tall, Shape::Square];
const LONG: &str =
    "Meridian Premier Everyday Interest Checking and Family Savings Account with International Travel Benefits";

fn scene(fonts: &Fonts, script: &Script, shape: Shape, timing: Timing) -> Scene {
    let (brand, narration) = (brand(), narration(script, timing));
    let cues = cues(&narration);
    let content =
        Content { script, narration: &narration, cues: &cues, brand: &brand, logo: (640, 114), mark: (512, 512) };
    check_glyphs(fonts, &content).unwrap();
    compose(fonts, &content, shape).unwrap()
}

fn assert_tidy(scene: &Scene, shape: Shape) {
    let safe = Frame::of(shape).safe;
    for (index, one) in scene.placed.iter().enumerate() {
        assert!(safe.holds(&one.area), "{shape:?}: outside {safe:?}: {one:?}");
        for other in &scene.placed[index + 1..] {
            let together = one.start < other.end - 1e-6 && other.start < one.end - 1e-6;
            assert!(!(together && one.area.overlaps(&other.area)), "{shape:?}: {one:?} covers {other:?}");
        }
    }
}

#[test]
fn nothing_overlaps_and_all_is_safe_with_the_longest_names() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let disclosures: Vec<String> = (0..9)
        .map(|n| format!("Disclosure {n}: fees, terms and eligibility apply as the agreement says. ").repeat(3))
        .collect();
    let disclosures: Vec<&str> = disclosures.iter().map(String::as_str).collect();
    let names = ["José", "Wolfeschlegelsteinhausenbergerdorff Maximiliana Anastasia", "Nguyễn", "李娜", "W"];
    for shape in SHAPES {
        for name in names {
            for offers in 0..=3 {
                for long in [&disclosures[..2], &disclosures[..]] {
                    let script = script(name, &[LONG, "Checking", LONG][..offers], long);
                    let scene = scene(&fonts, &script, shape, Timing::Estimated);
                    assert_tidy(&scene, shape);
                }
            }
        }
    }
}

#[test]
fn many_disclosures_take_several_cards_and_time_to_read_them() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let line = "Fees, terms and eligibility apply as the agreement says, and rates may change at any time.";
    let few = scene(&fonts, &script("Ana", &["Checking"], &[line]), Shape::Wide, Timing::Estimated);
    let lines: Vec<String> = (0..40).map(|n| format!("{n}. {line}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let many = scene(&fonts, &script("Ana", &["Checking"], &lines), Shape::Wide, Timing::Estimated);
    let cards = |scene: &Scene| scene.placed.iter().filter(|placed| placed.what == "notices").count();
    assert_eq!(cards(&few), 1);
    assert!(cards(&many) > 1);
    assert!(few.seconds - few.end_card >= 5.0);
    // 40 lines of 17 words at three words a second.
    assert!(many.seconds - many.end_card >= 40.0 * 17.0 / 3.0);
    assert!(lines.iter().all(|line| many.document.contains(&line[..20])));
}

#[test]
fn no_last_word_of_a_notice_stands_alone() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let text = "This is general information, not financial advice. Eligibility and terms apply.";
    let role = render::font::Role::Body;
    let widths = |lines: Vec<String>| lines.iter().map(|line| fonts.width(role, line, 31.0)).collect::<Vec<_>>();
    let plain = widths(fonts.wrap(role, text, 31.0, 920.0));
    assert!(plain.len() == 2 && plain[1] < 0.2 * plain[0], "{plain:?}");
    let even = widths(fonts.wrap_evenly(role, text, 31.0, 920.0));
    assert!(even.len() == 2 && even[1] > 0.7 * even[0], "{even:?}");
}

#[test]
fn words_are_lit_only_when_their_times_are_exact() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let script = script("Ana", &["Checking"], &[]);
    assert!(scene(&fonts, &script, Shape::Wide, Timing::Exact).document.contains("\\t("));
    assert!(!scene(&fonts, &script, Shape::Wide, Timing::Estimated).document.contains("\\t("));
}

#[test]
fn each_sign_is_drawn_by_a_font_that_has_it() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let scene = scene(&fonts, &script("Łucja 李 Nguyễn", &["Checking"], &[]), Shape::Wide, Timing::Estimated);
    assert!(scene.document.contains("{\\fnBespoke Han"), "{}", scene.document);
    assert!(!scene.document.contains("李 Nguyễn"));
}

#[test]
fn a_sign_that_no_font_has_is_refused_by_its_number() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let (brand, script) = (brand(), script("𓀀", &["Checking"], &[]));
    let narration = narration(&script, Timing::Exact);
    let content =
        Content { script: &script, narration: &narration, cues: &[], brand: &brand, logo: (1, 1), mark: (1, 1) };
    let error = check_glyphs(&fonts, &content).unwrap_err();
    assert_eq!(error.name().as_str(), "Render.MissingGlyph");
    assert_eq!(error.to_string(), "no font of the brand has U+13000, which the title card needs");
}

#[test]
fn markup_in_a_name_is_shown_and_not_obeyed() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let scene = scene(&fonts, &script("{\\an8}\\N%{e}", &["{\\p1}m 0 0"], &[]), Shape::Wide, Timing::Exact);
    assert!(!scene.document.contains("{\\an8}"));
    assert!(!scene.document.contains("{\\p1}m 0 0"));
}
