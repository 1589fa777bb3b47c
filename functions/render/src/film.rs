//! The film: divides a script into scenes and determines what each one shows, and when.
//!
//! [`plan`] does not draw anything, so existing scenes are not drawn again. [`compose`] also draws the scenes.
//!
//! - `beats` divides the narration.
//! - `contents` fills the slots of each scene.

use crate::canvas::{FRAME_RATE, Placement};
use crate::caption_track;
use crate::captions::Cue;
use crate::content::SceneContent;
use crate::error::Error;
use crate::layout::Frame;
use crate::scenes::SceneKind;
use crate::scenes::kit::SceneKit;
use crate::scenes::spec::{Scene, captions_of};
use crate::scenes::stage::{DrawOptions, DrawnScene, draw, fullest};

mod beats;
mod contents;

/// The pause between the narration and the end card in seconds.
const PAUSE_SECONDS: f64 = 0.7;
/// The minimum duration of an end card in seconds.
const MIN_END_SECONDS: f64 = 5.0;
/// The time that an end card takes to appear and to fade out, in seconds.
const END_MOTION_SECONDS: f64 = 1.2;
/// The time for which the music plays alone after the last word, in seconds.
const OUTRO_SECONDS: f64 = 2.5;

/// The scenes of a video, before they are drawn.
#[derive(Debug)]
pub struct FilmPlan {
    /// The scenes in order, without gaps.
    pub scenes: Vec<Scene>,
    /// The length of the video in seconds. It is a whole number of frames.
    pub seconds: f64,
    /// The start of the first end card in seconds.
    pub end_card: f64,
    /// The captions of the end card, which itself shows the spoken lines. In seconds from the start of the video.
    pub end_cues: Vec<Cue>,
    /// The scene of the poster: the first offer, or else the opening.
    pub poster: usize,
    /// The start of the preview in seconds: the moment at which the name is complete.
    pub preview: f64,
}

/// The image of the whole video.
#[derive(Debug)]
pub struct Film {
    /// The captions as an ASS document.
    pub document: String,
    /// The areas of all texts, pictures and captions.
    pub placements: Vec<Placement>,
    /// The content of each scene.
    pub specs: Vec<Scene>,
    /// The scenes in order, without gaps.
    pub scenes: Vec<DrawnScene>,
    /// The length of the video in seconds. It is a whole number of frames.
    pub seconds: f64,
    /// The start of the first end card in seconds.
    pub end_card: f64,
    /// The time of the poster in seconds.
    pub poster: f64,
}

/// Rounds a time to a whole number of frames.
fn to_frame(seconds: f64) -> f64 {
    (seconds * f64::from(FRAME_RATE)).round() / f64::from(FRAME_RATE)
}

/// Rounds a time up to a whole number of frames.
fn up_to_frame(seconds: f64) -> f64 {
    (seconds * f64::from(FRAME_RATE) - 1e-6).ceil() / f64::from(FRAME_RATE)
}

/// Divides the script into scenes.
#[must_use]
pub fn plan(kit: &SceneKit, content: &SceneContent<'_>) -> FilmPlan {
    let legal = beats::legal(content, PAUSE_SECONDS);
    let end_card = legal.start;
    let beats = beats::divide(content, end_card);
    let mut scenes: Vec<Scene> = beats.iter().map(|beat| contents::scene(content, beat)).collect();
    scenes.extend(contents::end_cards(kit, content, &beats, &legal));
    let seconds = scenes.last().map_or(0.0, |scene| scene.start + scene.timing.seconds);
    let end_cues = captions_of(legal.sentences, seconds - end_card, std::slice::from_ref(&content.brand.name));
    let end_cues = end_cues.iter().map(|cue| cue.later(end_card)).collect();
    let poster = scenes.iter().position(|scene| scene.is_of_product());
    let poster = poster.or_else(|| scenes.iter().position(|scene| scene.kind == SceneKind::Service)).unwrap_or(0);
    let preview = scenes.first().map_or(0.0, |opening| name_complete(kit, opening));
    FilmPlan { scenes, seconds, end_card, end_cues, poster, preview }
}

/// Returns the time at which the name in the opening is complete, in seconds.
fn name_complete(kit: &SceneKit, opening: &Scene) -> f64 {
    let (_, timeline) = kit.scene(SceneKind::Opening);
    let Some(enter) = timeline.of("name") else { return 0.0 };
    opening
        .timing
        .resolve(&enter.at)
        .map_or(0.0, |at| at + enter.pace.seconds(&kit.motion, opening.timing.seconds - at))
}

/// Divides the script into scenes and draws them.
pub fn compose(kit: &SceneKit, content: &SceneContent<'_>, frame: &Frame, options: DrawOptions) -> Result<Film, Error> {
    let FilmPlan { scenes: specs, seconds, end_card, poster, .. } = plan(kit, content);
    let scenes: Vec<DrawnScene> = specs.iter().map(|spec| draw(kit, spec, options)).collect::<Result<_, _>>()?;
    let mut placements: Vec<Placement> = scenes.iter().flat_map(DrawnScene::placements).collect();
    let cues = cues_of(&specs);
    let lit = specs.iter().any(|spec| spec.captions.lit);
    let captions = caption_track::compose(kit, (&cues, lit), content.background, frame);
    placements.extend(captions.placements);
    let poster = specs.get(poster).map_or(0.0, |spec| spec.start + fullest(spec.timing.seconds, spec.joints));
    Ok(Film { document: captions.document, placements, specs, scenes, seconds, end_card, poster })
}

impl FilmPlan {
    /// Returns all captions, in seconds from the start of the video. Those of the end card are not part of its picture.
    #[must_use]
    pub fn cues(&self) -> Vec<Cue> {
        cues_of(&self.scenes).into_iter().chain(self.end_cues.iter().cloned()).collect()
    }
}

/// Returns the captions of all scenes, in seconds from the start of the video.
#[must_use]
pub fn cues_of(scenes: &[Scene]) -> Vec<Cue> {
    scenes.iter().flat_map(|scene| scene.captions.cues.iter().map(|cue| cue.later(scene.start))).collect()
}
