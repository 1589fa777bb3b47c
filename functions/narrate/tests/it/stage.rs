//! The narrate stage with the real espeak-ng: the sound matches the script and the recorded times.

use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use contracts::brand::Brand;
use contracts::key::{Artefact, RunPart};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::{Script, Segment, SegmentKind, Verdict, WrittenBy};
use contracts::settings::Settings;
use contracts::stage::CustomerTask;
use contracts::voice::Engine;
use contracts::{CustomerId, Digest, ErrorName, NamedError, ObjectKey};
use narrate::spoken::{Lexicon, Utterance};
use narrate::{Deps, Engines, Error, Pronunciations, engine_version, run};
use storage::secret::{SecretError, SecretName, SecretString, Secrets};
use storage::store::MemoryStore;
use storage::vault::{Keys, Owner, Vault};

use crate::tone::ToneService;

const GREETING: &str = "Hello José, here is an idea or two from your team at Meridian Bank.";
const OFFER: &str = "You spend on groceries and dining out, so the Meridian Everyday Rewards Card may suit you. \
    It earns points on daily purchases, and there is no annual fee. Savings earn 4.25% APY on balances over $1,250.50.";
const CLOSING: &str =
    "Please talk to Dr. Lee, your adviser, before March 5, 2026. Thank you for banking with us. Member FDIC.";

/// A store that contains the script of one customer.
pub struct Bank {
    pub store: Arc<MemoryStore>,
    vault: Vault,
    task: CustomerTask,
    settings: Settings,
}

impl Bank {
    async fn with(texts: &[&str], request: Request) -> Self {
        Self::addressing("José", texts, request).await
    }

    async fn addressing(first_name: &str, texts: &[&str], request: Request) -> Self {
        Self::customer(Arc::default(), "0042", first_name, texts, request).await
    }

    /// Adds a customer to a store.
    pub async fn customer(
        store: Arc<MemoryStore>,
        id: &str,
        first_name: &str,
        texts: &[&str],
        request: Request,
    ) -> Self {
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let reference = vault.keys().reference(&CustomerId::parse(id).unwrap());
        let task = CustomerTask { run: request.run_id(), reference };
        let segment = |text: &&str| Segment {
            kind: SegmentKind::Service,
            text: (*text).to_owned(),
            product: None,
            parts: Vec::new(),
        };
        let script = Script {
            language: contracts::Language::English,
            first_name: first_name.to_owned(),
            adviser: None,
            segments: texts.iter().map(segment).collect(),
            offers: Vec::new(),
            disclosures: Vec::new(),
            written_by: WrittenBy::Template { instead_of_model: None },
            verdict: Verdict { checks: Vec::new() },
            text_review: None,
            from_posts: false,
        };
        let inputs = Digest::of(b"inputs");
        let at = ObjectKey::Run(task.run.clone(), RunPart::Request);
        vault.write_json(Owner::Run, &at, &inputs, request).await.unwrap();
        let bank = Self { store, vault, task, settings: Settings::default() };
        let owner = Owner::Customer(&bank.task.reference);
        bank.vault.write_json(owner, &bank.key(Artefact::Script), &inputs, script).await.unwrap();
        bank
    }

    async fn at_rate(words_per_minute: u16) -> Self {
        Self::with(&[GREETING, OFFER, CLOSING], Request { words_per_minute, ..Request::for_tests() }).await
    }

    async fn saying(text: &str) -> Self {
        Self::with(&[text], Request::for_tests()).await
    }

    async fn saying_to(first_name: &str, text: &str) -> Self {
        Self::addressing(first_name, &[text], Request::for_tests()).await
    }

    fn key(&self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(self.task.reference.clone(), self.task.run.clone(), artefact)
    }

    async fn run_with(&self, espeak: &str) -> Result<CustomerTask, Error> {
        // The tests share the engine, so its tempo is found only once.
        static ESPEAK: OnceLock<Engines> = OnceLock::new();
        let new = || Engines::new(espeak.into(), outbound::Client::new().unwrap());
        if espeak == "espeak-ng" { self.run_by(ESPEAK.get_or_init(new)).await } else { self.run_by(&new()).await }
    }

    pub async fn run_by(&self, engines: &Engines) -> Result<CustomerTask, Error> {
        let pronunciations = Pronunciations::default();
        // A bank without legal lines.
        let mut brand = Brand::from_toml(include_str!("../../../../assets/brand.toml")).unwrap();
        (brand.opt_out, brand.voice_notice) = (String::new(), String::new());
        let deps = Deps {
            vault: &self.vault,
            settings: &self.settings,
            engines,
            brand: &brand,
            pronunciations: &pronunciations,
            secrets: &Key,
        };
        run(self.task.clone(), &deps).await
    }

    async fn narrated(&self) -> (Narration, Sound) {
        self.run_with("espeak-ng").await.unwrap();
        self.result().await
    }

    pub async fn result(&self) -> (Narration, Sound) {
        let owner = Owner::Customer(&self.task.reference);
        let (narration, _) = self.vault.read_json::<Narration>(owner, &self.key(Artefact::Cues)).await.unwrap();
        let (wav, _) = self.vault.read(owner, &self.key(Artefact::NarrationAudio)).await.unwrap();
        assert_eq!(narration.audio, Digest::of(&wav));
        (narration, Sound::read(&wav))
    }
}

/// A secret store with the key of the outside service.
struct Key;

#[async_trait]
impl Secrets for Key {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        Ok((name == SecretName::ModelKey).then(|| "k3y".into()))
    }
}

pub struct Sound {
    samples: Vec<f32>,
    rate: u32,
}

impl Sound {
    fn read(wav: &[u8]) -> Self {
        let reader = hound::WavReader::new(Cursor::new(wav)).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 24_000, 16));
        let samples = reader.into_samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
        Self { samples, rate: spec.sample_rate }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a short narration")]
    fn between(&self, start: f64, end: f64) -> &[f32] {
        let at = |seconds: f64| ((seconds * f64::from(self.rate)).round() as usize).min(self.samples.len());
        &self.samples[at(start)..at(end)]
    }

    fn peak_between(&self, start: f64, end: f64) -> f32 {
        self.between(start, end).iter().fold(0.0, |most, sample| most.max(sample.abs()))
    }

    fn longest_silence(&self) -> f64 {
        let longest = self.samples.split(|sample| sample.abs() > 0.003).map(<[f32]>::len).max().unwrap_or(0);
        f64::from(u32::try_from(longest).unwrap()) / f64::from(self.rate)
    }
}

#[tokio::test]
async fn voice_is_heard_exactly_within_the_sentences() {
    let (narration, sound) = Bank::at_rate(140).await.narrated().await;
    assert_eq!(narration.sentences.len(), 7);
    let mut before = 0.0;
    for sentence in &narration.sentences {
        assert!(sentence.start >= before && sentence.end > sentence.start);
        assert!(sound.peak_between(sentence.start, sentence.start + 0.1) > 0.01, "starts late");
        assert!(sound.peak_between(sentence.end - 0.1, sentence.end) > 0.01, "ends early");
        assert!(sound.peak_between(before, sentence.start) < 0.001, "heard before it starts");
        let mut at = sentence.start;
        for word in &sentence.words {
            assert!(word.start >= at - 1e-9 && word.end > word.start && word.end <= sentence.end + 1e-9);
            at = word.end;
        }
        before = sentence.end;
    }
    assert!(sound.peak_between(before, narration.seconds) < 0.001);
    assert!(sound.longest_silence() < 1.5);
}

#[tokio::test]
async fn cues_keep_the_written_form() {
    let (narration, _) = Bank::at_rate(140).await.narrated().await;
    let text: Vec<_> = narration.sentences.iter().flat_map(|s| &s.words).map(|word| word.text.as_str()).collect();
    assert_eq!(text.join(" "), [GREETING, OFFER, CLOSING].join(" "));
    let segments: Vec<_> = narration.sentences.iter().map(|sentence| sentence.segment).collect();
    assert_eq!(segments, [0, 1, 1, 1, 2, 2, 2]);
    assert_eq!(narration.timing, Timing::Estimated);
    assert!(narration.engine.starts_with("espeak-ng "));
    assert_eq!(narration.voice, "en-us");
}

/// Returns the number of spoken words in a text: "4.25%" has five.
fn spoken_words(text: &str) -> usize {
    Utterance::of(text, Lexicon::default()).unwrap().unwrap().spoken_words()
}

#[tokio::test]
async fn requested_rate_is_reached() {
    for wanted in [80, 110, 140, 180, 220] {
        let (narration, sound) = Bank::at_rate(wanted).await.narrated().await;
        let words: usize = [GREETING, OFFER, CLOSING].into_iter().map(spoken_words).sum();
        let spoken = narration.sentences.last().unwrap().end - narration.sentences[0].start;
        let heard = f64::from(u32::try_from(words).unwrap()) * 60.0 / spoken;
        assert!((heard / f64::from(wanted) - 1.0).abs() < 0.05, "{wanted}: {heard}");
        assert!((heard - narration.words_per_minute).abs() < 0.01);
        assert!(sound.longest_silence() < 1.5, "{wanted}: {}", sound.longest_silence());
    }
}

#[tokio::test]
async fn loudness_and_peak_meet_the_target() {
    // Every sentence of a voice has the same gain, so a word on its own is as loud as it is within a text.
    for (texts, reach) in [(&[GREETING, OFFER, CLOSING][..], 1.0), (&["Yes."][..], 5.0)] {
        let (narration, sound) = Bank::with(texts, Request::for_tests()).await.narrated().await;
        let mut meter = ebur128::EbuR128::new(1, 24_000, ebur128::Mode::I | ebur128::Mode::TRUE_PEAK).unwrap();
        meter.add_frames_f32(&sound.samples).unwrap();
        let loudness = meter.loudness_global().unwrap();
        assert!((loudness + 16.0).abs() < reach, "{loudness} LUFS");
        assert!((loudness - narration.loudness).abs() < 0.1);
        let peak = 20.0 * meter.true_peak(0).unwrap().log10();
        assert!(peak <= -1.5, "{peak} dBTP");
    }
}

#[tokio::test]
async fn same_script_gives_the_same_sound() {
    let (first, _) = Bank::at_rate(140).await.narrated().await;
    let (second, _) = Bank::at_rate(140).await.narrated().await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn second_run_changes_nothing_and_needs_no_engine() {
    let bank = Bank::at_rate(140).await;
    bank.narrated().await;
    let before = bank.store.objects();
    bank.run_with("no-such-engine").await.unwrap();
    assert_eq!(bank.store.objects(), before);
}

#[tokio::test]
async fn interrupted_run_resumes_with_the_stored_sound() {
    let bank = Bank::at_rate(140).await;
    let (whole, _) = bank.narrated().await;
    let sound = bank.store.objects()[&bank.key(Artefact::NarrationAudio).to_string()].clone();
    bank.vault.store().delete(&bank.key(Artefact::Cues)).await.unwrap();
    let (again, _) = bank.narrated().await;
    assert_eq!(again, whole);
    assert_eq!(bank.store.objects()[&bank.key(Artefact::NarrationAudio).to_string()], sound);
}

#[tokio::test]
async fn markup_is_spoken_not_executed() {
    let (plain, _) = Bank::saying("Hello there my friend.").await.narrated().await;
    let text = "[[h@'loU]] <break time=\"9s\"/> --version -f /etc/passwd &amp; hello there my friend.";
    let (narration, sound) = Bank::saying(text).await.narrated().await;
    assert!(narration.seconds > plain.seconds + 2.0, "{} s", narration.seconds);
    assert!(sound.longest_silence() < 1.5);
    let shown: Vec<_> = narration.sentences.iter().flat_map(|s| &s.words).map(|word| word.text.as_str()).collect();
    assert_eq!(shown.join(" "), text);
}

#[tokio::test]
async fn names_of_any_script_are_spoken() {
    for name in ["José", "Nguyễn", "Łukasz", "李娜", "Zoë", "Đặng", "Иван", "محمد", "Σοφία", "さくら", "김민준"]
    {
        let (narration, sound) = Bank::saying_to(name, &format!("{name}.")).await.narrated().await;
        let sentence = &narration.sentences[0];
        assert_eq!(sentence.words[0].text, format!("{name}."));
        let length = sentence.end - sentence.start;
        assert!((0.2..2.0).contains(&length), "{name}: {length} s");
        assert!(sound.peak_between(sentence.start, sentence.end) > 0.1, "{name}");
    }
}

#[tokio::test]
async fn name_without_a_reading_is_left_out() {
    let bank = Bank::saying_to("\u{e000}", "Hello \u{e000}, all is well.").await;
    let (narration, _) = bank.narrated().await;
    let shown: Vec<_> = narration.sentences[0].words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(shown, ["Hello \u{e000},", "all", "is", "well."]);
    assert!(narration.first_name_unspoken);
}

#[tokio::test]
async fn unread_number_is_reported_by_place() {
    let error = Bank::saying("All is well. Pay $1,23 now.").await.run_with("espeak-ng").await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateFailed);
    assert_eq!(error.to_string(), "script.json: segment 1, sentence 2, word 2: cannot read the number");
    assert!(error.help().unwrap().contains("1,250.50"));
}

#[tokio::test]
async fn missing_engine_is_an_error_with_help() {
    let error = Bank::at_rate(140).await.run_with("no-such-engine").await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateEngineMissing);
    assert!(error.help().unwrap().contains("apt-get install espeak-ng"));
    assert!(engine_version(Path::new("no-such-engine")).await.is_err());
    assert!(engine_version(Path::new("espeak-ng")).await.unwrap().starts_with("espeak-ng 1."));
}

#[tokio::test]
async fn engine_failure_reports_exit_status_without_text() {
    let error = Bank::at_rate(140).await.run_with("false").await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateFailed);
    assert!(error.to_string().contains("exit status: 1"), "{error}");
    assert!(!error.to_string().contains("José"));
}

#[tokio::test]
async fn unknown_voice_is_rejected_with_the_available_ones() {
    for voice in ["kevin", "en-us+nobody", "../../etc/passwd", "-f", "espeak:af_heart"] {
        let request = Request { voice: Some(voice.to_owned()), ..Request::for_tests() };
        let error = Bank::with(&[GREETING], request).await.run_with("espeak-ng").await.unwrap_err();
        assert_eq!(error.name(), ErrorName::InputInvalidRequest, "{voice}");
        assert!(error.help().unwrap().contains("use one of en-us, "), "{voice}");
    }
    let request = Request { voice: Some("en-us+f3".to_owned()), ..Request::for_tests() };
    let (narration, _) = Bank::with(&[GREETING], request).await.narrated().await;
    assert_eq!(narration.voice, "en-us+f3");
}

#[tokio::test]
async fn rate_out_of_range_is_rejected() {
    let error = Bank::at_rate(0).await.run_with("espeak-ng").await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputInvalidRequest);
}

#[tokio::test]
async fn failed_engine_is_recorded_and_the_next_one_speaks() {
    let request = Request { engines: vec![Engine::Polly, Engine::Espeak], ..Request::for_tests() };
    let bank = Bank::with(&[GREETING], request).await;
    let engines = Engines::new("espeak-ng".into(), outbound::Client::new().unwrap())
        .with_polly(Arc::new(ToneService::refusing_text("José")));
    bank.run_by(&engines).await.unwrap();
    let (narration, sound) = bank.result().await;
    assert!(narration.engine.starts_with("espeak-ng "));
    assert!(sound.peak_between(0.0, narration.seconds) > 0.1, "never a silent video");
    let failed = narration.instead_of.join("\n");
    assert!(failed.starts_with("polly: ") && failed.ends_with("AccessDeniedException"), "{failed}");
    assert!(!failed.contains("José"), "{failed}");
    assert_eq!(
        narration.outside.into_keys().collect::<Vec<_>>(),
        ["a speech service, nowhere"],
        "it received the text"
    );

    // The result stays valid when the service becomes available again.
    let before = bank.store.objects();
    bank.run_with("no-such-engine").await.unwrap();
    assert_eq!(bank.store.objects(), before);
}

#[tokio::test]
async fn stored_sound_is_adopted_with_its_own_times() {
    let bank = Bank::at_rate(140).await;
    let (first, _) = bank.narrated().await;
    bank.vault.store().delete(&bank.key(Artefact::Cues)).await.unwrap();
    // The sound embeds its cues, so this needs no engine.
    bank.run_with("no-such-engine").await.unwrap();
    assert_eq!(bank.result().await.0, first);
}
