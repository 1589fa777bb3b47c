//! Makes the pictures of scenes: each shared scene once for all customers, and each personal scene for one customer.

use std::io::Write;
use std::path::Path;
use std::sync::PoisonError;

use contracts::brand::Brand;
use contracts::media::Shape;
use contracts::settings::VideoSettings;
use contracts::{Digest, ObjectKey};
use storage::shared::{Found, Shareable, SharedStore};
use storage::vault::Vault;
use tokio::runtime::Handle;

use crate::background_luma::BackgroundLuma;
use crate::canvas::{FRAME_RATE, Placement};
use crate::caption_track;
use crate::check::{LEGIBLE_RESOLUTION, check_placements, contrast, has_ink, min_contrast};
use crate::error::Error;
use crate::ffmpeg::{FfmpegRunner, query};
use crate::graph::{self, SceneGraph};
use crate::join::Clip;
use crate::layout::{Frame, LAYOUT_RESOLUTION};
use crate::probe_cache::ProbeCache;
use crate::scenes::SceneKind;
use crate::scenes::frames::{Behind, Composer, FrameColors};
use crate::scenes::kit::SceneKit;
use crate::scenes::spec::{Scene, SceneSpec, SharedScene};
use crate::scenes::stage::{DrawOptions, draw, fullest};

/// The version of the format in which scenes are stored.
const FORMAT: &str = "scene 1";

/// The encoded picture of a scene, with the results of its checks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScenePicture {
    /// The number of areas in which text was found.
    pub areas: u32,
    /// The lowest contrast of text.
    pub contrast: Option<f64>,
    /// If the scene may become the poster, a JPEG of the moment at which it shows the most.
    pub poster: Option<Vec<u8>>,
    /// The MP4 file.
    pub video: Vec<u8>,
}

/// The format is: areas, contrast (NaN if none), length of the poster, poster, video. Numbers are little-endian.
impl Shareable for ScenePicture {
    fn key(digest: Digest) -> ObjectKey {
        ObjectKey::Scene(digest)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let poster = self.poster.as_deref().unwrap_or_default();
        let mut bytes = Vec::with_capacity(16 + poster.len() + self.video.len());
        bytes.extend(self.areas.to_le_bytes());
        bytes.extend(self.contrast.unwrap_or(f64::NAN).to_le_bytes());
        bytes.extend(u32::try_from(poster.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(poster);
        bytes.extend(&self.video);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (areas, bytes) = bytes.split_first_chunk::<4>()?;
        let (contrast, bytes) = bytes.split_first_chunk::<8>()?;
        let (length, bytes) = bytes.split_first_chunk::<4>()?;
        let (poster, video) = bytes.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let contrast = f64::from_le_bytes(*contrast);
        Some(Self {
            areas: u32::from_le_bytes(*areas),
            contrast: (!contrast.is_nan()).then_some(contrast),
            poster: (!poster.is_empty()).then(|| poster.to_vec()),
            video: video.to_vec(),
        })
    }
}

/// The store of shared scenes, for the blocking part of a render.
pub(crate) struct SceneStore {
    pub vault: Vault,
    pub runtime: Handle,
    /// The days after which a scene expires; never if 0.
    pub days: u16,
}

impl SceneStore {
    fn find(&self, digest: Digest) -> Found<ScenePicture> {
        self.runtime.block_on(SharedStore::new(&self.vault, self.days).find(digest))
    }

    fn keep(&self, digest: Digest, picture: ScenePicture) -> ScenePicture {
        self.runtime.block_on(SharedStore::new(&self.vault, self.days).keep(digest, picture))
    }

    fn replace(&self, digest: Digest, picture: &ScenePicture) {
        self.runtime.block_on(SharedStore::new(&self.vault, self.days).replace(digest, picture));
    }
}

/// Makes the pictures of scenes with one brand, shape and resolution.
pub(crate) struct SceneMaker<'a> {
    pub runner: &'a FfmpegRunner,
    pub store: &'a SceneStore,
    pub cache: &'a ProbeCache,
    pub kit: &'a SceneKit,
    pub shape: Shape,
    pub video: &'a VideoSettings,
    /// The digest of everything that determines all scenes: see [`look_digest`].
    pub look: Digest,
}

/// Returns the digest of everything that determines a scene's bytes except its content: the program, the encoder, the
/// processor architecture, the brand and its files, the shape and the settings.
pub(crate) fn look_digest(
    (runner, cache): (&FfmpegRunner, &ProbeCache),
    (assets, brand): (&Path, &Brand),
    (shape, video): (Shape, &VideoSettings),
) -> Result<Digest, Error> {
    let program = &runner.tools.ffmpeg;
    let version =
        || query("ffmpeg", program, "-version").map(|text| text.lines().take(3).collect::<Vec<_>>().join("\n"));
    let encoder = cache.versions.get_or_try_insert(program, "", version)?;
    let mut files = Vec::new();
    for path in crate::picture_files(assets, brand)? {
        let digest = || {
            crate::file_digest(&path).map_err(|error| Error::AssetBroken {
                file: path.strip_prefix(assets).unwrap_or(&path).display().to_string(),
                reason: error.to_string(),
            })
        };
        let name = path.strip_prefix(assets).unwrap_or(&path).display().to_string();
        files.push((name, cache.digests.get_or_try_insert(&path, "", digest)?));
    }
    let program = (FORMAT, env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, encoder);
    let settings = (shape, video.resolution, &video.preset, video.crf, video.motion);
    Ok(Digest::of_json(&(program, brand.digest(), files, settings)))
}

/// Elements that are pictures. Unlike for text, their contrast is not measured.
const PICTURES: [&str; 8] = ["art", "art-1", "art-2", "art-3", "qr", "progress", "mark", "logo-large"];
/// Texts that are too small to measure at a low resolution.
const SMALL: [&str; 5] = ["privacy", "logo", "note", "figure-label", "figure-terms"];

/// Looks for text in a frame. Returns the number of areas and their lowest contrast. Fails if an area is empty.
pub(crate) fn look_at<'p>(
    picture: &[u8],
    size: (u32, u32),
    resolution: u32,
    placements: impl Iterator<Item = &'p Placement>,
) -> Result<(u32, Option<f64>), Error> {
    let is_fine = resolution >= LEGIBLE_RESOLUTION;
    let scale = f64::from(resolution) / f64::from(LAYOUT_RESOLUTION);
    let mut areas = 0;
    let mut lowest = None;
    for placement in placements.filter(|placement| is_fine || !SMALL.contains(&placement.kind)) {
        // The margin around a logo shows the background, even if the logo fills its own area.
        let margin = if placement.kind == "logo" { 0.25 * placement.area.h } else { 0.0 };
        let area = placement.area.grown(margin).scaled(scale);
        if !has_ink(picture, size, area) {
            let found = "empty".to_owned();
            let wanted = "legible".to_owned();
            return Err(Error::OutOfRange { measure: placement.kind, found, wanted });
        }
        areas += 1;
        if !PICTURES.contains(&placement.kind) {
            lowest = min_contrast(lowest, contrast(picture, size, area));
        }
    }
    Ok((areas, lowest))
}

impl SceneMaker<'_> {
    /// Returns the digest of everything that determines a shared scene's bytes. It identifies the scene in the store.
    pub(crate) fn digest(&self, scene: &SharedScene) -> Digest {
        Digest::of_json(&(self.look, scene.spec()))
    }

    /// Returns the picture of a scene: from the store if it is shared and exists.
    pub(crate) fn picture(&self, scene: &Scene) -> Result<ScenePicture, Error> {
        match scene {
            Scene::Shared(shared) => self.shared(shared),
            // A personal scene is made and checked for each customer, so a key frame makes the check cheap.
            Scene::Personal(spec) => self.make(spec, Some(fullest(spec.timing.seconds, spec.joints))),
        }
    }

    fn shared(&self, scene: &SharedScene) -> Result<ScenePicture, Error> {
        let digest = self.digest(scene);
        let lock = self.cache.scenes.lock(digest);
        let _first = lock.lock().unwrap_or_else(PoisonError::into_inner);
        match self.store.find(digest) {
            Found::Kept(picture) if is_whole(&picture, scene.spec()) => Ok(picture),
            Found::Missing => Ok(self.store.keep(digest, self.make(scene.spec(), None)?)),
            Found::Kept(_) | Found::Damaged => {
                let picture = self.make(scene.spec(), None)?;
                self.store.replace(digest, &picture);
                Ok(picture)
            }
        }
    }

    /// Draws, encodes and checks a scene, with a key frame at a time in seconds.
    fn make(&self, spec: &SceneSpec, key_frame: Option<f64>) -> Result<ScenePicture, Error> {
        let frame = Frame::of(self.shape);
        let size = self.shape.size(self.video.resolution);
        let scale = f64::from(self.video.resolution) / f64::from(LAYOUT_RESOLUTION);
        // A scene does not depend on its position in the video.
        let spec = SceneSpec { start: 0.0, ..spec.clone() };
        let drawn = draw(self.kit, &spec, DrawOptions { scale, motion: self.video.motion })?;
        let colors = FrameColors { background: self.kit.palette.background, cover: self.kit.palette.cover };
        let background = BackgroundLuma::uniform(self.kit.palette.background.luma());
        let captions = caption_track::compose(self.kit, (&spec.captions.cues, spec.captions.lit), &background, &frame);
        let mut placements = drawn.placements();
        placements.extend(captions.placements);
        check_placements(&placements, &frame)?;

        let scratch = |name: &str| self.runner.scratch.join(name);
        let document = scratch("scene.ass");
        std::fs::write(&document, captions.document).map_err(Error::Scratch)?;
        let output = scratch("scene.mp4");
        let graph = SceneGraph {
            document: (!spec.captions.cues.is_empty()).then_some(document.as_path()),
            fonts: &self.runner.fonts,
            size,
            preset: &self.video.preset,
            crf: self.video.crf,
            key_frame,
            output: &output,
        };
        let cancel = self.runner.cancel.clone();
        let feed = |sink: &mut dyn Write| {
            Composer::new(size, Behind::Ground, colors).write(&drawn, sink, &|| !cancel.is_cancelled())
        };
        self.runner.ffmpeg_fed("encoding a scene", &graph.arguments(), &|_| {}, feed)?;
        let video = std::fs::read(&output).map_err(Error::Scratch)?;

        let at = fullest(spec.timing.seconds, spec.joints);
        let luma = scratch("scene.gray");
        let jpeg = scratch("scene.jpg");
        let poster = may_be_poster(&spec).then_some(jpeg.as_path());
        self.runner.ffmpeg("looking at a scene", &graph::scene_still(&output, at, &luma, poster), &|_| {})?;
        let picture = std::fs::read(&luma).map_err(Error::Scratch)?;
        let visible = placements.iter().filter(|place| (place.start + 0.1..place.end - 0.1).contains(&at));
        let (areas, contrast) = look_at(&picture, size, self.video.resolution, visible)?;
        let poster = poster.map(std::fs::read).transpose().map_err(Error::Scratch)?;
        let picture = ScenePicture { areas, contrast, poster, video };
        if is_whole(&picture, &spec) {
            Ok(picture)
        } else {
            let found = "a different number of frames".to_owned();
            Err(Error::OutOfRange {
                measure: "the length of a scene",
                found,
                wanted: "that of its sentences".to_owned(),
            })
        }
    }
}

/// Returns whether a scene may become the poster: a product scene, a service message or the opening.
fn may_be_poster(spec: &SceneSpec) -> bool {
    match spec.kind {
        SceneKind::Offer => spec.is_of_product(),
        SceneKind::Opening | SceneKind::Service => true,
        SceneKind::Closing | SceneKind::End => false,
    }
}

/// Returns whether a picture can be read and has all frames of its scene.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "frames of a scene")]
fn is_whole(picture: &ScenePicture, spec: &SceneSpec) -> bool {
    let frames = (spec.timing.seconds * f64::from(FRAME_RATE)).round() as usize;
    Clip::read(spec.kind.name(), &picture.video).is_ok_and(|clip| clip.len() == frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_is_read_as_it_was_written() {
        let whole = ScenePicture { areas: 3, contrast: Some(5.5), poster: Some(vec![1, 2]), video: vec![3, 4, 5] };
        let bare = ScenePicture { areas: 0, contrast: None, poster: None, video: Vec::new() };
        for picture in [whole, bare] {
            assert_eq!(ScenePicture::from_bytes(&picture.to_bytes()), Some(picture.clone()));
            assert_eq!(ScenePicture::from_bytes(&picture.to_bytes()[..15]), None);
        }
    }
}
