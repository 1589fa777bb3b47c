//! Draws frames of videos into one picture for visual checks: three shapes, a short and a long name, one offer and three.
//! Layout, fonts, loops and graph are those of the stage. Only the sound is silent.
//!
//! Usage: `cargo run -p render --no-default-features --example contact_sheet -- OUT.jpg`

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "an example panics on errors of its fixed inputs")]

#[path = "../tests/it/common.rs"]
mod common;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{assets, brand, narration, script};
use contracts::media::Shape;
use contracts::narration::Timing;
use render::background_luma::BackgroundLuma;
use render::captions::cues;
use render::content::SceneContent;
use render::font::FontSet;
use render::graph::{BackgroundGraph, VideoGraph};
use render::scene::{Scene, compose};

const SHAPES: [Shape; 3] = [Shape::Wide, Shape::Tall, Shape::Square];
const NAMES: [&str; 2] = ["Jo", "Wolfeschlegelsteinhausen-Bergerdorff"];
const PRODUCTS: [&str; 3] = [
    "Meridian Everyday Checking",
    "Meridian Premier Money Market Savings Account",
    "Meridian Home Equity Line of Credit",
];
const DISCLOSURES: [&str; 4] = [
    "Member FDIC. Subject to credit approval.",
    "Rates may change after the account is opened. Fees could reduce the earnings on the account.",
    "Equal Housing Lender.",
    "This is general information, not financial advice. Eligibility and terms apply.",
];
/// The shorter side of each video, px.
const RESOLUTION: u32 = 360;

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args().nth(1).ok_or("usage: contact_sheet OUT.jpg")?;
    let folder = tempfile::tempdir()?;
    let assets = std::path::absolute(assets())?;
    let brand = brand();
    let mut rows = Vec::new();
    let fonts = FontSet::load(&assets, &brand)?;
    for shape in SHAPES {
        let mut row = Vec::new();
        let background = prepare_background(folder.path(), &assets, shape)?;
        for name in NAMES {
            for offers in [1, 3] {
                let script = script(name, &PRODUCTS[..offers], &DISCLOSURES[..=offers]);
                let narration = narration(&script, Timing::Exact);
                let cues = cues(&narration, &PRODUCTS);
                let content = SceneContent {
                    script: &script,
                    narration: &narration,
                    cues: &cues,
                    brand: &brand,
                    logo: (1280, 228),
                    mark: (512, 512),
                    background: &BackgroundLuma::uniform(0.2),
                };
                let scene = compose(&fonts, &content, shape)?;
                let video = draw(folder.path(), &assets, (&background, &scene), shape)?;
                for at in [1.4, scene.poster, scene.end_card + 2.0] {
                    row.push(still(folder.path(), &video, at)?);
                }
            }
        }
        rows.extend(row.chunks(6).map(<[_]>::to_vec));
    }
    sheet(folder.path(), &rows, Path::new(&out))
}

fn prepare_background(folder: &Path, assets: &Path, shape: Shape) -> Result<PathBuf, Box<dyn Error>> {
    let path = folder.join(format!("{shape:?}.mp4"));
    let source = assets.join("backgrounds/currents.mp4");
    let graph = BackgroundGraph::of_video(&source, shape.size(RESOLUTION), 60, &path);
    ffmpeg(graph.arguments().0.iter(), assets)?;
    Ok(path)
}

fn draw(
    folder: &Path,
    assets: &Path,
    (background, scene): (&Path, &Scene),
    shape: Shape,
) -> Result<PathBuf, Box<dyn Error>> {
    let document = folder.join("picture.ass");
    let sound = folder.join("silence.wav");
    let output = folder.join("video.mp4");
    std::fs::write(&document, &scene.document)?;
    let silence = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "1", "-y"];
    ffmpeg(silence.iter().map(Into::into).chain([sound.clone().into_os_string()]).collect::<Vec<_>>().iter(), assets)?;
    let graph = VideoGraph {
        provenance: "The voice is synthetic.",
        background,
        sound: &sound,
        logo: &assets.join("logo/logo.png"),
        mark: &assets.join("logo/mark.png"),
        document: &document,
        fonts: &assets.join("fonts"),
        scrim: scene.scrim,
        veils: &scene.veils,
        logos: &scene.logos,
        size: shape.size(RESOLUTION),
        scale: f64::from(RESOLUTION) / f64::from(render::layout::LAYOUT_RESOLUTION),
        seconds: scene.seconds,
        moments: &[],
        preset: "ultrafast",
        crf: 16,
        output: &output,
    };
    ffmpeg(graph.arguments().0.iter(), assets)?;
    Ok(output)
}

fn still(folder: &Path, video: &Path, at: f64) -> Result<PathBuf, Box<dyn Error>> {
    let path = folder.join(format!("{}.png", std::fs::read_dir(folder)?.count()));
    let at = format!("{at:.3}");
    let arguments = ["-ss", &at, "-i"].map(std::ffi::OsString::from).into_iter().chain([video.into()]);
    let rest = ["-frames:v", "1", "-y"].map(std::ffi::OsString::from).into_iter().chain([path.clone().into()]);
    ffmpeg(arguments.chain(rest).collect::<Vec<_>>().iter(), folder)?;
    Ok(path)
}

/// Stacks rows of stills into one picture. All rows have the same number of stills; the stills of one row have one size.
fn sheet(folder: &Path, rows: &[Vec<PathBuf>], out: &Path) -> Result<(), Box<dyn Error>> {
    let mut arguments = Vec::new();
    let mut graph = Vec::new();
    let mut first = 0;
    for (index, row) in rows.iter().enumerate() {
        for still in row {
            arguments.extend(["-i".into(), still.clone().into_os_string()]);
        }
        let inputs = (first..first + row.len()).map(|input| format!("[{input}:v]")).collect::<Vec<_>>().concat();
        graph.push(format!("{inputs}hstack=inputs={},scale=1500:-2:flags=area[row{index}]", row.len()));
        first += row.len();
    }
    let labels = (0..rows.len()).map(|index| format!("[row{index}]")).collect::<Vec<_>>().concat();
    graph.push(format!("{labels}vstack=inputs={}", rows.len()));
    let rest = ["-filter_complex", &graph.join(";"), "-q:v", "4", "-y"].map(std::ffi::OsString::from);
    arguments.extend(rest.into_iter().chain([std::path::absolute(out)?.into_os_string()]));
    ffmpeg(arguments.iter(), folder)
}

fn ffmpeg<'a>(arguments: impl Iterator<Item = &'a std::ffi::OsString>, assets: &Path) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin"]).args(arguments).env("FONTCONFIG_FILE", assets.join("fonts/fonts.conf"));
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("ffmpeg: {status}").into()) }
}
