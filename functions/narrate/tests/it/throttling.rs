//! Tests that a speech service with a quota delays narrations, but never changes their voice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use contracts::request::Request;
use contracts::voice::Engine;
use contracts::{ErrorName, NamedError as _};
use narrate::Engines;

use crate::stage::Bank;
use crate::tone::ToneService;

const TEXTS: [&str; 3] = ["Hello José.", "There is no annual fee. Ask us.", "Member FDIC."];

fn request() -> Request {
    Request { engines: vec![Engine::Polly, Engine::Espeak], ..Request::for_tests() }
}

fn engines(service: &Arc<ToneService>) -> Engines {
    Engines::new("espeak-ng".into(), outbound::Client::new().unwrap()).with_polly(service.clone())
}

/// Amazon Polly accepts 8 requests per second for neural voices, with a burst of 10. All customers start at once, each
/// in its own process, and retry as a workflow does.
#[tokio::test(start_paused = true)]
async fn throttling_gives_no_customer_another_voice() {
    let service = Arc::new(ToneService::limited(8.0, 10.0));
    let store = Arc::default();
    // One customer finds the tempo of the voice, which the store keeps for all others.
    let first = Bank::customer(Arc::clone(&store), "first", "Ana", &TEXTS, request()).await;
    first.run_by(&engines(&service)).await.unwrap();
    let narrate = async |number: u64| {
        let bank = Bank::customer(Arc::clone(&store), &number.to_string(), "José", &TEXTS, request()).await;
        let mut wait = Duration::from_secs(2);
        for attempt in 0..20 {
            match bank.run_by(&engines(&service)).await {
                Ok(_) => return bank.result().await.0,
                Err(error) => assert_eq!(error.name(), ErrorName::NarrateThrottled),
            }
            // Imitates the retries of the workflow, with jitter. The clock is paused, so no time passes.
            let percent = u32::try_from((number * 37 + attempt * 11) % 100).unwrap();
            tokio::time::sleep(wait.mul_f64(0.5 + 0.005 * f64::from(percent))).await;
            wait = (wait * 2).min(Duration::from_mins(1));
        }
        panic!("customer {number} was throttled 20 times");
    };
    let narrations = futures::future::join_all((0..100).map(narrate)).await;
    for narration in narrations {
        assert_eq!((narration.engine.as_str(), narration.instead_of.as_slice()), ("polly neural", [].as_slice()));
    }
    assert!(service.throttled.load(Ordering::Relaxed) > 100, "the quota was the bound");
}

#[tokio::test]
async fn script_takes_two_requests() {
    let service = Arc::new(ToneService::default());
    let engines = engines(&service);
    let store = Arc::default();
    // The first customer in a store also finds the tempo of the voice.
    Bank::customer(Arc::clone(&store), "0001", "Ana", &TEXTS, request()).await.run_by(&engines).await.unwrap();
    let before = service.answered.load(Ordering::Relaxed);
    Bank::customer(store, "0002", "José", &TEXTS, request()).await.run_by(&engines).await.unwrap();
    assert_eq!(service.answered.load(Ordering::Relaxed) - before, 2, "the sound and its marks");
}

#[tokio::test]
async fn throttled_call_is_named_and_transient() {
    let service = Arc::new(ToneService::limited(0.0, 0.0));
    let bank = Bank::customer(Arc::default(), "0001", "José", &TEXTS, request()).await;
    let error = bank.run_by(&engines(&service)).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateThrottled);
    assert!(error.name().is_transient());
    assert!(error.help().unwrap().contains("quota"));
}
