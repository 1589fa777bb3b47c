//! The request for a run: `request.json`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::Category;
use crate::effect::EffectPlan;
use crate::facts::Facts;
use crate::language::Languages;
use crate::media::Shape;
use crate::model::WriterMode;
use crate::segment::CustomerSegment;
use crate::settings::{OfferSettings, Settings};
use crate::voice::Engine;
use crate::{BackgroundName, Batch, CustomerRef, Digest, RunId, ScheduleName};

/// The event that started a run. It is part of the request. A weekly schedule therefore creates a new run each week,
/// while an upload that is announced twice creates only one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Trigger {
    /// The command, on one machine.
    Command,
    /// The upload of a batch.
    Upload,
    /// A schedule.
    Schedule {
        /// The schedule's name.
        name: String,
        /// The scheduled time, not the time of arrival.
        at: Timestamp,
        /// A keyed digest of the person who created the schedule through the API, and may see its runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Digest>,
    },
    /// A call to the API.
    Call {
        /// A keyed digest of the caller's idempotency key. Calls with the same key count as one call.
        key: Digest,
        /// A keyed digest of the caller's identity: only this caller may see the run.
        caller: Digest,
    },
}

/// Everything that determines the results of a run. Sealed with the data key, because the prompt is the caller's own
/// text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The event that started the run.
    pub trigger: Trigger,
    /// The name of the batch.
    pub batch: Batch,
    /// The only customer in the run. `None` for all customers.
    pub only: Option<CustomerRef>,
    /// The name of the schedule whose options the run has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleName>,
    /// The only customers of a campaign. Empty for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub customers: BTreeSet<CustomerRef>,
    /// The segment of a campaign: customers outside it are skipped. `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<CustomerSegment>,
    /// The lines of business from which products may be recommended. Never empty.
    pub categories: Vec<Category>,
    /// The caller's preferences for tone and emphasis. They cannot disable the guard.
    pub prompt: Option<String>,
    /// The speaking rate in words per minute.
    pub words_per_minute: u16,
    /// The voice, in the syntax of [`crate::voice::VoiceName`]. `None` for the voice in the settings.
    pub voice: Option<String>,
    /// The voice engines that were available when the run started, in order of preference. They are part of the
    /// request, so installing another engine leads to a new run instead of changing the voice midway.
    pub engines: Vec<Engine>,
    /// The aspect ratio.
    pub shape: Shape,
    /// The digest of a background that the caller supplied.
    pub background: Option<Digest>,
    /// The bank's own backgrounds with their digests: either the one in the settings, or all that existed when the run
    /// started. Each customer gets one of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backgrounds: BTreeMap<BackgroundName, Digest>,
    /// The number of customers who get a video, in the dataset's order. `None` for all customers.
    pub videos: Option<usize>,
    /// The contact cap: the minimum number of days between two recommendations for a customer. 0 means no cap.
    #[serde(default)]
    pub at_most_every_days: u16,
    /// The effect plan. `None` if the effect of the run is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectPlan>,
    /// The digest of the uploaded workbooks.
    pub upload: Digest,
    /// The digest of the catalog.
    pub catalogue: Digest,
    /// The digest of the phrasebooks and their approvals.
    pub phrases: Digest,
    /// The languages in which the bank addressed customers when the run started, its default first.
    #[serde(default, skip_serializing_if = "Languages::is_default")]
    pub languages: Languages,
    /// The writer.
    #[serde(default)]
    pub writer: WriterMode,
    /// The digest of the lexicon.
    pub lexicon: Digest,
    /// The digest of the brand and of every file that it refers to.
    pub assets: Digest,
    /// The digest of the settings.
    pub settings: Digest,
    /// The id of the keys that seal the run (`storage::vault::Keys::id`). The same request under different keys is a
    /// different run.
    pub keys: String,
    /// The version of Bespoke that started the run.
    pub program: String,
    /// 0, or the number of times that someone deliberately ran the same request again.
    pub attempt: u32,
}

/// The options that a caller chose for a run. The settings apply where an option is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunOptions {
    /// The only customer in the run. `None` for all customers.
    pub only: Option<CustomerRef>,
    /// The name of the schedule whose options the run has.
    pub schedule: Option<ScheduleName>,
    /// The only customers of a campaign. Empty for all.
    pub customers: BTreeSet<CustomerRef>,
    /// The segment of a campaign. `None` for all customers.
    pub segment: Option<CustomerSegment>,
    /// The lines of business.
    pub categories: Vec<Category>,
    /// The caller's preferences for tone and emphasis.
    pub prompt: Option<String>,
    /// The writer.
    pub writer: Option<WriterMode>,
    /// The speaking rate in words per minute.
    pub words_per_minute: Option<u16>,
    /// The voice.
    pub voice: Option<String>,
    /// The shape of the video.
    pub shape: Option<Shape>,
    /// The number of customers who get a video. `None` for all customers.
    pub videos: Option<usize>,
    /// Whether the run is a demo. The default contact cap then does not apply, because no real customers get messages.
    pub is_demo: bool,
}

/// The materials that determine the results of a run, in addition to its trigger, batch and options.
pub struct RunInputs<'a> {
    /// The settings in effect.
    pub settings: &'a Settings,
    /// The digest of the catalog.
    pub catalogue: Digest,
    /// The digest of the phrasebooks and their approvals.
    pub phrases: Digest,
    /// The languages in which the bank addresses customers.
    pub languages: Languages,
    /// The digest of the lexicon.
    pub lexicon: Digest,
    /// The digest of the brand and of every file that it refers to.
    pub assets: Digest,
    /// The digest of a background that the caller supplied.
    pub background: Option<Digest>,
    /// The bank's backgrounds by name.
    pub backgrounds: BTreeMap<BackgroundName, Digest>,
    /// The available voice engines, in order of preference.
    pub engines: Vec<Engine>,
    /// The digest of the uploaded workbooks.
    pub upload: Digest,
    /// The id of the keys that seal the run.
    pub keys: String,
}

/// An input to a run with its current digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentInput {
    /// The uploaded workbooks.
    Workbooks(Digest),
    /// The catalog.
    Catalogue(Digest),
    /// The phrasebook and its approvals.
    Phrases(Digest),
    /// The lexicon.
    Lexicon(Digest),
    /// The settings.
    Settings(Digest),
}

/// The name of an input that changed since the run started: `workbooks`, `catalog`, `phrasebook`,
/// `lexicon` or `settings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedInput(pub &'static str);

impl Request {
    /// Fails with the first input in `current` whose digest differs from the one in the request. Each stage passes the
    /// inputs that it uses, so the last customer in a run is treated like the first.
    pub fn ensure_unchanged(&self, current: impl IntoIterator<Item = CurrentInput>) -> Result<(), ChangedInput> {
        for input in current {
            let (name, at_start, now) = match input {
                CurrentInput::Workbooks(now) => ("workbooks", self.upload, now),
                CurrentInput::Catalogue(now) => ("catalog", self.catalogue, now),
                CurrentInput::Phrases(now) => ("phrasebook", self.phrases, now),
                CurrentInput::Lexicon(now) => ("lexicon", self.lexicon, now),
                CurrentInput::Settings(now) => ("settings", self.settings, now),
            };
            if at_start != now {
                return Err(ChangedInput(name));
            }
        }
        Ok(())
    }

    /// Assembles the request for a run. Its digest is the run id, so all code that starts a run must use this function.
    #[must_use]
    pub fn new(trigger: Trigger, batch: Batch, options: RunOptions, inputs: RunInputs<'_>) -> Self {
        let RunOptions {
            only,
            schedule,
            customers,
            segment,
            categories,
            prompt,
            writer,
            words_per_minute,
            voice,
            shape,
            videos,
            is_demo,
        } = options;
        let settings = inputs.settings;
        // A control group needs a whole batch of real customers.
        let effect = if only.is_some() || is_demo { None } else { settings.effect.plan() };
        let default_cap = if only.is_some() || is_demo { 0 } else { OfferSettings::CAMPAIGN_CAP_DAYS };
        Self {
            trigger,
            batch,
            only,
            schedule,
            customers,
            segment,
            categories: if categories.is_empty() { settings.offers.categories.clone() } else { categories },
            prompt,
            words_per_minute: words_per_minute.unwrap_or(settings.voice.words_per_minute),
            voice,
            engines: inputs.engines,
            shape: shape.unwrap_or(settings.video.shape),
            background: inputs.background,
            backgrounds: inputs.backgrounds,
            videos,
            at_most_every_days: settings.offers.at_most_every_days.unwrap_or(default_cap),
            effect,
            upload: inputs.upload,
            catalogue: inputs.catalogue,
            phrases: inputs.phrases,
            languages: inputs.languages,
            writer: writer.unwrap_or(settings.writer.mode),
            lexicon: inputs.lexicon,
            assets: inputs.assets,
            settings: settings.digest(),
            keys: inputs.keys,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            attempt: 0,
        }
    }

    /// Returns a request with default values and digests of empty input, for tests.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the batch name is a valid constant")]
    pub fn for_tests() -> Self {
        Self {
            trigger: Trigger::Command,
            batch: Batch::parse("tests").expect("a name"),
            only: None,
            schedule: None,
            customers: BTreeSet::new(),
            segment: None,
            categories: vec![Category::ConsumerAndSmallBusiness],
            prompt: None,
            words_per_minute: 140,
            voice: None,
            engines: vec![Engine::Espeak],
            shape: Shape::Wide,
            background: None,
            backgrounds: BTreeMap::new(),
            videos: None,
            at_most_every_days: 0,
            effect: None,
            upload: Digest::of(b""),
            catalogue: Digest::of(b""),
            phrases: Digest::of(b""),
            languages: Languages::default(),
            writer: WriterMode::Phrases,
            lexicon: Digest::of(b""),
            assets: Digest::of(b""),
            settings: Digest::of(b""),
            keys: String::new(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            attempt: 0,
        }
    }

    /// Returns whether the run reads a customer's row: the only customer, or one of those listed.
    #[must_use]
    pub fn lists(&self, customer: &CustomerRef) -> bool {
        self.only.as_ref().is_none_or(|only| only == customer)
            && (self.customers.is_empty() || self.customers.contains(customer))
    }

    /// Returns whether a customer with these facts is in the run's segment.
    #[must_use]
    pub fn selects(&self, facts: &Facts) -> bool {
        self.segment.as_ref().is_none_or(|segment| segment.contains(facts))
    }

    /// Returns the bank's own background for a customer, with its digest. Returns `None` if there are no backgrounds.
    /// The choice depends only on the customer and the backgrounds.
    #[must_use]
    pub fn background_of(&self, customer: &CustomerRef) -> Option<(&BackgroundName, &Digest)> {
        // A reference is a keyed hash, so its digits are evenly distributed.
        let number = usize::from_str_radix(customer.short(), 16).unwrap_or_default();
        self.backgrounds.iter().nth(number.checked_rem(self.backgrounds.len())?)
    }

    /// Returns the run's id. The same request for the same files has the same id, so a retry finds the existing
    /// results.
    ///
    /// # Panics
    /// Never: the id consists of letters, digits and a dash.
    #[must_use]
    pub fn run_id(&self) -> RunId {
        RunId::parse(format!("run-{}", Digest::of_json(self).short())).expect("letters, digits and a dash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_input_is_named() {
        let request = Request::for_tests();
        let same = Digest::of(b"");
        let other = Digest::of(b"changed");
        assert_eq!(request.ensure_unchanged([CurrentInput::Catalogue(same), CurrentInput::Settings(same)]), Ok(()));
        let inputs = [CurrentInput::Catalogue(same), CurrentInput::Lexicon(other), CurrentInput::Settings(other)];
        assert_eq!(request.ensure_unchanged(inputs), Err(ChangedInput("lexicon")));
    }

    #[test]
    fn settings_apply_where_options_are_empty() {
        let settings = Settings::default();
        let inputs = || RunInputs {
            settings: &settings,
            catalogue: Digest::of(b""),
            phrases: Digest::of(b""),
            languages: Languages::default(),
            lexicon: Digest::of(b""),
            assets: Digest::of(b""),
            background: None,
            backgrounds: BTreeMap::new(),
            engines: vec![Engine::Espeak],
            upload: Digest::of(b""),
            keys: String::new(),
        };
        let batch = || Batch::parse("tests").unwrap();
        let request = Request::new(Trigger::Command, batch(), RunOptions::default(), inputs());
        let expected = Request { settings: settings.digest(), at_most_every_days: 30, ..Request::for_tests() };
        assert_eq!(request, expected, "every way to start a run leads to the same run id");
        let options = RunOptions { words_per_minute: Some(150), ..RunOptions::default() };
        assert_eq!(Request::new(Trigger::Command, batch(), options, inputs()).words_per_minute, 150);
    }

    #[test]
    fn default_contact_cap_applies_to_campaigns_only() {
        let cap = |set: Option<u16>, one: bool, is_demo: bool| {
            let mut settings = Settings::default();
            settings.offers.at_most_every_days = set;
            let digest = Digest::of(b"");
            let inputs = RunInputs {
                settings: &settings,
                catalogue: digest,
                phrases: digest,
                languages: Languages::default(),
                lexicon: digest,
                assets: digest,
                background: None,
                backgrounds: BTreeMap::new(),
                engines: Vec::new(),
                upload: digest,
                keys: String::new(),
            };
            let only = one.then(|| CustomerRef::parse("0".repeat(32)).unwrap());
            let options = RunOptions { only, is_demo, ..RunOptions::default() };
            Request::new(Trigger::Command, Batch::parse("tests").unwrap(), options, inputs).at_most_every_days
        };
        assert_eq!([cap(None, false, false), cap(None, true, false), cap(None, false, true)], [30, 0, 0]);
        for set in [0, 7] {
            assert_eq!([cap(Some(set), false, false), cap(Some(set), true, false)], [set, set]);
        }
    }

    fn with(names: &[&str]) -> Request {
        let name = |name: &&str| (BackgroundName::parse(*name).unwrap(), Digest::of(name.as_bytes()));
        Request { backgrounds: names.iter().map(name).collect(), ..Request::for_tests() }
    }

    #[test]
    fn backgrounds_are_stable_per_customer_and_all_used() {
        let request = with(&["calm.mp4", "dawn.mov", "sea.mkv"]);
        let customers = (0..30_u32)
            .map(|n| CustomerRef::parse(hex::encode(&Digest::of(&n.to_be_bytes()).as_bytes()[..16])).unwrap());
        let mut counts = BTreeMap::<&BackgroundName, usize>::new();
        for customer in customers {
            let (name, digest) = request.background_of(&customer).unwrap();
            assert_eq!(*digest, Digest::of(name.as_str().as_bytes()));
            assert_eq!(with(&["sea.mkv", "dawn.mov", "calm.mp4"]).background_of(&customer), Some((name, digest)));
            *counts.entry(name).or_default() += 1;
        }
        assert!(counts.len() == 3 && counts.values().all(|count| *count >= 5), "{counts:?}");
    }

    #[test]
    fn replaced_background_changes_run_id() {
        let one = with(&["calm.mp4"]);
        let mut other = with(&["calm.mp4"]);
        other.backgrounds.insert(BackgroundName::parse("calm.mp4").unwrap(), Digest::of(b"replaced"));
        assert_ne!(one.run_id(), other.run_id());
        let none = with(&[]);
        assert_eq!(none.background_of(&CustomerRef::parse("0".repeat(32)).unwrap()), None);
        assert!(!serde_json::to_string(&none).unwrap().contains("backgrounds"));
    }
}
