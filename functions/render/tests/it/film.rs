//! Tests that scenes follow the voice, show figures only with their terms, and use nothing from another brand.

use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::media::Shape;
use contracts::narration::{Narration, Sentence, Sharing, Word};
use contracts::script::Script;
use contracts::settings::SceneMotion;
use render::background_luma::BackgroundLuma;
use render::canvas::VOICE_START;
use render::content::SceneContent;
use render::film::{Film, compose, plan};
use render::layout::Frame;
use render::preview::{SampleCustomer, check_scenes, sample_narration, sample_script};
use render::scenes::SceneKind;
use render::scenes::frames::{Behind, Composer, FrameColors};
use render::scenes::kit::SceneKit;
use render::scenes::stage::DrawOptions;

use crate::common::{assets, brand};

fn catalogue() -> Catalogue {
    Catalogue::from_json(&std::fs::read(assets().join("../data/catalogue.json")).unwrap()).unwrap()
}

fn script(ids: &[&str]) -> Script {
    let catalogue = catalogue();
    let products: Vec<&Product> =
        ids.iter().map(|id| catalogue.products().iter().find(|product| product.id.as_str() == *id).unwrap()).collect();
    sample_script(&brand(), catalogue.bank(), &products, &SampleCustomer::default())
}

fn film(script: &Script, narration: &Narration, motion: SceneMotion) -> (SceneKit, Film) {
    let kit = SceneKit::load(&assets(), &brand(), Shape::Wide).unwrap();
    let brand = brand();
    let background = BackgroundLuma::uniform(0.1);
    let content = SceneContent { script, narration, brand: &brand, background: &background };
    let film = compose(&kit, &content, &Frame::of(Shape::Wide), DrawOptions { scale: 1.0 / 6.0, motion }).unwrap();
    (kit, film)
}

/// Adds the bank's legal lines, which are spoken after the last segment.
fn with_legal_lines(script: &Script, mut narration: Narration) -> Narration {
    let brand = brand();
    let mut now = ((narration.seconds + 0.5) * 24.0).round() / 24.0;
    for line in brand.disclosures.iter().chain([&brand.opt_out, &brand.voice_notice]) {
        let start = now;
        let word = |text: &str| {
            let begin = now;
            now += (text.len() + 1) as f64 / 14.0;
            Word { text: text.to_owned(), start: begin, end: now }
        };
        let words: Vec<Word> = line.split(' ').map(word).collect();
        let segment = script.segments.len();
        narration.sentences.push(Sentence { segment, start, end: now, words, sharing: Sharing::Shared });
        now = ((now + 0.35) * 24.0).ceil() / 24.0;
    }
    narration.seconds = now;
    narration
}

#[test]
fn end_card_is_shown_while_its_lines_are_spoken() {
    let script = script(&["travel-rewards-card", "high-yield-savings"]);
    let narration = with_legal_lines(&script, sample_narration(&script));
    let kit = SceneKit::load(&assets(), &brand(), Shape::Wide).unwrap();
    let brand = brand();
    let background = BackgroundLuma::uniform(0.1);
    let content = SceneContent { script: &script, narration: &narration, brand: &brand, background: &background };
    let plan = plan(&kit, &content);
    let lines = |sentence: &&Sentence| sentence.segment == script.segments.len();
    let first = narration.sentences.iter().find(lines).unwrap();
    let last = narration.sentences.last().unwrap();
    let before = narration.sentences.iter().rfind(|sentence| !lines(sentence)).unwrap();
    assert!(plan.end_card > VOICE_START + before.end, "{}", plan.end_card);
    let lead = VOICE_START + first.start - plan.end_card;
    assert!((0.2..0.5).contains(&lead), "{lead}");
    let rest = plan.seconds - VOICE_START - last.end;
    assert!((2.4..2.6).contains(&rest), "the music ends {rest} s after the last word");
    // The card itself shows the words, so its captions are only in the caption file.
    let card = plan.scenes.last().unwrap();
    assert_eq!((card.kind, card.captions.cues.len()), (SceneKind::End, 0));
    assert!(matches!(card, render::scenes::spec::Scene::Shared(_)));
    let cues = plan.cues();
    let of_card: Vec<String> = cues
        .iter()
        .filter(|cue| cue.start >= plan.end_card)
        .flat_map(|cue| cue.lines.iter().map(render::captions::Line::text))
        .collect();
    let spoken: Vec<&str> = narration.sentences.iter().filter(lines).flat_map(|s| &s.words).map(|w| &*w.text).collect();
    assert_eq!(of_card.join(" "), spoken.join(" "));
    let notices = &card.texts["notices"];
    assert!(spoken.iter().all(|word| notices.contains(word)), "{notices}");
}

#[test]
fn claim_enters_when_it_is_spoken() {
    let script = script(&["travel-rewards-card", "everyday-checking"]);
    let narration = sample_narration(&script);
    let (_, film) = film(&script, &narration, SceneMotion::Full);
    let mut claims = 0;
    for (spec, scene) in film.specs.iter().zip(&film.scenes).filter(|(spec, _)| spec.kind == SceneKind::Offer) {
        // In the product's scene, the name, the summary and each claim are sentences.
        let segment = narration.sentences.iter().filter(|sentence| {
            let at = sentence.start + VOICE_START;
            (spec.start..spec.start + spec.timing.seconds).contains(&at)
        });
        for (sentence, slot) in segment.skip(2).zip(["claim-1", "claim-2", "claim-3"]) {
            let shown = spec.start + scene.enters(slot).unwrap();
            assert!((shown - sentence.start - VOICE_START).abs() <= 0.3, "{slot} at {shown}");
            claims += 1;
        }
    }
    assert_eq!(claims, 5);
}

#[test]
fn figure_is_shown_with_its_terms_or_not_at_all() {
    let script = script(&["travel-rewards-card"]);
    let narration = sample_narration(&script);
    let shown = |narration: &Narration| {
        let (_, film) = film(&script, narration, SceneMotion::Full);
        let offer = film.specs.iter().position(|spec| spec.timing.product.is_some()).unwrap();
        let scene = &film.scenes[offer];
        let slots = ["figure-panel", "figure-value", "figure-label", "figure-terms"];
        let times = slots.map(|slot| scene.enters(slot));
        (times.iter().all(Option::is_some), times.iter().all(Option::is_none), film.specs[offer].timing.seconds, times)
    };
    let (is_whole, _, seconds, times) = shown(&narration);
    assert!(is_whole);
    let words = 25.0;
    assert!(seconds - times[3].unwrap() > words / 3.0, "viewers have time to read the terms: {times:?} of {seconds}");

    // Speech at four times the rate leaves no time to read the terms.
    let mut fast = narration;
    for sentence in &mut fast.sentences {
        (sentence.start, sentence.end) = (sentence.start / 4.0, sentence.end / 4.0);
    }
    fast.seconds /= 4.0;
    let (_, is_gone, ..) = shown(&fast);
    assert!(is_gone);
}

#[test]
fn scenes_begin_and_end_covered_and_are_drawn_identically_each_time() {
    let script = script(&["fixed-rate-mortgage"]);
    let narration = sample_narration(&script);
    let (_, film) = film(&script, &narration, SceneMotion::Full);
    let colors = FrameColors {
        background: render::ass::Colour::parse("#0a2138", "").unwrap(),
        cover: render::ass::Colour::parse("#102030", "").unwrap(),
    };
    let size = Shape::Wide.size(180);
    let mut frames = Vec::new();
    for _ in 0..2 {
        let mut bytes: Vec<u8> = Vec::new();
        let mut composer = Composer::new(size, Behind::Ground, colors);
        // The reason for the offer, and the product.
        film.scenes[1..3].iter().for_each(|scene| composer.write(scene, &mut bytes, &|| true).unwrap());
        frames.push(bytes);
    }
    assert!(frames[0] == frames[1]);
    let frame = (size.0 * size.1 * 3 / 2) as usize;
    let count = frames[0].len() / frame;
    let length = |index: usize| (film.specs[index].timing.seconds * 24.0).round() as usize;
    assert_eq!(count, length(1) + length(2));
    // The cut between them is invisible: only compression artifacts change.
    let cut = length(1);
    assert!(frames[0][(cut - 1) * frame..cut * frame] == frames[0][cut * frame..(cut + 1) * frame]);
    // The rows below the marks have one color in the first and the last frame.
    let lower = |index: usize| &frames[0][index * frame..][(size.0 * 30) as usize..(size.0 * size.1) as usize];
    for index in [0, count - 1] {
        assert!(lower(index).iter().all(|luma| *luma == lower(0)[0]), "frame {index}");
    }
    assert!(lower(count / 2).iter().any(|luma| *luma > 150), "text is visible halfway through");
}

#[test]
fn reduced_motion_only_fades() {
    let script = script(&["auto-loan"]);
    let narration = sample_narration(&script);
    let (_, film) = film(&script, &narration, SceneMotion::Reduced);
    let colors = FrameColors {
        background: render::ass::Colour::parse("#0a2138", "").unwrap(),
        cover: render::ass::Colour::parse("#114054", "").unwrap(),
    };
    let size = Shape::Wide.size(180);
    let mut composer = Composer::new(size, Behind::Ground, colors);
    let scene = &film.scenes[2];
    let end = film.specs[2].timing.seconds - 1.0;
    assert!(composer.still(scene, end) == composer.still(scene, end - 0.5), "nothing drifts");
}

#[test]
fn both_sample_brands_show_every_product() {
    let catalogue = catalogue();
    let harbor = assets().join("brands/harbor");
    let other = Brand::from_toml(&std::fs::read_to_string(harbor.join("brand.toml")).unwrap()).unwrap();
    for (folder, brand) in [(assets(), brand()), (harbor, other.clone())] {
        assert_eq!(check_scenes(&folder, &brand, &catalogue), [], "{}", brand.name);
    }
    // A script of one brand contains nothing from the other.
    let script = sample_script(&other, "Harbor Mutual", &[], &SampleCustomer::default());
    assert!(!serde_json::to_string(&script).unwrap().contains("Meridian"));
}

#[test]
fn error_names_the_problem_in_the_brand() {
    let mut brand = brand();
    brand.colours.muted = "#16324a".to_owned();
    let problems = check_scenes(&assets(), &brand, &catalogue());
    assert!(problems[0].reason.starts_with("brand.toml: colours.muted must be at a contrast"), "{problems:?}");
    brand = crate::common::brand();
    brand.scenes = "fonts".to_owned();
    let problems = check_scenes(&assets(), &brand, &catalogue());
    assert_eq!(problems[0].reason, "fonts/opening.16x9.svg: entity not found");
}

#[test]
fn image_changes_at_least_every_three_seconds_during_speech() {
    const SECONDS: usize = 3;
    let products: [&[&str]; 4] = [
        &["travel-rewards-card", "high-yield-savings", "fixed-rate-mortgage"],
        &["auto-loan"],
        &["trade-finance"],
        &[],
    ];
    for ids in products {
        let script = script(ids);
        let narration = with_legal_lines(&script, sample_narration(&script));
        let (kit, film) = film(&script, &narration, SceneMotion::Full);
        let brand = brand();
        let color = |text: &str| render::ass::Colour::parse(text, "").unwrap();
        let colors = FrameColors { background: color(&brand.colours.background), cover: color(&brand.colours.panel) };
        let size = Shape::Wide.size(180);
        let mut composer = Composer::new(size, Behind::Ground, colors);
        let mut frames: Vec<u8> = Vec::new();
        // Captions are not part of these frames.
        film.scenes.iter().for_each(|scene| composer.write(scene, &mut frames, &|| true).unwrap());
        let frames: Vec<&[u8]> = frames.chunks_exact((size.0 * size.1 * 3 / 2) as usize).collect();
        let spoken = ((VOICE_START + narration.seconds) * 24.0) as usize;
        let mut since = 0;
        for (index, pair) in frames.windows(2).enumerate().take(spoken) {
            since = if pair[0] == pair[1] { since + 1 } else { 0 };
            assert!(since < SECONDS * 24, "{ids:?}: nothing changes before {:.1} s", index as f64 / 24.0);
        }
        drop(kit);
    }
}
