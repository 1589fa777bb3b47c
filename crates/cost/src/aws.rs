//! A model of a run on AWS: the duration in hours, based on the quotas, and the cost in US dollars, based on list
//! prices.
//!
//! All prices, quotas and sizes are defined here. `docs/concepts/cost-and-scale.md` cites their sources, and a test
//! compares its tables with this model.

use serde::Serialize;

use contracts::voice::Engine;

use crate::local::{Workload, bytes_per_second, encoded_seconds, speech_core_seconds};
use crate::prices::POLLY;
use crate::reuse::PERSONAL_CHARACTERS;

/// US dollars per GB-second of Lambda on arm64, for the first 7.5 billion GB-seconds in a month (us-east-1).
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// US dollars per function call.
const LAMBDA_CALL: f64 = 0.000_000_2;
/// US dollars per state transition in a standard workflow.
const TRANSITION: f64 = 0.000_025;
/// US dollars per write to S3 Standard.
const S3_WRITE: f64 = 0.000_005;
/// US dollars per read from S3 Standard.
const S3_READ: f64 = 0.000_000_4;
/// US dollars per GB per month in S3 Standard.
const S3_GB_MONTH: f64 = 0.023;
/// US dollars per KMS call.
const KMS_CALL: f64 = 0.000_003;
/// US dollars per GB that CloudWatch Logs ingests.
const LOGS_GB: f64 = 0.50;

/// US dollars per S3 event that EventBridge receives.
const S3_EVENT: f64 = 0.000_001;
/// US dollars per GB that leaves AWS, for the first 10 TB in a month.
const EGRESS_GB: f64 = 0.09;
/// US dollars per request to an HTTP API.
const HTTP_REQUEST: f64 = 0.000_001;
/// The requests that a customer makes by opening their link: the page, the poster, the video and the captions.
const LINK_REQUESTS: f64 = 4.0;

/// The number of months for which results are kept: `ResultDays` is 400 days.
const MONTHS: f64 = 13.0;

/// The memory of `render` in GB, as in `infra/template.yaml`.
const RENDER_GB: f64 = 2.94;
/// The memory of `narrate` in GB.
const NARRATE_GB: f64 = 1.0;
/// The assumed average memory of the other functions in GB.
const REST_GB: f64 = 0.75;
/// The cores available to `render`: Lambda provides one core per 1,769 MB.
const RENDER_CORES: f64 = 1.7;
/// The core seconds needed to render a second of video at resolution 1080. Measured on x86-64, not on arm64.
const RENDER_CORE_SECONDS: f64 = 0.45;
/// The cores available to `narrate`.
const NARRATE_CORES: f64 = 0.58;
/// The seconds needed to narrate a script, without the core seconds of an engine that speaks within the function.
const NARRATE_SECONDS: f64 = 4.0;
/// The total seconds of a customer's other stages.
const REST_SECONDS: f64 = 1.5;

/// Polly requests per video: one for the audio of all sentences, and one for the word times.
const POLLY_REQUESTS_PER_VIDEO: f64 = 2.0;
/// The number of requests per second that Polly accepts for neural voices.
const POLLY_PER_SECOND: f64 = 8.0;
/// The maximum number of concurrent function executions in an account.
const LAMBDA_CONCURRENCY: f64 = 1_000.0;
/// The maximum number of state transitions per second in an account, in the larger regions.
const TRANSITIONS_PER_SECOND: f64 = 5_000.0;
/// The maximum number of concurrent children of a distributed map.
const CHILDREN_CONCURRENCY: f64 = 10_000.0;
/// The maximum number of rows in a worksheet below its header (Excel's specifications and limits).
pub const ROWS: f64 = 1_048_575.0;
/// The workflow's timeout, in seconds.
const WORKFLOW_SECONDS: f64 = 7.0 * 86_400.0;
/// The number of records that `finalize` can read within its timeout of 300 s, 32 at a time. The 15 ms for each are an
/// assumption, not measured on S3.
const FINALIZE_RECORDS: f64 = 300.0 * 32.0 / 0.015;

/// The parameters of a deployed stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackSetup {
    /// The `Concurrency` parameter.
    pub concurrency: f64,
    /// The voice engine.
    pub voice: Engine,
    /// The cost of the model per script in US dollars. 0 if it is disabled.
    pub model_usd: f64,
    /// The shorter side of the frame in pixels.
    pub resolution: u32,
    /// Transaction rows per customer.
    pub transactions: f64,
    /// The average number of spoken characters in a script.
    pub characters: f64,
}

/// One item on the bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Component {
    /// The name of the item.
    pub component: &'static str,
    /// US dollars.
    pub usd: f64,
}

/// A quota, and the time that the run takes if only this quota applies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// The limited resource.
    pub what: &'static str,
    /// The current limit.
    pub limit: String,
    /// The hours that the run takes if only this limit applies.
    pub hours: f64,
    /// How to raise the limit.
    pub raise: &'static str,
}

/// A forecast for AWS.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AwsForecast {
    /// The items on the bill.
    pub components: Vec<Component>,
    /// The total of the items in US dollars.
    pub usd: f64,
    /// The number of workbook batches needed for the customers. Each batch is a run.
    pub batches: usize,
    /// The limits on the run, tightest first.
    pub bounds: Vec<Bound>,
    /// The hours that the run takes under the tightest limit.
    pub hours: f64,
}

/// Forecasts the run, or several runs if the customers do not fit in one batch.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number of batches is whole and at least 1"
)]
pub fn forecast_aws(work: &Workload, setup: &StackSetup) -> AwsForecast {
    let customers = work.customers as f64;
    let recommendations = work.recommendations as f64;
    let videos = work.videos as f64;
    let pixels = (f64::from(setup.resolution) / 1080.0).powi(2);
    // A tenth of the work, audio and stills, depends neither on the frame size nor on the number of new scenes.
    let core_seconds = RENDER_CORE_SECONDS * (0.1 * work.video_seconds + 0.9 * pixels * encoded_seconds(work));
    let render = core_seconds / RENDER_CORES + videos;
    let is_polly = setup.voice == Engine::Polly;
    let narrate = videos * NARRATE_SECONDS + speech_core_seconds(work, setup.voice) / NARRATE_CORES;
    // The narration, the poster and the preview.
    let stored = work.video_seconds * bytes_per_second(setup.resolution) + videos * 4.2e6 + customers * 8e3;
    let batches = (customers / ROWS.min(ROWS / setup.transactions.max(1.0))).ceil().max(1.0) as usize;
    let transitions = recommendations * 8.0 + (customers - recommendations) * 4.0 + batches as f64 * 10.0;
    let writes = recommendations * 30.0 + customers * 5.0;
    let watched = work.video_seconds * bytes_per_second(setup.resolution);
    let calls = recommendations * 5.0 + (customers - recommendations) * 2.0;
    let spoken = work.new.characters() + videos * PERSONAL_CHARACTERS.min(setup.characters);
    let components = vec![
        Component { component: "Lambda, render", usd: render * RENDER_GB * LAMBDA_GB_SECOND },
        Component { component: "Lambda, narrate", usd: narrate * NARRATE_GB * LAMBDA_GB_SECOND },
        Component {
            component: "Lambda, the rest",
            usd: customers * REST_SECONDS * REST_GB * LAMBDA_GB_SECOND + calls * LAMBDA_CALL,
        },
        Component { component: "Step Functions", usd: transitions * TRANSITION },
        Component {
            component: "S3, requests",
            usd: writes * S3_WRITE + (recommendations * 60.0 + customers * 8.0) * S3_READ,
        },
        Component { component: "S3, 13 months", usd: stored / 1e9 * S3_GB_MONTH * MONTHS },
        Component { component: "EventBridge, S3 events", usd: writes * S3_EVENT },
        Component {
            component: "Links, each opened once",
            usd: watched / 1e9 * EGRESS_GB + videos * LINK_REQUESTS * (HTTP_REQUEST + LAMBDA_CALL),
        },
        Component { component: "KMS", usd: customers * 14.0 * KMS_CALL },
        Component { component: "CloudWatch Logs", usd: customers * 12e3 / 1e9 * LOGS_GB },
        Component { component: "Polly, neural", usd: if is_polly { POLLY.of_characters(spoken) } else { 0.0 } },
        Component { component: "Model", usd: recommendations * setup.model_usd },
    ];
    let usd = components.iter().map(|component| component.usd).sum();

    let child_seconds = if videos > 0.0 { (render + narrate) / videos + REST_SECONDS } else { REST_SECONDS };
    let in_children = (videos * child_seconds + (customers - videos) * REST_SECONDS) / 3600.0;
    let polly = videos * POLLY_REQUESTS_PER_VIDEO / POLLY_PER_SECOND / 3600.0;
    let concurrency = setup.concurrency;
    let mut bounds = vec![
        Bound {
            what: "the stack's own concurrency",
            limit: format!("Concurrency={concurrency:.0}"),
            hours: in_children / concurrency,
            raise: "deploy with a larger Concurrency, up to 1,000",
        },
        Bound {
            what: "Lambda, functions at once",
            limit: "1,000 per account, 10 in a new one".to_owned(),
            hours: in_children / LAMBDA_CONCURRENCY,
            raise: "ask for more concurrent executions (Service Quotas, L-B99A9384)",
        },
        Bound {
            what: "Step Functions, children at once",
            limit: "10,000 per map".to_owned(),
            hours: in_children / CHILDREN_CONCURRENCY,
            raise: "cannot be raised: run batches in parallel",
        },
        Bound {
            what: "Step Functions, transitions",
            limit: "5,000 per second".to_owned(),
            hours: transitions / TRANSITIONS_PER_SECOND / 3600.0,
            raise: "ask for a larger bucket and refill rate",
        },
    ];
    if is_polly {
        bounds.push(Bound {
            what: "Polly, neural voices",
            limit: "8 requests per second".to_owned(),
            hours: polly,
            raise: "ask for more transactions per second, or use espeak-ng or Kokoro",
        });
    }
    bounds.sort_by(|a, b| b.hours.total_cmp(&a.hours));
    // Even with unlimited concurrency, the run takes as long as one customer.
    let hours = bounds.first().map_or(0.0, |bound| bound.hours).max(child_seconds / 3600.0);
    AwsForecast { components, usd, batches, bounds, hours }
}

/// Returns the reasons why a batch is too large for one run, each as a phrase with its remedy.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
pub fn too_large(work: &Workload, forecast: &AwsForecast) -> Vec<String> {
    let batches = forecast.batches as f64;
    let per_batch = work.customers as f64 / batches;
    let hours = forecast.hours / batches;
    let mut problems = Vec::new();
    if per_batch > FINALIZE_RECORDS {
        problems.push(format!(
            "finalize reads about {FINALIZE_RECORDS:.0} records in its 300 s: raise its Timeout, or halve the batch"
        ));
    }
    if hours * 3600.0 > WORKFLOW_SECONDS {
        problems
            .push("one batch takes longer than the workflow's timeout of 7 days: raise the tightest limit".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::local::TextSize;
    use crate::reuse::NewWork;

    /// Two out of three customers consent and get three offers each, at resolution 1080.
    fn work(customers: usize) -> Workload {
        let recommendations = customers * 2 / 3;
        #[expect(clippy::cast_precision_loss, reason = "at most ten million")]
        let video_seconds = TextSize::with_offers(3).video_seconds(140) * recommendations as f64;
        let new = NewWork::expect(recommendations, 3 * recommendations, 0, 0);
        Workload { customers, recommendations, videos: recommendations, video_seconds, new }
    }

    fn setup(concurrency: f64, voice: Engine) -> StackSetup {
        let TextSize { characters, .. } = TextSize::with_offers(3);
        StackSetup { concurrency, voice, model_usd: 0.0003, resolution: 1080, transactions: 50.0, characters }
    }

    const SIZES: [usize; 3] = [1_000, 100_000, 10_000_000];

    fn tables() -> String {
        let thousands = |number: f64| {
            let digits = format!("{number:.0}");
            let at = |at: usize| if at > 0 && (digits.len() - at).is_multiple_of(3) { "," } else { "" };
            digits.char_indices().map(|(index, digit)| format!("{}{digit}", at(index))).collect::<Vec<_>>().concat()
        };
        #[expect(clippy::cast_precision_loss, reason = "at most ten million")]
        let head = SIZES.map(|size| format!(" {} |", thousands(size as f64))).concat();
        let mut text = format!("| US dollars for customers |{head}\n|---|---|---|---|\n");
        let bills = SIZES.map(|size| forecast_aws(&work(size), &setup(5.0, Engine::Polly)));
        let dollars = |usd: f64| if usd < 100.0 { format!("{usd:.2}") } else { thousands(usd) };
        for (row, component) in bills[0].components.iter().enumerate() {
            let cells = bills.each_ref().map(|bill| format!(" {} |", dollars(bill.components[row].usd))).concat();
            let _infallible = writeln!(text, "| {} |{cells}", component.component);
        }
        let sums = bills.each_ref().map(|bill| format!(" {} |", dollars(bill.usd))).concat();
        let with = |voice: Engine| {
            let sum = |size: usize| forecast_aws(&work(size), &setup(5.0, voice)).usd;
            SIZES.map(|size| format!(" {} |", dollars(sum(size)))).concat()
        };
        let (kokoro, espeak) = (with(Engine::Kokoro), with(Engine::Espeak));
        #[expect(clippy::cast_precision_loss, reason = "a forecast has at most hundreds of batches")]
        let batches = bills.each_ref().map(|bill| format!(" {} |", thousands(bill.batches as f64))).concat();
        let _infallible = writeln!(
            text,
            "| **Sum** |{sums}\n| Sum with Kokoro in place of Polly |{kokoro}\n| Sum with espeak-ng in place of Polly \
             |{espeak}\n| Batches |{batches}"
        );

        let _infallible = writeln!(
            text,
            "\n| Hours for customers, by each bound alone |{head} What to raise |\n|---|---|---|---|---|"
        );
        let forecasts = SIZES.map(|size| forecast_aws(&work(size), &setup(1000.0, Engine::Polly)));
        let hours = |hours: f64| if hours < 10.0 { format!("{hours:.1}") } else { thousands(hours) };
        let ours = SIZES.map(|size| {
            let default = forecast_aws(&work(size), &setup(5.0, Engine::Polly)).bounds;
            let own = default.iter().find(|bound| bound.limit == "Concurrency=5").unwrap().hours;
            format!(" {} |", hours(own))
        });
        let _infallible = writeln!(
            text,
            "| the stack's own concurrency (Concurrency=5, the default) |{} deploy with a larger Concurrency |",
            ours.concat()
        );
        for bound in &forecasts[0].bounds {
            let same =
                |forecast: &AwsForecast| forecast.bounds.iter().find(|other| other.what == bound.what).unwrap().hours;
            let cells = forecasts.each_ref().map(|forecast| format!(" {} |", hours(same(forecast)))).concat();
            let _infallible = writeln!(text, "| {} ({}) |{cells} {} |", bound.what, bound.limit, bound.raise);
        }
        text
    }

    #[test]
    fn document_tables_match_the_model() {
        let document = include_str!("../../../docs/concepts/cost-and-scale.md");
        let tables = tables();
        assert!(document.contains(&tables), "docs/concepts/cost-and-scale.md should hold:\n{tables}");
    }

    #[test]
    fn polly_is_the_tightest_quota() {
        let forecast = forecast_aws(&work(100_000), &setup(1000.0, Engine::Polly));
        assert_eq!(forecast.bounds[0].what, "Polly, neural voices");
        assert!(forecast.hours > 4.0, "{}", forecast.hours);
    }

    #[test]
    fn ten_million_customers_need_several_batches() {
        let forecast = forecast_aws(&work(10_000_000), &setup(5.0, Engine::Espeak));
        assert!(forecast.batches > 10, "transactions fill their sheet before profiles do");
        let in_one = AwsForecast { batches: 1, ..forecast };
        assert_eq!(too_large(&work(10_000_000), &in_one).len(), 2, "finalize and the workflow's timeout");
    }
}
