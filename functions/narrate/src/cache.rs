//! Speaks sentences. Speaks each shared sentence only once: looks for it first in this process's memory, then in the
//! store.
//!
//! Only sentences that [`Sharing::Shared`] allows are looked up or kept, so neither the memory nor the store holds
//! personal data.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use contracts::Digest;
use contracts::narration::Sharing;
use futures::{StreamExt as _, stream};
use storage::shared::{Found, SharedStore};
use tokio::sync::OwnedMutexGuard;

use crate::error::Error;
use crate::lines::Line;
use crate::narrator::{Narrator, Speech};
use crate::pace::{self, Tempo};
use crate::speech_store::rounded;

/// The maximum number of samples in memory: 64 MB, or 11 minutes at 24 kHz.
const MAX_SAMPLES: usize = 16 << 20;

/// The number of concurrent reads from the store.
const READS: usize = 16;

/// The format of shared speech. Change it whenever the trimming or the tempo changes.
const FORMAT: &str = "speech 2";

/// One sentence in memory. While the entry is locked, the task that holds the lock is speaking the sentence.
type Entry = Arc<tokio::sync::Mutex<Option<Speech>>>;

/// The tempos of voices, and their shared sentences, by digest.
#[derive(Default)]
pub struct SpeechCache {
    entries: Mutex<HashMap<Digest, Entry>>,
    samples: AtomicUsize,
    tempos: tokio::sync::Mutex<HashMap<Digest, Tempo>>,
}

impl SpeechCache {
    /// Returns the entry for a sentence. If the memory is full, returns a new entry that is not kept.
    fn entry(&self, key: Digest) -> Entry {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(&key) {
            Some(entry) => entry.clone(),
            None if self.samples.load(Ordering::Relaxed) > MAX_SAMPLES => Entry::default(),
            None => entries.entry(key).or_default().clone(),
        }
    }

    /// Locks the entries of all keys. Returns the empty ones, still locked, and adds the speech in the others to
    /// `known`.
    ///
    /// Locks in the order of the keys, so two customers cannot deadlock.
    async fn lock_missing(
        &self,
        keys: impl Iterator<Item = Digest>,
        known: &mut HashMap<Digest, Speech>,
    ) -> BTreeMap<Digest, OwnedMutexGuard<Option<Speech>>> {
        let mut missing = BTreeMap::new();
        let sorted: std::collections::BTreeSet<Digest> = keys.collect();
        for key in sorted {
            let guard = self.entry(key).lock_owned().await;
            match guard.as_ref() {
                Some(speech) => {
                    known.insert(key, speech.clone());
                }
                None => {
                    missing.insert(key, guard);
                }
            }
        }
        missing
    }
}

/// A voice with the speech that all customers share.
pub struct SharedVoice<'a> {
    /// The voice.
    pub narrator: &'a dyn Narrator,
    /// The memory of this process.
    pub cache: &'a SpeechCache,
    /// The store, if the speech may be kept.
    pub store: Option<SharedStore<'a>>,
}

impl SharedVoice<'_> {
    /// Returns the voice's tempo at `words_per_minute`: found once, then the same for every customer.
    pub async fn tempo(&self, words_per_minute: u16) -> Result<Tempo, Error> {
        let voice = (self.narrator.engine(), self.narrator.voice());
        let key = Digest::of_json(&(
            FORMAT,
            "tempo",
            voice,
            words_per_minute,
            pace::reference_digest(self.narrator.language()),
        ));
        let mut tempos = self.cache.tempos.lock().await;
        if let Some(tempo) = tempos.get(&key) {
            return Ok(*tempo);
        }
        // The tempo of a voice with a known gain is found without speaking, so it is not worth storing.
        let store = self.store.filter(|_| self.narrator.gain().is_none());
        let found = match &store {
            Some(store) => store.find::<Tempo>(key).await,
            None => Found::Missing,
        };
        let tempo = match (found, &store) {
            (Found::Kept(tempo), _) => tempo,
            (Found::Missing, Some(store)) => store.keep(key, Tempo::find(self.narrator, words_per_minute).await?).await,
            (Found::Damaged, Some(store)) => {
                let tempo = Tempo::find(self.narrator, words_per_minute).await?;
                store.replace(key, &tempo).await;
                tempo
            }
            (Found::Missing | Found::Damaged, None) => Tempo::find(self.narrator, words_per_minute).await?,
        };
        tempos.insert(key, tempo);
        Ok(tempo)
    }

    /// Speaks all sentences, and returns them in order. Sets `sent` before it sends a sentence to the voice engine.
    pub async fn speak(&self, lines: &[Line], tempo: &Tempo, sent: &AtomicBool) -> Result<Vec<Speech>, Error> {
        let keys: Vec<Option<Digest>> = lines.iter().map(|line| self.key(line, tempo)).collect();
        let mut known: HashMap<Digest, Speech> = HashMap::new();
        let mut guards = self.cache.lock_missing(keys.iter().flatten().copied(), &mut known).await;
        let mut damaged = Vec::new();
        if let Some(store) = &self.store {
            let wanted: Vec<Digest> = guards.keys().copied().collect();
            let find = |key| async move { (key, store.find::<Speech>(key).await) };
            let found: Vec<_> = stream::iter(wanted).map(find).buffer_unordered(READS).collect().await;
            for (key, found) in found {
                match found {
                    Found::Kept(speech) => self.remember(key, &speech, &mut guards, &mut known),
                    Found::Damaged => damaged.push(key),
                    Found::Missing => {}
                }
            }
        }
        let mut spoken: Vec<Option<Speech>> =
            keys.iter().map(|key| key.and_then(|key| known.get(&key).cloned())).collect();
        // A sentence that occurs twice is spoken once.
        let is_first = |index: usize| keys[index].is_none_or(|key| !keys[..index].contains(&Some(key)));
        let open: Vec<usize> = (0..lines.len()).filter(|index| spoken[*index].is_none() && is_first(*index)).collect();
        if !open.is_empty() {
            let mut orders = Vec::with_capacity(open.len());
            let range = self.narrator.paces();
            for index in &open {
                let line = &lines[*index];
                let estimate = self.narrator.estimate_seconds(&line.utterance, &line.place).await?;
                orders.push(line.order(tempo.pace(line, estimate, &range)));
            }
            sent.store(true, Ordering::Relaxed);
            let speeches = pace::speak_all(self.narrator, &orders).await?;
            for (index, speech) in open.into_iter().zip(speeches) {
                let speech = rounded(&speech);
                let Some(key) = keys[index] else {
                    spoken[index] = Some(speech);
                    continue;
                };
                let kept = match &self.store {
                    Some(store) if damaged.contains(&key) => {
                        store.replace(key, &speech).await;
                        speech
                    }
                    Some(store) => store.keep(key, speech).await,
                    None => speech,
                };
                self.remember(key, &kept, &mut guards, &mut known);
            }
        }
        let speeches =
            spoken.into_iter().zip(&keys).map(|(speech, key)| speech.or_else(|| known.get(&(*key)?).cloned()));
        Ok(speeches.map(|speech| speech.expect("each sentence was known or has been spoken")).collect())
    }

    fn remember(
        &self,
        key: Digest,
        speech: &Speech,
        guards: &mut BTreeMap<Digest, OwnedMutexGuard<Option<Speech>>>,
        known: &mut HashMap<Digest, Speech>,
    ) {
        if let Some(mut guard) = guards.remove(&key) {
            self.cache.samples.fetch_add(speech.samples.len(), Ordering::Relaxed);
            *guard = Some(speech.clone());
        }
        known.insert(key, speech.clone());
    }

    /// Returns the digest of everything that determines the speech of a shared sentence, or `None` if it is personal.
    ///
    /// Uses the spoken form of the words, with the bank's pronunciations. Includes the word boundaries, because times
    /// belong to written words: "$5" is one word, "five dollars" are two.
    fn key(&self, line: &Line, tempo: &Tempo) -> Option<Digest> {
        match line.sharing {
            Sharing::Personal => None,
            Sharing::Shared => {
                let words: Vec<_> =
                    line.utterance.words().iter().map(|word| (&word.said, word.pause, word.dictated)).collect();
                let voice = (self.narrator.engine(), self.narrator.voice());
                Some(Digest::of_json(&(FORMAT, voice, tempo, words, line.has_numbers())))
            }
        }
    }
}

#[cfg(test)]
mod tests;
