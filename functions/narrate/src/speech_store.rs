//! The formats in which shared speech and tempos are stored, so a sentence that many customers hear is spoken only
//! once.
//!
//! **Invariant:** only tempos and [`Sharing::Shared`](contracts::narration::Sharing) sentences are stored, so nothing
//! in this store is personal.

use contracts::{Digest, ObjectKey};
use storage::shared::Shareable;

use crate::narrator::Speech;
use crate::pace::Tempo;

impl Shareable for Tempo {
    fn key(digest: Digest) -> ObjectKey {
        ObjectKey::Speech(digest)
    }

    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a tempo serializes to JSON")
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// A word count that means "no times".
const NO_TIMES: u32 = u32::MAX;

/// The format: samples per second, number of words, start and end of each word, 16-bit samples. All are little-endian.
impl Shareable for Speech {
    fn key(digest: Digest) -> ObjectKey {
        ObjectKey::Speech(digest)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let count = self.words.as_ref().map_or(NO_TIMES, |words| u32::try_from(words.len()).unwrap_or(NO_TIMES));
        let mut bytes = Vec::with_capacity(8 + 16 * self.words.as_ref().map_or(0, Vec::len) + 2 * self.samples.len());
        bytes.extend(self.rate.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        for (start, end) in self.words.iter().flatten() {
            bytes.extend(start.to_le_bytes());
            bytes.extend(end.to_le_bytes());
        }
        for sample in &self.samples {
            #[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
            let sample = (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
            bytes.extend(sample.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (rate, bytes) = bytes.split_first_chunk::<4>()?;
        let (count, mut bytes) = bytes.split_first_chunk::<4>()?;
        let rate = u32::from_le_bytes(*rate);
        let count = u32::from_le_bytes(*count);
        let words = if count == NO_TIMES {
            None
        } else {
            let mut words = Vec::new();
            for _ in 0..count {
                let (start, rest) = bytes.split_first_chunk::<8>()?;
                let (end, rest) = rest.split_first_chunk::<8>()?;
                words.push((f64::from_le_bytes(*start), f64::from_le_bytes(*end)));
                bytes = rest;
            }
            Some(words)
        };
        let (samples, rest) = bytes.as_chunks::<2>();
        if rate == 0 || samples.is_empty() || !rest.is_empty() {
            return None;
        }
        let samples = samples.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
        Some(Self { samples, rate, words })
    }
}

/// Rounds speech to the precision of the store, so the first customer hears the same as all later ones.
pub fn rounded(speech: &Speech) -> Speech {
    Speech::from_bytes(&speech.to_bytes()).unwrap_or_else(|| speech.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_read_as_it_was_written() {
        for words in [None, Some(Vec::new()), Some(vec![(0.0, 0.25), (0.3, 0.5)])] {
            let speech = rounded(&Speech { samples: vec![0.1, -0.3, 2.0], rate: 24_000, words });
            assert_eq!(Speech::from_bytes(&speech.to_bytes()), Some(speech.clone()));
            let bytes = speech.to_bytes();
            for length in 0..8 {
                assert_eq!(Speech::from_bytes(&bytes[..length]), None);
            }
        }
    }
}
