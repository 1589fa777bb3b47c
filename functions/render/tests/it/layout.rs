//! Tests that no element overlaps another or leaves the safe area, no matter what the text is.

use crate::common::{assets, brand, narration, script};
use contracts::NamedError;
use contracts::media::Shape;
use contracts::narration::Timing;
use contracts::script::Script;
use contracts::settings::SceneMotion;
use render::background_luma::BackgroundLuma;
use render::check::check_placements;
use render::content::{SceneContent, check_glyphs};
use render::film::{Film, compose};
use render::font::FontSet;
use render::layout::{Frame, Rect};
use render::scenes::SceneKind;
use render::scenes::kit::SceneKit;
use render::scenes::stage::DrawOptions;

const SHAPES: [Shape; 3] = [Shape::Wide, Shape::Tall, Shape::Square];
const LONG: &str =
    "Meridian Premier Everyday Interest Checking and Family Savings Account with International Travel Benefits";

const OPTIONS: DrawOptions = DrawOptions { scale: 1.0 / 6.0, motion: SceneMotion::Full };

fn kit(shape: Shape) -> SceneKit {
    SceneKit::load(&assets(), &brand(), shape).unwrap()
}

fn film(kit: &SceneKit, script: &Script, shape: Shape, timing: Timing) -> Film {
    let brand = brand();
    let narration = narration(script, timing);
    let background = BackgroundLuma::uniform(0.2);
    let content = SceneContent { script, narration: &narration, brand: &brand, background: &background };
    let fonts = FontSet::load(&assets(), &brand).unwrap();
    check_glyphs(&fonts, &content).unwrap();
    compose(kit, &content, &Frame::of(shape), OPTIONS).unwrap()
}

#[test]
fn longest_names_do_not_overlap_and_stay_in_the_safe_area() {
    let disclosures: Vec<String> = (0..9)
        .map(|n| format!("Disclosure {n}: fees, terms and eligibility apply as the agreement says. ").repeat(3))
        .collect();
    let disclosures: Vec<&str> = disclosures.iter().map(String::as_str).collect();
    let names = ["José", "Wolfeschlegelsteinhausenbergerdorff Maximiliana Anastasia", "Nguyễn", "李娜", "W"];
    for shape in SHAPES {
        let kit = kit(shape);
        for (index, name) in names.into_iter().enumerate() {
            let offers = index % 4;
            let long = if index % 2 == 0 { &disclosures[..2] } else { &disclosures[..] };
            let script = script(name, &[LONG, "Checking", LONG][..offers], long);
            let film = film(&kit, &script, shape, Timing::Estimated);
            check_placements(&film.placements, &Frame::of(shape)).unwrap();
        }
    }
}

#[test]
fn error_names_the_element_that_overlaps_or_leaves_the_safe_area() {
    let whole = film(&kit(Shape::Wide), &script("Ana", &["Checking"], &[]), Shape::Wide, Timing::Estimated);
    let frame = Frame::of(Shape::Wide);
    let broken = |what: &str, change: fn(&mut Rect)| {
        let mut placements = whole.placements.clone();
        let placed = placements.iter_mut().rfind(|placed| placed.kind == what).unwrap();
        change(&mut placed.area);
        check_placements(&placements, &frame).unwrap_err().to_string()
    };
    assert_eq!(
        broken("captions", |area| area.y += 40.0),
        "captions is too near the edge, must be within the safe area"
    );
    let over = broken("headline", |area| area.h += 700.0);
    assert_eq!(over, "headline is too near the edge, must be within the safe area");
    let over = broken("headline", |area| area.w += 800.0);
    assert_eq!(over, "headline is over the art, must be clear of everything else");
}

#[test]
fn colors_with_too_little_contrast_are_refused() {
    let mut brand = brand();
    brand.colours.muted = "#1b3a50".to_owned();
    let error = SceneKit::load(&assets(), &brand, Shape::Wide).unwrap_err();
    let expected = "brand.toml: colours.muted must be at a contrast of at least 4.5:1 with colours.background";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn many_disclosures_are_split_over_several_cards() {
    let kit = kit(Shape::Wide);
    let line = "Fees, terms and eligibility apply as the agreement says, and rates may change at any time.";
    let few = film(&kit, &script("Ana", &["Checking"], &[line]), Shape::Wide, Timing::Estimated);
    let lines: Vec<String> = (0..40).map(|n| format!("{n}. {line}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let many = film(&kit, &script("Ana", &["Checking"], &lines), Shape::Wide, Timing::Estimated);
    let cards = |film: &Film| film.specs.iter().filter(|spec| spec.kind == SceneKind::End).count();
    assert_eq!(cards(&few), 1);
    assert!(cards(&many) > 1);
    assert!(few.seconds - few.end_card >= 5.0);
    // 40 lines of 17 words at three words a second.
    assert!(many.seconds - many.end_card >= 40.0 * 17.0 / 3.0);
    let shown: String = many.specs.iter().filter_map(|spec| spec.texts.get("notices")).cloned().collect();
    assert!(lines.iter().all(|line| shown.contains(&line[..20])));
}

#[test]
fn scenes_follow_each_other_without_gaps() {
    let script = script("Ana", &["Checking", "Savings"], &["Member FDIC."]);
    let film = film(&kit(Shape::Square), &script, Shape::Square, Timing::Exact);
    let kinds: Vec<_> = film.specs.iter().map(|spec| spec.kind).collect();
    let expected = [SceneKind::Opening, SceneKind::Offer, SceneKind::Offer, SceneKind::Closing, SceneKind::End];
    assert_eq!(kinds, expected);
    for pair in film.specs.windows(2) {
        let end = pair[0].start + pair[0].timing.seconds;
        assert!((end - pair[1].start).abs() < 1e-6, "{end} and {}", pair[1].start);
        let frames = pair[1].start * 24.0;
        assert!((frames - frames.round()).abs() < 1e-6, "scenes start on whole frames");
    }
    assert!(film.specs[1].start < 7.0, "the first product is in view within 7 s");
    let personal = |spec: &&render::scenes::spec::Scene| spec.texts.values().any(|text| text.contains("Ana"));
    let personal: Vec<_> = film.specs.iter().filter(personal).map(|spec| spec.kind).collect();
    assert_eq!(personal, [SceneKind::Opening]);
}

#[test]
fn fallback_font_draws_a_character_that_the_main_font_lacks() {
    let script = script("Łucja 李 Nguyễn", &["Checking"], &[]);
    let film = film(&kit(Shape::Wide), &script, Shape::Wide, Timing::Estimated);
    assert!(film.document.contains("{\\fnBespoke Han"), "{}", film.document);
    assert!(!film.document.contains("李 Nguyễn"));
}

#[test]
fn error_names_the_character_without_a_glyph() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let brand = brand();
    let script = script("𓀀", &["Checking"], &[]);
    let narration = narration(&script, Timing::Exact);
    let content = SceneContent {
        script: &script,
        narration: &narration,
        brand: &brand,
        background: &BackgroundLuma::uniform(0.2),
    };
    let error = check_glyphs(&fonts, &content).unwrap_err();
    assert_eq!(error.name().as_str(), "Render.MissingGlyph");
    assert_eq!(error.to_string(), "none of the brand's fonts has a glyph for U+13000 in the opening");
}

#[test]
fn markup_in_a_name_is_escaped() {
    let script = script("{\\an8}\\N%{e}", &["{\\p1}m 0 0"], &[]);
    let film = film(&kit(Shape::Wide), &script, Shape::Wide, Timing::Exact);
    assert!(!film.document.contains("{\\an8}"));
    assert!(!film.document.contains("{\\p1}m 0 0"));
}
