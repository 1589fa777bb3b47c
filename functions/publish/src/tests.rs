//! Every way in which a customer's part of a run can end.

mod review;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Deps, Error, open_personal, run};
use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::consent::{ConsentAsRead, Question, Reading, Refusal};
use contracts::control::ControlAsRead;
use contracts::evidence::{Evidence, FailureRecord, Outcome};
use contracts::facts::{Assessment, Facts, Mood, Sentiment, Skip, Stance, Topic};
use contracts::key::{Artefact, RunPart, Workbook};
use contracts::media::{MediaFacts, RenderRecord, Shape};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::{
    Check, Given, InsteadOfModel, OfferShown, Script, Segment, SegmentKind, Usage, Verdict, WrittenBy,
};
use contracts::settings::Settings;
use contracts::stage::{Failure, PublishInput, Stage};
use contracts::store::{MemoryStore, ObjectStore};
use contracts::vault::{Keys, Owner, Vault};
use contracts::{CustomerId, CustomerRef, Digest, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;

const CATALOGUE: &str = r#"{"bank": "Meridian Bank", "version": "1", "products": [{
    "id": "everyday-savings", "name": "Everyday Savings", "category": "Consumer and Small Business Banking",
    "kind": "deposit", "summary": "A savings account.", "approved_claims": [], "needs": ["saving"],
    "rates_and_terms": ["Annual percentage yield 4.10% on balances of $1 or more, accurate as of 1 November 2026; the rate may change after the account is opened. Fees could reduce earnings."],
    "disclosures": ["Member FDIC."]}]}"#;

const BRAND: &str = r##"
name = "Meridian Bank"
default_adviser = "your Meridian adviser"
web = "https://www.meridian.example"
privacy_mark = "uses only data you agreed to share"
voice_notice = "AI-generated voice"
opt_out = "To stop these messages, choose Preferences."
disclosures = ["This is general information, not financial advice."]
backgrounds = ["calm.mp4"]
music = "calm.flac"
logo = "logo.png"
mark = "mark.png"
[colours]
background = "#000000"
ink = "#ffffff"
muted = "#cccccc"
accent = "#e6b366"
caption_box = "#000000"
panel = "#1b6f7d"
[fonts]
folder = "fonts"
title = "A"
body = "B"
fallback = ["C"]
"##;

struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    settings: Settings,
    catalogue: Catalogue,
    brand: Brand,
    run: RunId,
    reference: CustomerRef,
    from_posts: bool,
}

impl Bank {
    /// A run that was started, for one customer.
    async fn open() -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let catalogue = Catalogue::from_json(CATALOGUE.as_bytes()).unwrap();
        let settings = Settings::default();
        let request = Request { catalogue: catalogue.digest(), settings: settings.digest(), ..Request::for_tests() };
        let run = request.run_id();
        let reference = vault.keys().reference(&CustomerId::parse("0001").unwrap());
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        vault.write_json(Owner::Run, &key, &Digest::of(b"request"), request).await.unwrap();
        Self {
            store,
            vault,
            settings,
            catalogue,
            brand: Brand::from_toml(BRAND).unwrap(),
            run,
            reference,
            from_posts: false,
        }
    }

    fn key(&self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(self.reference.clone(), self.run.clone(), artefact)
    }

    async fn seal<T: serde::Serialize + serde::de::DeserializeOwned>(&self, artefact: Artefact, value: T) {
        let (owner, key) = (Owner::Customer(&self.reference), self.key(artefact));
        self.vault.write_json(owner, &key, &Digest::of(b"inputs"), value).await.unwrap();
    }

    async fn assessed(self, assessment: Assessment) -> Self {
        self.seal(Artefact::Facts, assessment).await;
        self
    }

    async fn written(self, script: Script) -> Self {
        let facts = self.facts();
        let bank = self.assessed(Assessment::Proceed(facts)).await;
        bank.seal(Artefact::Script, script).await;
        bank
    }

    async fn rendered(self) -> Self {
        let bank = self.written(script()).await;
        let sound = b"RIFF sound";
        let (owner, key) = (Owner::Customer(&bank.reference), bank.key(Artefact::NarrationAudio));
        bank.vault.write(owner, &key, &Digest::of(b"inputs"), sound).await.unwrap();
        bank.seal(Artefact::Cues, narration(Digest::of(sound))).await;
        let mut files = BTreeMap::new();
        for artefact in [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview] {
            let bytes = artefact.file_name().as_bytes();
            bank.store.put_new(&bank.key(artefact), bytes.into()).await.unwrap();
            files.insert(artefact, Digest::of(bytes));
        }
        let record = RenderRecord { inputs: Digest::of(b"inputs"), shape: Shape::Wide, files, media: media() };
        let record = serde_json::to_vec(&record).unwrap();
        bank.store.put_new(&bank.key(Artefact::RenderRecord), record.into()).await.unwrap();
        bank
    }

    /// From here on, posts have a part in what is made.
    fn with_posts(mut self) -> Self {
        self.from_posts = true;
        self
    }

    fn facts(&self) -> Facts {
        let mood = Mood { sentiment: Sentiment::Positive, topics: Vec::new(), five_word_runs: Vec::new() };
        Facts { mood: self.from_posts.then_some(mood), ..facts(&self.reference) }
    }

    /// With a cap on how often a customer hears from the bank.
    async fn capped(mut self, days: u16) -> Self {
        self.settings.offers.at_most_every_days = days;
        self.again(0).await
    }

    /// Another run over the same store, with the catalogue and the settings as they are now.
    async fn again(mut self, attempt: u32) -> Self {
        let (catalogue, settings) = (self.catalogue.digest(), self.settings.digest());
        let request = Request { catalogue, settings, attempt, ..Request::for_tests() };
        self.run = request.run_id();
        let key = ObjectKey::Run(self.run.clone(), RunPart::Request);
        self.vault.write_json(Owner::Run, &key, &Digest::of(b"request"), request).await.unwrap();
        self
    }

    async fn answer(&self, general: &str, social: &str) {
        let reference = &self.reference;
        let list = format!("reference,consent,consent_social_media,as_of\n{reference},{general},{social},2026-11-02\n");
        self.store.put(&ObjectKey::Consents, list.into()).await.unwrap();
    }

    async fn suppress(&self) {
        let list = format!("reference\n{}\n", self.reference);
        self.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    }

    async fn publish_at(&self, video: bool, failure: Option<Failure>, now: Timestamp) -> Result<Outcome, Error> {
        let Self { vault, settings, catalogue, brand, .. } = self;
        let deps = Deps { vault, settings, catalogue, brand, now };
        let input = PublishInput { run: self.run.clone(), reference: self.reference.clone(), video, failure };
        run(input, &deps).await
    }

    async fn publish(&self, video: bool) -> Result<Outcome, Error> {
        self.publish_at(video, None, Timestamp::UNIX_EPOCH).await
    }

    async fn evidence(&self) -> Evidence {
        let bytes = self.store.get(&self.key(Artefact::Evidence)).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    async fn text(&self) -> String {
        String::from_utf8(self.store.get(&self.key(Artefact::Text)).await.unwrap().to_vec()).unwrap()
    }

    /// The names of the files that lie in the customer's folder.
    fn files(&self) -> BTreeSet<String> {
        let folder = format!("customers/{}/{}/", self.reference, self.run);
        let objects = self.store.objects();
        objects.keys().filter_map(|key| key.strip_prefix(&folder)).map(ToOwned::to_owned).collect()
    }
}

fn consent() -> ConsentAsRead {
    let reading =
        Reading { question: Question::General, value: "Yes".to_owned(), file: Workbook::Transactions, row: 2, rows: 1, meaning: None };
    ConsentAsRead { readings: vec![reading], read_at: Timestamp::UNIX_EPOCH, control: None }
}

fn facts(reference: &CustomerRef) -> Facts {
    Facts {
        reference: reference.clone(),
        first_name: "Zoë".to_owned(),
        adviser: None,
        spending: Vec::new(),
        products_held: Vec::new(),
        income: None,
        balance: None,
        recurring: Vec::new(),
        signs: Vec::new(),
        tenure: None,
        mood: None,
        stance: Stance::Service { topic: Topic::Fees },
        candidates: Vec::new(),
        consent: consent(),
    }
}

fn script() -> Script {
    let catalogue = Catalogue::from_json(CATALOGUE.as_bytes()).unwrap();
    let product: &Product = &catalogue.products()[0];
    let segment = |kind, text: &str| Segment { kind, text: text.to_owned(), product: None };
    Script {
        first_name: "Zoë".to_owned(),
        segments: vec![
            segment(SegmentKind::Greeting, "Hello Zoë."),
            Segment {
                product: Some(product.id.clone()),
                ..segment(SegmentKind::Offer, "Everyday Savings may suit you.")
            },
        ],
        offers: vec![OfferShown {
            product: product.id.clone(),
            name: product.name.clone(),
            category: product.category.name().to_owned(),
            rates_and_terms: product.rates_and_terms.clone(),
        }],
        disclosures: vec!["Member FDIC.".to_owned()],
        written_by: WrittenBy::Template { instead_of_model: None },
        verdict: Verdict { checks: vec![Check { name: "length".to_owned(), violations: Vec::new() }] },
        held: None,
    }
}

fn narration(audio: Digest) -> Narration {
    Narration {
        engine: "espeak-ng 1.51".to_owned(),
        voice: "en-us".to_owned(),
        instead_of: Vec::new(),
        outside: std::collections::BTreeMap::new(),
        timing: Timing::Estimated,
        seconds: 4.0,
        words_per_minute: 140.0,
        loudness: -16.0,
        sentences: Vec::new(),
        audio,
    }
}

fn media() -> MediaFacts {
    MediaFacts {
        width: 1920,
        height: 1080,
        frame_rate: "24/1".to_owned(),
        seconds: 12.25,
        video_codec: "h264".to_owned(),
        video_profile: "High".to_owned(),
        pixel_format: "yuv420p".to_owned(),
        colour: "tv/bt709/bt709/bt709".to_owned(),
        audio_codec: "aac".to_owned(),
        sample_rate: 48_000,
        channels: 2,
        loudness: -16.1,
        true_peak: -1.9,
        longest_silence: 0.4,
        captions: contracts::media::CaptionFacts { cues: 3, ..Default::default() },
        source_type: String::new(),
        areas_with_text: 4,
        contrast: Some(9.0),
        warnings: Vec::new(),
    }
}

fn failure() -> Failure {
    Failure { stage: Stage::Narrate, error: ErrorName::NarrateFailed, message: "espeak-ng: exit status 1".to_owned() }
}

#[tokio::test]
async fn a_video_is_published_with_evidence_of_all_that_lies_there() {
    let bank = Bank::open().await.rendered().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    let evidence = bank.evidence().await;
    let recorded: BTreeSet<String> = evidence.artefacts.keys().map(|a| a.file_name().to_owned()).collect();
    let mut lying = bank.files();
    assert!(lying.remove("evidence.json"));
    assert_eq!(recorded, lying);
    for (artefact, digest) in &evidence.artefacts {
        assert_eq!(Digest::of(&bank.store.get(&bank.key(*artefact)).await.unwrap()), *digest, "{artefact:?}");
    }
    assert_eq!(evidence.media, Some(media()));
    let made_by = evidence.made_by.as_ref().unwrap();
    assert_eq!((made_by.writer.as_str(), made_by.voice.as_deref()), ("template", Some("espeak-ng 1.51 en-us")));
}

#[test]
fn a_service_whose_text_was_refused_is_on_record_with_what_it_was_given() {
    let given = Given {
        service: "https://model.example/v1".to_owned(),
        fields: vec!["offers".to_owned()],
        usage: Usage::default(),
    };
    let instead = InsteadOfModel { why: "the guard found: rates".to_owned(), given: Some(given) };
    let made_by = crate::made_by(&WrittenBy::Template { instead_of_model: Some(instead) });
    assert_eq!(made_by.writer, "template");
    assert_eq!(made_by.outside["https://model.example/v1"], ["offers"]);
    assert_eq!(made_by.instead_of_model.as_deref(), Some("the guard found: rates"));
    assert_eq!(made_by.usage, Some(Usage::default()));
}

#[tokio::test]
async fn personal_evidence_is_sealed_and_opens_until_the_customer_is_forgotten() {
    let bank = Bank::open().await.written(script()).await;
    bank.publish(false).await.unwrap();
    let evidence = bank.evidence().await;
    assert!(!serde_json::to_string(&evidence).unwrap().contains("Zoë"));
    let personal = open_personal(&bank.vault, &evidence).await.unwrap();
    assert_eq!((personal.consent.readings, personal.script), (consent().readings, Some(script())));
    assert_eq!(personal.consent.control, Some(ControlAsRead::default()), "what was read of control/ is on record");

    bank.store.delete(&ObjectKey::CustomerKey(bank.reference.clone())).await.unwrap();
    let afresh = Vault::new(bank.store.clone(), Keys::new([1; 32], [2; 32]));
    assert!(open_personal(&afresh, &evidence).await.unwrap_err().to_string().contains("forgotten"));
}

#[tokio::test]
async fn the_text_holds_the_banks_words_and_says_who_made_it_in_lines_of_78_columns() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    let text = bank.text().await;
    assert!(text.lines().all(|line| line.chars().count() <= 78), "{text}");
    let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let terms = &bank.catalogue.products()[0].rates_and_terms[0];
    for said in ["For Zoë, from Meridian Bank", "Hello Zoë.", terms, "Voice: AI-generated", "Written by: template"] {
        assert!(flowing.contains(said), "{said} in {text}");
    }
    for once in ["Member FDIC.", "not financial advice.", "choose Preferences."] {
        assert_eq!(flowing.matches(once).count(), 1, "{once} in {text}");
    }
    assert!(flowing.contains(&format!("Reference: {}", bank.run)));
}

#[tokio::test]
async fn a_text_without_a_video_does_not_speak_of_a_voice() {
    let bank = Bank::open().await.written(script()).await;
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
    assert!(!bank.text().await.contains("Voice"));
    assert_eq!(bank.evidence().await.media, None);
}

#[tokio::test]
async fn publishing_again_gives_the_first_outcome_and_changes_nothing() {
    let bank = Bank::open().await.rendered().await;
    let first = bank.publish(true).await.unwrap();
    let before = bank.store.objects();
    let later = "2030-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(bank.publish_at(true, None, later).await.unwrap(), first);
    assert_eq!(bank.publish_at(true, Some(failure()), later).await.unwrap(), first);
    assert!(before == bank.store.objects());
}

#[tokio::test]
async fn who_objected_since_has_what_was_published_taken_away_and_the_record_stays() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    let recorded = bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap();
    bank.suppress().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    for file in ["recommendation.txt", "recommendation.mp4", "recommendation.vtt", "poster.jpg", "preview.gif"] {
        assert!(!bank.files().contains(file), "{file}");
    }
    assert_eq!(bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap(), recorded);
}

#[tokio::test]
async fn a_refusal_leaves_nothing_but_evidence_and_what_assess_decided() {
    let skip = Skip::NoConsent(Refusal::SaidNo);
    let bank = Bank::open().await.assessed(Assessment::Skip { skip, consent: consent() }).await;
    let before = bank.files();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip });
    let added: Vec<String> = bank.files().difference(&before).cloned().collect();
    assert_eq!(added, ["evidence.json"]);
    let personal = open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!((personal.consent, personal.facts, personal.script), (consent(), None, None));
}

#[tokio::test]
async fn a_customer_who_objects_while_the_video_is_made_gets_nothing() {
    let bank = Bank::open().await.rendered().await;
    bank.suppress().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    let left: Vec<String> = bank.files().into_iter().collect();
    assert_eq!(left, ["cues.json", "evidence.json", "facts.json", "narration.wav", "script.json"]);
    let evidence = bank.evidence().await;
    let recorded: Vec<&str> = evidence.artefacts.keys().map(|artefact| artefact.file_name()).collect();
    assert_eq!(recorded, ["facts.json", "script.json", "narration.wav", "cues.json"]);
}

#[tokio::test]
async fn who_withdraws_consent_while_the_video_is_made_gets_nothing() {
    let bank = Bank::open().await.rendered().await;
    bank.answer("no", "yes").await;
    let expected = Outcome::Skipped { skip: Skip::NoConsent(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert!(!bank.files().contains("recommendation.mp4"));
    let personal = open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!(personal.consent.control.unwrap().answers[0].value, "no");
}

#[tokio::test]
async fn when_posts_may_not_be_used_any_more_nothing_stays_that_they_had_a_part_in() {
    let bank = Bank::open().await.with_posts().rendered().await;
    bank.answer("yes", "no").await;
    let expected = Outcome::Skipped { skip: Skip::PostsWithdrawn(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"]);
    let evidence = bank.evidence().await;
    assert!(evidence.artefacts.is_empty());
    assert_eq!(evidence.made_by.as_ref().unwrap().writer, "template", "who was given what stays on record");
    let personal = open_personal(&bank.vault, &evidence).await.unwrap();
    assert_eq!((personal.facts, personal.script), (None, None));
}

#[tokio::test]
async fn who_withdraws_everything_keeps_no_more_of_their_posts_with_the_bank() {
    let bank = Bank::open().await.with_posts().rendered().await;
    bank.answer("no", "no").await;
    let expected = Outcome::Skipped { skip: Skip::NoConsent(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"]);
    let personal = open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!((personal.facts, personal.script), (None, None));
    assert_eq!(bank.publish(true).await.unwrap(), expected, "and again");
}

#[tokio::test]
async fn who_withdraws_before_the_text_is_written_is_recorded_without_it() {
    let bank = Bank::open().await.with_posts();
    let facts = bank.facts();
    let bank = bank.assessed(Assessment::Proceed(facts)).await;
    bank.answer("yes", "").await;
    let expected = Outcome::Skipped { skip: Skip::PostsWithdrawn(Refusal::Blank) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
}

#[tokio::test]
async fn posts_that_had_no_part_in_it_change_nothing_when_their_use_is_refused() {
    let bank = Bank::open().await.rendered().await;
    bank.answer("yes", "no").await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    assert!(!bank.evidence().await.from_posts);
}

#[tokio::test]
async fn what_was_published_with_posts_is_taken_away_once_their_use_is_withdrawn() {
    let bank = Bank::open().await.with_posts().rendered().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    assert!(bank.evidence().await.from_posts);
    bank.answer("yes", "no").await;
    let expected = Outcome::Skipped { skip: Skip::PostsWithdrawn(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert!(!bank.files().contains("recommendation.txt"));
}

#[tokio::test]
async fn a_customer_who_heard_lately_is_left_alone_and_a_run_does_not_count_itself() {
    let day = |text: &str| -> Timestamp { format!("{text}T12:00:00Z").parse().unwrap() };
    let mut bank = Bank::open().await.capped(30).await.written(script()).await;
    assert_eq!(bank.publish_at(false, None, day("2026-11-01")).await.unwrap(), Outcome::Published { video: false });
    assert_eq!(bank.publish_at(false, None, day("2026-11-02")).await.unwrap(), Outcome::Published { video: false });

    for (attempt, on, expected) in [
        (1, "2026-11-30", Outcome::Skipped { skip: Skip::HeardLately }),
        (2, "2026-12-02", Outcome::Published { video: false }),
    ] {
        bank = bank.again(attempt).await.written(script()).await;
        assert_eq!(bank.publish_at(false, None, day(on)).await.unwrap(), expected, "{on}");
    }
}

#[tokio::test]
async fn while_another_run_has_the_turn_nothing_is_published_and_one_that_ended_in_silence_has_none() {
    let bank = Bank::open().await.capped(30).await.written(script()).await;
    bank.suppress().await;
    bank.publish(false).await.unwrap();
    bank.store.delete(&ObjectKey::Suppressions).await.unwrap();
    let silent = bank.run.clone();

    let turn = |run: &RunId| serde_json::json!({"run": run, "at": Timestamp::UNIX_EPOCH}).to_string();
    let bank = bank.again(1).await.written(script()).await;
    let other = RunId::parse("run-other").unwrap();
    bank.store.put_new(&ObjectKey::Turn(bank.reference.clone(), 1), turn(&other).into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Skipped { skip: Skip::HeardLately });

    let bank = bank.again(2).await.written(script()).await;
    bank.store.put_new(&ObjectKey::Turn(bank.reference.clone(), 2), turn(&silent).into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
}

#[tokio::test]
async fn a_product_that_expired_while_the_video_was_made_is_not_published() {
    let expiring = CATALOGUE.replace(r#""kind""#, r#""valid_until": "2026-11-30", "kind""#);
    let mut bank = Bank::open().await;
    bank.catalogue = Catalogue::from_json(expiring.as_bytes()).unwrap();
    let bank = bank.again(1).await.written(script()).await;
    let error = bank.publish_at(false, None, "2026-12-01T00:00:00Z".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigChanged);
    assert!(error.to_string().contains("everyday-savings"), "{error}");
    let last_day = bank.publish_at(false, None, "2026-11-30T23:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(last_day, Outcome::Published { video: false });
}

#[tokio::test]
async fn a_kill_between_the_refusal_and_the_removal_is_made_good_by_the_next_try() {
    let bank = Bank::open().await.rendered().await;
    bank.suppress().await;
    bank.publish(true).await.unwrap();
    // As if the process had died before it removed the video.
    bank.store.put(&bank.key(Artefact::Video), "video".into()).await.unwrap();
    bank.publish(true).await.unwrap();
    assert!(!bank.files().contains("recommendation.mp4"));
}

#[tokio::test]
async fn nothing_is_published_while_the_list_of_objections_cannot_be_read() {
    let bank = Bank::open().await.written(script()).await;
    bank.store.put(&ObjectKey::Suppressions, "who\nsomebody\n".into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::ConfigInvalid);
    bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    bank.store.fail_next(&ObjectKey::Suppressions, 1);
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::StoreUnavailable);
    assert!(!bank.files().contains("recommendation.txt"));
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
}

#[tokio::test]
async fn a_failure_is_recorded_without_evidence_and_gone_once_a_later_try_succeeds() {
    let bank = Bank::open().await.written(script()).await;
    let expected = Outcome::Failed { error: ErrorName::NarrateFailed, stage: Stage::Narrate };
    assert_eq!(bank.publish_at(false, Some(failure()), Timestamp::UNIX_EPOCH).await.unwrap(), expected);
    assert!(!bank.files().contains("evidence.json"));
    let record = bank.store.get(&bank.key(Artefact::Failure)).await.unwrap();
    let record: FailureRecord = serde_json::from_slice(&record).unwrap();
    assert_eq!((record.error, record.message.as_str()), (ErrorName::NarrateFailed, "espeak-ng: exit status 1"));

    bank.publish(false).await.unwrap();
    assert!(!bank.files().contains("failure.json"));
}

#[tokio::test]
async fn a_tampered_file_is_named_and_not_published() {
    for artefact in [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview] {
        let bank = Bank::open().await.rendered().await;
        bank.store.put(&bank.key(artefact), "other".into()).await.unwrap();
        let error = bank.publish(true).await.unwrap_err();
        assert_eq!(error.name(), ErrorName::SealBroken);
        assert!(error.to_string().contains(artefact.file_name()), "{error}");
        assert!(!bank.files().contains("evidence.json"));
    }
}

#[tokio::test]
async fn a_text_that_another_hand_wrote_is_a_conflict() {
    let bank = Bank::open().await.written(script()).await;
    bank.store.put(&bank.key(Artefact::Text), "Buy now!".into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::StoreConflict);
}

#[tokio::test]
async fn a_video_that_was_asked_for_and_not_made_is_an_error() {
    let bank = Bank::open().await.written(script()).await;
    assert_eq!(bank.publish(true).await.unwrap_err().name(), ErrorName::StoreNotFound);
    let bank = Bank::open().await.rendered().await;
    bank.store.delete(&bank.key(Artefact::Video)).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap_err().name(), ErrorName::StoreNotFound);
}

#[tokio::test]
async fn rates_that_are_not_the_catalogues_are_not_published() {
    let mut other = script();
    other.offers[0].rates_and_terms[0].push_str(" Guaranteed.");
    let bank = Bank::open().await.written(other).await;
    let error = bank.publish(false).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigChanged);
    assert!(error.to_string().contains("everyday-savings"), "{error}");
}

#[tokio::test]
async fn another_catalogue_than_the_runs_is_noticed() {
    let mut bank = Bank::open().await.written(script()).await;
    let newer = CATALOGUE.replace("4.10", "4.20");
    bank.catalogue = Catalogue::from_json(newer.as_bytes()).unwrap();
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::ConfigChanged);
}

#[tokio::test]
async fn of_two_at_once_one_outcome_stands() {
    let bank = Bank::open().await.rendered().await;
    let (a, b) = tokio::join!(bank.publish(true), bank.publish(true));
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(bank.evidence().await.outcome, Outcome::Published { video: true });
}
