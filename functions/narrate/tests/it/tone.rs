//! A speech service that plays tones. It understands SSML as Amazon Polly does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use contracts::speech::{MarkKind, SAMPLE_RATE, SpeechError, SpeechMark};
use policy::disclosure::{Permit, SpeechService};
use tokio::time::Instant;

/// Plays 0.3 s of tone per word, scaled by the pace.
#[derive(Default)]
pub struct ToneService {
    /// The text whose documents are refused. `None` refuses none.
    refuses: Option<&'static str>,
    /// The requests per second, and the token bucket. `None` means no limit.
    quota: Option<(f64, Mutex<Bucket>)>,
    /// The number of answered requests.
    pub answered: AtomicUsize,
    /// The number of throttled requests.
    pub throttled: AtomicUsize,
}

/// A token bucket as AWS services use it.
struct Bucket {
    tokens: f64,
    burst: f64,
    filled: Instant,
}

/// A word or an element in a document: its offset, kind and time in seconds.
struct Heard {
    start: usize,
    kind: MarkKind,
    at: f64,
}

impl ToneService {
    pub fn refusing() -> Self {
        Self::refusing_text("")
    }

    /// A service that refuses documents with this text.
    pub fn refusing_text(text: &'static str) -> Self {
        Self { refuses: Some(text), ..Self::default() }
    }

    /// A service that answers `per_second` requests after a burst.
    pub fn limited(per_second: f64, burst: f64) -> Self {
        let bucket = Bucket { tokens: burst, burst, filled: Instant::now() };
        Self { quota: Some((per_second, Mutex::new(bucket))), ..Self::default() }
    }

    fn admit(&self, ssml: &str) -> Result<(), SpeechError> {
        if self.refuses.is_some_and(|text| ssml.contains(text)) {
            return Err(SpeechError::Refused("AccessDeniedException".to_owned()));
        }
        if let Some((per_second, bucket)) = &self.quota {
            let mut bucket = bucket.lock().unwrap();
            let now = Instant::now();
            let refilled = (now - bucket.filled).as_secs_f64() * per_second;
            bucket.tokens = (bucket.tokens + refilled).min(bucket.burst);
            bucket.filled = now;
            if bucket.tokens < 1.0 {
                self.throttled.fetch_add(1, Ordering::Relaxed);
                return Err(SpeechError::Throttled("ThrottlingException".to_owned()));
            }
            bucket.tokens -= 1.0;
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the marks of a document, and the spans of silence and the length of its sound.
    fn read(ssml: &str) -> (Vec<Heard>, Vec<(f64, f64)>, f64) {
        let mut marks = Vec::new();
        let mut silences = Vec::new();
        let mut at = 0.0;
        let mut pace = 1.0;
        let mut pos = 0;
        while pos < ssml.len() {
            if ssml[pos..].starts_with('<') {
                let end = pos + ssml[pos..].find('>').expect("well-formed SSML") + 1;
                let element = &ssml[pos..end];
                let value = element.split('"').nth(1).unwrap_or_default();
                if element.starts_with("<prosody") {
                    pace = value.trim_end_matches('%').parse::<f64>().unwrap() / 100.0;
                } else if element.starts_with("<break") {
                    let seconds = value.trim_end_matches("ms").parse::<f64>().unwrap() / 1000.0;
                    silences.push((at, at + seconds));
                    at += seconds;
                } else if element.starts_with("<mark") {
                    marks.push(Heard { start: pos, kind: MarkKind::Element, at });
                }
                pos = end;
                continue;
            }
            let end = pos + ssml[pos..].find('<').expect("a closing element");
            let mut start = pos;
            for word in ssml[pos..end].split(' ') {
                marks.push(Heard { start, kind: MarkKind::Word, at });
                at += 0.3 / pace;
                start += word.len() + 1;
            }
            pos = end;
        }
        (marks, silences, at)
    }
}

#[async_trait]
impl SpeechService for ToneService {
    fn service(&self) -> String {
        "a speech service, nowhere".to_owned()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds of sound")]
    async fn sound(&self, _: Permit, ssml: &str, voice: &str) -> Result<Vec<u8>, SpeechError> {
        assert_eq!(voice, "Joanna");
        self.admit(ssml)?;
        let (_, silences, seconds) = Self::read(ssml);
        let mut pcm = tone(seconds * f64::from(SAMPLE_RATE));
        for (start, end) in silences {
            let byte = |seconds: f64| 2 * (seconds * f64::from(SAMPLE_RATE)) as usize;
            pcm[byte(start)..byte(end)].fill(0);
        }
        Ok(pcm)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds of sound")]
    async fn marks(&self, _: Permit, ssml: &str, _: &str) -> Result<Vec<SpeechMark>, SpeechError> {
        self.admit(ssml)?;
        let (marks, _, _) = Self::read(ssml);
        let mark = |heard: Heard| SpeechMark {
            kind: heard.kind,
            start: heard.start,
            milliseconds: (heard.at * 1000.0) as u32,
        };
        Ok(marks.into_iter().map(mark).collect())
    }
}

/// Returns 16-bit PCM with this number of samples.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds of sound")]
pub fn tone(samples: f64) -> Vec<u8> {
    (0..samples as u32).flat_map(|n| (((f64::from(n) * 0.2).sin() * 9_000.0) as i16).to_le_bytes()).collect()
}
