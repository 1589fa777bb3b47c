//! The blocking part of a render: turns decrypted inputs into the finished files within a private folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use contracts::Digest;
use contracts::brand::Brand;
use contracts::media::{MediaFacts, Shape};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::VideoSettings;
use tokio::sync::mpsc::UnboundedSender;

use crate::background::{Asset, BackgroundPreparer};
use crate::canvas::Placement;
use crate::captions::{self, cues};
use crate::check::{LEGIBLE_RESOLUTION, LOUDNESS, check, check_placements, contrast, has_ink, min_contrast};
use crate::content::{SceneContent, check_glyphs};
use crate::error::Error;
use crate::ffmpeg::FfmpegRunner;
use crate::font::FontSet;
use crate::graph::{self, Arguments, SoundMix, VideoGraph};
use crate::layout::{Frame, LAYOUT_RESOLUTION};
use crate::measure::{SoundMeasures, caption_sync, longest_silence, measure_file, no_loudness, parse_sound_log};
use crate::probe_cache::{PreparedBackground, ProbeCache};
use crate::provenance::Provenance;
use crate::scene::{Scene, TITLE_SECONDS, compose};
use crate::{sound, vtt};

/// The decrypted inputs of a render.
pub(crate) struct Inputs {
    pub request: Request,
    pub script: Script,
    pub narration: Narration,
    /// The narration as a WAV file.
    pub audio: zeroize::Zeroizing<Vec<u8>>,
    /// The digest of all inputs.
    pub digest: Digest,
}

/// Everything that a render needs.
pub(crate) struct RenderJob {
    pub inputs: Arc<Inputs>,
    pub shape: Shape,
    pub video: VideoSettings,
    pub brand: Brand,
    pub assets: PathBuf,
    /// The background that replaces the brand's own.
    pub background: Option<Asset>,
    /// The folder for prepared backgrounds.
    pub prepared: PathBuf,
    pub cache: Arc<ProbeCache>,
    pub runner: FfmpegRunner,
    pub progress: UnboundedSender<f64>,
}

/// The finished files and their measurements.
#[derive(Debug)]
pub(crate) struct RenderOutput {
    pub video: Bytes,
    pub captions: String,
    pub poster: Vec<u8>,
    pub preview: Vec<u8>,
    pub media: MediaFacts,
}

/// An image file from the brand.
struct Picture {
    path: PathBuf,
    /// The size in pixels.
    size: (u32, u32),
}

/// The narration, stored in the private folder.
struct Voice {
    path: PathBuf,
    sound: SoundMeasures,
}

impl RenderJob {
    /// Renders the video, or uses an earlier writer's video if `finished` is given. Then measures it and derives the
    /// other files.
    pub(crate) fn run(&self, finished: Option<&[u8]>) -> Result<RenderOutput, Error> {
        let fonts = FontSet::load(&self.assets, &self.brand)?;
        let logo = self.picture(&self.brand.logo)?;
        let mark = self.picture(&self.brand.mark)?;
        let background = self.background()?;
        let cues = cues(&self.inputs.narration, &self.names());
        let content = SceneContent {
            script: &self.inputs.script,
            narration: &self.inputs.narration,
            cues: &cues,
            brand: &self.brand,
            logo: logo.size,
            mark: mark.size,
            background: &background.luma,
        };
        check_glyphs(&fonts, &content)?;
        let scene = compose(&fonts, &content, self.shape)?;
        check_placements(&scene, &Frame::of(self.shape))?;
        let path = self.write_scratch("narration.wav", &self.inputs.audio)?;
        let sound = self.measure_sound("measuring the narration", &path)?;
        let voice = Voice { path, sound };
        self.report(0.04);

        let video = match finished {
            Some(bytes) => self.write_scratch("recommendation.mp4", bytes)?,
            None => self.render(&scene, &background.path, [&logo.path, &mark.path], &voice)?,
        };
        self.report(0.92);
        let (mut media, _) = measure_file(&self.runner, &video)?;
        let captions = vtt::document(&cues, TITLE_SECONDS);
        let timed_texts = vtt::read(&captions);
        media.captions = captions::facts(&timed_texts);
        if self.inputs.narration.timing == Timing::Exact {
            media.captions.sync = caption_sync(&self.runner, &video, &timed_texts)?;
        }
        media.longest_silence = longest_silence(&voice.sound.silences, self.spoken_span());
        (media.areas_with_text, media.contrast) = self.measure_text(&video, &scene)?;
        check(&mut media, self.size(), scene.seconds)?;
        self.report(0.96);
        let (poster, preview) = self.stills(&video, &scene)?;
        let video = Bytes::from(std::fs::read(&video).map_err(Error::Scratch)?);
        Ok(RenderOutput { video, captions, poster, preview, media })
    }

    /// Returns the names that captions keep together: those of the customer, the bank and the products.
    fn names(&self) -> Vec<&str> {
        let script = &self.inputs.script;
        let products = script.offers.iter().map(|offer| offer.name.as_str());
        products.chain([self.brand.name.as_str(), script.first_name.as_str()]).collect()
    }

    /// Reports progress, 0 to 1.
    fn report(&self, share: f64) {
        // Fails only if the receiver has been dropped.
        let _ = self.progress.send(share);
    }

    /// Returns the number of frame pixels per layout pixel.
    fn scale(&self) -> f64 {
        f64::from(self.video.resolution) / f64::from(LAYOUT_RESOLUTION)
    }

    /// Returns the size of the frame in pixels.
    fn size(&self) -> (u32, u32) {
        self.shape.size(self.video.resolution)
    }

    fn asset(&self, name: &str) -> Asset {
        Asset { path: self.assets.join(name), name: name.to_owned() }
    }

    fn picture(&self, name: &str) -> Result<Picture, Error> {
        let asset = self.asset(name);
        let probe = asset.probe(&self.runner, &self.cache)?;
        let stream = probe.stream("video").ok_or_else(|| asset.broken("not a picture"))?;
        Ok(Picture { size: (stream.width, stream.height), path: asset.path })
    }

    /// Writes unencrypted bytes to the private folder.
    fn write_scratch(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.runner.scratch.join(name);
        std::fs::write(&path, bytes).map_err(Error::Scratch)?;
        Ok(path)
    }

    fn measure_sound(&self, doing: &'static str, file: &Path) -> Result<SoundMeasures, Error> {
        let log = self.runner.ffmpeg(doing, &graph::measure_sound(file, false), &|_| {})?;
        parse_sound_log(&log).ok_or_else(no_loudness)
    }

    /// Returns the start of the first sentence and the end of the last one, in seconds from the start of the narration.
    fn spoken_span(&self) -> (f64, f64) {
        let sentences = &self.inputs.narration.sentences;
        let first = sentences.first().map_or(0.0, |sentence| sentence.start);
        (first, sentences.last().map_or(first, |sentence| sentence.end))
    }

    /// Renders the video and returns its path.
    fn render(
        &self,
        scene: &Scene,
        background: &Path,
        [logo, mark]: [&Path; 2],
        voice: &Voice,
    ) -> Result<PathBuf, Error> {
        let sound = self.mix(scene, voice)?;
        self.report(0.1);
        let document = self.write_scratch("picture.ass", scene.document.as_bytes())?;
        let mut moments: Vec<f64> = sample_moments(scene).chain([scene.poster, preview_start(scene)]).collect();
        moments.sort_by(f64::total_cmp);
        let provenance = Provenance::of(&self.inputs.script, &self.inputs.narration);
        let video = self.runner.scratch.join("recommendation.mp4");
        let graph = VideoGraph {
            provenance: &provenance.words,
            background,
            sound: &sound,
            logo,
            mark,
            document: &document,
            fonts: &self.runner.fonts,
            scrim: scene.scrim,
            veils: &scene.veils,
            logos: &scene.logos,
            size: self.size(),
            scale: self.scale(),
            seconds: scene.seconds,
            moments: &moments,
            preset: &self.video.preset,
            crf: self.video.crf,
            output: &video,
        };
        let progress = |seconds: f64| self.report(0.1 + 0.8 * (seconds / scene.seconds).clamp(0.0, 1.0));
        self.runner.ffmpeg("rendering the video", &graph.arguments(), &progress)?;
        provenance.append_to(&video).map_err(Error::Scratch)?;
        Ok(video)
    }

    /// Samples frames from the finished video and checks that text and logos are visible in them. Returns the number of
    /// checked areas and their lowest contrast.
    fn measure_text(&self, video: &Path, scene: &Scene) -> Result<(usize, Option<f64>), Error> {
        const TEXTS: [&str; 5] = ["name", "lower third", "captions", "offers", "notices"];
        const MARKS: [&str; 2] = ["privacy mark", "logo"];
        let marks = if self.video.resolution >= LEGIBLE_RESOLUTION { MARKS.as_slice() } else { &[] };
        let file = |(index, at)| (at, self.runner.scratch.join(format!("picture-{index}.gray")));
        let moments: Vec<(f64, PathBuf)> = sample_moments(scene).enumerate().map(file).collect();
        self.runner.ffmpeg("sampling frames of the video", &graph::luma_frames(video, &moments), &|_| {})?;
        let mut areas = 0;
        let mut lowest = None;
        for (at, path) in moments {
            let picture = std::fs::read(&path).map_err(Error::Scratch)?;
            // Text that is fading in or out does not have its final contrast.
            let fade = |placement: &Placement| if placement.kind == "captions" { 0.1 } else { 0.7 };
            let visible = |placement: &&Placement| {
                let fade = fade(placement);
                (TEXTS.contains(&placement.kind) || marks.contains(&placement.kind))
                    && (placement.start + fade..placement.end - fade).contains(&at)
            };
            for placement in scene.placements.iter().filter(visible) {
                // The margin around a logo shows the background, even if the logo fills its own area.
                let margin = if placement.kind == "logo" { 0.25 * placement.area.h } else { 0.0 };
                let area = placement.area.grown(margin).scaled(self.scale());
                if !has_ink(&picture, self.size(), area) {
                    let found = "empty".to_owned();
                    let wanted = "legible".to_owned();
                    return Err(Error::OutOfRange { measure: placement.kind, found, wanted });
                }
                areas += 1;
                lowest = min_contrast(lowest, contrast(&picture, self.size(), area));
            }
        }
        Ok((areas, lowest))
    }

    /// Returns the background in a form that fits the frame.
    fn background(&self) -> Result<PreparedBackground, Error> {
        let missing = || Error::Brand { field: "backgrounds", expected: "at least one file" };
        let asset = match &self.background {
            Some(asset) => asset.clone(),
            None => self.asset(self.brand.backgrounds.first().ok_or_else(missing)?),
        };
        let preparer =
            BackgroundPreparer { runner: &self.runner, cache: &self.cache, folder: &self.prepared, size: self.size() };
        preparer.prepare(&asset)
    }

    /// Mixes the voice with the ducked music, and adjusts the result to the required loudness.
    fn mix(&self, scene: &Scene, voice: &Voice) -> Result<PathBuf, Error> {
        let music = self.asset(&self.brand.music);
        music.probe(&self.runner, &self.cache)?;
        let measure = || self.measure_sound("measuring the music", &music.path).map_err(|error| music.blame(error));
        let music_sound = self.cache.sounds.get_or_try_insert(&music.path, "", measure)?;
        let narration = &self.inputs.narration;
        let gain = sound::music_gain(narration, TITLE_SECONDS, voice.sound.loudness, music_sound.loudness);
        let mixed = self.runner.scratch.join("mix.wav");
        let mix = SoundMix {
            voice: &voice.path,
            music: &music.path,
            offset: TITLE_SECONDS,
            seconds: scene.seconds,
            music_gain: &gain,
            output: &mixed,
        };
        let log = self.runner.ffmpeg("mixing the sound", &mix.arguments(), &|_| {})?;
        let mut gain = LOUDNESS - parse_sound_log(&log).ok_or_else(no_loudness)?.loudness;
        let mastered = self.runner.scratch.join("sound.wav");
        // The limiter slightly lowers the loudness. Further passes correct the gain.
        for _ in 0..3 {
            let log = self.runner.ffmpeg("mastering the sound", &graph::master(&mixed, gain, &mastered), &|_| {})?;
            let deviation = LOUDNESS - parse_sound_log(&log).ok_or_else(no_loudness)?.loudness;
            if deviation.abs() <= 0.3 {
                break;
            }
            gain += deviation;
        }
        Ok(mastered)
    }

    /// Creates the poster and the preview.
    fn stills(&self, video: &Path, scene: &Scene) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let still = |name: &str, arguments: &dyn Fn(&Path) -> Arguments| {
            let path = self.runner.scratch.join(name);
            self.runner.ffmpeg("taking stills", &arguments(&path), &|_| {})?;
            std::fs::read(&path).map_err(Error::Scratch)
        };
        let poster = still("poster.jpg", &|path| graph::poster(video, scene.poster, path))?;
        let preview = still("preview.gif", &|path| graph::preview(video, preview_start(scene), path))?;
        Ok((poster, preview))
    }
}

/// Returns the times, in seconds, at which the finished video is sampled: the middle of each card and each lower third.
fn sample_moments(scene: &Scene) -> impl Iterator<Item = f64> {
    let texts = scene.placements.iter().filter(|text| matches!(text.kind, "name" | "lower third" | "notices"));
    texts.map(|text| f64::midpoint(text.start, text.end))
}

/// Returns when the preview's three seconds start, in seconds.
fn preview_start(scene: &Scene) -> f64 {
    (scene.poster - 1.5).max(0.0)
}
