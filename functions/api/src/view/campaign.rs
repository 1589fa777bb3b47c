//! Campaigns: the request, the progress and the customers.

use std::collections::BTreeMap;

use contracts::catalogue::Category;
use contracts::evidence::{HELD_OUT, Manifest, Outcome};
use contracts::media::Shape;
use contracts::model::WriterMode;
use contracts::request::RunOptions;
use contracts::{Batch, ScheduleName};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::deserialize::whole_number;
use super::forecast::CampaignForecast;
use super::names::{CategoryName, OutcomeName, RunStatus, ShapeName, WriterName};
use super::recommendation::StatusReason;
use crate::problem::Problem;

/// The request for a campaign. Every server supports every field. Each field states its default. In a field that allows
/// null, null means the same as omitting the field.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCampaignRequest {
    /// The id of an upload that was created through this API. A request with both `upload` and `batch` gets status 422.
    /// For an unknown or incomplete upload, the response has status 409 and `Input.MissingWorkbook`. The default is no upload.
    #[schema(value_type = Option<String>, pattern = "^upload-[A-Za-z0-9._-]{1,57}$")]
    pub(crate) upload: Option<Batch>,
    /// The name of the batch to read, or the id of an upload. If both this and `upload` are omitted, AWS reads the complete
    /// batch whose last workbook arrived most recently, apart from uploads. A local server reads its own data folder, the
    /// batch `local`. For an unknown or incomplete batch, the response has status 409 and `Input.MissingWorkbook`.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
    pub(crate) batch: Option<Batch>,
    /// Whether to only forecast the campaign: its customers, duration and cost. A dry run calls no paid service apart from
    /// the AWS services that run it. Null is invalid.
    #[serde(default)]
    #[schema(default = false)]
    pub(crate) dry_run: bool,
    /// The maximum number of customers who are selected: those who are not skipped when they are assessed. Service
    /// messages and later failures count. The others stay `waiting`. A local server counts in the dataset's order, AWS in
    /// the order in which customers are assessed. The default is no limit.
    #[schema(minimum = 1, maximum = 100_000_000)]
    #[serde(default, deserialize_with = "whole_number")]
    pub(crate) max_customers: Option<u32>,
    /// The budget for models and outside voice services, in US dollars. On AWS it includes Polly, and nothing else of AWS.
    /// A customer starts only if the remaining budget covers the worst case: the maximum number of model calls and the
    /// maximum spoken text at the prices in the settings. AWS reserves the worst case for every customer. Customers who cost
    /// nothing always start, so 0 admits only those. The forecast of a local server ignores the budget. The default is no
    /// limit.
    #[schema(minimum = 0)]
    pub(crate) budget_usd: Option<f64>,
    /// The maximum number of customers in progress at the same time. It replaces the limit of a local server, and can only
    /// lower the limit of AWS. A local server counts only speech and videos, and prepares the texts of more customers. The
    /// default is the server's own limit.
    #[schema(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "whole_number")]
    pub(crate) max_concurrency: Option<u16>,
    /// The lines of business whose products may be offered. An empty list means `default_categories` from
    /// `GET /v1/options` at the start of the run. The order does not change the result, but a
    /// repeated request with another order gets status 422. Null is invalid.
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
    /// without videos.
    #[schema(minimum = 80, maximum = 220)]
    #[serde(default, deserialize_with = "whole_number")]
    pub(crate) words_per_minute: Option<u16>,
    /// The voice: a `name` from `voices` in `GET /v1/options`. The default is the voice in the settings. `ENGINE` alone
    /// selects that engine's first voice. `NAME` alone means a voice of the engine in the settings. If the settings leave
    /// the engine open, it means the engine that has this voice. The server checks the value only when it narrates: an
    /// unknown voice then fails each customer with `Input.InvalidRequest`. Ignored without videos. If a
    /// customer is addressed in a language that the voice does not speak, the engine's voice for that language speaks.
    #[schema(max_length = 100)]
    pub(crate) voice: Option<String>,
    /// The aspect ratio of the videos. The default is `default_shape` from `GET /v1/options`. Ignored without videos.
    #[schema(value_type = Option<ShapeName>)]
    pub(crate) shape: Option<Shape>,
    /// Whether to make videos in addition to the texts.
    #[schema(default = true)]
    pub(crate) video: Option<bool>,
}

impl CreateCampaignRequest {
    /// Checks the limits that the field types do not express.
    pub(crate) fn validate(&self) -> Result<(), Problem> {
        if self.max_customers.is_some_and(|customers| !(1..=100_000_000).contains(&customers)) {
            return Err(Problem::invalid("max_customers must be 1 to 100000000"));
        }
        if self.budget_usd.is_some_and(|usd| !(usd.is_finite() && usd >= 0.0)) {
            return Err(Problem::invalid("budget_usd must be 0 or more"));
        }
        if self.max_concurrency.is_some_and(|customers| !(1..=1000).contains(&customers)) {
            return Err(Problem::invalid("max_concurrency must be 1 to 1000"));
        }
        if self.upload.is_some() && self.batch.is_some() {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Problem::with_status(status, "use either upload or batch, not both"));
        }
        if self.upload.as_ref().is_some_and(|upload| !upload.is_through_api()) {
            return Err(Problem::invalid("upload is not the id of an upload"));
        }
        Ok(())
    }

    /// Returns the options for the run.
    pub(crate) fn into_options(self) -> RunOptions {
        RunOptions {
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

/// The receipt for a started campaign.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignAccepted {
    /// The id of the campaign.
    #[schema(example = "run-4c1f09a2b7d83e56")]
    pub(crate) id: String,
    /// The path of the campaign. It is also in the `Location` header.
    #[schema(example = "/v1/campaigns/run-4c1f09a2b7d83e56")]
    #[serde(rename = "self")]
    pub(crate) path: String,
}

/// The numbers of customers by status. They add up to `customers`. All are 0 in a dry run, and until the batch has been
/// read. While a campaign runs on AWS, they are up to 10 seconds old, plus a second for every 2,000 customers with an
/// outcome. After the end, only review decisions and another attempt change them. A decision changes them immediately on a
/// local server, and within about five minutes on AWS. A recall and an erasure do not change them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CampaignCounts {
    /// Customers whose text was published, along with the video if one was requested.
    pub published: usize,
    /// Customers who get no message.
    pub skipped: usize,
    /// Customers whose result is waiting for a reviewer.
    pub in_review: usize,
    /// Customers with a failed stage.
    pub failed: usize,
    /// Customers who are in none of the other groups. After the end, these are the customers whom a limit or an early
    /// stop left out.
    pub waiting: usize,
    /// Customers whose text or video is in progress. In the list of customers, their status is `waiting`. Always 0 on
    /// AWS, which counts them under `waiting`.
    pub running: usize,
}

impl CampaignCounts {
    /// Returns the number of customers with an outcome.
    #[must_use]
    pub const fn ended(&self) -> usize {
        self.published + self.skipped + self.in_review + self.failed
    }
}

/// The progress of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct CampaignProgress {
    /// The number of customers in the batch, including those whom a limit leaves out. It is 0 until the batch has been
    /// read, and in a dry run, which has `forecast.customers`.
    pub customers: usize,
    /// The numbers of customers by status.
    pub counts: CampaignCounts,
    /// The numbers of skipped customers by human-readable reason. The wording may change, so do not parse it. Empty if
    /// none were skipped, and on AWS until the campaign ends.
    pub skipped_because: BTreeMap<String, usize>,
    /// The numbers of failed customers by `ERROR in STAGE`, such as `Render.Failed in render`. `ERROR` is as in the
    /// `code` of a reason. Empty if none failed, and on AWS until the campaign ends.
    pub failed_with: BTreeMap<String, usize>,
    /// The number of customers finished per minute since the first text, not counting skipped ones. Absent until a
    /// customer has finished, after the end, and on AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rate_per_minute: Option<f64>,
    /// The estimated time until the last customer finishes, in seconds. Absent until a customer has finished, after the
    /// end, and on AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seconds_left: Option<f64>,
    /// The cost of models and outside voice services so far, in US dollars, including earlier attempts of the run. It stays
    /// after the end. Absent until a customer has finished. A restart of the server removes it permanently. AWS does not
    /// report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub spent_usd: Option<f64>,
}

impl From<&Manifest> for CampaignProgress {
    fn from(manifest: &Manifest) -> Self {
        let count = |word: &str| manifest.counts.get(word).copied().unwrap_or_default();
        let mut counts = CampaignCounts {
            published: count("published"),
            skipped: count("skipped") + count("held-out"),
            // Manifests from version 0.1 call it `held`.
            in_review: count("in-review") + count("held"),
            failed: count("failed"),
            ..CampaignCounts::default()
        };
        counts.waiting = manifest.customers.saturating_sub(counts.ended());
        let mut progress = Self { customers: manifest.customers, counts, ..Self::default() };
        for entry in &manifest.entries {
            match &entry.outcome {
                Outcome::HeldOut => {
                    *progress.skipped_because.entry(HELD_OUT.to_owned()).or_default() += 1;
                }
                Outcome::Skipped { skip } => {
                    *progress.skipped_because.entry(skip.because().to_owned()).or_default() += 1;
                }
                Outcome::Failed { error, stage } => {
                    *progress.failed_with.entry(format!("{error} in {stage}")).or_default() += 1;
                }
                Outcome::Published { .. } | Outcome::InReview { .. } | Outcome::NotStarted => {}
            }
        }
        progress
    }
}

/// A campaign: a run over all customers in a batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct Campaign {
    /// The id of the campaign. It is also the id of its run, as in reviews, notifications and exports.
    pub(crate) id: String,
    /// The name of the schedule that started the campaign. Absent if a call started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub(crate) schedule: Option<ScheduleName>,
    /// The time at which the caller started the campaign, even if it is still queued.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started_at: Timestamp,
    /// The status of the run.
    pub(crate) status: RunStatus,
    /// Whether the campaign is a dry run, which only forecasts.
    pub(crate) dry_run: bool,
    /// The name of the batch, or the id of the upload. For a local server's own data folder, it is `local`.
    #[schema(value_type = String)]
    pub(crate) batch: Batch,
    /// The progress.
    #[serde(flatten)]
    pub(crate) progress: CampaignProgress,
    /// The forecast of a dry run: customers, videos, durations, sizes and costs. Absent for other campaigns, and until the
    /// dry run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CampaignForecast>, nullable = false)]
    pub(crate) forecast: Option<Value>,
    /// The human-readable reason why a local server stopped starting customers: an exhausted budget, or too many failures.
    /// `status` is then `done`. Absent if the campaign did not stop early, and on AWS. There, an exhausted budget only
    /// leaves customers `waiting`, and too many failures give the status `failed` with the code `Run.Incomplete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) stop_reason: Option<String>,
    /// The reason why the campaign failed as a whole. Absent unless `status` is `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) reason: Option<StatusReason>,
}

/// A page of campaigns, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignPage {
    /// The campaigns on this page.
    pub(crate) items: Vec<Campaign>,
    /// The cursor for the next page, to send as `after`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next: Option<String>,
}

/// The status of a customer in a campaign.
///
/// - `published`: the text was published, and the video if one was requested.
/// - `skipped`: the customer gets no message, or would get none in a dry run. This includes an unpublished result if an
///   operator recalled the whole run.
/// - `recalled`: the result was published and then recalled.
/// - `in-review`: the result is waiting for a reviewer.
/// - `failed`: a stage failed.
/// - `waiting`: the customer has no outcome. They may be in progress, or a limit or an early stop left them out.
/// - `selected`: in a dry run, the customer would get a recommendation or a service message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CustomerStatus {
    /// The result is published.
    Published,
    /// The customer gets no message.
    Skipped,
    /// The result was published and recalled.
    Recalled,
    /// The result is waiting for a reviewer.
    InReview,
    /// A stage failed.
    Failed,
    /// There is no outcome yet.
    Waiting,
    /// In a dry run: the customer would get a recommendation.
    Selected,
}

impl From<Option<OutcomeName>> for CustomerStatus {
    fn from(outcome: Option<OutcomeName>) -> Self {
        match outcome {
            None => Self::Waiting,
            Some(OutcomeName::Published) => Self::Published,
            Some(OutcomeName::Skipped) => Self::Skipped,
            Some(OutcomeName::Recalled) => Self::Recalled,
            Some(OutcomeName::InReview) => Self::InReview,
            Some(OutcomeName::Failed) => Self::Failed,
        }
    }
}

/// The query for a campaign's customers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomerQuery {
    /// The status by which to filter. Omit it for all customers.
    #[param(value_type = CustomerStatus, required = false)]
    pub(crate) status: Option<CustomerStatus>,
    /// The cursor: the value of `next` from the previous page. Omit it for the first page.
    pub(crate) after: Option<String>,
    /// The maximum number of items on the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<usize>,
}

/// A customer in a campaign.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignCustomer {
    /// The customer reference: 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
    /// The status of the customer.
    pub(crate) status: CustomerStatus,
    /// The human-readable reason for the status. The recommendation has the reason with a stable code. Absent for
    /// `published`, `waiting` and `selected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) reason: Option<String>,
    /// The path of the customer's recommendation. It works even while the customer is `waiting`. Absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) recommendation: Option<String>,
}

/// A page of a campaign's customers, in the dataset's order.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignCustomerPage {
    /// The customers on this page.
    pub(crate) items: Vec<CampaignCustomer>,
    /// The cursor for the next page, to send as `after`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next: Option<String>,
}
