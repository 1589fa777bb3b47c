//! A model of how long a run takes on one machine, based on measured stage times. `docs/concepts/cost-and-scale.md`
//! cites the source of each number, and `make bench` compares the forecast with a real run.

use contracts::settings::VideoSettings;
use contracts::voice::Engine;
use serde::Serialize;

use crate::reuse::{NewWork, PERSONAL_SECONDS, PERSONAL_SPEECH_SECONDS};

/// The average size of a script that Bespoke writes from the phrasebook.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextSize {
    /// Spoken words.
    pub words: f64,
    /// Spoken characters.
    pub characters: f64,
    /// Sentences.
    pub sentences: f64,
    /// The duration, in seconds, of the title card and of the end card, which shows the disclosures.
    pub cards: f64,
}

impl TextSize {
    /// Returns the size of a script with this many offers. A service message has none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "0 to 3")]
    pub fn with_offers(offers: usize) -> Self {
        let words = WORDS + WORDS_PER_OFFER * offers as f64;
        let cards = CARDS_SECONDS + CARDS_SECONDS_PER_OFFER * offers as f64;
        Self { words, characters: words * CHARACTERS_PER_WORD, sentences: words / WORDS_PER_SENTENCE, cards }
    }

    /// Returns the length, in seconds, of a video that narrates the text.
    #[must_use]
    pub fn video_seconds(&self, words_per_minute: u16) -> f64 {
        self.words * 60.0 / f64::from(words_per_minute) + self.cards
    }
}

/// The number of words in a service message. Other scripts have about as many words around their offers.
const WORDS: f64 = 86.0;
/// The number of words in one offer.
const WORDS_PER_OFFER: f64 = 28.0;
/// The average number of characters in a word, including the space after it.
const CHARACTERS_PER_WORD: f64 = 5.4;
/// The average number of words in a sentence.
const WORDS_PER_SENTENCE: f64 = 12.0;
/// The seconds of the opening before the voice, and of the end card with its spoken lines.
const CARDS_SECONDS: f64 = 17.0;
/// The seconds that each offer's spoken legal lines and its mark add.
const CARDS_SECONDS_PER_OFFER: f64 = 3.1;

/// CPU seconds of drawing for each CPU second of encoding.
const DRAWING: f64 = 1.12;
/// CPU seconds per second of video that do not depend on the frame size: mixing, mastering and measuring audio.
const SOUND: f64 = 0.04;
/// CPU seconds per video, regardless of length and size: starting programs, and checking stills, poster and preview.
const FIXED: f64 = 1.5;
/// CPU seconds for assessing a customer, or for the other stages of a recommendation that are neither narration nor
/// rendering.
const BOOKKEEPING: f64 = 0.05;
/// Returns the CPU seconds per second of speech (`make bench`). An outside service takes no CPU time on this machine.
const fn speaking(engine: Engine) -> f64 {
    match engine {
        Engine::Kokoro => 0.58,
        Engine::Espeak => 0.03,
        Engine::Polly | Engine::Openai => 0.0,
    }
}
/// The share of the cores that a run keeps busy (`make bench`).
const BUSY: f64 = 0.93;
/// CPU seconds for reading and joining the rows of one customer with about 50 transactions (`make bench`).
const INTAKE: f64 = 0.001;

/// The work that a run still has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Workload {
    /// Customers in the workbooks.
    pub customers: usize,
    /// Customers who still need a recommendation or a service message.
    pub recommendations: usize,
    /// Videos to make.
    pub videos: usize,
    /// The total length of all videos in seconds.
    pub video_seconds: f64,
    /// The shared sentences and scenes of these videos that do not exist yet.
    pub new: NewWork,
}

/// A forecast for this machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LocalForecast {
    /// Cores in use.
    pub cores: usize,
    /// CPU seconds, by stage.
    pub cpu_seconds: Vec<(&'static str, f64)>,
    /// The duration of the run in seconds.
    pub seconds: f64,
    /// The total bytes of all results.
    pub bytes: u64,
}

/// Forecasts a run on `cores` cores. Encoding a second of video takes `encoding` CPU seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number of bytes is positive and below 2^53"
)]
pub fn forecast_local(
    work: &Workload,
    video: &VideoSettings,
    engine: Engine,
    encoding: f64,
    cores: usize,
) -> LocalForecast {
    let videos = work.videos as f64;
    let video_seconds = work.video_seconds;
    let cpu_seconds = vec![
        ("merge", work.customers as f64 * INTAKE),
        ("assess, recommend, publish", (work.customers + work.recommendations) as f64 * BOOKKEEPING),
        ("narrate", speech_core_seconds(work, engine)),
        ("render", encoded_seconds(work) * encoding * DRAWING + video_seconds * SOUND + videos * FIXED),
    ];
    let sum: f64 = cpu_seconds.iter().map(|(_, cpu)| cpu).sum();
    // `BUSY` is below 1 because the last video in a run renders alone, and one encoder does not use all cores.
    let seconds = sum / (cores as f64 * BUSY);
    let bytes =
        video_seconds * bytes_per_second(video.resolution) + videos * 48_000.0 * 80.0 + work.customers as f64 * 8_000.0;
    LocalForecast { cores, cpu_seconds, seconds, bytes: bytes as u64 }
}

/// Returns the core seconds in which an engine on the same machine speaks the new shared sentences and those for
/// individual customers.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
pub fn speech_core_seconds(work: &Workload, engine: Engine) -> f64 {
    (work.new.speech_seconds + work.videos as f64 * PERSONAL_SPEECH_SECONDS) * speaking(engine)
}

/// Returns the seconds of video to draw and encode: the new shared scenes, and the scenes for individual customers.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
pub fn encoded_seconds(work: &Workload) -> f64 {
    (work.new.scene_seconds + work.videos as f64 * PERSONAL_SECONDS).min(work.video_seconds)
}

/// Returns the bytes in a second of finished video with audio, at crf 21: measured 42 KB at 1080 and 23 KB at 360.
#[must_use]
pub fn bytes_per_second(resolution: u32) -> f64 {
    let pixels = f64::from(resolution).powi(2) * 16.0 / 9.0;
    20_000.0 + pixels * 0.0105
}
