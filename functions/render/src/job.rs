//! The blocking part of a render: from plain inputs to the finished files, within one private folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use contracts::Digest;
use contracts::brand::Brand;
use contracts::media::{MediaFacts, Shape};
use contracts::narration::Timing;
use contracts::settings::VideoSettings;
use tokio::sync::mpsc::UnboundedSender;

use crate::Inputs;
use crate::captions::{self, cues};
use crate::check::{LOUDNESS, check, check_places, contrast, has_ink, lower};
use crate::error::Error;
use crate::ffmpeg::Runner;
use crate::font::Fonts;
use crate::graph::{self, Arguments, Mix, Render};
use crate::known::Known;
use crate::layout::{Frame, RESOLUTION};
use crate::mark::Origin;
use crate::measure::{Heard, Probe, Stream, heard, longest_silence, measured, sync, unheard};
use crate::scene::{Content, FRAME_RATE, Placed, Scene, TITLE_SECONDS, check_glyphs, compose};
use crate::{sound, vtt};

/// Containers in which a background may come: none of them is a playlist that names other files.
const CONTAINERS: [&str; 5] = ["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "flv"];

/// The transfers of high dynamic range (ITU-R BT.2100: PQ and HLG).
const HDR: [&str; 2] = ["smpte2084", "arib-std-b67"];

/// All that a render needs, in the clear.
pub(crate) struct Job {
    pub inputs: Arc<Inputs>,
    pub shape: Shape,
    pub video: VideoSettings,
    pub brand: Brand,
    pub assets: PathBuf,
    /// Behind the text instead of the brand's own.
    pub background: Option<Asset>,
    /// Where backgrounds are kept that were prepared for a frame.
    pub prepared: PathBuf,
    pub known: Arc<Known>,
    pub runner: Runner,
    pub progress: UnboundedSender<f64>,
}

/// The finished files and what was measured.
#[derive(Debug)]
pub(crate) struct Made {
    pub video: Bytes,
    pub captions: String,
    pub poster: Vec<u8>,
    pub preview: Vec<u8>,
    pub media: MediaFacts,
}

/// An asset: its path, and its name for messages.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    pub path: PathBuf,
    pub name: String,
}

impl Asset {
    /// Says of a failure over this file that the file is broken.
    fn blame(&self, error: Error) -> Error {
        match error {
            Error::Failed { reason, .. } => Error::AssetBroken { file: self.name.clone(), reason },
            other => other,
        }
    }
}

impl Job {
    /// Renders, or takes `finished`, an earlier writer's video; then measures and derives the rest.
    pub(crate) fn make(&self, finished: Option<&[u8]>) -> Result<Made, Error> {
        let tell = |share: f64| {
            // Nobody listens once the caller is gone.
            let _ = self.progress.send(share);
        };
        let fonts = Fonts::load(&self.assets, &self.brand)?;
        let (logo, logo_size) = self.picture(&self.brand.logo)?;
        let (mark, mark_size) = self.picture(&self.brand.mark)?;
        let cues = cues(&self.inputs.narration);
        let content = Content {
            script: &self.inputs.script,
            narration: &self.inputs.narration,
            cues: &cues,
            brand: &self.brand,
            logo: logo_size,
            mark: mark_size,
        };
        check_glyphs(&fonts, &content)?;
        let scene = compose(&fonts, &content, self.shape)?;
        check_places(&scene, &Frame::of(self.shape))?;
        let voice = self.file("narration.wav", &self.inputs.audio)?;
        let voice_heard = self.listen("measuring the narration", &voice)?;
        tell(0.04);

        let video = self.runner.scratch.join("recommendation.mp4");
        match finished {
            Some(bytes) => self.file("recommendation.mp4", bytes).map(|_| ())?,
            None => self.render(&scene, (&logo, &mark), &voice, &voice_heard, &video, &tell)?,
        }
        tell(0.92);
        let (mut media, _) = measured(&self.runner, &video)?;
        let captions = vtt::document(&cues, TITLE_SECONDS);
        let read = vtt::read(&captions);
        media.captions = captions::facts(&read);
        if self.inputs.narration.timing == Timing::Exact {
            media.captions.sync = sync(&self.runner, &video, &read)?;
        }
        media.longest_silence = longest_silence(&voice_heard.silences, self.spoken());
        (media.areas_with_text, media.contrast) = self.look(&video, &scene)?;
        check(&mut media, self.size(), scene.seconds)?;
        tell(0.96);
        let (poster, preview) = self.stills(&video, &scene)?;
        let video = Bytes::from(std::fs::read(&video).map_err(Error::Scratch)?);
        Ok(Made { video, captions, poster, preview, media })
    }

    /// px of the frame for each px of the layout.
    fn scale(&self) -> f64 {
        f64::from(self.video.resolution) / f64::from(RESOLUTION)
    }

    /// Of the frame, px.
    fn size(&self) -> (u32, u32) {
        self.shape.size(self.video.resolution)
    }

    fn asset(&self, name: &str) -> Asset {
        Asset { path: self.assets.join(name), name: name.to_owned() }
    }

    fn probe(&self, asset: &Asset) -> Result<Probe, Error> {
        if !asset.path.is_file() {
            return Err(Error::AssetBroken { file: asset.name.clone(), reason: "not there".to_owned() });
        }
        self.known.probes.of(&asset.path, "", || {
            let json = self.runner.probe("describing an asset", &asset.path).map_err(|error| asset.blame(error))?;
            Probe::parse(&json)
        })
    }

    /// A picture of the brand: its path and its size in px.
    fn picture(&self, name: &str) -> Result<(PathBuf, (u32, u32)), Error> {
        let asset = self.asset(name);
        let probe = self.probe(&asset)?;
        let broken = || Error::AssetBroken { file: asset.name.clone(), reason: "not a picture".to_owned() };
        let size = probe.stream("video").map(|stream| (stream.width, stream.height)).ok_or_else(broken)?;
        Ok((asset.path, size))
    }

    /// Writes plain bytes into the private folder.
    fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.runner.scratch.join(name);
        std::fs::write(&path, bytes).map_err(Error::Scratch)?;
        Ok(path)
    }

    fn listen(&self, doing: &'static str, file: &Path) -> Result<Heard, Error> {
        let log = self.runner.ffmpeg(doing, &graph::listen(file, false), &|_| {})?;
        heard(&log).ok_or_else(unheard)
    }

    /// From the first word to the last, seconds of the narration.
    fn spoken(&self) -> (f64, f64) {
        let sentences = &self.inputs.narration.sentences;
        let first = sentences.first().map_or(0.0, |sentence| sentence.start);
        (first, sentences.last().map_or(first, |sentence| sentence.end))
    }

    fn render(
        &self,
        scene: &Scene,
        (logo, mark): (&Path, &Path),
        voice: &Path,
        voice_heard: &Heard,
        video: &Path,
        tell: &dyn Fn(f64),
    ) -> Result<(), Error> {
        let background = self.background()?;
        let sound = self.mix(scene, voice, voice_heard)?;
        tell(0.1);
        let document = self.file("picture.ass", scene.document.as_bytes())?;
        let mut moments: Vec<f64> = looks(scene).chain([scene.poster, preview_start(scene)]).collect();
        moments.sort_by(f64::total_cmp);
        let origin = Origin::of(&self.inputs.script, &self.inputs.narration);
        let render = Render {
            origin: &origin.words,
            background: &background,
            sound: &sound,
            logo,
            mark,
            document: &document,
            fonts: &self.runner.fonts,
            veils: &scene.veils,
            logos: &scene.logos,
            size: self.size(),
            scale: self.scale(),
            seconds: scene.seconds,
            moments: &moments,
            preset: &self.video.preset,
            crf: self.video.crf,
            output: video,
        };
        let progress = |seconds: f64| tell(0.1 + 0.8 * (seconds / scene.seconds).clamp(0.0, 1.0));
        self.runner.ffmpeg("rendering the video", &render.arguments(), &progress)?;
        origin.mark(video).map_err(Error::Scratch)
    }

    /// Looks at the finished picture: where captions, product names and notices must be, there is text. Gives the number of
    /// areas that were looked at, and the lowest contrast.
    fn look(&self, video: &Path, scene: &Scene) -> Result<(usize, Option<f64>), Error> {
        const TEXTS: [&str; 5] = ["name", "lower third", "captions", "offers", "notices"];
        let file = |(index, at)| (at, self.runner.scratch.join(format!("picture-{index}.gray")));
        let moments: Vec<(f64, PathBuf)> = looks(scene).enumerate().map(file).collect();
        self.runner.ffmpeg("looking at the picture", &graph::look(video, &moments), &|_| {})?;
        let (mut seen, mut lowest) = (0, None);
        for (at, path) in moments {
            let picture = std::fs::read(&path).map_err(Error::Scratch)?;
            // While a card fades, its text is not what it will be.
            let fade = |placed: &Placed| if placed.what == "captions" { 0.1 } else { 0.7 };
            let shown = |placed: &&Placed| {
                TEXTS.contains(&placed.what) && (placed.start + fade(placed)..placed.end - fade(placed)).contains(&at)
            };
            for placed in scene.placed.iter().filter(shown) {
                let area = placed.area.scaled(self.scale());
                if !has_ink(&picture, self.size(), area) {
                    let (found, wanted) = ("empty".to_owned(), "legible".to_owned());
                    return Err(Error::OutOfRange { measure: placed.what, found, wanted });
                }
                seen += 1;
                lowest = lower(lowest, contrast(&picture, self.size(), area));
            }
        }
        Ok((seen, lowest))
    }

    /// The background, ready for the frame: as it lies there, or prepared once and kept under its digest.
    fn background(&self) -> Result<PathBuf, Error> {
        let missing = || Error::Brand { field: "backgrounds", expected: "at least one file" };
        let asset = match &self.background {
            Some(asset) => asset.clone(),
            None => self.asset(self.brand.backgrounds.first().ok_or_else(missing)?),
        };
        let (w, h) = self.size();
        let frame = format!("{w}x{h} in {}", self.prepared.display());
        let ready = self.known.backgrounds.of(&asset.path, &frame, || self.made_ready(&asset))?;
        // Somebody may have swept the folder meanwhile.
        if ready.is_file() { Ok(ready) } else { self.made_ready(&asset) }
    }

    /// The background as it lies there, if it is fit for the frame, or as it was prepared.
    fn made_ready(&self, asset: &Asset) -> Result<PathBuf, Error> {
        let probe = self.probe(asset)?;
        let broken = |reason: &str| Error::AssetBroken { file: asset.name.clone(), reason: reason.to_owned() };
        if !CONTAINERS.contains(&probe.format.format_name.as_str()) {
            return Err(broken("not a video file of a kind that is read: MP4, Matroska, AVI, MPEG-TS"));
        }
        let stream = probe.stream("video").ok_or_else(|| broken("holds no video"))?;
        // Made for a brighter screen: shown as it is, it would be grey and flat.
        if HDR.contains(&stream.color_transfer.as_str()) {
            return Err(broken("is HDR; convert it to SDR with the colours of BT.709"));
        }
        let arguments = graph::glance(&asset.path);
        self.runner.ffmpeg("reading the background", &arguments, &|_| {}).map_err(|error| asset.blame(error))?;
        if self.fits(stream) { Ok(asset.path.clone()) } else { self.prepared(asset) }
    }

    fn fits(&self, stream: &Stream) -> bool {
        (stream.width, stream.height) == self.size()
            && [&stream.r_frame_rate, &stream.avg_frame_rate].into_iter().all(|rate| *rate == format!("{FRAME_RATE}/1"))
            && stream.side_data_list.iter().all(|side| side.rotation == 0.0)
            && stream.pix_fmt == "yuv420p"
            && stream.color_space == "bt709"
    }

    /// The background at the frame's size and rate, from an earlier render or made now. Two that make it at once make the
    /// same, and the last one's stays.
    fn prepared(&self, asset: &Asset) -> Result<PathBuf, Error> {
        let digest = Digest::of(&std::fs::read(&asset.path).map_err(Error::Scratch)?);
        let (w, h) = self.size();
        let path = self.prepared.join(format!("{}-{w}x{h}.mp4", digest.short()));
        if !path.is_file() {
            std::fs::create_dir_all(&self.prepared).map_err(Error::Scratch)?;
            let made = self.runner.scratch.join("background.mp4");
            let arguments = graph::prepare(&asset.path, (w, h), graph::BACKGROUND_SECONDS, &made);
            self.runner.ffmpeg("preparing the background", &arguments, &|_| {})?;
            std::fs::rename(&made, &path).map_err(Error::Scratch)?;
        }
        Ok(path)
    }

    /// Voice and ducked music, brought to the loudness that is wanted by measuring and a plain gain.
    fn mix(&self, scene: &Scene, voice: &Path, voice_heard: &Heard) -> Result<PathBuf, Error> {
        let music = self.asset(&self.brand.music);
        self.probe(&music)?;
        let listen = || self.listen("measuring the music", &music.path).map_err(|error| music.blame(error));
        let music_heard = self.known.sounds.of(&music.path, "", listen)?;
        let gain = sound::music_gain(&self.inputs.narration, TITLE_SECONDS, voice_heard.loudness, music_heard.loudness);
        let mixed = self.runner.scratch.join("mix.wav");
        let mix = Mix {
            voice,
            music: &music.path,
            offset: TITLE_SECONDS,
            seconds: scene.seconds,
            music_gain: &gain,
            output: &mixed,
        };
        let log = self.runner.ffmpeg("mixing the sound", &mix.arguments(), &|_| {})?;
        let mut gain = LOUDNESS.0 - heard(&log).ok_or_else(unheard)?.loudness;
        let mastered = self.runner.scratch.join("sound.wav");
        // The limiter takes a little of what the gain gave: a second look makes up for it.
        for _ in 0..3 {
            let log = self.runner.ffmpeg("mastering the sound", &graph::master(&mixed, gain, &mastered), &|_| {})?;
            let off = LOUDNESS.0 - heard(&log).ok_or_else(unheard)?.loudness;
            if off.abs() <= 0.3 {
                break;
            }
            gain += off;
        }
        Ok(mastered)
    }

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

/// The moments at which the finished picture is looked at, seconds: the middle of each card and of each lower third.
fn looks(scene: &Scene) -> impl Iterator<Item = f64> {
    let texts = scene.placed.iter().filter(|placed| matches!(placed.what, "name" | "lower third" | "notices"));
    texts.map(|placed| f64::midpoint(placed.start, placed.end))
}

/// When the three seconds of the preview begin, seconds.
fn preview_start(scene: &Scene) -> f64 {
    (scene.poster - 1.5).max(0.0)
}
