//! Tests that prepare real background files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Asset, BackgroundPreparer};
use crate::error::Error;
use crate::ffmpeg::{FfmpegRunner, Tools};
use crate::measure::{Probe, parse_idet};
use crate::probe_cache::{PreparedBackground, ProbeCache};

/// The size of the frame for which backgrounds are prepared, in pixels.
const SIZE: (u32, u32) = (320, 180);

/// A moving test pattern, 16:9.
const PATTERN: &str = "testsrc2=size=640x360:rate=24:duration=2";

const TO_BT709: &str = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p";
const BT709: [&str; 8] =
    ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];

struct Kit {
    folder: tempfile::TempDir,
    runner: FfmpegRunner,
}

impl Kit {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let runner = FfmpegRunner {
            tools: Tools { ffmpeg: "ffmpeg".into(), ffprobe: "ffprobe".into() },
            fonts: folder.path().to_owned(),
            scratch,
            cancel: CancellationToken::new(),
            deadline: Instant::now() + Duration::from_mins(5),
        };
        Self { folder, runner }
    }

    /// Creates a file from a lavfi source.
    fn make(&self, name: &str, source: &str, filters: &str, options: &[&str]) -> PathBuf {
        let input = ["-f", "lavfi", "-i", source, "-vf", filters];
        self.ffmpeg(name, &[&input, options].concat())
    }

    fn ffmpeg(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut command = Command::new("ffmpeg");
        let status = command.args(["-v", "error", "-y"]).args(arguments).arg(&path).status().unwrap();
        assert!(status.success(), "{name}");
        path
    }

    fn prepare(&self, path: &Path) -> Result<PreparedBackground, Error> {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let folder = self.folder.path().join("prepared");
        let cache = ProbeCache::default();
        let preparer = BackgroundPreparer { runner: &self.runner, cache: &cache, folder: &folder, size: SIZE };
        preparer.prepare(&Asset { path: path.to_owned(), name })
    }

    /// Prepares a file that must be usable, and checks the format of the result.
    fn prepared(&self, path: &Path) -> PathBuf {
        let prepared = self.prepare(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).path;
        let probe = Probe::parse(&self.runner.probe("testing", &prepared).unwrap()).unwrap();
        let stream = probe.stream("video").unwrap();
        assert_eq!((stream.width, stream.height), SIZE);
        let format = [&stream.pix_fmt, &stream.color_range, &stream.color_space, &stream.r_frame_rate];
        assert_eq!(format, ["yuv420p", "tv", "bt709", "24/1"], "{}", path.display());
        assert_eq!([&stream.color_primaries, &stream.color_transfer], ["bt709", "bt709"]);
        assert!(matches!(stream.sample_aspect_ratio.as_str(), "1:1" | "N/A" | ""));
        prepared
    }

    fn refused(&self, path: &Path) -> String {
        match self.prepare(path) {
            Ok(_) => panic!("{} is accepted", path.display()),
            Err(Error::AssetBroken { file, reason }) => format!("{file}: {reason}"),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// Compares the first frames of two files. Returns the structural similarity of luma and chroma, 0 to 1.
    fn similarity(one: &Path, other: &Path) -> f64 {
        let (w, h) = SIZE;
        let scale = format!("setsar=1,scale={w}:{h}:flags=bicubic,format=yuv420p,trim=end_frame=1");
        let graph = format!("[0:v]{scale}[a];[1:v]{scale}[b];[a][b]ssim");
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-i"]).arg(one).arg("-i").arg(other);
        let output = command.args(["-filter_complex", &graph, "-f", "null", "-"]).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let all = log.rsplit_once("All:").unwrap_or_else(|| panic!("{log}")).1;
        all.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Returns the mean R'G'B' of a region of the first frame, 0 to 255. `crop` is in ffmpeg's syntax.
    fn color(path: &Path, crop: &str) -> [u8; 3] {
        let filter =
            format!("scale=320:180:in_color_matrix=bt709:in_range=tv,format=rgb24,crop={crop},scale=1:1:flags=area");
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-i"]).arg(path).args(["-frames:v", "1", "-vf", &filter, "-f", "rawvideo", "-"]);
        command.output().unwrap().stdout.try_into().unwrap()
    }

    fn cut(&self, path: &Path) -> PathBuf {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.truncate(bytes.len() * 6 / 10);
        let cut = self.folder.path().join(format!("cut-{}", path.file_name().unwrap().to_string_lossy()));
        std::fs::write(&cut, bytes).unwrap();
        cut
    }
}

fn assert_color(found: [u8; 3], wanted: [u8; 3]) {
    let near = found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) <= 6);
    assert!(near, "{found:?} is not {wanted:?}");
}

const X264: [&str; 4] = ["-c:v", "libx264", "-preset", "ultrafast"];
/// A lossless codec for any pixel format.
const FFV1: [&str; 2] = ["-c:v", "ffv1"];

/// The documented kinds of files: `| kind | result | SSIM at least |`.
const DOCUMENT: &str = include_str!("../../../../docs/concepts/video.md");

/// Creates a file of each documented kind.
fn of_kind(kit: &Kit, kind: &str) -> PathBuf {
    let x264 = [&X264[..], &BT709].concat();
    let lossless = [&FFV1[..], &BT709].concat();
    let wide = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_range", "tv"];
    let wide_pixels = "scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le";
    let hdr = |name: &str, transfer: &str| {
        kit.make(name, PATTERN, wide_pixels, &[&FFV1[..], &wide, &["-color_trc", transfer]].concat())
    };
    let one = ["-frames:v", "1"];
    match kind {
        // A smooth picture, because a scaled test pattern looks interlaced.
        "at the frame's size and rate, BT.709" => {
            kit.make("fits.mp4", "color=c=navy:size=320x180:rate=24:duration=2", TO_BT709, &x264)
        }
        "of another size" => kit.make("size.mp4", PATTERN, TO_BT709, &x264),
        "of another frame rate" => kit.make("rate.mp4", &PATTERN.replace("24", "30"), TO_BT709, &x264),
        "with pixels that are not square" => {
            kit.make("sar.mp4", PATTERN, &format!("scale=480:360,setsar=4/3,{TO_BT709}"), &x264)
        }
        "interlaced" => {
            let options = [&x264[..], &["-flags", "+ilme+ildct"]].concat();
            kit.make("interlaced.ts", PATTERN, &format!("tinterlace=interleave_top,fps=24,{TO_BT709}"), &options)
        }
        "full range" => {
            let full = "scale=out_color_matrix=bt709:out_range=pc,format=yuv420p";
            kit.make("full.mp4", PATTERN, full, &[&X264[..], &BT709[..6], &["-color_range", "pc"]].concat())
        }
        "without tags, smaller than HD" => {
            kit.make("sd.mp4", PATTERN, "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", &X264)
        }
        "more than 8 bits, with tags" => {
            kit.make("ten.mkv", PATTERN, "scale=out_color_matrix=bt709:out_range=tv,format=yuv422p10le", &lossless)
        }
        "RGB" => kit.make("rgb.mkv", PATTERN, "format=bgr0", &FFV1),
        "BT.2020 without HDR" => hdr("wide.mkv", "bt2020-10"),
        "HLG" => hdr("hlg.mkv", "arib-std-b67"),
        "PQ" => hdr("pq.mkv", "smpte2084"),
        "BT.2020 without a transfer tag" => kit.make("hidden.mkv", PATTERN, wide_pixels, &[&FFV1[..], &wide].concat()),
        "BT.2020 with constant luminance" => {
            let tags = ["-colorspace", "bt2020c", "-color_primaries", "bt2020", "-color_trc", "bt2020-10"];
            kit.make("constant.mkv", PATTERN, wide_pixels, &[&FFV1[..], &tags].concat())
        }
        "JPEG" => kit.make("picture.jpg", PATTERN, "null", &[&one[..], &["-q:v", "2"]].concat()),
        "PNG" => kit.make("picture.png", PATTERN, "null", &one),
        "GIF" => kit.make("animation.gif", PATTERN, "fps=10,scale=320:180", &[]),
        "truncated" => kit.cut(&kit.make("long.mp4", PATTERN, TO_BT709, &x264)),
        "sound without a picture" => kit.ffmpeg("sound.mp4", &["-f", "lavfi", "-i", "sine=duration=1"]),
        "a playlist" => {
            let path = kit.folder.path().join("list.m3u8");
            std::fs::write(&path, "#EXTM3U\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n").unwrap();
            path
        }
        "text" => {
            let path = kit.folder.path().join("text.mp4");
            std::fs::write(&path, "not a video").unwrap();
            path
        }
        "missing" => kit.folder.path().join("missing.mp4"),
        other => panic!("{other}: no file of this kind"),
    }
}

#[test]
fn every_documented_kind_ends_as_documented() {
    let kit = Kit::new();
    let reference = kit.make("reference.mp4", PATTERN, TO_BT709, &[&X264[..], &BT709].concat());
    let (_, table) = DOCUMENT.split_once("| Background file | Result | SSIM at least |\n").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .collect();
    assert!(rows.len() >= 20, "{}", rows.len());
    for row in rows {
        let [kind, result, similarity] = row[..] else { panic!("{row:?}") };
        let file = of_kind(&kit, kind);
        if let Some(reason) = result.strip_prefix("refused: `") {
            let found = kit.refused(&file);
            let name = file.file_name().unwrap().to_string_lossy();
            assert!(
                found.starts_with(name.as_ref()) && found.contains(reason.trim_end_matches('`')),
                "{kind}: {found}"
            );
            continue;
        }
        let prepared = kit.prepared(&file);
        assert_eq!(prepared == file, result == "used unchanged", "{kind}");
        if let Ok(least) = similarity.parse::<f64>() {
            let found = Kit::similarity(&prepared, &reference);
            assert!(found >= least, "{kind}: {found}");
        }
    }
}

#[test]
fn geometry_and_range_are_normalized() {
    let kit = Kit::new();
    let reference = kit.make("reference.mp4", PATTERN, TO_BT709, &[&X264[..], &BT709].concat());
    let full = "scale=out_color_matrix=bt709:out_range=pc,format=yuv420p";
    let turned =
        kit.make("upright.mp4", PATTERN, &format!("transpose=cclock,{TO_BT709}"), &[&X264[..], &BT709].concat());
    let files = [
        kit.make(
            "anamorphic.mp4",
            PATTERN,
            &format!("scale=480:360,setsar=4/3,{TO_BT709}"),
            &[&X264[..], &BT709].concat(),
        ),
        kit.make(
            "wide.mp4",
            PATTERN,
            &format!("pad=960:360:160:0,scale=480:360,setsar=2,{TO_BT709}"),
            &[&X264[..], &BT709].concat(),
        ),
        kit.make("full-range.mp4", PATTERN, full, &[&X264[..], &BT709[..6], &["-color_range", "pc"]].concat()),
        kit.make("untagged-sd.mp4", PATTERN, "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", &X264),
        kit.make("untagged-hd.mp4", PATTERN, &format!("scale=1280:720,{TO_BT709}"), &X264),
        kit.make(
            "ten-bit.mkv",
            PATTERN,
            "scale=out_color_matrix=bt709:out_range=tv,format=yuv422p10le",
            &[&FFV1[..], &BT709].concat(),
        ),
        kit.make("rgb.mkv", PATTERN, "format=bgr0", &FFV1),
        kit.ffmpeg("rotated.mp4", &["-i", turned.to_str().unwrap(), "-c", "copy", "-metadata:s:v", "rotate=270"]),
    ];
    for file in files {
        let prepared = kit.prepared(&file);
        let similarity = Kit::similarity(&prepared, &reference);
        assert!(similarity > 0.94, "{}: {similarity}", file.display());
        // Check a bar of pure color in the test pattern.
        let bar = "20:20:100:20";
        assert_color(Kit::color(&prepared, bar), Kit::color(&reference, bar));
    }
}

#[test]
fn interlaced_video_is_deinterlaced() {
    let kit = Kit::new();
    let source = "color=c=navy:size=320x180:rate=50:duration=2[a];color=c=orange:size=60x90:rate=50:duration=2[b];\
                  [a][b]overlay=x='mod(n*6,260)':y=45";
    let filters = format!("tinterlace=interleave_top,{TO_BT709}");
    let tagged = kit.make("tagged.ts", source, &filters, &[&X264[..], &BT709, &["-flags", "+ilme+ildct"]].concat());
    let untagged = kit.make("untagged.mp4", source, &filters, &[&X264[..], &BT709].concat());
    let is_combed = |path: &Path| {
        let arguments = crate::graph::detect_interlacing(path, 0);
        parse_idet(&kit.runner.ffmpeg("testing", &arguments, &|_| {}).unwrap()).is_some()
    };
    for file in [tagged, untagged] {
        assert!(is_combed(&file), "{}", file.display());
        assert!(!is_combed(&kit.prepared(&file)), "{}", file.display());
    }
}

#[test]
fn wide_gamut_is_converted() {
    let kit = Kit::new();
    // BT.709 red in BT.2020 is (0.79, 0.23, 0.07), ITU-R BT.2087 with a gamma of 2.4.
    let frame = "color=c=black:size=640x360:rate=24:duration=1,format=gbrp,geq=r=210:g=84:b=46,\
                 scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le";
    let tags =
        ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "bt2020-10", "-color_range", "tv"];
    let wide = kit.make("wide.mkv", frame, "null", &[&FFV1[..], &tags].concat());
    assert_color(Kit::color(&kit.prepared(&wide), "iw:ih"), [253, 9, 8]);
}

#[test]
fn hdr_is_tone_mapped() {
    let kit = Kit::new();
    // The code values for 10, 100 and 1000 nits.
    for (transfer, dark, white, peak) in [("smpte2084", 327, 509, 723), ("arib-std-b67", 287, 616, 940)] {
        let tags =
            ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", transfer, "-color_range", "tv"];
        let make = |name: &str, strip: u32| {
            let luma = format!("if(lt(X,320),{dark},if(gt(Y,320),{strip},{white}))");
            let frame =
                format!("nullsrc=size=640x360:rate=24:duration=1,format=yuv420p10le,geq=lum='{luma}':cb=512:cr=512");
            kit.prepared(&kit.make(&format!("{transfer}-{name}.mkv"), &frame, "null", &[&FFV1[..], &tags].concat()))
        };
        let left = |path: &Path| Kit::color(path, "80:80:40:20");
        let right = |path: &Path| Kit::color(path, "80:80:200:20");
        let strip = |path: &Path| Kit::color(path, "80:8:200:168");
        let plain = make("plain", white);
        assert_color(left(&plain), [98; 3]);
        assert_color(right(&plain), [255; 3]);
        let bright = make("bright", peak);
        assert_color(left(&bright), [98; 3]);
        assert!(
            (190..235).contains(&right(&bright)[0]),
            "{transfer}: SDR white is darkened to leave room for highlights: {:?}",
            right(&bright)
        );
        assert_color(strip(&bright), [255; 3]);
    }
}

#[test]
fn untagged_hdr_is_refused_with_the_reason() {
    let kit = Kit::new();
    let frame = "scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le";
    let tags = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_range", "tv"];
    let file = kit.make("untagged.mkv", PATTERN, frame, &[&FFV1[..], &tags].concat());
    let reason = kit.refused(&file);
    assert!(reason.starts_with("untagged.mkv: may be HDR: its colors are BT.2020, but"), "{reason}");
}

#[test]
fn images_become_loops() {
    let kit = Kit::new();
    let reference = kit.make("reference.mp4", PATTERN, TO_BT709, &[&X264[..], &BT709].concat());
    let one = ["-frames:v", "1"];
    let jpeg = kit.make("picture.jpg", PATTERN, "null", &[&one[..], &["-q:v", "2"]].concat());
    let png = kit.make("picture.png", PATTERN, "null", &one);
    for file in [&jpeg, &png] {
        let prepared = kit.prepared(file);
        let similarity = Kit::similarity(&prepared, &reference);
        assert!(similarity > 0.94, "{}: {similarity}", file.display());
        let probe = Probe::parse(&kit.runner.probe("testing", &prepared).unwrap()).unwrap();
        assert!((probe.format.duration.parse::<f64>().unwrap() - 10.0).abs() < 0.1);
    }
    // The GIF has only 128 colors, so it is slightly less similar.
    let gif = kit.make("animation.gif", PATTERN, "fps=10,scale=320:180", &[]);
    assert!(Kit::similarity(&kit.prepared(&gif), &reference) > 0.7);
    let clear = kit.make("clear.png", "color=c=white@0.0:size=640x360,format=rgba", "null", &one);
    assert_color(Kit::color(&kit.prepared(&clear), "iw:ih"), [0, 0, 0]);

    // A JPEG that its EXIF orientation rotates by 90 degrees clockwise.
    let sideways = kit.make("sideways.jpg", PATTERN, "transpose=cclock", &[&one[..], &["-q:v", "2"]].concat());
    let mut bytes = std::fs::read(&sideways).unwrap();
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    bytes.splice(2..2, exif.iter().copied());
    std::fs::write(&sideways, bytes).unwrap();
    let similarity = Kit::similarity(&kit.prepared(&sideways), &reference);
    assert!(similarity > 0.94, "{similarity}");
}

#[test]
fn truncated_files_are_refused_by_name() {
    let kit = Kit::new();
    let source = "testsrc2=size=640x360:rate=24:duration=6";
    let x264 = [&X264[..], &BT709].concat();
    let files = [
        kit.make("index-first.mp4", source, TO_BT709, &[&x264[..], &["-movflags", "+faststart"]].concat()),
        kit.make("index-last.mp4", source, TO_BT709, &x264),
        kit.make("video.mkv", source, TO_BT709, &x264),
        kit.make("video.ts", source, TO_BT709, &x264),
        kit.make("video.avi", source, TO_BT709, &x264),
        kit.make("video.gif", source, "fps=10,scale=320:180", &[]),
        kit.make("picture.png", PATTERN, "null", &["-frames:v", "1"]),
        kit.make("picture.jpg", PATTERN, "null", &["-frames:v", "1"]),
    ];
    for file in files {
        kit.prepared(&file);
        let cut = kit.cut(&file);
        let reason = kit.refused(&cut);
        let name = cut.file_name().unwrap().to_string_lossy();
        assert!(reason.starts_with(&format!("{name}: truncated")), "{reason}");
    }
}

#[test]
fn brightness_is_measured() {
    let kit = Kit::new();
    let level = |color: &str| {
        let source = format!("color=c={color}:size=640x360:rate=24:duration=1");
        let file = kit.make(&format!("{color}.mp4"), &source, TO_BT709, &[&X264[..], &BT709].concat());
        let area = crate::layout::Rect { x: 0.0, y: 0.0, w: 320.0, h: 180.0 };
        kit.prepare(&file).unwrap().luma.level(area, (320.0, 180.0))
    };
    assert!(level("white") > 0.98);
    assert!(level("black") < 0.02);
    assert!((level("gray") - 0.5).abs() < 0.02);
}
