//! `bespoke.toml`: every field has a default, unknown fields are refused, secrets are never in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalogue::Category;
use crate::key::Workbook;
use crate::media::Shape;
use crate::model::{Fallback, Takes, WriterMode};
use crate::script::Usage;
use crate::voice::Engine;
use crate::{BackgroundName, Digest, ErrorName, NamedError};

/// Why settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Not the TOML it should be. The line itself is not shown: somebody may have put a secret there.
    #[error("bespoke.toml: line {line}: {reason}")]
    Toml {
        /// The line, counted from 1; 0 if it is not known.
        line: usize,
        /// Why.
        reason: String,
    },
    /// A value is out of its range.
    #[error("bespoke.toml: {field} must be {expected}")]
    Range {
        /// The field.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

impl NamedError for SettingsError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }
}

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Reading workbooks.
    pub intake: Intake,
    /// Choosing offers.
    pub offers: Offers,
    /// Writing.
    pub writer: Writer,
    /// Speaking.
    pub voice: Voice,
    /// Rendering.
    pub video: Video,
    /// What a person must look at before it is published.
    pub review: Review,
    /// Telling the bank's own systems, and customers. Not part of the digest: it changes no result.
    pub delivery: Delivery,
    /// How long what was made is kept. Not part of the digest.
    pub retention: Retention,
    /// The runner of one machine. Not part of the digest: it changes no result.
    #[serde(skip_serializing_if = "Local::is_default")]
    pub local: Local,
}

/// Reading workbooks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Intake {
    /// Whether a workbook without a password is read.
    pub allow_unprotected: bool,
    /// The share of bad rows, 0 to 1, above which the run stops.
    pub max_bad_rows: f64,
    /// By workbook: the bank's own column name for a column of ours, such as `customer_id = "Client No"`.
    pub columns: BTreeMap<Workbook, BTreeMap<String, String>>,
}

impl Default for Intake {
    fn default() -> Self {
        Self { allow_unprotected: false, max_bad_rows: 0.05, columns: BTreeMap::new() }
    }
}

/// Choosing offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offers {
    /// The lines of business when a request names none.
    pub categories: Vec<Category>,
    /// The most offers in one recommendation, 1 to 3.
    pub at_most: usize,
    /// Days in which a customer hears from the bank once at most, counted from what was published; no limit if 0.
    pub at_most_every_days: u16,
}

impl Default for Offers {
    fn default() -> Self {
        Self { categories: vec![Category::ConsumerAndSmallBusiness], at_most: 3, at_most_every_days: 0 }
    }
}

/// Writing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Writer {
    /// The writer when a request names none: `phrases`, `select` or `free`. The last two also need
    /// `writer.model.enabled`.
    pub mode: WriterMode,
    /// Whether free text is published without a person's approval.
    pub free_without_review: bool,
    /// What `free` does when the guard refused a model's text twice.
    pub when_refused: Fallback,
    /// What `free` does when the model could not be asked or did not answer.
    pub when_unavailable: Fallback,
    /// The model service.
    pub model: Model,
    /// What models take that the program does not know, or knows otherwise, by the start of their names.
    pub models: BTreeMap<String, Takes>,
}

impl Writer {
    /// What the model in force takes.
    #[must_use]
    pub fn takes(&self) -> Takes {
        Takes::of(&self.model.name, &self.models)
    }

    /// That the model in force is announced to end, if it is and if it is switched on.
    #[must_use]
    pub fn announced_end(&self) -> Option<String> {
        let ends = self.takes().ends.filter(|_| self.model.enabled)?;
        Some(format!("{} is announced to end on {ends}: set writer.model.name to one that goes on", self.model.name))
    }
}

/// The model service: any OpenAI-compatible endpoint for chat completions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Whether facts may be sent to it at all. Off by default; a key alone does not switch it on.
    pub enabled: bool,
    /// Where it is, up to and without `/chat/completions`.
    pub base_url: String,
    /// The version of an Azure-style service, which takes it in the address and the key as `api-key`; empty for others.
    pub api_version: String,
    /// The model's name.
    pub name: String,
    /// 0 to 2.
    pub temperature: f64,
    /// The most tokens of one answer.
    pub max_tokens: u32,
    /// Seconds for one customer's writing, repair included.
    pub deadline_seconds: u64,
    /// Seconds until the first word of an answer, after which the service is asked again.
    pub read_seconds: u64,
    /// The most calls a minute that the service takes of this account, over all customers of a process; no limit if 0.
    pub requests_per_minute: u32,
    /// The most tokens a minute, read and written, that the service takes of this account; no limit if 0.
    pub tokens_per_minute: u32,
    /// US dollars for a million tokens read, for what the evidence and the metric say of costs.
    pub usd_per_million_tokens_read: f64,
    /// US dollars for a million tokens written, for what the evidence and the metric say of costs.
    pub usd_per_million_tokens_written: f64,
    /// The fields of the facts that may be sent: any of `spending`, `products_held`, `mood`.
    pub fields: Vec<String>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            enabled: false,
            base_url: "https://api.openai.com/v1".to_owned(),
            api_version: String::new(),
            name: "gpt-4o-mini".to_owned(),
            temperature: 0.7,
            max_tokens: 250,
            deadline_seconds: 40,
            read_seconds: 8,
            requests_per_minute: 0,
            tokens_per_minute: 0,
            usd_per_million_tokens_read: 0.15,
            usd_per_million_tokens_written: 0.60,
            fields: vec!["spending".to_owned(), "products_held".to_owned(), "mood".to_owned()],
        }
    }
}

impl Model {
    /// These tokens, and what they cost.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "tokens are counted in thousands")]
    pub fn usage(&self, tokens_read: u64, tokens_written: u64) -> Usage {
        let read = tokens_read as f64 * self.usd_per_million_tokens_read;
        let usd = (read + tokens_written as f64 * self.usd_per_million_tokens_written) / 1e6;
        Usage { tokens_read, tokens_written, usd }
    }
}

/// Speaking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Voice {
    /// Who speaks.
    pub engine: EngineChoice,
    /// The engine's own name for the voice; its default voice if empty.
    pub name: String,
    /// Speaking rate, 80 to 220 words a minute.
    pub words_per_minute: u16,
    /// The outside speech service.
    pub openai: SpeechModel,
}

impl Default for Voice {
    fn default() -> Self {
        Self { engine: EngineChoice::Auto, name: String::new(), words_per_minute: 140, openai: SpeechModel::default() }
    }
}

/// Which engine speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineChoice {
    /// The best of those that the run was started with, and where it fails the next.
    #[default]
    Auto,
    /// This one, or the narration fails.
    Kokoro,
    /// This one.
    Espeak,
    /// This one, or the narration fails.
    Polly,
    /// This one, or the narration fails.
    Openai,
}

impl EngineChoice {
    /// The engine, if one was chosen.
    #[must_use]
    pub const fn only(self) -> Option<Engine> {
        match self {
            Self::Auto => None,
            Self::Kokoro => Some(Engine::Kokoro),
            Self::Espeak => Some(Engine::Espeak),
            Self::Polly => Some(Engine::Polly),
            Self::Openai => Some(Engine::Openai),
        }
    }
}

/// An outside speech service with `OpenAI`'s protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpeechModel {
    /// Whether the spoken text, the first name with it, may be sent there at all. Off by default; a key alone does not
    /// switch it on.
    pub enabled: bool,
    /// Where it is, up to and without `/audio/speech`.
    pub base_url: String,
    /// The model's name.
    pub model: String,
}

impl Default for SpeechModel {
    fn default() -> Self {
        Self { enabled: false, base_url: "https://api.openai.com/v1".to_owned(), model: "tts-1".to_owned() }
    }
}

/// The resolutions there are: the frame's shorter side, px. With these, all three shapes have even sides.
pub const RESOLUTIONS: [u32; 5] = [180, 360, 540, 720, 1080];

/// Rendering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Video {
    /// The frame when a request names none.
    pub shape: Shape,
    /// The frame's shorter side, px: one of [`RESOLUTIONS`].
    pub resolution: u32,
    /// x264's preset.
    pub preset: String,
    /// x264's constant rate factor, 0 to 51; less is better and larger.
    pub crf: u8,
    /// Seconds after which ffmpeg is killed.
    pub deadline_seconds: u64,
    /// The file of `config/backgrounds/` that lies behind the text; each customer gets one of that folder if none is named,
    /// and the brand's first loop if it is empty.
    pub background: Option<BackgroundName>,
}

impl Default for Video {
    fn default() -> Self {
        Self {
            shape: Shape::Wide,
            resolution: 1080,
            preset: "veryfast".to_owned(),
            crf: 21,
            deadline_seconds: 840,
            background: None,
        }
    }
}

/// What a person must look at before it is published, besides every text that is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// The first so many customers of a run; none if 0.
    pub first: u32,
    /// One in so many of the others; none if 0.
    pub every: u32,
}

/// Telling the bank's own systems, and customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Where customers' links begin, without the token: `https://bank.example/l`. No links are made if empty.
    pub link_base: String,
    /// Days for which a customer's link is good.
    pub link_days: u16,
    /// The bank's own system.
    pub webhook: Webhook,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { link_base: String::new(), link_days: 30, webhook: Webhook::default() }
    }
}

/// The bank's own system, which is told of each outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Where notices go; nobody is told if empty.
    pub url: String,
    /// Seconds that one call may take.
    pub deadline_seconds: u64,
    /// How often a notice is tried before it becomes a dead letter.
    pub attempts: u32,
}

impl Default for Webhook {
    fn default() -> Self {
        Self { url: String::new(), deadline_seconds: 10, attempts: 8 }
    }
}

/// Days after which `bespoke expire` deletes, by prefix; never if 0. On AWS the bucket's own rules do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// `incoming/`: uploaded workbooks.
    pub incoming_days: u16,
    /// `datasets/`: joined rows.
    pub datasets_days: u16,
    /// `customers/` and `runs/`: results with their evidence.
    pub results_days: u16,
    /// `recalled/`: what was taken back.
    pub recalled_days: u16,
    /// `logs/`.
    pub logs_days: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { incoming_days: 14, datasets_days: 400, results_days: 400, recalled_days: 400, logs_days: 90 }
    }
}

/// The runner of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Local {
    /// How many customers are narrated and rendered at once, and how many sentences are spoken at once; as many as there
    /// are cores if 0.
    pub concurrency: usize,
    /// The share of customers, percent, whose part may fail before a campaign stops by itself.
    pub tolerated_failure_percentage: u8,
}

impl Default for Local {
    fn default() -> Self {
        Self { concurrency: 0, tolerated_failure_percentage: 10 }
    }
}

impl Local {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Settings {
    /// Reads and checks settings.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            SettingsError::Toml { line, reason: without_value(error.message()) }
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks the ranges.
    pub fn check(&self) -> Result<(), SettingsError> {
        let fields = ["spending", "products_held", "mood"];
        let presets = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];
        let rules = [
            (
                self.writer.model.fields.iter().all(|field| fields.contains(&field.as_str())),
                "writer.model.fields",
                "any of \"spending\", \"products_held\", \"mood\"",
            ),
            (
                !self.writer.model.base_url.contains(['@', '?']),
                "writer.model.base_url",
                "an address without a user, a password or a query: secrets are never in the settings",
            ),
            (
                !self.voice.openai.base_url.contains(['@', '?']),
                "voice.openai.base_url",
                "an address without a user, a password or a query: secrets are never in the settings",
            ),
            (
                self.writer.model.usd_per_million_tokens_read >= 0.0,
                "writer.model.usd_per_million_tokens_read",
                "0 or more",
            ),
            (
                self.writer.model.usd_per_million_tokens_written >= 0.0,
                "writer.model.usd_per_million_tokens_written",
                "0 or more",
            ),
            (
                self.writer.model.api_version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')),
                "writer.model.api_version",
                "a version such as \"2024-10-21\", or empty",
            ),
            (self.writer.model.deadline_seconds > 0, "writer.model.deadline_seconds", "above 0"),
            (self.writer.model.read_seconds > 0, "writer.model.read_seconds", "above 0"),
            (presets.contains(&self.video.preset.as_str()), "video.preset", "a preset of x264, ultrafast to veryslow"),
            ((0.0..=1.0).contains(&self.intake.max_bad_rows), "intake.max_bad_rows", "a share from 0 to 1"),
            (!self.offers.categories.is_empty(), "offers.categories", "at least one category"),
            ((1..=3).contains(&self.offers.at_most), "offers.at_most", "1, 2 or 3"),
            (self.offers.at_most_every_days <= 366, "offers.at_most_every_days", "0 to 366"),
            ((0.0..=2.0).contains(&self.writer.model.temperature), "writer.model.temperature", "0 to 2"),
            (self.writer.model.max_tokens > 0, "writer.model.max_tokens", "above 0"),
            ((80..=220).contains(&self.voice.words_per_minute), "voice.words_per_minute", "80 to 220"),
            (self.video.crf <= 51, "video.crf", "0 to 51"),
            (self.review.first <= 10_000, "review.first", "0 to 10000"),
            (is_address(&self.delivery.link_base), "delivery.link_base", WEB_ADDRESS),
            ((1..=366).contains(&self.delivery.link_days), "delivery.link_days", "1 to 366"),
            (is_address(&self.delivery.webhook.url), "delivery.webhook.url", WEB_ADDRESS),
            (
                (1..=60).contains(&self.delivery.webhook.deadline_seconds),
                "delivery.webhook.deadline_seconds",
                "1 to 60",
            ),
            ((1..=20).contains(&self.delivery.webhook.attempts), "delivery.webhook.attempts", "1 to 20"),
            (self.local.tolerated_failure_percentage <= 100, "local.tolerated_failure_percentage", "0 to 100"),
            (RESOLUTIONS.contains(&self.video.resolution), "video.resolution", "180, 360, 540, 720 or 1080"),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, expected)) => Err(SettingsError::Range { field, expected }),
            None => Ok(()),
        }
    }

    /// The digest of all that can change a result: not how much is done at once or in a minute, what a token costs, who is
    /// told of a result or how long it is kept.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let (local, delivery, retention) = (Local::default(), Delivery::default(), Retention::default());
        let mut settings = Self { delivery, retention, local, ..self.clone() };
        let any = Model::default();
        settings.writer.model = Model {
            requests_per_minute: any.requests_per_minute,
            tokens_per_minute: any.tokens_per_minute,
            usd_per_million_tokens_read: any.usd_per_million_tokens_read,
            usd_per_million_tokens_written: any.usd_per_million_tokens_written,
            ..settings.writer.model
        };
        Digest::of_json(&settings)
    }
}

const WEB_ADDRESS: &str =
    "an address that begins with https:// (http:// on this machine only), without a user, a password or a query";

/// Whether an address may be used: empty, or HTTPS, or plain HTTP to this very machine; and without a secret in it.
fn is_address(address: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let after_local = |host: &&str| {
        address.strip_prefix(*host).is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b':' | b'/')))
    };
    let safe = address.starts_with("https://") || local.iter().any(after_local);
    address.is_empty() || (safe && !address.contains(['@', '?', '#', ' ']))
}

/// What a message of the parser says, without the value that it may quote.
fn without_value(message: &str) -> String {
    if message.starts_with("unknown field") || message.starts_with("missing field") {
        return message.to_owned();
    }
    match message.rsplit_once("expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "not the TOML that it must be".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(Settings::from_toml("").unwrap(), Settings::default());
    }

    #[test]
    fn a_background_is_a_name_within_its_folder() {
        let named = |name: &str| Settings::from_toml(&format!("[video]\nbackground = \"{name}\"\n"));
        assert_eq!(named("calm.mp4").unwrap().video.background.unwrap().as_str(), "calm.mp4");
        let error = named("../../etc/passwd").unwrap_err().to_string();
        assert!(error.starts_with("bespoke.toml: line 2: ") && error.contains("1 to 64 letters"), "{error}");
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let error = Settings::from_toml("[voice]\nspeed = 3\n").unwrap_err().to_string();
        assert!(error.contains("speed"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_refused_by_name() {
        let error = Settings::from_toml("[voice]\nwords_per_minute = 500\n").unwrap_err().to_string();
        assert_eq!(error, "bespoke.toml: voice.words_per_minute must be 80 to 220");
    }

    #[test]
    fn an_address_with_a_secret_in_it_is_refused_and_not_shown() {
        for address in ["https://user:s3cret@host/v1", "https://host/v1?key=s3cret"] {
            let text = format!("[writer.model]\nbase_url = \"{address}\"\n");
            let error = Settings::from_toml(&text).unwrap_err().to_string();
            assert!(error.contains("writer.model.base_url") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_refused_by_line_and_not_shown() {
        for text in ["[voice]\nwords_per_minute = \"s3cret\"\n", "[video]\nshape = \"s3cret\"\n", "[video]\n= s3cret\n"]
        {
            let error = Settings::from_toml(text).unwrap_err().to_string();
            assert!(error.starts_with("bespoke.toml: line 2: ") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn how_many_at_once_or_in_a_minute_and_what_a_token_costs_change_no_digest() {
        let text = "[local]\nconcurrency = 7\ntolerated_failure_percentage = 50\n\
            [writer.model]\nrequests_per_minute = 60\ntokens_per_minute = 9000\nusd_per_million_tokens_read = 9.0\n";
        assert_eq!(Settings::from_toml(text).unwrap().digest(), Settings::default().digest());
    }

    #[test]
    fn a_bank_adds_its_own_models_and_says_when_they_end() {
        let text = "[writer]\nwhen_refused = \"hold\"\n[writer.model]\nenabled = true\nname = \"llama3.2\"\n\
            [writer.models.llama3]\ntoken_limit = \"max_tokens\"\nends = \"2027-06-30\"\n";
        let writer = Settings::from_toml(text).unwrap().writer;
        assert_eq!((writer.when_refused, writer.when_unavailable), (Fallback::Hold, Fallback::Template));
        assert_eq!(writer.takes().token_limit, crate::model::TokenLimit::MaxTokens);
        assert!(writer.announced_end().unwrap().starts_with("llama3.2 is announced to end on 2027-06-30"));
        let unknown = Settings::from_toml("[writer.models.llama3]\ntemprature = true\n").unwrap_err().to_string();
        assert!(unknown.contains("temprature"), "{unknown}");
    }

    #[test]
    fn phrases_write_unless_the_settings_name_another_writer() {
        let writer = Settings::default().writer;
        assert_eq!((writer.mode, writer.free_without_review), (WriterMode::Phrases, false));
        let free = Settings::from_toml("[writer]\nmode = \"free\"\nfree_without_review = true\n").unwrap();
        assert_eq!((free.writer.mode, free.writer.free_without_review), (WriterMode::Free, true));
        assert_ne!(free.digest(), Settings::default().digest());
        assert!(Settings::from_toml("[writer]\nmode = \"poet\"\n").unwrap_err().to_string().contains("`phrases`"));
    }

    #[test]
    fn only_a_model_that_is_switched_on_is_warned_of() {
        assert_eq!(Settings::default().writer.announced_end(), None);
        let on = Settings::from_toml("[writer.model]\nenabled = true\n").unwrap();
        assert!(on.writer.announced_end().unwrap().contains("2027-01-14"));
        let azure = "[writer.model]\napi_version = \"2024-10-21&key=s3cret\"\n";
        let error = Settings::from_toml(azure).unwrap_err().to_string();
        assert!(error.contains("writer.model.api_version") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn outside_services_are_off_by_default() {
        assert!(!Settings::default().writer.model.enabled && !Settings::default().voice.openai.enabled);
    }

    #[test]
    fn an_engine_is_chosen_by_its_name() {
        let engine =
            |text: &str| Settings::from_toml(&format!("[voice]\nengine = \"{text}\"\n")).map(|s| s.voice.engine);
        assert_eq!(engine("auto").unwrap(), EngineChoice::Auto);
        assert_eq!(engine("polly").unwrap().only(), Some(Engine::Polly));
        assert!(engine("festival").unwrap_err().to_string().contains("`kokoro`"));
    }
}
