//! Tests that text with ffmpeg or libass commands is shown as plain text.

use std::process::Command;

use crate::common::{assets, brand, narration, script};
use contracts::catalogue::{Figure, ProductPicture};
use contracts::media::Shape;
use contracts::narration::Timing;
use contracts::settings::SceneMotion;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use render::background_luma::BackgroundLuma;
use render::check::check_placements;
use render::content::{SceneContent, check_glyphs};
use render::film::compose;
use render::font::{FontSet, display_text};
use render::graph;
use render::layout::Frame;
use render::scenes::kit::SceneKit;
use render::scenes::stage::DrawOptions;

/// The number of generated strings.
const TEXTS: usize = 200;
const SHAPES: [Shape; 3] = [Shape::Wide, Shape::Tall, Shape::Square];
/// The time for which each string is drawn, in seconds.
const SECONDS: usize = 2;

fn hostile_text() -> impl Strategy<Value = String> {
    let words = [
        "{\\an8}",
        "{\\p1}m 0 0 l 900 0 900 900",
        "{\\pos(0,0)\\fs400}",
        "\\N\\n\\h",
        "{",
        "}",
        "{{first_name}}",
        "{*}",
        "%{pts}",
        "%{e:1/0}",
        "':;[out]",
        "',movie=/etc/passwd,'",
        "[v];[0:v]",
        "\\",
        "\\\\",
        "Dialogue: 0,0:00:00.00",
        "\r\nDialogue: 9,0:00:00.00,9:00:00.00,Base,,0,0,0,,X",
        "<script>alert(1)</script>",
        "=cmd|'/c calc'!A1",
        "--",
        "\u{202e}txet",
        "\u{200f}\u{2067}rtl\u{2069}",
        "\u{200b}",
        "\u{feff}",
        "&lt;b&gt;",
        "../../x",
        "$(id)",
        "`id`",
        "naïve",
        "Łódź",
        "Nguyễn",
        "李娜",
        "שלום",
        "مرحبا",
        "नमस्ते",
        "ไทย",
        "Ελλάδα",
        "Привет",
        "e\u{301}e\u{301}",
        "\t\0",
    ];
    let word = prop_oneof![
        6 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z]{1,12}",
        1 => "[a-z]{400}",
        1 => "[!-~]{1,20}",
    ];
    prop::collection::vec(word, 1..9).prop_map(|words| words.join(" "))
}

#[test]
fn hostile_text_is_shown_as_plain_text() {
    let brand = brand();
    let fonts = FontSet::load(&assets(), &brand).unwrap();
    let kits = SHAPES.map(|shape| SceneKit::load(&assets(), &brand, shape).unwrap());
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut documents = Vec::new();
    for index in 0..TEXTS {
        let text = hostile_text().new_tree(&mut runner).unwrap().current();
        let mut script = script(&text, &[&text], &[&text]);
        script.adviser = Some(text.clone());
        let texts = || text.clone();
        script.offers[0].picture = Some(ProductPicture {
            customer_name: texts(),
            headline: texts(),
            art: "card".to_owned(),
            figure: Some(Figure { value: texts(), label: texts(), terms: texts() }),
            claims: vec![texts(), texts(), texts()],
            disclosures: vec![texts()],
        });
        let narration = narration(&script, if index % 2 == 0 { Timing::Exact } else { Timing::Estimated });
        let content = SceneContent {
            script: &script,
            narration: &narration,
            brand: &brand,
            background: &BackgroundLuma::uniform(0.2),
        };
        check_glyphs(&fonts, &content).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let shape = index % 3;
        let frame = Frame::of(SHAPES[shape]);
        let options = DrawOptions { scale: 1.0 / 6.0, motion: SceneMotion::Full };
        let film = compose(&kits[shape], &content, &frame, options).unwrap();
        check_placements(&film.placements, &frame).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        for scene in &film.scenes {
            assert_eq!(scene.overflow(), None, "{text:?} in {:?}", SHAPES[shape]);
        }
        // Every line of the document must be an event with our style and no effect.
        let events = film.document.split_once("[Events]\n").unwrap().1.lines().skip(1);
        assert!(events.clone().all(|line| line.starts_with("Dialogue: ") && line.contains(",Base,,0,0,0,,{\\an")));
        documents.push((film.document.clone(), 3.5));
    }
    assert!(documents.iter().filter(|(document, _)| document.contains("\\{\\\u{2060}an8")).count() > 15);
    draw(&documents);
    assert_eq!(display_text("a\u{202e}b"), "ab", "text cannot change the writing direction");
}

/// Draws each document for [`SECONDS`] with the renderer's filter, and checks libass's messages.
fn draw(documents: &[(String, f64)]) {
    let folder = tempfile::tempdir().unwrap();
    let fonts = assets().join("fonts").canonicalize().unwrap();
    let mut graphs = Vec::new();
    for (index, (document, moment)) in documents.iter().enumerate() {
        let name = format!("{index}.ass");
        std::fs::write(folder.path().join(&name), document).unwrap();
        graphs.push(format!(
            "color=c=black:s=320x180:r=4:d={SECONDS},setpts=PTS+{moment}/TB,ass=filename={name}:fontsdir={}[v{index}]",
            graph::escape(&fonts.to_string_lossy())
        ));
    }
    // Draw the documents in chunks, because each filter loads its own copy of the fonts.
    for (first, graphs) in graphs.chunks(30).enumerate().map(|(chunk, graphs)| (chunk * 30, graphs)) {
        let labels = (first..first + graphs.len()).map(|index| format!("[v{index}]")).collect::<Vec<_>>().concat();
        let graph = format!("{};{labels}concat=n={}[out]", graphs.join(";"), graphs.len());
        let output = Command::new("ffmpeg")
            .args(["-v", "verbose", "-nostdin", "-filter_complex", &graph, "-map", "[out]", "-f", "null", "-"])
            .env("FONTCONFIG_FILE", fonts.join("fonts.conf"))
            .env("XDG_CACHE_HOME", folder.path())
            .current_dir(folder.path())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}", log.lines().last().unwrap_or_default());
        let complaints = ["Glyph", "failed to find any fallback", "Not enough memory"];
        let complaint = log
            .lines()
            .find(|line| line.contains("Parsed_ass") && complaints.iter().any(|complaint| line.contains(complaint)));
        assert_eq!(complaint, None);
        let frames = log.lines().rev().find_map(|line| line.split_once("frame=")).unwrap().1;
        let frames: usize = frames.split_whitespace().next().unwrap().parse().unwrap();
        assert_eq!(frames, graphs.len() * SECONDS * 4);
    }
}
