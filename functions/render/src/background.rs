//! Prepares a background for the frame: checks the file, and converts its geometry, frame rate and colors.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use contracts::Digest;

use crate::background_luma::BackgroundLuma;
use crate::canvas::FRAME_RATE;
use crate::color::{Conversion, DEFAULT_PEAK_NITS, Primaries, Transfer};
use crate::error::Error;
use crate::ffmpeg::FfmpegRunner;
use crate::file_digest::file_digest;
use crate::graph::{self, Arguments, BackgroundGraph, Motion, SourceColor};
use crate::measure::{Probe, SideData, Stream, parse_idet};
use crate::probe_cache::{PreparedBackground, ProbeCache};

/// The containers of videos, by ffprobe's names. None of them is a playlist that could open other files.
const VIDEO_CONTAINERS: [&str; 7] = ["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "flv", "gif", "apng"];

/// The containers of still images, by ffprobe's names.
const STILL_CONTAINERS: [&str; 6] = ["image2", "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe"];

/// The codecs of still images.
const STILL_CODECS: [&str; 5] = ["png", "mjpeg", "webp", "bmp", "tiff"];

/// The codecs that are used for HDR. Only tags in the file show whether it is HDR.
const HDR_CODECS: [&str; 3] = ["hevc", "vp9", "av1"];

/// The width of an HD frame in pixels. Players decode smaller untagged videos with the BT.601 matrix.
const HD_WIDTH: u32 = 1280;
const HD_HEIGHT: u32 = 720;

/// The minimum share of its declared length that a file must contain to count as complete.
const COMPLETE_SHARE: f64 = 0.9;

/// A file from the brand or the bank: its path, and its name for messages.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    pub path: PathBuf,
    pub name: String,
}

impl Asset {
    /// Returns the error for this file with a reason.
    pub(crate) fn broken(&self, reason: impl Into<String>) -> Error {
        Error::AssetBroken { file: self.name.clone(), reason: reason.into() }
    }

    /// Turns an error from ffmpeg or ffprobe about this file into an error that mentions the file.
    pub(crate) fn blame(&self, error: Error) -> Error {
        // If a program was killed or the disk is full, the file is not at fault.
        const MACHINE: [&str; 3] = ["signal:", "No space left", "File too large"];
        match error {
            Error::Failed { reason, .. } if reason.contains("moov atom not found") => {
                self.broken("truncated: its index (moov) is missing")
            }
            Error::Failed { reason, .. } if !MACHINE.iter().any(|sign| reason.contains(sign)) => {
                self.broken(format!("truncated, damaged or not supported: {reason}"))
            }
            other => other,
        }
    }

    /// Returns ffprobe's description of this file.
    pub(crate) fn probe(&self, runner: &FfmpegRunner, cache: &ProbeCache) -> Result<Probe, Error> {
        if !self.path.is_file() {
            return Err(self.broken("not found"));
        }
        cache.probes.get_or_try_insert(&self.path, "", || {
            let json = runner.probe("describing an asset", &self.path).map_err(|error| self.blame(error))?;
            Probe::parse(&json)
        })
    }
}

/// Makes backgrounds that fit a frame.
pub(crate) struct BackgroundPreparer<'a> {
    pub runner: &'a FfmpegRunner,
    pub cache: &'a ProbeCache,
    /// The folder for prepared backgrounds.
    pub folder: &'a Path,
    /// The frame size in pixels.
    pub size: (u32, u32),
}

impl BackgroundPreparer<'_> {
    /// Returns a file that fits the frame, with its brightness: the background itself, or a prepared copy that is
    /// stored by its digest.
    pub(crate) fn prepare(&self, asset: &Asset) -> Result<PreparedBackground, Error> {
        let (w, h) = self.size;
        let variant = format!("{w}x{h} in {}", self.folder.display());
        let find = || self.find_or_convert(asset);
        let ready = self.cache.backgrounds.get_or_try_insert(&asset.path, &variant, find)?;
        // The folder may have been cleaned up in the meantime.
        if ready.path.is_file() { Ok(ready) } else { self.find_or_convert(asset) }
    }

    fn find_or_convert(&self, asset: &Asset) -> Result<PreparedBackground, Error> {
        let probe = asset.probe(self.runner, self.cache)?;
        let source = Source::examine(asset, &probe)?;
        let motion = self.motion(&source)?;
        let path = if motion == Motion::Progressive && self.fits(&source) {
            self.check_complete(&source, "reading the background", &graph::demux(&asset.path, source.stream.index))?;
            asset.path.clone()
        } else {
            self.convert(&source, motion)?
        };
        let luma = self.measure_luma(&path)?;
        Ok(PreparedBackground { path, luma })
    }

    /// Returns whether a background can be used without conversion.
    fn fits(&self, source: &Source<'_>) -> bool {
        let stream = source.stream;
        stream.index == 0
            && (stream.width, stream.height) == self.size
            && matches!(stream.sample_aspect_ratio.as_str(), "" | "N/A" | "0:1" | "1:1")
            && [&stream.r_frame_rate, &stream.avg_frame_rate].into_iter().all(|rate| *rate == format!("{FRAME_RATE}/1"))
            && stream.side_data_list.iter().all(|side| side.rotation == 0.0)
            && stream.field_order == "progressive"
            && stream.pix_fmt == "yuv420p"
            && stream.color_range == "tv"
            && stream.color_space == "bt709"
            && source.conversion.is_identity()
    }

    /// Returns a copy of the background with the frame's size, rate and colors. Uses the copy from an earlier render if there
    /// is one. Two concurrent renders create identical files, so one may replace the other.
    fn convert(&self, source: &Source<'_>, motion: Motion) -> Result<PathBuf, Error> {
        let asset = source.asset;
        let lut_path = self.runner.scratch.join("colors.cube");
        let partial = self.runner.scratch.join("background.mp4");
        let mut conversion = source.conversion;
        if conversion.transfer.is_hdr() {
            conversion.peak_nits = self.peak_nits(source)?;
        }
        let cube = (!conversion.is_identity()).then(|| conversion.cube());
        let stream = source.stream;
        let graph = BackgroundGraph {
            source: &asset.path,
            stream: stream.index,
            size: self.size,
            seconds: graph::BACKGROUND_SECONDS,
            motion,
            color: SourceColor {
                matrix: source.matrix,
                full_range: stream.color_range == "pc" || stream.pix_fmt.starts_with("yuvj"),
                alpha: has_alpha(&stream.pix_fmt),
                lut: cube.is_some().then_some(lut_path.as_path()),
            },
            output: &partial,
        };
        let digest = file_digest(&asset.path).map_err(Error::Scratch)?;
        let recipe = Digest::of_parts([graph.filters().as_bytes(), cube.as_deref().unwrap_or_default().as_bytes()]);
        let (w, h) = self.size;
        let path = self.folder.join(format!("{}-{}-{w}x{h}.mp4", digest.short(), recipe.short()));
        if !path.is_file() {
            std::fs::create_dir_all(self.folder).map_err(Error::Scratch)?;
            if let Some(cube) = &cube {
                std::fs::write(&lut_path, cube).map_err(Error::Scratch)?;
            }
            self.check_complete(source, "preparing the background", &graph.arguments())?;
            std::fs::rename(&partial, &path).map_err(Error::Scratch)?;
        }
        Ok(path)
    }

    /// Determines whether the background is progressive, interlaced or a still image.
    fn motion(&self, source: &Source<'_>) -> Result<Motion, Error> {
        if source.still {
            return Ok(Motion::Still { orientation: self.orientation(source.asset)? });
        }
        let stream = source.stream;
        let arguments = graph::detect_interlacing(&source.asset.path, stream.index);
        let log = self.runner.ffmpeg("reading the background", &arguments, &|_| {});
        let combed = parse_idet(&log.map_err(|error| source.asset.blame(error))?);
        let tagged = matches!(stream.field_order.as_str(), "tt" | "bb" | "tb" | "bt");
        Ok(match (tagged, combed) {
            (true, _) => Motion::Interlaced { top_field_first: None },
            (false, Some(order)) => Motion::Interlaced { top_field_first: Some(order) },
            (false, None) => Motion::Progressive,
        })
    }

    /// Returns the EXIF orientation of a still image, 1 to 8.
    fn orientation(&self, asset: &Asset) -> Result<u8, Error> {
        let json = self.runner.probe_first_frame(&asset.path).map_err(|error| asset.blame(error))?;
        Ok(Probe::parse(&json)?.orientation().unwrap_or(1))
    }

    /// Runs ffmpeg on a background. Fails if the file is damaged or ends before its declared length.
    fn check_complete(&self, source: &Source<'_>, doing: &'static str, arguments: &Arguments) -> Result<(), Error> {
        let asset = source.asset;
        let seconds = Cell::new(0.0_f64);
        let progress = |now: f64| seconds.set(seconds.get().max(now));
        let log = self.runner.ffmpeg(doing, arguments, &progress).map_err(|error| asset.blame(error))?;
        let truncated = |line: &&String| line.contains("File ended prematurely") || line.contains("overread");
        if log.iter().any(|line| truncated(&line)) {
            return Err(asset.broken("truncated: the file ends in the middle of a frame"));
        }
        let seconds = seconds.get();
        if let Some(declared) = source.declared_seconds {
            let declared = declared.min(f64::from(graph::BACKGROUND_SECONDS));
            if seconds > 0.0 && seconds < declared * COMPLETE_SHARE - 0.5 {
                return Err(asset.broken(format!("truncated: contains {seconds:.1} s of {declared:.1} s")));
            }
        }
        Ok(())
    }

    /// Measures the maximum luminance of an HDR background in nits. Returns the default if the pixel format is not YUV
    /// with more than 8 bits.
    fn peak_nits(&self, source: &Source<'_>) -> Result<f64, Error> {
        let stream = source.stream;
        let depth = bit_depth(&stream.pix_fmt);
        if !stream.pix_fmt.starts_with("yuv") || depth <= 8 {
            return Ok(DEFAULT_PEAK_NITS);
        }
        let output = self.runner.scratch.join("luma.raw");
        let size = BackgroundLuma::map_size((stream.width, stream.height));
        let arguments = graph::sample_luma(&source.asset.path, stream.index, size, &output);
        let measured = self.runner.ffmpeg("measuring the background", &arguments, &|_| {});
        measured.map_err(|error| source.asset.blame(error))?;
        let bytes = std::fs::read(&output).map_err(Error::Scratch)?;
        let samples = bytes.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
        let highest = f64::from(samples.max().unwrap_or_default());
        let unit = f64::from(1_u32 << (depth - 8));
        let signal = match stream.color_range.as_str() {
            "pc" => highest / (256.0 * unit - 1.0),
            _ => (highest / unit - 16.0) / 219.0,
        };
        Ok(source.conversion.transfer.nits(signal))
    }

    /// Measures the brightness of a prepared background.
    fn measure_luma(&self, path: &Path) -> Result<BackgroundLuma, Error> {
        let output = self.runner.scratch.join("luma.raw");
        let size = BackgroundLuma::map_size(self.size);
        self.runner.ffmpeg("measuring the background", &graph::sample_luma(path, 0, size, &output), &|_| {})?;
        let frames = std::fs::read(&output).map_err(Error::Scratch)?;
        BackgroundLuma::from_frames(&frames, size).ok_or_else(|| Error::Failed {
            program: "ffmpeg",
            doing: "measuring the background",
            reason: "no frame".to_owned(),
        })
    }
}

/// A background file whose description has been checked.
struct Source<'a> {
    asset: &'a Asset,
    stream: &'a Stream,
    /// Whether it has only one frame.
    still: bool,
    /// swscale's name for the matrix. `None` for RGB.
    matrix: Option<&'static str>,
    conversion: Conversion,
    /// The declared length of the file in seconds.
    declared_seconds: Option<f64>,
}

impl<'a> Source<'a> {
    /// Checks that a file is a supported video or image with known colors.
    fn examine(asset: &'a Asset, probe: &'a Probe) -> Result<Self, Error> {
        let container = probe.format.format_name.as_str();
        let picture = STILL_CONTAINERS.contains(&container);
        if !picture && !VIDEO_CONTAINERS.contains(&container) {
            return Err(asset.broken(
                "not a supported file: use a video (MP4, Matroska, WebM, AVI, MPEG-TS), a GIF, or an image (JPEG, PNG, WebP)",
            ));
        }
        let stream =
            probe.streams.iter().find(|stream| stream.is_video()).ok_or_else(|| asset.broken("contains no video"))?;
        if picture && !STILL_CODECS.contains(&stream.codec_name.as_str()) {
            return Err(asset.broken("not a supported image: use JPEG, PNG or WebP"));
        }
        if picture {
            check_picture_end(asset, &stream.codec_name)?;
        }
        if stream.codec_name == "gif" {
            check_picture_end(asset, "gif")?;
        }
        let still = picture || stream.nb_frames == "1";
        let has_audio = probe.streams.iter().any(|stream| stream.codec_type == "audio");
        let declared = if has_audio { None } else { probe.format.duration.parse().ok() };
        Ok(Self {
            asset,
            stream,
            still,
            matrix: matrix(asset, stream, still)?,
            conversion: conversion(asset, stream)?,
            declared_seconds: stream.duration.parse().ok().or(declared).filter(|_| !still),
        })
    }
}

/// Fails if an image file does not end with its format's end marker.
fn check_picture_end(asset: &Asset, codec: &str) -> Result<(), Error> {
    const TAIL: u64 = 1 << 16;
    // JPEG: the EOI marker; other data may follow. PNG: the IEND chunk. GIF: the trailer, possibly with padding.
    let is_complete = |tail: &[u8]| match codec {
        "mjpeg" => tail.windows(2).any(|bytes| bytes == [0xff, 0xd9]),
        "png" => tail.windows(4).any(|bytes| bytes == b"IEND"),
        "gif" => tail.iter().rev().find(|byte| **byte != 0) == Some(&0x3b),
        _ => true,
    };
    let read_tail = || {
        let mut file = File::open(&asset.path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = read_tail().map_err(Error::Scratch)?;
    if is_complete(&tail) { Ok(()) } else { Err(asset.broken("truncated: the end of the image is missing")) }
}

/// Returns swscale's name for a stream's matrix, or `None` for RGB.
fn matrix(asset: &Asset, stream: &Stream, still: bool) -> Result<Option<&'static str>, Error> {
    let rgb = ["rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal", "mono"];
    if rgb.iter().any(|prefix| stream.pix_fmt.starts_with(prefix)) {
        return Ok(None);
    }
    // The JPEG and WebP standards prescribe BT.601 for still images. Players also assume BT.601 for small videos.
    let is_small = stream.height < HD_HEIGHT && stream.width < HD_WIDTH;
    let untagged = if still || is_small { "bt601" } else { "bt709" };
    Ok(Some(match stream.color_space.as_str() {
        "" | "unknown" | "reserved" => untagged,
        "bt709" => "bt709",
        "bt470bg" | "smpte170m" => "bt601",
        "smpte240m" => "smpte240m",
        "fcc" => "fcc",
        "bt2020nc" => "bt2020",
        other => return Err(asset.broken(format!("has the color matrix {other}; convert it to BT.709"))),
    }))
}

/// Returns the conversion of a stream's colors to BT.709. Fails if the colors are unsupported or uncertain.
fn conversion(asset: &Asset, stream: &Stream) -> Result<Conversion, Error> {
    let dolby_vision_only = |side: &SideData| {
        side.kind.starts_with("DOVI") && (side.dv_profile == 5 || side.dv_bl_signal_compatibility_id == Some(0))
    };
    if stream.side_data_list.iter().any(dolby_vision_only) {
        return Err(asset.broken("is Dolby Vision without a compatible base layer; convert it to BT.709"));
    }
    let transfer = Transfer::parse(&stream.color_transfer).ok_or_else(|| {
        asset.broken(format!("has the color transfer {}; convert it to BT.709", stream.color_transfer))
    })?;
    let primaries = Primaries::parse(&stream.color_primaries).ok_or_else(|| {
        asset.broken(format!("has the color primaries {}; convert it to BT.709", stream.color_primaries))
    })?;
    let tagged = !matches!(stream.color_transfer.as_str(), "" | "unknown" | "reserved");
    let hdr_side_data =
        |side: &SideData| side.kind.starts_with("Mastering display") || side.kind.starts_with("Content light level");
    let suspicion = if stream.color_primaries == "bt2020" || stream.color_space.starts_with("bt2020") {
        Some("its colors are BT.2020")
    } else if stream.side_data_list.iter().any(hdr_side_data) {
        Some("it describes an HDR display")
    } else if HDR_CODECS.contains(&stream.codec_name.as_str()) && bit_depth(&stream.pix_fmt) > 8 {
        Some("it has more than 8 bits")
    } else {
        None
    };
    match suspicion {
        Some(reason) if !tagged => Err(asset.broken(format!(
            "may be HDR: {reason}, but the color transfer is not tagged; tag it as HLG, PQ or BT.709, or convert it to BT.709"
        ))),
        _ => Ok(Conversion { primaries, transfer, peak_nits: DEFAULT_PEAK_NITS }),
    }
}

/// Returns the number of bits per component in a pixel format.
fn bit_depth(pix_fmt: &str) -> u32 {
    let name = pix_fmt.trim_end_matches("le").trim_end_matches("be");
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match name[stem.len()..].parse() {
        // The number in `nv12` and similar names refers to the layout.
        Ok(depth @ 9..=16) if !stem.ends_with("nv") => depth,
        // The number in `rgb48` and `rgba64` is the total for all components.
        Ok(48 | 64) => 16,
        _ => 8,
    }
}

/// Returns whether a pixel format has an alpha channel.
fn has_alpha(pix_fmt: &str) -> bool {
    ["rgba", "bgra", "argb", "abgr", "yuva", "gbrap", "ya8", "ya16", "pal8"]
        .iter()
        .any(|name| pix_fmt.starts_with(name))
}

#[cfg(test)]
mod files;

#[cfg(test)]
mod tests {
    use super::*;

    fn asset() -> Asset {
        Asset { path: PathBuf::from("x.mp4"), name: "x.mp4".to_owned() }
    }

    fn hevc(color_space: &str, color_primaries: &str, color_transfer: &str, pix_fmt: &str) -> Stream {
        Stream {
            codec_name: "hevc".to_owned(),
            color_space: color_space.to_owned(),
            color_primaries: color_primaries.to_owned(),
            color_transfer: color_transfer.to_owned(),
            pix_fmt: pix_fmt.to_owned(),
            ..Stream::default()
        }
    }

    #[test]
    fn untagged_hdr_is_refused() {
        let refused = |stream: &Stream| conversion(&asset(), stream).unwrap_err().to_string();
        let bt2020 = refused(&hevc("bt2020nc", "bt2020", "unknown", "yuv420p10le"));
        assert!(bt2020.starts_with("x.mp4: may be HDR: its colors are BT.2020, but"), "{bt2020}");
        let deep = refused(&hevc("", "", "", "yuv420p10le"));
        assert!(deep.starts_with("x.mp4: may be HDR: it has more than 8 bits, but"), "{deep}");
        let mastering = SideData { kind: "Mastering display metadata".to_owned(), ..SideData::default() };
        let described = refused(&Stream { side_data_list: vec![mastering], ..hevc("", "", "", "yuv420p") });
        assert!(described.starts_with("x.mp4: may be HDR: it describes an HDR display, but"), "{described}");
    }

    #[test]
    fn known_colors_are_converted() {
        let convert = |stream: &Stream| conversion(&asset(), stream).unwrap();
        assert!(convert(&hevc("", "", "", "yuv420p")).is_identity());
        assert!(convert(&hevc("bt709", "bt709", "bt709", "yuv420p10le")).is_identity());
        assert!(!convert(&hevc("bt2020nc", "bt2020", "bt2020-10", "yuv420p10le")).is_identity());
        assert_eq!(convert(&hevc("bt2020nc", "bt2020", "arib-std-b67", "yuv420p10le")).transfer, Transfer::Hlg);
        assert_eq!(convert(&hevc("bt2020nc", "bt2020", "smpte2084", "yuv420p10le")).transfer, Transfer::Pq);
    }

    #[test]
    fn error_names_the_unsupported_colors() {
        let side = SideData { kind: "DOVI configuration record".to_owned(), dv_profile: 5, ..SideData::default() };
        let dolby = Stream { side_data_list: vec![side], ..hevc("", "", "", "yuv420p10le") };
        assert!(conversion(&asset(), &dolby).unwrap_err().to_string().contains("Dolby Vision"));
        let error = matrix(&asset(), &hevc("ictcp", "bt2020", "smpte2084", "yuv420p10le"), false).unwrap_err();
        assert_eq!(error.to_string(), "x.mp4: has the color matrix ictcp; convert it to BT.709");
    }

    #[test]
    fn untagged_matrix_is_inferred_from_the_frame_size() {
        let of_size = |width, height, still| {
            let stream = Stream { width, height, pix_fmt: "yuv420p".to_owned(), ..Stream::default() };
            matrix(&asset(), &stream, still).unwrap()
        };
        assert_eq!(of_size(1440, 1080, false), Some("bt709"));
        assert_eq!(of_size(720, 576, false), Some("bt601"));
        assert_eq!(of_size(4000, 3000, true), Some("bt601"));
    }

    #[test]
    fn bit_depth_and_alpha_are_read_from_pixel_formats() {
        let depths = ["yuv420p", "yuv420p10le", "yuv422p12be", "gbrp10le", "rgb48be", "rgb24", "nv12", "gray16le"];
        assert_eq!(depths.map(bit_depth), [8, 10, 12, 10, 16, 8, 8, 16]);
        assert!(has_alpha("rgba") && has_alpha("yuva420p") && !has_alpha("yuv420p") && !has_alpha("rgb24"));
    }
}
