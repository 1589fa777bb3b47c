//! The forecast of a dry run, as described in the `OpenAPI` document.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// The forecast of a dry run: what the same campaign would do. It covers the customers before the first one whom
/// `max_customers` leaves out, in the dataset's order. On AWS, `budget_usd` limits it in the same way.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `runner::forecast::Forecast`")]
pub(crate) struct CampaignForecast {
    /// The id of the dry run.
    run: String,
    /// The number of customers in the forecast: `selected` plus the sum of `skipped_because`.
    customers: usize,
    /// The number of customers who would get a recommendation or a service message.
    selected: usize,
    /// The number of selected customers who would get a service message.
    service_messages: usize,
    /// The numbers of skipped customers by human-readable reason.
    skipped_because: BTreeMap<String, usize>,
    /// How often each product would be offered, by its id. Only on AWS.
    #[schema(nullable = false)]
    offers: Option<BTreeMap<String, usize>>,
    /// The number of videos to make: one for each selected customer, or 0 if the request has `video: false`.
    videos: usize,
    /// The total playing time of the videos, in seconds.
    video_seconds: f64,
    /// The expected sentences and scenes that the videos share and that do not exist yet. Only on a local server.
    #[schema(nullable = false)]
    new: Option<NewWork>,
    /// The expected use of the language model.
    model: ModelForecast,
    /// The time and space on the local server itself. Absent on AWS.
    #[schema(nullable = false)]
    here: Option<LocalForecast>,
    /// The CPU seconds that the local server needs to encode one second of video, as measured during the dry run. It is 0
    /// without videos. Absent on AWS.
    #[schema(nullable = false)]
    encoding_cpu_seconds: Option<f64>,
    /// The time and cost of the same campaign on AWS. A local server computes it too, for comparison.
    aws: AwsForecast,
    /// The limits on AWS that the batch exceeds, each with its remedy, in human-readable form. Empty if there are none.
    too_large: Vec<String>,
}

/// The shared work of a campaign that no earlier run has done. The numbers are estimates, so they may be fractions.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `cost::reuse::NewWork`")]
pub(crate) struct NewWork {
    /// The number of shared scenes to draw and encode.
    scenes: f64,
    /// The total duration of these scenes, in seconds.
    scene_seconds: f64,
    /// The number of shared sentences to speak.
    sentences: f64,
    /// The total duration of these sentences, in seconds.
    speech_seconds: f64,
}

/// The forecast use of the language model. It assumes that the guard does not reject any text.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `runner::forecast::ModelUse`")]
pub(crate) struct ModelForecast {
    /// The number of calls.
    calls: usize,
    /// The number of input tokens.
    tokens_read: u64,
    /// The number of output tokens.
    tokens_written: u64,
    /// The cost at the prices in the settings, in US dollars.
    usd: f64,
}

/// The forecast for a local server. It has additional fields, which may change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `cost::local::LocalForecast`")]
pub(crate) struct LocalForecast {
    /// The number of videos that are made at the same time, each on one core.
    cores: usize,
    /// The duration of the campaign, in seconds.
    seconds: f64,
    /// The disk space for all results, in bytes.
    bytes: u64,
}

/// The forecast for AWS. It has additional fields, which may change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `cost::aws::AwsForecast`")]
pub(crate) struct AwsForecast {
    /// The cost of all AWS services and of the model, in US dollars. It includes `model.usd`.
    usd: f64,
    /// For planning only: the number of batches into which this many customers must be split, so that their transactions fit
    /// into one sheet each. It assumes 50 transactions per customer. A batch that is already uploaded needs no split.
    #[schema(minimum = 1)]
    batches: usize,
    /// The duration of all batches, one after the other, in hours.
    hours: f64,
}
