//! Tests of the events, with an in-memory store.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::CustomerId;
use contracts::effect::EffectPlan;
use contracts::key::Prefix;
use contracts::settings::DeliverySettings;
use jiff::ToSpan as _;
use policy::erasure::delete_artefacts;
use storage::store::{MemoryStore, ObjectStore as _};
use storage::vault::Keys;

use super::*;
use crate::links;

const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36";

fn plan() -> EffectPlan {
    EffectPlan { campaign: "spring".to_owned(), holdout: 0.1, window_days: 30, shapes: Vec::new(), tones: Vec::new() }
}

/// A customer's page.
struct Fixture {
    store: Arc<MemoryStore>,
    vault: Vault,
    reference: CustomerRef,
    token: String,
}

impl Fixture {
    async fn new(effect: Option<EffectPlan>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let reference = vault.keys().reference(&CustomerId::parse("0001").unwrap());
        let run = RunId::parse("run-1").unwrap();
        let request = Request { effect, ..Request::for_tests() };
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        vault.write_json(Owner::Run, &key, &Digest::of(b""), request).await.unwrap();
        let settings =
            DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..DeliverySettings::default() };
        let link = links::create(&run, &reference, &settings, &*store, at(0)).await.unwrap().unwrap();
        let token = link.address.rsplit_once('/').unwrap().1.to_owned();
        Self { store, vault, reference, token }
    }

    async fn send(&self, event: PageEvent, visitor: Visitor<'_>, now: Timestamp) -> Recorded {
        record(&self.token, event, &visitor, &self.vault, now).await.unwrap()
    }

    async fn person(&self, event: PageEvent, now: Timestamp) -> Recorded {
        self.send(event, Visitor { agent: Some(BROWSER), ..Visitor::default() }, now).await
    }

    /// Returns the number of recorded events.
    async fn recorded(&self) -> usize {
        self.store.list(&Prefix::Reactions(self.reference.clone())).await.unwrap().len()
    }
}

/// Returns a time in milliseconds after the link's creation.
fn at(milliseconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + milliseconds.milliseconds()
}

const LATER: i64 = 3_600_000;

#[tokio::test]
async fn first_event_of_each_kind_is_recorded_and_sealed() {
    let page = Fixture::new(Some(plan())).await;
    assert_eq!(page.person(PageEvent::Opened, at(LATER)).await, Recorded::Counted);
    assert_eq!(page.person(PageEvent::Opened, at(LATER + 60_000)).await, Recorded::Repeated);
    for event in [PageEvent::PlayedQuarter, PageEvent::Clicked, PageEvent::Answered, PageEvent::OptedOut] {
        assert_eq!(page.person(event, at(LATER + 70_000)).await, Recorded::Counted, "{event:?}");
        assert_eq!(page.person(event, at(LATER + 80_000)).await, Recorded::Repeated, "{event:?}");
    }
    let listed = page.store.list(&Prefix::Reactions(page.reference.clone())).await.unwrap();
    assert_eq!(listed.len(), 5);
    for object in listed {
        assert!(!object.key.contains("opened") && !object.key.contains("answered"), "{}", object.key);
    }
    let key = Page { link: &find_record(&page.token, &*page.store).await.unwrap().unwrap(), vault: &page.vault }
        .key(PageEvent::Opened);
    let bytes = page.store.get(&key).await.unwrap();
    assert!(bytes.starts_with(b"BSP1") && !bytes.windows(6).any(|part| part == b"opened"));
}

#[tokio::test]
async fn scanners_count_nothing() {
    let page = Fixture::new(Some(plan())).await;
    let scanners: Vec<String> =
        SCANNERS.iter().map(|part| format!("Mozilla/5.0 (compatible; {})", part.to_uppercase())).collect();
    assert!(scanners.len() > 50, "the data file is read");
    let mut visits: Vec<Visitor<'_>> =
        scanners.iter().map(|agent| Visitor { agent: Some(agent), ..Visitor::default() }).collect();
    let browser = Visitor { agent: Some(BROWSER), ..Visitor::default() };
    visits.push(Visitor { is_head: true, ..browser });
    visits.push(Visitor::default());
    for purpose in ["prefetch", "prefetch;prerender", "preview"] {
        for header in 0..3 {
            let mut purposes = [None; 3];
            purposes[header] = Some(purpose);
            visits.push(Visitor { purposes, ..browser });
        }
    }
    for visitor in visits {
        for event in PageEvent::ALL {
            assert_eq!(page.send(event, visitor, at(LATER)).await, Recorded::Scanner, "{visitor:?}");
        }
    }
    assert_eq!(page.recorded().await, 0);
}

#[tokio::test]
async fn unknown_scanner_is_found_by_its_speed() {
    let page = Fixture::new(Some(plan())).await;
    assert_eq!(page.person(PageEvent::Opened, at(900)).await, Recorded::Scanner, "before anyone got the link");
    assert_eq!(page.recorded().await, 0);
    // The scanner calls itself a browser, opens the page, and follows every link at once.
    assert_eq!(page.person(PageEvent::Opened, at(60_000)).await, Recorded::Counted);
    assert_eq!(page.person(PageEvent::Clicked, at(60_150)).await, Recorded::Scanner);
    assert_eq!(page.person(PageEvent::OptedOut, at(60_200)).await, Recorded::Scanner);
    assert_eq!(page.recorded().await, 0, "the opening was the scanner's");
    // The person comes later, and counts.
    assert_eq!(page.person(PageEvent::Opened, at(LATER)).await, Recorded::Counted);
    assert_eq!(page.person(PageEvent::Clicked, at(LATER + 5_000)).await, Recorded::Counted);
}

#[tokio::test]
async fn event_without_a_visit_does_not_count() {
    let page = Fixture::new(Some(plan())).await;
    assert_eq!(page.person(PageEvent::PlayedWhole, at(LATER)).await, Recorded::Scanner);
    assert_eq!(page.recorded().await, 0);
}

#[tokio::test]
async fn nothing_is_recorded_without_a_plan_or_after_the_link_ended() {
    let page = Fixture::new(None).await;
    assert_eq!(page.person(PageEvent::Opened, at(LATER)).await, Recorded::NotMeasured);
    assert!(!is_recorded(&page.token, &page.vault).await.unwrap());
    let page = Fixture::new(Some(plan())).await;
    assert!(is_recorded(&page.token, &page.vault).await.unwrap());
    let ended = at(31 * 24 * LATER);
    assert_eq!(page.person(PageEvent::Opened, ended).await, Recorded::NotMeasured);
    assert_eq!(
        record(
            "unknown",
            PageEvent::Opened,
            &Visitor { agent: Some(BROWSER), ..Visitor::default() },
            &page.vault,
            ended
        )
        .await
        .unwrap(),
        Recorded::NotMeasured
    );
    assert_eq!(page.recorded().await, 0);
}

#[tokio::test]
async fn erasure_removes_every_event_and_records_no_more() {
    let page = Fixture::new(Some(plan())).await;
    page.person(PageEvent::Opened, at(LATER)).await;
    for event in PageEvent::ALL {
        page.person(event, at(LATER + 600_000)).await;
    }
    assert_eq!(page.recorded().await, PageEvent::ALL.len());
    page.store.put(&ObjectKey::Forgotten(page.reference.clone()), "{}".into()).await.unwrap();
    assert_eq!(delete_artefacts(&*page.store, &page.reference).await.unwrap(), PageEvent::ALL.len());
    assert_eq!(page.recorded().await, 0);
    assert_eq!(page.person(PageEvent::Opened, at(2 * LATER)).await, Recorded::NotMeasured);
    assert_eq!(page.recorded().await, 0);
}

#[test]
fn policy_allows_exactly_the_script() {
    let digest = STANDARD.encode(Digest::of(SCRIPT.as_bytes()).as_bytes());
    assert_eq!(
        policy_with_script("default-src 'none'"),
        format!("default-src 'none'; script-src 'sha256-{digest}'; connect-src 'self'")
    );
    let merged = policy_with_script("script-src 'sha256-x'; img-src *");
    assert!(
        merged.starts_with(&format!("script-src 'sha256-{digest}' 'sha256-x'; img-src *; connect-src")),
        "{merged}"
    );
}

#[test]
fn script_is_added_once_before_the_end_of_the_page() {
    let page = with_script("<body>\n<p>Hello.</p>\n</body>\n</html>\n");
    assert!(page.ends_with("</script>\n</body>\n</html>\n") && page.matches("<script>").count() == 1, "{page}");
    assert!(!SCRIPT.contains("cookie") && !SCRIPT.contains("localStorage"));
}
