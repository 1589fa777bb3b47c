//! Texts that would give orders to ffmpeg or to libass are shown, and not obeyed.

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "what a test is made of is made by helpers")]

#[path = "common/mod.rs"]
mod common;

use std::process::Command;

use common::{assets, brand, narration, script};
use contracts::media::Shape;
use contracts::narration::Timing;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use render::captions::cues;
use render::font::{Fonts, shown};
use render::graph;
use render::scene::{Content, check_glyphs, compose};

/// How many texts, and for how many seconds each is shown.
const TEXTS: usize = 300;
const SECONDS: usize = 2;

fn hostile() -> impl Strategy<Value = String> {
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
fn three_hundred_hostile_texts_are_shown_as_they_are() {
    let fonts = Fonts::load(&assets(), &brand()).unwrap();
    let brand = brand();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut documents = Vec::new();
    for index in 0..TEXTS {
        let text = hostile().new_tree(&mut runner).unwrap().current();
        let script = script(&text, &[&text], &[&text]);
        let narration = narration(&script, if index % 2 == 0 { Timing::Exact } else { Timing::Estimated });
        let cues = cues(&narration);
        let content = Content {
            script: &script,
            narration: &narration,
            cues: &cues,
            brand: &brand,
            logo: (640, 114),
            mark: (9, 9),
        };
        check_glyphs(&fonts, &content).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let shape = [Shape::Wide, Shape::Tall, Shape::Square][index % 3];
        let scene = compose(&fonts, &content, shape).unwrap();
        // Whatever the text, a line of the document is one of ours, with our style and no effect.
        let events = scene.document.split_once("[Events]\n").unwrap().1.lines().skip(1);
        assert!(events.clone().all(|line| line.starts_with("Dialogue: ") && line.contains(",Base,,0,0,0,,{\\an")));
        // The title card, the captions and the end card, at the moments when each shows the text.
        for moment in [1.0, 4.0, scene.end_card + 1.5] {
            documents.push((scene.document.clone(), moment));
        }
    }
    assert!(documents.iter().filter(|(document, _)| document.contains("\\{\\\u{2060}an8")).count() > 50);
    render(&documents);
    assert_eq!(shown("a\u{202e}b"), "ab", "no text turns what stands after it");
}

/// Draws each document for [`SECONDS`] by the renderer's own filter, and reads what libass says.
fn render(documents: &[(String, f64)]) {
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
    // Some at a time: each filter holds the fonts of its own.
    for part in graphs.chunks(30).enumerate().map(|(part, graphs)| (part * 30, graphs)) {
        let (first, graphs) = part;
        let labels = (first..first + graphs.len()).map(|index| format!("[v{index}]")).collect::<Vec<_>>().concat();
        let graph = format!("{};{labels}concat=n={}[out]", graphs.join(";"), graphs.len());
        let output = Command::new("ffmpeg")
            .args(["-v", "verbose", "-nostdin", "-filter_complex", &graph, "-map", "[out]", "-f", "null", "-"])
            .env("FONTCONFIG_FILE", fonts.join("fonts.conf"))
            .env("XDG_CACHE_HOME", folder.path())
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}", said.lines().last().unwrap_or_default());
        let complaints = ["Glyph", "failed to find any fallback", "Not enough memory"];
        let complaint = said
            .lines()
            .find(|line| line.contains("Parsed_ass") && complaints.iter().any(|complaint| line.contains(complaint)));
        assert_eq!(complaint, None);
        let frames = said.lines().rev().find_map(|line| line.split_once("frame=")).unwrap().1;
        let frames: usize = frames.split_whitespace().next().unwrap().parse().unwrap();
        assert_eq!(frames, graphs.len() * SECONDS * 4);
    }
}
