//! The specification of a scene: its content and its times. A [`SharedScene`] can be built only from [`Public`]
//! contents.

use std::collections::BTreeMap;

use contracts::narration::{Narration, Sentence, Timing};
use serde::Serialize;

use crate::captions::{Cue, cues};
use crate::scenes::SceneKind;
use crate::scenes::public::Public;
use crate::scenes::timeline::SceneTiming;

/// The content of a picture slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Picture {
    /// The logo.
    Logo,
    /// The brand mark.
    Mark,
    /// A product's drawing.
    Art {
        /// The name of the drawing.
        name: String,
        /// The product's name, for drawings that show it.
        product: String,
        /// The bank's name, for drawings that show it.
        bank: String,
    },
    /// A QR code of a web address.
    Qr(String),
    /// The position among the offers.
    Progress {
        /// The position, counted from 1.
        current: usize,
        /// The number of offers.
        count: usize,
    },
}

/// How a scene begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Edge {
    /// With its own picture: the start of the video.
    Open,
    /// Covered by the color that separates scenes.
    Covered,
    /// With the picture of the neighboring scene, so the cut is invisible.
    Cut,
    /// By fading to the ground: the end of the video.
    Faded,
}

/// How a scene begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Joints {
    /// The beginning.
    pub start: Edge,
    /// The end.
    pub end: Edge,
}

/// The captions of a scene, in seconds from its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Captions {
    /// The captions.
    pub cues: Vec<Cue>,
    /// Whether the word being spoken is highlighted.
    pub lit: bool,
}

/// Everything that a scene shows, and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SceneSpec {
    /// The kind.
    #[serde(serialize_with = "kind_name")]
    pub kind: SceneKind,
    /// The start in seconds from the start of the video. It is a whole number of frames, and does not affect the
    /// picture.
    #[serde(skip)]
    pub start: f64,
    /// The times within the scene. Its length is a whole number of frames.
    pub timing: SceneTiming,
    /// The texts by slot.
    pub texts: BTreeMap<&'static str, String>,
    /// The pictures by slot.
    pub pictures: BTreeMap<&'static str, Picture>,
    /// The captions.
    pub captions: Captions,
    /// How it begins and ends.
    pub joints: Joints,
    /// The slots whose content changes at a cut: they leave before it and enter after it.
    pub changes: Vec<&'static str>,
    /// Whether the figure enters in the scene before a cut, because the scene after it is too short to read its terms.
    pub early_figure: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn kind_name<S: serde::Serializer>(kind: &SceneKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// The times and edges of a scene, without its content.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneFrame {
    /// The kind.
    pub kind: SceneKind,
    /// The start in seconds from the start of the video.
    pub start: f64,
    /// The times within the scene.
    pub timing: SceneTiming,
    /// How it begins and ends.
    pub joints: Joints,
    /// The slots whose content changes at a cut.
    pub changes: Vec<&'static str>,
    /// Whether the figure enters before a cut.
    pub early_figure: bool,
    /// The precision of word times.
    pub precision: Timing,
}

/// The contents of a scene's slots.
pub type Slots<T, P> = (BTreeMap<&'static str, T>, BTreeMap<&'static str, P>);

/// A scene that contains no customer data, so all customers may share its picture.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedScene(SceneSpec);

impl SharedScene {
    /// Builds a scene from public contents. `sentences` have times within the scene. Captions keep `names` on one line.
    #[must_use]
    pub fn new(
        frame: SceneFrame,
        slots: Slots<Public<String>, Public<Picture>>,
        sentences: Public<Vec<Sentence>>,
        names: &Public<Vec<String>>,
    ) -> Self {
        let (texts, pictures) = slots;
        let texts = texts.into_iter().map(|(slot, text)| (slot, text.into_inner())).collect();
        let pictures = pictures.into_iter().map(|(slot, picture)| (slot, picture.into_inner())).collect();
        Self(spec(frame, (texts, pictures), sentences.into_inner(), names.get()))
    }

    /// Returns the scene without captions, for videos whose player shows them.
    #[must_use]
    pub fn without_captions(self) -> Self {
        Self(SceneSpec { captions: Captions::default(), ..self.0 })
    }

    /// Returns the content.
    #[must_use]
    pub const fn spec(&self) -> &SceneSpec {
        &self.0
    }
}

/// A scene in a video.
#[derive(Clone, Debug, PartialEq)]
pub enum Scene {
    /// A scene that all customers may share.
    Shared(SharedScene),
    /// A scene that may contain customer data. It is made for this customer alone.
    Personal(SceneSpec),
}

impl Scene {
    /// Builds a scene for one customer.
    #[must_use]
    pub fn personal(
        frame: SceneFrame,
        slots: Slots<String, Picture>,
        sentences: Vec<Sentence>,
        names: &[String],
    ) -> Self {
        Self::Personal(spec(frame, slots, sentences, names))
    }

    /// Returns the scene without captions, for videos whose player shows them.
    #[must_use]
    pub fn without_captions(self) -> Self {
        match self {
            Self::Shared(scene) => Self::Shared(scene.without_captions()),
            Self::Personal(spec) => Self::Personal(SceneSpec { captions: Captions::default(), ..spec }),
        }
    }
}

impl SceneSpec {
    /// Returns whether the scene is about a product itself, not the reason for it or its position among the offers.
    #[must_use]
    pub fn is_of_product(&self) -> bool {
        self.kind == SceneKind::Offer && self.joints.end != Edge::Cut && self.texts.contains_key("headline")
    }
}

impl std::ops::Deref for Scene {
    type Target = SceneSpec;

    fn deref(&self) -> &SceneSpec {
        match self {
            Self::Shared(scene) => scene.spec(),
            Self::Personal(spec) => spec,
        }
    }
}

fn spec(frame: SceneFrame, slots: Slots<String, Picture>, sentences: Vec<Sentence>, names: &[String]) -> SceneSpec {
    let SceneFrame { kind, start, timing, joints, changes, early_figure, precision } = frame;
    let (texts, pictures) = slots;
    let cues = captions_of(sentences, timing.seconds, names);
    let captions = Captions { cues, lit: precision == Timing::Exact };
    SceneSpec { kind, start, timing, texts, pictures, captions, joints, changes, early_figure }
}

/// Returns the captions of sentences with times within a scene of this length. Captions keep `names` on one line.
pub(crate) fn captions_of(sentences: Vec<Sentence>, seconds: f64, names: &[String]) -> Vec<Cue> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    cues(&local_narration(sentences, seconds), &names)
}

/// Returns the sentences of a scene as a narration of the scene's length.
fn local_narration(sentences: Vec<Sentence>, seconds: f64) -> Narration {
    Narration {
        engine: String::new(),
        voice: String::new(),
        instead_of: Vec::new(),
        outside: BTreeMap::new(),
        timing: Timing::Exact,
        seconds,
        words_per_minute: 0.0,
        loudness: 0.0,
        sentences,
        audio: contracts::Digest::of(b""),
        first_name_unspoken: false,
    }
}
