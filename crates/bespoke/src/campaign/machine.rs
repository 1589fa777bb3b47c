//! How long a run takes on one machine: a model of measured stage times. `docs/scale.md` tells where each number comes from,
//! and `make bench` how far the forecast is from a real run.

use contracts::settings::VideoSettings;
use contracts::voice::Engine;
use serde::Serialize;

/// What is said to a customer, as it is on average with the templates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Text {
    /// Words, spoken.
    pub words: f64,
    /// Characters, spoken.
    pub characters: f64,
    /// Sentences.
    pub sentences: f64,
    /// Seconds of title and end card, on which the disclosures are read.
    pub cards: f64,
}

impl Text {
    /// A text with so many offers; none is a service message.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "0 to 3")]
    pub fn of(offers: usize) -> Self {
        let words = WORDS + WORDS_PER_OFFER * offers as f64;
        let cards = CARDS_SECONDS + CARDS_SECONDS_PER_OFFER * offers as f64;
        Self { words, characters: words * CHARACTERS_PER_WORD, sentences: words / WORDS_PER_SENTENCE, cards }
    }

    /// Seconds of a video that says it.
    #[must_use]
    pub fn video_seconds(&self, words_per_minute: u16) -> f64 {
        self.words * 60.0 / f64::from(words_per_minute) + self.cards
    }
}

/// Words of a service message, and about as many as go with the offers of another.
const WORDS: f64 = 86.0;
/// Words of an offer.
const WORDS_PER_OFFER: f64 = 28.0;
/// Of a word with its space.
const CHARACTERS_PER_WORD: f64 = 5.4;
/// Words of a sentence.
const WORDS_PER_SENTENCE: f64 = 12.0;
/// Seconds of title and end card, and by how much an offer's disclosures make the latter longer.
const CARDS_SECONDS: f64 = 15.0;
const CARDS_SECONDS_PER_OFFER: f64 = 2.4;

/// CPU seconds of drawing for each second that encoding alone takes.
const DRAWING: f64 = 1.12;
/// CPU seconds for each second of video that do not depend on the frame: mixing, mastering and measuring sound.
const SOUND: f64 = 0.04;
/// CPU seconds of a video whatever its length and frame: starting programs, looking at stills, poster and preview.
const FIXED: f64 = 1.5;
/// CPU seconds of publishing, and of all that is done for a customer who is told nothing.
const BOOKKEEPING: f64 = 0.05;
/// CPU seconds of a second of speech, by engine (`make bench`; an outside voice costs this machine nothing).
const fn speaking(engine: Engine) -> f64 {
    match engine {
        Engine::Kokoro => 0.58,
        Engine::Espeak => 0.03,
        Engine::Polly | Engine::Openai => 0.0,
    }
}
/// The share of the cores that a run keeps busy (`make bench`).
const BUSY: f64 = 0.93;
/// CPU seconds of reading and joining for each customer, with about 50 transactions each (`make bench`).
const INTAKE: f64 = 0.001;

/// What a run is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Customers of the workbooks.
    pub customers: usize,
    /// Customers who are told something and have not been yet.
    pub told: usize,
    /// Videos to be made.
    pub videos: usize,
    /// Seconds of all videos together.
    pub video_seconds: f64,
}

/// How long a run takes here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Local {
    /// Cores that are used.
    pub cores: usize,
    /// CPU seconds by stage.
    pub cpu_seconds: Vec<(&'static str, f64)>,
    /// Seconds from the start to the end.
    pub seconds: f64,
    /// Bytes of what is kept.
    pub bytes: f64,
}

/// Forecasts a run on `cores` cores, of which encoding a second of video takes `encoding` CPU seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
pub fn local(work: &Work, video: &VideoSettings, engine: Engine, encoding: f64, cores: usize) -> Local {
    let (videos, seconds) = (work.videos as f64, work.video_seconds);
    let cpu_seconds = vec![
        ("merge", work.customers as f64 * INTAKE),
        ("assess, recommend, publish", (work.customers + work.told) as f64 * BOOKKEEPING),
        ("narrate", (seconds - videos * CARDS_SECONDS).max(0.0) * speaking(engine)),
        ("render", seconds * (encoding * DRAWING + SOUND) + videos * FIXED),
    ];
    let sum: f64 = cpu_seconds.iter().map(|(_, cpu)| cpu).sum();
    // The last video of a run has the machine for itself, and one encoder does not fill all cores alone.
    let seconds_in_all = sum / (cores as f64 * BUSY);
    let bytes =
        seconds * bytes_per_second(video.resolution) + videos * 96_000.0 * 60.0 + work.customers as f64 * 8_000.0;
    Local { cores, cpu_seconds, seconds: seconds_in_all, bytes }
}

/// Bytes of a second of video, sound included, at crf 21.
#[must_use]
pub fn bytes_per_second(resolution: u32) -> f64 {
    let pixels = f64::from(resolution).powi(2) * 16.0 / 9.0;
    24_000.0 + pixels * 0.055
}
