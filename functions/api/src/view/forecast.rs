//! The forecast of a dry run, as described in the `OpenAPI` document.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// The forecast of a dry run. It counts only customers within `max_customers`. Later versions may add fields.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `runner::forecast::Forecast`")]
pub(crate) struct CampaignForecast {
    /// The id of the run.
    run: String,
    /// The number of customers.
    customers: usize,
    /// The number of customers who would get a recommendation or a service message.
    #[schema(rename = "told")]
    recommendations: usize,
    /// The number of these customers who would get a service message.
    service_messages: usize,
    /// The numbers of skipped customers by human-readable reason.
    skipped_because: BTreeMap<String, usize>,
    /// How often each product would be offered, by its id. Only on AWS.
    #[schema(nullable = false)]
    offers: Option<BTreeMap<String, usize>>,
    /// The number of customers that an earlier attempt has completed. Only on a local server.
    #[schema(nullable = false)]
    ended_before: Option<usize>,
    /// The number of videos that remain to be made.
    videos: usize,
    /// The total duration of these videos, in seconds.
    video_seconds: f64,
    /// The expected sentences and scenes that the videos share and that do not exist yet. Only on a local server.
    #[schema(nullable = false)]
    new: Option<NewWork>,
    /// The expected use of the language model.
    model: ModelForecast,
    /// The forecast for this machine.
    #[schema(nullable = false)]
    here: Option<LocalForecast>,
    /// The CPU time that this machine needs to encode a second of video, in seconds. This is measured, not estimated.
    #[schema(nullable = false)]
    encoding_cpu_seconds: Option<f64>,
    /// The forecast for AWS.
    aws: AwsForecast,
    /// The AWS limits that the batch exceeds, each with its remedy, in human-readable form. Empty if there are none.
    too_large: Vec<String>,
}

/// The shared work of a campaign that no earlier run has done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `cost::reuse::NewWork`")]
pub(crate) struct NewWork {
    /// The number of shared scenes to draw and encode.
    scenes: f64,
    /// Their total duration, in seconds.
    scene_seconds: f64,
    /// The number of shared sentences to speak.
    sentences: f64,
    /// Their total duration, in seconds.
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

/// The forecast for this machine. It has additional fields, which may change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `cost::local::LocalForecast`")]
pub(crate) struct LocalForecast {
    /// The number of cores in use.
    cores: usize,
    /// The duration of the campaign, in seconds.
    seconds: f64,
    /// The size of all results, in bytes.
    bytes: f64,
}

/// The forecast for AWS. It has additional fields, which may change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `cost::aws::AwsForecast`")]
pub(crate) struct AwsForecast {
    /// The cost, in US dollars.
    usd: f64,
    /// The number of batches needed for the customers. Each batch is a run.
    batches: f64,
    /// The duration, in hours.
    hours: f64,
}
