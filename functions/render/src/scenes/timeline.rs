//! Timelines: when and how the elements of a scene enter, from `<scene>.toml`.

use contracts::brand::MotionTokens;
use serde::{Deserialize, Serialize};

use crate::scenes::SceneError;

/// A moment in a scene, determined by the voice or by the scene's start or end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The start of the scene.
    Start,
    /// The end of the scene.
    End,
    /// The start of the first sentence about the product itself, after the reason for it.
    Product,
    /// The start of a sentence, counted from 1.
    Sentence(usize),
    /// The time of a shown claim, counted from 1: if it is spoken, the start of its sentence.
    Claim(usize),
    /// The start of the first word with this text.
    Word(String),
}

/// A moment in a scene: an anchor and an offset in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Moment {
    /// The anchor.
    pub anchor: Anchor,
    /// The offset in milliseconds.
    pub offset: i64,
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let expected =
            || format!("{text:?} is not a moment; write start, end, product, sentence:2, claim:1, word:TEXT or +0.4s");
        let trimmed = text.trim();
        let split =
            trimmed.rfind(['+', '-']).filter(|at| trimmed[*at..].ends_with('s') && !trimmed[..*at].ends_with(':'));
        let (anchor, offset) = split.map_or((trimmed, ""), |at| trimmed.split_at(at));
        let offset = if offset.is_empty() {
            0
        } else {
            let number = offset.trim_end_matches('s').replace(' ', "");
            let seconds: f64 = number.parse().map_err(|_| expected())?;
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a scene")]
            let milliseconds = (seconds * 1000.0).round() as i64;
            milliseconds
        };
        let anchor = match anchor.trim().split_once(':') {
            None if matches!(anchor.trim(), "" | "start") => Anchor::Start,
            None if anchor.trim() == "end" => Anchor::End,
            None if anchor.trim() == "product" => Anchor::Product,
            Some(("sentence", n)) => Anchor::Sentence(n.parse().map_err(|_| expected())?),
            Some(("claim", n)) => Anchor::Claim(n.parse().map_err(|_| expected())?),
            Some(("word", word)) if !word.is_empty() => Anchor::Word(word.to_owned()),
            _ => return Err(expected()),
        };
        Ok(Self { anchor, offset })
    }
}

/// How an element enters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entrance {
    /// At once.
    Cut,
    /// By becoming opaque.
    #[default]
    Fade,
    /// By moving up while becoming opaque.
    Rise,
    /// By moving in from the right while becoming opaque.
    Slide,
    /// From left to right behind a moving edge.
    Wipe,
    /// Clockwise around its center, as if drawn.
    Draw,
    /// Letter by letter, each rising. Letters that touch move together.
    Type,
}

/// How an element moves after it has entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rest {
    /// Not at all.
    #[default]
    Still,
    /// Slowly up and down.
    Drift,
}

/// One of the brand's durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// For small elements.
    Fast,
    /// For most elements.
    #[default]
    Normal,
    /// For large elements.
    Slow,
    /// Steadily until one second before the end of the scene, such as for a bar that shows its progress.
    Scene,
}

impl Pace {
    /// Returns the duration in seconds: the brand's, or what remains of the scene. `remaining` is the time from the start of
    /// the entrance to the end of the scene.
    #[must_use]
    pub fn seconds(self, motion: &MotionTokens, remaining: f64) -> f64 {
        let milliseconds = match self {
            Self::Fast => motion.fast,
            Self::Normal => motion.normal,
            Self::Slow => motion.slow,
            Self::Scene => return (remaining - 1.0).max(0.0),
        };
        f64::from(milliseconds) / 1000.0
    }
}

/// The entrance of one element.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enter {
    /// The id of the element in the SVG file.
    pub element: String,
    /// When it enters. If the moment does not occur in the scene, the element is left out.
    pub at: Moment,
    /// How it enters.
    #[serde(default)]
    pub how: Entrance,
    /// How long it takes to enter.
    #[serde(default)]
    pub pace: Pace,
    /// How it moves afterwards.
    #[serde(default)]
    pub then: Rest,
}

/// The timeline of a scene in all shapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// The entrances. An element without one is in the picture from the start.
    #[serde(default)]
    pub enter: Vec<Enter>,
}

impl Timeline {
    /// Parses a timeline. `file` is its name for errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, SceneError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            SceneError { file: file.to_owned(), reason: format!("line {line}: {}", error.message()) }
        })
    }

    /// Returns the entrance of an element.
    #[must_use]
    pub fn of(&self, element: &str) -> Option<&Enter> {
        self.enter.iter().find(|enter| enter.element == element)
    }
}

/// The times of a scene in seconds from its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SceneTiming {
    /// The length.
    pub seconds: f64,
    /// The starts of the sentences.
    pub sentences: Vec<f64>,
    /// The start of the first sentence about the product itself.
    pub product: Option<f64>,
    /// The times of the shown claims.
    pub claims: Vec<f64>,
    /// The words with their starts.
    pub words: Vec<(String, f64)>,
}

impl SceneTiming {
    /// Returns when a moment occurs, or `None` if the scene has no such moment.
    #[must_use]
    pub fn resolve(&self, moment: &Moment) -> Option<f64> {
        let nth = |all: &[f64], n: usize| n.checked_sub(1).and_then(|index| all.get(index)).copied();
        let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let at = match &moment.anchor {
            Anchor::Start => 0.0,
            Anchor::End => self.seconds,
            Anchor::Product => self.product?,
            Anchor::Sentence(n) => nth(&self.sentences, *n)?,
            Anchor::Claim(n) => nth(&self.claims, *n)?,
            Anchor::Word(text) => self.words.iter().find(|(word, _)| bare(word) == bare(text))?.1,
        };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a scene")]
        let at = at + moment.offset as f64 / 1000.0;
        Some(at.clamp(0.0, self.seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn moments_follow_the_voice() {
        let timing = SceneTiming {
            seconds: 12.0,
            sentences: vec![0.5, 4.0],
            product: Some(4.0),
            claims: vec![8.25],
            words: vec![("earns".to_owned(), 1.0), ("APY,".to_owned(), 5.5)],
        };
        let at = |text: &str| timing.resolve(&moment(text));
        assert_eq!(at("start"), Some(0.0));
        assert_eq!(at("+0.4s"), Some(0.4));
        assert_eq!(at("sentence:2"), Some(4.0));
        assert_eq!(at("product + 0.1s"), Some(4.1));
        assert_eq!(at("sentence:2 - 0.5s"), Some(3.5));
        assert_eq!(at("claim:1+0.1s"), Some(8.35));
        assert_eq!(at("word:apy"), Some(5.5));
        assert_eq!(at("end - 1s"), Some(11.0));
        assert_eq!(at("claim:2"), None);
        assert_eq!(at("sentence:0"), None);
    }

    #[test]
    fn faulty_timeline_names_file_and_line() {
        let fault = |text: &str| Timeline::parse("offer.toml", text).unwrap_err().to_string();
        let said = fault("[[enter]]\nelement = \"art\"\nat = \"soon\"\n");
        assert!(said.starts_with("offer.toml: line 3: \"soon\" is not a moment"), "{said}");
        assert!(fault("[[enter]]\nelement = \"art\"\nat = \"start\"\nhow = \"jump\"\n").contains("line 4"));
    }
}
