//! Remembers what was spoken, so that sentences which many customers hear are spoken once.
//!
//! Only for as long as the process lives, and no sentence with a name in it: nothing of it is ever at rest, so there is
//! nothing to seal and nothing to forget.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use contracts::Digest;
use tokio::sync::OnceCell;

use crate::Error;
use crate::narrator::{Narrator, Speech};
use crate::spoken::Utterance;

/// The most samples that are kept: 64 MB, or 11 minutes at 24 kHz.
const MOST_SAMPLES: usize = 16 << 20;

/// What was spoken, by the digest of engine, voice, pace and sentence.
#[derive(Default)]
pub struct Memory {
    spoken: Mutex<HashMap<Digest, Arc<OnceCell<Speech>>>>,
}

impl Memory {
    /// The place of a sentence; one of its own that nobody else finds once the memory is full.
    fn place(&self, key: Digest) -> Arc<OnceCell<Speech>> {
        let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        let samples: usize = spoken.values().filter_map(|cell| cell.get()).map(|speech| speech.samples.len()).sum();
        match spoken.get(&key) {
            Some(place) => place.clone(),
            None if samples > MOST_SAMPLES => Arc::default(),
            None => spoken.entry(key).or_default().clone(),
        }
    }
}

/// A narrator that remembers, but for sentences that hold one of `personal`'s words.
pub struct Remembering<'a> {
    narrator: &'a dyn Narrator,
    memory: &'a Memory,
    personal: Vec<String>,
}

impl<'a> Remembering<'a> {
    /// With this memory; `personal` is the customer's name.
    pub fn new(narrator: &'a dyn Narrator, memory: &'a Memory, personal: &str) -> Self {
        Self { narrator, memory, personal: words(personal) }
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[async_trait]
impl Narrator for Remembering<'_> {
    fn engine(&self) -> &str {
        self.narrator.engine()
    }

    fn voice(&self) -> &str {
        self.narrator.voice()
    }

    fn paces(&self) -> RangeInclusive<f64> {
        self.narrator.paces()
    }

    fn rounds(&self) -> usize {
        self.narrator.rounds()
    }

    fn at_once(&self) -> usize {
        self.narrator.at_once()
    }

    fn outside(&self) -> Option<String> {
        self.narrator.outside()
    }

    async fn guess(&self, sentence: &Utterance, at: &str) -> Result<Option<f64>, Error> {
        self.narrator.guess(sentence, at).await
    }

    async fn say(&self, sentence: &Utterance, pace: f64, at: &str) -> Result<Speech, Error> {
        let shown = sentence.words().iter().flat_map(|word| words(&word.shown));
        if shown.into_iter().any(|word| self.personal.contains(&word)) {
            return self.narrator.say(sentence, pace, at).await;
        }
        // Word by word, because the times are those of the written words: "$5" is one, "five dollars" are two.
        let said: Vec<_> = sentence.words().iter().map(|word| (&word.said, word.pause)).collect();
        let key = Digest::of_json(&(self.engine(), self.voice(), pace.to_bits(), said));
        let spoken = self.memory.place(key);
        spoken.get_or_try_init(|| self.narrator.say(sentence, pace, at)).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl Narrator for Counting {
        fn engine(&self) -> &'static str {
            "counting 1"
        }
        fn voice(&self) -> &'static str {
            "any"
        }
        fn paces(&self) -> RangeInclusive<f64> {
            1.0..=1.0
        }
        fn rounds(&self) -> usize {
            1
        }
        async fn say(&self, _: &Utterance, _: f64, _: &str) -> Result<Speech, Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Speech { samples: vec![0.1; 10], rate: 24_000, words: None })
        }
    }

    async fn said(sentences: &[&str], name: &str) -> usize {
        let (narrator, memory) = (Counting::default(), Memory::default());
        for sentence in sentences {
            let sentence = Utterance::of(sentence, &crate::Pronunciations::default()).unwrap().unwrap();
            Remembering::new(&narrator, &memory, name).say(&sentence, 1.0, "").await.unwrap();
        }
        narrator.0.into_inner()
    }

    #[tokio::test]
    async fn a_sentence_that_comes_again_is_spoken_once() {
        assert_eq!(said(&["Member FDIC.", "Thank you.", "Member FDIC."], "José").await, 2);
        assert_eq!(said(&["Pay $5.", "Pay five dollars."], "José").await, 2, "other words have other times");
    }

    #[tokio::test]
    async fn a_sentence_with_the_customers_name_is_never_kept() {
        assert_eq!(said(&["Hello, José!", "Hello, José!", "José's card.", "José's card."], "José").await, 4);
        assert_eq!(said(&["Dear Mary Ann.", "Dear Mary Ann."], "Mary Ann").await, 2);
    }
}
