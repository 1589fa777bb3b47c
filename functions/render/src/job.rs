//! The blocking part of a render: turns decrypted inputs into the finished files within a private folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use contracts::Digest;
use contracts::brand::{Brand, Ground};
use contracts::media::{MediaFacts, Shape};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::VideoSettings;
use tokio::sync::mpsc::UnboundedSender;

use crate::background::{Asset, BackgroundPreparer};
use crate::background_luma::BackgroundLuma;
use crate::canvas::{Placement, VOICE_START, veil_opacity};
use crate::captions::{self, cues};
use crate::check::{LEGIBLE_RESOLUTION, LOUDNESS, check, check_placements, contrast, has_ink, min_contrast};
use crate::content::{SceneContent, check_glyphs};
use crate::error::Error;
use crate::ffmpeg::FfmpegRunner;
use crate::film::{Film, compose};
use crate::graph::{self, Arguments, SoundMix, VideoGraph};
use crate::layout::{Frame, LAYOUT_RESOLUTION, Rect};
use crate::measure::{SoundMeasures, caption_sync, longest_silence, measure_file, no_loudness, parse_sound_log};
use crate::probe_cache::{PreparedBackground, ProbeCache};
use crate::provenance::Provenance;
use crate::scenes::frames::{Behind, Composer, FrameColors};
use crate::scenes::kit::SceneKit;
use crate::scenes::stage::{DrawOptions, DrawnScene};
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

/// The minimum opacity of the veil over a background video. It keeps the image behind text calm.
const MIN_VEIL: f64 = 0.72;

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

/// The narration, stored in the private folder.
struct Voice {
    path: PathBuf,
    sound: SoundMeasures,
}

impl RenderJob {
    /// Renders the video, or uses `finished`, a video that an earlier attempt wrote. Then measures the video and derives the
    /// other files from it.
    pub(crate) fn run(&self, finished: Option<&[u8]>) -> Result<RenderOutput, Error> {
        let kit = SceneKit::load(&self.assets, &self.brand, self.shape)?;
        let background = self.background()?;
        let cues = cues(&self.inputs.narration, &self.names());
        let luma = match &background {
            Some(background) => background.luma.clone(),
            None => BackgroundLuma::uniform(kit.palette.background.luma()),
        };
        let content = SceneContent {
            script: &self.inputs.script,
            narration: &self.inputs.narration,
            cues: &cues,
            brand: &self.brand,
            background: &luma,
        };
        check_glyphs(&kit.fonts, &content)?;
        let frame = Frame::of(self.shape);
        let options = DrawOptions { scale: self.scale(), motion: self.video.motion };
        let film = compose(&kit, &content, &frame, options)?;
        check_placements(&film.placements, &frame)?;
        let path = self.write_scratch("narration.wav", &self.inputs.audio)?;
        let sound = self.measure_sound("measuring the narration", &path)?;
        let voice = Voice { path, sound };
        self.report(0.04);

        let video = match finished {
            Some(bytes) => self.write_scratch("recommendation.mp4", bytes)?,
            None => self.render(&kit, &film, background.as_ref(), &voice)?,
        };
        self.report(0.92);
        let (mut media, _) = measure_file(&self.runner, &video)?;
        let captions = vtt::document(&cues, VOICE_START);
        let timed_texts = vtt::read(&captions);
        media.captions = captions::facts(&timed_texts);
        if self.inputs.narration.timing == Timing::Exact {
            media.captions.sync = caption_sync(&self.runner, &video, &timed_texts)?;
        }
        media.longest_silence = longest_silence(&voice.sound.silences, self.spoken_span());
        (media.areas_with_text, media.contrast) = self.measure_text(&video, &film)?;
        check(&mut media, self.size(), film.seconds)?;
        self.report(0.96);
        let (poster, preview) = self.stills(&video, &film)?;
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
        kit: &SceneKit,
        film: &Film,
        background: Option<&PreparedBackground>,
        voice: &Voice,
    ) -> Result<PathBuf, Error> {
        let sound = self.mix(film, voice)?;
        self.report(0.1);
        let document = self.write_scratch("captions.ass", film.document.as_bytes())?;
        let starts = film.scenes.iter().map(DrawnScene::start);
        let mut moments: Vec<f64> = sample_moments(film).chain(starts).chain([film.poster, film.preview]).collect();
        moments.sort_by(f64::total_cmp);
        let provenance = Provenance::of(&self.inputs.script, &self.inputs.narration);
        let video = self.runner.scratch.join("recommendation.mp4");
        let graph = VideoGraph {
            provenance: &provenance.words,
            background: background.map(|background| background.path.as_path()),
            sound: &sound,
            document: self.video.burn_captions.then_some(document.as_path()),
            fonts: &self.runner.fonts,
            size: self.size(),
            seconds: film.seconds,
            moments: &moments,
            preset: &self.video.preset,
            crf: self.video.crf,
            output: &video,
        };
        let frame = Frame::of(self.shape);
        let whole = Rect { x: 0.0, y: 0.0, w: frame.dimensions().0, h: frame.dimensions().1 };
        let behind = background.map_or(Behind::Ground, |background| {
            let brightest = background.luma.level(whole, frame.dimensions());
            #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
            let veil = veil_opacity(&kit.palette, brightest, MIN_VEIL) as f32;
            Behind::Video { veil }
        });
        let colors = FrameColors { background: kit.palette.background, cover: kit.palette.cover };
        let size = self.size();
        let cancel = self.runner.cancel.clone();
        let feed = move |sink: &mut dyn Write| {
            let mut composer = Composer::new(size, behind, colors);
            film.scenes.iter().try_for_each(|scene| composer.write(scene, sink, &|| !cancel.is_cancelled()))
        };
        let progress = |seconds: f64| self.report(0.1 + 0.8 * (seconds / film.seconds).clamp(0.0, 1.0));
        self.runner.ffmpeg_fed("rendering the video", &graph.arguments(), &progress, feed)?;
        provenance.append_to(&video).map_err(Error::Scratch)?;
        Ok(video)
    }

    /// Samples frames from the finished video and checks that text and logos are visible in them. Returns the number of
    /// checked areas and their lowest contrast.
    fn measure_text(&self, video: &Path, film: &Film) -> Result<(usize, Option<f64>), Error> {
        /// Slots for pictures, to which the required contrast of text does not apply.
        const PICTURES: [&str; 8] = ["art", "art-1", "art-2", "art-3", "qr", "progress", "mark", "logo-large"];
        /// Slots whose text is too small to measure at a low resolution.
        const SMALL: [&str; 5] = ["privacy", "logo", "note", "figure-label", "figure-terms"];
        let is_fine = self.video.resolution >= LEGIBLE_RESOLUTION;
        let sample = |(index, at)| (at, self.runner.scratch.join(format!("picture-{index}.gray")));
        let moments: Vec<(f64, PathBuf)> = sample_moments(film).enumerate().map(sample).collect();
        self.runner.ffmpeg("sampling frames of the video", &graph::luma_frames(video, &moments), &|_| {})?;
        let mut areas = 0;
        let mut lowest = None;
        for (at, path) in moments {
            let picture = std::fs::read(&path).map_err(Error::Scratch)?;
            let visible = |placement: &&Placement| {
                (is_fine || !SMALL.contains(&placement.kind))
                    && (self.video.burn_captions || placement.kind != "captions")
                    && (placement.start + 0.1..placement.end - 0.1).contains(&at)
            };
            for placement in film.placements.iter().filter(visible) {
                // Include a margin around a logo, because a logo that fills its area hides the background.
                let margin = if placement.kind == "logo" { 0.25 * placement.area.h } else { 0.0 };
                let area = placement.area.grown(margin).scaled(self.scale());
                if !has_ink(&picture, self.size(), area) {
                    let found = "empty".to_owned();
                    let wanted = "legible".to_owned();
                    return Err(Error::OutOfRange { measure: placement.kind, found, wanted });
                }
                areas += 1;
                if !PICTURES.contains(&placement.kind) {
                    lowest = min_contrast(lowest, contrast(&picture, self.size(), area));
                }
            }
        }
        Ok((areas, lowest))
    }

    /// Returns the background in a form that fits the frame, or `None` if the scenes draw their own background.
    fn background(&self) -> Result<Option<PreparedBackground>, Error> {
        let missing = || Error::Brand { field: "backgrounds", expected: "at least one file if ground is loop" };
        let asset = match (&self.background, self.brand.ground) {
            (Some(asset), _) => asset.clone(),
            (None, Ground::Still) => return Ok(None),
            (None, Ground::Loop) => self.asset(self.brand.backgrounds.first().ok_or_else(missing)?),
        };
        let preparer =
            BackgroundPreparer { runner: &self.runner, cache: &self.cache, folder: &self.prepared, size: self.size() };
        preparer.prepare(&asset).map(Some)
    }

    /// Mixes the voice with the ducked music, and adjusts the mix to the required loudness.
    fn mix(&self, film: &Film, voice: &Voice) -> Result<PathBuf, Error> {
        let music = self.asset(&self.brand.music);
        music.probe(&self.runner, &self.cache)?;
        let measure = || self.measure_sound("measuring the music", &music.path).map_err(|error| music.blame(error));
        let music_sound = self.cache.sounds.get_or_try_insert(&music.path, "", measure)?;
        let narration = &self.inputs.narration;
        let gain = sound::music_gain(narration, VOICE_START, voice.sound.loudness, music_sound.loudness);
        let mixed = self.runner.scratch.join("mix.wav");
        let mix = SoundMix {
            voice: &voice.path,
            music: &music.path,
            offset: VOICE_START,
            seconds: film.seconds,
            music_gain: &gain,
            output: &mixed,
        };
        let log = self.runner.ffmpeg("mixing the audio", &mix.arguments(), &|_| {})?;
        let mut gain = LOUDNESS - parse_sound_log(&log).ok_or_else(no_loudness)?.loudness;
        let mastered = self.runner.scratch.join("sound.wav");
        // The limiter slightly lowers the loudness. Further passes correct the gain.
        for _ in 0..3 {
            let log = self.runner.ffmpeg("mastering the audio", &graph::master(&mixed, gain, &mastered), &|_| {})?;
            let deviation = LOUDNESS - parse_sound_log(&log).ok_or_else(no_loudness)?.loudness;
            if deviation.abs() <= 0.3 {
                break;
            }
            gain += deviation;
        }
        Ok(mastered)
    }

    /// Creates the poster and the preview.
    fn stills(&self, video: &Path, film: &Film) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let still = |name: &str, arguments: &dyn Fn(&Path) -> Arguments| {
            let path = self.runner.scratch.join(name);
            self.runner.ffmpeg("taking stills", &arguments(&path), &|_| {})?;
            std::fs::read(&path).map_err(Error::Scratch)
        };
        let poster = still("poster.jpg", &|path| graph::poster(video, film.poster, path))?;
        let preview = still("preview.gif", &|path| graph::preview(video, film.preview, path))?;
        Ok((poster, preview))
    }
}

/// Returns the times, in seconds, at which the finished video is sampled: when the most elements of a scene are visible.
fn sample_moments(film: &Film) -> impl Iterator<Item = f64> {
    film.scenes.iter().map(DrawnScene::fullest)
}
