//! The forecast that ends a dry run on AWS: who would get a message, which offers, and what it would cost.

use std::collections::BTreeMap;

use contracts::key::RunPart;
use contracts::request::Request;
use contracts::settings::Settings;
use contracts::stage::DryRunDecision;
use contracts::voice::{Engine, VoiceName};
use contracts::{CustomerRef, ObjectKey, ProductId, RunId};
use cost::aws::{AwsForecast, StackSetup, forecast_aws, too_large};
use cost::local::{TextSize, Workload};
use cost::prices::{TOKENS_READ, TOKENS_WRITTEN};
use cost::reuse::NewWork;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use storage::store::StoreError;
use storage::vault::{Owner, Vault, VaultError};

use crate::{CONCURRENCY, Error, list_customers};

/// Transaction rows per customer, as in the sample data.
const TRANSACTIONS: f64 = 50.0;

/// The contents of `forecast.json`: the decision for each customer of a dry run, and the cost of the run. It has the
/// same fields as the forecast of a dry run on one machine, except those that only that machine can know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The run.
    pub run: RunId,
    /// Customers in the workbooks, before the first one whose message would exceed the limit.
    pub customers: usize,
    /// Customers who would get a recommendation or a service message.
    #[serde(rename = "selected")]
    pub recommendations: usize,
    /// Customers who would get a service message without an offer.
    pub service_messages: usize,
    /// Customers who would get no message, by reason.
    pub skipped_because: BTreeMap<String, usize>,
    /// The number of customers who would be offered each product.
    pub offers: BTreeMap<ProductId, usize>,
    /// Videos that would be made.
    pub videos: usize,
    /// The total duration of these videos in seconds.
    pub video_seconds: f64,
    /// The model usage.
    pub model: ModelUse,
    /// The forecast for AWS.
    pub aws: AwsForecast,
    /// The reasons why the batch is too large for AWS, each with a remedy. Empty if it is not too large.
    pub too_large: Vec<String>,
    /// The decision for each customer, in the dataset's order.
    #[serde(rename = "each")]
    pub decisions: Vec<Decision>,
}

/// The model calls that the run would make, assuming that the guard rejects no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ModelUse {
    /// Model calls.
    pub calls: usize,
    /// Input tokens.
    pub tokens_read: u64,
    /// Output tokens.
    pub tokens_written: u64,
    /// US dollars, at the prices in the settings.
    pub usd: f64,
}

/// The decision for one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The customer.
    pub reference: CustomerRef,
    /// The number of offers. 0 means a service message. `None` if the customer would get no message.
    pub offers: Option<usize>,
    /// The reason why the customer would get no message.
    pub because: Option<String>,
}

/// Computes the forecast of a dry run and writes it. `concurrency` is the number of customers that a run would process
/// at once. `limit` is the maximum number of customers who may get a message.
///
/// # Panics
/// Never: every field of a forecast serializes to JSON.
pub async fn forecast(
    run: RunId,
    settings: &Settings,
    concurrency: u32,
    limit: Option<usize>,
    vault: &Vault,
) -> Result<Forecast, Error> {
    let (request, _): (Request, _) =
        vault.read_json(Owner::Run, &ObjectKey::Run(run.clone(), RunPart::Request)).await?;
    let mut decided: Vec<(CustomerRef, Option<DryRunDecision>)> = stream::iter(list_customers(vault, &run).await?)
        .map(|reference| find_decision(vault, &run, reference))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    apply_limit(&mut decided, limit);
    let forecast = compute(run, &request, settings, concurrency, decided);
    let json = serde_json::to_vec(&forecast).expect("every type in the contracts crate serializes to JSON");
    vault.store().put(&ObjectKey::Run(forecast.run.clone(), RunPart::Forecast), json.into()).await?;
    Ok(forecast)
}

async fn find_decision(
    vault: &Vault,
    run: &RunId,
    reference: CustomerRef,
) -> Result<(CustomerRef, Option<DryRunDecision>), Error> {
    let key = ObjectKey::DryRun(run.clone(), reference.clone());
    match vault.read_json(Owner::Run, &key).await {
        Ok((decision, _)) => Ok((reference, Some(decision))),
        // There is no decision, because assessing the customer failed.
        Err(VaultError::Store(StoreError::NotFound { .. })) => Ok((reference, None)),
        Err(error) => Err(error.into()),
    }
}

/// Truncates the list, which is in the dataset's order, at the first customer whose message would exceed the limit.
fn apply_limit(decided: &mut Vec<(CustomerRef, Option<DryRunDecision>)>, limit: Option<usize>) {
    let Some(limit) = limit else { return };
    let offers = decided.iter().map(|(_, decision)| decision.as_ref().and_then(|decision| decision.offers.as_ref()));
    let mut selected = offers.enumerate().filter(|(_, offers)| offers.is_some());
    if let Some((first, _)) = selected.nth(limit) {
        decided.truncate(first);
    }
}

fn compute(
    run: RunId,
    request: &Request,
    settings: &Settings,
    concurrency: u32,
    decided: Vec<(CustomerRef, Option<DryRunDecision>)>,
) -> Forecast {
    let mut offers: BTreeMap<ProductId, usize> = BTreeMap::new();
    let mut skipped_because: BTreeMap<String, usize> = BTreeMap::new();
    let mut decisions = Vec::with_capacity(decided.len());
    for (reference, decision) in decided {
        let undecided = || DryRunDecision { offers: None, because: Some("the assessment failed".to_owned()) };
        let DryRunDecision { offers: products, because } = decision.unwrap_or_else(undecided);
        for product in products.iter().flatten() {
            *offers.entry(product.clone()).or_default() += 1;
        }
        if let Some(because) = &because {
            *skipped_because.entry(because.clone()).or_default() += 1;
        }
        decisions.push(Decision { reference, offers: products.map(|products| products.len()), because });
    }
    let texts: Vec<TextSize> =
        decisions.iter().filter_map(|decision| decision.offers).map(TextSize::with_offers).collect();
    let videos = texts.len().min(request.videos.unwrap_or(usize::MAX));
    let video_seconds = texts.iter().take(videos).map(|text| text.video_seconds(request.words_per_minute)).sum();
    let offered = decisions.iter().filter_map(|decision| decision.offers).sum();
    // Assume that there are no shared scenes or speech yet, because earlier campaigns may have had different text.
    let new = NewWork::expect(videos, offered, 0, 0);
    let work = Workload { customers: decisions.len(), recommendations: texts.len(), videos, video_seconds, new };
    let service_messages = decisions.iter().filter(|decision| decision.offers == Some(0)).count();
    let model = model_use(request, settings, texts.len() - service_messages);
    #[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
    let share = 1.0 / texts.len().max(1) as f64;
    let requested = request.voice.as_deref().map(VoiceName::parse).and_then(|voice| voice.engine);
    let engine = requested.or(settings.voice.engine.only()).unwrap_or(Engine::Polly);
    let setup = StackSetup {
        concurrency: f64::from(concurrency.max(1)),
        voice: engine,
        model_usd: model.usd * share,
        resolution: settings.video.resolution,
        transactions: TRANSACTIONS,
        characters: texts.iter().map(|text| text.characters).sum::<f64>() * share,
    };
    let aws = forecast_aws(&work, &setup);
    Forecast {
        run,
        customers: decisions.len(),
        recommendations: texts.len(),
        service_messages,
        skipped_because,
        offers,
        videos,
        video_seconds,
        model,
        too_large: too_large(&work, &aws),
        aws,
        decisions,
    }
}

/// Returns the model usage for `calls` calls. A service message needs no call, because it comes from the phrasebook.
fn model_use(request: &Request, settings: &Settings, calls: usize) -> ModelUse {
    let model = &settings.writer.model;
    if !model.enabled || !request.writer.asks_a_model() {
        return ModelUse::default();
    }
    let tokens_read = TOKENS_READ * calls as u64;
    let tokens_written = TOKENS_WRITTEN * calls as u64;
    ModelUse { calls, tokens_read, tokens_written, usd: model.usage(tokens_read, tokens_written).usd }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(number: usize) -> CustomerRef {
        CustomerRef::parse(format!("{number:032x}")).unwrap()
    }

    #[test]
    fn forecast_counts_customers_offers_and_dollars() {
        let product = |name: &str| ProductId::parse(name).unwrap();
        let offered = |products: &[&str]| {
            let offers = Some(products.iter().map(|name| product(name)).collect());
            Some(DryRunDecision { offers, because: None })
        };
        let skipped = DryRunDecision { offers: None, because: Some("no consent".to_owned()) };
        let decided = vec![
            (customer(1), offered(&["savings", "card"])),
            (customer(2), offered(&["savings"])),
            (customer(3), offered(&[])),
            (customer(4), Some(skipped)),
            (customer(5), None),
        ];
        let request = Request::for_tests();
        let run = request.run_id();
        let forecast = compute(run, &request, &Settings::default(), 5, decided);
        assert_eq!((forecast.customers, forecast.recommendations, forecast.service_messages), (5, 3, 1));
        assert_eq!(forecast.offers, BTreeMap::from([(product("card"), 1), (product("savings"), 2)]));
        assert_eq!(forecast.skipped_because["no consent"], 1);
        assert!(forecast.videos == 3 && forecast.aws.usd > 0.0 && forecast.model.calls == 0);
        assert_eq!(forecast.decisions[0].offers, Some(2));
        let silent = Request { videos: Some(0), ..request };
        assert_eq!(compute(silent.run_id(), &silent, &Settings::default(), 5, Vec::new()).videos, 0);
    }
    #[test]
    fn limit_leaves_out_later_customers() {
        let selected = DryRunDecision { offers: Some(Vec::new()), because: None };
        let skipped = DryRunDecision { offers: None, because: Some("no consent".to_owned()) };
        let all = [Some(&selected), Some(&skipped), None, Some(&selected), Some(&skipped), Some(&selected)];
        let all: Vec<_> = all.into_iter().enumerate().map(|(at, made)| (customer(at), made.cloned())).collect();
        for (limit, kept) in [(Some(0), 0), (Some(1), 3), (Some(2), 5), (Some(3), 6), (Some(9), 6), (None, 6)] {
            let mut decided = all.clone();
            apply_limit(&mut decided, limit);
            assert_eq!(decided.len(), kept, "{limit:?}");
        }
    }
}
