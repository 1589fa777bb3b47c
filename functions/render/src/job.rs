//! The blocking part of a render: turns decrypted inputs into the finished files within a private folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use contracts::Digest;
use contracts::brand::{Brand, Ground};
use contracts::media::{MediaFacts, SceneUse, Shape};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::VideoSettings;
use tokio::sync::mpsc::UnboundedSender;

use crate::background::{Asset, BackgroundPreparer};
use crate::background_luma::BackgroundLuma;
use crate::canvas::{VOICE_START, veil_opacity};
use crate::captions;
use crate::check::{LOUDNESS, check, check_placements, min_contrast};
use crate::content::{SceneContent, check_glyphs};
use crate::error::Error;
use crate::ffmpeg::FfmpegRunner;
use crate::film::{Film, FilmPlan, compose, plan};
use crate::graph::{self, Arguments, SoundMix, VideoGraph};
use crate::join::{self, Clip};
use crate::layout::{Frame, LAYOUT_RESOLUTION, Rect};
use crate::measure::{SoundMeasures, caption_sync, longest_silence, measure_file, no_loudness, parse_sound_log};
use crate::probe_cache::{PreparedBackground, ProbeCache};
use crate::provenance::Provenance;
use crate::scene_maker::{SceneMaker, SceneStore, look_at, look_digest};
use crate::scenes::frames::{Behind, Composer, FrameColors};
use crate::scenes::kit::SceneKit;
use crate::scenes::spec::Scene;
use crate::scenes::stage::{DrawOptions, DrawnScene, fullest};
use crate::{sound, vtt};

/// The file name of the video in the private folder.
const VIDEO: &str = "recommendation.mp4";

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
    /// The store of shared scenes.
    pub store: SceneStore,
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

/// One in this many joined videos has its whole image checked. Its scenes were already checked when they were made.
const WHOLE_LOOK: u64 = 20;

/// A finished video with the results of its checks.
struct Finished {
    path: PathBuf,
    /// The poster, if a scene has it.
    poster: Option<Vec<u8>>,
    areas: usize,
    contrast: Option<f64>,
}

impl RenderJob {
    /// Renders the video, or uses `finished`, a video that an earlier attempt wrote. Then measures the video and derives the
    /// other files from it.
    pub(crate) fn run(&self, finished: Option<&[u8]>) -> Result<RenderOutput, Error> {
        let kit = SceneKit::load(&self.assets, &self.brand, self.shape)?;
        let background = self.background()?;
        let luma = match &background {
            Some(background) => background.luma.clone(),
            None => BackgroundLuma::uniform(kit.palette.background.luma()),
        };
        let content = SceneContent {
            script: &self.inputs.script,
            narration: &self.inputs.narration,
            brand: &self.brand,
            background: &luma,
        };
        check_glyphs(&kit.fonts, &content)?;
        let plan = plan(&kit, &content);
        let cues = plan.cues();
        let path = self.write_scratch("narration.wav", &self.inputs.audio)?;
        let sound = self.measure_sound("measuring the narration", &path)?;
        let voice = Voice { path, sound };
        self.report(0.04);

        let look = (&self.runner, self.cache.as_ref());
        let look = look_digest(look, (&self.assets, &self.brand), (self.shape, &self.video))?;
        let maker = SceneMaker {
            runner: &self.runner,
            store: &self.store,
            cache: &self.cache,
            kit: &kit,
            shape: self.shape,
            video: &self.video,
            look,
        };
        // The background continues across scenes, so no frame can be shared with another video.
        let scenes: Vec<Scene> = match &background {
            Some(_) => Vec::new(),
            None if self.video.burn_captions => plan.scenes.clone(),
            None => plan.scenes.iter().cloned().map(Scene::without_captions).collect(),
        };
        let whole = || compose(&kit, &content, &Frame::of(self.shape), self.draw_options());
        let video = match finished {
            Some(bytes) => self.look_at_whole(&whole()?, self.write_scratch(VIDEO, bytes)?)?,
            None if scenes.is_empty() => {
                let film = whole()?;
                check_placements(&film.placements, &Frame::of(self.shape))?;
                let path = self.render(&kit, &film, background.as_ref(), &voice)?;
                self.look_at_whole(&film, path)?
            }
            None => {
                let joined = self.join(&maker, &scenes, &plan, &voice)?;
                if self.is_looked_at_whole() { self.look_at_whole(&whole()?, joined.path)? } else { joined }
            }
        };
        self.report(0.92);
        let (mut media, _) = measure_file(&self.runner, &video.path)?;
        let captions = vtt::document(&cues, plan.end_card);
        let timed_texts = vtt::read(&captions);
        media.captions = captions::facts(&timed_texts);
        if self.inputs.narration.timing == Timing::Exact {
            media.captions.sync = caption_sync(&self.runner, &video.path, &timed_texts)?;
        }
        media.longest_silence = longest_silence(&voice.sound.silences, self.spoken_span());
        (media.areas_with_text, media.contrast) = (video.areas, video.contrast);
        check(&mut media, self.size(), plan.seconds)?;
        self.report(0.96);
        let poster = match video.poster {
            Some(poster) => poster,
            None => self.poster(&video.path, &plan)?,
        };
        let preview = self.preview(&video.path, &plan)?;
        let scenes = scenes.iter().map(|scene| match scene {
            Scene::Shared(shared) => SceneUse::Shared(maker.digest(shared)),
            Scene::Personal(_) => SceneUse::Personal,
        });
        media.scenes = scenes.collect();
        let video = Bytes::from(std::fs::read(&video.path).map_err(Error::Scratch)?);
        Ok(RenderOutput { video, captions, poster, preview, media })
    }

    /// Returns whether the whole image of the joined video is checked. This depends only on the video's inputs.
    fn is_looked_at_whole(&self) -> bool {
        let [first, ..] = self.inputs.digest.as_bytes().as_chunks::<8>().0 else { return true };
        u64::from_le_bytes(*first).is_multiple_of(WHOLE_LOOK)
    }

    /// Gets the video of every scene, joins the videos, and adds the audio.
    fn join(
        &self,
        maker: &SceneMaker<'_>,
        scenes: &[Scene],
        plan: &FilmPlan,
        voice: &Voice,
    ) -> Result<Finished, Error> {
        let mastered = self.mix(plan.seconds, voice)?;
        let provenance = Provenance::of(&self.inputs.script, &self.inputs.narration);
        let sound = self.runner.scratch.join("sound.mp4");
        let arguments = graph::encode_sound(&mastered, plan.seconds, &provenance.words, &sound);
        self.runner.ffmpeg("encoding the sound", &arguments, &|_| {})?;
        self.report(0.1);
        let mut pictures = Vec::new();
        for scene in scenes {
            pictures.push(maker.picture(scene)?);
            self.report(0.1 + 0.8 * ((scene.start + scene.timing.seconds) / plan.seconds).clamp(0.0, 1.0));
        }
        let names: Vec<String> = scenes
            .iter()
            .enumerate()
            .map(|(index, scene)| format!("scene {} ({})", index + 1, scene.kind.name()))
            .collect();
        let clips = names.iter().zip(&pictures).map(|(name, picture)| Clip::read(name, &picture.video));
        let clips: Vec<Clip<'_>> = clips.collect::<Result<_, _>>()?;
        let sound = std::fs::read(&sound).map_err(Error::Scratch)?;
        let joined = join::join(&clips, &Clip::read("sound", &sound)?)?;
        let path = self.write_scratch(VIDEO, &joined)?;
        provenance.append_to(&path).map_err(Error::Scratch)?;
        let areas = pictures.iter().map(|picture| picture.areas as usize).sum();
        let contrast = pictures.iter().map(|picture| picture.contrast).fold(None, min_contrast);
        let poster = pictures.get(plan.poster).and_then(|picture| picture.poster.clone());
        Ok(Finished { path, poster, areas, contrast })
    }

    /// Reports progress, 0 to 1.
    fn report(&self, share: f64) {
        // Fails only if the receiver has been dropped.
        let _ = self.progress.send(share);
    }

    /// Returns the scale and the motion with which scenes are drawn.
    fn draw_options(&self) -> DrawOptions {
        let scale = f64::from(self.video.resolution) / f64::from(LAYOUT_RESOLUTION);
        DrawOptions { scale, motion: self.video.motion }
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

    /// Renders the whole video over a background, and returns its path.
    fn render(
        &self,
        kit: &SceneKit,
        film: &Film,
        background: Option<&PreparedBackground>,
        voice: &Voice,
    ) -> Result<PathBuf, Error> {
        let sound = self.mix(film.seconds, voice)?;
        self.report(0.1);
        let document = self.write_scratch("captions.ass", film.document.as_bytes())?;
        let starts = film.scenes.iter().map(DrawnScene::start);
        let mut moments: Vec<f64> = sample_moments(film).chain(starts).chain([film.poster]).collect();
        moments.sort_by(f64::total_cmp);
        let provenance = Provenance::of(&self.inputs.script, &self.inputs.narration);
        let video = self.runner.scratch.join(VIDEO);
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

    /// Samples frames from the finished video and checks that text and logos are visible in them.
    fn look_at_whole(&self, film: &Film, path: PathBuf) -> Result<Finished, Error> {
        let sample = |(index, at)| (at, self.runner.scratch.join(format!("picture-{index}.gray")));
        let moments: Vec<(f64, PathBuf)> = sample_moments(film).enumerate().map(sample).collect();
        self.runner.ffmpeg("sampling frames of the video", &graph::luma_frames(&path, &moments), &|_| {})?;
        let mut areas = 0;
        let mut lowest = None;
        for (at, sampled) in moments {
            let picture = std::fs::read(sampled).map_err(Error::Scratch)?;
            let visible = film.placements.iter().filter(|placement| {
                (self.video.burn_captions || placement.kind != "captions")
                    && (placement.start + 0.1..placement.end - 0.1).contains(&at)
            });
            let (found, contrast) = look_at(&picture, self.size(), self.video.resolution, visible)?;
            areas += found as usize;
            lowest = min_contrast(lowest, contrast);
        }
        Ok(Finished { path, poster: None, areas, contrast: lowest })
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

    /// Mixes the voice with the ducked music, and adjusts the result to the required loudness.
    fn mix(&self, seconds: f64, voice: &Voice) -> Result<PathBuf, Error> {
        let music = self.asset(sound::music_of(&self.brand, &self.inputs.script));
        music.probe(&self.runner, &self.cache)?;
        let measure = || self.measure_sound("measuring the music", &music.path).map_err(|error| music.blame(error));
        let music_sound = self.cache.sounds.get_or_try_insert(&music.path, "", measure)?;
        let narration = &self.inputs.narration;
        let gain = sound::music_gain(narration, VOICE_START, voice.sound.loudness, music_sound.loudness);
        let mastered = self.runner.scratch.join("sound.wav");
        let mut mix = SoundMix {
            voice: &voice.path,
            music: &music.path,
            offset: VOICE_START,
            seconds,
            music_gain: &gain,
            gain: LOUDNESS - voice.sound.loudness,
            output: &mastered,
        };
        // The voice determines the loudness almost alone. Further passes correct the gain.
        for _ in 0..4 {
            let log = self.runner.ffmpeg("mixing the audio", &mix.arguments(), &|_| {})?;
            let deviation = LOUDNESS - parse_sound_log(&log).ok_or_else(no_loudness)?.loudness;
            if deviation.abs() <= 0.3 {
                break;
            }
            mix.gain += deviation;
        }
        Ok(mastered)
    }

    /// Creates the poster from the finished video.
    fn poster(&self, video: &Path, plan: &FilmPlan) -> Result<Vec<u8>, Error> {
        let scene = plan.scenes.get(plan.poster);
        let at = scene.map_or(0.0, |scene| scene.start + fullest(scene.timing.seconds, scene.joints));
        self.still("poster.jpg", |path| graph::poster(video, at, path))
    }

    /// Creates the preview, which starts when the name is complete.
    fn preview(&self, video: &Path, plan: &FilmPlan) -> Result<Vec<u8>, Error> {
        self.still("preview.gif", |path| graph::preview(video, plan.preview, path))
    }

    fn still(&self, name: &str, arguments: impl FnOnce(&Path) -> Arguments) -> Result<Vec<u8>, Error> {
        let path = self.runner.scratch.join(name);
        self.runner.ffmpeg("taking stills", &arguments(&path), &|_| {})?;
        std::fs::read(&path).map_err(Error::Scratch)
    }
}

/// Returns the times, in seconds, at which the finished video is sampled: when the most elements of a scene are visible.
fn sample_moments(film: &Film) -> impl Iterator<Item = f64> {
    film.scenes.iter().map(DrawnScene::fullest)
}
