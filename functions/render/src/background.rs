//! Prepares a background for the frame.

use std::path::{Path, PathBuf};

use contracts::Digest;

use crate::canvas::FRAME_RATE;
use crate::error::Error;
use crate::ffmpeg::FfmpegRunner;
use crate::graph;
use crate::measure::{Probe, Stream};
use crate::probe_cache::ProbeCache;

/// The containers in which a background may come, as ffprobe names them. None is a playlist that opens other files.
const CONTAINERS: [&str; 5] = ["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "flv"];

/// The transfers of high dynamic range (ITU-R BT.2100: PQ and HLG).
const HDR: [&str; 2] = ["smpte2084", "arib-std-b67"];

/// A file of the brand or of the bank: its path, and its name for messages.
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

    /// Turns a failure of ffmpeg or ffprobe over this file into an error that names the file.
    pub(crate) fn blame(&self, error: Error) -> Error {
        match error {
            Error::Failed { reason, .. } => self.broken(reason),
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
    /// The folder in which prepared backgrounds are kept.
    pub folder: &'a Path,
    /// The frame, px.
    pub size: (u32, u32),
}

impl BackgroundPreparer<'_> {
    /// Returns a file that fits the frame: the background itself, or a prepared copy that is kept under its digest.
    pub(crate) fn prepare(&self, asset: &Asset) -> Result<PathBuf, Error> {
        let (w, h) = self.size;
        let variant = format!("{w}x{h} in {}", self.folder.display());
        let ready = self.cache.backgrounds.get_or_try_insert(&asset.path, &variant, || self.find_or_convert(asset))?;
        // The folder may have been cleaned since.
        if ready.is_file() { Ok(ready) } else { self.find_or_convert(asset) }
    }

    fn find_or_convert(&self, asset: &Asset) -> Result<PathBuf, Error> {
        let probe = asset.probe(self.runner, self.cache)?;
        if !CONTAINERS.contains(&probe.format.format_name.as_str()) {
            return Err(asset.broken("not a supported video file: use MP4, Matroska, AVI or MPEG-TS"));
        }
        let stream = probe.stream("video").ok_or_else(|| asset.broken("holds no video"))?;
        // Without tone mapping, HDR would look gray and flat.
        if HDR.contains(&stream.color_transfer.as_str()) {
            return Err(asset.broken("is HDR; convert it to SDR with the colors of BT.709"));
        }
        let arguments = graph::decode_first_second(&asset.path);
        self.runner.ffmpeg("reading the background", &arguments, &|_| {}).map_err(|error| asset.blame(error))?;
        if self.fits(stream) { Ok(asset.path.clone()) } else { self.convert(asset) }
    }

    fn fits(&self, stream: &Stream) -> bool {
        (stream.width, stream.height) == self.size
            && [&stream.r_frame_rate, &stream.avg_frame_rate].into_iter().all(|rate| *rate == format!("{FRAME_RATE}/1"))
            && stream.side_data_list.iter().all(|side| side.rotation == 0.0)
            && stream.pix_fmt == "yuv420p"
            && stream.color_space == "bt709"
    }

    /// Returns a copy of the background at the frame's size and rate, from an earlier render or made now. Two renders that
    /// make it at once make the same file, so the later one may replace the earlier one.
    fn convert(&self, asset: &Asset) -> Result<PathBuf, Error> {
        let digest = Digest::of(&std::fs::read(&asset.path).map_err(Error::Scratch)?);
        let (w, h) = self.size;
        let path = self.folder.join(format!("{}-{w}x{h}.mp4", digest.short()));
        if !path.is_file() {
            std::fs::create_dir_all(self.folder).map_err(Error::Scratch)?;
            let partial = self.runner.scratch.join("background.mp4");
            let arguments = graph::prepare_background(&asset.path, self.size, graph::BACKGROUND_SECONDS, &partial);
            self.runner.ffmpeg("preparing the background", &arguments, &|_| {})?;
            std::fs::rename(&partial, &path).map_err(Error::Scratch)?;
        }
        Ok(path)
    }
}
