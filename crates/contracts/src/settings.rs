//! The settings: `bespoke.toml`. Every field has a default, unknown fields are errors, and secrets never belong here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalogue::Category;
use crate::key::Workbook;
use crate::language::{self, Language};
use crate::media::Shape;
use crate::model::{Fallback, ModelTraits, WriterMode};
use crate::script::Usage;
use crate::voice::Engine;
use crate::{BackgroundName, Digest, ErrorName, NamedError};

mod effect;
mod intake;

pub use self::effect::EffectSettings;
pub use self::intake::{
    ConsentWords, IntakeSettings, SheetNames, SpendingSign, StopSettings, intake_columns, plain_answer,
};

/// Invalid settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file is not valid TOML, or a value has the wrong type. The message omits the line's content, which may hold
    /// a secret.
    #[error("bespoke.toml: line {line}: {reason}")]
    Toml {
        /// The line, counted from 1; 0 if unknown.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// A value is not allowed.
    #[error("bespoke.toml: {field} must be {expected}")]
    Range {
        /// The field.
        field: &'static str,
        /// The allowed values.
        expected: &'static str,
    },
    /// `intake.columns` refers to a column that intake does not read.
    #[error(
        "bespoke.toml: intake.columns.{workbook}: no column is called {column:?}; use one of {known}",
        workbook = .workbook.name(),
        known = intake_columns(*.workbook).join(", ")
    )]
    UnknownColumn {
        /// The workbook.
        workbook: Workbook,
        /// The unknown column.
        column: String,
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
    /// The bank's language: `en` or `es`. A customer gets it unless their profile prefers another language for which
    /// the bank has a phrasebook.
    #[serde(skip_serializing_if = "language::is_default")]
    pub language: Language,
    /// How workbooks are read.
    pub intake: IntakeSettings,
    /// How offers are chosen.
    pub offers: OfferSettings,
    /// How text is written.
    pub writer: WriterSettings,
    /// How text is spoken.
    pub voice: VoiceSettings,
    /// How videos are rendered.
    pub video: VideoSettings,
    /// Which results are put in review.
    pub review: ReviewSettings,
    /// How the effect of campaigns is measured. Not part of the digest, because the request contains the effect plan.
    pub effect: EffectSettings,
    /// Links and notifications. Not part of the digest, because they do not affect results.
    pub delivery: DeliverySettings,
    /// How long data is kept. Not part of the digest.
    pub retention: RetentionSettings,
    /// The local runner. Not part of the digest, because these settings do not affect results.
    #[serde(skip_serializing_if = "LocalSettings::is_default")]
    pub local: LocalSettings,
}

/// How offers are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfferSettings {
    /// The default lines of business, for requests that list none.
    pub categories: Vec<Category>,
    /// The maximum number of offers in one recommendation, 1 to 3.
    pub at_most: usize,
    /// The contact cap: the minimum number of days between two recommendations for a customer; no cap if 0. If not set,
    /// a run for all customers has a cap of 30 days, and a run for one customer has none.
    pub at_most_every_days: Option<u16>,
    /// The age, in days, after which a post or a payment no longer stops offers.
    pub stops_age_out_days: u16,
}

impl OfferSettings {
    /// The default contact cap, in days, for a run that includes all customers.
    pub const CAMPAIGN_CAP_DAYS: u16 = 30;
}

impl Default for OfferSettings {
    fn default() -> Self {
        Self {
            categories: vec![Category::ConsumerAndSmallBusiness],
            at_most: 3,
            at_most_every_days: None,
            stops_age_out_days: 180,
        }
    }
}

/// How text is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WriterSettings {
    /// The default writer, for requests that specify none: `phrases`, `select` or `free`. The last two also need
    /// `writer.model.enabled`.
    pub mode: WriterMode,
    /// Whether free text is published without a person's approval.
    pub free_without_review: bool,
    /// The fallback for `free` if the guard rejects a model's text twice.
    pub when_refused: Fallback,
    /// The fallback for `free` if the model cannot be called or does not answer.
    pub when_unavailable: Fallback,
    /// The model service.
    pub model: ModelSettings,
    /// The traits of models, by name prefix. These override the built-in traits, and add models that have no built-in
    /// traits.
    pub models: BTreeMap<String, ModelTraits>,
}

impl WriterSettings {
    /// Returns the traits of the configured model.
    #[must_use]
    pub fn model_traits(&self) -> ModelTraits {
        ModelTraits::of(&self.model.name, &self.models)
    }

    /// Returns a warning if the model is enabled and its retirement has been announced.
    #[must_use]
    pub fn retirement_warning(&self) -> Option<String> {
        let ends = self.model_traits().ends.filter(|_| self.model.enabled)?;
        Some(format!("{} retires on {ends}: set writer.model.name to a current model", self.model.name))
    }
}

/// A model service: any OpenAI-compatible endpoint for chat completions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Whether facts may be sent to the service. Off by default; a key alone does not turn it on.
    pub enabled: bool,
    /// The address, without `/chat/completions`.
    pub base_url: String,
    /// The API version for an Azure-style service, which expects the version in the address and the key in the
    /// `api-key` header; empty for other services.
    pub api_version: String,
    /// The model's name.
    pub name: String,
    /// The temperature, 0 to 2.
    pub temperature: f64,
    /// The maximum number of tokens in one answer.
    pub max_tokens: u32,
    /// The deadline in seconds for writing one customer's text, including a repair.
    pub deadline_seconds: u64,
    /// The deadline in seconds for the first token of an answer. If it passes, the call is repeated while
    /// `deadline_seconds` allows.
    pub read_seconds: u64,
    /// The service's limit on calls per minute, across all customers in a process; no limit if 0.
    pub requests_per_minute: u32,
    /// The service's limit on input and output tokens per minute; no limit if 0.
    pub tokens_per_minute: u32,
    /// The price of a million input tokens in US dollars, for the costs in evidence and metrics.
    pub usd_per_million_tokens_read: f64,
    /// The price of a million output tokens in US dollars, for the costs in evidence and metrics.
    pub usd_per_million_tokens_written: f64,
    /// The fields of the facts that may be sent: any of `spending`, `products_held`, `mood`.
    pub fields: Vec<String>,
}

impl Default for ModelSettings {
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

impl ModelSettings {
    /// Returns the token counts together with their cost.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    pub fn usage(&self, tokens_read: u64, tokens_written: u64) -> Usage {
        let read = tokens_read as f64 * self.usd_per_million_tokens_read;
        let usd = (read + tokens_written as f64 * self.usd_per_million_tokens_written) / 1e6;
        Usage { tokens_read, tokens_written, usd }
    }
}

/// How text is spoken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VoiceSettings {
    /// The voice engine.
    pub engine: EngineChoice,
    /// The engine's own name for the voice; the engine's default voice if empty. For a language that the voice does not
    /// speak, the engine's default voice is used.
    pub name: String,
    /// Voices for specific languages, such as `es = "Lupe"`. Each overrides `name` for its language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<Language, String>,
    /// The speaking rate, 80 to 220 words per minute.
    pub words_per_minute: u16,
    /// The outside voice service.
    pub openai: SpeechServiceSettings,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Auto,
            name: String::new(),
            names: BTreeMap::new(),
            words_per_minute: 140,
            openai: SpeechServiceSettings::default(),
        }
    }
}

/// The choice of a voice engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineChoice {
    /// The best available engine. If it fails, the next best is used.
    #[default]
    Auto,
    /// Kokoro only. If it fails, the narration fails.
    Kokoro,
    /// espeak-ng only. If it fails, the narration fails.
    Espeak,
    /// Polly only. If it fails, the narration fails.
    Polly,
    /// The outside voice service only. If it fails, the narration fails.
    Openai,
}

impl EngineChoice {
    /// Returns the engine, unless the choice is automatic.
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

/// An outside voice service with an OpenAI-compatible API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpeechServiceSettings {
    /// Whether the spoken text, including the first name, may be sent to the service. Off by default; a key alone does
    /// not turn it on.
    pub enabled: bool,
    /// The address, without `/audio/speech`.
    pub base_url: String,
    /// The model's name.
    pub model: String,
}

impl Default for SpeechServiceSettings {
    fn default() -> Self {
        Self { enabled: false, base_url: "https://api.openai.com/v1".to_owned(), model: "tts-1".to_owned() }
    }
}

/// The allowed resolutions: the length of the shorter side in pixels. In all three aspect ratios, both sides are even.
pub const RESOLUTIONS: [u32; 5] = [180, 360, 540, 720, 1080];

/// How videos are rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VideoSettings {
    /// The default aspect ratio, for requests that specify none.
    pub shape: Shape,
    /// The length of the shorter side in pixels: one of [`RESOLUTIONS`].
    pub resolution: u32,
    /// The x264 preset.
    pub preset: String,
    /// The x264 constant rate factor, 0 to 51; lower values give better quality and larger files.
    pub crf: u8,
    /// The deadline in seconds, after which ffmpeg is killed.
    pub deadline_seconds: u64,
    /// The background file in `config/backgrounds/`. If not set, each customer gets one of the folder's files, or the
    /// brand's own backdrop if the folder is empty.
    pub background: Option<BackgroundName>,
    /// How much scenes move.
    pub motion: SceneMotion,
    /// Whether captions are drawn into the video's image. The caption file is always written.
    pub burn_captions: bool,
}

/// How much scenes move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SceneMotion {
    /// As the templates specify.
    #[default]
    Full,
    /// Elements only fade, for viewers who are sensitive to motion.
    Reduced,
}

impl Default for VideoSettings {
    fn default() -> Self {
        Self {
            shape: Shape::Wide,
            resolution: 1080,
            preset: "veryfast".to_owned(),
            crf: 21,
            deadline_seconds: 840,
            background: None,
            motion: SceneMotion::Full,
            burn_captions: true,
        }
    }
}

/// Which results need a review, beyond those that the writer's settings already send to review.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewSettings {
    /// How many of a run's first customers are put in review; none if 0.
    pub first: u32,
    /// The sampling rate for all other customers: on average, one in this many is put in review; none if 0.
    pub every: u32,
}

/// Links and notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverySettings {
    /// The start of customer links, without the token, such as `https://bank.example/l`. If empty, no links are
    /// created.
    pub link_base: String,
    /// The number of days for which a link works.
    pub link_days: u16,
    /// The bank's system that receives notifications.
    pub webhook: WebhookSettings,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self { link_base: String::new(), link_days: 30, webhook: WebhookSettings::default() }
    }
}

/// The bank's system that receives notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// The address. If empty, no notifications are sent.
    pub url: String,
    /// The deadline for one call in seconds.
    pub deadline_seconds: u64,
    /// The number of attempts before a notification becomes a dead letter.
    pub attempts: u32,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self { url: String::new(), deadline_seconds: 10, attempts: 8 }
    }
}

/// The number of days after which `bespoke expire` deletes data, by prefix; never if 0. On AWS, the bucket's lifecycle
/// rules do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSettings {
    /// `incoming/`: uploaded workbooks.
    pub incoming_days: u16,
    /// `datasets/`: joined rows.
    pub datasets_days: u16,
    /// `customers/` and `runs/`: results with their evidence. Also `notices/`, `contacts/` and `effect/`.
    pub results_days: u16,
    /// `recalled/`: recalled files.
    pub recalled_days: u16,
    /// `speech/`: spoken sentences without personal data, counted from their last use.
    pub speech_days: u16,
    /// `scenes/`: encoded scenes without personal data, counted from their last use.
    pub scene_days: u16,
    /// `logs/`: log files of local runs.
    pub logs_days: u16,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            incoming_days: 14,
            datasets_days: 400,
            results_days: 400,
            recalled_days: 400,
            speech_days: 90,
            scene_days: 90,
            logs_days: 90,
        }
    }
}

/// The local runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalSettings {
    /// The number of customers narrated and rendered concurrently, and the number of sentences narrated concurrently;
    /// one per core if 0.
    pub concurrency: usize,
    /// The percentage of customers who may fail before a campaign stops automatically. Fewer than five failures never
    /// stop it.
    pub tolerated_failure_percentage: u8,
    /// The memory limit, in MiB, of the separate process that reads workbooks. A workbook that needs more is rejected.
    pub intake_memory_mib: u64,
    /// The time limit, in seconds, of the process that reads workbooks.
    pub intake_seconds: u64,
    /// Whether a person may approve results of runs that they started. Set it only if a single person uses the machine,
    /// because their results are then published without a second person's check.
    pub approve_own: bool,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self {
            concurrency: 0,
            tolerated_failure_percentage: 10,
            intake_memory_mib: 4096,
            intake_seconds: 900,
            approve_own: false,
        }
    }
}

impl LocalSettings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Settings {
    /// Parses and checks settings.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            SettingsError::Toml { line, reason: without_value(error.message()) }
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks all values.
    pub fn check(&self) -> Result<(), SettingsError> {
        let fields = ["spending", "products_held", "mood"];
        let presets = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];
        let rules = [
            (
                self.writer.model.fields.iter().all(|field| fields.contains(&field.as_str())),
                "writer.model.fields",
                "any of \"spending\", \"products_held\", \"mood\"",
            ),
            (is_address(&self.writer.model.base_url), "writer.model.base_url", WEB_ADDRESS),
            (is_address(&self.voice.openai.base_url), "voice.openai.base_url", WEB_ADDRESS),
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
            (self.local.intake_memory_mib >= 512, "local.intake_memory_mib", "512 or more"),
            (self.local.intake_seconds > 0, "local.intake_seconds", "above 0"),
            (
                presets.contains(&self.video.preset.as_str()),
                "video.preset",
                "an x264 preset from ultrafast to veryslow",
            ),
            ((0.0..=1.0).contains(&self.intake.max_bad_rows), "intake.max_bad_rows", "a fraction from 0 to 1"),
            (
                (0.0..=1.0).contains(&self.intake.max_unknown_categories),
                "intake.max_unknown_categories",
                "a fraction from 0 to 1",
            ),
            (self.intake.header_row.values().all(|row| *row > 0), "intake.header_row", "1 or more"),
            (
                self.intake.sheets.values().all(|names| !names.as_slice().is_empty()),
                "intake.sheets",
                "the name of a sheet, or a list of names",
            ),
            (
                self.intake.consent.are_clear(),
                "intake.consent",
                "two lists that share no word and contain no blank word; the yes list must not contain a plain \"no\"",
            ),
            (!self.offers.categories.is_empty(), "offers.categories", "a list of at least one category"),
            ((1..=3).contains(&self.offers.at_most), "offers.at_most", "1, 2 or 3"),
            (self.offers.at_most_every_days.is_none_or(|days| days <= 366), "offers.at_most_every_days", "0 to 366"),
            ((1..=3_660).contains(&self.offers.stops_age_out_days), "offers.stops_age_out_days", "1 to 3660"),
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
        let rules = rules.into_iter().chain(self.effect.rules());
        if let Some((_, field, expected)) = rules.into_iter().find(|(holds, ..)| !holds) {
            return Err(SettingsError::Range { field, expected });
        }
        for (workbook, names) in &self.intake.columns {
            if let Some(column) = names.keys().find(|column| !intake_columns(*workbook).contains(&column.as_str())) {
                return Err(SettingsError::UnknownColumn { workbook: *workbook, column: column.clone() });
            }
        }
        Ok(())
    }

    /// Returns the digest of all settings that can change a result. Excludes the `effect`, `delivery`, `retention` and
    /// `local` sections, and the model's rate limits and prices. Covers only values that differ from the defaults, so
    /// adding a field in a later version does not change the digests of existing settings.
    ///
    /// # Panics
    /// Never: the settings serialize to JSON.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let local = LocalSettings::default();
        let delivery = DeliverySettings::default();
        let retention = RetentionSettings::default();
        let effect = EffectSettings::default();
        let mut settings = Self { effect, delivery, retention, local, ..self.clone() };
        let any = ModelSettings::default();
        settings.writer.model = ModelSettings {
            requests_per_minute: any.requests_per_minute,
            tokens_per_minute: any.tokens_per_minute,
            usd_per_million_tokens_read: any.usd_per_million_tokens_read,
            usd_per_million_tokens_written: any.usd_per_million_tokens_written,
            ..settings.writer.model
        };
        let json = |settings: &Self| serde_json::to_value(settings).expect("the settings serialize to JSON");
        Digest::of_json(&differences(json(&settings), &json(&Self::default())))
    }
}

/// Returns the values that differ from the defaults.
fn differences(value: serde_json::Value, default: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match (value, default) {
        (Value::Object(fields), Value::Object(defaults)) => {
            let set = fields.into_iter().filter(|(name, value)| defaults.get(name) != Some(value));
            set.map(|(name, value)| {
                let default = defaults.get(&name).unwrap_or(&Value::Null);
                (name, differences(value, default))
            })
            .collect()
        }
        (value, _) => value,
    }
}

const WEB_ADDRESS: &str =
    "an address that begins with https:// (http:// only on this machine), without a user, a password or a query";

/// Returns whether an address is acceptable: either empty, or an HTTPS address (HTTP on this machine) that cannot hold
/// a secret.
fn is_address(address: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let after_local = |host: &&str| {
        address.strip_prefix(*host).is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b':' | b'/')))
    };
    let safe = address.starts_with("https://") || local.iter().any(after_local);
    address.is_empty() || (safe && !address.contains(['@', '?', '#', ' ']))
}

/// Returns the parser's message without the value, which the message may quote.
fn without_value(message: &str) -> String {
    if message.starts_with("unknown field") || message.starts_with("missing field") {
        return message.to_owned();
    }
    match message.rsplit_once("expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "invalid TOML".to_owned(),
    }
}

#[cfg(test)]
mod tests;
