//! Recommendations: the request, the result and its parts.

use std::ops::RangeInclusive;

use contracts::catalogue::{Catalogue, Category};
use contracts::evidence::HELD_OUT;
use contracts::facts::{Facts, Skip, Stance};
use contracts::key::Artefact;
use contracts::media::{MediaFacts, Shape};
use contracts::model::WriterMode;
use contracts::request::RunOptions;
use contracts::script::{GuardCheck, Script, Segment, WrittenBy};
use contracts::{Batch, CustomerId, CustomerRef, ErrorName, ProductId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::store::SignedUrl;
use utoipa::ToSchema;

use super::deserialize::whole_number;
use super::event::StageProgress;
use super::names::{AuthorName, CategoryName, OutcomeName, RunStatus, ShapeName, WriterName};
use crate::problem::Problem;

/// The maximum length of a prompt in characters.
pub(crate) const MAX_PROMPT_LENGTH: usize = 2_000;

/// The allowed speaking rates in words per minute.
pub(crate) const SPEAKING_RATES: RangeInclusive<u16> = 80..=220;

/// The maximum length of a voice's name in characters.
const MAX_VOICE_LENGTH: usize = 100;

/// The request for a recommendation. Each field states its default. In a field that allows null, null means the same as
/// omitting the field.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRecommendationRequest {
    /// The customer's id exactly as in the workbooks, including leading zeros. It is checked when the run reads the
    /// batch. For an unknown id, the run ends as `failed` with `Input.UnknownCustomer`. For an erased customer, the
    /// request immediately gets status 422.
    #[schema(value_type = String, max_length = 64, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?$")]
    pub(crate) customer_id: CustomerId,
    /// The name of the batch to read, or the id of an upload. If it is omitted, AWS reads the complete batch whose last
    /// workbook arrived most recently, apart from uploads. A local server reads its own data folder, the batch `local`. For
    /// an unknown or incomplete batch, the response has status 409 and `Input.MissingWorkbook`.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
    pub(crate) batch: Option<Batch>,
    /// The lines of business whose products may be offered. An empty list means `default_categories` from
    /// `GET /v1/options` at the start of the run. The order matters only for repeated requests. Null is invalid.
    #[serde(default)]
    #[schema(value_type = Vec<CategoryName>, default = json!([]))]
    pub(crate) categories: Vec<Category>,
    /// The requested tone and emphasis. The phrasebook understands some English words and short phrases, such as `warm` or
    /// `saving`, and ignores others. Only the `free` writer passes the whole prompt to the model. The default is no prompt.
    #[schema(max_length = 2000)]
    pub(crate) prompt: Option<String>,
    /// The writer. The default is `default_writer` from `GET /v1/options`.
    #[schema(value_type = Option<WriterName>)]
    pub(crate) writer: Option<WriterMode>,
    /// The speaking rate, in words per minute. The default is `words_per_minute.default` from `GET /v1/options`. Ignored
    /// without a video.
    #[schema(minimum = 80, maximum = 220)]
    #[serde(default, deserialize_with = "whole_number")]
    pub(crate) words_per_minute: Option<u16>,
    /// The voice: a `name` from `voices` in `GET /v1/options`. The default is the voice in the settings. `ENGINE` alone
    /// selects that engine's first voice. `NAME` alone means a voice of the engine in the settings. If the settings leave
    /// the engine open, it means the engine that has this voice. The server checks the value only when it narrates: an
    /// unknown voice then fails with `Input.InvalidRequest`. Ignored without a video. If a
    /// customer is addressed in a language that the voice does not speak, the engine's voice for that language speaks.
    #[schema(max_length = 100)]
    pub(crate) voice: Option<String>,
    /// The aspect ratio of the video. The default is `default_shape` from `GET /v1/options`. Ignored without a video.
    #[schema(value_type = Option<ShapeName>)]
    pub(crate) shape: Option<Shape>,
    /// Whether to make a video in addition to the text.
    #[schema(default = true)]
    pub(crate) video: Option<bool>,
}

impl CreateRecommendationRequest {
    /// Returns the options of the run for the customer with this reference.
    pub(crate) fn into_options(self, reference: CustomerRef) -> RunOptions {
        RunOptions {
            only: Some(reference),
            categories: self.categories,
            prompt: self.prompt,
            writer: self.writer,
            words_per_minute: self.words_per_minute,
            voice: self.voice,
            shape: self.shape,
            videos: (self.video == Some(false)).then_some(0),
            ..RunOptions::default()
        }
    }
}

/// Checks the limits that the option types do not express.
pub(crate) fn validate_options(options: &RunOptions) -> Result<(), Problem> {
    if options.prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > MAX_PROMPT_LENGTH) {
        return Err(Problem::invalid("prompt must have at most 2000 characters"));
    }
    if options.voice.as_ref().is_some_and(|voice| voice.chars().count() > MAX_VOICE_LENGTH) {
        return Err(Problem::invalid("voice must have at most 100 characters"));
    }
    if options.words_per_minute.is_some_and(|rate| !SPEAKING_RATES.contains(&rate)) {
        return Err(Problem::invalid("words_per_minute must be 80 to 220"));
    }
    Ok(())
}

/// The receipt for a started recommendation.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecommendationAccepted {
    /// The id of the recommendation.
    #[schema(example = "run-4c1f09a2b7d83e56")]
    pub(crate) id: String,
    /// The path of the recommendation. It is also in the `Location` header.
    #[schema(example = "/v1/recommendations/run-4c1f09a2b7d83e56")]
    #[serde(rename = "self")]
    pub(crate) path: String,
    /// The path of the recommendation's events.
    #[schema(example = "/v1/recommendations/run-4c1f09a2b7d83e56/events")]
    pub(crate) events: String,
    /// The customer reference: 32 hexadecimal digits that replace the customer id in all responses and logs.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
}

/// A recommendation in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecommendationSummary {
    /// The id of the recommendation.
    pub(crate) id: String,
    /// The time at which the caller started the recommendation, even if it is still queued.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started_at: Timestamp,
    /// The status of the run.
    pub(crate) status: RunStatus,
    /// The customer's outcome. Absent until the run has recorded it, and for good if the run failed before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) outcome: Option<OutcomeName>,
    /// The customer reference: 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
    /// The lines of business whose products could be offered.
    #[schema(value_type = Vec<CategoryName>)]
    pub(crate) categories: Vec<Category>,
}

/// A page of recommendations, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecommendationPage {
    /// The recommendations on this page.
    pub(crate) items: Vec<RecommendationSummary>,
    /// The cursor for the next page, to send as `after`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next: Option<String>,
}

/// The reason why nothing is published yet or ever, why a run failed, or why a published result is no longer shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusReason {
    /// The stable code. The outcome is `skipped`, unless the list says otherwise:
    ///
    /// - `no-consent`: the customer did not consent, or withdrew consent. With the outcome `published`, the result is hidden.
    /// - `suppressed`: the customer must not be contacted, or has been erased. With the outcome `published`, the result is
    ///   hidden.
    /// - `posts-withdrawn`: the result used posts, and the customer withdrew consent to their use. With the outcome
    ///   `published`, the result is hidden.
    /// - `heard-lately`: another run published a result for the customer within the contact cap. The setting
    ///   `offers.at_most_every_days` is the number of days.
    /// - `withheld`: the bank's records say not to write to the customer now. An operator sees the reason with the command
    ///   `bespoke explain`.
    /// - `outdated`: newer data about the customer arrived during the review. The server checks after an approval.
    /// - `outside-segment`: the customer is outside the segment of the run's schedule.
    /// - `no-suitable-offer`: no product of the chosen lines of business fits.
    /// - `choices-changed`: the customer has since made a choice on their page that rules the result out.
    /// - `rejected`: a reviewer rejected the result.
    /// - `recalled`: the result was recalled. The outcome is `recalled`, or `skipped` if the run was recalled before the result
    ///   was published.
    /// - `held-out`: the customer is in the control group of a measured campaign.
    /// - `in-review`: the result is waiting for a reviewer. The outcome is `in-review`.
    /// - A value of `ErrorName`, such as `Render.Failed`. The outcome is `failed`, or absent if the whole run failed. On AWS, it may also be an error name from Step Functions or
    ///   Lambda, such as `States.Timeout`.
    pub(crate) code: String,
    /// The human-readable reason.
    pub(crate) message: String,
    /// The remedy. Absent if there is no specific advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) help: Option<String>,
}

impl StatusReason {
    /// Returns the reason for a skip.
    pub(crate) fn of_skip(skip: Skip) -> Self {
        let code = serde_json::to_value(skip).ok().and_then(|skip| skip["reason"].as_str().map(str::to_owned));
        let help = match skip {
            Skip::NoConsent(_) => Some("the customer gets no message until the bank's workbook records their consent"),
            Skip::Suppressed => Some("remove the customer from the suppression list if the entry is wrong"),
            Skip::Stopped(_) | Skip::Withheld => Some(
                "`bespoke explain` shows the reason; let a member of the bank's staff decide how to reach the customer",
            ),
            Skip::ChoicesChanged => Some("start another recommendation: it will follow the customer's choices"),
            Skip::Outdated => Some("start another recommendation: it will use the newer data"),
            Skip::NoSuitableOffer => Some("choose more lines of business"),
            Skip::PostsWithdrawn(_) => Some("start another recommendation: it will not use the customer's posts"),
            Skip::HeardLately => {
                Some("the offers.at_most_every_days setting is the minimum number of days between contacts")
            }
            Skip::OutsideSegment | Skip::Rejected | Skip::Recalled => None,
        };
        Self { code: code.unwrap_or_default(), message: skip.because().to_owned(), help: help.map(str::to_owned) }
    }

    /// Returns the reason for a customer in the control group.
    pub(crate) fn held_out() -> Self {
        let help = "the run's effect plan measures the campaign with a control group; a run for one customer has none";
        Self { code: "held-out".to_owned(), message: HELD_OUT.to_owned(), help: Some(help.to_owned()) }
    }

    /// Returns the reason for a pending review.
    pub(crate) fn in_review(message: String) -> Self {
        Self { code: "in-review".to_owned(), message, help: Some("a reviewer must decide first".to_owned()) }
    }

    /// Returns the reason for a failure with this error name.
    pub(crate) fn of_error(error: &str, message: Option<String>) -> Self {
        let help = match ErrorName::ALL.iter().find(|name| name.as_str() == error) {
            Some(ErrorName::InputUnknownCustomer) => {
                Some("enter the id exactly as the workbooks have it: 0001 and 1 are different ids")
            }
            Some(ErrorName::InputWrongPassword) => Some("set EXCEL_PASSWORD to the workbooks' password"),
            Some(ErrorName::ConfigChanged) => Some("start another recommendation"),
            Some(name) if name.is_transient() => Some("start it again; finished work is reused"),
            _ => None,
        };
        let message = message.unwrap_or_else(|| "the run ended early".to_owned());
        Self { code: error.to_owned(), message, help: help.map(str::to_owned) }
    }
}

/// A paragraph of the text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Paragraph {
    /// The name of the product that the paragraph offers. Absent if it offers none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    heading: Option<String>,
    /// The sentences of the paragraph.
    body: String,
    /// The product's rates and terms from the catalog. Absent if there are none, or if the paragraph offers no product.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    terms: Vec<String>,
}

/// A product that the recommendation offers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Offer {
    /// The id of the product in the catalog.
    #[schema(value_type = String)]
    product_id: ProductId,
    /// The name of the product.
    name: String,
    /// The product's line of business. Absent if the product is no longer in the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CategoryName>, nullable = false)]
    category: Option<Category>,
    /// The product's score for this customer. Higher is better; it has no unit.
    score: f64,
    /// The human-readable reasons for the offer, largest contribution first. Each ends with its signed contribution to
    /// the score, such as `spends on travel +2.50`.
    reasons: Vec<String>,
}

/// A product that the ranking considered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsideredProduct {
    /// The id of the product in the catalog.
    #[schema(value_type = String)]
    product_id: ProductId,
    /// The name of the product.
    name: String,
    /// The product's score for this customer. Higher is better; it has no unit. An ineligible product also has a score,
    /// but ranks below all eligible ones.
    score: f64,
    /// Whether the customer is eligible for the product.
    eligible: bool,
    /// For an ineligible product, the condition that excludes it. Otherwise its reasons, each with its signed contribution
    /// to the score.
    explanation: String,
    /// Whether the recommendation offers the product.
    offered: bool,
}

/// One of the guard's checks on the text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GuardCheck)]
pub(crate) struct CheckResult {
    /// The stable name of the check. The checks are `length`, `plain-text`, `contact`, `greeting`, `products`, `amounts`,
    /// `credit-terms`, `deposit-terms`, `approval`, `superlatives`, `urgency`, `invented-benefits`, `protected-class`,
    /// `surveillance`, `instructions`, `post-echo`, `instruction-echo` and `disclosures`. For example, `surveillance` finds
    /// phrases that sound like watching the customer, and `post-echo` finds words from a post. `instructions` finds text about
    /// instructions to a model, and `instruction-echo` finds words of the prompt. Later versions may add others.
    name: String,
    /// Whether the text passed. It is true for every text that is shown. Only results of version 0.1 show a failed check.
    passed: bool,
}

/// The writer of the text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Authorship {
    /// The author.
    #[schema(value_type = AuthorName)]
    writer: &'static str,
    /// The name of the model that wrote the text or selected its sentences. Absent if there was none, and after a fallback.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    model: Option<String>,
    /// The human-readable reason why the phrasebook replaced the writers `select` or `free`. Examples: no model is enabled,
    /// the model did not answer, or the guard rejected its text. Absent otherwise, and for a service message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    fallback_reason: Option<String>,
}

/// Links to a result's files, for `GET` requests. A link works for at most 15 minutes. A local server returns paths, which
/// need no bearer token. AWS returns presigned URLs of S3; do not send the bearer token to them, because S3 rejects it.
///
/// A link that was already issued stops working when the result is recalled or the customer is erased, because the files are
/// then gone. After a suppression or a withdrawal of consent, a local server rejects it immediately. On AWS, it works until it
/// expires.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultLinks {
    /// The video as MP4. Absent if there is no video.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    video: Option<String>,
    /// The video's captions as WebVTT. Absent if there is no video.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    captions: Option<String>,
    /// A still image from the video as JPEG. Absent if there is no video.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    poster: Option<String>,
    /// A short animated preview of the video as GIF. Absent in reviews and if there is no video.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    preview: Option<String>,
    /// The text with rates, terms and disclosures, as plain text. Absent in reviews.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
    /// The earliest time at which one of the links expires. Request the resource again for new links.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl ResultLinks {
    /// Returns links to no file.
    pub(crate) const fn none() -> Self {
        Self { video: None, captions: None, poster: None, preview: None, text: None, expires_at: Timestamp::MAX }
    }

    /// Adds a link to a file. Ignores artifacts that callers may not see.
    pub(crate) fn add(&mut self, artefact: Artefact, SignedUrl { address, ends }: SignedUrl) {
        let field = match artefact {
            Artefact::Video => &mut self.video,
            Artefact::Captions => &mut self.captions,
            Artefact::Poster => &mut self.poster,
            Artefact::Preview => &mut self.preview,
            Artefact::Text => &mut self.text,
            _ => return,
        };
        *field = Some(address);
        self.expires_at = self.expires_at.min(ends);
    }
}

/// Measurements of the finished video.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VideoMeasurements {
    /// The duration, in seconds.
    duration_seconds: f64,
    /// The width, in pixels.
    width: u32,
    /// The height, in pixels.
    height: u32,
    /// The integrated loudness, in LUFS (EBU R 128).
    loudness_lufs: f64,
    /// The true peak, in dBTP.
    true_peak_dbtp: f64,
    /// Missed targets, in human-readable form. They do not prevent publication. There are targets for the duration, 60
    /// to 100 seconds, and for the display time, timing and reading speed of captions. Empty if all targets are met.
    warnings: Vec<String>,
}

impl From<&MediaFacts> for VideoMeasurements {
    fn from(facts: &MediaFacts) -> Self {
        Self {
            duration_seconds: facts.seconds,
            width: facts.width,
            height: facts.height,
            loudness_lufs: facts.loudness,
            true_peak_dbtp: facts.true_peak,
            warnings: facts.warnings.clone(),
        }
    }
}

/// A recommendation for one customer: its status, its outcome and its content.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recommendation {
    /// The id of the recommendation. For a customer in a campaign, it is `RUN~CUSTOMER_REF`.
    pub(crate) id: String,
    /// The status of the run. For a customer in a campaign, it is the status of the whole campaign.
    pub(crate) status: RunStatus,
    /// The customer's outcome. Absent until the run has recorded it. It stays absent if the run failed before that, or if
    /// a limit or an early stop left the customer out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) outcome: Option<OutcomeName>,
    /// The reason for the outcome. For a customer without an outcome, the reason why the whole run failed. Also present if
    /// the result was published but may no longer be shown. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) reason: Option<StatusReason>,
    /// The customer reference: 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
    /// The lines of business whose products may be offered, after defaults. The other fields of the request are not shown.
    #[schema(value_type = Vec<CategoryName>)]
    pub(crate) categories: Vec<Category>,
    /// The time at which the first stage started, later than in the list, which has the time of the request. Absent before
    /// that, and if `stages` is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub(crate) started_at: Option<Timestamp>,
    /// The progress of all seven stages, in order. A stage that the run does not need stays `waiting`. The list is empty for
    /// a customer in a local server's campaign, and if the server has deleted the steps of an old run.
    pub(crate) stages: Vec<StageProgress>,
    /// The content.
    #[serde(flatten)]
    pub(crate) content: RecommendationContent,
}

/// The content of a recommendation. Each field is absent while it has nothing that the caller may see. The result may not
/// be shown after a recall, an erasure, a suppression, or a withdrawal of consent.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct RecommendationContent {
    /// The text. It appears as soon as it has passed the guard, before the result is published. Until `outcome` is
    /// `published`, it is a preview that may still disappear, and must not reach the customer. Absent while its wording or
    /// the whole result needs a review, after a failure or a skip, and if the result may not be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) text: Vec<Paragraph>,
    /// The disclosures that accompany the text, from the catalog and the brand. Absent if there is no text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) disclosures: Vec<String>,
    /// The offered products, best first. Absent until published, if the result may not be shown, and for a service message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) offers: Vec<Offer>,
    /// Every product that the ranking considered: eligible products first, and within each group the best first. Absent
    /// until published, and if the result may not be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<ConsideredProduct>,
    /// The guard's checks on the text. They are shown with the text. If the model's text fails a check, the text comes
    /// from the phrasebook instead, and `written_by.fallback_reason` names the check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<CheckResult>,
    /// The writer of the text. Present whenever the text is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    written_by: Option<Authorship>,
    /// Links to the files. Absent until published, and if the result may not be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) links: Option<ResultLinks>,
    /// Measurements of the video. Absent until published, if there is no video, and if the result may not be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) media: Option<VideoMeasurements>,
}

impl RecommendationContent {
    /// Adds the text, disclosures, checks and authorship from a script that the guard has passed.
    pub(crate) fn add_text(&mut self, script: &Script) {
        let paragraph = |segment: &Segment| {
            let offer = segment.product.as_ref().and_then(|id| script.offers.iter().find(|offer| offer.product == *id));
            Paragraph {
                heading: offer.map(|offer| offer.name.clone()),
                body: segment.text.clone(),
                terms: offer.map(|offer| offer.rates_and_terms.clone()).unwrap_or_default(),
            }
        };
        self.text = script.segments.iter().map(paragraph).collect();
        self.disclosures = script.disclosures.iter().map(|line| script.named_disclosure(line)).collect();
        self.add_checks(script);
    }

    /// Adds the guard's checks and the authorship of a script, without its text.
    pub(crate) fn add_checks(&mut self, script: &Script) {
        let check = |check: &GuardCheck| CheckResult { name: check.name.clone(), passed: check.violations.is_empty() };
        self.checks = script.verdict.checks.iter().map(check).collect();
        let (writer, model) = match &script.written_by {
            WrittenBy::Phrases { selected_by, .. } => {
                ("phrases", selected_by.as_ref().map(|selection| selection.model.clone()))
            }
            WrittenBy::Template { .. } => ("template", None),
            WrittenBy::Model { model, .. } => ("model", Some(model.clone())),
        };
        let fallback_reason = script.written_by.instead_of_model().map(|instead| instead.why.clone());
        self.written_by = Some(Authorship { writer, model, fallback_reason });
    }

    /// Adds the offers and every considered product with their reasons.
    pub(crate) fn add_ranking(&mut self, facts: &Facts, catalogue: &Catalogue) {
        let name =
            |id: &ProductId| catalogue.product(id).map_or_else(|| id.to_string(), |product| product.name.clone());
        let reasons = |id: &ProductId| -> Vec<String> {
            let candidate = facts.candidates.iter().find(|candidate| candidate.product == *id);
            let mut reasons: Vec<_> = candidate.into_iter().flat_map(|candidate| &candidate.reasons).collect();
            reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
            reasons.iter().map(|reason| format!("{} {:+.2}", reason.text, reason.weight)).collect()
        };
        let offers = match &facts.stance {
            Stance::Recommend { offers } => offers.as_slice(),
            Stance::Service { .. } => &[],
        };
        self.offers = offers
            .iter()
            .map(|offer| Offer {
                product_id: offer.product.clone(),
                name: name(&offer.product),
                category: catalogue.product(&offer.product).map(|product| product.category),
                score: offer.score,
                reasons: reasons(&offer.product),
            })
            .collect();
        self.candidates = facts
            .candidates
            .iter()
            .map(|candidate| ConsideredProduct {
                product_id: candidate.product.clone(),
                name: name(&candidate.product),
                score: candidate.score,
                eligible: candidate.excluded.is_none(),
                explanation: candidate.excluded.clone().unwrap_or_else(|| reasons(&candidate.product).join("; ")),
                offered: offers.iter().any(|offer| offer.product == candidate.product),
            })
            .collect();
    }
}
