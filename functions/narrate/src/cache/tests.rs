use std::ops::RangeInclusive;

use async_trait::async_trait;
use contracts::ObjectKey;
use contracts::key::{Area, Prefix};
use storage::store::{MemoryStore, ObjectStore as _};
use storage::vault::{Keys, Vault};

use super::*;
use crate::lines;
use crate::narrator::Order;

/// Counts the sentences that it speaks. It speaks the reference text only if it has no known gain.
#[derive(Default)]
struct CountingNarrator {
    spoken: AtomicUsize,
    gain: Option<f64>,
}

#[async_trait]
impl Narrator for CountingNarrator {
    fn engine(&self) -> &'static str {
        "counting 1"
    }
    fn voice(&self) -> &'static str {
        "any"
    }
    fn paces(&self) -> RangeInclusive<f64> {
        0.5..=2.0
    }
    fn max_rounds(&self) -> usize {
        1
    }
    fn gain(&self) -> Option<f64> {
        self.gain
    }
    async fn speak(&self, order: Order<'_>) -> Result<Speech, Error> {
        let number = self.spoken.fetch_add(1, Ordering::Relaxed);
        // Each attempt sounds a little different, like a service that is not deterministic.
        let level = 0.1 + 0.001 * f32::from(u16::try_from(number).unwrap());
        let length = order.sentence.text().len();
        Ok(Speech { samples: vec![level; 1_000 * length], rate: 24_000, words: None })
    }
}

fn counting() -> CountingNarrator {
    CountingNarrator { gain: Some(0.0), ..CountingNarrator::default() }
}

fn shared(text: &str) -> Vec<Line> {
    let lines = lines::of_text(text, None, contracts::Language::English).unwrap();
    lines.into_iter().map(|line| Line { sharing: Sharing::Shared, ..line }).collect()
}

struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
}

impl Bank {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        Self { store, vault }
    }

    /// Speaks as a new process would, with an empty memory.
    async fn speak(&self, narrator: &CountingNarrator, lines: &[Line]) -> Vec<Speech> {
        let cache = SpeechCache::default();
        let voice = SharedVoice { narrator, cache: &cache, store: Some(SharedStore::new(&self.vault, 90)) };
        let tempo = voice.tempo(140).await.unwrap();
        voice.speak(lines, &tempo, &AtomicBool::new(false)).await.unwrap()
    }

    async fn kept(&self) -> Vec<String> {
        self.store.list(&Prefix::Area(Area::Speech)).await.unwrap().into_iter().map(|listed| listed.key).collect()
    }
}

#[tokio::test]
async fn shared_sentence_is_spoken_once_for_all_processes() {
    let bank = Bank::new();
    let narrator = counting();
    let first = bank.speak(&narrator, &shared("Member FDIC. Thank you. Member FDIC.")).await;
    let second = bank.speak(&narrator, &shared("Thank you. Member FDIC.")).await;
    assert_eq!(narrator.spoken.into_inner(), 2);
    assert_eq!((&first[0], &first[1]), (&second[1], &second[0]), "all customers hear the same");
    assert_eq!(first[0], first[2]);
    assert_eq!(bank.kept().await.len(), 2);
}

#[tokio::test]
async fn different_words_or_rates_are_spoken_apart() {
    let bank = Bank::new();
    let narrator = counting();
    bank.speak(&narrator, &shared("Pay $5. Pay five dollars.")).await;
    assert_eq!(narrator.spoken.load(Ordering::Relaxed), 2, "the words have other times");
    let cache = SpeechCache::default();
    let voice = SharedVoice { narrator: &narrator, cache: &cache, store: Some(SharedStore::new(&bank.vault, 90)) };
    let slow = voice.tempo(100).await.unwrap();
    voice.speak(&shared("Pay $5."), &slow, &AtomicBool::new(false)).await.unwrap();
    assert_eq!(narrator.spoken.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn personal_sentence_is_never_kept() {
    let bank = Bank::new();
    let narrator = counting();
    let personal = lines::of_text("Hello José. Thank you.", None, contracts::Language::English).unwrap();
    bank.speak(&narrator, &personal).await;
    bank.speak(&narrator, &personal).await;
    assert_eq!(narrator.spoken.into_inner(), 4);
    assert_eq!(bank.kept().await, [""; 0]);
}

#[tokio::test]
async fn damaged_speech_is_spoken_again_and_replaced() {
    let bank = Bank::new();
    let narrator = counting();
    let lines = shared("Member FDIC.");
    bank.speak(&narrator, &lines).await;
    let key = bank.kept().await.remove(0);
    let key = ObjectKey::Speech(key.strip_prefix("speech/").unwrap().to_owned().try_into().unwrap());
    let whole = bank.store.get(&key).await.unwrap();
    let mut flipped = whole.to_vec();
    flipped[200] ^= 1;
    let other = bank.vault.seal(storage::vault::Owner::Run, "speech/other", &Digest::of(b"other"), b"x").await.unwrap();
    for damage in [whole.slice(..whole.len() / 2), whole.slice(..0), flipped.into(), other.into()] {
        let before = narrator.spoken.load(Ordering::Relaxed);
        bank.store.put(&key, damage).await.unwrap();
        bank.speak(&narrator, &lines).await;
        bank.speak(&narrator, &lines).await;
        assert_eq!(narrator.spoken.load(Ordering::Relaxed), before + 1, "once, then from the store");
    }
}

#[tokio::test]
async fn later_writer_adopts_the_first_speech() {
    let bank = Bank::new();
    let narrator = counting();
    let lines = shared("Member FDIC.");
    let first = bank.speak(&narrator, &lines).await;
    let objects = bank.store.objects();
    let (key, object) = objects.iter().find(|(key, _)| key.starts_with("speech/")).unwrap();
    let digest: Digest = key.strip_prefix("speech/").unwrap().to_owned().try_into().unwrap();
    // The competing process writes between this process's lookup and its write.
    bank.store.delete(&ObjectKey::Speech(digest)).await.unwrap();
    bank.store.put_before(&ObjectKey::Speech(digest), &ObjectKey::Speech(digest), object.clone());
    let second = bank.speak(&narrator, &lines).await;
    assert_eq!(narrator.spoken.load(Ordering::Relaxed), 2);
    assert_eq!(first, second);
}

#[tokio::test]
async fn two_customers_of_one_process_speak_a_sentence_once() {
    let narrator = counting();
    let cache = SpeechCache::default();
    let voice = SharedVoice { narrator: &narrator, cache: &cache, store: None };
    let tempo = voice.tempo(140).await.unwrap();
    let sent = AtomicBool::new(false);
    let one = shared("Member FDIC. Thank you. See you soon.");
    let other = shared("See you soon. Thank you. Member FDIC.");
    let (one, other) = tokio::join!(voice.speak(&one, &tempo, &sent), voice.speak(&other, &tempo, &sent));
    assert_eq!(narrator.spoken.load(Ordering::Relaxed), 3);
    assert_eq!(one.unwrap()[0], other.unwrap()[2]);
}

#[tokio::test]
async fn failing_store_fails_no_narration() {
    let bank = Bank::new();
    let narrator = counting();
    let lines = shared("Member FDIC.");
    bank.speak(&narrator, &lines).await;
    let key = bank.kept().await.remove(0);
    let digest: Digest = key.strip_prefix("speech/").unwrap().to_owned().try_into().unwrap();
    bank.store.fail_next(&ObjectKey::Speech(digest), 2);
    assert_eq!(bank.speak(&narrator, &lines).await.len(), 1);
}

#[tokio::test]
async fn tempo_that_needs_speech_is_found_once() {
    let bank = Bank::new();
    let narrator = CountingNarrator::default();
    let lines = shared("Member FDIC.");
    bank.speak(&narrator, &lines).await;
    let before = narrator.spoken.load(Ordering::Relaxed);
    assert!(before > 2, "it speaks the reference text");
    bank.speak(&narrator, &lines).await;
    assert_eq!(narrator.spoken.into_inner(), before);
}

#[tokio::test]
async fn speech_in_use_is_written_anew_before_it_expires() {
    let bank = Bank::new();
    let narrator = counting();
    let lines = shared("Member FDIC.");
    bank.speak(&narrator, &lines).await;
    let before = bank.store.objects();
    bank.speak(&narrator, &lines).await;
    assert_eq!(bank.store.objects(), before, "it is new");
    let cache = SpeechCache::default();
    let store = SharedStore::new(&bank.vault, 90).refreshing_at_once();
    let voice = SharedVoice { narrator: &narrator, cache: &cache, store: Some(store) };
    let tempo = voice.tempo(140).await.unwrap();
    voice.speak(&lines, &tempo, &AtomicBool::new(false)).await.unwrap();
    assert_ne!(bank.store.objects(), before, "another nonce");
    assert_eq!(narrator.spoken.into_inner(), 1);
}
