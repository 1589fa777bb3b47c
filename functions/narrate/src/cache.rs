//! Caches spoken sentences, so a sentence that many customers hear is synthesized only once.
//!
//! The cache exists only in memory and skips every sentence that contains the customer's name. Its contents therefore
//! need no sealing or erasure.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use contracts::Digest;
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::narrator::{Narrator, Speech};
use crate::spoken::Utterance;

/// The maximum number of cached samples: 64 MB, or 11 minutes at 24 kHz.
const MAX_SAMPLES: usize = 16 << 20;

/// Spoken sentences, keyed by the digest of engine, voice, pace and spoken words.
#[derive(Default)]
pub struct SpeechCache {
    entries: Mutex<HashMap<Digest, Arc<OnceCell<Speech>>>>,
}

impl SpeechCache {
    /// Returns the entry for a sentence. If the cache is full, returns a new entry that is not kept.
    fn entry(&self, key: Digest) -> Arc<OnceCell<Speech>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let samples: usize = entries.values().filter_map(|cell| cell.get()).map(|speech| speech.samples.len()).sum();
        match entries.get(&key) {
            Some(entry) => entry.clone(),
            None if samples > MAX_SAMPLES => Arc::default(),
            None => entries.entry(key).or_default().clone(),
        }
    }
}

/// A narrator that caches every sentence without personal words.
pub struct CachedNarrator<'a> {
    narrator: &'a dyn Narrator,
    cache: &'a SpeechCache,
    personal_words: Vec<String>,
}

impl<'a> CachedNarrator<'a> {
    /// Wraps a narrator. Sentences that contain a word of `first_name` bypass the cache.
    pub fn new(narrator: &'a dyn Narrator, cache: &'a SpeechCache, first_name: &str) -> Self {
        Self { narrator, cache, personal_words: words(first_name) }
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[async_trait]
impl Narrator for CachedNarrator<'_> {
    fn engine(&self) -> &str {
        self.narrator.engine()
    }

    fn voice(&self) -> &str {
        self.narrator.voice()
    }

    fn paces(&self) -> RangeInclusive<f64> {
        self.narrator.paces()
    }

    fn max_rounds(&self) -> usize {
        self.narrator.max_rounds()
    }

    fn concurrency(&self) -> usize {
        self.narrator.concurrency()
    }

    fn external_service(&self) -> Option<String> {
        self.narrator.external_service()
    }

    async fn estimate_seconds(&self, sentence: &Utterance, location: &str) -> Result<Option<f64>, Error> {
        self.narrator.estimate_seconds(sentence, location).await
    }

    async fn speak(&self, sentence: &Utterance, pace: f64, location: &str) -> Result<Speech, Error> {
        let shown = sentence.words().iter().flat_map(|word| words(&word.shown));
        if shown.into_iter().any(|word| self.personal_words.contains(&word)) {
            return self.narrator.speak(sentence, pace, location).await;
        }
        // The key includes word boundaries, because times belong to written words: "$5" is one word, "five dollars" are
        // two.
        let said: Vec<_> = sentence.words().iter().map(|word| (&word.said, word.pause)).collect();
        let key = Digest::of_json(&(self.engine(), self.voice(), pace.to_bits(), said));
        let entry = self.cache.entry(key);
        entry.get_or_try_init(|| self.narrator.speak(sentence, pace, location)).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::spoken::Lexicon;

    /// Counts the sentences that it is asked to speak.
    #[derive(Default)]
    struct CountingNarrator(AtomicUsize);

    #[async_trait]
    impl Narrator for CountingNarrator {
        fn engine(&self) -> &'static str {
            "counting 1"
        }
        fn voice(&self) -> &'static str {
            "any"
        }
        fn paces(&self) -> RangeInclusive<f64> {
            1.0..=1.0
        }
        fn max_rounds(&self) -> usize {
            1
        }
        async fn speak(&self, _: &Utterance, _: f64, _: &str) -> Result<Speech, Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Speech { samples: vec![0.1; 10], rate: 24_000, words: None })
        }
    }

    async fn spoken_count(sentences: &[&str], first_name: &str) -> usize {
        let narrator = CountingNarrator::default();
        let cache = SpeechCache::default();
        for sentence in sentences {
            let sentence = Utterance::of(sentence, Lexicon::default()).unwrap().unwrap();
            CachedNarrator::new(&narrator, &cache, first_name).speak(&sentence, 1.0, "").await.unwrap();
        }
        narrator.0.into_inner()
    }

    #[tokio::test]
    async fn repeated_sentence_is_spoken_once() {
        assert_eq!(spoken_count(&["Member FDIC.", "Thank you.", "Member FDIC."], "José").await, 2);
        assert_eq!(spoken_count(&["Pay $5.", "Pay five dollars."], "José").await, 2, "the words have other times");
    }

    #[tokio::test]
    async fn sentence_with_the_first_name_is_not_cached() {
        assert_eq!(spoken_count(&["Hello, José!", "Hello, José!", "José's card.", "José's card."], "José").await, 4);
        assert_eq!(spoken_count(&["Dear Mary Ann.", "Dear Mary Ann."], "Mary Ann").await, 2);
    }
}
