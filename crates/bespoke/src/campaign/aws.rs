//! What a run takes on AWS: hours by the quotas, dollars by the list prices. The one place of prices, quotas and sizes;
//! `docs/concepts/cost-and-scale.md` cites where each is published, and a test holds its tables to what this gives.

use serde::Serialize;

use super::machine::{Work, bytes_per_second};
use super::spend::POLLY;

/// US dollars for a GB-second of Lambda on arm64, the first 7.5 thousand million of a month (us-east-1).
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// US dollars for a call of a function.
const LAMBDA_CALL: f64 = 0.000_000_2;
/// US dollars for a state transition of a standard workflow.
const TRANSITION: f64 = 0.000_025;
/// US dollars for a write, a read, and a GB for a month in S3 Standard.
const S3: (f64, f64, f64) = (0.000_005, 0.000_000_4, 0.023);
/// US dollars for a call of KMS.
const KMS_CALL: f64 = 0.000_003;
/// US dollars for a GB taken in by CloudWatch Logs.
const LOGS_GB: f64 = 0.50;

/// Months for which results are kept: `ResultDays` of 400 days.
const MONTHS: f64 = 13.0;

/// Memory of the functions, GB, as `infra/template.yaml` gives it.
const RENDER_GB: f64 = 2.94;
const NARRATE_GB: f64 = 1.0;
const REST_GB: f64 = 0.75;
/// Cores that the memory of `render` comes with: one for each 1,769 MB.
const RENDER_CORES: f64 = 1.7;
/// Core seconds of rendering a second of video at 1080, as measured on x86-64.
const RENDER_CORE_SECONDS: f64 = 0.66;
/// Seconds of narrating a text, and of all other stages of a customer together.
const NARRATE_SECONDS: f64 = 4.0;
const REST_SECONDS: f64 = 1.5;

/// Requests of a video to Polly: each sentence twice, sound and times, and the text one and a half times, until the pace is
/// right.
const POLLY_CALLS_PER_SENTENCE: f64 = 3.0;
/// Requests a second that Polly takes for neural voices.
const POLLY_PER_SECOND: f64 = 8.0;
/// Functions that may run at once in an account.
const LAMBDA_AT_ONCE: f64 = 1_000.0;
/// State transitions a second of an account, in the larger regions.
const TRANSITIONS_PER_SECOND: f64 = 5_000.0;
/// Children of a distributed map that run at once.
const CHILDREN_AT_ONCE: f64 = 10_000.0;
/// Rows of a worksheet, its header aside (Excel's specifications and limits).
pub const ROWS: f64 = 1_048_575.0;
/// The workflow's own time-out, s.
const WORKFLOW_SECONDS: f64 = 7.0 * 86_400.0;
/// Customers whose records `finalize` reads within its time-out of 300 s: 32 at once, 15 ms each. Not measured on S3.
const FINALIZED: f64 = 300.0 * 32.0 / 0.015;

/// How the stack is set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// The parameter `Concurrency`.
    pub concurrency: f64,
    /// Whether Polly speaks.
    pub polly: bool,
    /// US dollars of the model for a text; 0 if it is off.
    pub model_usd: f64,
    /// The frame's shorter side, px.
    pub resolution: u32,
    /// Rows of transactions for each customer.
    pub transactions: f64,
    /// Characters and sentences of a text.
    pub text: (f64, f64),
}

/// A component of the bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Component {
    /// What.
    pub component: &'static str,
    /// US dollars.
    pub usd: f64,
}

/// A limit, and how long the run takes by it alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// What is limited.
    pub what: &'static str,
    /// The limit as it stands.
    pub limit: String,
    /// Hours that the run takes by it.
    pub hours: f64,
    /// What to do about it.
    pub raise: &'static str,
}

/// A forecast for AWS.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Aws {
    /// The bill, by component.
    pub components: Vec<Component>,
    /// Its sum, US dollars.
    pub usd: f64,
    /// How many batches of workbooks it takes, each a run.
    pub batches: f64,
    /// What bounds the run, the narrowest first.
    pub bounds: Vec<Bound>,
    /// Hours, by the narrowest.
    pub hours: f64,
}

/// Forecasts a run, or several if the customers do not fit into one batch.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
pub fn aws(work: &Work, setup: &Setup) -> Aws {
    let (customers, told, videos) = (work.customers as f64, work.told as f64, work.videos as f64);
    let (characters, sentences) = setup.text;
    let pixels = (f64::from(setup.resolution) / 1080.0).powi(2);
    // A tenth of the work, sound and stills, does not depend on the frame.
    let core_seconds = work.video_seconds * RENDER_CORE_SECONDS * (0.1 + 0.9 * pixels);
    let render = core_seconds / RENDER_CORES + videos;
    let stored = work.video_seconds * bytes_per_second(setup.resolution) + videos * 6e6 + customers * 8e3;
    let batches = (customers / ROWS.min(ROWS / setup.transactions.max(1.0))).ceil().max(1.0);
    let transitions = told * 8.0 + (customers - told) * 6.0 + batches * 9.0;
    let calls = told * 5.0 + (customers - told) * 2.0;
    let components = vec![
        Component { component: "Lambda, render", usd: render * RENDER_GB * LAMBDA_GB_SECOND },
        Component { component: "Lambda, narrate", usd: videos * NARRATE_SECONDS * NARRATE_GB * LAMBDA_GB_SECOND },
        Component {
            component: "Lambda, the rest",
            usd: customers * REST_SECONDS * REST_GB * LAMBDA_GB_SECOND + calls * LAMBDA_CALL,
        },
        Component { component: "Step Functions", usd: transitions * TRANSITION },
        Component {
            component: "S3, requests",
            usd: (told * 30.0 + customers * 4.0) * S3.0 + (told * 60.0 + customers * 8.0) * S3.1,
        },
        Component { component: "S3, 13 months", usd: stored / 1e9 * S3.2 * MONTHS },
        Component { component: "KMS", usd: customers * 14.0 * KMS_CALL },
        Component { component: "CloudWatch Logs", usd: customers * 12e3 / 1e9 * LOGS_GB },
        Component {
            component: "Polly, neural",
            usd: if setup.polly { videos * POLLY.of_characters(characters) } else { 0.0 },
        },
        Component { component: "Model", usd: told * setup.model_usd },
    ];
    let usd = components.iter().map(|component| component.usd).sum();

    let child_seconds = if videos > 0.0 { render / videos + NARRATE_SECONDS + REST_SECONDS } else { REST_SECONDS };
    let in_children = (videos * child_seconds + (customers - videos) * REST_SECONDS) / 3600.0;
    let polly = videos * sentences * POLLY_CALLS_PER_SENTENCE / POLLY_PER_SECOND / 3600.0;
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
            limit: "1,000 an account, 10 in a new one".to_owned(),
            hours: in_children / LAMBDA_AT_ONCE,
            raise: "ask for more concurrent executions (Service Quotas, L-B99A9384)",
        },
        Bound {
            what: "Step Functions, children at once",
            limit: "10,000 a map".to_owned(),
            hours: in_children / CHILDREN_AT_ONCE,
            raise: "cannot be raised: run batches side by side",
        },
        Bound {
            what: "Step Functions, transitions",
            limit: "5,000 a second".to_owned(),
            hours: transitions / TRANSITIONS_PER_SECOND / 3600.0,
            raise: "ask for a larger bucket and refill rate",
        },
    ];
    if setup.polly {
        bounds.push(Bound {
            what: "Polly, neural voices",
            limit: "8 requests a second".to_owned(),
            hours: polly,
            raise: "ask for more transactions a second, or let espeak-ng or Kokoro speak",
        });
    }
    bounds.sort_by(|a, b| b.hours.total_cmp(&a.hours));
    // However many run at once, the last customer takes the time of one.
    let hours = bounds.first().map_or(0.0, |bound| bound.hours).max(child_seconds / 3600.0);
    Aws { components, usd, batches, bounds, hours }
}

/// What of one batch is too large for one run, whatever the rate: each as a phrase that says what to do.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
pub fn too_large(work: &Work, forecast: &Aws) -> Vec<String> {
    let per_batch = work.customers as f64 / forecast.batches;
    let hours = forecast.hours / forecast.batches;
    let mut told = Vec::new();
    if per_batch > FINALIZED {
        told.push(format!(
            "finalize reads about {FINALIZED:.0} records in its 300 s: raise its Timeout, or halve the batch"
        ));
    }
    if hours * 3600.0 > WORKFLOW_SECONDS {
        told.push("one batch takes longer than the workflow's time-out of 7 days: raise what bounds it".to_owned());
    }
    told
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::campaign::machine::Text;

    /// Two customers of three consent and are told something, with three offers, at 1080.
    fn work(customers: usize) -> Work {
        let told = customers * 2 / 3;
        #[expect(clippy::cast_precision_loss, reason = "ten millions")]
        let video_seconds = Text::of(3).video_seconds(140) * told as f64;
        Work { customers, told, videos: told, video_seconds }
    }

    fn setup(concurrency: f64, polly: bool) -> Setup {
        let text = Text::of(3);
        let text = (text.characters, text.sentences);
        Setup { concurrency, polly, model_usd: 0.0003, resolution: 1080, transactions: 50.0, text }
    }

    const SIZES: [usize; 3] = [1_000, 100_000, 10_000_000];

    fn tables() -> String {
        let thousands = |number: f64| {
            let digits = format!("{number:.0}");
            let at = |at: usize| if at > 0 && (digits.len() - at).is_multiple_of(3) { "," } else { "" };
            digits.char_indices().map(|(index, digit)| format!("{}{digit}", at(index))).collect::<Vec<_>>().concat()
        };
        #[expect(clippy::cast_precision_loss, reason = "ten millions")]
        let head = SIZES.map(|size| format!(" {} |", thousands(size as f64))).concat();
        let mut text = format!("| US dollars for customers |{head}\n|---|---|---|---|\n");
        let bills = SIZES.map(|size| aws(&work(size), &setup(10.0, true)));
        let dollars = |usd: f64| if usd < 100.0 { format!("{usd:.2}") } else { thousands(usd) };
        for (row, component) in bills[0].components.iter().enumerate() {
            let cells = bills.each_ref().map(|bill| format!(" {} |", dollars(bill.components[row].usd))).concat();
            let _infallible = writeln!(text, "| {} |{cells}", component.component);
        }
        let sums = bills.each_ref().map(|bill| format!(" {} |", dollars(bill.usd))).concat();
        let without = SIZES.map(|size| format!(" {} |", dollars(aws(&work(size), &setup(10.0, false)).usd))).concat();
        let batches = bills.each_ref().map(|bill| format!(" {} |", thousands(bill.batches))).concat();
        let _infallible = writeln!(
            text,
            "| **Sum** |{sums}\n| Sum with espeak-ng in place of Polly |{without}\n| Batches |{batches}"
        );

        let _infallible = writeln!(
            text,
            "\n| Hours for customers, by each bound alone |{head} What to raise |\n|---|---|---|---|---|"
        );
        let forecasts = SIZES.map(|size| aws(&work(size), &setup(1000.0, true)));
        let hours = |hours: f64| if hours < 10.0 { format!("{hours:.1}") } else { thousands(hours) };
        let ours = SIZES.map(|size| {
            let ten = aws(&work(size), &setup(10.0, true)).bounds;
            let own = ten.iter().find(|bound| bound.limit == "Concurrency=10").unwrap().hours;
            format!(" {} |", hours(own))
        });
        let _infallible = writeln!(
            text,
            "| the stack's own concurrency (Concurrency=10, the default) |{} deploy with a larger Concurrency |",
            ours.concat()
        );
        for bound in &forecasts[0].bounds {
            let same = |forecast: &Aws| forecast.bounds.iter().find(|other| other.what == bound.what).unwrap().hours;
            let cells = forecasts.each_ref().map(|forecast| format!(" {} |", hours(same(forecast)))).concat();
            let _infallible = writeln!(text, "| {} ({}) |{cells} {} |", bound.what, bound.limit, bound.raise);
        }
        text
    }

    #[test]
    fn the_tables_of_the_document_are_what_the_model_gives() {
        let document = include_str!("../../../../docs/concepts/cost-and-scale.md");
        let tables = tables();
        assert!(document.contains(&tables), "docs/concepts/cost-and-scale.md should hold:\n{tables}");
    }

    #[test]
    fn polly_is_the_first_quota_that_a_campaign_meets() {
        let forecast = aws(&work(100_000), &setup(1000.0, true));
        assert_eq!(forecast.bounds[0].what, "Polly, neural voices");
        assert!(forecast.hours > 24.0, "{}", forecast.hours);
    }

    #[test]
    fn ten_million_customers_do_not_fit_into_one_batch_of_worksheets() {
        let forecast = aws(&work(10_000_000), &setup(10.0, false));
        assert!(forecast.batches > 10_000_000.0 / ROWS, "the transactions fill their sheet before the profiles do");
        let in_one = Aws { batches: 1.0, ..forecast };
        assert_eq!(too_large(&work(10_000_000), &in_one).len(), 2, "finalize and the workflow's own end");
    }
}
