//! Tests of the customer's choices: they only exclude offers, and each counterfactual equals what the next run offers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use contracts::catalogue::{Catalogue, Category, ProductKind};
use contracts::choice::{Choice, Source};
use contracts::facts::{Assessment, Candidate, Counterfactual, Facts, Need, ReasonFact, Stance};
use contracts::{ObjectKey, ProductId};
use policy::control::{self, Control};
use policy::customer::CustomerRecord;
use proptest::prelude::*;
use storage::store::{MemoryStore, ObjectStore};
use storage::vault::{Keys, Vault};

use crate::lexicon::Lexicon;
use crate::testing::{AS_OF, CustomerBuilder, catalogue, keys, lexicon, product};
use crate::{Rules, assess};

/// A bank with its catalog, so that thousands of customers share them.
struct Bank {
    catalogue: Catalogue,
    lexicon: Lexicon,
}

impl Bank {
    fn new() -> Self {
        Self { catalogue: catalogue(), lexicon: lexicon() }
    }

    fn assess(&self, person: &CustomerBuilder, choices: BTreeSet<Choice>) -> Assessment {
        let mut control = Control::default();
        control.as_read.choices = choices;
        let keys = keys();
        let rules = Rules {
            catalogue: &self.catalogue,
            lexicon: &self.lexicon,
            languages: &contracts::Languages::default(),
            keys: &keys,
            categories: &Category::ALL,
            at_most: 3,
            stop_days: 180,
            today: AS_OF,
        };
        assess(CustomerRecord::Given(Box::new(person.clone().customer())), &control, &rules)
    }

    fn facts(&self, person: &CustomerBuilder, choices: BTreeSet<Choice>) -> Option<Facts> {
        match self.assess(person, choices) {
            Assessment::Proceed(facts) => Some(facts),
            Assessment::HeldOut(_) | Assessment::Skip { .. } => None,
        }
    }

    /// Returns the offers, best first. A service message and a skip have none.
    fn offers(&self, person: &CustomerBuilder, choices: BTreeSet<Choice>) -> Vec<ProductId> {
        let facts = self.facts(person, choices);
        facts.map(|facts| facts.stance.offered().cloned().collect()).unwrap_or_default()
    }
}

const SPENDING: [&str; 8] =
    ["Travel", "Groceries", "Gas", "Home", "Tuition", "Payroll", "Brokerage", "Business Services"];
const POSTS: [&str; 6] = [
    "Love my new travel plans, the trip was wonderful",
    "The flight was terrible, I hate traveling now",
    "So happy with my savings this year",
    "My investments are doing great, what a wonderful market",
    "These fees are a horrible rip off",
    "Had lunch",
];
const HELD: [&str; 6] = [
    "everyday-checking",
    "high-yield-savings",
    "cash-back-card",
    "guided-investing",
    "business-checking",
    "fixed-rate-mortgage",
];

static BANK: LazyLock<Bank> = LazyLock::new(Bank::new);

/// Builds the customer with this number, which seeds the choice of spending, posts, products and means.
fn person(number: u64) -> CustomerBuilder {
    // A linear congruential generator (Knuth, MMIX).
    let mut state = number;
    let mut pick = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut person = CustomerBuilder::new().has([20_000, 60_000, 300_000][pick(3)], [500, 60_000, 900_000][pick(3)]);
    for _ in 0..pick(4) {
        let (before, now) = [(50_000, 50_000), (50_000, 100_000), (90_000, 40_000)][pick(3)];
        person = person.spends_before_and_now(SPENDING[pick(8)], before, now);
    }
    for _ in 0..pick(3) {
        person = person.posted(9, POSTS[pick(6)]);
    }
    for _ in 0..pick(3) {
        person = person.holds(&[HELD[pick(6)]]);
    }
    person
}

#[test]
fn each_counterfactual_of_10_000_customers_comes_true_when_replayed() {
    let bank = &BANK;
    let mut replayed = BTreeMap::new();
    let mut changed = BTreeMap::new();
    for number in 0..10_000 {
        let person = person(number);
        let Some(facts) = bank.facts(&person, BTreeSet::new()) else { continue };
        let now: Vec<ProductId> = facts.stance.offered().cloned().collect();
        for Counterfactual { without, offers } in facts.counterfactuals {
            let group = without.word().split('-').next().unwrap().to_owned();
            *replayed.entry(group.clone()).or_insert(0) += 1;
            *changed.entry(group).or_insert(0) += usize::from(offers != now);
            assert_eq!(bank.offers(&person, BTreeSet::from([without.clone()])), offers, "{number}, {without:?}");
        }
    }
    for group in ["source", "kind", "topic", "product"] {
        assert!(changed.get(group).is_some_and(|count| *count > 100), "{group} of {changed:?}");
    }
    assert!(changed["source"] < replayed["source"], "some offers do not depend on a source");
}

fn excluded_by_choice(candidate: &Candidate) -> bool {
    candidate.excluded.as_deref().is_some_and(|excluded| excluded.contains("the customer"))
}

fn eligible(facts: &Facts) -> BTreeSet<&ProductId> {
    let candidates = facts.candidates.iter().filter(|candidate| candidate.excluded.is_none());
    candidates.map(|candidate| &candidate.product).collect()
}

fn any_choice() -> impl Strategy<Value = Choice> {
    let kinds = [ProductKind::Deposit, ProductKind::CreditCard, ProductKind::Loan, ProductKind::Investment];
    prop_oneof![
        Just(Choice::Source(Source::Posts)),
        Just(Choice::Source(Source::Payments)),
        proptest::sample::select(kinds.to_vec()).prop_map(Choice::Kind),
        proptest::sample::select(Need::ALL.to_vec()).prop_map(Choice::Topic),
        proptest::sample::select(HELD.to_vec()).prop_map(|id| Choice::Product(product(id))),
    ]
}

proptest! {
    #[test]
    fn choices_only_narrow(
        number in any::<u64>(),
        before in prop::collection::btree_set(any_choice(), 0..4),
        more in prop::collection::btree_set(any_choice(), 1..4),
    ) {
        let bank = &BANK;
        let person = person(number);
        let after: BTreeSet<Choice> = before.union(&more).cloned().collect();
        let posts = Choice::Source(Source::Posts);
        let payments = Choice::Source(Source::Payments);
        let narrowed = bank.facts(&person, after.clone());
        if let Some(facts) = &narrowed {
            // A source that is switched off leaves no trace, and no offered product is excluded by a choice.
            let reasons = || facts.candidates.iter().flat_map(|each| &each.reasons).filter_map(|reason| reason.fact.as_ref());
            if after.contains(&posts) {
                let has_trace = facts.mood.is_some() || reasons().any(|fact| matches!(fact, ReasonFact::Posts { .. }));
                prop_assert!(!has_trace);
            }
            if after.contains(&payments) {
                let is_payment = |fact: &ReasonFact| matches!(fact, ReasonFact::Spending { .. } | ReasonFact::Recurring { .. });
                prop_assert!(!facts.uses_payments() && !reasons().any(is_payment));
            }
            for offered in facts.stance.offered() {
                let product = bank.catalogue.product(offered).unwrap();
                prop_assert_eq!(after.iter().find_map(|choice| choice.excludes(product)), None);
            }
        }
        // Posts can also exclude a product. Apart from that, a choice makes no product eligible and raises no score.
        if (before.contains(&posts) || !after.contains(&posts))
            && let (Some(wide), Some(narrow)) = (bank.facts(&person, before), narrowed) {
                prop_assert!(eligible(&narrow).is_subset(&eligible(&wide)));
                for candidate in &narrow.candidates {
                    let earlier = wide.candidates.iter().find(|each| each.product == candidate.product).unwrap();
                    prop_assert!(candidate.score <= earlier.score, "{}", candidate.product);
                }
            }
    }
}

#[test]
fn declined_product_is_dropped_and_the_report_says_so() {
    let bank = &BANK;
    let traveler = CustomerBuilder::new().spends("Travel", 90_000).holds(&["everyday-checking"]);
    let offers = bank.offers(&traveler, BTreeSet::new());
    let declined = offers[0].clone();
    let facts = bank.facts(&traveler, BTreeSet::from([Choice::Product(declined.clone())])).unwrap();
    assert!(facts.stance.offered().all(|offered| *offered != declined));
    let candidate = facts.candidates.iter().find(|candidate| candidate.product == declined).unwrap();
    assert_eq!(candidate.excluded.as_deref(), Some("the customer declined it"));
    assert_eq!(facts.consent.control.unwrap().choices, BTreeSet::from([Choice::Product(declined)]));

    let no_cards = bank.facts(&traveler, BTreeSet::from([Choice::Kind(ProductKind::CreditCard)])).unwrap();
    let cards = || {
        no_cards
            .candidates
            .iter()
            .filter(|each| bank.catalogue.product(&each.product).unwrap().kind == ProductKind::CreditCard)
    };
    assert!(cards().count() > 1 && cards().all(excluded_by_choice));
    assert!(
        cards().all(|each| each.excluded.as_ref().unwrap().contains("the customer wants no offers of credit cards"))
    );
}

#[test]
fn posts_switched_off_are_as_if_refused() {
    let bank = &BANK;
    let person = CustomerBuilder::new().spends("Groceries", 90_000).posted(3, POSTS[4]);
    let Some(facts) = bank.facts(&person, BTreeSet::new()) else { panic!("skipped") };
    assert!(matches!(facts.stance, Stance::Service { .. }));
    let off = bank.facts(&person, BTreeSet::from([Choice::Source(Source::Posts)])).unwrap();
    let refused = bank.facts(&person.clone().consents("yes", "no"), BTreeSet::new()).unwrap();
    assert_eq!((off.mood, off.stance, off.candidates), (None, refused.stance, refused.candidates));
}

#[tokio::test]
async fn choices_are_read_from_control_and_an_unknown_one_is_an_error() {
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
    let customer = CustomerBuilder::reference();
    for choice in ["source-posts", "topic-travel"] {
        let key = ObjectKey::Choice(customer.clone(), Choice::parse(choice).unwrap());
        store.put(&key, "{}".into()).await.unwrap();
    }
    let read = async || control::read(&vault, &customer, jiff::Timestamp::UNIX_EPOCH).await;
    let control = read().await.unwrap();
    assert_eq!(control.as_read.choices.iter().map(Choice::word).collect::<Vec<_>>(), ["source-posts", "topic-travel"]);
    assert!(control.withdraws_posts() && control.forbids(true).is_some() && control.forbids(false).is_none());
}
