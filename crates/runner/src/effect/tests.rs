//! Tests of the import and the report, over a run with real keys and sealed objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::catalogue::Catalogue;
use contracts::consent::ConsentAsRead;
use contracts::effect::{EffectPlan, PageEvent, Reaction};
use contracts::evidence::{Evidence, Manifest, ManifestEntry, Outcome};
use contracts::facts::{Assessment, Facts, Need, Offer, Stance};
use contracts::key::{Artefact, RunPart};
use contracts::media::Shape;
use contracts::request::Request;
use contracts::{CustomerId, CustomerRef, Digest, ErrorName, ObjectKey, ProductId, RunId};
use deliver::page_events;
use effect::{Dimension, Verdict};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use policy::experiment::assign;
use storage::store::MemoryStore;
use storage::vault::{Keys, Owner, Vault};

use super::{EffectReport, ImportReport, import, report};
use crate::failure::Failure;

const PRODUCT: &str = "everyday-checking";
const START: Date = date(2026, 11, 1);
const AFTER: Date = date(2026, 12, 15);

fn catalogue() -> Catalogue {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.json");
    Catalogue::from_json(&std::fs::read(path).unwrap()).unwrap()
}

fn id(number: usize) -> CustomerId {
    CustomerId::parse(format!("{number:05}")).unwrap()
}

/// A run that has ended.
struct Fixture {
    vault: Vault,
    run: RunId,
    plan: EffectPlan,
    customers: Vec<CustomerRef>,
}

impl Fixture {
    async fn new(customers: usize) -> Self {
        let vault = Vault::new(Arc::new(MemoryStore::default()), Keys::new([1; 32], [2; 32]));
        let plan = EffectPlan {
            campaign: "spring".to_owned(),
            holdout: 0.3,
            window_days: 30,
            shapes: vec![Shape::Wide, Shape::Tall],
            tones: Vec::new(),
        };
        let references: Vec<CustomerRef> = (0..customers).map(|number| vault.keys().reference(&id(number))).collect();
        let fixture = Self { vault, run: RunId::parse("run-1").unwrap(), plan, customers: references };
        let request = Request { effect: Some(fixture.plan.clone()), ..Request::for_tests() };
        let key = ObjectKey::Run(fixture.run.clone(), RunPart::Request);
        fixture.vault.write_json(Owner::Run, &key, &Digest::of(b""), request).await.unwrap();
        let mut entries = Vec::new();
        for reference in &fixture.customers {
            entries.push(fixture.finish(reference).await);
        }
        let manifest = Manifest {
            run: fixture.run.clone(),
            dataset: None,
            customers: entries.len(),
            counts: BTreeMap::new(),
            entries,
            chain: Digest::of(b""),
            seal: None,
        };
        let key = ObjectKey::Run(fixture.run.clone(), RunPart::ManifestJson);
        fixture.vault.store().put(&key, serde_json::to_vec(&manifest).unwrap().into()).await.unwrap();
        fixture
    }

    fn is_held_out(&self, reference: &CustomerRef) -> bool {
        assign(&self.plan, self.vault.keys(), reference).held_out
    }

    /// Writes the records that a run leaves about a customer.
    async fn finish(&self, reference: &CustomerRef) -> ManifestEntry {
        let held_out = self.is_held_out(reference);
        let facts = facts(reference);
        let assessment = if held_out { Assessment::HeldOut(facts) } else { Assessment::Proceed(facts) };
        let key = |artefact| ObjectKey::Customer(reference.clone(), self.run.clone(), artefact);
        let owner = Owner::Customer(reference);
        self.vault.write_json(owner, &key(Artefact::Facts), &Digest::of(b""), assessment).await.unwrap();
        let outcome = if held_out { Outcome::HeldOut } else { Outcome::Published { video: false } };
        let evidence = Evidence {
            run: self.run.clone(),
            reference: reference.clone(),
            outcome: outcome.clone(),
            written_at: START.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp(),
            program: String::new(),
            catalogue: Digest::of(b""),
            catalogue_version: String::new(),
            request: Digest::of(b""),
            key_id: String::new(),
            artefacts: BTreeMap::new(),
            from_posts: false,
            made_by: None,
            media: None,
            review: None,
            personal: String::new(),
        };
        let json = serde_json::to_vec(&evidence).unwrap();
        self.vault.store().put(&key(Artefact::Evidence), json.into()).await.unwrap();
        ManifestEntry { reference: reference.clone(), outcome, record: Digest::of(b""), chain: Digest::of(b"") }
    }

    /// Imports an adoption for each customer that `adopts` chooses.
    async fn adopt(&self, adopts: impl Fn(usize, bool) -> bool) {
        let customers = self.customers.iter().enumerate();
        let adopters = customers.filter(|(number, reference)| adopts(*number, self.is_held_out(reference)));
        let rows = adopters.map(|(number, _)| format!("{number:05},{PRODUCT},2026-11-20\n"));
        let table = format!("Customer ID,Product,Date\n{}", rows.collect::<String>());
        self.import(&table).await.unwrap();
    }

    async fn import(&self, table: &str) -> Result<ImportReport, Failure> {
        import(table.as_bytes(), &catalogue(), AFTER, &self.vault).await
    }

    async fn report(&self, today: Date) -> EffectReport {
        report(&self.run, today, &self.vault).await.unwrap()
    }
}

fn facts(reference: &CustomerRef) -> Facts {
    let product = ProductId::parse(PRODUCT).unwrap();
    Facts {
        language: contracts::Language::English,
        reference: reference.clone(),
        first_name: "Zoë".to_owned(),
        adviser: None,
        spending: Vec::new(),
        products_held: Vec::new(),
        income: None,
        balance: None,
        recurring: Vec::new(),
        signs: Vec::new(),
        stops: Vec::new(),
        tenure: None,
        mood: None,
        stance: Stance::Recommend {
            offers: vec![Offer { product, score: 1.0, need: Need::EverydayBanking, grounds: Vec::new() }],
        },
        candidates: Vec::new(),
        counterfactuals: Vec::new(),
        consent: ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None },
    }
}

#[tokio::test]
async fn planted_effect_is_reported_after_the_window() {
    let fixture = Fixture::new(600).await;
    // 20 % of the treated and 10 % of the control group adopt.
    fixture.adopt(|number, held_out| if held_out { number % 10 == 0 } else { number % 5 == 0 }).await;
    let report = fixture.report(AFTER).await;
    assert_eq!((report.treated + report.held_out, report.in_no_group), (600, 0));
    assert_eq!(report.published, report.treated);
    let measured = report.measurement.unwrap();
    let treated = measured.uplift.first;
    assert_eq!(usize::try_from(treated.customers).unwrap(), report.treated);
    assert!((treated.rate() - 0.2).abs() < 0.04 && (measured.uplift.estimate - 0.1).abs() < 0.08, "{measured:?}");
    assert_eq!(measured.verdict, Verdict::Higher);
    let shapes: Vec<&str> = measured
        .levels
        .iter()
        .filter(|level| level.dimension == Dimension::Shape)
        .map(|level| level.level.as_str())
        .collect();
    assert_eq!(shapes, ["16:9", "9:16"]);
    assert_eq!(measured.arms.len(), 1);
    assert!(report.reading.contains("raised adoption by about"), "{}", report.reading);
    assert!(report.warnings.iter().any(|warning| warning.contains("cover the window")), "{:?}", report.warnings);
}

#[tokio::test]
async fn report_before_the_horizon_shows_no_uplift() {
    let fixture = Fixture::new(60).await;
    fixture.adopt(|_, held_out| !held_out).await;
    let last = date(2026, 11, 30);
    for (today, is_over) in [(START, false), (last, false), (date(2026, 12, 1), true)] {
        let report = fixture.report(today).await;
        assert_eq!((report.is_over, report.measurement.is_some()), (is_over, is_over), "{today}");
        assert_eq!(report.window.unwrap().last, last);
        assert_eq!(report.reading.contains("no uplift and no significance"), !is_over, "{}", report.reading);
    }
}

#[tokio::test]
async fn small_numbers_are_warned_about() {
    let fixture = Fixture::new(30).await;
    let report = fixture.report(AFTER).await;
    assert!(report.warnings.iter().any(|warning| warning.starts_with("Small numbers")), "{:?}", report.warnings);
}

#[tokio::test]
async fn only_offered_products_within_the_window_count() {
    let fixture = Fixture::new(40).await;
    let other = catalogue().products().iter().find(|product| product.id.as_str() != PRODUCT).unwrap().id.clone();
    let table = format!(
        "customer,product,date\n00001,{PRODUCT},2026-10-31\n00002,{PRODUCT},2026-12-01\n00003,{other},2026-11-05\n\
         00004,{PRODUCT},2026-11-01\n00005,{PRODUCT},2026-11-30\n"
    );
    let imported = fixture.import(&table).await.unwrap();
    assert_eq!(imported, ImportReport { rows: 5, added: 5, known: 0, others: 0 });
    assert_eq!(fixture.report(AFTER).await.adopters, 2);
}

#[tokio::test]
async fn import_can_be_repeated_and_keeps_nothing_about_others() {
    let fixture = Fixture::new(3).await;
    let table = format!(
        "\u{feff}date,PRODUCT_ID,customer id,note\n2026-11-05,{PRODUCT},00001,a\n2026-11-05,{PRODUCT},stranger,b\n2026-11-05,{PRODUCT},00001,c\n"
    );
    let first = fixture.import(&table).await.unwrap();
    assert_eq!(first, ImportReport { rows: 3, added: 1, known: 1, others: 1 });
    assert_eq!(fixture.import(&table).await.unwrap(), ImportReport { rows: 3, added: 0, known: 2, others: 1 });
    let stranger = fixture.vault.keys().reference(&CustomerId::parse("stranger").unwrap());
    assert!(!fixture.vault.store().exists(&ObjectKey::CustomerKey(stranger)).await.unwrap());
}

#[tokio::test]
async fn wrong_tables_are_refused_whole_with_row_numbers() {
    let fixture = Fixture::new(3).await;
    let refused = async |table: &str| fixture.import(table).await.unwrap_err();
    let bad = format!(
        "customer,product,date\n00001,{PRODUCT},2026-11-05\n,{PRODUCT},2026-11-05\n00001,rocket,2026-11-05\n\
         00001,{PRODUCT},11/05/2026\n00001,{PRODUCT},2027-01-01\n00001,{PRODUCT}\n=1+1,{PRODUCT},2026-11-31\n"
    );
    let failure = refused(&bad).await;
    assert_eq!(failure.name(), ErrorName::InputBadRow);
    let message = failure.to_string();
    for problem in [
        "row 3: the customer is not an id",
        "row 4: the product is not an id in the catalog",
        "row 5: the date is not of the form",
        "row 6: the date is in the future",
        "row 7: the number of cells",
        "row 8: the customer is not an id",
        "row 8: the date is not of the form",
    ] {
        assert!(message.contains(problem), "{problem}: {message}");
    }
    assert!(!message.contains("row 2") && !message.contains("rocket") && !message.contains("1+1"), "{message}");
    assert_eq!(fixture.report(AFTER).await.newest_adoption, None, "nothing was imported");
    for (table, name) in [
        ("customer;product;date\n1;2;3\n".to_owned(), ErrorName::InputMissingColumn),
        (String::new(), ErrorName::InputMissingColumn),
        ("customer,product\n".to_owned(), ErrorName::InputMissingColumn),
        ("customer,customer_id,product,date\n".to_owned(), ErrorName::InputAmbiguous),
        ("customer,product,date\n".to_owned(), ErrorName::InputBadRow),
        (format!("customer,product,date\nstranger,{PRODUCT},2026-11-05\n"), ErrorName::InputUnknownCustomer),
    ] {
        assert_eq!(refused(&table).await.name(), name, "{table}");
    }
}

#[tokio::test]
async fn erased_customer_leaves_the_report_with_events_and_adoptions() {
    let fixture = Fixture::new(20).await;
    let treated = fixture.customers.iter().find(|one| !fixture.is_held_out(one)).unwrap().clone();
    let opened = Reaction::Page { run: fixture.run.clone(), event: PageEvent::Opened, at: Timestamp::UNIX_EPOCH };
    page_events::write(&treated, &opened, &fixture.vault).await.unwrap();
    fixture.adopt(|_, _| true).await;
    let before = fixture.report(AFTER).await;
    assert_eq!((before.events[0].customers, before.adopters), (1, 20));
    lifecycle::erasure::erase(&treated, &fixture.vault, Timestamp::now()).await.unwrap();
    let after = fixture.report(AFTER).await;
    assert_eq!((after.events[0].customers, after.adopters, after.in_no_group), (0, 19, 1));
    let outcomes = super::outcomes(&fixture.run, &fixture.vault).await.unwrap();
    assert!(outcomes.has_adoptions);
    let reached = outcomes.customers.values().filter(|outcome| outcome.reached).count();
    let benefited = outcomes.customers.values().filter(|outcome| outcome.benefited).count();
    assert_eq!((reached, benefited), (after.treated + 1, after.treated), "the evidence of an erased customer remains");
    let left = fixture.vault.store().list(&contracts::key::Prefix::Reactions(treated)).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn run_without_a_plan_is_refused() {
    let fixture = Fixture::new(1).await;
    let run = RunId::parse("run-2").unwrap();
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    fixture.vault.write_json(Owner::Run, &key, &Digest::of(b""), Request::for_tests()).await.unwrap();
    let failure = report(&run, AFTER, &fixture.vault).await.unwrap_err();
    assert!(failure.to_string().contains("no effect plan") && failure.help().unwrap().contains("effect.enabled"));
}
