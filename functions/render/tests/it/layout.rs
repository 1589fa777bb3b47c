//! Nothing on the picture overlaps or leaves the safe area, whatever the text.

use crate::common::{assets, brand, narration, script};
use contracts::NamedError;
use contracts::brand::Brand;
use contracts::media::Shape;
use contracts::narration::Timing;
use contracts::script::Script;
use render::background_luma::BackgroundLuma;
use render::canvas::Palette;
use render::captions::cues;
use render::check::check_placements;
use render::content::{SceneContent, check_glyphs};
use render::font::FontSet;
use render::layout::{Frame, Rect};
use render::scene::{Scene, compose};

const SHAPES: [Shape; 3] = [Shape::Wide, Shape::Tall, Shape::Square];
const LONG: &str =
    "Meridian Premier Everyday Interest Checking and Family Savings Account with International Travel Benefits";

fn scene(fonts: &FontSet, script: &Script, shape: Shape, timing: Timing) -> Scene {
    let brand = brand();
    let narration = narration(script, timing);
    let cues = cues(&narration, &[]);
    let content = SceneContent {
        script,
        narration: &narration,
        cues: &cues,
        brand: &brand,
        logo: (640, 114),
        mark: (512, 512),
        background: &BackgroundLuma::uniform(0.2),
    };
    check_glyphs(fonts, &content).unwrap();
    compose(fonts, &content, shape).unwrap()
}

#[test]
fn longest_names_stay_clear_and_safe() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
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
                    check_placements(&scene, &Frame::of(shape)).unwrap();
                }
            }
        }
    }
}

#[test]
fn overlap_and_unsafe_area_are_named() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let whole = scene(&fonts, &script("Ana", &["Checking"], &[]), Shape::Wide, Timing::Estimated);
    let frame = Frame::of(Shape::Wide);
    let broken = |what: &str, change: fn(&mut Rect)| {
        let mut scene = whole.clone();
        let placed = scene.placements.iter_mut().find(|placed| placed.kind == what).unwrap();
        change(&mut placed.area);
        check_placements(&scene, &frame).unwrap_err().to_string()
    };
    assert_eq!(
        broken("captions", |area| area.y += 40.0),
        "captions is too near the edge, must be within the safe area"
    );
    let over = broken("lower third", |area| area.h += 200.0);
    assert_eq!(over, "captions is over the lower third, must be clear of everything else");
}

#[test]
fn other_brand_replaces_ours_entirely() {
    let own = std::fs::read_to_string(assets().join("brand.toml")).unwrap();
    let other = own
        .replace("Meridian Bank is a fictional bank used for demonstration.", "Harbor Savings is invented.")
        .replace("Meridian Bank", "Harbor Savings")
        .replace("https://www.meridian.example", "https://harbor.example")
        .replace("#0a2138", "#2b1331")
        .replace("#e6b366", "#8fe3c0")
        .replace("#04101d", "#12061a")
        .replace("Source Serif 4 Display Semibold", "Source Sans 3 Semibold");
    let brand = Brand::from_toml(&other).unwrap();
    let fonts = FontSet::load(&assets(), &brand).unwrap();
    let script = script("Ana", &["Harbor Savings Account"], &["Harbor Savings is invented."]);
    let narration = narration(&script, Timing::Exact);
    let cues = cues(&narration, &[]);
    let content = SceneContent {
        script: &script,
        narration: &narration,
        cues: &cues,
        brand: &brand,
        logo: (500, 200),
        mark: (90, 90),
        background: &BackgroundLuma::uniform(0.2),
    };
    for shape in SHAPES {
        let scene = compose(&fonts, &content, shape).unwrap();
        check_placements(&scene, &Frame::of(shape)).unwrap();
        for theirs in ["Harbor Savings", "harbor.example", "&H31132B&", "&HC0E38F&", "Source Sans 3 Semibold"] {
            assert!(scene.document.contains(theirs), "{theirs}");
        }
        for ours in ["Meridian", "meridian", "&H38210A&", "&H66B3E6&", "Source Serif"] {
            assert!(!scene.document.contains(ours), "{ours}");
        }
    }
}

#[test]
fn dark_text_on_light_is_refused() {
    let mut brand = brand();
    std::mem::swap(&mut brand.colours.ink, &mut brand.colours.background);
    let error = Palette::of(&brand).unwrap_err();
    assert_eq!(error.to_string(), "brand.toml: colours.ink must be lighter than colours.background");
}

#[test]
fn many_disclosures_take_several_cards() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let line = "Fees, terms and eligibility apply as the agreement says, and rates may change at any time.";
    let few = scene(&fonts, &script("Ana", &["Checking"], &[line]), Shape::Wide, Timing::Estimated);
    let lines: Vec<String> = (0..40).map(|n| format!("{n}. {line}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let many = scene(&fonts, &script("Ana", &["Checking"], &lines), Shape::Wide, Timing::Estimated);
    let cards = |scene: &Scene| scene.placements.iter().filter(|placed| placed.kind == "notices").count();
    assert_eq!(cards(&few), 1);
    assert!(cards(&many) > 1);
    assert!(few.seconds - few.end_card >= 5.0);
    // 40 lines of 17 words at three words a second.
    assert!(many.seconds - many.end_card >= 40.0 * 17.0 / 3.0);
    assert!(lines.iter().all(|line| many.document.contains(&line[..20])));
}

#[test]
fn notice_lines_are_even() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let text = "This is general information, not financial advice. Eligibility and terms apply.";
    let role = render::font::Role::Body;
    let widths = |lines: Vec<String>| lines.iter().map(|line| fonts.width(role, line, 31.0)).collect::<Vec<_>>();
    let plain = widths(fonts.wrap(role, text, 31.0, 920.0));
    assert!(plain.len() == 2 && plain[1] < 0.2 * plain[0], "{plain:?}");
    let even = widths(fonts.wrap_evenly(role, text, 31.0, 920.0));
    assert!(even.len() == 2 && even[1] > 0.7 * even[0], "{even:?}");
}

#[test]
fn words_are_highlighted_only_with_exact_times() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let script = script("Ana", &["Checking"], &[]);
    assert!(scene(&fonts, &script, Shape::Wide, Timing::Exact).document.contains("\\t("));
    assert!(!scene(&fonts, &script, Shape::Wide, Timing::Estimated).document.contains("\\t("));
}

#[test]
fn tall_captions_stay_above_player_controls() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let scene = scene(&fonts, &script("Ana", &[LONG], &[]), Shape::Tall, Timing::Exact);
    let captions: Vec<_> = scene.placements.iter().filter(|placement| placement.kind == "captions").collect();
    assert!(!captions.is_empty());
    assert!(captions.iter().all(|placement| placement.area.bottom() <= 0.82 * 1920.0), "{captions:?}");
}

#[test]
fn fallback_font_draws_missing_character() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let scene = scene(&fonts, &script("Łucja 李 Nguyễn", &["Checking"], &[]), Shape::Wide, Timing::Estimated);
    assert!(scene.document.contains("{\\fnBespoke Han"), "{}", scene.document);
    assert!(!scene.document.contains("李 Nguyễn"));
}

#[test]
fn character_without_glyph_is_named() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let brand = brand();
    let script = script("𓀀", &["Checking"], &[]);
    let narration = narration(&script, Timing::Exact);
    let content = SceneContent {
        script: &script,
        narration: &narration,
        cues: &[],
        brand: &brand,
        logo: (1, 1),
        mark: (1, 1),
        background: &BackgroundLuma::uniform(0.2),
    };
    let error = check_glyphs(&fonts, &content).unwrap_err();
    assert_eq!(error.name().as_str(), "Render.MissingGlyph");
    assert_eq!(error.to_string(), "no font of the brand has a glyph for U+13000 in the title card");
}

#[test]
fn markup_in_name_is_escaped() {
    let fonts = FontSet::load(&assets(), &brand()).unwrap();
    let scene = scene(&fonts, &script("{\\an8}\\N%{e}", &["{\\p1}m 0 0"], &[]), Shape::Wide, Timing::Exact);
    assert!(!scene.document.contains("{\\an8}"));
    assert!(!scene.document.contains("{\\p1}m 0 0"));
}
