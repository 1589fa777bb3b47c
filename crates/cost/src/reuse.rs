//! A model of the speech and video that a campaign must produce, given that shared sentences and scenes are made only
//! once.
//!
//! The counts are those of the sample catalog and phrasebook. More products or lines mean more shared scenes to produce
//! early in a campaign. Once these exist, the work for each further video is the same.

use serde::Serialize;

/// The number of products that are offered often.
const PRODUCTS: f64 = 23.0;
/// The number of approved reasons for one product.
const REASONS: f64 = 19.0;
/// The number of versions of a product's scene: with one claim or with two.
const SELECTIONS: f64 = 2.0;
/// The number of closing lines, without the farewell.
const CLOSINGS: f64 = 40.0;
/// The number of other shared scenes: the end card, and the chapter marks between offers.
const FIXED_SCENES: f64 = 6.0;

/// The duration, in seconds, of a scene that gives a reason, and of its speech.
const REASON_SECONDS: (f64, f64) = (5.5, 4.8);
/// The duration, in seconds, of a scene about a product, and of its speech.
const PRODUCT_SECONDS: (f64, f64) = (11.5, 10.8);
/// The duration, in seconds, of the shared part of a closing, and of its speech.
const CLOSING_SECONDS: (f64, f64) = (5.0, 4.3);
/// The total duration, in seconds, of the end card and the chapter marks.
const FIXED_SECONDS: f64 = 16.0;
/// The number of sentences about a product, and in the shared part of a closing.
const PRODUCT_SENTENCES: f64 = 2.5;
const CLOSING_SENTENCES: f64 = 2.0;

/// The seconds of each video that are made for one customer only: the opening and the farewell.
pub const PERSONAL_SECONDS: f64 = 8.5;
/// The seconds of speech in each video that are made for one customer only.
pub const PERSONAL_SPEECH_SECONDS: f64 = 6.0;
/// The number of characters in that speech.
pub const PERSONAL_CHARACTERS: f64 = 100.0;
/// The characters in a second of speech.
const CHARACTERS_PER_SECOND: f64 = 14.0;

/// The shared work of a campaign that no earlier run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct NewWork {
    /// Shared scenes to draw and encode.
    pub scenes: f64,
    /// Their length in seconds.
    pub scene_seconds: f64,
    /// Shared sentences to speak.
    pub sentences: f64,
    /// Their length in seconds.
    pub speech_seconds: f64,
}

/// Returns the expected number of distinct values in `draws` draws from `choices` equally likely values.
fn distinct(choices: f64, draws: f64) -> f64 {
    choices * (1.0 - (1.0 - 1.0 / choices).powf(draws))
}

impl NewWork {
    /// Returns the expected new shared work for `videos` videos with `offers` offers in total, if the stores already
    /// hold `kept_scenes` scenes and `kept_sentences` sentences of the same kind.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
    pub fn expect(videos: usize, offers: usize, kept_scenes: usize, kept_sentences: usize) -> Self {
        if videos == 0 {
            return Self::default();
        }
        let reasons = distinct(PRODUCTS * REASONS, offers as f64);
        let products = distinct(PRODUCTS * SELECTIONS, offers as f64);
        let closings = distinct(CLOSINGS, videos as f64);
        let scenes = reasons + products + closings + FIXED_SCENES;
        let scene_seconds =
            reasons * REASON_SECONDS.0 + products * PRODUCT_SECONDS.0 + closings * CLOSING_SECONDS.0 + FIXED_SECONDS;
        // The versions of a product's scene share their sentences.
        let spoken = products / SELECTIONS;
        let sentences = reasons + spoken * PRODUCT_SENTENCES + closings * CLOSING_SENTENCES;
        let speech_seconds = reasons * REASON_SECONDS.1 + spoken * PRODUCT_SECONDS.1 + closings * CLOSING_SECONDS.1;
        let open = |all: f64, kept: usize| (1.0 - kept as f64 / all).max(0.0);
        let (of_scenes, of_sentences) = (open(scenes, kept_scenes), open(sentences, kept_sentences));
        Self {
            scenes: scenes * of_scenes,
            scene_seconds: scene_seconds * of_scenes,
            sentences: sentences * of_sentences,
            speech_seconds: speech_seconds * of_sentences,
        }
    }

    /// Returns the number of characters in the shared sentences to speak.
    #[must_use]
    pub fn characters(&self) -> f64 {
        self.speech_seconds * CHARACTERS_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_work_levels_off() {
        let new = |videos: usize| NewWork::expect(videos, 3 * videos, 0, 0);
        assert!(new(1).scenes < 14.0, "{:?}", new(1));
        assert!(new(100_000).scenes < 600.0, "{:?}", new(100_000));
        let each = |videos: usize| new(videos).scene_seconds / f64::from(u32::try_from(videos).unwrap());
        assert!(each(1) > 50.0 && each(1_000) < 4.0, "{} and {}", each(1), each(1_000));
        let kept = NewWork::expect(1_000, 3_000, 10_000, 10_000);
        assert_eq!(kept, NewWork::default(), "a full store leaves nothing to make");
    }
}
