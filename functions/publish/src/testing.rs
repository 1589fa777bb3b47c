//! Builders of a run with one customer in an in-memory store, in the state in which earlier stages leave it.

#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "these builders serve tests only")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::consent::{ConsentAsRead, ConsentReading, Question};
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::{Assessment, Facts, Mood, Sentiment, Stance, Topic};
use contracts::key::{Artefact, DatasetPart, RunPart, Workbook};
use contracts::media::{CaptionFacts, MediaFacts, RenderRecord, Shape};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::{GuardCheck, OfferShown, Script, Segment, SegmentKind, Verdict, WrittenBy};
use contracts::settings::{ReviewSettings, Settings};
use contracts::stage::{PublishInput, Stage, StageFailure};
use contracts::{CustomerId, CustomerRef, DatasetId, Digest, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use storage::store::{MemoryStore, ObjectStore as _};
use storage::vault::{Keys, Owner, Vault};

use crate::{Deps, Error, run};

/// The catalog, with one product.
pub const CATALOGUE: &str = r#"{"bank": "Meridian Bank", "version": "1", "products": [{
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

/// A bank with one customer and one run. Methods that return `Self` add the objects that a stage leaves behind.
pub struct Bank {
    /// The in-memory store.
    pub store: Arc<MemoryStore>,
    /// The vault on top of the store.
    pub vault: Vault,
    /// The settings of the run.
    pub settings: Settings,
    /// The catalog of the run.
    pub catalogue: Catalogue,
    /// The brand.
    pub brand: Brand,
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// The digest of the phrasebook.
    pub phrases: Digest,
    from_posts: bool,
    cap_days: u16,
}

impl Bank {
    /// Starts a run for one customer.
    pub async fn open() -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let bank = Self {
            reference: vault.keys().reference(&CustomerId::parse("0001").unwrap()),
            store,
            vault,
            settings: Settings::default(),
            catalogue: Catalogue::from_json(CATALOGUE.as_bytes()).unwrap(),
            brand: Brand::from_toml(BRAND).unwrap(),
            run: RunId::parse("run-0").unwrap(),
            phrases: Digest::of(b"phrasebook"),
            from_posts: false,
            cap_days: 0,
        };
        bank.restart(0).await
    }

    /// Starts a run whose settings put every result in review.
    pub async fn open_with_review() -> Self {
        let mut bank = Self::open().await;
        bank.settings.review = ReviewSettings { first: 0, every: 1 };
        bank.restart(1).await
    }

    /// Starts another run in the same store, with the current catalog and settings.
    pub async fn restart(mut self, attempt: u32) -> Self {
        let request = Request {
            catalogue: self.catalogue.digest(),
            phrases: self.phrases,
            settings: self.settings.digest(),
            at_most_every_days: self.cap_days,
            attempt,
            ..Request::for_tests()
        };
        self.run = request.run_id();
        let key = ObjectKey::Run(self.run.clone(), RunPart::Request);
        self.vault.write_json(Owner::Run, &key, &Digest::of(b"request"), request).await.unwrap();
        self
    }

    /// Starts another run whose settings cap how often a customer hears from the bank.
    pub async fn capped(mut self, days: u16) -> Self {
        self.cap_days = days;
        self.restart(0).await
    }

    /// Makes posts contribute to every subsequent result.
    #[must_use]
    pub fn with_posts(mut self) -> Self {
        self.from_posts = true;
        self
    }

    /// Writes the index of the run, as `merge` does.
    pub async fn indexed(self) -> Self {
        let index = format!("reference,offset,length,digest\n{},0,9,{}\n", self.reference, Digest::of(b"line"));
        let key = ObjectKey::Run(self.run.clone(), RunPart::Index);
        self.store.put(&key, index.into()).await.unwrap();
        self
    }

    /// Writes an assessment, as `assess` does.
    pub async fn assessed(self, assessment: Assessment) -> Self {
        self.seal(Artefact::Facts, assessment).await;
        self
    }

    /// Writes facts and a script, as `assess` and `recommend` do.
    pub async fn written(self, script: Script) -> Self {
        let facts = self.facts();
        let bank = self.assessed(Assessment::Proceed(facts)).await;
        bank.seal(Artefact::Script, script).await;
        bank
    }

    /// Writes the artifacts of a video, as all stages before `publish` do.
    pub async fn rendered(self) -> Self {
        let bank = self.written(script()).await;
        let sound = b"RIFF sound";
        let owner = Owner::Customer(&bank.reference);
        let key = bank.key(Artefact::NarrationAudio);
        bank.vault.write(owner, &key, &Digest::of(b"inputs"), sound).await.unwrap();
        bank.seal(Artefact::Cues, narration(Digest::of(sound))).await;
        let mut files = BTreeMap::new();
        for artefact in [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview] {
            let bytes = artefact.file_name().as_bytes();
            bank.store.put_new(&bank.key(artefact), bytes.into()).await.unwrap();
            files.insert(artefact, Digest::of(bytes));
        }
        let record = RenderRecord { inputs: Digest::of(b"inputs"), shape: Shape::Wide, files, media: media() };
        let key = bank.key(Artefact::RenderRecord);
        bank.store.put_new(&key, bank.vault.authenticate(&key, &record)).await.unwrap();
        bank
    }

    async fn seal<T: serde::Serialize + serde::de::DeserializeOwned>(&self, artefact: Artefact, value: T) {
        let owner = Owner::Customer(&self.reference);
        let key = self.key(artefact);
        Box::pin(self.vault.write_json(owner, &key, &Digest::of(b"inputs"), value)).await.unwrap();
    }

    /// Returns the customer's facts.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mood = Mood { sentiment: Sentiment::Positive, topics: Vec::new(), five_word_runs: Vec::new() };
        Facts { mood: self.from_posts.then_some(mood), ..facts(&self.reference) }
    }

    /// Returns the key of one of the customer's artifacts.
    #[must_use]
    pub fn key(&self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(self.reference.clone(), self.run.clone(), artefact)
    }

    /// Writes newer answers to the two consent questions.
    pub async fn answer(&self, general: &str, social: &str) {
        let reference = &self.reference;
        let list = format!("reference,consent,consent_social_media,as_of\n{reference},{general},{social},2026-11-02\n");
        self.store.put(&ObjectKey::Consents, list.into()).await.unwrap();
    }

    /// Returns the reference of a customer id.
    #[must_use]
    pub fn reference_of(id: &str) -> CustomerRef {
        Keys::new([1; 32], [2; 32]).reference(&CustomerId::parse(id).unwrap())
    }

    /// Writes the index of a newer dataset with one customer, as `merge` does after another upload.
    pub async fn upload(&self, customer: &CustomerRef, line: Digest) {
        let dataset = DatasetId::parse(Digest::of(b"newer upload").to_string()).unwrap();
        let index = format!("reference,offset,length,digest\n{customer},0,9,{line}\n");
        self.store.put(&ObjectKey::Dataset(dataset, DatasetPart::Index), index.into()).await.unwrap();
    }

    /// Adds the customer to the list of suppressions.
    pub async fn suppress(&self) {
        let list = format!("reference\n{}\n", self.reference);
        self.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    }

    /// Runs the stage at a given time.
    pub async fn publish_at(
        &self,
        video: bool,
        failure: Option<StageFailure>,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        let Self { vault, settings, catalogue, brand, phrases, .. } = self;
        let deps = Deps { vault, settings, catalogue, phrases: *phrases, brand, now };
        let input = PublishInput { run: self.run.clone(), reference: self.reference.clone(), video, failure };
        run(input, &deps).await
    }

    /// Runs the stage.
    pub async fn publish(&self, video: bool) -> Result<Outcome, Error> {
        self.publish_at(video, None, Timestamp::UNIX_EPOCH).await
    }

    /// Returns the evidence.
    pub async fn evidence(&self) -> Evidence {
        let bytes = self.store.get(&self.key(Artefact::Evidence)).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Returns the published text.
    pub async fn text(&self) -> String {
        String::from_utf8(self.store.get(&self.key(Artefact::Text)).await.unwrap().to_vec()).unwrap()
    }

    /// Returns the names of the files in the customer's folder.
    #[must_use]
    pub fn files(&self) -> BTreeSet<String> {
        self.files_under(&format!("customers/{}/{}/", self.reference, self.run))
    }

    /// Returns the names of the files that the bank may show to the customer.
    #[must_use]
    pub fn published_files(&self) -> Vec<String> {
        let published = ["poster.jpg", "preview.gif", "recommendation.mp4", "recommendation.txt", "recommendation.vtt"];
        self.files().into_iter().filter(|file| published.contains(&file.as_str())).collect()
    }

    /// Returns the names of the customer's recalled files.
    #[must_use]
    pub fn recalled_files(&self) -> Vec<String> {
        self.files_under(&format!("recalled/{}/{}/", self.reference, self.run)).into_iter().collect()
    }

    fn files_under(&self, folder: &str) -> BTreeSet<String> {
        self.store.objects().keys().filter_map(|key| key.strip_prefix(folder)).map(ToOwned::to_owned).collect()
    }
}

/// Returns the consent as read from one row that says yes.
#[must_use]
pub fn consent() -> ConsentAsRead {
    let reading = ConsentReading {
        question: Question::General,
        value: "Yes".to_owned(),
        file: Workbook::Transactions,
        row: 2,
        rows: 1,
        meaning: None,
    };
    ConsentAsRead { readings: vec![reading], read_at: Timestamp::UNIX_EPOCH, control: None }
}

fn facts(reference: &CustomerRef) -> Facts {
    Facts {
        reference: reference.clone(),
        first_name: "Zoë".to_owned(),
        adviser: None,
        language: contracts::Language::English,
        spending: Vec::new(),
        products_held: Vec::new(),
        income: None,
        balance: None,
        recurring: Vec::new(),
        signs: Vec::new(),
        stops: Vec::new(),
        tenure: None,
        mood: None,
        stance: Stance::Service { topic: Topic::Fees },
        candidates: Vec::new(),
        counterfactuals: Vec::new(),
        consent: consent(),
    }
}

/// Returns a script from the template with one offer.
#[must_use]
pub fn script() -> Script {
    let catalogue = Catalogue::from_json(CATALOGUE.as_bytes()).unwrap();
    let product: &Product = &catalogue.products()[0];
    let segment = |kind, text: &str| Segment { kind, text: text.to_owned(), product: None, parts: Vec::new() };
    Script {
        language: contracts::Language::English,
        first_name: "Zoë".to_owned(),
        adviser: None,
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
            picture: None,
        }],
        disclosures: vec!["Member FDIC.".to_owned()],
        written_by: WrittenBy::Template { instead_of_model: None },
        verdict: Verdict { checks: vec![GuardCheck { name: "length".to_owned(), violations: Vec::new() }] },
        text_review: None,
        from_posts: false,
    }
}

fn narration(audio: Digest) -> Narration {
    Narration {
        engine: "espeak-ng 1.51".to_owned(),
        voice: "en-us".to_owned(),
        instead_of: Vec::new(),
        first_name_unspoken: false,
        outside: BTreeMap::new(),
        timing: Timing::Estimated,
        seconds: 4.0,
        words_per_minute: 140.0,
        loudness: -16.0,
        sentences: Vec::new(),
        audio,
    }
}

/// Returns the measurements of a valid video.
#[must_use]
pub fn media() -> MediaFacts {
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
        captions: CaptionFacts { cues: 3, ..Default::default() },
        source_type: String::new(),
        areas_with_text: 4,
        contrast: Some(9.0),
        scenes: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Returns a transient failure of `narrate`.
#[must_use]
pub fn failure() -> StageFailure {
    StageFailure {
        stage: Stage::Narrate,
        error: ErrorName::NarrateFailed,
        message: "espeak-ng: exit status 1".to_owned(),
    }
}
