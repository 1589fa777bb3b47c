//! Tests of the events on customers' pages.

use contracts::key::{Prefix, RunPart};
use contracts::request::Request as RunRequest;
use contracts::settings::{DeliverySettings, EffectSettings};
use jiff::SignedDuration;

use super::*;

/// Publishes a text to a customer.
async fn publish(api: &Api, run: &RunId, reference: &CustomerRef) {
    api.write_evidence(run, reference, Outcome::Published { video: false }).await;
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Text);
    api.bank.store.put(&key, "Hello José.".into()).await.unwrap();
}

/// Returns the path of a link that was made an hour ago.
async fn link(api: &Api, run: &RunId, reference: &CustomerRef) -> String {
    let settings = DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..DeliverySettings::default() };
    let made = Timestamp::now() - SignedDuration::from_hours(1);
    let link = deliver::links::create(run, reference, &settings, api.bank.store.as_ref(), made).await;
    link.unwrap().unwrap().address.strip_prefix("https://bank.example").unwrap().to_owned()
}

#[tokio::test]
async fn page_events_are_recorded_for_people_and_not_for_scanners() {
    const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let api = Api::new().await;
    let run = RunId::parse("run-1").unwrap();
    let reference = CustomerRef::parse("7".repeat(32)).unwrap();
    let plan = EffectSettings { enabled: true, ..Default::default() }.plan();
    let request = RunRequest { effect: plan, ..RunRequest::for_tests() };
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    api.bank.vault.write_json(Owner::Run, &key, &Digest::of(b""), request).await.unwrap();
    publish(&api, &run, &reference).await;
    let path = link(&api, &run, &reference).await;
    let path = path.as_str();
    let recorded = async || api.bank.store.list(&Prefix::Reactions(reference.clone())).await.unwrap().len();

    let scanner = |request: http::request::Builder| request.header(header::USER_AGENT, "Barracuda Sentinel (EE)");
    let prefetch = |request: http::request::Builder| {
        request.header(header::USER_AGENT, BROWSER).header("sec-purpose", "prefetch;prerender")
    };
    let head = Request::head(path).header(header::USER_AGENT, BROWSER);
    for request in [scanner(Request::get(path)), prefetch(Request::get(path)), head, Request::get(path)] {
        let (parts, _) = api.send(request, "").await;
        assert_eq!(parts.status, StatusCode::OK, "a scanner sees the page too");
    }
    let events = format!("{path}/events");
    for request in [scanner(Request::post(&events)), prefetch(Request::post(&events)), Request::post(&events)] {
        assert_eq!(api.send(request, "event=played-whole").await.0.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(recorded().await, 0, "visits of scanners count nothing");

    let person = |request: http::request::Builder| request.header(header::USER_AGENT, BROWSER);
    let (parts, page) = api.send(person(Request::get(path)), "").await;
    assert_eq!((parts.status, recorded().await), (StatusCode::OK, 1));
    let policy = parts.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("connect-src 'self'"), "{policy}");
    assert!(String::from_utf8(page).unwrap().contains("navigator.sendBeacon"));
    assert!(!parts.headers.contains_key(header::SET_COOKIE));
    for event in ["bought", "opened", "opted-out", ""] {
        let (parts, _) = api.send(person(Request::post(&events)), &format!("event={event}")).await;
        assert_eq!(parts.status, StatusCode::BAD_REQUEST, "{event}");
    }
    // A click immediately after the page was opened shows that a program opened it.
    api.send(person(Request::post(&events)), "event=clicked").await;
    assert_eq!(recorded().await, 0);
}

#[tokio::test]
async fn page_has_no_script_without_an_effect_plan() {
    let api = Api::new().await;
    let run = RunId::parse("run-1").unwrap();
    let reference = CustomerRef::parse("7".repeat(32)).unwrap();
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    let request = RunRequest::for_tests();
    api.bank.vault.write_json(Owner::Run, &key, &Digest::of(b""), request).await.unwrap();
    publish(&api, &run, &reference).await;
    let path = link(&api, &run, &reference).await;
    let path = path.as_str();
    let (parts, page) = api.send(Request::get(path).header(header::USER_AGENT, "Mozilla/5.0 Firefox/145.0"), "").await;
    assert_eq!(parts.status, StatusCode::OK);
    assert!(!String::from_utf8(page).unwrap().contains("<script"));
    assert!(!parts.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src"));
    assert!(api.bank.store.list(&Prefix::Reactions(reference)).await.unwrap().is_empty());
}
