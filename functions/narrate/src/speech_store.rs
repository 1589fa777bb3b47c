//! Keeps shared speech in the store, so a sentence that many customers hear is spoken once for all of them.
//!
//! An object under `speech/` is named by the digest of everything that determines it, and sealed with the data key. The
//! seal detects every change, so damaged speech is spoken again. The first writer wins; a later one adopts its speech.
//!
//! **Invariant:** [`Kept`] holds only sentences of [`Sharing::Shared`](crate::lines::Sharing) and tempos, so nothing in
//! this store is personal. A failure of this store fails no narration.

use contracts::{Digest, ObjectKey};
use jiff::{SignedDuration, Timestamp};
use storage::store::PutOutcome;
use storage::vault::{Owner, Vault};

use crate::narrator::Speech;
use crate::pace::Tempo;

/// The seconds, as bytes, that precede the content: the time of the last write.
const HEADER: usize = 8;

/// The shared speech of one store.
#[derive(Clone, Copy)]
pub struct SpeechStore<'a> {
    vault: &'a Vault,
    /// The age at which an object that is still in use is written anew, so that it does not expire.
    refresh_after: Option<SignedDuration>,
}

/// An object of the store.
pub enum Found<T> {
    /// The object.
    Kept(T),
    /// There is none.
    Missing,
    /// The object does not open, or is not what its name says.
    Damaged,
}

/// Content of the store.
pub trait Kept: Sized {
    /// Returns the content as bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads the content. Returns `None` if the bytes have another format.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl<'a> SpeechStore<'a> {
    /// Uses a vault's store. Objects expire `days` after their last write; never if 0.
    pub fn new(vault: &'a Vault, days: u16) -> Self {
        // An object in use is written anew after a third of its time.
        let refresh_after = (days > 0).then(|| SignedDuration::from_hours(8 * i64::from(days)));
        Self { vault, refresh_after }
    }

    /// Counts every object as old.
    #[cfg(test)]
    pub fn refreshing_at_once(self) -> Self {
        Self { refresh_after: Some(SignedDuration::ZERO), ..self }
    }

    /// Returns the object with this digest.
    pub async fn find<T: Kept>(&self, digest: Digest) -> Found<T> {
        let key = ObjectKey::Speech(digest);
        let sealed = match self.vault.store().find(&key).await {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Found::Missing,
            Err(error) => {
                tracing::warn!(reason = contracts::error::chain(&error), "cannot read shared speech; speaking it anew");
                return Found::Missing;
            }
        };
        let opened = self.vault.open(Owner::Run, &key.to_string(), &sealed).await;
        let content = opened.ok().filter(|(_, inputs)| *inputs == digest).and_then(|(plain, _)| {
            let (header, body) = plain.split_first_chunk::<HEADER>()?;
            let written = Timestamp::from_second(i64::from_le_bytes(*header)).ok()?;
            Some((T::from_bytes(body)?, written))
        });
        let Some((content, written)) = content else {
            tracing::warn!(%key, "shared speech is damaged; speaking it again");
            return Found::Damaged;
        };
        let is_due = |after: SignedDuration| Timestamp::now().duration_since(written) >= after;
        if self.refresh_after.is_some_and(is_due) {
            self.replace(digest, &content).await;
        }
        Found::Kept(content)
    }

    /// Keeps an object, and returns what the store holds now: this object, or that of an earlier writer.
    pub async fn keep<T: Kept>(&self, digest: Digest, content: T) -> T {
        let key = ObjectKey::Speech(digest);
        match self.vault.write(Owner::Run, &key, &digest, &with_header(&content)).await {
            Ok(PutOutcome::Created) => content,
            Ok(PutOutcome::AlreadyThere) => match self.find(digest).await {
                Found::Kept(first) => first,
                Found::Missing | Found::Damaged => content,
            },
            Err(error) => {
                tracing::warn!(%key, reason = contracts::error::chain(&error), "cannot keep shared speech");
                content
            }
        }
    }

    /// Writes an object, whether or not one exists.
    pub async fn replace<T: Kept>(&self, digest: Digest, content: &T) {
        let key = ObjectKey::Speech(digest);
        let replaced = async {
            let place = key.to_string();
            let sealed = self.vault.seal(Owner::Run, &place, &digest, &with_header(content)).await?;
            Ok::<_, storage::vault::VaultError>(self.vault.store().put(&key, sealed.into()).await?)
        };
        if let Err(error) = replaced.await {
            tracing::warn!(%key, reason = contracts::error::chain(&error), "cannot keep shared speech");
        }
    }
}

fn with_header<T: Kept>(content: &T) -> Vec<u8> {
    let mut bytes = Timestamp::now().as_second().to_le_bytes().to_vec();
    bytes.extend(content.to_bytes());
    bytes
}

impl Kept for Tempo {
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a tempo serializes to JSON")
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The number of words that means "no times".
const NO_TIMES: u32 = u32::MAX;

/// Samples per second, number of words, start and end of each word, samples of 16 bits; all little-endian.
impl Kept for Speech {
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

/// Rounds speech to what the store keeps, so the first customer hears the same as all later ones.
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
